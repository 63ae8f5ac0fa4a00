"""The arguments of a feature model: names of layers, and one image as a tensor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np

from neural_style.errors import ImageError, LayerError
from neural_style.utils.backend import tf

Tensor: TypeAlias = Any

IMAGE = "image"  # the layer that is the pixels themselves


def as_names(layers: object) -> tuple[str, ...]:
    """The names as a tuple. Raises `LayerError` if they are not a list."""
    if isinstance(layers, str) or not isinstance(layers, Iterable):
        raise LayerError(f"layers: expected a list of names, got {layers!r}.")
    return tuple(layers)


def of_network(names: Iterable[str]) -> tuple[str, ...]:
    """The names without ``"image"``."""
    return tuple(name for name in names if name != IMAGE)


def as_tensor(image: Tensor) -> Tensor:
    """The image as (1, H, W, 3)."""
    try:
        if isinstance(image, np.ndarray) and image.dtype.kind not in "uif":
            raise TypeError(f"of {image.dtype}")
        tensor = tf.convert_to_tensor(image, dtype=tf.float32)
    except Exception as error:  # an object that is not an array can raise any exception
        raise ImageError(
            f"image: expected an array H×W×3, got {type(image).__name__} ({error})."
        ) from error
    tensor = tensor[None] if tensor.shape.rank == 3 else tensor
    if tensor.shape.rank != 4 or tensor.shape[::3] != (1, 3) or 0 in tensor.shape:
        raise ImageError(
            f"image: expected the shape (height, width, 3), got {tuple(tensor.shape)}."
        )
    return tensor
