"""Run the checks of a loss, by a call or as pytest parameters."""

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
    """Run all checks that apply to a loss, or ``only`` the named ones.

    Raises
    ------
    ConformanceError
        A check fails. The error is about the first one: the expected and the actual result, and
        where to look.
    OptionError
        A name in ``only`` is not the name of a check.
    """
    subject = Subject(factory, features)
    for name in CHECKS if only is None else only:
        if name not in CHECKS:
            raise OptionError(f"no check {name!r}: {suggestion(name, CHECKS)}.")
        if CHECKS[name].concerns(subject.loss):
            CHECKS[name](subject)


def loss_checks(factories: Iterable[Factory], *, features: FeatureModel | None = None) -> Any:
    """A decorator for a test with one argument, ``check``, which the test calls.

    pytest runs the test for every loss and every check that applies to it, under names such as
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
