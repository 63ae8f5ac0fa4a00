"""Estimate memory and time without a run; in one file, because what fits is found by estimates.

    estimate(loss, features, (height, width), tile=None) -> Estimate
    fitting(loss, features, (height, width), "auto") -> a tile that fits, or None for whole

An estimate is the sum of

- the *network*: the activations kept for the gradient and the largest gradients, from the shapes
  of its layers; the stored transformed kernels of the fast layers (`neural_style.kernels.layers`);
  and the memory of the compiler;
- the *losses*, their *targets* and the references' statistics, from
  `neural_style.objective.loss_cost`;
- the *pictures*: the picture, its gradient, and the copies that the optimizer keeps.

Memory means the growth of a process that already has the model and the pictures, up to the peak
of its first evaluations.
"""

from __future__ import annotations

import copy
import functools
import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from neural_style import images
from neural_style.errors import MemoryLimitError, OptionError, StyleError, advice, check_count
from neural_style.features.arguments import IMAGE
from neural_style.features.model import FeatureModel, check_model
from neural_style.images import Size
from neural_style.losses.base import Loss
from neural_style.losses.weighted_sum import WeightedSum, terms_of
from neural_style.objective import probe
from neural_style.objective.loss_cost import Cost, LossCost
from neural_style.objective.tile_geometry import windows
from neural_style.objective.tiled import BACK
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
_COMPILER = 70e6  # once
_COMPILED_LAYER = 12e6  # of the evaluation,
_FORWARD_LAYER = 5e6  # and of the pass of statistics in tiles
_PASSING = 1.5  # of a layer's input and output: their gradients, and padded copies
_LOSSES_HELD = 1.15  # of the losses' gradients and of what is found in the traced losses
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
    if found.memory <= (free / MARGIN if tile == "auto" else free * MARGIN):
        return given
    largest = needs.largest_tile(size, free / MARGIN) if tile == "auto" else None
    if largest is None:
        raise needs.refusal(found, free)
    return largest


class _Estimator:
    """Estimates of one objective for any size and any tile."""

    def __init__(self, loss: Loss | WeightedSum, features: FeatureModel, optimizer: Any) -> None:
        self.losses = [term.loss for term in terms_of(loss)]
        self.features = features
        self.layers = union(self.losses)
        self.pictures = _pictures(optimizer)
        references = {id(image): image for loss in self.losses for image in loss.references}
        self.references = [(image.shape[0], image.shape[1]) for image in references.values()]
        self._costs = [LossCost(loss, features) for loss in self.losses]
        self._shapes = functools.cache(lambda size: features.operations(self.layers, size))
        self._reach: dict[str, int] | None = None
        self.largest_tile = functools.cache(self._largest_tile)

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
        parts, seconds = self._at_once(backward[0].size)
        seconds *= len(backward)
        if any(loss.tiling == "mean" for loss in self.losses):
            seconds += _FORWARD * len(forward) * self._at_once(forward[0].size)[1]
        if any(loss.tiling == "map" for loss in self.losses):
            parts["crops"] = round(
                2 * sum(cost.target for cost in self._costs_at(backward[0].size))
            )
        return Estimate(size, tile, self._with_targets(parts, size, tile), seconds)

    def surely_fits(self, size: Size, free: int) -> bool:
        """Whether the shapes of the layers alone show that it fits, without a trace."""
        if any(loss.memory == "quadratic" for loss in self.losses):
            return False
        shapes = self._shapes(size)
        rough: float = 10 * sum(map(_activation, shapes)) + 10 * self._pictures(size)
        rough += self._measuring(None)
        return 2 * (rough + _COMPILER + 2 * len(shapes) * _COMPILED_LAYER) < free

    def refusal(self, found: Estimate, free: int) -> MemoryLimitError:
        """The error: why it does not fit, and what would fit, or may if the estimate is wrong."""
        untiled = [loss.name for loss in self.losses if loss.tiling is None]
        limits = (free / MARGIN, "would"), (free * MARGIN, "may")
        remedies = []
        if found.tile is None and found.memory <= free * MARGIN:  # refused with "auto" alone
            remedies.append(f"{advice('tile=None', '--tile none')} may fit")
        for limit, word in () if untiled else limits:
            if (tile := self.largest_tile(found.size, limit)) is not None:
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

    def _largest_tile(self, size: Size, limit: float) -> int | None:
        """The largest tile whose memory is within a limit, or None."""
        if any(loss.tiling is None for loss in self.losses):
            return None
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
        """The memory and the time of one pass over a picture or a tile, without targets.

        The forward pass keeps every activation until the backward pass uses it. A convolution
        joined with a pooling keeps one byte for each 2×2 block. XLA's default schedule for a CPU
        computes all gradients of the losses between the two passes and keeps them. The sequential
        schedule (see XLA_FLAGS) computes them one layer after the other.
        """
        costs, shapes = self._costs_at(size), self._shapes(size)
        joined, kept_kernels = self.features.joined(self.layers, size), 0
        waits = SEQUENTIAL not in started_with().get("XLA_FLAGS", "")
        image: _Operation = None, (*size, 3)
        sizes = {IMAGE: _activation(image)} | {op.name: _activation((op, n)) for op, n in shapes}
        waiting = {n: sizes[n] * sum(n in loss.layers for loss in self.losses) for n in self.layers}
        products = sum(cost.products for cost in costs) / _LOSSES
        traffic = sum(cost.traffic for cost in costs)
        kept = before = sizes[IMAGE]
        pending = waiting.get(IMAGE, 0)
        most = 0.0
        for operation, shape in shapes:
            kernel, out = getattr(operation, "kernel", None), sizes[operation.name]
            if kernel is not None and len(kernel.shape) == 4:
                fast = self.features.is_fast(operation, shape)
                work = 4 * math.prod(kernel.shape[:3]) * math.prod(shape)
                products += work / (4 * _WINOGRAD if fast else _DIRECT)
                if fast and self.features.keeps_kernels(size):
                    kept_kernels += 4 * 36 * math.prod(kernel.shape[2:])
            if operation.name in joined:
                kept += out // 16
                continue
            kept += out
            most = max(most, kept + _PASSING * (before + out) + (pending if waits else 0))
            traffic += 2 * _PASSES * (before + out)
            pending += waiting.get(operation.name, 0)
            before = out
        gradients = sum(waiting.values()) if waits else max(waiting.values())
        turn = _LOSSES_HELD * (gradients + max(cost.memory for cost in costs))
        speed = machine.speed()
        seconds = _CALL + products / speed.products + traffic / speed.copies
        program = round(max(most, kept + turn))
        return {"network and losses": program, "kernels": kept_kernels}, float(seconds)

    def _with_targets(
        self, parts: Mapping[str, int], size: Size, tile: int | None
    ) -> dict[str, int]:
        """The parts, with the memory of targets, and the extra memory of measuring them.

        Measuring by the network uses memory before the evaluation does, see
        `neural_style.objective.whole.reserve`. At a refresh, the memory of earlier evaluations is
        still in use.
        """
        tiled = tile is not None and max(size) > tile
        layer = _COMPILED_LAYER + tiled * _FORWARD_LAYER
        parts = {**parts, "compiler": round(_COMPILER + layer * len(self._shapes(size)))}
        costs = self._costs_at(size)
        targets = sum(cost.target for cost in costs)
        matching = max(cost.matching for cost in costs)
        program = parts["network and losses"] + parts["kernels"]
        measuring: float = max(0, self._measuring(tile) - program)
        moving = [i for i, loss in enumerate(self.losses) if loss.refresh_every is not None]
        for i in moving:
            # New and old targets exist at the same time.
            measuring += costs[i].statistics + costs[i].target
            for image in self.losses[i].references:  # measured once, then stored
                targets += self._costs[i]((image.shape[0], image.shape[1])).statistics
        if moving:
            measuring += matching
        else:
            statistics = sum(cost.statistics for cost in costs)
            measuring += max(0, statistics + matching - sum(parts.values()))
        return {
            **parts,
            "targets": round(targets),
            "measuring targets": round(measuring),
            "pictures": self._pictures(size),
        }

    def _costs_at(self, size: Size) -> list[Cost]:
        return [cost(size) for cost in self._costs]

    def _measuring(self, tile: int | None) -> float:
        """The network's memory for the largest reference, whole or in tiles."""
        sizes = [tuple(min(side, tile or side) for side in own) for own in self.references]
        passed = ([0, *map(_activation, self._shapes(size))] for size in sizes)
        pairs = itertools.chain.from_iterable(map(itertools.pairwise, passed))
        return _MEASURED * max(map(sum, pairs), default=0)

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


def _activation(operation: _Operation) -> int:
    return 4 * math.prod(operation[1])


def _bytes(number: float) -> str:
    """A number of bytes as text.

    >>> _bytes(4_310_000_000)
    '4.3 GB'
    """
    return f"{number / 1e9:.1f} GB" if number >= 0.95e9 else f"{number / 1e6:.0f} MB"
