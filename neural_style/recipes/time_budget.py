"""A budget in time: the evaluations that a preset has time for.

    evaluations_within(minutes, preset, time.monotonic())   # -> a budget for each scale

The clock decides only here, before the run. The run gets the numbers, and its record has them, so
`rerun` and `resume` do the same evaluations on any machine.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from neural_style.errors import OptionError, advice, number
from neural_style.objective.objective import Objective
from neural_style.recipes.draft import Preset


def evaluations_within(minutes: float, preset: Preset, began: float) -> list[int]:
    """The preset's evaluations at each scale, all multiplied by the factor that fills the time.

    The time counts from ``began``, a value of `time.monotonic`. Two evaluations at the final size
    are measured; they count in the time. The first one compiles, for the run, too. An evaluation
    at a coarser scale is expected to take a time in proportion to its pixels, and its compilation
    as long as that of the final size.

    Raises
    ------
    OptionError
        ``minutes`` is not a finite number above 0, or is too short for one evaluation a scale.
    StyleError
        As `Objective`.
    """
    asked = check_minutes(minutes)
    size = preset.start.shape[0], preset.start.shape[1]
    sides = sorted({*preset.scales, max(size)})
    budgets = preset.evaluations
    if not isinstance(budgets, Sequence):
        budgets = [budgets] * len(sides)
    compilation, evaluation = _measured(preset)
    seconds = [evaluation * (side / sides[-1]) ** 2 for side in sides]
    spent = time.monotonic() - began + (len(sides) - 1) * compilation
    if 60 * asked - spent < sum(seconds):
        least = math.ceil((spent + sum(seconds)) / 6) / 10
        raise OptionError(
            f"{advice('minutes', '--minutes')}: {asked:g} is too short for one evaluation at each "
            f"scale, which takes about {least:g} here; use more, or a smaller picture."
        )
    return shared(60 * asked - spent, budgets, seconds)


def check_minutes(minutes: object) -> float:
    """Minutes as a float, or an `OptionError` if they are not a finite number above 0."""
    if not 0 < (found := number(minutes)) < math.inf:
        raise OptionError(f"minutes: expected a finite number above 0, got {minutes!r}.")
    return found


def shared(left: float, budgets: Sequence[int], seconds: Sequence[float]) -> list[int]:
    """The budgets times the factor that fills the seconds ``left``, each at least 1.

    >>> shared(30, [100, 50], [0.1, 1])     # 100 · 0.1 + 50 · 1 take 60 seconds
    [50, 25]
    """
    factor = left / sum(b * s for b, s in zip(budgets, seconds, strict=True))
    return [max(1, int(factor * budget)) for budget in budgets]


def _measured(preset: Preset) -> tuple[float, float]:
    """The seconds of the compilation, and of an evaluation with its part of a refresh."""
    size = preset.start.shape[0], preset.start.shape[1]
    times = [time.monotonic()]

    def took() -> float:
        times.append(time.monotonic())
        return times[-1] - times[-2]

    objective = Objective(preset.loss, preset.features, size, seed=preset.seed, tile=preset.tile)
    objective.refresh(preset.start, round=0)
    objective(preset.start)
    first = took()
    objective.refresh(preset.start, round=1)
    refresh = took()
    objective(preset.start)
    evaluation = took()
    periods = [term.loss.refresh_every for term in objective.terms if term.loss.refresh_every]
    share = refresh / min(periods) if periods else 0.0
    return max(0.0, first - refresh - evaluation), evaluation + share
