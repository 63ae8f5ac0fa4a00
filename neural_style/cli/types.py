"""Types of options: existing files, lists of numbers, and words or numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from neural_style.errors import OptionError


class Place(click.Path):
    """A path, converted by `to_path`."""

    def __init__(self, **conditions: bool) -> None:
        super().__init__(**conditions, path_type=Path)

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The path, if it meets the conditions of `click.Path`."""
        from neural_style.utils.files import to_path  # imports NumPy, which --help does not need

        try:
            path = to_path(value)
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)
        return super().convert(path, param, ctx)


# An existing file that cannot be read is not a usage error; reading it raises the error.
FILE = Place(exists=True, dir_okay=False, readable=False)
OUTPUT = Place(dir_okay=False)
FOLDER = Place(file_okay=False)


class Whole(click.ParamType[int]):
    """A whole number of ``least`` or more."""

    name = "n"

    def __init__(self, least: int) -> None:
        self.least = least

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """The number."""
        try:
            found = int(value)
        except ValueError:
            found = self.least - 1
        if found < self.least:
            self.fail(f"expected a whole number from {self.least}, got {value!r}.", param, ctx)
        return found


COUNT, SIDE, SEED = Whole(1), Whole(2), Whole(0)


class Numbers(click.ParamType[Any]):
    """Whole numbers of ``least`` or more, separated by commas."""

    name = "n[,n…]"

    def __init__(self, least: int) -> None:
        self.least = least

    def convert(self, value: Any, param: Any, ctx: Any) -> list[int]:
        """The list of numbers."""
        try:
            found = [int(part) for part in value.split(",")]
        except ValueError:
            self.fail(f"expected whole numbers, such as 256,512, got {value!r}.", param, ctx)
        if min(found) < self.least:
            self.fail(f"expected whole numbers from {self.least}, got {value!r}.", param, ctx)
        return found


class Scales(Numbers):
    """Increasing sides in pixels."""

    def convert(self, value: Any, param: Any, ctx: Any) -> list[int]:
        """The list of numbers."""
        found = super().convert(value, param, ctx)
        if sorted(set(found)) != found:
            self.fail(f"expected increasing sides, such as 256,512, got {value!r}.", param, ctx)
        return found


class Budget(Numbers):
    """One or more whole numbers."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The number, or the list of them."""
        numbers = super().convert(value, param, ctx)
        return numbers[0] if len(numbers) == 1 else numbers


class Tile(click.ParamType[Any]):
    """A whole number, ``auto`` or ``none``."""

    name = "auto|none|n"

    def convert(self, value: Any, param: Any, ctx: Any) -> int | str:
        """The number, or the word."""
        if value in ("auto", "none"):
            return str(value)
        try:
            return COUNT.convert(value, param, ctx)
        except click.BadParameter:
            self.fail(
                f"expected a positive whole number, 'auto' or 'none', got {value!r}.", param, ctx
            )


class Start(click.ParamType[Any]):
    """``content``, ``noise`` or a file."""

    name = "start"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """The word, or the file's path."""
        try:
            return str(value if value in ("content", "noise") else FILE.convert(value, param, ctx))
        except click.BadParameter as error:
            self.fail(f"expected content, noise or a picture; {error.message}", param, ctx)


def existing(text: str | Path, option: str) -> Path:
    """The path of an existing file, as one part of an option's value.

    >>> existing("nowhere.png", "--style")
    Traceback (most recent call last):
    ...
    neural_style.errors.OptionError: --style: File 'nowhere.png' does not exist.
    """
    try:
        return Path(FILE.convert(text, None, None))
    except click.BadParameter as error:
        raise OptionError(f"{option}: {error.message}") from None
