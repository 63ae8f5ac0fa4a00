"""Random pictures to start from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from neural_style.errors import OptionError, check_seed, number
from neural_style.images.reading import Image
from neural_style.images.size import Size, checked_size

_MOST = float(np.finfo(np.float32).max) / 10  # above it, noise may be infinite


def noise(
    size: Size,
    *,
    uniform: tuple[float, float] = (117.5, 137.5),
    normal: tuple[float, float] | None = None,
    seed: int = 0,
) -> Image:
    """A picture of independent random values to start from, by default nearly gray.

    White noise over all of 0–255 has more fine detail than any painting, and much of
    it remains after hundreds of evaluations.

    Parameters
    ----------
    size
        (height, width) in pixels.
    uniform
        The range of a uniform distribution, in pixel values.
    normal
        The mean and the standard deviation of a normal distribution, instead of ``uniform``.
    seed
        A whole number of 0 or more. The same seed gives the same picture.

    Raises
    ------
    OptionError
        The size is invalid, or a number is not finite or out of its range.
    """
    shape = (*checked_size(size), 3)
    rng = np.random.default_rng(check_seed(seed))
    if normal is None:
        low, high = _pair("uniform", uniform)
        if low >= high:
            raise OptionError(f"uniform: expected (low, high) with low < high, got {uniform}.")
        return rng.uniform(low, high, size=shape).astype(np.float32)
    mean, deviation = _pair("normal", normal)
    if deviation < 0:
        raise OptionError(f"normal: expected a deviation of 0 or more, got {normal}.")
    return rng.normal(mean, deviation, size=shape).astype(np.float32)


def _pair(option: str, value: Any) -> tuple[float, float]:
    """The two numbers that describe a distribution."""
    numbers = [number(item) for item in value] if isinstance(value, Iterable) else []
    if len(numbers) != 2 or not all(abs(item) <= _MOST for item in numbers):
        raise OptionError(f"{option}: expected two finite numbers, got {value!r}.")
    return numbers[0], numbers[1]
