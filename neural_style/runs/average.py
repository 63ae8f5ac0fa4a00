"""The exponential average of a scale's iterates, which takes the place of the best picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neural_style.errors import OptionError, number
from neural_style.images import Image


class Average:
    """A = decay · A + (1 − decay) · iterate, from zeros; the picture is A / (1 − decayⁿ).

    n counts the iterates. The division corrects the bias to the zeros, as in Adam.

    >>> average = Average(0.5)
    >>> for value in (8.0, 2.0):
    ...     average.add(np.full((1, 1, 3), value, np.float32))
    >>> print(average.picture()[0, 0])  # (2 / 2 + 8 / 4) / (3 / 4)
    [4. 4. 4.]
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self.clear()

    def clear(self) -> None:
        """Begin a new average."""
        self.count, self.total = 0, np.zeros((), np.float32)

    def add(self, image: Image) -> None:
        """Add an iterate."""
        self.count += 1
        decay = np.float32(self.decay)
        self.total = decay * self.total + (1 - decay) * image

    def picture(self) -> Image:
        """The average of all iterates so far, of which there is at least one."""
        image: Image = self.total / np.float32(1 - self.decay**self.count)
        return image


def check(decay: float | None, budgets: Sequence[int]) -> float | None:
    """The decay as a float; or raise an `OptionError` if it or a budget does not fit."""
    if decay is None:
        return None
    if not 0 <= number(decay) < 1:
        raise OptionError(
            f"average: expected a decay from 0 to below 1, such as 0.99, got {decay!r}."
        )
    if min(budgets) < 2:
        raise OptionError(
            "average: the last evaluation of a scale is that of the average: expected at least 2 "
            "evaluations at each scale, got 1."
        )
    return number(decay)
