"""The protocol's defaults."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neural_style import Loss, names
from neural_style.errors import ImageError, LossError
from neural_style.extensions import Content, Gram
from neural_style.images import Image
from neural_style.losses.registry import factory

WHITE = np.full((4, 4, 3), 255.0)


class Means(Loss):
    layers = ("a", "b")

    def statistic(self, features: Any, guides: Any) -> Any:
        return {name: np.mean(f, (0, 1, 2)) for name, f in features.items()}


def test_the_default_distance_is_the_mean_over_layers_of_the_mean_squared_difference() -> None:
    current = {"a": np.array([1.0, 3.0]), "b": np.array([2.0])}
    target = {"a": np.array([0.0, 0.0]), "b": np.array([0.0])}
    assert float(Means(WHITE).distance(current, target)) == pytest.approx((5 + 4) / 2)
    weighted = Means(WHITE, layers={"a": 10, "b": 0.5})
    assert float(weighted.distance(current, target)) == pytest.approx(10 * 5 + 0.5 * 4)


def test_the_default_target_is_the_one_reference(photo: Image) -> None:
    rng = np.random.default_rng()
    assert Means(photo).target([{"a": 1}], None, rng) == {"a": 1}
    wrong: list[list[Any]] = [[], [{}, {}]]
    for references in wrong:
        with pytest.raises(LossError, match="expected one reference image, got"):
            Means(photo).target(references, None, rng)


@pytest.mark.parametrize("name", [n for n in names() if n != "total_variation"])
def test_a_loss_needs_its_reference_at_once(name: str, photo: Image) -> None:
    kind = factory(name)
    with pytest.raises(LossError, match=rf"got none; write {kind.__name__}\(painting\)"):
        kind()
    for several in ([photo, photo], ("a.png", "b.png")):
        with pytest.raises(
            LossError, match=rf"by itself, got .* of 2; write {kind.__name__}\(a, b"
        ):
            kind(several)


def test_a_loss_of_ones_own_that_measures_nothing_needs_none() -> None:
    class Bright(Means):
        def target(self, references: Any, current: Any, rng: Any) -> None:
            pass

    assert Bright().references == ()


def test_a_statistic_that_differs_in_shape_from_its_target_is_an_error(photo: Image) -> None:
    loss = Content(photo, layers=["a"])
    with pytest.raises(LossError, match=r"content: at 'a'.*\(1, 2, 2, 3\).*\(1, 2, 3, 3\)"):
        loss.distance({"a": np.zeros((1, 2, 2, 3))}, {"a": np.zeros((1, 2, 3, 3))})


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ("block1_conv1", "is one string"),
        ((), "names of one or more layers"),
        ((1, 2), "names of one or more layers"),
        (("a", "a"), "named twice"),
        ({"a": float("nan")}, "expected a weight of 0 or more, finite in float32, for 'a'"),
        ({"a": "1"}, "expected a weight of 0 or more, finite in float32, for 'a'"),
    ],
)
def test_layers_that_are_none_are_an_error(layers: Any, message: str, photo: Image) -> None:
    with pytest.raises(LossError, match=message):
        Gram(photo, layers=layers)


def test_a_reference_that_is_no_picture_is_named(photo: Image) -> None:
    with pytest.raises(ImageError, match=r"Gram's reference: .* 'painting\.jpg'; read it with"):
        Gram("painting.jpg")
    with pytest.raises(ImageError, match="Content's reference: expected values from 0 to 255"):
        Content(photo / 255)


def test_a_loss_is_made_again_from_its_config(photo: Image) -> None:
    gram = Gram(photo, layers={"a": 0.2}, name="ink")
    again = Gram.from_config(gram.get_config(), photo)
    assert again.get_config() == gram.get_config() == {"layers": {"a": 0.2}, "name": "ink"}


def test_a_blend_is_the_mean_statistic(photo: Image) -> None:
    loss = Means(photo, photo)
    blend = loss.blended([0.25, 0.75])
    rng = np.random.default_rng()
    statistics = [{"a": np.array(x, np.float32)} for x in ([1, 2], [5, -2])]
    target = blend.target(statistics, None, rng)["a"]
    assert target.tolist() == [4, -1]
    assert target.dtype == np.float32
    assert loss.blend_shares is None  # a copy
    with pytest.raises(LossError, match=r"blend their statistics, Gram\(first, second\).blended"):
        loss.target(statistics, None, rng)
    statistics[1]["a"] = np.zeros(3, np.float32)
    with pytest.raises(LossError, match=r"means: at 'a' the references to blend give \(2,\), \(3,"):
        blend.target(statistics, None, rng)


@pytest.mark.parametrize(
    "shares", [[], [1.0], [0.5, 0.6], [0.2, 0.3, 0.5], [float("nan"), 0.5], [float("inf"), 0]]
)
def test_shares_are_one_for_each_reference_with_a_sum_of_one(photo: Image, shares: Any) -> None:
    with pytest.raises(LossError, match=r"means: expected 2 shares with a sum of 1"):
        Means(photo, photo).blended(shares)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"a": -1.0, "b": 2.0}, r"means: expected a weight of 0 or more.* for 'a', got -1\.0"),
        ({"a": 1.0, "b": 1e39}, "finite in float32, for 'b'"),
        ({"a": float("nan")}, "for 'a', got nan"),
        ({"a": 0, "b": 0.0}, "means: every layer weighs 0"),
        ({"a": 1e-60}, "means: every layer weighs 0"),
    ],
)
def test_layers_have_weights_that_compare(photo: Image, weights: Any, message: str) -> None:
    with pytest.raises(LossError, match=message):
        Means(photo, layers=weights)
    kind = type("Means", (Means,), {"layers": weights})
    with pytest.raises(LossError, match=message):
        kind(photo)
    assert Means(photo, layers={"a": 0, "b": 2}).layer_weights == {"a": 0, "b": 2}
