"""A weighted sum of losses: a list of terms, each with a weight and a name.

    total = 2 * (content + 3 * gram)     # -> WeightedSum; its terms have the weights 2 and 6
    terms_of(total)                      # -> its terms; a single loss is one term of weight 1

`neural_style.losses` describes a loss.
"""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from numbers import Real
from typing import Any, NoReturn, overload

import numpy as np
from numpy.typing import NDArray

from neural_style.errors import LossError, OperandError, described, number
from neural_style.losses.serialization import config_of, pictures_of, terms_from, text
from neural_style.losses.types import Term as Term


def _none(advice: str) -> Any:
    """An operator that losses do not support; the advice says what to write."""

    def operator(self: Any, *operands: object) -> NoReturn:
        raise OperandError(f"{_subject(self)}: {advice}.")

    return operator


class Summand:
    """What `Loss` and `WeightedSum` share: ``+`` and ``*`` by a number.

    Raises
    ------
    OperandError
        The other operand is not a loss or a number, or the operator is not supported.
    """

    # NumPy's arrays and scalars then leave `array * loss` to __rmul__.
    __array_ufunc__ = None

    __sub__ = __rsub__ = __neg__ = _none(
        "losses cannot be subtracted; add one with a negative weight, other + -1 * loss"
    )
    __pow__ = __rpow__ = __mod__ = __rmod__ = __floordiv__ = __rfloordiv__ = __matmul__ = (
        __rmatmul__
    ) = __rtruediv__ = __abs__ = _none(
        "losses can only be added, and multiplied by numbers, 2 * loss; for another function, "
        "write a Loss class with that distance"
    )

    def terms_of_sum(self) -> tuple[Term, ...]:
        """The terms to add to a sum."""
        raise NotImplementedError

    def resized(self, factor: float) -> Summand:
        """A copy for a picture resized by a factor."""
        raise NotImplementedError

    def __add__(self, other: Any) -> WeightedSum:
        return WeightedSum((*self.terms_of_sum(), *terms_of(other, OperandError)))

    def __radd__(self, other: Any) -> WeightedSum:
        if type(other) is int and other == 0:  # what sum() starts from
            return WeightedSum(self.terms_of_sum())
        return WeightedSum((*terms_of(other, OperandError), *self.terms_of_sum()))

    def __mul__(self, factor: Any) -> WeightedSum:
        if not isinstance(factor, Real) or isinstance(factor, bool):
            raise OperandError(
                f"{_subject(self)}: expected a number as its weight, got {described(factor)}; "
                f"write 2 * loss, or add losses, a + b."
            )
        return WeightedSum(
            replace(term, weight=term.weight * number(factor)) for term in self.terms_of_sum()
        )

    __rmul__ = __mul__

    def __truediv__(self, divisor: Any) -> WeightedSum:
        if not isinstance(divisor, Real) or isinstance(divisor, bool):
            return self.__mul__(divisor)  # which says what it is not
        return self * (1 / number(divisor) if divisor else math.inf)


class WeightedSum(Summand, Sequence[Term]):
    """Σ weight · loss: a flat, ordered list of terms with different names.

    ``+`` and ``*`` make it. If losses have the same name, their terms are numbered: ``gram``,
    ``gram_2``, …

    Raises
    ------
    LossError
        A weight is not finite, or there are no terms.
    """

    def __init__(self, terms: Iterable[Term]) -> None:
        named: dict[str, Term] = {}
        for term in terms:
            if not abs(term.weight) <= float(np.finfo(np.float32).max):
                raise LossError(
                    f"{term.name}: expected a weight that is finite in float32, got {term.weight}."
                )
            name = term.loss.name
            numbered = (f"{name}_{number}" for number in itertools.count(2))
            free = next(n for n in itertools.chain([name], numbered) if n not in named)
            named[free] = replace(term, name=free)
        if not named:
            raise LossError("a weighted sum needs at least one loss.")
        self.terms = tuple(named.values())

    @overload
    def __getitem__(self, index: int) -> Term: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Term, ...]: ...
    def __getitem__(self, index: int | slice) -> Term | tuple[Term, ...]:
        return self.terms[index]

    def __len__(self) -> int:
        return len(self.terms)

    def __iter__(self) -> Iterator[Term]:
        return iter(self.terms)

    def resized(self, factor: float) -> WeightedSum:
        """The same sum, with each loss `Loss.resized`."""
        return WeightedSum(replace(term, loss=term.loss.resized(factor)) for term in self.terms)

    def terms_of_sum(self) -> tuple[Term, ...]:
        """The terms, in the order of addition."""
        return self.terms

    def get_config(self) -> dict[str, Any]:
        """The terms as JSON, with digests instead of pictures.

        `neural_style.losses.serialization` describes the format.

        Raises
        ------
        LossError, RegistryError
            An option cannot be written as JSON, or a loss is not registered.
        """
        return config_of(self)

    def pictures(self) -> dict[str, NDArray[np.float32]]:
        """The references, H×W×3, and the masks, H×W, by the digests in `get_config`."""
        return pictures_of(self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], pictures: Mapping[str, Any]) -> WeightedSum:
        """The same sum, from `get_config` and `pictures`.

        `neural_style.create` makes the losses, so register those of a script or a notebook
        first.

        Raises
        ------
        LossError, RegistryError, ImageError
            The config is invalid, a picture is missing, or a name is not registered.
        """
        return cls(terms_from(config, pictures))

    def __getattr__(self, name: str) -> NoReturn:
        message = f"a WeightedSum has no {name!r}"
        if any(hasattr(type(term.loss), name) for term in vars(self).get("terms", ())):
            message += f"; a loss has it: total[0].loss.{name}, without the weight"
        raise AttributeError(message)

    def __repr__(self) -> str:
        return text(self)


def terms_of(loss: Any, error: type[LossError] = LossError) -> tuple[Term, ...]:
    """The terms of a loss or a sum of losses; raises ``error`` for anything else."""
    if isinstance(loss, Summand):
        return loss.terms_of_sum()
    raise error(f"expected a Loss or a sum of losses, got {described(loss)}; {_instead_of(loss)}.")


def _instead_of(value: Any) -> str:
    """The advice for a value that is not a loss."""
    if isinstance(value, type) or inspect.isroutine(value):
        return f"make a loss from it, {value.__name__}(…)"
    if isinstance(value, Term):
        return "write term.weight * term.loss"
    if isinstance(value, str):
        return "make a loss by its name, neural_style.create('gram', painting)"
    if isinstance(value, list | tuple):
        return "add its losses, sum([a, b]), or a + b"
    if isinstance(value, Real) and value == 0:
        return "give sum([…]) at least one loss"
    if isinstance(value, Real):
        return "a number is the weight of a loss, 2 * loss"
    return "the loss comes first, then the features, as in minimize(loss, features, start)"


def _subject(value: Any) -> str:
    """The operand, for a message."""
    return "a sum of losses" if isinstance(value, WeightedSum) else getattr(value, "name", "a loss")
