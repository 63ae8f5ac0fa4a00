"""The networks of a feature model: VGG with its weights, or a checked Keras model.

    vgg("vgg19", "average", "imagenet")     # -> keras.Model, frozen
    preprocessing("caffe")                  # -> a function from RGB, 0–255, to the network's input

`neural_style.features.model` reads their layers.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np

from neural_style.errors import BackendError, OptionError, WeightsError, suggestion
from neural_style.features import weights as weights_files
from neural_style.utils.backend import keras, tf

Tensor: TypeAlias = Any
Preprocess: TypeAlias = Callable[[Tensor], Tensor]

_NETWORKS = {"vgg19": keras.applications.VGG19, "vgg16": keras.applications.VGG16}
MODES = ("caffe", "torch", "tf", "bgr", "raw")
# Layers whose options are plain values and determine what the layer computes.
_DESCRIBED = (
    keras.layers.Conv2D,
    keras.layers.MaxPooling2D,
    keras.layers.AveragePooling2D,
    keras.layers.Activation,
)


def vgg(network: object, pooling: str, weights: str | os.PathLike[str] | None) -> keras.Model:
    """A frozen VGG without its top layers; the options are those of `FeatureModel`."""
    if not isinstance(network, str) or network not in _NETWORKS:
        raise OptionError(
            f"unknown network {network!r}: {suggestion(str(network), _NETWORKS)}; "
            f"pass any other network as a keras.Model."
        )
    if pooling not in ("max", "average"):
        raise OptionError(f"pooling: expected 'max' or 'average', got {pooling!r}.")
    model = _NETWORKS[network](include_top=False, weights=None)
    if weights is not None:
        user_file = None if weights == "imagenet" else weights
        path = weights_files.find(network, user_file)
        try:
            if user_file is not None:
                weights_files.check_readable(path)
            model.load_weights(path)
        except Exception as error:  # HDF5 and Keras can raise any exception for a bad file
            raise WeightsError(
                f"{path}: cannot be used as the weights of {network} without its top ({error})."
            ) from error
    if pooling == "average":
        values = model.get_weights()
        model = keras.models.clone_model(model, clone_function=_average)
        model.set_weights(values)
    model.trainable = False
    return model


def _average(layer: keras.Layer) -> keras.Layer:
    if isinstance(layer, keras.layers.MaxPooling2D):
        return keras.layers.AveragePooling2D(layer.pool_size, layer.strides, name=layer.name)
    return layer.__class__.from_config(layer.get_config())


def checked(model: keras.Model) -> keras.Model:
    """Return the model, or raise an error if its input is not a picture or it is not float32."""
    shape = getattr(model, "input_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 4 or shape[3] != 3:
        raise OptionError(
            f"{model.name}: expected a built model with the input shape (None, H, W, 3), "
            f"got {shape}."
        )
    for layer in _all_layers(model):
        if layer.compute_dtype != "float32":
            raise BackendError(
                f"the objective is computed in float32, but the layer {layer.name!r} of "
                f"{model.name} computes in {layer.compute_dtype}: build it with dtype='float32'."
            )
    return model


def _all_layers(model: keras.Model) -> Iterator[keras.Layer]:
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from _all_layers(layer)


def preprocessing(preprocess: str | Preprocess) -> Preprocess:
    """The function from RGB, 0–255, to a network's input: one of `MODES`, or the caller's."""
    if callable(preprocess):
        return preprocess
    if preprocess not in MODES:
        raise OptionError(
            f"unknown preprocessing {preprocess!r}: {suggestion(str(preprocess), MODES)}, "
            f"or a function of a tensor."
        )
    if preprocess == "raw":
        return lambda image: image
    if preprocess == "bgr":
        return lambda image: image[..., ::-1]
    return functools.partial(
        keras.applications.imagenet_utils.preprocess_input,
        data_format="channels_last",
        mode=preprocess,
    )


class Weights:
    """The weights of a network at one moment."""

    def __init__(self, network: keras.Model) -> None:
        self._network, self._variables = network, [weight.value for weight in network.weights]
        self._values = self._read()

    @functools.cached_property
    def sha256(self) -> str:
        """A hash of the network: its layers, their options and the values of their weights."""
        return sha256(self._network)

    def are_current(self) -> bool:
        """Whether the network still has these values.

        TensorFlow does not overwrite a value that was read; an assignment writes to new memory.
        So on a CPU, equal addresses usually prove that nothing changed.
        """
        now = self._read()
        if not all(map(_same, self._values, now)):
            return False
        self._values = now
        return True

    def _read(self) -> list[Tensor]:
        with tf.init_scope():  # outside of a function that is being traced
            return [tf.convert_to_tensor(variable) for variable in self._variables]


def _same(before: Tensor, after: Tensor) -> bool:
    if before.device.endswith("CPU:0") and _address(before) == _address(after):
        return True
    return bool(before.shape == after.shape and tf.reduce_all(tf.equal(before, after)))


def _address(tensor: Tensor) -> int:
    return int(np.asarray(memoryview(tensor)).__array_interface__["data"][0])


def sha256(network: keras.Model) -> str:
    """A hash of a network: its layers, their options and the values of their weights."""
    digest = hashlib.sha256()
    for layer in _all_layers(network):
        weights = [] if isinstance(layer, keras.Model) else layer.get_weights()
        options = dict(layer.get_config()) if isinstance(layer, _DESCRIBED) else {}
        if not weights:  # Keras numbers the names of pooling and input layers in each process
            options.pop("name", None)
        description = [type(layer).__name__, options]
        digest.update(json.dumps(description, default=lambda value: type(value).__name__).encode())
        for weight in weights:
            digest.update(repr((weight.shape, weight.dtype.name)).encode())
            digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()
