"""The library's exceptions: one class for each kind of problem that a caller can fix.

Every message names the option or file, what was expected, what was received, and the remedy. The
remedy is Python code or, within `command_line`, an option of `neural-style` (see `advice`).
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


# The largest count and the largest seed that are accepted.
MOST = 10**9
MOST_SEED = 2**128 - 1


class StyleError(Exception):
    """The base class of the library's errors."""


class BackendError(StyleError, RuntimeError):
    """Keras does not run in float32 on TensorFlow, which the gradients need."""


class InstallationError(StyleError, ImportError):
    """Another package has overwritten files of this library."""


class ImageError(StyleError, ValueError):
    """A picture cannot be read, used or written."""


class WeightsError(StyleError, RuntimeError):
    """The pretrained weights cannot be found or used."""


class DatasetError(StyleError, RuntimeError):
    """An example picture cannot be found, or differs from the published one."""


class LayerError(StyleError, ValueError):
    """A feature layer does not exist, or the picture is too small for it."""


class LossError(StyleError, ValueError):
    """A loss, its options or its references cannot be used."""


class OperandError(LossError, TypeError):
    """A loss is added to something else, or multiplied by something that is not a number."""


class ConformanceError(StyleError, AssertionError):
    """A loss does not meet the protocol."""


class OptionError(StyleError, ValueError):
    """An option of a run is invalid."""


class RegistryError(StyleError, LookupError):
    """A name is unknown, already taken, or its plugin cannot be loaded."""


class MemoryLimitError(StyleError, MemoryError):
    """A run needs more memory than is free. This is checked before it starts."""


class CheckpointError(StyleError, RuntimeError):
    """A run's folder cannot be written, or the run stored there cannot be resumed."""


class RecordError(StyleError, ValueError):
    """A file cannot be read as the record of a run."""


class WorkerError(StyleError, RuntimeError):
    """A worker process has ended, or cannot send its result."""


class NonFiniteLossError(StyleError, ArithmeticError):
    """The objective is not finite at the picture that a run starts from."""


_at_command_line = False


@contextmanager
def command_line() -> Iterator[None]:
    """Within this context, error messages advise options of the command line."""
    global _at_command_line
    before, _at_command_line = _at_command_line, True
    try:
        yield
    finally:
        _at_command_line = before


def advice(python: str, command: str) -> str:
    """The advice for Python or, within `command_line`, for the command line.

    >>> advice("use tile=None", "use --tile none")
    'use tile=None'
    >>> with command_line():
    ...     advice("use tile=None", "use --tile none")
    'use --tile none'
    """
    return command if _at_command_line else python


def again(option: str) -> str:
    """The advice to pass a caller's own object again as ``option``, which needs Python."""
    python = f"pass it again as {option}=…"
    return advice(python, f"resume in Python, and {python}")


def suggestion(name: str, known: Iterable[str]) -> str:
    """The ``known`` name that is most like ``name``, if any is near, and all known names.

    >>> suggestion("grma", ["content", "gram"])
    "did you mean 'gram'? Known: content, gram"
    """
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1)
    return (f"did you mean {near[0]!r}? " if near else "") + f"Known: {', '.join(known) or 'none'}"


def layer_suggestion(name: str, known: Iterable[str]) -> str:
    """Like `suggestion`, for a layer; names as papers write them are understood, too.

    >>> layer_suggestion("conv1_2", ["block1_conv1", "block1_conv2"])
    "did you mean 'block1_conv2'? Known: block1_conv1, block1_conv2"
    """
    paper = re.fullmatch(r"(?:conv|relu)_?(\d)_(\d)", name)
    return suggestion(f"block{paper[1]}_conv{paper[2]}" if paper else name, known)


def check_count(name: str, value: object, error: type[StyleError] = OptionError) -> int:
    """Return ``value`` as an int from 1 to `MOST`, or raise ``error`` that calls it ``name``."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise error(f"{name}: expected a positive whole number, got {shown(value)}.")
    if int(value) > MOST:
        raise error(f"{name}: expected at most {MOST:,}, got {shown(value)}.")
    return int(value)


def check_seed(value: object) -> int:
    """Return ``value`` as an int from 0 to `MOST_SEED`, or raise an `OptionError`."""
    if not isinstance(value, Integral) or value < 0:
        raise OptionError(f"seed: expected a whole number from 0, got {shown(value)}.")
    if int(value) > MOST_SEED:
        raise OptionError(f"seed: expected at most 2**128 - 1, got {shown(value)}.")
    return int(value)


def shown(value: object) -> str:
    """A value as text for a message, at most 70 characters long.

    >>> shown("a"), shown(10**5000)
    ("'a'", 'a number of more than 4300 digits')
    """
    try:
        text = repr(value)
    except ValueError:  # Python's limit for writing an int
        return "a number of more than 4300 digits"
    return text if len(text) <= 70 else f"{text[:69]}…"


def check_callables(name: str, values: Any) -> tuple[Callable[..., Any], ...]:
    """Return ``values`` as a tuple of functions, or raise an `OptionError` about ``name``.

    A class and a function of `neural_style.callbacks` are refused: they must be called first.
    """
    if not isinstance(values, Iterable) or isinstance(values, str | type):
        raise OptionError(
            f"{name}: expected a list of functions, got {described(values)}{_unmade(values)}; put "
            f"it in a list, […]."
        )
    functions = tuple(values)
    for value in functions:
        if not callable(value) or _unmade(value):
            raise OptionError(
                f"{name}: expected a list of functions, got a list with "
                f"{described(value)}{_unmade(value)}."
            )
    return functions


def _unmade(value: object) -> str:
    """The advice to call a class or a function that makes callbacks; otherwise empty."""
    if isinstance(value, type):
        return f"; create an instance, {value.__name__}(…)"
    if not inspect.isfunction(value) or value.__module__ != "neural_style.callbacks":
        return ""
    # The top-level functions there make callbacks; a callback may be a nested function.
    return "" if "." in value.__qualname__ else f"; call it, {value.__name__}(…)"


def described(value: object) -> str:
    """An unexpected value in a few words, for a message.

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
    """Return ``value`` as a float, or NaN if it is not a real number or too large for a float.

    >>> number(2), number("2"), number(10**400)
    (2.0, nan, nan)
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.nan
