"""Tiles: the loss, every term and the gradient are those of the whole picture."""

from __future__ import annotations

import itertools
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from objectives import ready

from neural_style import (
    FeatureModel,
    Loss,
    Objective,
    default_loss,
    images,
    minimize,
    transfer,
)
from neural_style.errors import LayerError, LossError, OptionError
from neural_style.extensions import Content, Gram, Histogram, ShiftedGram, TotalVariation
from neural_style.features.receptive_field import Field
from neural_style.images import Image, Size
from neural_style.losses.base_classes import FeatureLoss, MatchingLoss, StatisticLoss
from neural_style.losses.weighted_sum import WeightedSum
from neural_style.objective import objective as objective_module
from neural_style.objective.objective import Evaluation
from neural_style.objective.tile_geometry import Axis, Halo, Window, windows
from neural_style.objective.tiled import TiledEvaluator
from neural_style.objective.whole import WholeImageEvaluator
from neural_style.recipes import presets

pytestmark = pytest.mark.slow

ops = keras.ops

SIZE, TILE = (75, 89), 47
GRIDS = [
    pytest.param(SIZE, TILE, id="3x3"),
    pytest.param((100, 31), 36, id="column"),
    pytest.param((64, 96), 50, id="even"),
]


@pytest.fixture(scope="module", params=["max", "average"])
def network(request: pytest.FixtureRequest, tiny_network: keras.Model, tiny: FeatureModel) -> Any:
    """`tiny`, and the same with average pooling."""
    if request.param == "max":
        return tiny

    def average(layer: keras.Layer) -> keras.Layer:
        if isinstance(layer, keras.layers.MaxPooling2D):
            return keras.layers.AveragePooling2D(layer.pool_size, name=layer.name)
        return layer.__class__.from_config(layer.get_config())

    model = keras.models.clone_model(tiny_network, clone_function=average)
    model.set_weights(tiny_network.get_weights())
    return FeatureModel(model, preprocess=tiny.preprocess)


def stripes(size: Size, period: float = 9.0) -> Image:
    """A painting unlike noise, so that differences of statistics are no rounding errors."""
    y, x = np.mgrid[: size[0], : size[1]]
    waves = [np.sin((a * x + b * y) / period) for a, b in ((1, 0.2), (0.3, 1), (1, 1))]
    return (127.5 + 120 * np.stack(waves, -1)).astype(np.float32)


LOSSES: dict[str, Loss] = {
    "content": Content(stripes(SIZE)),
    "content-layers": Content(
        stripes(SIZE), layers={"image": 0.1, "block1_conv1": 1, "block5_conv1": 3}
    ),
    "gram": Gram(stripes((60, 70))),
    "shifted": ShiftedGram(
        stripes((60, 70)), shifts={"block1_conv1": [1, 12], "block4_conv1": [3, -5], "image": [7]}
    ),
    "shifted-x": ShiftedGram(stripes((60, 70)), shifts=[4], axes="x"),
    "shifted-y": ShiftedGram(stripes((60, 70)), shifts=[4], axes="y"),
    "histogram": Histogram(stripes((60, 70))),
    "variation-l1": TotalVariation(),
    "variation-squared": TotalVariation("squared"),
    "variation-1.25": TotalVariation(1.25, layers=["image", "block3_conv1"]),
}


def everything(size: Size) -> WeightedSum:
    return (
        Content(stripes(size))
        + 10 * Gram(stripes((60, 70)))
        + 10 * ShiftedGram(stripes((60, 70)), shifts=[2])
        + Histogram(stripes((60, 70)))
        + 1e-3 * TotalVariation()
    )


def both(
    loss: Any, features: FeatureModel, image: Image, tile: int
) -> tuple[Evaluation, Evaluation]:
    """The picture evaluated in tiles, and whole."""
    tiled, whole = (ready(loss, features, image, tile=t) for t in (tile, None))
    assert isinstance(tiled._evaluator, TiledEvaluator)
    assert isinstance(whole._evaluator, WholeImageEvaluator)
    return tiled(image), whole(image)


def norm(x: Any) -> float:
    return float(np.linalg.norm(x))


def assert_equal(tiled: Evaluation, whole: Evaluation) -> None:
    assert tiled.terms == pytest.approx(whole.terms, rel=2e-5)
    assert tiled.weighted == pytest.approx(whole.weighted, rel=2e-5)
    assert tiled.loss == pytest.approx(whole.loss, rel=1e-5)
    assert tiled.gradient.dtype == np.float32
    assert norm(tiled.gradient - whole.gradient) < 2e-5 * norm(whole.gradient)


def grid(objective: Objective) -> list[Window]:
    assert isinstance(objective._evaluator, TiledEvaluator)
    return objective._evaluator.backward_windows


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss(network: FeatureModel, name: str) -> None:
    assert_equal(*both(LOSSES[name], network, images.noise(SIZE, seed=1, uniform=(0, 255)), TILE))


@pytest.mark.parametrize(("size", "tile"), GRIDS)
def test_their_sum(network: FeatureModel, size: Size, tile: int) -> None:
    assert_equal(
        *both(everything(size), network, images.noise(size, seed=1, uniform=(0, 255)), tile)
    )


def test_the_real_network() -> None:
    keras.utils.set_random_seed(0)  # of weights: now and then, rounding turns a ReLU or a maximum
    features = FeatureModel("vgg19", weights=None)
    size = (400, 330)
    loss = (
        Content(stripes(size))
        + Gram(stripes((300, 200)))
        + ShiftedGram(stripes((300, 200)), shifts=[4, 8], layers=["block2_conv1", "block4_conv1"])
        + TotalVariation()
    )
    noise = images.noise(size, seed=1, uniform=(0, 255))
    _, once = both(loss, features, noise, 288)
    # With weights of one over its value, each has its part in the gradient.
    assert_equal(*both(sum(t.loss / once.terms[t.name] for t in loss), features, noise, 288))


def test_no_seam_is_in_the_gradient(tiny: FeatureModel) -> None:
    noise = images.noise(SIZE, seed=1, uniform=(0, 255))
    tiled, whole = both(everything(SIZE), tiny, noise, TILE)
    error = np.abs(tiled.gradient - whole.gradient)
    seams = np.zeros(SIZE, bool)
    for window in grid(Objective(everything(SIZE), tiny, SIZE, tile=TILE)):
        rows, columns = window.cores["image"]
        seams[[max(0, rows.start - 1), rows.start]] = True
        seams[:, [max(0, columns.start - 1), columns.start]] = True
    assert 0.05 < seams.mean() < 0.3
    assert error[seams].max() <= 1.5 * error[~seams].max()
    assert error[seams].mean() <= 1.5 * error[~seams].mean()


def test_refreshed_targets_are_the_same(tiny: FeatureModel) -> None:
    noise = images.noise(SIZE, seed=1, uniform=(0, 255))
    for loss in (Histogram(stripes((60, 70))), Content(stripes(SIZE))):
        tiled, whole = (ready(loss, tiny, noise, tile=tile) for tile in (TILE, None))
        for objective in (tiled, whole):
            objective.refresh(noise[::-1].copy(), round=1)
        assert tiled._targets
        assert whole._targets
        for layer, target in tiled._targets[0].items():
            expected = whole._targets[0][layer].numpy()
            assert target.shape == expected.shape
            # Values that are alike but for rounding may change places when they are sorted.
            near = np.isclose(target, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
            assert near.mean() > 0.999


def test_a_loss_by_hand() -> None:
    """Rows of 0, 1, … 5: of |dy| every one is 1, and the third window starts at row 4."""
    inputs = keras.Input((None, None, 3))
    outputs = keras.layers.Activation("linear", name="same")(inputs)
    features = FeatureModel(keras.Model(inputs, outputs), preprocess="raw")
    rows = np.repeat(np.arange(6, dtype=np.float32), 6).reshape(6, 2, 3)
    objective = ready(TotalVariation("squared"), features, rows, tile=3)
    assert isinstance(objective._evaluator, TiledEvaluator)
    cores = [(w.pixels[0], w.cores["image"][0]) for w in objective._evaluator.forward_windows]
    assert [(p.start, p.stop) for p, _ in cores] == [(0, 3), (1, 4), (3, 6)]
    assert [(c.start, c.stop) for _, c in cores] == [(0, 1), (1, 3), (3, 6)]
    value = objective(rows)
    assert value.loss == pytest.approx(1, rel=1e-6)
    # 5 rows of 6 pairs: 2 dy / 30 from below and above, which cancel but at the ends.
    expected = np.zeros((6, 2, 3))
    expected[0], expected[-1] = -2 / 30, 2 / 30
    np.testing.assert_allclose(value.gradient, expected, atol=1e-8)


def test_a_network_of_other_kinds_of_layers() -> None:
    keras.utils.set_random_seed(0)
    layers = keras.layers
    inputs = keras.Input((None, None, 3))
    x = layers.ZeroPadding2D((1, 2))(inputs)
    x = y = layers.Conv2D(6, 5, strides=2, activation="relu", name="a")(x)
    x = layers.BatchNormalization()(layers.DepthwiseConv2D((3, 5), padding="same")(x))
    x = layers.Add()([x, y])
    x = layers.AveragePooling2D(3, 2, name="b")(x)
    x = layers.Conv2D(6, 3, dilation_rate=2, name="c")(x)
    features = FeatureModel(keras.Model(inputs, x), preprocess=lambda image: image / 255)
    for size in ((97, 110), (99, 100)):
        loss = (
            Content(stripes(size), layers=["a", "c"])
            + Gram(stripes((60, 70)), layers=["a", "b", "c"])
            + ShiftedGram(stripes((60, 70)), shifts={"b": [1], "c": [2]})
        )
        assert_equal(*both(loss, features, images.noise(size, seed=1, uniform=(0, 255)), 60))


class Moments(StatisticLoss):
    """The README's."""

    layers = ("block1_conv1", "block4_conv1")

    def statistic(self, f: Any, mean: Any) -> Any:
        return ops.stack([mean(f), mean(f**2)])


class Deviations(Moments):
    """What is computed of means, of those of the whole picture."""

    def summary(self, s: Any) -> Any:
        return ops.sqrt(s[1] - s[0] ** 2 + 1e-5)


class Huber(Content):
    def distance(self, current: Any, target: Any) -> Any:
        return keras.losses.Huber(delta=0.1, reduction=None)(target, current)


class Gray(FeatureLoss):
    role = "none"
    layers = ("image",)
    level: float = 128.0

    def distance(self, current: Any, target: None) -> Any:
        return keras.ops.square(current - self.level)


@pytest.mark.parametrize("kind", [Moments, Deviations, Huber, Gray])
def test_an_outsiders_loss(tiny: FeatureModel, kind: Any) -> None:
    loss = kind() if kind.role == "none" else kind(stripes(SIZE))
    assert_equal(*both(loss, tiny, images.noise(SIZE, seed=1, uniform=(0, 255)), TILE))


def test_the_same_bits_twice(tiny: FeatureModel) -> None:
    noise = images.noise(SIZE, seed=1, uniform=(0, 255))
    one, two = (ready(everything(SIZE), tiny, noise, tile=TILE)(noise) for _ in range(2))
    assert one.loss == two.loss
    np.testing.assert_array_equal(one.gradient, two.gradient)


def test_it_is_compiled_once(tiny: FeatureModel) -> None:
    noise = images.noise(SIZE, seed=1, uniform=(0, 255))
    objective = ready(everything(SIZE), tiny, noise, tile=TILE)
    objective(noise)
    assert objective.trace_count == 4  # a pass each, and to measure the content and the histogram
    compiled = len(tiny.compiled)
    objective.refresh(noise[::-1].copy(), round=1)
    objective(noise)
    assert objective.trace_count == 4
    ready(2 * everything(SIZE), tiny, noise, tile=TILE)(noise)
    assert len(tiny.compiled) == compiled


def test_losses_that_are_maps_take_one_pass(tiny: FeatureModel) -> None:
    noise = images.noise(SIZE, seed=1, uniform=(0, 255))
    objective = ready(Content(stripes(SIZE), layers=["block2_conv1"]), tiny, noise, tile=TILE)
    traced = objective.trace_count  # to measure
    objective(noise)
    assert objective.trace_count == traced + 1


def test_nothing_larger_than_a_tile_goes_through_the_network(tiny_network: keras.Model) -> None:
    shapes = []

    def seen(image: Any) -> Any:
        shapes.append(tuple(image.shape[1:3]))
        return image / 127.5 - 1

    features = FeatureModel(tiny_network, preprocess=seen)
    noise = images.noise(SIZE, seed=1, uniform=(0, 255))
    loss = Gram(stripes((40, 120))) + Histogram(stripes((130, 60))) + Content(stripes(SIZE))
    ready(loss, features, noise, tile=TILE)(noise)
    assert shapes
    assert max(itertools.chain(*shapes)) <= TILE


def test_a_picture_that_fits_is_evaluated_whole(tiny: FeatureModel) -> None:
    noise = images.noise(SIZE, seed=1, uniform=(0, 255))
    loss = Gram(stripes(SIZE)) + ShiftedGram(stripes(SIZE), flips="x")
    objective = ready(loss, tiny, noise, tile=89)
    assert isinstance(objective._evaluator, WholeImageEvaluator)
    reference = Gram(stripes((100, 89)))
    large = ready(reference, tiny, noise, tile=89)
    assert isinstance(large._evaluator, WholeImageEvaluator)
    assert large(noise).loss == pytest.approx(ready(reference, tiny, noise)(noise).loss, rel=1e-5)


def test_broken_terms_are_found(tiny: FeatureModel) -> None:
    noise = images.noise(SIZE, seed=1, uniform=(0, 255))
    huge = 1e38 * Gram(stripes((60, 70)), layers={"block1_conv1": 1e6})
    loss = Content(stripes(SIZE)) + Constant(stripes(SIZE)) + huge + TotalVariation()
    objective = ready(loss, tiny, noise, tile=TILE)
    assert not objective(noise).finite
    assert objective.broken_terms(noise) == ["gram"]


class Summing(Moments):
    def statistic(self, f: Any, mean: Any) -> Any:
        return ops.sum(f, (1, 2))


class Early(Moments):
    """A variance is no mean."""

    def statistic(self, f: Any, mean: Any) -> Any:
        return mean(f**2) - mean(f) ** 2


class Constants(Moments):
    def statistic(self, f: Any, mean: Any) -> Any:
        return ops.concatenate([mean(f), ops.ones(1)])


class Narrow(Moments):
    def statistic(self, f: Any, mean: Any) -> Any:
        return mean(f[:, 1:])


class Average(MatchingLoss):
    """One number for all positions."""

    layers = ("block4_conv1",)

    def match(self, f: Any, reference: Any, rng: Any) -> Any:
        return f + 1

    def distance(self, current: Any, target: Any) -> Any:
        return ops.mean(ops.square(current - target))


class Aimless(FeatureLoss):
    layers = ("block1_conv1",)

    def target(self, references: Any, current: Any, rng: Any) -> None:
        return None


class Cropped(Aimless):
    def transform(self, f: Any) -> Any:
        return f[:, 1:]


class Constant(Moments):
    def distance(self, current: Any, target: Any) -> Any:
        return 1.0


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Summing, "summing: .* does not come from mean: average"),
        (Early, r"early: its statistic computes Sub of means, .* in summary\(self, s\)"),
        (Constants, "constants: .* does not come from mean: average"),
        (Narrow, r"narrow: at 'block1_conv1' expected values at .* got .* offset=\(dy, dx\)"),
        (Average, "average: at 'block4_conv1' expected values .* got the shape"),
        (Aimless, "aimless: expected a target with an array"),
        (Cropped, r"cropped: expected a value for every position from transform"),
        (Constant, "does not depend on the picture"),
    ],
)
def test_a_loss_that_breaks_the_protocol(tiny: FeatureModel, kind: Any, message: str) -> None:
    noise = images.noise(SIZE, seed=1, uniform=(0, 255))
    with pytest.raises(LossError, match=message):
        ready(kind(stripes((60, 70))), tiny, noise, tile=TILE)(noise)


class Untileable(Loss):
    layers = ("image",)


def test_what_cannot_be_tiled_is_refused_by_name_before_anything_runs(tiny: FeatureModel) -> None:
    small = stripes((20, 30))
    for loss in (Untileable(small), ShiftedGram(small, flips="x", name="untileable")):
        with pytest.raises(LossError, match=r"untileable cannot be .* 75×89 with tile=47"):
            Objective(Gram(small) + loss, tiny, SIZE, tile=TILE)
    with pytest.raises(LossError, match=r"untileable cannot be evaluated in tiles.* 75×89"):
        Objective(Untileable(stripes(SIZE)), tiny, (40, 40), tile=TILE)
    Objective(Gram(stripes(SIZE)) + Untileable(small), tiny, (40, 40), tile=TILE)


def test_content_of_another_size_is_refused(tiny: FeatureModel) -> None:
    noise = images.noise(SIZE, seed=1, uniform=(0, 255))
    message = r"content: at 'block4_conv2' .*\(1, 37, 44, 4\).*\(1, 37, 45, 4\).* resize"
    with pytest.raises(LossError, match=message):
        ready(Content(stripes((75, 90))), tiny, noise, tile=TILE)


def test_a_network_that_cannot_be_tiled_names_the_layer() -> None:
    inputs = keras.Input((None, None, 3))
    x = keras.layers.UpSampling2D(name="up")(keras.layers.ReLU(name="relu")(inputs))
    features = FeatureModel(keras.Model(inputs, x), preprocess="raw")
    Objective(Gram(stripes(SIZE), layers=["relu"]), features, SIZE, tile=20)
    with pytest.raises(LayerError, match="'up': the receptive field of a UpSampling2D is unknown"):
        Objective(Gram(stripes(SIZE), layers=["up"]), features, SIZE, tile=20)


@pytest.mark.parametrize("tile", [0, -512, 1.5, "512", True])
def test_a_tile_is_a_number_of_pixels(tiny: FeatureModel, tile: Any) -> None:
    with pytest.raises(OptionError, match=r"tile: expected a (positive whole )?number"):
        minimize(TotalVariation(), tiny, stripes(SIZE), tile=tile)


def test_a_tile_too_small_for_the_halo_says_what_would_do(tiny: FeatureModel) -> None:
    loss = Content(stripes(SIZE))
    with pytest.raises(OptionError, match=r"expected 23 pixels or more for a side of 75 .* got 22"):
        Objective(loss, tiny, SIZE, tile=22)
    Objective(loss, tiny, SIZE, tile=23)


FIELDS = st.lists(
    st.builds(
        lambda level, before, after: Field(2**level, before, 2**level - 1 + after),
        st.integers(0, 4),
        st.integers(0, 80),
        st.integers(0, 80),
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 1500), st.integers(1, 700), FIELDS, st.integers(0, 9))
def test_windows_keep_what_they_promise(
    side: int, tile: int, fields: list[Field], reach: int
) -> None:
    named = {str(i): field for i, field in enumerate(fields)}
    try:
        axis = Axis.cut(side, tile, Halo.of(named, dict.fromkeys(named, reach)))
    except OptionError:
        assert side > tile
        return
    stride = max(field.stride for field in fields)
    assert axis.window <= min(side, tile)
    assert (side - axis.window) % stride == 0
    assert axis.starts[0] == axis.cores[0].start == 0
    assert axis.starts[-1] + axis.window == axis.cores[-1].stop == side
    for core, following in itertools.pairwise(axis.cores):
        assert core.stop == following.start
    for start, core in zip(axis.starts, axis.cores, strict=True):
        assert core.start < core.stop
        assert start % stride == core.start % stride == 0
        for field in fields:
            if core.start:
                assert core.start - field.before >= start
            if core.stop < side:
                last = core.stop - field.stride + field.after + reach * field.stride
                assert last < start + axis.window


def test_windows_are_the_fewest_and_then_the_smallest(tiny: FeatureModel) -> None:
    # A halo of 10 before and 22 / 2 after, in units of 2: 1000 = 2 · 510 − 20.
    halo = Halo.of({"a": Field(2, 10, 11)}, {"a": 0})
    assert halo == (2, 5, 5)
    assert Axis.cut(1000, 600, halo) == Axis(510, (0, 490), (slice(0, 500), slice(500, 1000)))
    # Five sixths of it are 500: 3 · 348 = 1000 + 2 · 20 + 4.
    third = Axis.cut(1000, 600, halo, 5 / 6)
    assert (third.window, third.starts) == (348, (0, 326, 652))
    # A tile with nothing to spare is not smaller, and a side that fits is not cut.
    assert Axis.cut(1000, 22, halo, 5 / 6).window == 22
    assert Axis.cut(600, 600, halo, 5 / 6).window == 600
    for window in windows({"image": 1}, tiny, (10, 10), 20):
        assert window.pixels == (slice(0, 10), slice(0, 10))
        np.testing.assert_array_equal(
            window.guides({"image": (10, 10)})["image"], np.ones((1, 10, 10, 2))
        )


def test_a_run_in_tiles(tiny: FeatureModel) -> None:
    noise = images.noise(SIZE, seed=1, uniform=(0, 255))
    tiled, whole = (
        minimize(everything(SIZE), tiny, noise, evaluations=6, restart_every=4, tile=tile)
        for tile in (TILE, None)
    )
    assert tiled.evaluations == whole.evaluations == 6
    assert tiled.loss == pytest.approx(whole.loss, rel=1e-3)
    assert tiled.loss < tiled.history[0].loss
    np.testing.assert_allclose(tiled.image, whole.image, atol=0.5)


def test_transfer_and_presets_take_a_tile(
    tiny_network: keras.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[WholeImageEvaluator | TiledEvaluator] = []
    evaluator = objective_module._evaluator

    def kept(*arguments: Any) -> WholeImageEvaluator | TiledEvaluator:
        made.append(evaluator(*arguments))
        return made[-1]

    monkeypatch.setattr(objective_module, "_evaluator", kept)
    photo: NDArray[np.float32] = stripes(SIZE)
    features = FeatureModel(tiny_network, preprocess="raw")
    options: Any = {"size": 80, "evaluations": 1, "features": features}
    assert presets.gatys(photo, photo, size=80, features=features, tile=50).tile == 50
    assert presets.gatys(photo, photo, size=80, features=features).tile is None
    for own in ({"loss": default_loss, "scales": ()}, {"preset": "gatys"}):
        given = {**options, **own}
        tiled, whole = (
            transfer(photo, photo, start="noise", tile=tile, **given) for tile in (50, None)
        )
        assert tiled.loss == pytest.approx(whole.loss, rel=1e-5)
    assert [type(each) for each in made] == 2 * [TiledEvaluator, WholeImageEvaluator]
