"""What the tests of presets write their sources' formulas in, and compare them with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from objectives import evaluated

from neural_style import images
from neural_style.images import Image
from neural_style.recipes import presets

Array: TypeAlias = NDArray[np.float64]
Maps: TypeAlias = dict[str, Array]
Formula: TypeAlias = Callable[[Maps, Maps, Maps], dict[str, float]]
Sizes: TypeAlias = tuple[int, tuple[int, int], tuple[int, int]]

GRAY = np.array([123.68, 116.779, 103.939])


def small_vgg(convolutions: tuple[int, ...], poolings: int) -> keras.Model:
    """Small convolutions under VGG's names, no two blocks with the same number of channels."""
    x = inputs = keras.Input((None, None, 3))
    for block, number in enumerate(convolutions, 1):
        for conv in range(1, number + 1):
            start = keras.initializers.HeNormal(10 * block + conv)
            x = keras.layers.Conv2D(
                2 + block,
                3,
                padding="same",
                activation="relu",
                kernel_initializer=start,
                name=f"block{block}_conv{conv}",
            )(x)
        if block <= poolings:
            x = keras.layers.MaxPooling2D(name=f"block{block}_pool")(x)
    return keras.Model(inputs, x, name="small")


def caffe(image: Array) -> Any:
    return image[..., ::-1] - GRAY[::-1]


def torch(image: Array) -> Any:
    return (image / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]


def bgr(image: Array) -> Any:
    return image[..., ::-1]


def activations(model: keras.Model, preprocess: Callable[[Array], Any], image: Image) -> Maps:
    """What Keras itself gives, and the pixels."""
    names = [layer.name for layer in model.layers if "_conv" in layer.name]
    cut = keras.Model(model.inputs[0], {name: model.get_layer(name).output for name in names})
    pixels = image.astype(np.float64)
    found = cut(preprocess(pixels)[None].astype(np.float32))
    maps = {name: np.asarray(value[0], np.float64) for name, value in found.items()}
    return {**maps, "image": pixels}


def mse(a: Array, b: Array) -> float:
    return float(((a - b) ** 2).mean())


def sse(a: Array, b: Array) -> float:
    return float(((a - b) ** 2).sum())


def gram(f: Array) -> Any:
    flat = f.reshape(-1, f.shape[-1])
    return flat.T @ flat


def over_m(f: Array) -> Any:
    return gram(f) / (f.shape[0] * f.shape[1])


def absolute(x: Array) -> float:
    return float(np.abs(np.diff(x, axis=0)).sum() + np.abs(np.diff(x, axis=1)).sum())


def check(
    name: str,
    formula: Formula,
    sizes: Sizes,
    pair: tuple[Image, Image],
    model: keras.Model,
    preprocess: Callable[[Array], Any],
    scale: int = 1,
    **options: Any,
) -> None:
    """A preset's weighted terms at a noise picture are those of its published formula.

    The sizes are the one asked for, and what it makes of both pictures, all times ``scale``.
    """
    asked, photo_size, painting_size = sizes
    photo, painting = (
        images.resize(picture, size=(scale * size[0], scale * size[1]))
        for picture, size in zip(pair, (photo_size, painting_size), strict=True)
    )
    preset = presets.find(name)(*pair, size=scale * asked, **options)
    picture = images.noise((photo.shape[0], photo.shape[1]), seed=3)
    picture[:, ::2] /= 4  # with more variation along a row than along a column
    found = evaluated(preset.loss, preset.features, picture)
    x, p, s = (activations(model, preprocess, image) for image in (picture, photo, painting))
    expected = formula(x, p, s)
    assert found.weighted == pytest.approx(expected, rel=1e-4)
    assert found.loss == pytest.approx(sum(expected.values()), rel=1e-4)
    assert all(value > 0 for value in expected.values())
