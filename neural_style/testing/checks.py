"""The checks of the conformance kit; `neural_style.testing` runs them.

    @check("distance(), and what it reduces over")     # where to look if it fails
    def value_is_a_scalar(subject):                    # the docstring says what it expects
        expect(condition, "one number", got)

A check gets a `Subject`. It returns if the loss passes, and raises an error otherwise. No check
depends on the name or the class of a loss. The checks are in
`neural_style.testing.value_checks` and `neural_style.testing.usage_checks`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from neural_style.errors import ConformanceError
from neural_style.losses.base import Loss
from neural_style.testing.loss_under_test import Subject


class Unmet(Exception):
    """The expected and the actual result."""

    def __init__(self, expected: object, got: object) -> None:
        super().__init__(f"expected {expected}, got {got}")


@dataclass(frozen=True)
class Check:
    """One requirement of a loss; call it with a `Subject`."""

    name: str
    function: Callable[[Subject], None]
    look: str
    concerns: Callable[[Loss], bool]

    @property
    def summary(self) -> str:
        """What the check expects."""
        return inspect.getdoc(self.function) or ""

    def __call__(self, subject: Subject) -> None:
        """Raise `ConformanceError` unless the subject passes."""
        try:
            self.function(subject)
        except Exception as error:  # a loss can raise anything
            unmet = isinstance(error, Unmet)
            what = error if unmet else f"expected no error, got {type(error).__name__}: {error}"
            raise ConformanceError(
                f"{subject.name}: {self.name}: {what}. Look at {self.look}."
            ) from (None if unmet else error)


def check(
    look: str, concerns: Callable[[Loss], bool] = lambda loss: True
) -> Callable[[Callable[[Subject], None]], Check]:
    """A decorator that makes a `Check` with the name of the function."""
    return lambda function: Check(function.__name__, function, look, concerns)


def checks_in(names: Mapping[str, Any]) -> dict[str, Check]:
    """The checks among the names of a module, in order."""
    return {name: each for name, each in names.items() if isinstance(each, Check)}


def expect(condition: Any, expected: object, got: object) -> None:
    """Fail with the expected and the actual result, unless the condition holds."""
    if not condition:
        raise Unmet(expected, got)


def has_references(loss: Loss) -> bool:
    """Whether a loss has reference pictures."""
    return bool(loss.references)
