"""The protocol's defaults, and how losses add up."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from neural_style import Loss, WeightedSum, guided
from neural_style.errors import ImageError, LossError
from neural_style.extensions import Content, Gram, TotalVariation
from neural_style.images import Image


class Means(Loss):
    layers = ("a", "b")

    def statistic(self, features: Any, guides: Any) -> Any:
        return {name: np.mean(f, (0, 1, 2)) for name, f in features.items()}


def test_the_default_distance_is_the_mean_over_layers_of_the_mean_squared_difference() -> None:
    current = {"a": np.array([1.0, 3.0]), "b": np.array([2.0])}
    target = {"a": np.array([0.0, 0.0]), "b": np.array([0.0])}
    assert float(Means().distance(current, target)) == pytest.approx((5 + 4) / 2)
    weighted = Means(layers={"a": 10, "b": 0.5})
    assert float(weighted.distance(current, target)) == pytest.approx(10 * 5 + 0.5 * 4)


def test_the_default_target_is_the_one_reference(photo: Image) -> None:
    rng = np.random.default_rng()
    assert Means(photo).target([{"a": 1}], None, rng) == {"a": 1}
    wrong: list[list[Any]] = [[], [{}, {}]]
    for references in wrong:
        with pytest.raises(LossError, match="expected one reference image, got"):
            Means(photo).target(references, None, rng)


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
        ({"a": float("nan")}, "finite weight for 'a'"),
        ({"a": "1"}, "finite weight for 'a'"),
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


def test_sums_are_flat_ordered_and_named(photo: Image, painting: Image) -> None:
    content, gram = Content(photo), Gram(painting)
    total = 2.0 * (content + 3 * gram) + np.float32(0.5) * TotalVariation() + gram / 4
    assert [(t.name, t.weight) for t in total] == [
        ("content", 2.0),
        ("gram", 6.0),
        ("total_variation", 0.5),
        ("gram_2", 0.25),
    ]
    assert total[1].loss is gram
    assert len(total) == 4
    assert total[1:3] == total.terms[1:3]


def test_every_way_to_write_a_sum_gives_the_same(photo: Image) -> None:
    a, b = Content(photo), TotalVariation()
    expected = [("content", 1.0), ("total_variation", 2.0)]
    for total in (
        a + 2 * b,
        a + b * 2,
        sum([a, 2 * b]),
        WeightedSum((a + b).terms[:1]) + np.int64(2) * b,
        a + np.float64(2) * b,
        a + b / 0.5,
    ):
        assert isinstance(total, WeightedSum)
        assert [(t.name, t.weight) for t in total] == expected


def test_names_can_be_given(photo: Image) -> None:
    total = Gram(photo, name="ink") + Gram(photo, name="paper") + Gram(photo, name="ink")
    assert [t.name for t in total] == ["ink", "paper", "ink_2"]


def test_no_two_terms_share_a_name(photo: Image) -> None:
    total = Gram(photo) + Gram(photo) + Gram(photo, name="gram_2")
    assert len({t.name for t in total}) == 3


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), 1e39])
def test_a_weight_that_is_not_finite_is_an_error(weight: float, photo: Image) -> None:
    with pytest.raises(LossError, match="content: expected a weight that is finite"):
        weight * Content(photo)


@pytest.mark.parametrize("other", ["2", None, True, [1], 1j])
def test_what_is_no_number_does_not_multiply(other: Any, photo: Image) -> None:
    with pytest.raises(TypeError):
        other * Content(photo)
    with pytest.raises(TypeError):
        Content(photo) / other


@pytest.mark.parametrize("other", ["2", None, 1, [1]])
def test_what_is_no_loss_does_not_add(other: Any, photo: Image) -> None:
    with pytest.raises(TypeError):
        Content(photo) + other
    with pytest.raises(TypeError):
        other + Content(photo)


def test_an_empty_sum_is_an_error() -> None:
    with pytest.raises(LossError, match="at least one loss"):
        WeightedSum([])


def test_a_sum_prints_as_python_to_paste(photo: Image, painting: Image) -> None:
    total = (
        1e3 * Gram(painting, layers={"a": 0.2})
        + TotalVariation("squared")
        + Gram(painting, name="ink") / 3
        + Gram(photo, layers=["a"])
        + Gram(255 - photo, photo).blended([0.25, 0.75]).with_distance("huber")
    )
    shown = repr(total)
    assert shown == (
        "(\n"
        "    1000 * Gram(picture_20x28, layers={'a': 0.2})\n"
        "    + 1 * TotalVariation(power='squared', layers=('image',))\n"
        f"    + 0.3333333333333333 * Gram(picture_20x28, layers={Gram.layers}, name='ink')\n"
        "    + 1 * Gram(picture_24x32, layers=('a',))  # gram_2\n"
        f"    + 1 * Gram(picture_24x32_2, picture_24x32, layers={Gram.layers})"
        ".blended((0.25, 0.75)).with_distance('huber')  # gram_3\n"
        ")"
    )
    pasted = eval(
        shown,
        {"Gram": Gram, "TotalVariation": TotalVariation}
        | {"picture_20x28": painting, "picture_24x32": photo, "picture_24x32_2": 255 - photo},
    )
    assert pasted.get_config() == total.get_config()
    assert repr(1e3 * Gram(photo, layers=["a"])) == "1000 * Gram(picture_24x32, layers=('a',))"


def test_masks_and_keras_distances_print_as_python(photo: Image) -> None:
    mask = np.full((8, 9), 255, np.uint8)
    huber = keras.losses.Huber(delta=0.1, reduction="sum")
    total = guided(Gram(photo, layers=["a"]).with_distance(huber), [(mask, mask)])
    total += guided(TotalVariation(), [(mask // 2, None)])
    shown = repr(total)
    assert shown == (
        "(\n"
        "    1 * guided(Gram(picture_24x32, layers=('a',)).with_distance("
        "keras.losses.Huber(reduction='sum', delta=0.1)), [(mask_8x9, mask_8x9)])\n"
        "    + 1 * guided(TotalVariation(power='l1', layers=('image',)), [(mask_8x9_2, None)])\n"
        ")"
    )
    names = {"Gram": Gram, "TotalVariation": TotalVariation, "guided": guided, "keras": keras}
    pictures = {"picture_24x32": photo, "mask_8x9": mask, "mask_8x9_2": mask // 2}
    assert eval(shown, names | pictures).get_config() == total.get_config()


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
