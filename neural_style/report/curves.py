"""Loss curves as inline SVG: the loss and its weighted terms against evaluations, on a log axis.

    series(history)       # [("loss", [12.5, …]), ("content", [0.5, …]), …]
    drawing(history)      # <svg>…</svg>
    swatch(number)        # the line of a curve, for a legend

The loss has the color of the text. Terms have four colors that the color-blind tell apart,
after Okabe and Ito, each with four kinds of dashes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from neural_style.report.markup import Markup, element
from neural_style.runs.result import Entry

_Place: TypeAlias = Callable[[float], float]

_COLORS = ("#0072b2", "#d55e00", "#008f68", "#c0659a")
_DASHES = ("none", "9 4", "2 4", "9 4 2 4")
_WIDTH, _HEIGHT = 560, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 66, 540, 26, 290
_MOST_NAME = 200
_POINTS = 20_000  # of all curves together, which bounds the size of a drawing


def series(history: Sequence[Entry]) -> list[tuple[str, list[float]]]:
    """The name and the values of every curve, the loss first."""
    names = history[0].weighted if history else ()
    terms = [(name, [entry.weighted[name] for entry in history]) for name in names]
    return [("loss", [entry.loss for entry in history]), *terms]


def swatch(number: int) -> Markup:
    """A piece of the line of a curve; number 0 is the loss."""
    line = element("path", d="M1 5L39 5", **_stroke(number))
    return element(
        "svg", line, viewBox="0 0 40 10", width=40, height=10, aria_hidden="true", class_="swatch"
    )


def drawing(history: Sequence[Entry], budget: int = 1) -> Markup:
    """The curves, with a title and a description.

    A value that is not positive, not finite, or below 1e-4 of the lowest loss is a gap, and so
    is the step from one scale to the next, which is shown by a band. ``budget`` is the number of
    evaluations that the axis has room for, at least.
    """
    curves = series(history)
    lowest = min((entry.loss for entry in history if entry.loss > 0), default=0)
    drawn = [v for _, values in curves for v in values if 0 < v < math.inf and v >= 1e-4 * lowest]
    low, high = min(drawn, default=1), max(drawn, default=1)
    bottom = math.floor(math.log10(low))
    top = max(math.ceil(math.log10(high)), bottom + 1)
    last = max(budget, max((entry.evaluation for entry in history), default=1))

    def across(evaluation: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * evaluation / last

    def up(logarithm: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * (logarithm - bottom) / (top - bottom)

    scales = [list(own) for _, own in itertools.groupby(history, key=lambda entry: entry.scale)]
    parts = [*_bands(scales, across), *_axes(bottom, top, last, across, up)]
    step = math.ceil(len(history) * len(curves) / _POINTS) or 1
    for number, (name, values) in enumerate(curves):
        points = [
            (across(entry.evaluation), up(math.log10(value))) if low <= value <= high else None
            for entry, value in zip(history, values, strict=True)
        ]
        commands = ""
        for own in scales:
            part, points = points[: len(own)], points[len(own) :]
            commands += "".join(_commands([*part[:-1:step], part[-1]]))
        if commands:
            parts.append(
                element("path", element("title", _short(name)), d=commands, **_stroke(number))
            )
    return element(
        "svg",
        element("title", "Loss and weighted terms against evaluations", id="curves-title"),
        element("desc", _description(curves, scales), id="curves-desc"),
        *parts,
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        role="img",
        aria_labelledby="curves-title",
        aria_describedby="curves-desc",
        class_="curves",
    )


def _stroke(number: int) -> dict[str, object]:
    if number == 0:
        return {"class_": "line loss", "stroke": "currentColor"}
    dash, color = divmod(number - 1, len(_COLORS))
    dashes = _DASHES[dash % len(_DASHES)]
    return {"class_": "line", "stroke": _COLORS[color], "stroke_dasharray": dashes}


def _commands(points: Sequence[tuple[float, float] | None]) -> Iterator[str]:
    """The points as a path's commands, None a gap; a point alone is a dot."""
    for there, group in itertools.groupby(points, key=lambda point: point is not None):
        if there:
            pairs = [f"{x:.1f} {y:.1f}" for x, y in filter(None, group)]
            yield f"M{pairs[0]}L{' '.join(pairs[1:] or pairs)}"


def _bands(scales: list[list[Entry]], across: _Place) -> Iterator[Markup]:
    """A band and a label for each scale of a run that has several."""
    if len(scales) < 2:
        return
    edges = [0, *(own[-1].evaluation for own in scales)]
    for number, (begin, end) in enumerate(itertools.pairwise(edges)):
        yield element(
            "rect",
            x=f"{across(begin):.1f}",
            y=_TOP,
            width=f"{across(end) - across(begin):.1f}",
            height=_BOTTOM - _TOP,
            class_=f"band{number % 2}",
        )
        middle = f"{across((begin + end) / 2):.1f}"
        label = f"scale {scales[number][0].scale + 1}"
        yield element("text", label, x=middle, y=_TOP - 8, text_anchor="middle")


def _axes(bottom: int, top: int, last: int, across: _Place, up: _Place) -> Iterator[Markup]:
    for power in range(bottom, top + 1, math.ceil((top - bottom) / 7)):
        for digit in (1, 2, 5) if top - bottom <= 2 and power < top else (1,):
            y = f"{up(power + math.log10(digit)):.1f}"
            yield element("line", x1=_LEFT, x2=_RIGHT, y1=y, y2=y, class_="grid")
            label = f"{digit * 10.0**power:g}" if abs(power) < 5 else f"{digit}e{power}"
            yield element("text", label, x=_LEFT - 6, y=y, dy=".35em", text_anchor="end")
    step = next(
        step
        for exponent in itertools.count()
        for step in (10**exponent, 2 * 10**exponent, 5 * 10**exponent)
        if last <= 6 * step
    )
    for evaluation in range(0, last + 1, step):
        x = f"{across(evaluation):.1f}"
        yield element("line", x1=x, x2=x, y1=_BOTTOM, y2=_BOTTOM + 5, class_="grid")
        yield element("text", str(evaluation), x=x, y=_BOTTOM + 20, text_anchor="middle")
    middle = (_LEFT + _RIGHT) / 2
    yield element("text", "evaluations", x=middle, y=_HEIGHT - 6, text_anchor="middle")


def _description(curves: list[tuple[str, list[float]]], scales: list[list[Entry]]) -> str:
    ends = "; ".join(f"{_short(n)} from {v[0]:.4g} to {v[-1]:.4g}" for n, v in curves if v)
    several = f" {len(scales)} scales, from coarse to fine." if len(scales) > 1 else ""
    return f"On a logarithmic axis: {ends}.{several}"


def _short(name: str) -> str:
    """A name, cut where it is endless, which bounds the size of a drawing."""
    return name if len(name) <= _MOST_NAME else f"{name[:_MOST_NAME]}…"
