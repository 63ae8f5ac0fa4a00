"""The range of a picture's values: 0–255, never guessed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neural_style.errors import ImageError

_UNIT = 2.0  # the largest value of a picture of 0–1, even if it was brightened


def check_range(values: NDArray[Any], name: str, *, any_range: bool = False) -> None:
    """Raise an `ImageError` if finite values do not have the range that `as_image` expects."""
    low, high = np.float32(values.min()), np.float32(values.max())
    if not any_range and (low < 0 or high > 255):
        raise ImageError(
            f"{name}: expected values from 0 to 255, got {low:.8g} to {high:.8g}; "
            f"scale or clip them."
        )
    if _is_unit(values):
        remedy = "multiply by 255" if low >= 0 else "scale them to that range"
        raise ImageError(
            f"{name}: expected values from 0 to 255, got {low:.8g} to {high:.8g}; {remedy}."
        )


def whole_if_dark(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """A picture that the library made, rounded if `as_image` would take it for one of 0–1."""
    return np.rint(image) if _is_unit(image) and image.min() >= 0 else image


def _is_unit(values: NDArray[Any]) -> bool:
    """Whether `as_image` takes values for a picture of 0–1 or ±1, not for a dark picture."""
    if values.dtype.kind != "f" or not values.size:
        return False
    most = max(values.max(), -values.min())
    if not 0 < most <= _UNIT:
        return False
    fractions = bool((np.rint(values) != values).any())
    return fractions or (most <= 1 and values.dtype != np.float32)
