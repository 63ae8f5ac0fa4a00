"""What a check of the conformance kit is; `neural_style.testing` runs them.

    @check("distance(), and what it reduces over")     # where to look, if it fails
    def value_is_a_scalar(subject):                    # with a docstring that says what it expects
        expect(condition, "one number", got)

A check gets a `Subject`, returns if its loss passes, and raises otherwise. No check knows a loss
by its name or class. They are in `neural_style.testing.value_checks` and
`neural_style.testing.usage_checks`.
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
    """What was expected and what came."""

    def __init__(self, expected: object, got: object) -> None:
        super().__init__(f"expected {expected}, got {got}")


@dataclass(frozen=True)
class Check:
    """One thing that a loss must do; called with a `Subject`."""

    name: str
    function: Callable[[Subject], None]
    look: str
    concerns: Callable[[Loss], bool]

    @property
    def summary(self) -> str:
        """What it expects."""
        return inspect.getdoc(self.function) or ""

    def __call__(self, subject: Subject) -> None:
        """Raise `ConformanceError` unless the subject passes."""
        try:
            self.function(subject)
        except Exception as error:  # a loss breaks in any way it likes
            unmet = isinstance(error, Unmet)
            what = error if unmet else f"expected no error, got {type(error).__name__}: {error}"
            raise ConformanceError(
                f"{subject.name}: {self.name}: {what}. Look at {self.look}."
            ) from (None if unmet else error)


def check(
    look: str, concerns: Callable[[Loss], bool] = lambda loss: True
) -> Callable[[Callable[[Subject], None]], Check]:
    """A decorator that makes a `Check`, called as the function is."""
    return lambda function: Check(function.__name__, function, look, concerns)


def checks_in(names: Mapping[str, Any]) -> dict[str, Check]:
    """The checks among the names of a module, in its order."""
    return {name: each for name, each in names.items() if isinstance(each, Check)}


def expect(condition: Any, expected: object, got: object) -> None:
    """Fail with what was expected and what came, unless the condition holds."""
    if not condition:
        raise Unmet(expected, got)


def has_references(loss: Loss) -> bool:
    """Whether a loss is measured on pictures."""
    return bool(loss.references)
