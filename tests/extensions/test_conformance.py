"""Every registered loss, whoever's it is, does what the protocol asks; no loss is named here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from neural_style import create, names
from neural_style.errors import LossError
from neural_style.losses import calls
from neural_style.testing.kit import loss_checks
from neural_style.testing.loss_under_test import pattern, small_network
from neural_style.utils.backend import tf

pytestmark = pytest.mark.slow


@loss_checks(names())
def test_a_registered_loss(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize("name", names())
def test_a_registered_loss_is_blended_or_says_that_it_cannot_be(name: str) -> None:
    """All of the second reference and nothing of the first is the second one's target."""
    first, second = (pattern((48, 56), period) for period in (7, 5))
    try:
        blend = create(name, first, second).blended([0, 1])
    except LossError:
        return
    one = create(name, second)
    picture, *measured = (
        tf.nest.map_structure(np.asarray, calls.statistics(one, small_network()(x, one.layers)))
        for x in (pattern((48, 56), 3), first, second)
    )
    found, expected = (
        calls.target(loss, references, picture, np.random.default_rng(0))
        for loss, references in ((blend, measured), (one, measured[1:]))
    )
    tf.nest.map_structure(np.testing.assert_array_equal, found, expected)
