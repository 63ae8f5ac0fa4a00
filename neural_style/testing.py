"""The conformance kit: what every loss must do, as small named checks for its author.

    from neural_style.testing import check_loss, loss_checks

    check_loss(Gram)                            # all of them; raises ConformanceError

    @loss_checks([Gram, Content])               # with pytest: gram-compiles, gram-…
    def test_conformance(check):
        check()

What is checked is a *factory*: a loss class, a function that takes references and returns a
loss, or the name of a registered one. It is called with as many pictures as it must have, one
where it takes any number, and none if it takes none. Give an option another value than its
default, ``lambda painting: Gram(painting, layers=["block2_conv1"])``, to check it with that.

The losses read a small network with all of VGG19's layer names; ``features=`` gives another
`FeatureModel`. `CHECKS` are all checks by name, each with a ``summary`` of what it expects; one
that does not concern a loss, as tiles one that cannot be tiled, is left out. A check that
fails raises a `ConformanceError` that names the loss, the check, what was expected, what came,
and where to look. pytest is needed for `loss_checks` alone.

>>> from neural_style.extensions import Gram
>>> check_loss(Gram, only=["zero_at_its_own_reference"])
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

from neural_style import usage_checks, value_checks
from neural_style.checks import Check
from neural_style.errors import ConformanceError, OptionError, suggestion
from neural_style.features import FeatureModel
from neural_style.subject import Factory, Subject

__all__ = ["CHECKS", "Check", "ConformanceError", "check_loss", "loss_checks"]


def __dir__() -> list[str]:
    return __all__


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
