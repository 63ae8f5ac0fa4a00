"""The checks of a loss, as a call and as pytest's parameters."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

from neural_style.errors import OptionError, suggestion
from neural_style.features.model import FeatureModel
from neural_style.testing import usage_checks, value_checks
from neural_style.testing.checks import Check
from neural_style.testing.loss_under_test import Factory, Subject

CHECKS: dict[str, Check] = {**value_checks.CHECKS, **usage_checks.CHECKS}


def check_loss(
    factory: Factory,
    *,
    features: FeatureModel | None = None,
    only: Iterable[str] | None = None,
) -> None:
    """Run all checks that concern a loss, or ``only`` those that are named.

    Raises
    ------
    ConformanceError
        The first check that fails, with what was expected, what came and where to look.
    OptionError
        A name in ``only`` is no check's.
    """
    subject = Subject(factory, features)
    for name in CHECKS if only is None else only:
        if name not in CHECKS:
            raise OptionError(f"no check {name!r}: {suggestion(name, CHECKS)}.")
        if CHECKS[name].concerns(subject.loss):
            CHECKS[name](subject)


def loss_checks(factories: Iterable[Factory], *, features: FeatureModel | None = None) -> Any:
    """A decorator for a test of one argument, ``check``, which is to be called.

    pytest then runs it for every loss and every check that concerns it, as
    ``gram-zero_at_its_own_reference``.
    """
    import pytest

    subjects = [Subject(factory, features) for factory in factories]
    return pytest.mark.parametrize(
        "check",
        [
            pytest.param(functools.partial(check, subject), id=f"{subject.name}-{check.name}")
            for subject in subjects
            for check in CHECKS.values()
            if check.concerns(subject.loss)
        ],
    )
