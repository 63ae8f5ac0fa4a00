"""What objectives share of what they compile: what was traced to the same, and nothing else."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any, ClassVar

import keras
import numpy as np
import pytest
import tensorflow as tf
from objectives import evaluated, ready

from neural_style import (
    Custom,
    FeatureLoss,
    FeatureModel,
    Loss,
    balance,
    estimate,
    images,
)
from neural_style.errors import LossError
from neural_style.extensions import MRF, Gram, TotalVariation
from neural_style.utils.programs import Programs, Traced

pytestmark = pytest.mark.slow

SIZE = (24, 32)
TENS, TWENTIES = (np.full((*SIZE, 3), value, np.float32) for value in (10, 20))
ops = keras.ops


class Scaled(FeatureLoss):
    """(20 a − 10 a)² for a factor a, by however much it is hidden."""

    layers = ("image",)
    gain = 1.0
    factor: ClassVar[Any] = staticmethod(lambda f: f)

    def transform(self, f: Any) -> Any:
        return self.factor(f) * self.gain


@pytest.fixture
def pixels(tiny_network: keras.Model) -> FeatureModel:
    return FeatureModel(tiny_network, preprocess="raw")


def value(loss: Any, features: FeatureModel, tile: int | None = None) -> float:
    return evaluated(loss, features, TWENTIES, tile=tile).loss


def of_a_global() -> Iterator[Any]:
    for alpha in (1.0, 2.0):
        exec("def scale(x): return ALPHA * x", scope := {"ALPHA": alpha})
        yield scope["scale"]


def of_a_closure() -> Iterator[Any]:
    for last in (1.0, 10001.0):
        values = np.array([1.0] * 9999 + [last], np.float32)
        yield lambda x, own=values: ops.sum(own) / 1e4 * x


def of_a_tensor() -> Iterator[Any]:
    for last in (1.0, 10001.0):
        tensor = tf.constant([1.0] * 9999 + [last])
        yield lambda x, own=tensor: ops.sum(own) / 1e4 * x


def of_a_callable() -> Iterator[Any]:
    class Scale:
        alpha = 1.0

        def __call__(self, x: Any) -> Any:
            return self.alpha * x

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Scale)

        def __hash__(self) -> int:
            return 0

    scale = Scale()
    yield scale
    scale.alpha = 2.0
    yield scale


def of_a_default() -> Iterator[Any]:
    def scale(x: Any, alpha: float = 1.0) -> Any:
        return alpha * x

    yield scale
    scale.__defaults__ = (2.0,)
    yield scale


def of_a_layer() -> Iterator[Any]:
    layer = keras.layers.Dense(3, kernel_initializer="identity")
    layer.build((None, 3))
    yield layer
    layer.set_weights([2 * weight for weight in layer.get_weights()])
    yield layer


def of_a_loop() -> Iterator[Any]:
    for alpha in (1.0, 2.0):
        yield lambda x, own=alpha: tf.while_loop(
            lambda i, y: i < 2, lambda i, y: (i + 1, y * own**0.5), (0, x), maximum_iterations=2
        )[1]


def of_a_function() -> Iterator[Any]:
    for alpha in (1.0, 2.0):
        yield tf.function(lambda x, own=alpha: own * x, autograph=False)


def of_a_gradient() -> Iterator[Any]:
    for alpha in (1.0, 2.0):
        yield tf.custom_gradient(lambda x, own=alpha: (own * x, lambda g: own * g))


@pytest.mark.parametrize("tile", [None, 20])
@pytest.mark.parametrize(
    "factors",
    [
        of_a_global,
        of_a_closure,
        of_a_tensor,
        of_a_callable,
        of_a_default,
        of_a_layer,
        of_a_loop,
        of_a_function,
        of_a_gradient,
    ],
)
def test_what_is_not_the_same_is_not_shared(
    pixels: FeatureModel, factors: Any, tile: int | None
) -> None:
    found = []
    for factor in factors():
        loss = Scaled(TENS)
        loss.factor = factor  # type: ignore[misc]
        found.append(value(loss, pixels, tile))
    assert found == pytest.approx([100, 400], rel=1e-3)


def test_class_attributes_and_custom_statistics(
    pixels: FeatureModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Scaled, "factor", staticmethod(lambda x: x), raising=False)
    alpha = 1.0

    def statistic(x: Any) -> Any:
        return alpha * x

    def losses() -> Any:
        return Scaled(TENS), Custom(TENS, layers=["image"], statistic=statistic)

    assert [value(loss, pixels) for loss in losses()] == pytest.approx([100, 100])
    monkeypatch.setattr(Scaled, "gain", alpha := 2.0)
    assert [value(loss, pixels) for loss in losses()] == pytest.approx([400, 400])


def test_what_else_evaluates_is_not_mixed_up(pixels: FeatureModel) -> None:
    class Root(Loss):
        layers = ("image",)
        shift = 0.0

        def distance(self, current: Any, target: Any) -> Any:
            return ops.mean(ops.sqrt(current["image"] - 15 + self.shift))

    for broken in (False, True):
        Root.shift = -10.0 * broken
        objective = ready(Root(TENS) + TotalVariation(), pixels, TWENTIES)
        assert objective.broken_terms(TWENTIES) == ["root"] * broken
        norm = objective.gradient_norms(TWENTIES)["root"]
        assert np.isnan(norm) == broken

    weights = []
    for power in (1, 2):
        factors: Any = lambda x: x, lambda x, own=power: x**own
        shares: Any = sum(Custom(TENS, layers=["image"], statistic=each) for each in factors)
        weights.append(balance(shares, pixels, TWENTIES)[1].weight)
    assert weights[0] == pytest.approx(1)
    assert weights[1] < 0.1


def test_runs_that_differ_in_inputs_compile_once(pixels: FeatureModel) -> None:
    """A loop, a custom gradient and nested functions have other names in every trace."""

    @tf.custom_gradient
    def doubled(x: Any) -> Any:
        return 2 * x, lambda g: 2 * g

    def statistic(x: Any) -> Any:
        return next(of_a_loop())(tf.function(doubled, autograph=False)(x))

    for seed in range(6):
        picture = images.noise(SIZE, seed=seed, uniform=(0, 255))
        custom = Custom(picture, layers=["block1_conv1"], statistic=statistic)
        loss = seed * Gram(picture, layers=["image"]) + custom
        objective = ready(loss, pixels, picture[::-1], seed=seed)
        objective(picture)
        if seed == 0:
            compiled = len(pixels.compiled)
    assert len(pixels.compiled) == compiled <= 2


def test_what_a_graph_does_not_show_is_not_shared() -> None:
    """A callback of Python, a variable, random numbers."""
    variable, programs = tf.Variable(1.0), Programs()
    for function in (
        lambda x: tf.py_function(lambda y: 2 * y, [x], tf.float32),
        lambda x: tf.numpy_function(lambda y: 2 * y, [x], tf.float32, stateful=False),
        lambda x: x * variable,
        lambda x: x + tf.random.uniform(()),
    ):
        Traced(function, programs, jit_compile=False)(tf.ones(3))
    assert len(programs) == 0
    for names in ("ab", "cd"):  # which are no part of a graph
        one = Traced(lambda x, y, n=names: {n[0]: x, n[1]: y}, programs, jit_compile=False)
        assert one(tf.ones(3), tf.zeros(3))[names[0]][0] == 1
    assert len(programs) == 1
    Traced(lambda x, y: [y, x], programs, jit_compile=False)(tf.ones(3), tf.zeros(3))
    Traced(lambda x, y: [x, y], programs, jit_compile=True)(tf.ones(3), tf.zeros(3))
    assert len(programs) == 3


def test_what_is_kept_holds_no_loss_and_no_picture(pixels: FeatureModel) -> None:
    loss = Gram(images.noise(SIZE, seed=1, uniform=(0, 255)))
    objective = ready(loss, pixels, TENS)
    objective(TWENTIES)
    gone = [weakref.ref(each) for each in (objective, loss, loss.references[0])]
    del objective, loss
    gc.collect()
    assert len(pixels.compiled) > 0
    assert [each() for each in gone] == [None] * 3


def test_an_error_names_the_loss_that_it_is_of(pixels: FeatureModel) -> None:
    small = images.noise((16, 16), uniform=(0, 255))
    for name in ("first", "second"):
        with pytest.raises(LossError, match=f"^{name}: at 'image' the picture gives"):
            value(Custom(small, layers=["image"], statistic=lambda x: x, name=name), pixels)
    broken: Any = Custom(TENS, layers=["image"], statistic=lambda x: x["a"], name="broken")
    with pytest.raises(LossError, match=r"^broken: its statistic raised TypeError"):
        value(TotalVariation() + broken, pixels)
    both = (Custom(x, layers=["image"], statistic=lambda x: x) for x in (TENS, small))
    with pytest.raises(LossError, match=r"^custom_2: at"):
        value(sum(both), pixels)


def test_estimates_are_of_the_loss_that_is_asked_about(pixels: FeatureModel) -> None:
    picture = images.noise((64, 64), uniform=(0, 255))
    one, many = (estimate(MRF(*[picture] * n), pixels, (64, 64)) for n in (1, 4))
    assert many.parts["targets"] > 2 * one.parts["targets"]
