"""Rotated and scaled copies of a picture, for losses that search for patches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import PIL.Image

from neural_style import images
from neural_style.errors import OptionError
from neural_style.images import Image


def variations(
    painting: Any,
    angles: Sequence[float] = (-15, -7.5, 0, 7.5, 15),
    scales: Sequence[float] = (0.85, 0.9, 0.95, 1, 1.05, 1.1, 1.15),
) -> list[Image]:
    """A painting rotated by each of the angles, at each of the scales, for `MRF`.

    Parameters
    ----------
    painting
        H×W×3, RGB, 0–255.
    angles
        In degrees, between −90 and 90. A rotated picture is cropped to the largest part without
        empty corners that has the painting's proportions.
    scales
        Factors of the sides.

    Raises
    ------
    ImageError, OptionError
        The painting is not a valid image, an angle or a scale is out of range, or a cropped
        picture is too small.

    Examples
    --------
    >>> turned = variations(np.full((40, 60, 3), 9.0), angles=[0, 15], scales=[1, 0.5])
    >>> [picture.shape[:2] for picture in turned]
    [(40, 60), (20, 30), (29, 44), (14, 22)]
    """
    painting = images.as_image(painting, "variations' painting")
    if not all(abs(angle) < 90 for angle in angles):
        raise OptionError(f"angles: expected degrees between −90 and 90, got {list(angles)}.")
    if not all(0 < scale < math.inf for scale in scales):
        raise OptionError(f"scales: expected factors above 0, got {list(scales)}.")
    sides = painting.shape[:2]
    return [
        _turned(images.resize(painting, size=tuple(round(scale * n) for n in sides)), angle)
        for angle in angles
        for scale in scales
    ]


def _turned(picture: Image, angle: float) -> Image:
    """The middle of a rotated picture, with the same proportions."""
    radians, sides = math.radians(abs(angle)), picture.shape[:2]
    part = 1 / (math.cos(radians) + max(sides) / min(sides) * math.sin(radians))
    channels = [
        PIL.Image.fromarray(channel).rotate(angle, PIL.Image.Resampling.BICUBIC)
        for channel in np.moveaxis(picture, -1, 0)
    ]
    turned = np.stack([np.asarray(channel) for channel in channels], -1)
    middle = []
    for side in sides:
        kept = math.floor(side * part + 1e-9)
        middle.append(slice((side - kept) // 2, (side - kept) // 2 + kept))
    middle_of_it = images.whole_if_dark(turned[tuple(middle)].clip(0, 255))
    return images.as_image(middle_of_it, "a variation of a painting")
