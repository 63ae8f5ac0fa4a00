"""The compiled objective: values, targets, tracing."""

from __future__ import annotations

import functools
import gc
import weakref
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from objectives import ready

from neural_style import FeatureModel, Loss, Objective, images
from neural_style.errors import ImageError, LayerError, LossError
from neural_style.extensions import Content, Gram, Histogram, ShiftedGram, TotalVariation
from neural_style.images import Image
from neural_style.losses.weighted_sum import WeightedSum
from neural_style.objective.whole import WholeImageEvaluator, layer_weights

SIZE = (24, 32)


def everything(photo: Image, painting: Image) -> WeightedSum:
    return (
        Content(photo)
        + 1e2 * Gram(painting)
        + 1e2 * ShiftedGram(painting, shifts=[2])
        + 1e-2 * Histogram(painting)
        + 1e-3 * TotalVariation()
    )


@pytest.fixture
def noise() -> Image:
    return images.noise(SIZE, seed=3, uniform=(0, 255))


@pytest.mark.slow
def test_the_loss_is_the_weighted_sum_of_its_terms(
    tiny: FeatureModel, photo: Image, painting: Image, noise: Image
) -> None:
    total = everything(photo, painting)
    value = ready(total, tiny, noise)(noise)
    assert list(value.terms) == [term.name for term in total]
    for term in total:
        alone = ready(term.loss, tiny, noise)(noise)
        assert alone.terms[term.name] == pytest.approx(value.terms[term.name], rel=1e-5)
        assert value.weighted[term.name] == term.weight * value.terms[term.name]
    assert value.loss == pytest.approx(sum(value.weighted.values()), rel=1e-5)


def test_the_gradient_is_that_of_the_loss(
    tiny: FeatureModel, photo: Image, painting: Image, noise: Image
) -> None:
    objective = ready(everything(photo, painting), tiny, noise)
    direction = np.random.default_rng(0).normal(size=noise.shape).astype(np.float32)
    gradient = objective(noise).gradient
    step = 0.1
    slope = (
        objective(noise + step * direction).loss - objective(noise - step * direction).loss
    ) / (2 * step)
    assert gradient.shape == noise.shape
    assert gradient.dtype == np.float32
    assert slope == pytest.approx(float((gradient * direction).sum()), rel=2e-2)


@pytest.mark.slow
def test_it_is_compiled_once_across_refreshes_weights_and_equal_losses(
    tiny: FeatureModel, photo: Image, painting: Image, noise: Image
) -> None:
    objective = ready(everything(photo, painting), tiny, noise)
    objective(noise)
    compiled = len(tiny.compiled)
    objective.refresh(photo, round=1)
    objective(photo)
    assert objective.trace_count == 1
    ready(0.5 * everything(photo, 255 - painting), tiny, noise)(noise)
    assert len(tiny.compiled) == compiled


@pytest.mark.slow
def test_losses_whose_options_differ_are_not_mixed_up(
    tiny: FeatureModel, photo: Image, noise: Image
) -> None:
    l1, squared = (ready(TotalVariation(p), tiny, noise)(noise).loss for p in ("l1", "squared"))
    assert squared > 10 * l1
    both = [ready(TotalVariation(p), tiny, noise)(noise).loss for p in (1, 1.0)]
    assert both[0] == both[1]


def test_losses_with_attributes_that_cannot_be_compared_are_not_mixed_up(
    tiny: FeatureModel, photo: Image, noise: Image
) -> None:
    class Masked(Loss):
        layers = ("image",)

        def __init__(self, *references: Any, mask: Any) -> None:
            super().__init__(*references)
            self.mask = mask

        def statistics(self, features: Any, mean: Any) -> Any:
            return {"image": features["image"] * self.mask}

    some, none = (
        ready(Masked(photo, mask=np.full((*SIZE, 1), m, np.float32)), tiny, noise)(noise).loss
        for m in (1, 0)
    )
    assert some > none == 0


def test_a_target_is_measured_once_unless_it_is_refreshed(
    tiny: FeatureModel, photo: Image, noise: Image
) -> None:
    calls: list[Any] = []

    class Spy(Loss):
        layers = ("block1_conv1",)

        def target(self, references: Any, current: Any, rng: Any) -> Any:
            calls.append((self.name, current is not None, rng.integers(1 << 30)))
            return super().target(references, current, rng)

    fixed, moving = Spy(photo, name="fixed"), Spy(photo, name="moving")
    moving.refresh_every = 10
    objective = ready(fixed + moving, tiny, noise, seed=7)
    objective.refresh(noise, round=1, only=[1])
    assert [call[:2] for call in calls] == [("fixed", False), ("moving", True), ("moving", True)]
    assert len({draw for *_, draw in calls}) == 3
    ready(fixed + moving, tiny, noise, seed=7)
    assert [draw for *_, draw in calls[3:]] == [draw for *_, draw in calls[:2]]


def test_no_gradient_flows_into_a_target_made_of_the_picture(
    tiny: FeatureModel, painting: Image, noise: Image
) -> None:
    loss = Histogram(painting, layers=["image"])
    value = ready(loss, tiny, noise)(noise)
    rng = np.random.default_rng()
    matched = loss.target([{"image": painting[None]}], {"image": noise[None]}, rng)["image"][0]
    np.testing.assert_allclose(value.gradient, 2 * (noise - matched) / noise.size, rtol=1e-4)


@pytest.mark.slow
def test_the_feature_model_runs_once_for_the_union_of_layers(
    tiny_network: keras.Model, photo: Image, painting: Image
) -> None:
    features = FeatureModel(tiny_network, preprocess="raw", winograd=False)
    objective = ready(everything(photo, painting), features, photo)
    objective(photo)
    evaluator = objective._evaluator
    assert isinstance(evaluator, WholeImageEvaluator)
    evaluate = tf.function(evaluator._value_and_gradient, autograph=False, jit_compile=True)
    weights = tf.constant([term.weight for term in objective.terms], tf.float32)
    layers = [layer_weights(term.loss) for term in objective.terms]
    arguments = tf.constant(photo[None]), weights, layers, objective._targets, objective._guides
    program = evaluate.experimental_get_compiler_ir(*arguments)(stage="optimized_hlo")
    assert program.count(" convolution(") == 6 + 6  # and 6 more would be those of the filters


def test_references_of_two_terms_are_measured_in_one_pass(
    tiny_network: keras.Model, painting: Image
) -> None:
    passes = []

    def count(image: Any) -> Any:
        passes.append(image.shape)
        return image

    features = FeatureModel(tiny_network, preprocess=count)
    loss = Gram(painting) + Gram(painting, layers=["block1_conv1"]) + Gram(255 - painting)
    ready(loss, features, painting)
    assert len(passes) == 2


def test_a_reference_of_another_size_is_refused_by_content_only(
    tiny: FeatureModel, photo: Image, painting: Image
) -> None:
    ready(Gram(painting), tiny, photo)(photo)
    with pytest.raises(LossError, match=r"content: at 'block4_conv2' .* resize the reference"):
        ready(Content(painting), tiny, photo)(photo)


def test_unknown_layers_are_named_before_anything_runs(tiny: FeatureModel, photo: Image) -> None:
    with pytest.raises(LayerError, match="did you mean 'block4_conv1'"):
        Objective(Gram(photo, layers=["block4_cnv1"]), tiny, SIZE)


def test_a_reference_too_small_for_the_layers_is_refused(photo: Image) -> None:
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(1, 9, name="wide")(inputs), name="wide")
    features = FeatureModel(model, preprocess="raw")
    with pytest.raises(LayerError, match=r"4×4 is too small for 'wide'.*at least 9×9"):
        Objective(Gram(photo[:4, :4], layers=["wide"]), features, SIZE)


@pytest.mark.parametrize("every", [0, -5, 1.5, "10"])
def test_refresh_every_is_a_number_of_evaluations(
    tiny: FeatureModel, photo: Image, every: Any
) -> None:
    loss = Content(photo)
    loss.refresh_every = every
    with pytest.raises(LossError, match="content's refresh_every: expected a positive"):
        Objective(loss, tiny, SIZE)


@pytest.mark.parametrize("loss", [None, [], "gram", lambda: 0])
def test_what_is_no_loss_is_refused(tiny: FeatureModel, loss: Any) -> None:
    with pytest.raises(LossError, match="expected a Loss or a sum of losses"):
        Objective(loss, tiny, SIZE)


def test_a_distance_that_is_no_scalar_is_named(tiny: FeatureModel, photo: Image) -> None:
    class Map(Loss):
        layers = ("image",)

        def distance(self, current: Any, target: Any) -> Any:
            return current["image"] - target["image"]

    with pytest.raises(
        LossError, match=r"map: expected one number from distance, .* of shape \(1, 24, 32, 3\)"
    ):
        ready(Map(photo), tiny, photo)(photo)


def test_a_loss_that_ignores_the_picture_is_refused(tiny: FeatureModel, photo: Image) -> None:
    class Constant(Loss):
        layers = ("image",)

        def distance(self, current: Any, target: Any) -> Any:
            return 1.0

    with pytest.raises(LossError, match="does not depend on the picture"):
        ready(Constant(photo), tiny, photo)(photo)


@pytest.mark.slow
def test_broken_terms_are_found_by_value_and_by_gradient(
    tiny: FeatureModel, photo: Image, painting: Image
) -> None:
    class Root(Loss):
        layers = ("image",)

        def distance(self, current: Any, target: Any) -> Any:
            return keras.ops.mean(keras.ops.sqrt(current["image"] - target["image"]))

    objective = ready(Gram(painting) + Root(photo, name="root"), tiny, photo)
    value = objective(photo)
    assert np.isfinite(value.loss)
    assert not value.finite
    assert objective.broken_terms(photo) == ["root"]
    huge = 1e38 * Gram(painting, layers={"block1_conv1": 1e6})
    assert ready(huge, tiny, photo).broken_terms(photo) == ["gram"]


def test_it_must_be_given_targets_first(tiny: FeatureModel, photo: Image) -> None:
    with pytest.raises(LossError, match=r"no targets yet: call refresh"):
        Objective(Content(photo), tiny, SIZE)(photo)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((32, 24, 3)),
        np.zeros((23, 32, 3), np.float32),
        np.zeros((1, *SIZE, 3)),
        np.zeros(SIZE),
        np.zeros((*SIZE, 3), complex),
        np.zeros((*SIZE, 3), bool),
        np.full((*SIZE, 3), "1"),
        None,
    ],
)
@pytest.mark.parametrize("tile", [None, 20])
def test_an_image_of_another_kind_is_refused(
    tiny: FeatureModel, photo: Image, image: Any, tile: int | None
) -> None:
    objective = ready(TotalVariation(), tiny, photo, tile=tile)
    for evaluate in (
        objective,
        objective.gradient_norms,
        objective.broken_terms,
        functools.partial(objective.refresh, round=1),
    ):
        with pytest.raises(ImageError, match=r"image: expected real .* \(24, 32, 3\)"):
            evaluate(image)
    assert objective(photo.astype(np.uint8)).loss == objective(photo.astype(int)).loss


def test_weights_that_are_all_0_are_refused(tiny: FeatureModel, photo: Image) -> None:
    for weight in (0, 1e-60):
        with pytest.raises(LossError, match="gram, content: every weight is 0 in float32"):
            Objective(weight * (Gram(photo) + Content(photo)), tiny, SIZE)
    Objective(0 * Gram(photo) + Content(photo), tiny, SIZE)


@pytest.mark.slow
@pytest.mark.parametrize("winograd", [True, False])
@pytest.mark.parametrize("tile", [None, 40])
def test_weights_of_the_network_that_change_are_noticed(winograd: bool, tile: int | None) -> None:
    """Of a kernel that is kept transformed, and of one that is read; before and after a change."""
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(64, 3, padding="same", name="first")(inputs)
    x = keras.layers.Conv2D(64, 3, padding="same", activation="relu", name="second")(x)
    network = keras.Model(inputs, x, name="changing")
    photo, painting = (images.noise((48, 48), seed=seed, uniform=(0, 255)) for seed in (1, 2))
    loss = Gram(painting, layers=["second"])

    def value(features: FeatureModel) -> float:
        return ready(loss, features, photo, tile=tile)(photo).loss

    features = FeatureModel(network, preprocess="raw", winograd=winograd)
    before, known = value(features), features.sha256
    old = ready(loss, features, photo, tile=tile)
    network.set_weights(network.get_weights())  # the same values
    old(photo)
    network.get_layer("second").kernel.assign_add(np.ones((3, 3, 64, 64)))
    for use in (old, old.gradient_norms, functools.partial(old.refresh, round=1)):
        with pytest.raises(LossError, match="the weights of changing have changed since"):
            use(photo)
    fresh = FeatureModel(network, preprocess="raw", winograd=winograd)
    assert value(features) == pytest.approx(value(fresh), rel=1e-6)
    assert value(features) != pytest.approx(before, rel=1e-2)
    assert features.sha256 == fresh.sha256 != known


def test_compiled_functions_go_with_their_feature_model(tiny_network: keras.Model) -> None:
    features = FeatureModel(tiny_network, preprocess="raw")
    flat = np.full((8, 8, 3), 9.0)
    ready(TotalVariation(), features, images.as_image(flat))
    gone = weakref.ref(features)
    del features
    gc.collect()
    assert gone() is None
