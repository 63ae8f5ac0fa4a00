"""Checks of the value and gradient of a loss, from features, without a network.

Checks of arithmetic properties use float64.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from neural_style.errors import LossError
from neural_style.losses.base import Loss
from neural_style.testing.checks import Unmet, check, checks_in, expect, has_references
from neural_style.testing.loss_under_test import (
    Subject,
    live_target,
    target_of,
    tensors,
    value_and_gradient,
    value_of,
)
from neural_style.utils.backend import tf

_ALL = 2**31  # channels
_LAID_OUT = (48, 64)  # which every layer of VGG19 divides
_ALMOST = 1.25


@check("its layers; pass a network other than VGG as features=")
def reads_the_layers_it_declares(subject: Subject) -> None:
    """Its layers exist, its value depends on each of them, and it reads no other layer."""
    loss = subject.loss
    current = subject.activations(0)
    try:
        target = target_of(loss, current, subject.activations(1))
        _, gradient = value_and_gradient(loss, current, target)
    except LossError as error:
        if isinstance(missing := error.__cause__, KeyError):
            expected = f"that it reads only {tuple(loss.layers)}"
            raise Unmet(expected, f"a KeyError for {missing}") from error
        raise
    idle = [name for name, slope in gradient.items() if slope is None]
    expect(not idle, "a value that depends on every layer", f"one without {', '.join(idle)}")


@check("the dtypes of statistic() and distance(), and what distance() reduces over")
def value_is_a_float32_scalar(subject: Subject) -> None:
    """Float32 features give one finite float32 number."""
    current = subject.activations(0)
    value, _ = value_and_gradient(
        subject.loss, current, target_of(subject.loss, current, subject.activations(1))
    )
    value = tf.convert_to_tensor(value)
    expect(value.dtype == tf.float32, "float32", value.dtype.name)
    expect(value.shape.rank == 0, "one number", f"the shape {tuple(value.shape)}")
    expect(np.isfinite(value), "a finite number", float(value))


@check("distance(): squares, absolute values, or differences clipped at 0")
def value_is_never_negative(subject: Subject) -> None:
    """The value is 0 or more, also if picture and reference are exchanged."""
    for one, other in itertools.permutations(range(3), 2):
        value = value_of(subject.loss, *(subject.activations(i, np.float64) for i in (one, other)))
        expect(value >= -1e-9, "0 or more", value)


@check("distance(), for a term that does not vanish, and target()", has_references)
def zero_at_its_own_reference(subject: Subject) -> None:
    """The value is 0 if picture and reference are the same, up to rounding in float64."""
    own, other = (subject.activations(seed, np.float64) for seed in (0, 1))
    value, scale = value_of(subject.loss, own, own), value_of(subject.loss, own, other)
    expect(abs(value) <= 1e-6 * abs(scale), f"0 (elsewhere it is {scale:g})", value)


@check("sums over positions in statistic() and distance(): use means")
def means_the_same_at_every_size(subject: Subject) -> None:
    """The value is the same if picture and reference are repeated 2×2.

    A sum would have 4 times the value, a squared sum 16 times, and a norm twice. A loss
    that reads neighbors or random places differs by some percent. The reference differs from the
    picture in every channel.
    """
    one, other = (subject.activations(seed, np.float64, _LAID_OUT) for seed in (0, 1))
    other = {n: f * np.linspace(0.5, 2, f.shape[-1]) for n, f in other.items()}
    pair = one, other
    small, large = (
        value_of(subject.loss, *({n: np.tile(f, (1, k, k, 1)) for n, f in x.items()} for x in pair))
        for k in (1, 2)
    )
    close = abs(small) <= _ALMOST * abs(large) and abs(large) <= _ALMOST * abs(small)
    expect(close, f"about {small:.3g} at twice the height and width", f"{large:.3g}")


@check("a custom gradient, a stop_gradient, or a cast to float32 or to whole numbers")
def gradient_is_the_slope(subject: Subject) -> None:
    """The gradient equals central differences along two directions of the features, in float64."""
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
        # At a minimum the slope is 0, so the slopes on both sides give the scale. A kink inside
        # the step, as in an absolute value, changes a slope by up to 1e-4.
        sides = max(abs(end - float(value)) for end in (high, low)) / 1e-6
        rounding = 1e-9 * abs(high)  # of a difference of values, over the step
        expect(
            abs(found - measured) <= 1e-3 * sides + rounding,
            f"the slope {measured:.7g} from finite differences",
            f"the gradient {found:.7g}",
        )


@check("target(), which must use NumPy on its arrays, and state that statistic() keeps")
def no_gradient_into_its_target(subject: Subject) -> None:
    """The result of target() has no gradient with respect to the picture."""
    current, reference = tensors(subject.activations(0)), subject.activations(1)
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(current)
        target = live_target(subject.loss, current, reference)
    for leaf in tf.nest.flatten(target):
        slopes = tape.gradient(leaf, current).values() if tf.is_tensor(leaf) else ()
        expect(not any(s is not None for s in slopes), "a constant", "a tensor with a gradient")


@check("roots, logarithms, quotients and norms at 0: ops.divide_no_nan, or ops.where twice")
def finite_on_dead_channels(subject: Subject) -> None:
    """Value and gradient are finite if one channel, or every channel, is 0 everywhere.

    This holds for the picture, the reference or both.
    """
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


@check("a division by a deviation or a range, and the root of a variance")
def finite_on_constant_pictures(subject: Subject) -> None:
    """Value and gradient are finite if the picture, the reference or both are constant."""
    noise = subject.activations(0)
    two, one = ({n: np.full_like(f, value) for n, f in noise.items()} for value in (2, 1))
    for current, reference in ((two, noise), (noise, two), (two, one)):
        _expect_finite(subject.loss, current, reference)


@check("a norm or a root of the difference, which has no gradient at 0", has_references)
def finite_at_its_own_reference(subject: Subject) -> None:
    """Value and gradient are finite if picture and reference are the same."""
    current = subject.activations(0)
    _expect_finite(subject.loss, current, current)


@check("distance(): neural_style.losses.calls.check_shapes raises a clear error", has_references)
def takes_another_reference_size_or_says_no(subject: Subject) -> None:
    """With a reference of another size, the value is finite, or the loss raises a LossError."""
    current, reference = subject.activations(0), subject.activations(1, size=(56, 64))
    try:
        _expect_finite(subject.loss, current, reference)
    except LossError as error:
        if error.__cause__ is not None:
            raise Unmet("a value or a LossError that states what is expected", error) from error


def _expect_finite(loss: Loss, current: Any, reference: Any) -> None:
    value, gradient = value_and_gradient(loss, current, target_of(loss, current, reference))
    expect(np.isfinite(value), "a finite value", float(value))
    broken = [
        n for n, slope in gradient.items() if slope is not None and not np.isfinite(slope).all()
    ]
    expect(not broken, "a finite gradient", f"NaN or infinity at {', '.join(broken)}")


def _moved(current: Any, direction: Any, step: float) -> Any:
    return {name: f + step * direction[name] for name, f in current.items()}


def _dead(activations: Mapping[str, Any], channels: int) -> Any:
    """The same features, but the first ``channels`` of every layer are 0."""
    return {name: f * (np.arange(f.shape[-1]) >= channels) for name, f in activations.items()}


CHECKS = checks_in(globals())
