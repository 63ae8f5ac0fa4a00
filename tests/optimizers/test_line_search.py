"""Steps along a line: SciPy's while all is finite, and shorter ones where it is not."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.optimize import line_search

from neural_style.optimizers.line_search import Point, search

Function = Callable[[Any], tuple[float, Any]]


def valley(x: Any) -> tuple[float, Any]:
    c = np.geomspace(1e-2, 1e3, x.size)
    return float(c @ (x - 3) ** 2), 2 * c * (x - 3)


def waves(x: Any) -> tuple[float, Any]:
    return float((x**2 / 100 + 5 * np.sin(x)).sum()), x / 50 + 5 * np.cos(x)


def edge(x: Any) -> tuple[float, Any]:
    return float(np.abs(x).sum()), np.sign(x)


def slide(x: Any) -> tuple[float, Any]:
    """Downhill for ever."""
    return float(-x.sum()), -np.ones(x.size)


class Line:
    """Evaluations of a function of float32, which is not finite where ``broken`` says."""

    def __init__(self, function: Function, broken: Callable[[Any], bool] = lambda x: False) -> None:
        self.function, self.broken = function, broken
        self.seen: list[Point] = []

    def __call__(self, x: Any) -> Point:
        loss, gradient = self.function(x.astype(float))
        if self.broken(x):
            loss, gradient = math.inf, np.zeros(x.size)
        self.seen.append(Point(x, float(np.float32(loss)), gradient.astype(np.float32)))
        return self.seen[-1]


@pytest.mark.parametrize("function", [valley, waves, edge, slide])
def test_its_steps_are_scipys_to_the_bit(function: Function) -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        start = rng.normal(0, 30, 7).astype(np.float32)
        ours, theirs = Line(function), Line(function)
        here = ours(start)
        theirs(start)
        direction = -here.gradient * np.float32(10 ** rng.uniform(-4, 1))
        found = search(ours, here, direction)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            *_, slope = line_search(
                lambda x, at=theirs: at(x.astype(np.float32)).loss,
                lambda _, at=theirs: at.seen[-1].gradient,
                *(start, direction, here.gradient, here.loss),
            )
        assert len(ours.seen) == len(theirs.seen)
        for one, other in zip(ours.seen, theirs.seen, strict=True):
            np.testing.assert_array_equal(one.x, other.x)
        if slope is not None and theirs.seen[-1].loss < here.loss:
            assert found is ours.seen[-1]
        else:
            assert found is None


@pytest.mark.parametrize("wall", [1e-3, 0.01, 0.6, 1.5, 2.9, 3.0, 700.0])
@pytest.mark.parametrize("length", [1e-2, 1.0, 1e3])
def test_a_step_to_what_is_not_finite_is_shortened(wall: float, length: float) -> None:
    for function in (valley, slide):
        line = Line(function, lambda x: x.max() > wall)
        here = line(np.zeros(5, np.float32))
        found = search(line, here, np.full(5, length, np.float32))
        broken = any(math.isinf(each.loss) for each in line.seen)
        if function is valley or broken:
            assert found is line.seen[-1]
            assert found.loss < here.loss


def test_where_no_step_is_finite_it_gives_up() -> None:
    line = Line(slide, lambda x: x.max() > 0)
    assert search(line, line(np.zeros(5, np.float32)), np.full(5, 1e3, np.float32)) is None
    assert len(line.seen) < 50
    here = line(np.zeros(5, np.float32))
    assert search(line, here, np.full(5, np.nan, np.float32)) is None


def test_the_longest_finite_step_is_taken_where_none_beyond_is() -> None:
    line = Line(slide, lambda x: x.max() > 1)
    found = search(line, line(np.zeros(5, np.float32)), np.ones(5, np.float32))
    assert found is not None
    assert found.x.max() == 1
    assert found is line.seen[-1]


def test_it_leaves_pythons_warnings_as_they_are() -> None:
    before = list(warnings.filters)
    line = Line(slide)
    assert search(line, line(np.zeros(5, np.float32)), np.ones(5, np.float32)) is None
    assert warnings.filters == before
