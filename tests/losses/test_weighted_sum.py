"""How losses add up, and how a sum prints."""

from __future__ import annotations

import copy
import operator as op
import re
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from neural_style import WeightedSum, default_loss, guided
from neural_style.errors import LossError, OperandError
from neural_style.extensions import Content, Gram, TotalVariation
from neural_style.images import Image


def _turned(act: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda a, b: act(b, a)


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


@pytest.mark.parametrize("other", ["2", None, True, [1], 1j, np.ones(2), TotalVariation(), Gram])
def test_what_is_no_number_does_not_multiply(other: Any, photo: Image) -> None:
    for loss in (Content(photo), Content(photo) + TotalVariation()):
        for act in (op.mul, _turned(op.mul), op.truediv):
            with pytest.raises(OperandError, match=r"expected a (number as its weight|loss), got"):
                act(loss, other)


@pytest.mark.parametrize(
    ("other", "remedy"),
    [
        (1, r"2 \* loss"),
        (0.0, "sum"),
        ("gram", "neural_style.create"),
        ([1], r"sum\(\[a, b\]\)"),
        (None, "the loss comes first"),
        (np.ones((4, 4, 3)), "the loss comes first"),
        (Gram, r"make (a loss from it|one), Gram\(…\)"),
        (default_loss, r"default_loss\(…\)"),
        (TotalVariation().terms_of_sum()[0], r"term.weight \* term.loss"),
    ],
    ids=lambda value: None if isinstance(value, str) else type(value).__name__,
)
def test_what_is_no_loss_does_not_add(other: Any, remedy: str, photo: Image) -> None:
    for loss in (Content(photo), Content(photo) + TotalVariation()):
        for act in (op.add, _turned(op.add)):
            with pytest.raises(OperandError, match=remedy):
                act(loss, other)


@pytest.mark.parametrize(
    ("act", "remedy"),
    [
        (lambda a, b: a - b, "other + -1 * loss"),
        (lambda a, b: 1 - a, "other + -1 * loss"),
        (lambda a, b: (a + b) - b, "other + -1 * loss"),
        (lambda a, b: -a, "other + -1 * loss"),
        (lambda a, b: a**2, "multiplied by numbers, 2 * loss"),
        (lambda a, b: 2 / a, "multiplied by numbers, 2 * loss"),
        (lambda a, b: a // b, "multiplied by numbers, 2 * loss"),
        (lambda a, b: a @ b, "multiplied by numbers, 2 * loss"),
        (lambda a, b: abs(a), "multiplied by numbers, 2 * loss"),
    ],
)
def test_other_operators_say_what_to_write(
    act: Callable[[Any, Any], Any], remedy: str, photo: Image
) -> None:
    with pytest.raises(OperandError, match=re.escape(remedy)):
        act(Content(photo), TotalVariation())


@pytest.mark.parametrize(
    "act",
    [
        lambda loss: Gram + loss,
        lambda loss: loss + Gram,
        lambda _: 3 * Gram,
        lambda _: np.float32(3) * Gram,
        lambda _: Gram / 2,
        lambda _: -Gram,
        lambda _: sum([Gram, Content]),
    ],
)
def test_a_class_is_no_loss(act: Callable[[Any], Any], photo: Image) -> None:
    with pytest.raises(OperandError, match=r"got the class Gram; make .*Gram\(…\)"):
        act(Content(photo))


def test_a_sum_says_that_a_method_is_of_its_losses(photo: Image) -> None:
    with pytest.raises(AttributeError, match=r"'blended'; a loss has it: total\[0\]"):
        (2 * Gram(photo, photo)).blended([0.5, 0.5])
    total = Content(photo) + TotalVariation()
    assert not hasattr(total, "nothing")
    assert copy.deepcopy(total).get_config() == total.get_config()


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
