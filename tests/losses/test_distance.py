"""Distances of Keras between statistics."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from objectives import evaluated

from neural_style import FeatureModel, Objective, images
from neural_style.errors import LossError
from neural_style.extensions import (
    MMD,
    Content,
    Gram,
    GramChain,
    Histogram,
    RelaxedEMD,
    ShiftedGram,
    TotalVariation,
    Wasserstein2,
)
from neural_style.images import Image
from neural_style.losses.base import Loss
from neural_style.objective.tiled import TiledEvaluator

ops = keras.ops
SIZE = (75, 89)
STYLE = images.noise(SIZE, seed=2, uniform=(0, 255))


def evaluated_at(loss: Any, features: FeatureModel, image: Image) -> float:
    return evaluated(loss, features, image).loss


@pytest.mark.slow
@pytest.mark.parametrize(
    "mse",
    [
        "mse",
        "mean_squared_error",
        "MeanSquaredError",
        keras.losses.MeanSquaredError(),
        keras.losses.mean_squared_error,
        lambda target, current: ops.mean(ops.square(target - current)),
    ],
)
def test_the_mean_squared_error_is_the_default(tiny: FeatureModel, photo: Image, mse: Any) -> None:
    painting = images.noise((24, 32), seed=2, uniform=(0, 255))
    layers = {"block1_conv1": 2.0, "image": 1e-3}
    one, two = (Content(painting, layers=layers), Content(painting, layers=layers))
    expected, found = (evaluated(x, tiny, photo) for x in (one, two.with_distance(mse)))
    assert found.loss == pytest.approx(expected.loss, rel=1e-6)
    atol = 1e-5 * np.abs(expected.gradient).max()
    np.testing.assert_allclose(found.gradient, expected.gradient, atol=atol)
    style = Gram(painting)  # its own has a factor of ¼
    assert evaluated_at(style.with_distance(mse), tiny, photo) == pytest.approx(
        4 * evaluated_at(style, tiny, photo), rel=1e-5
    )


def test_worked_values(tiny: FeatureModel) -> None:
    """Targets of 100 against pictures of 103 and of (60, 80, 0) against (0, 0, 50)."""
    flat = np.full((8, 8, 3), 100, np.float32)

    def value(metric: Any, target: Any, current: Any) -> float:
        loss = Content(target, layers={"image": 2}).with_distance(metric)
        return evaluated_at(loss, tiny, current)

    assert value("mae", flat, flat + 3) == pytest.approx(6)
    assert value(keras.losses.Huber(delta=1), flat, flat + 3) == pytest.approx(2 * (3 - 0.5))
    assert value(keras.losses.Huber(delta=0.5), flat, flat + 3) == pytest.approx(2 * 0.5 * 2.75)
    cosine = keras.losses.CosineSimilarity()
    assert value(cosine, flat, 2 * flat) == pytest.approx(0, abs=1e-6)
    one, other = flat * [0.6, 0.8, 0], flat * [0, 0, 0.5]
    assert value(cosine, one, other.astype(np.float32)) == pytest.approx(2)
    # The target is y_true: |t − c| / t in per cent.
    mape = keras.losses.MeanAbsolutePercentageError()
    assert value(mape, flat, 1.5 * flat) == pytest.approx(100)
    squares = keras.losses.MeanSquaredError(reduction="sum")
    assert value(squares, flat, flat + 3) == pytest.approx(2 * 9 * 64)


@pytest.mark.slow
@pytest.mark.parametrize(
    "metric", [keras.losses.BinaryCrossentropy(), "kl_divergence", "cosine_similarity", "poisson"]
)
def test_the_least_is_zero(tiny: FeatureModel, photo: Image, metric: Any) -> None:
    """Statistics in 0–1 that add up to 1, so that all of these are least at the target."""

    class Softmax(Loss):
        layers = ("image",)

        def statistics(self, features: Any, mean: Any) -> Any:
            return {"image": ops.softmax(features["image"] / 100)}

    loss = Softmax(photo).with_distance(metric)
    value = evaluated(loss, tiny, photo)
    assert value.loss == pytest.approx(0, abs=1e-6)
    assert np.abs(value.gradient).max() < 1e-8
    assert evaluated_at(loss, tiny, 255 - photo) > 1e-2


def test_entries_that_are_no_layers_weigh_the_same(tiny: FeatureModel, photo: Image) -> None:
    class Ends(Loss):
        layers = ("image",)

        def statistics(self, features: Any, mean: Any) -> Any:
            return {"low": ops.min(features["image"]), "high": ops.max(features["image"])}

    flat = np.full((24, 32, 3), 100, np.float32)
    loss = Ends(flat).with_distance(lambda target, current: ops.abs(target - current))
    current = flat.copy()
    current[0, 0, 0], current[1, 1, 1] = 90, 130
    assert evaluated_at(loss, tiny, current) == pytest.approx((10 + 30) / 2)


@pytest.mark.slow
@pytest.mark.parametrize(
    "layers",
    [
        {"block1_conv1": 5, "block2_conv1": 0},
        {"block1_conv1": 5, "block2_conv1": 0.1, "block3_conv1": 3},
        ["block1_conv1", "block2_conv1", "block3_conv1"],
        ["block2_conv1"],
    ],
)
def test_entries_that_are_some_of_the_layers_have_their_weights(
    tiny: FeatureModel, photo: Image, layers: Any
) -> None:
    """A chain has an entry for each pair, by its finer layer; its own distance has a ¼."""
    loss = GramChain(images.noise((24, 32), seed=2, uniform=(0, 255)), layers=layers)
    own, other = (evaluated_at(x, tiny, photo) for x in (loss, loss.with_distance("mse")))
    assert other == pytest.approx(4 * own, rel=1e-5)
    assert own > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("loss", "rounding"),
    [
        (Content(STYLE).with_distance("huber"), 2e-5),
        (Content(STYLE).with_distance(keras.losses.CosineSimilarity()), 2e-5),
        # It takes log 2 away, and rounds it by as much as 6e-8; what is left is 3e-4.
        (Histogram(STYLE).with_distance(keras.losses.LogCosh()), 1e-4),
        (Gram(STYLE).with_distance(keras.losses.MeanSquaredLogarithmicError()), 2e-5),
        (ShiftedGram(STYLE).with_distance(lambda t, c: ops.abs(t - c)), 2e-5),
    ],
)
def test_tiles_are_exact(tiny: FeatureModel, loss: Loss, rounding: float) -> None:
    noise = images.noise(SIZE, seed=1, uniform=(0, 255))
    tiled, whole = (evaluated(loss, tiny, noise, tile=tile) for tile in (47, None))
    assert tiled.loss == pytest.approx(whole.loss, rel=rounding)
    error = np.linalg.norm(tiled.gradient - whole.gradient)
    assert error < 2e-5 * np.linalg.norm(whole.gradient)
    assert isinstance(Objective(loss, tiny, SIZE, tile=47)._evaluator, TiledEvaluator)


@pytest.mark.parametrize(
    "metric",
    [
        keras.losses.MeanSquaredError(reduction="sum"),
        keras.losses.CosineSimilarity(axis=1),
        lambda target, current: ops.mean(target - current),
    ],
)
def test_a_map_is_tiled_only_with_a_value_for_every_position(
    tiny: FeatureModel, metric: Any
) -> None:
    loss = Content(images.noise(SIZE, uniform=(0, 255))).with_distance(metric)
    with pytest.raises(LossError, match="content cannot be evaluated in tiles"):
        Objective(loss, tiny, SIZE, tile=47)
    assert Content.tiling == "map"
    for pointwise in ("poisson", lambda target, current: ops.abs(target - current)):
        assert Content(images.noise(SIZE)).with_distance(pointwise).tiling == "map"


@pytest.mark.slow
def test_equal_distances_compile_once(tiny: FeatureModel, photo: Image) -> None:
    def compiled(delta: float) -> int:
        evaluated(Content(photo).with_distance(keras.losses.Huber(delta=delta)), tiny, photo)
        return len(tiny.compiled)

    assert compiled(0.1) == compiled(0.1) < compiled(0.2)


@pytest.mark.parametrize("delta", [0.1, 1.0, 2.0])
def test_it_is_computed_with_the_object_and_described_by_its_config(
    photo: Image, monkeypatch: pytest.MonkeyPatch, delta: float
) -> None:
    """Where Keras hides an option, a config that would be of another distance is none."""
    huber = keras.losses.Huber(delta=delta)
    loss = Content(photo).with_distance(huber)
    assert loss.other_distance is huber
    config: Any = loss.get_config()["with_distance"]
    assert config["class_name"] == "Huber"
    assert config["config"]["delta"] == delta
    monkeypatch.delattr(huber, "_fn_kwargs")
    found: Any = loss.get_config()["with_distance"]
    assert found is huber or found["config"].get("delta", 1.0) == delta


@pytest.mark.parametrize("metric", [None, 3, "hubert", keras.losses, {"class_name": "Reduction"}])
def test_what_is_no_distance(photo: Image, metric: Any) -> None:
    with pytest.raises(
        LossError, match=r"content: .* is not a distance: expected a keras.losses.Loss"
    ):
        Content(photo).with_distance(metric)


def test_a_loss_whose_target_is_no_statistic(tiny: FeatureModel, photo: Image) -> None:
    loss = TotalVariation().with_distance("mse")
    with pytest.raises(LossError, match=r"total_variation: with_distance needs.*NoneType"):
        evaluated(loss, tiny, photo)
    emd = RelaxedEMD(photo, layers=["image"]).with_distance("mse")
    with pytest.raises(LossError, match=r"relaxed_emd: with_distance needs.*places \(dict\)"):
        evaluated(emd, tiny, photo)
    other = Content(images.noise((20, 20), uniform=(0, 255))).with_distance("mse")
    with pytest.raises(LossError, match=r"content: at 'block4_conv2' the picture gives"):
        evaluated(other, tiny, photo)


@pytest.mark.parametrize(("kind", "options"), [(Wasserstein2, {}), (MMD, {"kernel": "gaussian"})])
def test_a_target_with_more_than_a_statistic(
    tiny: FeatureModel, photo: Image, kind: type[Loss], options: dict[str, Any]
) -> None:
    loss = kind(photo, layers=["block1_conv1"], **options).with_distance("mse")
    expected = rf"{loss.name}: with_distance needs.*got block1_conv1 \(dict\); this loss"
    with pytest.raises(LossError, match=expected):
        evaluated(loss, tiny, photo)


def test_a_loss_may_have_a_metric_of_its_own(tiny: FeatureModel, photo: Image) -> None:
    """The names of what every loss has are not those that an outsider would take."""

    class Own(Content):
        def __init__(self, *references: Any) -> None:
            super().__init__(*references, layers=["image"])
            self.metric, self.shares = "mae", (1, 2)

    assert evaluated_at(Own(photo), tiny, photo + 3) == pytest.approx(9, rel=1e-5)
