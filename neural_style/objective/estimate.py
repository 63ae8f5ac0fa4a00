"""Estimate the memory of an objective, and the seconds of an evaluation, without running it.

    estimate(loss, features, (height, width), tile=None) -> Estimate
    fitting(loss, features, (height, width), "auto") -> a tile that fits, or None for whole

An estimate is the sum of

- the *network*: the activations kept for the gradient and the largest gradients, from the shapes
  of its layers; the stored transformed kernels of the fast layers (`neural_style.kernels.layers`);
  and the memory of the compiler;
- the *losses*, their *targets* and the references' statistics, from
  `neural_style.objective.tracing`;
- the *pictures*: the picture, its gradient, and the copies that the optimizer keeps.

Memory means the growth of a process that already has the model and the pictures, up to the peak
of its first evaluations.
"""

from __future__ import annotations

import copy
import functools
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from neural_style import images
from neural_style.errors import MemoryLimitError, OptionError, StyleError, advice, check_count
from neural_style.features.model import IMAGE, FeatureModel, check_model
from neural_style.images import Size
from neural_style.losses.base import Loss
from neural_style.losses.weighted_sum import WeightedSum, terms_of
from neural_style.objective import probe
from neural_style.objective.tile_geometry import windows
from neural_style.objective.tiled import BACK
from neural_style.objective.tracing import Tracing
from neural_style.objective.whole import union
from neural_style.optimizers.scipy import PAIRS
from neural_style.utils import machine
from neural_style.utils.backend import started_with
from neural_style.utils.tuning import SEQUENTIAL

_Operation: TypeAlias = tuple[Any, tuple[int, ...]]  # a layer of the network and its shape
Tile: TypeAlias = int | Literal["auto"] | None

MARGIN = 1.25  # the largest expected error of an estimate, as a factor
_STEP = 32  # between the tiles and sizes to try, except these small ones:
_SMALL = 64, 48, 32, 24, 16, 12, 8, 4, 2, 1


# Measured by tests/benchmarks/estimates.py, in bytes, or as a factor of the tensor's size: XLA's
# temporary memory, and other resident memory.
_COMPILER = 80e6  # once
_COMPILED_LAYER = 10e6  # of the evaluation,
_FORWARD_LAYER = 5e6  # of the pass of statistics in tiles,
_MEASURING_LAYER = 1.5e6  # and of what measures each reference
_PASSING = 1.5  # of a layer's input and output: their gradients, and padded copies
_TAPS = 9  # of the first layer's input: the products for its gradient
_LOSSES_HELD = 1.15  # of what is found in the traced losses
_MEASURED = 2  # of a layer's input and output, in the pass that measures targets

# Of the speed of matrix products: Winograd's and direct convolutions, the losses' products.
_WINOGRAD, _DIRECT, _LOSSES = 1.0, 1.0, 0.7
_PASSES = 1.5  # through memory, of every activation, forward and back each
_FORWARD = 0.4  # of an evaluation at once, where statistics are taken before it
_CALL = 3e-3  # seconds


@dataclass(frozen=True, eq=False)
class Estimate:
    """The expected memory and time of an objective; ``str`` gives them as text.

    ``memory``, in bytes, is the sum of ``parts``. ``seconds`` is the time of one evaluation; the
    first one also compiles and takes longer. ``tile`` is None if the picture is evaluated whole.
    """

    size: Size
    tile: int | None
    parts: Mapping[str, int]
    seconds: float

    @property
    def memory(self) -> int:
        """The total in bytes."""
        return sum(self.parts.values())

    def __str__(self) -> str:
        how = "whole" if self.tile is None else f"in tiles of {self.tile}"
        parts = sorted(self.parts.items(), key=lambda part: -part[1])
        listed = ", ".join(f"{name} {_bytes(n)}" for name, n in parts if n >= 0.01 * self.memory)
        return (
            f"{self.size[0]}×{self.size[1]}, {how}: about {_bytes(self.memory)} ({listed}) and "
            f"{self.seconds:.2g} s per evaluation"
        )


def estimate(
    loss: Loss | WeightedSum,
    features: FeatureModel,
    size: Size,
    *,
    tile: Tile = None,
    optimizer: Any = None,
) -> Estimate:
    """Estimate the memory and the time of an objective without running it.

    Parameters
    ----------
    loss, features, size
        As for `Objective`.
    tile
        The longest side, in pixels, of a tile. With ``"auto"``, the tile that `minimize` would
        use with the memory that is free now.
    optimizer
        The optimizer, whose pictures count too: `LBFGS` keeps two for each pair of its history.
        With None, only the objective counts.

    Raises
    ------
    StyleError
        The picture is too small for the layers, or the tile is too small; with ``"auto"``,
        nothing fits.

    Notes
    -----
    The estimate is for a CPU; no GPU was measured. The time depends on the speed of a matrix
    product and of a copy. Each process measures them once, in a fraction of a second, so the time
    depends on how busy the machine is then. Loops inside a loss count once. Coarser scales of a
    run need less than the last. The estimate is for one picture size. With VGG19, TensorFlow
    keeps 40 to 80 MB for each new size until the process ends; `neural_style.Workers` limits the
    total.

    Examples
    --------
    >>> from neural_style.extensions import TotalVariation
    >>> small, large = (estimate(TotalVariation(), FeatureModel(weights=None), (side, side))
    ...                 for side in (512, 1024))
    >>> small.memory < large.memory
    True
    """
    tile = _checked(tile)
    check_model(features)
    if tile == "auto":
        tile = fitting(loss, features, size, tile, optimizer)
    return _Estimator(loss, features, optimizer)(size, tile)


def fitting(
    loss: Loss | WeightedSum,
    features: FeatureModel,
    size: Size,
    tile: Tile,
    optimizer: Any = None,
) -> int | None:
    """The tile to use: the given one, or with ``"auto"`` the largest that fits.

    Raises
    ------
    MemoryLimitError
        The free memory is too small even if the estimate is too high by the factor `MARGIN`.
        With ``"auto"``: no tile fits, or a loss that cannot be tiled does not fit.
    OptionError
        ``tile`` is not a positive whole number, ``"auto"`` or None.
    """
    tile = _checked(tile)
    check_model(features)
    given = None if tile == "auto" else tile
    free = machine.available_memory()
    if free is None:
        return given
    needs = _Estimator(loss, features, optimizer)
    if needs.surely_fits(size, free):
        return given
    found = needs(size, given)
    if tile == "auto" and MARGIN * found.memory > free:
        return needs.largest_tile(size, free, found)
    if found.memory > MARGIN * free:
        raise needs.refusal(found, free)
    return given


class _Estimator:
    """Estimates of one objective for any size and any tile."""

    def __init__(self, loss: Loss | WeightedSum, features: FeatureModel, optimizer: Any) -> None:
        self.losses = [term.loss for term in terms_of(loss)]
        self.features = features
        self.layers = union(self.losses)
        self._needs = Tracing(self.losses, features)
        self._alone = {id(loss): Tracing([loss], features) for loss in self.losses}
        self._reach: dict[str, int] | None = None
        self.pictures = _pictures(optimizer)
        references = {id(image): image for loss in self.losses for image in loss.references}
        self.references = [(image.shape[0], image.shape[1]) for image in references.values()]
        self._shapes = functools.cache(lambda size: features.operations(self.layers, size))
        self._largest_tile = functools.cache(self._largest_tile_within)

    def __call__(self, size: Size, tile: int | None) -> Estimate:
        if tile is None or max(size) <= tile:
            parts, seconds = self._at_once(size)
            return Estimate(size, None, self._with_targets(parts, size, tile), seconds)
        if self._reach is None:  # the same at any size
            shapes = self.features.shapes(self.layers, size)
            keys = [probe.keys_of(loss, shapes) for loss in self.losses]
            self._reach = probe.reach(self.layers, keys)
        forward = windows(self._reach, self.features, size, tile)
        backward = windows(self._reach, self.features, size, tile, BACK)
        window = backward[0].size
        parts, seconds = self._at_once(window)
        seconds *= len(backward)
        if any(loss.tiling == "mean" for loss in self.losses):
            seconds += _FORWARD * len(forward) * self._seconds(forward[0].size)
        if any(loss.tiling == "map" for loss in self.losses):
            parts["crops"] = round(2 * self._needs(window).targets)
        return Estimate(size, tile, self._with_targets(parts, size, tile), seconds)

    def surely_fits(self, size: Size, free: int) -> bool:
        """Whether the shapes of the layers alone show that it fits, without a trace."""
        if any(loss.memory == "quadratic" for loss in self.losses):
            return False
        shapes = self._shapes(size)
        rough: float = 10 * sum(map(_activation, shapes)) + 10 * self._pictures(size)
        rough += self._measuring(None)
        return 2 * (rough + _COMPILER + 2 * len(shapes) * _COMPILED_LAYER) < free

    def largest_tile(self, size: Size, free: int, whole: Estimate) -> int:
        """The largest tile that fits."""
        tileable = all(loss.tiling is not None for loss in self.losses)
        fits = self._largest_tile(size, free / MARGIN) if tileable else None
        if fits is None:
            raise self.refusal(whole, free)
        return fits

    def refusal(self, found: Estimate, free: int) -> MemoryLimitError:
        """The error: why it does not fit, and what would fit, or may if the estimate is wrong."""
        untiled = [loss.name for loss in self.losses if loss.tiling is None]
        limits = (free / MARGIN, "would"), (free * MARGIN, "may")
        remedies = []
        if found.tile is None and found.memory <= free * MARGIN:  # refused with "auto" alone
            remedies.append(f"{advice('tile=None', '--tile none')} may fit")
        for limit, word in () if untiled else limits:
            if (tile := self._largest_tile(found.size, limit)) is not None:
                remedies.append(f"{advice(f'tile={tile}', f'--tile {tile}')} {word} fit")
                break
        for (limit, word), alike in itertools.product(limits, (False, True)):
            if (smaller := self._largest_size(found.size, limit, alike)) is not None:
                how = ", with all references resized by the same factor," if alike else ""
                remedies.append(f"a picture of {smaller[0]}×{smaller[1]}{how} {word} fit whole")
                break
        if not remedies:
            remedies = [f"no {'' if untiled else 'tile and no '}smaller picture would fit"]
        if untiled:
            remedies.insert(0, f"{', '.join(untiled)} cannot be evaluated in tiles")
        return MemoryLimitError(f"{found}; {_bytes(free)} are free: {'; '.join(remedies)}.")

    def _largest_tile_within(self, size: Size, limit: float) -> int | None:
        most = max(map(max, (size, *self.references)))
        return _largest(lambda tile: self(size, tile).memory, most, limit)

    def _largest_size(self, size: Size, limit: float, alike: bool) -> Size | None:
        """The largest size of the picture and of references of its size, or ``alike`` of all."""

        def memory(side: int) -> int:
            scale = side / max(size)
            smaller = copy.copy(self)
            smaller.references = [
                images.scaled(own, scale) if alike or own == size else own
                for own in self.references
            ]
            return smaller(images.scaled(size, scale), None).memory

        side = _largest(memory, max(size) - 1, limit)
        return None if side is None else images.scaled(size, side / max(size))

    def _at_once(self, size: Size) -> tuple[dict[str, int], float]:
        """The memory and the time of one pass over a picture or a tile, without targets."""
        shapes = self._shapes(size)
        parts = {
            "network and losses": self._program(size, shapes),
            "kernels": self._kernels(size, shapes),
        }
        return parts, self._seconds(size)

    def _with_targets(
        self, parts: Mapping[str, int], size: Size, tile: int | None
    ) -> dict[str, int]:
        """The parts, with the memory of targets, and the extra memory of measuring them.

        Measuring by the network uses memory before the evaluation does, see
        `neural_style.objective.whole.reserve`. At a refresh, the memory of earlier evaluations is
        still in use.
        """
        parts = {**parts, "compiler": self._compiler(size, tile)}
        own = self._needs(size)
        kept: float = own.targets
        program = parts["network and losses"] + parts["kernels"]
        measuring: float = max(0, self._measuring(tile) - program)
        moving = [loss for loss in self.losses if loss.refresh_every is not None]
        if moving:
            measuring += own.matching
            for loss in moving:
                needs = self._alone[id(loss)]
                # New and old targets exist at the same time.
                measuring += needs(size).statistics + needs(size).targets
                for image in loss.references:  # measured once, then stored
                    kept += needs((image.shape[0], image.shape[1])).statistics
        else:
            measuring += max(0, own.statistics + own.matching - sum(parts.values()))
        return {
            **parts,
            "targets": round(kept),
            "measuring targets": round(measuring),
            "pictures": self._pictures(size),
        }

    def _compiler(self, size: Size, tile: int | None) -> int:
        """The memory of compiling the evaluation and the measuring of references."""
        measured = sum(self.features.is_compiled(own) for own in self.references)
        layer = _COMPILED_LAYER + measured * _MEASURING_LAYER
        if tile is not None and max(size) > tile:
            layer += _FORWARD_LAYER
        return round(_COMPILER + layer * len(self._shapes(size)))

    def _program(self, size: Size, shapes: Sequence[_Operation]) -> int:
        """The peak memory of an evaluation.

        The forward pass keeps every activation until the backward pass uses it. A convolution
        joined with a pooling keeps one byte for each 2×2 block. XLA's default schedule for a CPU
        computes all gradients of the losses between the two passes and keeps them. The sequential
        schedule (see XLA_FLAGS) computes them one layer after the other.
        """
        joined = self.features.joined(self.layers, size)
        waits = SEQUENTIAL not in started_with().get("XLA_FLAGS", "")
        own = {IMAGE: ((), (*size, 3))} | {op.name: (op, shape) for op, shape in shapes}
        waiting = {n: _activation(own[n]) for n in self.layers}
        losses = _LOSSES_HELD * self._needs(size).memory
        turn = losses if waits else losses * max(waiting.values()) / sum(waiting.values())
        kept = before = _activation(own[IMAGE])
        pending = waiting.get(IMAGE, 0)
        most = 0.0
        for operation, shape in shapes:
            out = _activation((operation, shape))
            if operation.name in joined:
                kept += out // 16
                continue
            kept += out
            passing = out + (_TAPS if kept == before + out else 1) * before  # the first layer
            most = max(most, kept + _PASSING * passing + (pending if waits else 0))
            pending += waiting.get(operation.name, 0)
            before = out
        return round(max(most, kept + turn))

    def _seconds(self, size: Size) -> float:
        """The seconds of one pass over a picture or a tile."""
        speed, own = machine.speed(), self._needs(size)
        joined = self.features.joined(self.layers, size)
        products = own.products / _LOSSES
        traffic = own.traffic
        before = _activation((None, (*size, 3)))
        for operation, shape in self._shapes(size):
            kernel = getattr(operation, "kernel", None)
            if kernel is not None and len(kernel.shape) == 4:
                work = 2 * 2 * math.prod(kernel.shape[:3]) * math.prod(shape)
                fast = self.features.is_fast(operation, shape)
                products += work / (4 * _WINOGRAD if fast else _DIRECT)
            if operation.name in joined:
                continue
            out = _activation((operation, shape))
            traffic += 2 * _PASSES * (before + out)
            before = out
        return float(_CALL + products / speed.products + traffic / speed.copies)

    def _kernels(self, size: Size, shapes: Sequence[_Operation]) -> int:
        """The memory of the stored transformed kernels."""
        if not self.features.keeps_kernels(size):
            return 0
        return sum(
            4 * 36 * math.prod(operation.kernel.shape[2:])
            for operation, shape in shapes
            if self.features.is_fast(operation, shape)
        )

    def _measuring(self, tile: int | None) -> float:
        """The network's memory for the largest reference, whole or in tiles."""
        return max((self._forward(_within(own, tile)) for own in self.references), default=0)

    def _forward(self, size: Size) -> float:
        sizes = [_activation(operation) for operation in self._shapes(size)]
        return _MEASURED * max((a + b for a, b in itertools.pairwise([0, *sizes])), default=0)

    def _pictures(self, size: Size) -> int:
        return round(12 * size[0] * size[1] * (3 + self.pictures))


def _largest(memory: Callable[[int], int], most: int, limit: float) -> int | None:
    """The largest side, at most ``most``, whose memory is within a limit; None if there is none.

    Sides are tried from the largest down, not by bisection: a larger side can need less memory,
    if it joins layers or no longer stores kernels.
    """

    def fits(side: int) -> bool:
        try:
            return memory(side) <= limit
        except StyleError:  # too small for a layer, a loss, or the halo of a tile
            return False

    above = most + _STEP - most % _STEP
    for side in _sides(most):
        if fits(side):
            between = range(above - _STEP, side, -_STEP)
            return next((larger for larger in between if fits(larger)), side)
        above = side
    return None


def _sides(most: int) -> Iterator[int]:
    """Sides from ``most`` down, each about an eighth less, then a few small ones."""
    side = most - most % _STEP
    while side > _SMALL[0]:
        yield side
        side -= max(_STEP, side // 8 // _STEP * _STEP)
    yield from (small for small in _SMALL if small <= most)


def _checked(tile: Tile) -> Tile:
    if isinstance(tile, str) and tile != "auto":
        raise OptionError(f"tile: expected a positive whole number, 'auto' or None, got {tile!r}.")
    return tile if tile is None or tile == "auto" else check_count("tile", tile)


def _pictures(optimizer: Any) -> float:
    """The float32 pictures that an optimizer keeps at once."""
    if optimizer is None:
        return 0
    if isinstance(optimizer, str):
        # SciPy works in float64, on 2m + 5 vectors and copies of the picture and its gradient.
        return 2 * (2 * PAIRS + 9)
    return 2 * getattr(optimizer, "history", 0) + 8


def _within(size: Size, tile: int | None) -> Size:
    """The size of one tile, or of the whole picture if it is smaller."""
    return size if tile is None else (min(size[0], tile), min(size[1], tile))


def _activation(operation: _Operation) -> int:
    return 4 * math.prod(operation[1])


def _bytes(number: float) -> str:
    """A number of bytes as text.

    >>> _bytes(4_310_000_000)
    '4.3 GB'
    """
    return f"{number / 1e9:.1f} GB" if number >= 0.95e9 else f"{number / 1e6:.0f} MB"
