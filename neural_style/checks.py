"""The checks of the conformance kit, one function each; `neural_style.testing` runs them.

A check gets a `Subject`, returns if its loss passes, and raises otherwise. Where an arithmetic
property is meant, it works on features, in float64 and without the network; where an objective's
is, on small pictures through one, whose compiled functions the checks of a loss share. No check
knows a loss by its name or class.
"""

from __future__ import annotations

import copy
import inspect
import itertools
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neural_style import images
from neural_style.backend import tf
from neural_style.errors import ConformanceError, LossError, OptionError
from neural_style.images import Image, Size
from neural_style.losses import Loss
from neural_style.objective import Evaluation, Objective
from neural_style.subject import (
    SIZE,
    Subject,
    largest_array,
    live_target,
    pattern,
    target_of,
    tensors,
    value_and_gradient,
)
from neural_style.windows import windows


class _Unmet(Exception):
    """What was expected and what came."""

    def __init__(self, expected: object, got: object) -> None:
        super().__init__(f"expected {expected}, got {got}")


@dataclass(frozen=True)
class Check:
    """One thing that a loss must do; called with a `Subject`."""

    name: str
    function: Callable[[Subject], None]
    look: str
    concerns: Callable[[Loss], bool]

    @property
    def summary(self) -> str:
        """What it expects."""
        return inspect.getdoc(self.function) or ""

    def __call__(self, subject: Subject) -> None:
        """Raise `ConformanceError` unless the subject passes."""
        try:
            self.function(subject)
        except Exception as error:  # a loss breaks in any way it likes
            unmet = isinstance(error, _Unmet)
            what = error if unmet else f"expected no error, got {type(error).__name__}: {error}"
            raise ConformanceError(
                f"{subject.name}: {self.name}: {what}. Look at {self.look}."
            ) from (None if unmet else error)


CHECKS: dict[str, Check] = {}
_ALL = 2**31  # channels


def _check(
    look: str, concerns: Callable[[Loss], bool] = lambda loss: True
) -> Callable[[Callable[[Subject], None]], Callable[[Subject], None]]:
    def add(function: Callable[[Subject], None]) -> Callable[[Subject], None]:
        name = function.__name__
        CHECKS[name] = Check(name, function, look, concerns)
        return function

    return add


def _expect(condition: Any, expected: object, got: object) -> None:
    if not condition:
        raise _Unmet(expected, got)


def _refers(loss: Loss) -> bool:
    return bool(loss.references)


@_check("its layers; a network other than VGG is given as features=")
def reads_the_layers_it_declares(subject: Subject) -> None:
    """Its layers exist, its value depends on each of them, and no other is read."""
    loss = subject.loss
    current = subject.activations(0)
    try:
        target = target_of(loss, current, subject.activations(1))
        _, gradient = value_and_gradient(loss, current, target)
    except KeyError as error:
        raise _Unmet(
            f"that only {tuple(loss.layers)} are read", f"a KeyError of {error}"
        ) from error
    idle = [name for name, slope in gradient.items() if slope is None]
    _expect(not idle, "a value that depends on every layer", f"none of {', '.join(idle)}")


@_check("the dtypes of statistic() and distance(), and what distance() reduces over")
def value_is_a_float32_scalar(subject: Subject) -> None:
    """Float32 features give one finite float32 number."""
    current = subject.activations(0)
    value, _ = value_and_gradient(
        subject.loss, current, target_of(subject.loss, current, subject.activations(1))
    )
    value = tf.convert_to_tensor(value)
    _expect(value.dtype == tf.float32, "float32", value.dtype.name)
    _expect(value.shape.rank == 0, "one number", f"the shape {tuple(value.shape)}")
    _expect(np.isfinite(value), "a finite number", float(value))


@_check("distance(): squares, absolute values, or differences that are clipped at 0")
def value_is_never_negative(subject: Subject) -> None:
    """Whichever of two pictures is the reference."""
    for one, other in itertools.permutations(range(3), 2):
        value = _value(subject.loss, *(subject.activations(i, np.float64) for i in (one, other)))
        _expect(value >= -1e-9, "0 or more", value)


@_check("distance(), for a term that does not vanish, and target()", _refers)
def zero_at_its_own_reference(subject: Subject) -> None:
    """In float64, to rounding."""
    own, other = (subject.activations(seed, np.float64) for seed in (0, 1))
    value, scale = _value(subject.loss, own, own), _value(subject.loss, own, other)
    _expect(abs(value) <= 1e-6 * abs(scale), f"0 (elsewhere it is {scale:g})", value)


@_check("a custom gradient, a stop_gradient, or a cast to float32 or to whole numbers")
def gradient_is_the_slope(subject: Subject) -> None:
    """Against central differences of the features along two directions, in float64."""
    loss, current = subject.loss, subject.activations(0, np.float64)
    target = target_of(loss, current, subject.activations(1, np.float64))
    value, gradient = value_and_gradient(loss, current, target)
    for seed in (2, 3):
        rng = np.random.default_rng(seed)
        direction = {name: rng.normal(size=f.shape) for name, f in current.items()}
        high, low = (
            float(value_and_gradient(loss, _moved(current, direction, step), target)[0])
            for step in (1e-6, -1e-6)
        )
        found = sum(
            float(np.sum(np.asarray(slope) * direction[name]))
            for name, slope in gradient.items()
            if slope is not None
        )
        measured = (high - low) / 2e-6
        # At a minimum the slope is 0, and those to either side are the measure. A kink inside
        # the step, as an absolute value has, moves one by up to 1e-4.
        sides = max(abs(end - float(value)) for end in (high, low)) / 1e-6
        rounding = 1e-9 * abs(high)  # of a difference of values, over the step
        _expect(
            abs(found - measured) <= 1e-3 * sides + rounding,
            f"the slope {measured:.7g} of finite differences",
            f"the gradient {found:.7g}",
        )


@_check("target(), which is NumPy on the arrays that it gets, and state that statistic() keeps")
def no_gradient_into_its_target(subject: Subject) -> None:
    """What target() returns does not depend on the picture for a tape that watches it."""
    current, reference = tensors(subject.activations(0)), subject.activations(1)
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(current)
        target = live_target(subject.loss, current, reference)
    for leaf in tf.nest.flatten(target):
        slopes = tape.gradient(leaf, current).values() if tf.is_tensor(leaf) else ()
        _expect(not any(s is not None for s in slopes), "a constant", "what has a gradient")


@_check("roots, logarithms, quotients and norms at 0: ops.divide_no_nan, or ops.where twice")
def finite_on_dead_channels(subject: Subject) -> None:
    """A channel that is 0 everywhere, or all, in the picture, the reference or both."""
    some = [subject.activations(seed) for seed in (0, 1)]
    one, none = ([_dead(f, channels) for f in some] for channels in (1, _ALL))
    for current, reference in (
        (one[0], some[1]),
        (some[0], one[1]),
        (one[0], one[1]),
        (none[0], some[1]),
        (some[0], none[1]),
        (none[0], none[1]),
    ):
        _expect_finite(subject.loss, current, reference)


@_check("a division by a deviation or a range, and the root of a variance")
def finite_on_constant_pictures(subject: Subject) -> None:
    """One value everywhere, in the picture, the reference or both."""
    noise = subject.activations(0)
    two, one = ({n: np.full_like(f, value) for n, f in noise.items()} for value in (2, 1))
    for current, reference in ((two, noise), (noise, two), (two, one)):
        _expect_finite(subject.loss, current, reference)


@_check("a norm or a root of the difference, whose gradient at 0 is none", _refers)
def finite_at_its_own_reference(subject: Subject) -> None:
    """Value and gradient where picture and reference are the same."""
    current = subject.activations(0)
    _expect_finite(subject.loss, current, current)


@_check("distance(): check_shapes raises what a user understands", _refers)
def takes_another_reference_size_or_says_no(subject: Subject) -> None:
    """A finite value, or a LossError."""
    current, reference = subject.activations(0), subject.activations(1, size=(56, 64))
    try:
        _expect_finite(subject.loss, current, reference)
    except LossError:
        pass
    except _Unmet:
        raise
    except Exception as error:
        raise _Unmet("a value or a LossError", f"{type(error).__name__}: {error}") from error


@_check("__mul__ and terms_of_sum, if they are overridden")
def scales_with_its_weight(subject: Subject) -> None:
    """Value and gradient of ``3 * loss``."""
    once, thrice = (_evaluated(_objective(subject, k * subject.loss)) for k in (1, 3))
    _expect(np.isclose(thrice.loss, 3 * once.loss, rtol=1e-5), f"{3 * once.loss:g}", thrice.loss)
    _expect(_alike(thrice.gradient, 3 * once.gradient, 1e-5), "three times the gradient", "another")


@_check("distance(), which weighs its layers by layer_weights")
def scales_with_its_layer_weights(subject: Subject) -> None:
    """Every layer with three times its weight gives three times the value."""
    loss, heavy = subject.loss, copy.copy(subject.loss)
    heavy.layers = {name: 3 * weight for name, weight in loss.layer_weights.items()}
    own, other = (subject.activations(seed, np.float64) for seed in (0, 1))
    once, thrice = _value(loss, own, other), _value(heavy, own, other)
    _expect(np.isclose(thrice, 3 * once), f"{3 * once:g}", f"{thrice:g}")


@_check(
    "target(): shapes and dtypes that depend on values or on rng", lambda x: bool(x.refresh_every)
)
def refreshes_without_compiling(subject: Subject) -> None:
    """A target that is measured again has its shapes, so that nothing is compiled again."""
    objective = _objective(subject)
    _evaluated(objective)
    before = objective.trace_count
    for round, picture in enumerate((pattern(SIZE, 3.0), images.noise(SIZE, seed=5)), 1):
        objective.refresh(picture, round=round)
        objective(picture)
    _expect(objective.trace_count == before, "one compilation", "another for a new target")


@_check("random numbers that do not come from target's rng, and sets, which have no order")
def same_seed_gives_the_same_bits(subject: Subject) -> None:
    """Two objectives of one seed, the same value and gradient."""
    one, other = (_evaluated(_objective(subject, subject.make())) for _ in range(2))
    _expect(one.loss == other.loss, one.loss, other.loss)
    _expect(np.array_equal(one.gradient, other.gradient), "the same gradient", "another")


@_check("operations that XLA has not, shapes that depend on values, and Python on a tensor's value")
def compiles(subject: Subject) -> None:
    """Under XLA, the value that it has without."""
    loss, picture = subject.loss, images.noise(SIZE, seed=1)
    found = _evaluated(_objective(subject)).loss
    current, reference = (
        {n: np.asarray(f) for n, f in subject.features(x, loss.layers).items()}
        for x in (picture, loss.references[0] if loss.references else picture)
    )
    value = value_and_gradient(loss, current, target_of(loss, current, reference, (0, 0, 0)))[0]
    _expect(np.isclose(found, float(value), rtol=1e-3), f"{float(value):g} as without XLA", found)


@_check(
    "guides and mass(), reach(), or what tiling = 'map' promises", lambda x: x.tiling is not None
)
def tiled_equals_whole(subject: Subject) -> None:
    """Value and gradient of a picture in four or more tiles."""
    tile, size = _tile(subject)
    loss, picture = subject.make(size), images.noise(size, seed=1)
    tiled, whole = (
        _evaluated(Objective(loss, subject.features, size, tile=t), picture) for t in (tile, None)
    )
    _expect(np.isclose(tiled.loss, whole.loss, rtol=1e-4), f"{whole.loss:g}", f"{tiled.loss:g}")
    _expect(_alike(tiled.gradient, whole.gradient, 1e-3), "the gradient of the whole", "another")


@_check("memory, and arrays of pairs of positions: chunks, or memory = 'quadratic'")
def memory_grows_as_it_says(subject: Subject) -> None:
    """The largest array of value and gradient, with four times as many positions.

    It grows by 4 for a loss that is linear, by 16 if quadratic; the middle is 8.
    """
    loss = subject.loss
    channels = {n: shape[-1] for n, shape in subject.features.shapes(loss.layers, SIZE).items()}
    small, large = (largest_array(loss, side, channels) for side in (32, 64))
    _expect(
        (large / small < 8) == (loss.memory == "linear") and large / small < 32,
        f"memory that is {loss.memory} in the positions",
        f"{large / small:.3g} times as much for 4 times as many",
    )


@_check("__repr__, if it is overridden, and the repr of the options")
def repr_names_it_and_its_options(subject: Subject) -> None:
    """On one line, without an address of memory."""
    text = repr(subject.loss)
    _expect(type(subject.loss).__name__ in text, f"the name {type(subject.loss).__name__}", text)
    _expect("\n" not in text and " at 0x" not in text, "one line of options", text)


@_check("attributes that cannot be pickled: lambdas, generators, open files, modules")
def pickles(subject: Subject) -> None:
    """As a sweep in other processes needs; the same value."""
    _expect_same(subject, pickle.loads(pickle.dumps(subject.loss)))


@_check("get_config() and from_config(), which have every option of the constructor")
def is_made_again_from_its_options(subject: Subject) -> None:
    """get_config() has every option of its constructor, and from_config() gives the same value."""
    loss, config = subject.loss, subject.loss.get_config()
    options = inspect.signature(type(loss)).parameters.values()
    named = {p.name for p in options if p.default is not p.empty or p.kind is p.KEYWORD_ONLY}
    _expect(named <= set(config), f"the options {sorted(named)}", sorted(config))
    _expect_same(subject, type(loss).from_config(config, *loss.references))


def _value(loss: Loss, current: Any, reference: Any) -> float:
    return float(value_and_gradient(loss, current, target_of(loss, current, reference))[0])


def _expect_finite(loss: Loss, current: Any, reference: Any) -> None:
    value, gradient = value_and_gradient(loss, current, target_of(loss, current, reference))
    _expect(np.isfinite(value), "a finite value", float(value))
    broken = [n for n, slope in gradient.items() if slope is not None and not _finite(slope)]
    _expect(not broken, "a finite gradient", f"NaN or infinity at {', '.join(broken)}")


def _expect_same(subject: Subject, again: Loss) -> None:
    own, other = (subject.activations(seed, np.float64) for seed in (0, 1))
    expected, found = (_value(loss, own, other) for loss in (subject.loss, again))
    config, other_config = subject.loss.get_config(), again.get_config()
    _expect(config == other_config, f"the options {config}", other_config)
    _expect(np.isclose(found, expected), f"the value {expected:g}", f"{found:g}")


def _objective(subject: Subject, loss: Any = None) -> Objective:
    return Objective(subject.loss if loss is None else loss, subject.features, SIZE)


def _evaluated(objective: Objective, picture: Image | None = None) -> Evaluation:
    picture = images.noise(SIZE, seed=1) if picture is None else picture
    objective.refresh(picture, round=0)
    return objective(picture)


def _tile(subject: Subject) -> tuple[int, Size]:
    """The smallest tile that the loss can have, in steps, and a picture of several."""
    for tile in range(32, 2048, 32):
        size = (tile + 21, tile + 37)
        try:
            windows([subject.loss], subject.features, size, tile)
        except OptionError:
            continue
        return tile, size
    raise _Unmet("tiles of less than 2048 pixels", "layers and a reach that leave no room in them")


def _moved(current: Any, direction: Any, step: float) -> Any:
    return {name: f + step * direction[name] for name, f in current.items()}


def _dead(activations: Mapping[str, Any], channels: int) -> Any:
    """The same with the first ``channels`` of every layer 0."""
    return {name: f * (np.arange(f.shape[-1]) >= channels) for name, f in activations.items()}


def _finite(x: Any) -> bool:
    return bool(np.isfinite(np.asarray(x)).all())


def _alike(one: Any, other: Any, tolerance: float) -> bool:
    return bool(np.linalg.norm(one - other) <= tolerance * np.linalg.norm(other))
