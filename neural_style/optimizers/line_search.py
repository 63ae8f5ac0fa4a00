"""A line search for a step that satisfies the strong Wolfe conditions.

    found = search(at, here, direction)     # a lower `Point`, or None
    same(x, y)                              # whether they are equal except for rounding

``at(x)`` evaluates a point; if its loss or gradient is not finite, its loss is infinite, which
shortens the step. ``here`` is the point where the line begins, and ``direction`` leads downhill.
All vectors are float32, or all float64.

The steps are, to the bit, those of `scipy.optimize.line_search` as long as every point is finite.
SciPy's function warns of each failed search, and only a filter for all threads can hide that. It
also keeps searching for a small slope if the loss stops being finite before there is one.
Source: Nocedal & Wright, *Numerical Optimization*, 2006, algorithms 3.5 and 3.6.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Vector: TypeAlias = NDArray[np.floating[Any]]

_SUFFICIENT, _CURVATURE = 1e-4, 0.9  # c₁ and c₂ of the conditions
_MOST = 10  # trials of finite loss after the first, in each of the two phases


class Point(NamedTuple):
    """A vector, such as a picture, with its loss and gradient."""

    x: Vector
    loss: float
    gradient: Vector


class _Trial(NamedTuple):
    """A point of the line: φ(step) and φ'(step)."""

    step: Any
    point: Point
    slope: Any

    @property
    def loss(self) -> float:
        return self.point.loss

    @property
    def finite(self) -> bool:
        return math.isfinite(self.point.loss)


def search(at: Callable[[Vector], Point], here: Point, direction: Vector) -> Point | None:
    """A lower point along a direction, which is evaluated last; None if none is found.

    If the loss is not finite further along, sufficient decrease is enough.
    """
    last = here

    def trial(step: Any) -> _Trial:
        nonlocal last
        with np.errstate(over="ignore"):
            x = (here.x + step * direction).astype(here.x.dtype)
        last = at(x)
        slope = _slope(last, direction) if math.isfinite(last.loss) else math.nan
        return _Trial(step, last, slope)

    origin = _Trial(0, here, _slope(here, direction))
    found = _bracket(trial, origin) if np.isfinite(origin.slope) else None
    if found is None or not found.loss < here.loss:
        return None
    return last if found.point is last else at(found.point.x)


def _bracket(trial: Callable[[Any], _Trial], origin: _Trial) -> _Trial | None:
    """Double the step until the conditions hold there or at a smaller step."""
    low, high = origin, trial(1.0)
    for _ in range(_MOST):
        if not _decreases(high, origin) or (high.loss >= low.loss and low is not origin):
            return _zoom(trial, origin, low, high)
        if abs(high.slope) <= -_CURVATURE * origin.slope:
            return high
        if high.slope >= 0:
            return _zoom(trial, origin, high, low)
        low, high = high, trial(2 * high.step)
    return None if high.finite else low


def _zoom(
    trial: Callable[[Any], _Trial], origin: _Trial, low: _Trial, high: _Trial
) -> _Trial | None:
    """Narrow an interval, whose lower end decreases sufficiently, until the conditions hold."""
    recent: _Trial | None = None
    left, broken = _MOST, not high.finite
    while left >= 0:
        middle = trial(_between(low, high, recent))
        if middle.finite:
            left -= 1
        elif same(middle.point.x, low.point.x):
            break
        broken = broken or not middle.finite
        if not _decreases(middle, origin) or middle.loss >= low.loss:
            recent, high = high, middle
            continue
        if abs(middle.slope) <= -_CURVATURE * origin.slope or not high.finite:
            return middle
        if middle.slope * (high.step - low.step) >= 0:
            recent, high = high, low
        else:
            recent = low
        low = middle
    return low if broken and low is not origin else None


def _slope(point: Point, direction: Vector) -> Any:
    slope = np.dot(point.gradient, direction)
    return slope if np.isfinite(slope) else np.dot(point.gradient.astype(np.float64), direction)


def _decreases(trial: _Trial, origin: _Trial) -> bool:
    """Whether the loss is lower by at least c₁ times what the slope at the origin predicts."""
    return bool(trial.loss <= origin.loss + _SUFFICIENT * trial.step * origin.slope)


def same(x: Vector, y: Vector) -> bool:
    """Whether two vectors differ by no more than the rounding of their largest value."""
    rounding = float(np.finfo(y.dtype).eps)
    return bool(np.abs(x - y).max() <= rounding * max(1.0, np.abs(y).max()))


def _between(low: _Trial, high: _Trial, recent: _Trial | None) -> Any:
    """The minimum of the cubic through three trials, or of the parabola through two, or the middle.

    Both also match the slope at ``low``. A minimum near an end or outside is not used.
    """
    width = high.step - low.step
    ends = sorted((low.step, high.step))

    def inside(step: Any, margin: float) -> bool:
        within = margin * width
        return step is not None and not (step > ends[1] - within or step < ends[0] + within)

    if recent is not None and inside(step := _cubic(low, high, recent), 0.2):
        return step
    if inside(step := _parabola(low, high), 0.1):
        return step
    return low.step + 0.5 * width


# In float32, slopes are float32, and what comes of them and of Python's floats; a cubic is float64.
def _parabola(low: _Trial, high: _Trial) -> Any:
    """The step at the minimum of a parabola; None if there is no minimum."""
    width = high.step - low.step
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        try:
            bend = (high.loss - low.loss - low.slope * width) / (width * width)
            step = low.step - low.slope / (2.0 * bend)
        except ArithmeticError:
            return None
    return step if np.isfinite(step) else None


def _cubic(low: _Trial, high: _Trial, recent: _Trial) -> Any:
    """The step at the minimum of a cubic; None if there is no minimum."""
    b, c = high.step - low.step, recent.step - low.step
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        try:
            rises = [each.loss - low.loss - low.slope * x for each, x in ((high, b), (recent, c))]
            rows = np.array([[c**2, -(b**2)], [-(c**3), b**3]], np.float64)
            third, second = np.dot(rows, np.asarray(rises)) / ((b * c) ** 2 * (b - c))
            root = np.sqrt(second * second - 3 * third * low.slope)
            step = low.step + (-second + root) / (3 * third)
        except ArithmeticError:
            return None
    return step if np.isfinite(step) else None
