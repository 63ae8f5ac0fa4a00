"""Sums of losses through JSON and pickle, and blends in a run."""

from __future__ import annotations

import functools
import json
import pickle
from typing import Any

import keras
import numpy as np
import pytest
from objectives import evaluated

from neural_style import Custom, FeatureModel, Loss, WeightedSum, guided, register
from neural_style.errors import LossError, RegistryError
from neural_style.extensions import (
    MMD,
    Content,
    Gram,
    Histogram,
    Laplacian,
    RelaxedEMD,
    SelfSimilarity,
    ShiftedGram,
    SlicedWasserstein,
    TotalVariation,
)
from neural_style.images import Image, digest
from neural_style.losses import registry

SIZE = (24, 32)
LEFT = np.where(np.arange(32) < 9, 255, 0)[None].repeat(24, 0)


@pytest.fixture(autouse=True)
def nothing_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})


def everything(photo: Image, painting: Image) -> WeightedSum:
    return (
        Content(photo).with_distance(keras.losses.Huber(delta=0.1))
        + 0.1 * Gram(painting, layers={"block1_conv1": 0.3})
        + Gram(painting, 255 - painting, name="ink").blended([0.3, 0.7])
        + guided(ShiftedGram(painting, shifts=range(1, 3)), [(LEFT, 255 - LEFT)])
        + ShiftedGram(painting, shifts={"block2_conv1": [1]}, axes="x")
        + guided(TotalVariation(np.float64(1.5)), [(LEFT, None)])
        + Histogram(painting, refresh_every=7)
    )


def through_json(total: WeightedSum) -> WeightedSum:
    config = json.loads(json.dumps(total.get_config(), allow_nan=False))
    return WeightedSum.from_config(config, total.pictures())


@pytest.mark.slow
@pytest.mark.parametrize("again", [through_json, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_sum_is_made_again(tiny: FeatureModel, photo: Image, painting: Image, again: Any) -> None:
    total = everything(photo, painting)
    other = again(total)
    assert other.get_config() == total.get_config()
    assert repr(other) == repr(total)
    one, two = (evaluated(each, tiny, photo) for each in (total, other))
    assert one.loss == two.loss
    assert one.terms == two.terms
    np.testing.assert_array_equal(one.gradient, two.gradient)


def test_the_config_by_hand(photo: Image) -> None:
    mask = LEFT.astype(np.float32)
    total = 2 * guided(Gram(photo, layers=["a"]), [(LEFT, 255 - LEFT)])
    assert total.get_config() == {
        "terms": [
            {
                "loss": "gram",
                "weight": 2.0,
                "config": {"layers": ["a"], "name": "gram"},
                "references": [digest(photo)],
                "masks": [digest(mask), [digest(255 - mask)]],
            }
        ]
    }
    assert set(total.pictures()) == {digest(photo), digest(mask), digest(255 - mask)}


@pytest.mark.parametrize("name", ["content", "gram", "shifted_gram", "histogram"])
def test_every_built_in_loss(name: str, photo: Image) -> None:
    total = WeightedSum(registry.create(name, photo).terms_of_sum())
    assert through_json(total).get_config() == total.get_config()


def test_a_loss_without_a_name_says_what_to_do(photo: Image) -> None:
    class Mine(Loss):
        layers = ("image",)

    with pytest.raises(RegistryError, match=r"Mine has no name: register it"):
        (1 * Mine(photo)).get_config()
    register("mine")(Mine)
    total = 3 * Mine(photo)
    assert type(through_json(total)[0].loss) is Mine
    config = total.get_config()
    registry._registered.clear()
    with pytest.raises(RegistryError, match="no loss is called 'mine'"):
        WeightedSum.from_config(config, total.pictures())


def test_what_json_does_not_have_is_named(photo: Image) -> None:
    loss = Gram(photo).with_distance(lambda target, current: (target - current) ** 2)
    with pytest.raises(LossError, match=r"gram's with_distance: <function .* write a Loss class"):
        (1 * loss).get_config()
    again = Gram.from_config(loss.get_config(), photo)
    assert again.other_distance is loss.other_distance


def test_a_missing_picture_is_named(photo: Image) -> None:
    total = 1 * Gram(photo)
    with pytest.raises(LossError, match=f"no picture has the digest '{digest(photo)}'"):
        WeightedSum.from_config(total.get_config(), {})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"config": {"layer": ["a"]}}, "gram: no option 'layer': did you mean 'layers'"),
        (
            {"config": {"layers": ["a"], "with_distance": "os.system"}},
            "'os.system' is not a distance",
        ),
        (
            {"config": {"with_distance": {"class_name": "os.system", "config": {}}}},
            "is not a distance",
        ),
        (
            {"config": {"with_distance": {"class_name": "Huber", "config": {"a": 1}}}},
            "is not a distance",
        ),
        ({"weight": "heavy"}, "ValueError"),
        ({"weight": float("nan")}, "finite"),
        ({"references": None}, "TypeError"),
        ({"masks": []}, "ValueError"),
    ],
)
def test_a_config_that_is_none(photo: Image, change: Any, message: str) -> None:
    total = 1 * Gram(photo)
    config = total.get_config()
    config["terms"][0].update(change)
    with pytest.raises(LossError, match=message):
        WeightedSum.from_config(config, total.pictures())
    with pytest.raises(LossError, match=r"is not valid for a sum of losses \(KeyError"):
        WeightedSum.from_config({}, {})


@pytest.mark.slow
def test_a_blend_of_one_style_is_that_style(
    tiny: FeatureModel, photo: Image, painting: Image
) -> None:
    one, all_of_it, half = (
        evaluated(loss, tiny, photo)
        for loss in (
            Gram(painting),
            Gram(painting, photo).blended([1, 0]),
            Gram(painting, painting).blended([0.5, 0.5]),
        )
    )
    assert one.loss == pytest.approx(all_of_it.loss, rel=1e-5)
    assert one.loss == pytest.approx(half.loss, rel=1e-5)


@pytest.mark.slow
def test_a_blend_in_tiles(tiny: FeatureModel, photo: Image, painting: Image) -> None:
    loss = Gram(photo, np.tile(painting, (3, 3, 1))).blended([0.4, 0.6])
    picture = np.tile(photo, (3, 3, 1))
    tiled, whole = (evaluated(loss, tiny, picture, tile=tile) for tile in (45, None))
    assert tiled.loss == pytest.approx(whole.loss, rel=2e-5)


@pytest.mark.parametrize(
    "make",
    [
        Content,
        Histogram,
        SlicedWasserstein,
        RelaxedEMD,
        SelfSimilarity,
        Laplacian,
        functools.partial(MMD, kernel="gaussian"),
        functools.partial(Custom, statistic=lambda f: keras.ops.reshape(f, (-1, f.shape[-1]))),
    ],
)
def test_what_keeps_positions_is_not_blended(tiny: FeatureModel, photo: Image, make: Any) -> None:
    """Of two paintings, half black and half white, the blend would be all gray."""
    with pytest.raises(LossError, match=r"cannot be blended: its statistic keeps .* add losses"):
        evaluated(make(photo, 255 - photo, layers=["image"]).blended([0.5, 0.5]), tiny, photo)


def test_what_aggregates_is_blended(tiny: FeatureModel, photo: Image) -> None:
    """By the mean of the pixels: of a picture and its negative, 127.5."""

    def mean(x: Any) -> Any:
        return keras.ops.mean(x, (1, 2))

    loss = Custom(photo, 255 - photo[:20], layers=["image"], statistic=mean).blended([0, 1])
    expected = np.square(photo.mean((0, 1)) - (255 - photo[:20]).mean((0, 1))).mean()
    assert evaluated(loss, tiny, photo).loss == pytest.approx(expected, rel=1e-3)
