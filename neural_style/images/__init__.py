"""Pictures: float32 arrays H×W×3, RGB, 0–255.

`load` reads the pictures of a run and `save` writes its result. `resize` and `noise` make
pictures to start from. Pillow reads, converts and writes files. This package checks that a value
is a valid image, and raises a clear error if it is not.
"""

from __future__ import annotations

from neural_style.images import color as color
from neural_style.images import datasets as datasets
from neural_style.images.arrays import as_array as as_array
from neural_style.images.arrays import as_image, digest, resize
from neural_style.images.arrays import as_opacity as as_opacity
from neural_style.images.arrays import trimmed as trimmed
from neural_style.images.io import check_output, load, save
from neural_style.images.io import picture_of as picture_of
from neural_style.images.io import rescue as rescue
from neural_style.images.random import noise
from neural_style.images.ranges import check_range as check_range
from neural_style.images.ranges import whole_if_dark as whole_if_dark
from neural_style.images.reading import Image, Picture
from neural_style.images.reading import Opacity as Opacity
from neural_style.images.reading import opacity as opacity
from neural_style.images.reading import read as read
from neural_style.images.size import Size
from neural_style.images.size import scaled as scaled
from neural_style.images.sources import Source as Source
from neural_style.images.sources import is_source as is_source
from neural_style.images.sources import repeatable as repeatable

__all__ = [
    "Image",
    "Picture",
    "Size",
    "as_image",
    "check_output",
    "digest",
    "load",
    "noise",
    "resize",
    "save",
]


def __dir__() -> list[str]:
    return __all__
