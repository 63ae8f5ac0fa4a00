"""The conformance kit: for every check a loss that is wrong in one thing, and fails no other."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable
from typing import Any, Literal

import keras
import numpy as np
import pytest
import tensorflow as tf

from neural_style import FeatureModel, Loss, StatisticLoss, images, ops
from neural_style.errors import LossError, OptionError
from neural_style.extensions import Content, Gram, TotalVariation
from neural_style.testing import CHECKS, ConformanceError, check_loss, loss_checks
from neural_style.testing.loss_under_test import SIZE, Subject, largest_array, small_network

pytestmark = pytest.mark.slow


class Means(Loss):
    """Right: the mean of every channel. Those below have one thing wrong each."""

    layers = ("block1_conv1", "image")

    def statistics(self, features: Any, mean: Any) -> Any:
        return {name: mean[name](f) for name, f in features.items()}


class TiledMeans(Means):
    """Right, in tiles too."""

    tiling = "mean"


class Unread(Means):
    def distance(self, current: Any, target: Any) -> Any:
        return ops.mean(ops.square(current["image"] - target["image"])) * sum(
            self.layer_weights.values()
        )


class Double(Means):
    def distance(self, current: Any, target: Any) -> Any:
        return ops.cast(super().distance(current, target), "float64")


class Negative(Means):
    def distance(self, current: Any, target: Any) -> Any:
        return -super().distance(current, target)


class Offset(Means):
    def distance(self, current: Any, target: Any) -> Any:
        return super().distance(current, target) + sum(self.layer_weights.values())


class HalfGradient(Means):
    def distance(self, current: Any, target: Any) -> Any:
        value = super().distance(current, target)
        return (value + ops.stop_gradient(value)) / 2


class Remembering(Means):
    """Its target is the tensor that its statistic has kept, where it is the current one."""

    refresh_every = 5

    def __post_init__(self) -> None:
        self.kept: Any = None

    def statistics(self, features: Any, mean: Any) -> Any:
        found = super().statistics(features, mean)
        if tf.executing_eagerly():
            self.kept = found
        return found

    def target(self, references: Any, current: Any, rng: Any) -> Any:
        same = self.kept and all(np.array_equal(self.kept[n], current[n]) for n in current)
        return self.kept if same else current


class Relative(Means):
    """0/0 where a channel is dead."""

    def statistics(self, features: Any, mean: Any) -> Any:
        return {name: ops.mean(f**2, (1, 2)) / ops.mean(f, (1, 2)) for name, f in features.items()}


class Deviations(Means):
    """Guarded where a channel is dead, but not where it is constant."""

    def statistics(self, features: Any, mean: Any) -> Any:
        found = {}
        for name, f in features.items():
            square, mean = ops.mean(f**2, (1, 2)), ops.mean(f, (1, 2))
            variance = ops.where(square > 0, square - mean**2, 1)
            found[name] = ops.sqrt(variance)
        return found


class Norm(Means):
    """The root has no gradient at 0; guarded where the reference is black, but not elsewhere."""

    def distance(self, current: Any, target: Any) -> Any:
        value = 0.0
        for name, weight in self.layer_weights.items():
            black = ops.sum(target[name]) == 0
            square = ops.sum(ops.square(current[name] - target[name]))
            value += weight * ops.where(black, 0.0, ops.sqrt(ops.where(black, 1.0, square)))
        return value


class Crashing(Loss):
    """Content without a look at the shapes."""

    layers = ("block1_conv1",)

    def distance(self, current: Any, target: Any) -> Any:
        ((name, weight),) = self.layer_weights.items()
        return weight * ops.mean(ops.square(current[name] - target[name]))


class Weightless(Means):
    def __mul__(self, factor: Any) -> Any:
        return super().__mul__(1.0)

    __rmul__ = __mul__


class Unweighted(Means):
    def distance(self, current: Any, target: Any) -> Any:
        return sum(ops.mean(ops.square(current[name] - target[name])) for name in self.layers)


class Growing(Means):
    """Its target has as many copies of the reference as its random numbers say."""

    refresh_every = 5

    def target(self, references: Any, current: Any, rng: Any) -> Any:
        copies = rng.integers(1, 1000)
        return {name: np.repeat(f[None], copies, 0) for name, f in references[0].items()}

    def distance(self, current: Any, target: Any) -> Any:
        weights = self.layer_weights.items()
        return sum(w * ops.mean(ops.square(current[n] - target[n])) for n, w in weights)


class Unseeded(Means):
    """Its target has a little of what no seed says: how often any was measured."""

    measured = itertools.count()

    def target(self, references: Any, current: Any, rng: Any) -> Any:
        return {"scale": 1 + 4e-6 * (next(self.measured) % 2), **references[0]}

    def distance(self, current: Any, target: Any) -> Any:
        return super().distance(current, target) * target["scale"]


class Eager(Means):
    def distance(self, current: Any, target: Any) -> Any:
        return super().distance(current, target) * (2 if tf.executing_eagerly() else 1)


class Relating(TiledMeans):
    """What it averages depends on all positions at once."""

    def statistics(self, features: Any, mean: Any) -> Any:
        return {
            name: mean[name](f * ops.mean(f, (1, 2), keepdims=True)) for name, f in features.items()
        }


class Pairs(Means):
    """The mean distance of pairs of positions, all in one array."""

    def statistics(self, features: Any, mean: Any) -> Any:
        found = {}
        for name, f in features.items():
            rows = ops.reshape(f, (-1, f.shape[-1]))
            found[name] = ops.mean(ops.square(ops.matmul(rows, ops.transpose(rows))))
        return found


class QuadraticPairs(Pairs):
    """Right, since it says so."""

    memory = "quadratic"


class Modest(Means):
    memory: Literal["linear", "quadratic"] = "quadratic"


class Addressed(Means):
    def __repr__(self) -> str:
        return object.__repr__(self)


class Unpicklable(Means):
    def __init__(self, *references: Any, **options: Any) -> None:
        super().__init__(*references, **options)
        self.scale = lambda x: x


class Forgetful(Means):
    """Its option is not in its config."""

    def __init__(self, *references: Any, scale: float = 1.0, **options: Any) -> None:
        super().__init__(*references, **options)
        self.scale = scale

    def distance(self, current: Any, target: Any) -> Any:
        return self.scale * super().distance(current, target)


class Sums(Means):
    """Its weight means another thing at every size."""

    def statistics(self, features: Any, mean: Any) -> Any:
        return {name: ops.sum(f, (1, 2)) for name, f in features.items()}


class SummedDistance(Content):
    def distance(self, current: Any, target: Any) -> Any:
        return ops.sum(ops.square(current - target))


class Energy(Means):
    """The root of a sum, though of a mean of every position's channels."""

    def statistics(self, features: Any, mean: Any) -> Any:
        return {
            name: ops.sqrt(ops.sum(ops.mean(ops.square(f), -1)))[None]
            for name, f in features.items()
        }


WRONG: dict[str, Callable[..., Loss]] = {
    "means_the_same_at_every_size": Sums,
    "reads_the_layers_it_declares": Unread,
    "value_is_a_float32_scalar": Double,
    "value_is_never_negative": Negative,
    "zero_at_its_own_reference": Offset,
    "gradient_is_the_slope": HalfGradient,
    "no_gradient_into_its_target": Remembering,
    "finite_on_dead_channels": Relative,
    "finite_on_constant_pictures": Deviations,
    "finite_at_its_own_reference": Norm,
    "takes_another_reference_size_or_says_no": Crashing,
    "scales_with_its_weight": Weightless,
    "scales_with_its_layer_weights": Unweighted,
    "refreshes_without_compiling": Growing,
    "same_seed_gives_the_same_bits": Unseeded,
    "compiles": Eager,
    "tiled_equals_whole": Relating,
    "memory_grows_as_it_says": Pairs,
    "repr_names_it_and_its_options": Addressed,
    "pickles": Unpicklable,
    "is_made_again_from_its_options": lambda *references: Forgetful(*references, scale=2.0),
}


def failures(factory: Any) -> dict[str, str]:
    """The checks that a loss fails, and what they say."""
    subject, failed = Subject(factory), {}
    for name, check in CHECKS.items():
        if check.concerns(subject.loss):
            try:
                check(subject)
            except ConformanceError as error:
                failed[name] = str(error)
    return failed


@pytest.mark.parametrize("factory", [TiledMeans, QuadraticPairs])
def test_a_right_loss_fails_no_check(factory: Any) -> None:
    assert failures(factory) == {}


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_fails_for_the_loss_that_is_wrong_in_it_and_no_other_does(name: str) -> None:
    found = failures(WRONG[name])
    assert list(found) == [name], found
    loss = Subject(WRONG[name]).name
    assert found[name].startswith(f"{loss}: {name}: expected ")
    assert ", got " in found[name]
    assert found[name].endswith(f" Look at {CHECKS[name].look}.")
    assert CHECKS[name].summary


@pytest.mark.parametrize("wrong", [Sums, SummedDistance, Energy])
def test_sums_over_positions_are_found(wrong: Callable[..., Loss]) -> None:
    with pytest.raises(ConformanceError, match=r"about .* at twice the height and width, got"):
        check_loss(wrong, only=["means_the_same_at_every_size"])


class Mean(StatisticLoss):
    """Right, in the fewest lines."""

    layers = ("block1_conv1", "block2_conv1")
    power: float = 2.0

    def statistic(self, f: Any, mean: Any) -> Any:
        return mean(f**self.power)


class Sum(Mean):
    def statistic(self, f: Any, mean: Any) -> Any:
        return ops.sum(f, (0, 1, 2))


class Deviation(Mean):
    """The root of a variance, which has no slope where a channel is constant."""

    def statistic(self, f: Any, mean: Any) -> Any:
        return ops.stack([mean(f), mean(f**2)])

    def summary(self, s: Any) -> Any:
        return ops.sqrt(s[1] - s[0] ** 2)


def test_a_statistic_loss_and_what_goes_wrong_most_often_in_one() -> None:
    assert failures(lambda painting: Mean(painting, power=3.0)) == {}
    sums = failures(Sum)
    assert "does not come from mean" in sums["tiled_equals_whole"]
    assert "means_the_same_at_every_size" in sums
    assert "finite_on_constant_pictures" in failures(Deviation)


def test_it_says_quadratic_what_is_linear() -> None:
    assert list(failures(Modest)) == ["memory_grows_as_it_says"]


def test_an_undeclared_layer_is_named() -> None:
    class Reading(Means):
        def statistics(self, features: Any, mean: Any) -> Any:
            return {"image": features["block5_conv4"]}

    with pytest.raises(
        ConformanceError, match=r"reading: reads_the_layers.* KeyError for 'block5_c"
    ):
        check_loss(Reading)


def test_a_layer_that_the_network_has_not_is_named() -> None:
    with pytest.raises(ConformanceError, match=r"has no layer 'nowhere': .* features="):
        check_loss(lambda picture: Means(picture, layers=["nowhere"]))


def test_other_features_can_be_given(tiny: FeatureModel) -> None:
    inputs = keras.Input((None, None, 3))
    outputs = keras.layers.Conv2D(3, 3, padding="same", name="elsewhere")(inputs)
    features = FeatureModel(keras.Model(inputs, outputs), preprocess="raw")
    check_loss(lambda picture: TiledMeans(picture, layers=["elsewhere"]), features=features)


def test_an_operation_that_xla_has_not_is_named() -> None:
    class Unique(Means):
        def distance(self, current: Any, target: Any) -> Any:
            distance = super().distance(current, target)
            return tf.reduce_sum(tf.unique(tf.reshape(distance, [1]))[0])

    with pytest.raises(ConformanceError, match="unique: compiles: expected no error, got"):
        check_loss(Unique, only=["compiles"])


def test_only_some_checks() -> None:
    check_loss(Offset, only=["compiles", "pickles", "tiled_equals_whole"])
    with pytest.raises(ConformanceError, match="offset: zero_at_its_own_reference"):
        check_loss(Offset, only=["pickles", "zero_at_its_own_reference"])
    with pytest.raises(OptionError, match=r"no check 'pickle': did you mean 'pickles'\?"):
        check_loss(Offset, only=["pickle"])


@pytest.mark.parametrize(
    ("factory", "references"),
    [
        (Gram, 1),
        (TotalVariation, 0),
        ("content", 1),
        (lambda photo: Gram(photo), 1),
        (lambda photo, painting: Gram(photo, painting), 2),
        (lambda: TotalVariation("squared"), 0),
    ],
)
def test_a_factory_gets_the_references_that_it_takes(factory: Any, references: int) -> None:
    loss = Subject(factory).make((20, 30))
    assert [reference.shape for reference in loss.references] == [(20, 30, 3)] * references


def test_what_makes_no_loss_is_named() -> None:
    with pytest.raises(LossError, match="expected a factory that returns"):
        check_loss(lambda: 3)


def test_checks_that_do_not_concern_a_loss_are_left_out() -> None:
    def ids(factory: Any) -> list[str]:
        mark = loss_checks([factory])
        return [case.id for case in mark.args[1]]

    assert ids("gram")[0] == "gram-reads_the_layers_it_declares"
    everything = {f"gram-{name}" for name in CHECKS}
    assert everything - set(ids(Gram)) == {"gram-refreshes_without_compiling"}
    assert "means-tiled_equals_whole" not in ids(Means)
    assert "total_variation-zero_at_its_own_reference" not in ids(TotalVariation)


def test_the_small_network_is_vgg19_with_live_features() -> None:
    network, vgg19 = small_network(), FeatureModel("vgg19", weights=None)
    assert network.layers == vgg19.layers
    shapes, others = (model.shapes(network.layers, (64, 96)) for model in (network, vgg19))
    assert all(shapes[name][:2] == others[name][:2] for name in network.layers)
    for f in network(images.noise(SIZE, seed=1, uniform=(0, 255)), network.layers).values():
        assert np.std(f) > 0.1


def test_the_largest_array_by_hand() -> None:
    """32² positions of 4 channels in float32, and 32² pairs of 32² of them."""
    content, pairs = (
        kind(images.noise((8, 8), uniform=(0, 255)), layers=["a"]) for kind in (Content, Pairs)
    )
    assert largest_array(content, 32, {"a": 4}) == 4 * 4 * 32**2
    assert largest_array(pairs, 32, {"a": 4}) == 4 * 1024**2


def test_pytest_is_not_needed_but_for_the_decorator() -> None:
    code = """
import sys
sys.modules["pytest"] = None
from neural_style.extensions import TotalVariation
from neural_style.testing import check_loss
check_loss(TotalVariation, only=["pickles"])
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
