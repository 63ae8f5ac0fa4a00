"""The options of a loss: the annotated attributes of its class.

    class MRF(MatchingLoss):
        patch: int = option(3, positive_whole)     # a default, and a check of the value

An attribute with an annotation is an option, and its value is the default. An option without a
default must be given. A subclass inherits the options of its bases; to change a default, it sets
the attribute without an annotation. The constructor, its signature and `Loss.get_config` follow
from the options.

A check is a function of (the name for messages, the value). It returns the value to store, or
raises `LossError`.
"""

from __future__ import annotations

import contextlib
import inspect
import math
from collections.abc import (
    Callable,
    Iterable,
    Mapping,
    MutableMapping,
    MutableSequence,
    MutableSet,
    Sequence,
)
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from neural_style.errors import LossError, check_count, number

Check: TypeAlias = Callable[[str, Any], Any]

REQUIRED: Any = object()  # the default of an option that must be given

# Annotated attributes of a loss that are not options.
_RESERVED = frozenset({"references", "role", "masks", "tiling", "anywhere", "memory"})


def _as_it_is(where: str, value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Option:
    """A default and a check."""

    default: Any = REQUIRED
    check: Check = _as_it_is


def option(default: Any, check: Check) -> Any:
    """The default of an option, and a check of its value."""
    return Option(default, check)


def is_option(name: str, annotation: Any) -> bool:
    """Whether an annotated attribute of a loss is an option."""
    return not name.startswith("_") and name not in _RESERVED and "ClassVar" not in str(annotation)


def collect(cls: type, inherited: Mapping[str, Option]) -> dict[str, Option]:
    """The options of a class, with its defaults: first the inherited ones, then its own.

    If the value of an attribute is an `Option`, the attribute is set to its default.

    Raises
    ------
    LossError
        A default is mutable, or an option has the name of a method.
    """
    options = dict(inherited)
    for name, value in vars(cls).items():
        if name in options:
            options[name] = replace(options[name], default=value)
    for name, annotation in inspect.get_annotations(cls).items():
        if not is_option(name, annotation):
            continue
        inherited_as = next((vars(b)[name] for b in cls.__mro__[1:] if name in vars(b)), None)
        if inspect.isroutine(inherited_as) or isinstance(inherited_as, property):
            raise LossError(
                f"{cls.__name__}: the option {name!r} would hide an attribute of every loss; "
                f"choose another name."
            )
        value = vars(cls).get(name, REQUIRED)
        if not isinstance(value, Option):
            check = inherited[name].check if name in inherited else _as_it_is
            value = Option(value, check)
        options[name] = value
        if value.default is not REQUIRED:
            setattr(cls, name, value.default)
    for name, each in options.items():
        mutable = isinstance(each.default, MutableMapping | MutableSequence | MutableSet)
        if mutable and name != "layers":
            raise LossError(
                f"{cls.__name__}: the default of {name!r} is a {type(each.default).__name__}, "
                f"which all losses would share; use a tuple."
            )
    return options


def signature(options: Mapping[str, Option], takes_references: bool) -> inspect.Signature:
    """``(*references, option=default, …)``; without references, options may be positional."""
    kinds = inspect.Parameter
    kind = kinds.KEYWORD_ONLY if takes_references else kinds.POSITIONAL_OR_KEYWORD
    parameters = [kinds("references", kinds.VAR_POSITIONAL)] if takes_references else []
    for name, each in options.items():
        default = kinds.empty if each.default is REQUIRED else each.default
        own = kinds.KEYWORD_ONLY if name in ("layers", "name") else kind
        parameters.append(kinds(name, own, default=default))
    return inspect.Signature(parameters)


def named(
    where: str, options: Mapping[str, Option], values: Sequence[Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """The options of a loss without references; some may be positional."""
    ordered = [name for name in options if name not in ("layers", "name")]
    if len(values) > len(ordered) or any(np.ndim(value) > 1 for value in values):
        raise LossError(
            f"{where} takes no reference picture: expected at most the values of "
            f"{', '.join(ordered) or 'no option'} in this order, got {len(values)}."
        )
    by_order = dict(zip(ordered, values, strict=False))
    if twice := sorted(set(by_order) & set(given)):
        raise LossError(f"{where}: the option {twice[0]} is given by position and by name.")
    return {**by_order, **given}


def without_self(constructor: Callable[..., None]) -> inspect.Signature:
    """The signature of a class that defines its own constructor."""
    own = inspect.signature(constructor)
    return own.replace(parameters=list(own.parameters.values())[1:])


def positive_whole(where: str, value: Any) -> int:
    """A whole number above 0."""
    return check_count(where, value, LossError)


def finite(where: str, value: Any) -> float:
    """A finite number."""
    if not math.isfinite(number(value)):
        raise LossError(f"{where}: expected a finite number, got {value!r}.")
    return float(value)


def positive(where: str, value: Any) -> float:
    """A finite number above 0."""
    if not 0 < number(value) < math.inf:
        raise LossError(f"{where}: expected a finite number above 0, got {value!r}.")
    return float(value)


def at_least(least: float) -> Check:
    """A check for a finite number of ``least`` or more."""

    def check(where: str, value: Any) -> float:
        if not least <= number(value) < math.inf:
            raise LossError(
                f"{where}: expected a finite number of {least:g} or more, got {value!r}."
            )
        return float(value)

    return check


def one_of(*values: Any, other: Check | None = None) -> Check:
    """A check for one of some values, or for a value that another check accepts."""

    def check(where: str, value: Any) -> Any:
        if any(value is each or (isinstance(value, str) and value == each) for each in values):
            return value
        if other is not None:
            with contextlib.suppress(LossError):
                return other(where, value)
        expected = ", ".join(map(repr, values))
        if other is not None:
            said = inspect.getdoc(other) or ""
            expected += f", or {said[0].lower()}{said[1:].rstrip('.')}"
        raise LossError(f"{where}: expected one of {expected}, got {value!r}.")

    return check


def layer_names(where: str, layers: Any) -> tuple[str, ...] | dict[str, float]:
    """The names of layers, or the weight of each layer."""
    if isinstance(layers, str):
        raise LossError(f"{where}: layers={layers!r} is one string; expected a list of names.")
    names = tuple(layers) if isinstance(layers, Iterable) else ()
    if not names or not all(isinstance(layer, str) for layer in names):
        raise LossError(f"{where}: expected the names of one or more layers, got {layers!r}.")
    if len(set(names)) != len(names):
        raise LossError(f"{where}: a layer is named twice in {layers!r}.")
    if not isinstance(layers, Mapping):
        return names
    for layer, weight in layers.items():
        if not 0 <= number(weight) <= float(np.finfo(np.float32).max):
            raise LossError(
                f"{where}: expected a weight of 0 or more, finite in float32, for {layer!r}, got "
                f"{weight!r}; to reverse a loss, multiply the loss by a negative number."
            )
    if not any(map(np.float32, layers.values())):
        raise LossError(
            f"{where}: every layer has the weight 0, so nothing is compared; give a layer another "
            f"weight."
        )
    return {layer: float(weight) for layer, weight in layers.items()}
