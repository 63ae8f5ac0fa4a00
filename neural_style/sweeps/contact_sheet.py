"""`contact_sheet`: draw many pictures as one, in a grid with titles.

    contact_sheet(outcomes, rows="seed", columns="size")      # -> float32 H×W×3, 0–255
    contact_sheet({"content": photo, "style": painting, "result": result.image})

A sheet has bands. A band is a row of equal cells, with optional titles above the cells and an
optional title at the left.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import PIL.Image
import PIL.ImageDraw

from neural_style import images
from neural_style.errors import OptionError, check_count, suggestion
from neural_style.images import Image
from neural_style.sweeps.lettering import Lettering
from neural_style.sweeps.sweep import Outcome

# A picture, a text instead of it, or nothing.
_Cell: TypeAlias = Image | str | None

_TITLE_LINES = 3


class _Band(NamedTuple):
    title: str
    titles: list[str]
    cells: list[_Cell]


def contact_sheet(
    pictures: Iterable[Outcome] | Mapping[str, Image],
    *,
    rows: str | None = None,
    columns: str | int | None = None,
    title: str = "",
    cell: int = 256,
    font: str | PathLike[str] | None = None,
) -> Image:
    """Draw pictures side by side, with titles.

    Parameters
    ----------
    pictures
        The outcomes of a sweep, or a dict of titles and pictures, H×W×3, RGB. Values are clipped
        to 0–255.
    rows, columns
        For outcomes, the settings that change from row to row and from column to column.
        Their values are the titles. Without ``rows``, ``columns`` may be the number of pictures
        in a row, each under its own title. By default all pictures are in one row.
    title
        The title of the whole sheet.
    cell
        The longer side of every picture, in pixels. Pictures are resized to it.
    font
        A TrueType file. By default, DejaVu Sans or Arial if it is installed, otherwise
        Pillow's own font, with titles in ASCII.

    Returns
    -------
    ndarray
        A picture, for `images.save`. A failed run is shown as its error. A combination without a
        run leaves an empty cell.

    Raises
    ------
    OptionError
        There is no picture; a setting or the font does not exist; two outcomes belong to the
        same cell; or a number is invalid.
    ImageError
        One of the pictures is not a valid image.

    Examples
    --------
    >>> photo, painting = images.noise((30, 40)), images.noise((40, 20))
    >>> sheet = contact_sheet({"photo": photo, "painting": painting}, cell=100)
    >>> sheet.dtype, sheet.shape[1]
    (dtype('float32'), 212)
    """
    check_count("cell", cell)
    if not isinstance(title, str):
        raise OptionError(f"title: expected a text, got {title!r}.")
    if isinstance(pictures, Mapping):
        bands = _of_pictures(pictures, rows, columns)
    else:
        outcomes = list(pictures) if isinstance(pictures, Iterable) else [pictures]
        bands = _of_outcomes(outcomes, rows, columns)
    if not bands:
        raise OptionError("pictures: expected one or more, got an empty list.")
    return _draw(bands, title, cell, font)


def _of_pictures(
    pictures: Mapping[str, Image], rows: str | None, columns: str | int | None
) -> list[_Band]:
    if rows is not None or isinstance(columns, str):
        raise OptionError(
            "rows and columns: a dict of pictures accepts only columns, as a number; names of "
            "settings are for a sweep's outcomes."
        )
    cells: list[_Cell] = [_picture(picture, str(name)) for name, picture in pictures.items()]
    return _strip([str(name) for name in pictures], cells, columns)


def _of_outcomes(
    outcomes: list[Outcome], rows: str | None, columns: str | int | None
) -> list[_Band]:
    for outcome in outcomes:
        if not isinstance(outcome, Outcome):
            raise OptionError(
                f"pictures: expected outcomes of a sweep, or a dict such as "
                f"{{'photo': photo}}, got a sequence of {type(outcome).__name__}."
            )
    if outcomes and (rows is not None or isinstance(columns, str)):
        return _grid(outcomes, rows, columns)
    titles = [
        ", ".join(_titled(*item) for item in outcome.settings.items()) for outcome in outcomes
    ]
    return _strip(titles, [_cell(outcome) for outcome in outcomes], columns)


def _strip(titles: list[str], cells: list[_Cell], columns: str | int | None) -> list[_Band]:
    step = len(cells) or 1 if columns is None else check_count("columns", columns)
    return [
        _Band("", titles[i : i + step], cells[i : i + step]) for i in range(0, len(cells), step)
    ]


def _grid(outcomes: list[Outcome], rows: str | None, columns: str | int | None) -> list[_Band]:
    placed: dict[tuple[str, str], Outcome] = {}
    for outcome in outcomes:
        place = _title("rows", rows, outcome), _title("columns", columns, outcome)
        other = placed.setdefault(place, outcome)
        if other is not outcome:
            pairs = [{k: repr(v) for k, v in o.settings.items()} for o in (outcome, other)]
            differ = " and ".join(k for k in pairs[0] if pairs[0][k] != pairs[1].get(k))
            raise OptionError(
                f"two outcomes belong to the cell {', '.join(filter(None, place))!r}; "
                f"{f'draw a sheet for each {differ}' if differ else 'leave one of them out'}."
            )
    band_titles, titles = (list(dict.fromkeys(axis)) for axis in zip(*placed, strict=True))
    cells = {place: _cell(outcome) for place, outcome in placed.items()}
    return [
        _Band(
            row,
            titles if row == band_titles[0] else [""] * len(titles),
            [cells.get((row, column)) for column in titles],
        )
        for row in band_titles
    ]


def _title(option: str, name: str | int | None, outcome: Outcome) -> str:
    """The title of the outcome's row or column."""
    if name is None:
        return ""
    if not isinstance(name, str) or name not in outcome.settings:
        known = suggestion(str(name), outcome.settings)
        raise OptionError(f"{option}: the outcomes have no setting {name!r}; {known}.")
    return _titled(str(name), outcome.settings[str(name)])


def _titled(name: str, value: Any) -> str:
    return f"{name} = {_text(value)}"


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return str(value)


def _cell(outcome: Outcome) -> _Cell:
    if outcome.result is None:
        return f"{type(outcome.error).__name__}: {outcome.error}"
    return _picture(outcome.result.image, str(outcome))


def _picture(picture: Any, name: str) -> Image:
    return images.as_image(picture, name, any_range=True).clip(0, 255)


def _draw(bands: list[_Band], title: str, cell: int, font: str | PathLike[str] | None) -> Image:
    text, heading = Lettering(font, max(11, cell // 16)), Lettering(font, max(14, cell // 11))
    gap = max(4, cell // 32)
    scaled = [[_scaled(each, cell) for each in band.cells] for band in bands]
    sizes = [each.size for row in scaled for each in row if isinstance(each, PIL.Image.Image)]
    # Even narrow and flat pictures get cells with room for titles and errors.
    width, height = (max(cell // 2, *side) for side in zip(*sizes, (0, 0), strict=True))
    if not sizes:
        width = height = cell
    beside = max(cell // 2, 8 * text.height)
    sides = [text.lines(band.title, beside, max(1, height // text.height)) for band in bands]
    side = max(math.ceil(text.font.getlength(line)) for lines in sides for line in ["", *lines])
    tops = [[text.lines(each, width, _TITLE_LINES) for each in band.titles] for band in bands]
    heads = [max(map(len, titles)) * text.height for titles in tops]
    left = gap + (side + gap if side else 0)
    right = left + len(bands[0].cells) * (width + gap)
    lines = heading.lines(title, right - 2 * gap, _TITLE_LINES)
    y = gap + len(lines) * heading.height + (gap if lines else 0)
    sheet = PIL.Image.new("RGB", (right, y + sum(heads) + len(bands) * (height + gap)), "white")
    canvas = PIL.ImageDraw.Draw(sheet)
    heading.draw(canvas, lines, right / 2, gap, anchor="ma", fill="black")
    for row, by, above, head in zip(scaled, sides, tops, heads, strict=True):
        y += head
        middle = y + (height - len(by) * text.height) / 2
        text.draw(canvas, by, left - gap, middle, anchor="ra", fill="black")
        for i, (each, under) in enumerate(zip(row, above, strict=True)):
            x = left + i * (width + gap)
            top = y - len(under) * text.height
            text.draw(canvas, under, x + width / 2, top, anchor="ma", fill="black")
            if isinstance(each, PIL.Image.Image):
                sheet.paste(each, (x + (width - each.width) // 2, y))
            elif each is not None:
                canvas.rectangle((x, y, x + width - 1, y + height - 1), fill="#f3e9e7")
                error = text.lines(each, width - 2 * gap, max(1, height // text.height - 1))
                middle = y + (height - len(error) * text.height) / 2
                text.draw(canvas, error, x + width / 2, middle, anchor="ma", fill="#9c1c10")
        y += height + gap
    return np.asarray(sheet, np.float32)


def _scaled(cell: _Cell, side: int) -> PIL.Image.Image | str | None:
    if cell is None or isinstance(cell, str):
        return cell
    picture = PIL.Image.fromarray(np.rint(cell).astype(np.uint8))
    factor = side / max(picture.size)
    width, height = (max(1, round(length * factor)) for length in picture.size)
    return picture.resize((width, height), PIL.Image.Resampling.LANCZOS)
