"""The curves of a run: the loss and its weighted terms, on a logarithmic axis.

    chart(history)      # what the template ``curves.svg`` draws
    stroke(number)      # a curve's line style, as attributes of SVG

The loss has the color of the text. Terms have four colors that color-blind people can distinguish,
after Okabe and Ito, each with four kinds of dashes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from neural_style.runs.result import Entry

_Position: TypeAlias = Callable[[float], float]

_COLORS = ("#0072b2", "#d55e00", "#008f68", "#c0659a")
_DASHES = ("none", "9 4", "2 4", "9 4 2 4")
_POINTS = 20_000  # of all curves together, which bounds the size of a drawing


class Frame(NamedTuple):
    """The size of the drawing, and the edges of the axes in it."""

    width: int = 560
    height: int = 340
    left: int = 66
    right: int = 540
    top: int = 26
    bottom: int = 290


_FRAME = Frame()


class Curve(NamedTuple):
    """A line; its path is empty if none of its values can be drawn."""

    name: str
    values: list[float]
    path: str
    stroke: dict[str, str]


class Band(NamedTuple):
    """The evaluations of one scale."""

    scale: int
    left: float
    right: float


class Tick(NamedTuple):
    """A label of an axis, and its position along it."""

    position: float
    label: str


class Chart(NamedTuple):
    """Everything that is drawn. Only a run with several scales has bands."""

    curves: list[Curve]
    bands: list[Band]
    losses: list[Tick]
    evaluations: list[Tick]
    frame: Frame


def stroke(number: int) -> dict[str, str]:
    """The attributes of a curve's line; number 0 is the loss.

    >>> stroke(0)
    {'class': 'line loss', 'stroke': 'currentColor'}
    """
    if number == 0:
        return {"class": "line loss", "stroke": "currentColor"}
    dash, color = divmod(number - 1, len(_COLORS))
    dashes = _DASHES[dash % len(_DASHES)]
    return {"class": "line", "stroke": _COLORS[color], "stroke-dasharray": dashes}


def chart(history: Sequence[Entry], budget: int = 1) -> Chart:
    """The curves of a run.

    A value that is not positive, not finite, or below 1e-4 of the lowest loss leaves a gap. The
    step from one scale to the next also leaves a gap; a band shows each scale. The axis has room
    for at least ``budget`` evaluations.
    """
    names = history[0].weighted if history else ()
    series = [("loss", [entry.loss for entry in history])]
    series += [(name, [entry.weighted[name] for entry in history]) for name in names]
    lowest = min((entry.loss for entry in history if entry.loss > 0), default=0)
    drawn = [v for _, values in series for v in values if 0 < v < math.inf and v >= 1e-4 * lowest]
    low, high = min(drawn, default=1), max(drawn, default=1)
    bottom = math.floor(math.log10(low))
    top = max(math.ceil(math.log10(high)), bottom + 1)
    last = max(budget, max((entry.evaluation for entry in history), default=1))

    def across(evaluation: float) -> float:
        return round(_FRAME.left + (_FRAME.right - _FRAME.left) * evaluation / last, 1)

    def up(logarithm: float) -> float:
        height = (_FRAME.bottom - _FRAME.top) * (logarithm - bottom) / (top - bottom)
        return round(_FRAME.bottom - height, 1)

    scales = [list(own) for _, own in itertools.groupby(history, key=lambda entry: entry.scale)]
    step = math.ceil(len(history) * len(series) / _POINTS) or 1
    curves = []
    for number, (name, values) in enumerate(series):
        points = [
            (across(entry.evaluation), up(math.log10(value))) if low <= value <= high else None
            for entry, value in zip(history, values, strict=True)
        ]
        path = ""
        for own in scales:
            part, points = points[: len(own)], points[len(own) :]
            path += "".join(_commands([*part[:-1:step], part[-1]]))
        curves.append(Curve(name, values, path, stroke(number)))
    losses, evaluations = _losses(bottom, top, up), _evaluations(last, across)
    return Chart(curves, _bands(scales, across), losses, evaluations, _FRAME)


def _commands(points: Sequence[tuple[float, float] | None]) -> Iterator[str]:
    """The points as commands of a path; None is a gap, and a single point is a dot."""
    for there, group in itertools.groupby(points, key=lambda point: point is not None):
        if there:
            pairs = [f"{x} {y}" for x, y in filter(None, group)]
            yield f"M{pairs[0]}L{' '.join(pairs[1:] or pairs)}"


def _bands(scales: list[list[Entry]], across: _Position) -> list[Band]:
    if len(scales) < 2:
        return []
    edges = map(across, (0, *(own[-1].evaluation for own in scales)))
    return [
        Band(own[0].scale, left, right)
        for own, (left, right) in zip(scales, itertools.pairwise(edges), strict=True)
    ]


def _losses(bottom: int, top: int, up: _Position) -> list[Tick]:
    return [
        Tick(
            up(power + math.log10(digit)),
            f"{digit * 10.0**power:g}" if abs(power) < 5 else f"{digit}e{power}",
        )
        for power in range(bottom, top + 1, math.ceil((top - bottom) / 7))
        for digit in ((1, 2, 5) if top - bottom <= 2 and power < top else (1,))
    ]


def _evaluations(last: int, across: _Position) -> list[Tick]:
    step = next(
        step
        for exponent in itertools.count()
        for step in (10**exponent, 2 * 10**exponent, 5 * 10**exponent)
        if last <= 6 * step
    )
    return [Tick(across(number), str(number)) for number in range(0, last + 1, step)]
