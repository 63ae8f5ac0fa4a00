"""The loss by hand, and against the protocol."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from activity import Activity

from neural_style.errors import LossError
from neural_style.losses.mean import Mean
from neural_style.testing.kit import loss_checks

PAINTING = np.zeros((8, 8, 3))


@loss_checks([lambda painting: Activity(painting, scale=2.0)])
def test_conformance(check: Callable[[], None]) -> None:
    check()


def test_by_hand() -> None:
    """Of 0, 1, 3 and 0 with s = 1: (0 + 1/2 + 9/10 + 0) / 4."""
    f = np.reshape([0.0, 1, 3, 0], (1, 2, 2, 1))
    assert Activity(PAINTING, scale=1.0).statistic(f, Mean()).numpy() == pytest.approx([0.35])


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan")])
def test_a_scale_that_is_none(scale: float) -> None:
    with pytest.raises(LossError, match="activity's scale: expected a finite number above 0"):
        Activity(PAINTING, scale=scale)
