"""What the library raises: one class for each thing that a caller can mend.

Every message names the thing, what was expected, what came, and the remedy, in Python or, within
`command_line`, in options of the command `neural-style` (see `advice`).
"""

from __future__ import annotations

import difflib
import inspect
import math
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any

__all__ = [
    "BackendError",
    "CheckpointError",
    "ConformanceError",
    "DatasetError",
    "ImageError",
    "InstallationError",
    "LayerError",
    "LossError",
    "MemoryLimitError",
    "NonFiniteLossError",
    "OperandError",
    "OptionError",
    "RecordError",
    "RegistryError",
    "StyleError",
    "WeightsError",
]


def __dir__() -> list[str]:
    return __all__


# What counts anything, and what is a seed, goes no further: so much no run has.
MOST = 10**9
MOST_SEED = 2**128 - 1


class StyleError(Exception):
    """The base of every error that the library raises on purpose."""


class BackendError(StyleError, RuntimeError):
    """Keras does not run in float32 on TensorFlow, which the gradients need."""


class InstallationError(StyleError, ImportError):
    """Another package has overwritten files of this library."""


class ImageError(StyleError, ValueError):
    """A picture cannot be read, used or written."""


class WeightsError(StyleError, RuntimeError):
    """A file of pretrained weights cannot be found or used."""


class DatasetError(StyleError, RuntimeError):
    """A picture of the examples cannot be found, or is not the published one."""


class LayerError(StyleError, ValueError):
    """A feature layer does not exist, or the picture is too small for it."""


class LossError(StyleError, ValueError):
    """A loss, its options or its references are not usable."""


class OperandError(LossError, TypeError):
    """Something else than losses is added, or a loss is not multiplied by a number."""


class ConformanceError(StyleError, AssertionError):
    """A loss does not do what the protocol asks of it."""


class OptionError(StyleError, ValueError):
    """An option of a run is not usable."""


class RegistryError(StyleError, LookupError):
    """A name is unknown, taken, or belongs to a plugin that does not load."""


class MemoryLimitError(StyleError, MemoryError):
    """A run needs more memory than is free; known before it starts."""


class CheckpointError(StyleError, RuntimeError):
    """A run's folder cannot be written, or the run in it cannot be gone on with."""


class RecordError(StyleError, ValueError):
    """The record of a run cannot be read, or is none."""


class WorkerError(StyleError, RuntimeError):
    """The process that made a call has ended, or cannot send what came of it."""


class NonFiniteLossError(StyleError, ArithmeticError):
    """The objective is not a finite number at the picture that a run starts from."""


_at_command_line = False


@contextmanager
def command_line() -> Iterator[None]:
    """Within it, errors of this process advise what can be done on the command line."""
    global _at_command_line
    before, _at_command_line = _at_command_line, True
    try:
        yield
    finally:
        _at_command_line = before


def advice(python: str, command: str) -> str:
    """What a message advises: in terms of the API, or on the command line of that.

    >>> advice("use tile=None", "use --tile none")
    'use tile=None'
    >>> with command_line():
    ...     advice("use tile=None", "use --tile none")
    'use --tile none'
    """
    return command if _at_command_line else python


def again(option: str) -> str:
    """To pass what is a caller's own again, as ``option``; a command line cannot have it."""
    python = f"pass it again as {option}=…"
    return advice(python, f"go on in Python, and {python}")


def suggestion(name: str, known: Iterable[str]) -> str:
    """A near miss of ``name`` among the ``known`` names, and the list of them.

    >>> suggestion("grma", ["content", "gram"])
    "did you mean 'gram'? Known: content, gram"
    """
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1)
    return (f"did you mean {near[0]!r}? " if near else "") + f"Known: {', '.join(known) or 'none'}"


def layer_suggestion(name: str, known: Iterable[str]) -> str:
    """As `suggestion`, of a layer that may have the name that papers give it.

    >>> layer_suggestion("conv1_2", ["block1_conv1", "block1_conv2"])
    "did you mean 'block1_conv2'? Known: block1_conv1, block1_conv2"
    """
    paper = re.fullmatch(r"(?:conv|relu)_?(\d)_(\d)", name)
    return suggestion(f"block{paper[1]}_conv{paper[2]}" if paper else name, known)


def check_count(name: str, value: object, error: type[StyleError] = OptionError) -> int:
    """``value`` as a whole number from 1 to `MOST`, or an ``error`` that calls it ``name``."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise error(f"{name}: expected a positive whole number, got {shown(value)}.")
    if int(value) > MOST:
        raise error(f"{name}: expected at most {MOST:,}, got {shown(value)}.")
    return int(value)


def check_seed(value: object) -> int:
    """``value`` as a whole number from 0 to `MOST_SEED`, or an `OptionError` of the ``seed``."""
    if not isinstance(value, Integral) or value < 0:
        raise OptionError(f"seed: expected a whole number from 0, got {shown(value)}.")
    if int(value) > MOST_SEED:
        raise OptionError(f"seed: expected a number of 128 bits at most, got {shown(value)}.")
    return int(value)


def shown(value: object) -> str:
    """A value for a message, of 70 letters at most.

    >>> shown("a"), shown(10**5000)
    ("'a'", 'a number of more than 4300 digits')
    """
    try:
        text = repr(value)
    except ValueError:  # Python writes no longer numbers
        return "a number of more than 4300 digits"
    return text if len(text) <= 70 else f"{text[:69]}…"


def check_callables(name: str, values: Any) -> tuple[Callable[..., Any], ...]:
    """``values`` as a tuple of functions, or an `OptionError` that calls them ``name``.

    A class, or a function of `neural_style.callbacks`, is none: what it makes is.
    """
    if not isinstance(values, Iterable) or isinstance(values, str | type):
        raise OptionError(
            f"{name}: expected a list of functions, got {described(values)}{_unmade(values)}; put "
            f"it into a list, […]."
        )
    found = tuple(values)
    for value in found:
        if not callable(value) or _unmade(value):
            raise OptionError(
                f"{name}: expected a list of functions, got one with "
                f"{described(value)}{_unmade(value)}."
            )
    return found


def _unmade(value: object) -> str:
    """How to make a callback of what makes one; nothing for what is one."""
    if isinstance(value, type):
        return f"; make one of it, {value.__name__}(…)"
    if not inspect.isfunction(value) or value.__module__ != "neural_style.callbacks":
        return ""
    # Its functions make callbacks, which may be functions within them.
    return "" if "." in value.__qualname__ else f"; call it, {value.__name__}(…)"


def described(value: object) -> str:
    """What came in place of something else, in a few words.

    >>> described(ValueError), described(len), described("gram"), described({1: 2})
    ('the class ValueError', 'the function len', "the text 'gram'", 'a dict')
    """
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, str):
        return f"the text {shown(value)}"
    if isinstance(value, Real):
        return shown(value)
    if inspect.isroutine(value):
        return f"the function {value.__name__}"
    shape = getattr(value, "shape", None)
    return f"a {type(value).__name__}" + (f" of {shape}" if isinstance(shape, tuple) else "")


def number(value: object) -> float:
    """``value`` as a float, or NaN where it is no real number, or beyond all floats.

    >>> number(2), number("2"), number(10**400)
    (2.0, nan, nan)
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.nan
