"""Draw titles on a picture.

    text = Lettering(None, 16)                        # DejaVu Sans or Arial, else Pillow's own
    lines = text.lines("seed = 1, size = 10", 90, most=3)
    text.draw(canvas, lines, x, y, fill="black")

A title that is too wide is broken into lines. If there are too many lines, the last one ends
with "…".
"""

from __future__ import annotations

import unicodedata
from os import PathLike
from typing import Any

import PIL.ImageDraw
import PIL.ImageFont

from neural_style.errors import OptionError

_FONTS = ("DejaVuSans.ttf", "Arial.ttf", "arial.ttf")
_ASCII = str.maketrans({"×": "x", "–": "-", "—": "-", "−": "-", "→": "->", "≤": "<=", "≥": ">="})


class Lettering:
    """A font at one size, and lines of text in it."""

    font: PIL.ImageFont.FreeTypeFont | PIL.ImageFont.ImageFont

    def __init__(self, font: str | PathLike[str] | None, size: int) -> None:
        self.ascii = False
        for name in _FONTS if font is None else (font,):
            try:
                self.font = PIL.ImageFont.truetype(name, size)
                break
            except (OSError, AttributeError, TypeError, ValueError) as error:
                if font is not None:
                    raise OptionError(
                        f"font: {font} cannot be read as a TrueType file ({error})."
                    ) from error
        else:
            self.font = PIL.ImageFont.load_default(size)
            self.ascii = True  # the font has few other characters
        self.height = round(1.3 * size)

    def lines(self, text: str, width: float, most: int) -> list[str]:
        """Break ``text`` into at most ``most`` lines, each at most ``width`` pixels wide."""
        text = text.encode("utf-8", "replace").decode()  # a path may have invalid Unicode
        if self.ascii:
            text = "".join(map(spelt, text))
        lines: list[str] = []
        for word in text.split():
            if lines and self._fits(f"{lines[-1]} {word}", width):
                lines[-1] += f" {word}"
                continue
            lines.append("")
            for char in word:
                if lines[-1] and not self._fits(lines[-1] + char, width):
                    lines.append("")
                lines[-1] += char
            if len(lines) > most:
                break
        if len(lines) > most:
            last = lines[most - 1]
            while last and not self._fits(f"{last}…", width):
                last = last[:-1]
            lines[most - 1 :] = [f"{last}…"]
        return lines

    def _fits(self, line: str, width: float) -> bool:
        return self.font.getlength(line) <= width

    def draw(
        self, canvas: PIL.ImageDraw.ImageDraw, lines: list[str], x: float, y: float, **how: Any
    ) -> None:
        """Draw the lines one below the other, with the top of the first at ``y``."""
        for number, line in enumerate(lines):
            canvas.text((x, y + number * self.height), line, font=self.font, **how)


def spelt(char: str) -> str:
    """Write a character in ASCII."""
    if char.isascii() or char == "…":
        return char
    name = unicodedata.name(char, "").lower()
    if name.startswith("greek"):
        return name.split()[-1]
    plain = unicodedata.normalize("NFKD", char.translate(_ASCII))
    return plain.encode("ascii", "ignore").decode() or "?"
