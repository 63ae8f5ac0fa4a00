"""Read picture files."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from neural_style.images.conversion import Decoded
from neural_style.images.decoding import converted, decode
from neural_style.images.ranges import whole_if_dark
from neural_style.images.size import Size, asked_size
from neural_style.images.sources import Source, is_source, opened

Image: TypeAlias = NDArray[np.float32]
Picture: TypeAlias = Source | Image
Opacity: TypeAlias = NDArray[np.float32]  # H×W, 0–255


def read(
    source: Source,
    name: str,
    *,
    background: str = "white",
    long_side: int | None = None,
    short_side: int | None = None,
    size: Size | None = None,
) -> Image:
    """Like `images.load`, with any background; messages use ``name`` if the source has no path."""
    size_of = functools.partial(asked_size, long_side=long_side, short_side=short_side, size=size)
    return whole_if_dark(_decoded(source, name, background, size_of).colors())


def opacity(source: Any, name: str, size: Size) -> Opacity | None:
    """The opacity of a picture, resized to (height, width), or None if every pixel is opaque.

    An array has none. Raises as `images.load`.
    """
    if not is_source(source):
        return None
    found = _decoded(source, name, "white", lambda _: size).opacity
    return None if found is None else whole_if_dark(np.asarray(found, np.float32).clip(0, 255))


def _decoded(source: Source, name: str, background: str, wanted: Callable[[Size], Size]) -> Decoded:
    if isinstance(source, PIL.Image.Image):
        picture, full_size = converted(source, name, background)
    else:
        with opened(source, name) as (stream, called):
            picture, full_size = decode(stream, called, wanted, background)
    return picture.resized(wanted(full_size))
