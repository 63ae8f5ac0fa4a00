"""The protocol's defaults."""

from __future__ import annotations

import functools
import inspect
import re
import subprocess
import sys
import textwrap
from typing import Any, ClassVar

import numpy as np
import pytest
import tensorflow as tf
from by_hand import A_TARGET, A, value

from neural_style import FeatureLoss, Loss, MatchingLoss, StatisticLoss, losses, names, ops, option
from neural_style.errors import ImageError, LossError
from neural_style.extensions import Content, Gram, Histogram, ShiftedGram, TotalVariation
from neural_style.images import Image
from neural_style.losses import calls
from neural_style.losses.options import positive
from neural_style.losses.registry import factory
from neural_style.testing.kit import CHECKS
from neural_style.testing.loss_under_test import Subject

WHITE = np.full((4, 4, 3), 255.0)


class Means(Loss):
    layers = ("a", "b")
    tiling = "mean"

    def statistics(self, features: Any, mean: Any) -> Any:
        return {name: mean[name](f) for name, f in features.items()}


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
            LossError, match=rf"as an argument, got a .* of 2; write {kind.__name__}\(a, b"
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
        calls.value(loss, {"a": np.zeros((1, 2, 2, 3))}, {"a": np.zeros((1, 2, 3, 3))})


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
    target = calls.target(blend, statistics, None, rng)["a"]
    assert target.tolist() == [4, -1]
    assert target.dtype == np.float32
    assert loss.blend_shares is None  # a copy
    with pytest.raises(LossError, match=r"blend their statistics, Gram\(first, second\).blended"):
        calls.target(loss, statistics, None, rng)
    statistics[1]["a"] = np.zeros(3, np.float32)
    with pytest.raises(LossError, match=r"means: at 'a' the references to blend give \(2,\), \(3,"):
        calls.target(blend, statistics, None, rng)


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
        ({"a": 0, "b": 0.0}, "means: every layer has the weight 0"),
        ({"a": 1e-60}, "means: every layer has the weight 0"),
    ],
)
def test_layers_have_weights_that_compare(photo: Image, weights: Any, message: str) -> None:
    with pytest.raises(LossError, match=message):
        Means(photo, layers=weights)
    kind = type("Means", (Means,), {"layers": weights})
    with pytest.raises(LossError, match=message):
        kind(photo)
    assert Means(photo, layers={"a": 0, "b": 2}).layer_weights == {"a": 0, "b": 2}


def test_only_means_are_blended(photo: Image) -> None:
    """A mixture of two pictures position by position is neither of them."""
    for loss in (Content(photo, photo), Histogram(photo, photo)):
        with pytest.raises(LossError, match=f"{loss.name} cannot be blended: .* add losses"):
            loss.blended([0.5, 0.5])
    assert ShiftedGram(photo, photo, flips="x").blended([0.5, 0.5]).blend_shares == (0.5, 0.5)


class Powers(StatisticLoss):
    layers = ("a",)
    power: float = option(2.0, positive)
    kind: ClassVar[str] = "none of the options"
    factor: int = 3

    def statistic(self, f: Any, mean: Any) -> Any:
        return mean(self.factor * f**self.power)


class Cubes(Powers):
    power = 3.0
    offset: float = 0.0


def test_options_are_the_annotated_attributes(photo: Image) -> None:
    loss = Cubes(photo, offset=1.5)
    assert loss.get_config() == {
        "power": 3.0,
        "factor": 3,
        "offset": 1.5,
        "layers": ("a",),
        "name": "cubes",
    }
    assert repr(loss) == "Cubes(picture_24x32, power=3.0, factor=3, offset=1.5, layers=('a',))"
    again = Cubes.from_config(loss.get_config(), photo)
    assert again == loss
    assert hash(again) == hash(loss)
    assert loss not in (Cubes(photo), Cubes(255 - photo, offset=1.5), Powers(photo))
    assert str(inspect.signature(Cubes)) == (
        "(*references, power=3.0, factor=3, offset=0.0, layers=('a',), name=None)"
    )
    with pytest.raises(LossError, match="powers's power: expected a finite number above 0, got 0"):
        Powers(photo, power=0)
    with pytest.raises(LossError, match="no option 'powr': did you mean 'power'"):
        Powers(photo, powr=2)
    with pytest.raises(LossError, match="Shared: the default of 'steps' is a list"):

        class Shared(Loss):
            steps: list[int] = []  # noqa: RUF012


def test_an_option_hides_no_method() -> None:
    with pytest.raises(LossError, match="Hiding: the option 'value' would hide"):

        class Hiding(Loss):
            value: float = 1.0  # type: ignore[assignment]


def test_without_a_reference_options_can_go_by_their_order(photo: Image) -> None:
    assert TotalVariation("squared") == TotalVariation(power="squared")
    for values in ((photo,), ("l1", 2)):
        with pytest.raises(LossError, match="total_variation takes no reference picture: expected"):
            TotalVariation(*values)
    with pytest.raises(LossError, match="the option power is given by position and by name"):
        TotalVariation("l1", power="squared")


def test_a_map_is_a_feature_loss() -> None:
    with pytest.raises(LossError, match='Map: only a FeatureLoss may have tiling = "map"'):

        class Map(Loss):
            tiling = "map"


def returns(value: Any) -> Any:
    return lambda *_: value


@pytest.mark.parametrize(
    ("kind", "methods", "message"),
    [
        (StatisticLoss, {}, r"the class Wrong needs a method statistic\(self, f, mean\)"),
        (StatisticLoss, {"statistic": returns([1])}, "expected one tensor from statistic, at 'a'"),
        (StatisticLoss, {"summary": returns((1, 2))}, "one tensor from summary, got a tuple"),
        (StatisticLoss, {"distance": returns(np.ones(3))}, r"one number .* of shape \(3,\)"),
        (FeatureLoss, {"distance": returns(None)}, "expected values for each position from dist"),
        (MatchingLoss, {}, r"the class Wrong needs a method match\(self, f, reference, rng\)"),
        (
            Loss,
            {"statistics": returns([1])},
            "expected a dict of tensors from statistics, got list",
        ),
        (Loss, {"statistics": returns({"a": (1, 2)})}, "statistics, at 'a' it has a tuple"),
        (Loss, {"distance": returns(None)}, "expected one number from distance, got NoneType"),
    ],
)
def test_what_a_method_returns_is_checked(
    photo: Image, kind: type[Loss], methods: dict[str, Any], message: str
) -> None:
    if kind is StatisticLoss and methods:
        methods = {"statistic": lambda _, f, mean: mean(f), **methods}
    loss = type("Wrong", (kind,), {"layers": ("a",), **methods})(photo)
    with pytest.raises(LossError, match=f"wrong: .*{message}"):
        value(loss, A, A_TARGET)


def test_an_if_on_a_tensor_is_named(photo: Image) -> None:
    class Wrong(FeatureLoss):
        layers = ("a",)

        def transform(self, f: Any) -> Any:
            return f if ops.max(f) > 0 else -f

    traced = tf.function(functools.partial(calls.statistics, Wrong(photo)), autograph=False)
    with pytest.raises(LossError, match="wrong: its transform has a Python if or loop on the val"):
        traced({"a": np.ones((1, 2, 2, 3))})


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Spread", "Tones", "Clipped", "Level"])
def test_the_losses_of_the_docstring_are_right(name: str) -> None:
    found = re.search(r"(?ms)^    from neural_style import .*?(?=^- )", losses.__doc__ or "")
    assert found is not None
    written: dict[str, Any] = {"__name__": "written"}
    exec(textwrap.dedent(found[0]), written)
    subject = Subject(written[name])
    for check in ("scales_with_its_layer_weights", "tiled_equals_whole"):
        CHECKS[check](subject)


def test_what_an_author_wrote_is_named_when_it_fails(photo: Image) -> None:
    class Wrong(FeatureLoss):
        layers = ("a",)

        def transform(self, f: Any) -> Any:
            return f.channels

    with pytest.raises(LossError, match=r"wrong: its transform raised AttributeError: .*channels"):
        calls.statistics(Wrong(photo), {"a": np.zeros((1, 2, 2, 3))})


def test_a_wrong_option_is_told_without_tensorflow() -> None:
    code = """
import sys
import numpy as np
import neural_style.losses
from neural_style import errors, extensions, guided
picture = np.zeros((8, 8, 3))
for name in extensions.__all__:
    kind = getattr(extensions, name)
    loss = kind() if kind.role == "none" else kind(picture)
    try:
        kind(*loss.references, wrong=1)
    except errors.LossError as error:
        assert "no option 'wrong'" in str(error)
    else:
        raise AssertionError(name)
assert repr(guided(extensions.Content(picture), [(picture + 255, None)]))
assert not {"tensorflow", "keras"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
