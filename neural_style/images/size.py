"""Sizes of pictures: (height, width) in whole pixels, at least 2×2, at most `most_pixels`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import PIL.Image

from neural_style.errors import ImageError, OptionError, advice

Size: TypeAlias = tuple[int, int]
Fit: TypeAlias = Callable[[Size], Size]  # from a picture's size to its new size

_SMALLEST, _LARGEST = 2, 2**31 - 1
_PILLOWS = 2**30 // 4 // 3  # Pillow's own limit, less than phones' cameras have
_MOST = 2**28  # 3 GB as float32; the largest sensors have 200 million


def most_pixels() -> int | None:
    """The limit of pixels against decompression bombs, or None for no limit.

    It is ``PIL.Image.MAX_IMAGE_PIXELS`` if that was changed from Pillow's default, else 2²⁸.
    """
    limit = PIL.Image.MAX_IMAGE_PIXELS
    return _MOST if limit == _PILLOWS else limit


def fitted(side: str, pixels: int, whole: Callable[[float], int] = round) -> Fit:
    """A function that makes one side ``pixels`` long and keeps the proportions.

    ``side`` is ``"long_side"``, ``"short_side"`` or ``"rows"``; ``"square"`` makes both sides
    ``pixels`` long. ``whole`` rounds the other side.

    >>> fitted("short_side", 512)((300, 400)), fitted("short_side", 512, int)((300, 400))
    ((512, 683), (512, 682))
    """

    def fit(size: Size) -> Size:
        if side == "square":
            return pixels, pixels
        fixed = {"long_side": max(size), "short_side": min(size), "rows": size[0]}[side]
        height, width = (max(_SMALLEST, whole(length * pixels / fixed)) for length in size)
        return height, width

    return fit


def scaled(size: Size, factor: float) -> Size:
    """A size multiplied by a factor, in whole pixels, at least 2.

    >>> scaled((480, 640), 0.1)
    (48, 64)
    """
    height, width = (max(_SMALLEST, round(side * factor)) for side in size)
    return height, width


def asked_size(
    given: Size, *, long_side: int | None, short_side: int | None, size: Size | Fit | None
) -> Size:
    """The (height, width) that one of the three options asks for; without options, ``given``.

    ``size`` may be a function of ``given``, as `fitted` returns it.

    Raises
    ------
    OptionError
        More than one option is given, a size is invalid, or the picture would have more than
        `most_pixels`.

    Examples
    --------
    >>> asked_size((480, 640), long_side=None, short_side=120, size=None)
    (120, 160)
    """
    options = {"long_side": long_side, "short_side": short_side, "size": size}
    asked = {option: value for option, value in options.items() if value is not None}
    if not asked:
        return given
    if len(asked) > 1:
        raise OptionError(f"expected one of long_side, short_side and size, got {asked}.")
    ((option, value),) = asked.items()
    if option == "size":
        return checked_size(value(given) if callable(value) else value)
    return _within_limit(fitted(option, checked_side(option, value))(given), option, value)


def checked_side(option: str, value: Any) -> int:
    """Return the value of an option as a side in pixels, or raise an `OptionError`."""
    (side,) = _whole(option, value, 1)
    return side


def checked_size(size: Any) -> Size:
    """Return the option ``size`` as (height, width), or raise an `OptionError`."""
    height, width = _whole("size", size, 2)
    return _within_limit((height, width), "size", size)


def check_size(size: Size, name: str) -> None:
    """Raise an `ImageError` about ``name`` if the picture is too small or too large."""
    height, width = size
    if min(size) < _SMALLEST:
        raise ImageError(
            f"{name}: expected at least {_SMALLEST}×{_SMALLEST} pixels, got {height}×{width}."
        )
    if _is_too_large(size):
        raise ImageError(
            f"{name}: {height}×{width} exceeds the limit against decompression bombs "
            f"({most_pixels():,} pixels); shrink it{_or_raise_it()}."
        )


def _or_raise_it() -> str:
    return advice(", or raise PIL.Image.MAX_IMAGE_PIXELS if you trust it", "")


def _is_too_large(size: Size) -> bool:
    limit = most_pixels()
    return limit is not None and size[0] * size[1] > limit


def _within_limit(size: Size, option: str, value: Any) -> Size:
    if _is_too_large(size):
        raise OptionError(
            f"{option}: {value} makes a picture of {size[0]}×{size[1]}, larger than the limit "
            f"({most_pixels():,} pixels); choose a smaller size{_or_raise_it()}."
        )
    return size


def _whole(option: str, value: Any, count: int) -> tuple[int, ...]:
    """Return the ``count`` numbers of an option as sides in pixels, or raise an `OptionError`."""
    sides = tuple(value) if count == 2 and isinstance(value, tuple | list) else (value,)
    whole = all(
        isinstance(side, int | np.integer) and _SMALLEST <= side <= _LARGEST for side in sides
    )
    if not whole or len(sides) != count:
        wanted = "(height, width)" if count == 2 else "a number"
        raise OptionError(
            f"{option}: expected {wanted} in whole pixels, at least {_SMALLEST}, got {value!r}."
        )
    return tuple(map(int, sides))
