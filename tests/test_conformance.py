"""Every registered loss, whoever's it is, does what the protocol asks; no loss is named here."""

from __future__ import annotations

from collections.abc import Callable

from neural_style import names
from neural_style.testing import loss_checks


@loss_checks(names())
def test_a_registered_loss(check: Callable[[], None]) -> None:
    check()
