"""The feature model: layers, sizes, preprocessing, frozen weights."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from neural_style import FeatureModel, Objective, images
from neural_style.errors import BackendError, LayerError, OptionError, WeightsError
from neural_style.extensions import Content
from neural_style.images import Image

ALL = tuple(f"block{b}_conv{c}" for b, n in enumerate((2, 2, 4, 4, 4), 1) for c in range(1, n + 1))


@pytest.fixture(scope="module")
def cat(pictures: Path) -> Image:
    return images.load(pictures / "chelsea.png", size=(61, 75))


@pytest.fixture(scope="module")
def untrained() -> FeatureModel:
    keras.utils.set_random_seed(0)
    return FeatureModel("vgg16", weights=None)


def reference(model: keras.Model, layers: Any, pixels: Image) -> dict[str, Any]:
    """What Keras itself gives for the same pixels."""
    cut = keras.Model(model.inputs[0], {name: model.get_layer(name).output for name in layers})
    return dict(cut(keras.applications.vgg19.preprocess_input(pixels[None].copy())))


def test_features_agree_with_keras_vgg19(vgg19: FeatureModel, cat: Image) -> None:
    theirs = reference(keras.applications.VGG19(include_top=False), ALL, cat)
    for layer, ours in vgg19(cat, ALL).items():
        np.testing.assert_allclose(ours, theirs[layer], rtol=1e-5, atol=1e-3, err_msg=layer)


def test_average_pooling_keeps_the_weights(vgg19: FeatureModel, cat: Image) -> None:
    average = FeatureModel("vgg19", pooling="average")
    layers = ["block1_conv2", "block1_pool", "block2_conv1"]
    ours, theirs = average(cat, layers), vgg19(cat, layers)
    np.testing.assert_allclose(ours["block1_conv2"], theirs["block1_conv2"])
    pooled = tf.nn.avg_pool2d(theirs["block1_conv2"], 2, 2, "VALID")
    np.testing.assert_allclose(ours["block1_pool"], pooled, rtol=1e-6)
    assert not np.allclose(ours["block2_conv1"], theirs["block2_conv1"])


def test_layers_come_in_the_order_asked_for_and_image_is_the_pixels(
    tiny: FeatureModel, photo: Image
) -> None:
    found = tiny(photo, ["block2_conv1", "image", "block1_conv1"])
    assert list(found) == ["block2_conv1", "image", "block1_conv1"]
    np.testing.assert_array_equal(found["image"][0], photo)
    assert list(tiny(photo, ["image"])) == ["image"]


def test_the_network_is_cut_at_the_deepest_layer(untrained: FeatureModel) -> None:
    cut = untrained._plain(("block1_conv2", "block1_conv1"))
    assert [layer.name for layer in cut.layers[1:]] == ["block1_conv1", "block1_conv2"]


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("conv4_2", "block4_conv2"),
        ("relu1_1", "block1_conv1"),
        ("block4_conv22", "block4_conv2"),
        ("blok5_pool", "block5_pool"),
        ("images", "image"),
    ],
)
def test_an_unknown_layer_gets_a_suggestion(
    untrained: FeatureModel, photo: Image, name: str, guess: str
) -> None:
    with pytest.raises(LayerError, match=f"vgg16 has no layer {name!r}: did you mean {guess!r}"):
        untrained(photo, [name])


@pytest.mark.parametrize(
    ("layer", "smallest"), [("block1_conv2", 1), ("block3_conv1", 4), ("block5_conv1", 16)]
)
def test_the_smallest_picture(untrained: FeatureModel, layer: str, smallest: int) -> None:
    assert untrained(np.zeros((smallest, smallest, 3)), [layer])[layer].shape[1:3] == (1, 1)
    if smallest > 1:
        with pytest.raises(
            LayerError, match=f"3 is too small for {layer!r}.* at least {smallest}×{smallest}"
        ):
            untrained(np.zeros((smallest - 1, 3, 3)), [layer])


def test_shapes_are_those_of_a_run(untrained: FeatureModel, tiny: FeatureModel, cat: Image) -> None:
    for features, layers in (
        (untrained, ["block5_conv2", "image", "block1_conv2"]),
        (tiny, ["image"]),
        (tiny, ["block2_conv1"]),
    ):
        found = {name: tuple(f.shape[1:]) for name, f in features(cat, layers).items()}
        shapes = features.shapes(layers, (cat.shape[0], cat.shape[1]))
        assert shapes == found
        assert list(shapes) == layers
    with pytest.raises(LayerError, match="a picture of 8×8 is too small for 'block5_conv2'"):
        untrained.shapes(["block5_conv2"], (8, 8))


def test_weights_are_frozen() -> None:
    assert FeatureModel("vgg19", weights=None)._network.trainable_weights == []


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("caffe", [50 - 103.939, 100 - 116.779, 255 - 123.68]),
        ("torch", [(1 - 0.485) / 0.229, (100 / 255 - 0.456) / 0.224, (50 / 255 - 0.406) / 0.225]),
        ("tf", [1, 100 / 127.5 - 1, 50 / 127.5 - 1]),
        ("bgr", [50, 100, 255]),
        ("raw", [255, 100, 50]),
        (lambda image: image / 5, [51, 20, 10]),
    ],
    ids=["caffe", "torch", "tf", "bgr", "raw", "function"],
)
def test_preprocessing(mode: Any, expected: list[float]) -> None:
    inputs = keras.Input((None, None, 3))
    outputs = keras.layers.Activation("linear", name="same")(inputs)
    features = FeatureModel(keras.Model(inputs, outputs), preprocess=mode)
    pixels = np.full((2, 2, 3), [255, 100, 50], np.float32)
    np.testing.assert_allclose(features(pixels, ["same"])["same"][0, 0, 0], expected, rtol=1e-5)
    np.testing.assert_array_equal(pixels[0, 0], [255, 100, 50])


def test_vgg_takes_caffe_pixels_unless_told(untrained: FeatureModel, photo: Image) -> None:
    keras.utils.set_random_seed(0)
    raw = FeatureModel("vgg16", weights=None, preprocess="raw")
    layer = ["block1_conv1"]
    means = np.array([103.939, 116.779, 123.68], np.float32)
    np.testing.assert_allclose(
        raw(photo[..., ::-1] - means, layer)[layer[0]],
        untrained(photo, layer)[layer[0]],
        rtol=1e-4,
        atol=1e-3,
    )


def test_a_wrapped_model_must_say_what_it_takes(tiny_network: keras.Model) -> None:
    with pytest.raises(OptionError, match="tiny: a wrapped model needs preprocess"):
        FeatureModel(tiny_network)


def test_a_sequential_model_can_be_wrapped(photo: Image) -> None:
    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(2, 3, name="conv")])
    assert FeatureModel(model, preprocess="raw")(photo, ["conv"])["conv"].shape == (1, 22, 30, 2)


def test_a_wrapped_model_of_one_size_says_so(photo: Image) -> None:
    inputs = keras.Input((16, 16, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(2, 3, name="conv")(inputs), name="fixed")
    features = FeatureModel(model, preprocess="raw")
    assert features(np.zeros((16, 16, 3)), ["conv"])["conv"].shape == (1, 14, 14, 2)
    with pytest.raises(LayerError, match="fixed takes pictures of 16×16 only, got 24×32"):
        features(photo, ["conv"])


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param({"network": "vgg91"}, id="network"),
        pytest.param({"network": None}, id="none"),
        pytest.param({"pooling": "mean", "weights": None}, id="pooling"),
        pytest.param({"preprocess": "caffee", "weights": None}, id="preprocess"),
    ],
)
def test_unusable_options(arguments: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=r"did you mean|expected|unknown network"):
        FeatureModel(**arguments)


def test_a_model_that_is_no_picture_model() -> None:
    inputs = keras.Input((7,))
    with pytest.raises(OptionError, match="expected a built model with the input shape"):
        FeatureModel(keras.Model(inputs, keras.layers.Dense(1)(inputs)), preprocess="raw")


@pytest.mark.filterwarnings("ignore:.*its hash differs from that of")
@pytest.mark.parametrize("content", [b"", b"not HDF5", b"\x89HDF\r\n\x1a\n" + bytes(600)])
def test_a_weights_file_that_is_none_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.h5"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"mine\.h5: cannot be used as the weights of vgg19"):
        FeatureModel("vgg19", weights=path)


@pytest.mark.filterwarnings("ignore:.*its hash differs from that of")
def test_the_users_own_weights(tmp_path: Path, untrained: FeatureModel, photo: Image) -> None:
    path = tmp_path / "mine.weights.h5"
    untrained._network.save_weights(path)
    again = FeatureModel("vgg16", weights=path)
    layer = "block2_conv1"
    np.testing.assert_array_equal(again(photo, [layer])[layer], untrained(photo, [layer])[layer])
    with pytest.raises(WeightsError, match="cannot be used as the weights of vgg19"):
        FeatureModel("vgg19", weights=path)


def test_a_mixed_precision_layer_within_a_nested_model_is_found() -> None:
    inner_inputs = keras.Input((None, None, 3))
    half = keras.layers.Conv2D(2, 3, name="half", dtype="mixed_float16")
    inner = keras.Model(inner_inputs, half(inner_inputs))
    outer_inputs = keras.Input((None, None, 3))
    with pytest.raises(BackendError, match=r"layer .half. .* computes in float16"):
        FeatureModel(keras.Model(outer_inputs, inner(outer_inputs)), preprocess="raw")


def test_its_config_tells_networks_apart(tiny: FeatureModel, tiny_network: keras.Model) -> None:
    config = json.loads(json.dumps(tiny.get_config()))
    assert config == tiny.get_config()
    assert (config["network"], config["weights"], config["preprocess"]) == ("tiny", "other", None)
    same, other = (keras.models.clone_model(tiny_network) for _ in range(2))
    same.set_weights(tiny_network.get_weights())
    other.set_weights([weight + 1e-6 for weight in tiny_network.get_weights()])
    assert FeatureModel(same, preprocess="raw").sha256 == tiny.sha256
    assert FeatureModel(other, preprocess="raw").sha256 != tiny.sha256
    with pytest.raises(OptionError, match="'tiny' has custom weights or a custom preprocessing"):
        FeatureModel.from_config(config)


@pytest.fixture
def uncompilable() -> FeatureModel:
    """Of one layer, "same", which XLA cannot compile."""

    class Same(keras.layers.Layer):
        def call(self, x: Any) -> Any:
            return tf.ensure_shape(tf.numpy_function(lambda y: y, [x], tf.float32), x.shape)

        def compute_output_shape(self, shape: Any) -> Any:
            return shape

    inputs = keras.Input((None, None, 3))
    network = keras.Model(inputs, Same(name="same")(inputs))
    return FeatureModel(network, preprocess="raw")


def test_xla_runs_the_network_for_large_pictures(uncompilable: FeatureModel) -> None:
    small, large = np.ones((255, 257, 3), np.float32), np.ones((256, 257, 3), np.float32)
    np.testing.assert_array_equal(uncompilable(small, ["same"])["same"][0], small)
    with pytest.raises(tf.errors.InvalidArgumentError, match="XLA"):
        uncompilable(large, ["same"])


def test_xla_measures_large_references(uncompilable: FeatureModel) -> None:
    for size, expectation in (
        ((255, 257), contextlib.nullcontext()),
        ((256, 257), pytest.raises(tf.errors.InvalidArgumentError, match="XLA")),
    ):
        loss = Content(images.noise(size, uniform=(0, 255)), layers=["same"])
        objective = Objective(loss, uncompilable, size)
        with expectation:
            objective.refresh(images.noise(size, uniform=(0, 255)), round=0)


def test_a_large_picture_has_the_features_of_its_parts(tiny: FeatureModel) -> None:
    large = images.noise((300, 280), seed=1, uniform=(0, 255))
    layers = ["block1_conv1", "block2_conv1", "image"]
    whole = tiny(large, layers)
    part = tiny(large[:120, :120], layers)
    assert list(whole) == layers
    for layer, side in zip(layers, (100, 50, 100), strict=True):
        inner = slice(0, side)
        np.testing.assert_allclose(
            whole[layer][:, inner, inner], part[layer][:, inner, inner], rtol=1e-4, atol=1e-4
        )


def test_the_gradient_of_a_large_picture(tiny: FeatureModel) -> None:
    """Of Σ f² it is that of the parts where these do not see their ends."""

    def gradient(image: Image) -> Any:
        x = tf.constant(image[None])
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = tf.reduce_sum(tiny(x, ["block2_conv1"])["block2_conv1"] ** 2)
        return tape.gradient(value, x)[0]

    large = images.noise((300, 280), seed=1, uniform=(0, 255))
    whole, part = gradient(large), gradient(large[:120, :120])
    np.testing.assert_allclose(whole[:90, :90], part[:90, :90], rtol=1e-3, atol=1e-3)


def _network(kind: str) -> keras.Model:
    """Two convolutions with something between them."""
    layers = keras.layers
    inputs = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    if kind == "concatenation":
        x = layers.Concatenate()([x, layers.Conv2D(4, 3, padding="same")(x)])
    elif kind == "overlapping pools":
        x = layers.MaxPooling2D(3, 2, padding="same")(x)
    elif kind == "margin":
        x = layers.Conv2D(4, 3, strides=2)(layers.ZeroPadding2D(1)(x))
    return keras.Model(inputs, layers.Conv2D(4, 3, padding="same", name="last")(x))


@pytest.mark.parametrize(
    ("kind", "padding"),
    [
        ("concatenation", "zero"),
        ("overlapping pools", "zero"),
        ("margin", "zero"),
        ("plain", "periodic"),
        ("plain", "replicate"),
    ],
)
def test_no_value_of_the_forward_half_sizes_the_backward_half(kind: str, padding: str) -> None:
    """If one does, XLA takes the picture for a constant, and compiles for each picture."""
    features = FeatureModel(_network(kind), preprocess="raw", padding=padding)

    def gradient(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            found = features(x, ["last"], compiled=True)["last"]
        return tape.gradient(found, x)

    graph = tf.function(gradient).get_concrete_function(tf.TensorSpec((1, 32, 32, 3))).graph
    assert not [op.name for op in graph.get_operations() if "PartitionedCall" in op.type]
