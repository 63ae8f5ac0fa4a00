"""Exit codes and output of every command."""

from __future__ import annotations

import json
import logging
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import click

from neural_style.cli import startup
from neural_style.errors import (
    LayerError,
    LossError,
    OptionError,
    RegistryError,
    StyleError,
    command_line,
)
from neural_style.utils.installation import check_installation

FAILED, USAGE, PARTLY, INTERRUPTED, TERMINATED = 1, 2, 3, 130, 143
_USERS = (LayerError, LossError, OptionError, RegistryError)

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")  # not tab and newline

_as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


class Commands(click.Group):
    """A group whose commands end with the exit codes in `neural_style.cli`."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. Print the library's errors as messages, without a traceback."""
        try:
            with command_line():
                check_installation()
                return super().invoke(ctx)
        except StyleError as error:
            if ctx.params.get("verbose"):
                raise
            tell(f"Error: {error}", err=True)
            ctx.exit(failure([error]))
        except KeyboardInterrupt:
            tell("Interrupted before the first picture.", err=True)
            ctx.exit(INTERRUPTED)


def failure(errors: Iterable[Exception]) -> int:
    """The exit code if everything failed: 2 if the user can fix each of the errors."""
    return USAGE if all(isinstance(error, _USERS) for error in errors) else FAILED


@contextmanager
def errors_only(logger: str) -> Iterator[None]:
    """Drop log messages below the level of errors, which would otherwise be printed."""
    found = logging.getLogger(logger)
    level = found.level
    found.setLevel(logging.ERROR)
    try:
        yield
    finally:
        found.setLevel(level)


@contextmanager
def _no_warnings() -> Iterator[None]:
    """Print no warnings of Python or of the library during a command."""
    with errors_only("neural_style"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def hush(context: click.Context, _: click.Parameter | None, silent: bool) -> bool:
    """Print no warnings if the context is silent."""
    if silent:
        context.with_resource(_no_warnings())
    return silent


def _silent(says: str) -> Any:
    return click.option("--quiet", is_flag=True, callback=hush, help=says)


def start() -> None:
    """Start TensorFlow for the current command."""
    startup.start(verbose=click.get_current_context().find_root().params.get("verbose", False))


def answer(text: str, found: Any, *, as_json: bool) -> None:
    """Print the answer of a command, as text or as JSON."""
    tell(json.dumps(found, ensure_ascii=False) if as_json else text)


def say(text: str, found: Any, *, silent: bool = False, as_json: bool = False) -> None:
    """Print the result of a command that writes files, as text or as JSON."""
    if as_json or not silent:
        answer(text, found, as_json=as_json)


def tell(text: str, *, err: bool = False) -> None:
    """Print a line, with control characters and invalid text escaped as in JSON.

    Names of files may contain both.
    """
    click.echo(_UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text), err=err)


def remark(text: str) -> None:
    """Print a remark to standard error, once in each command, and not with ``--quiet``."""
    context = click.get_current_context()
    said = context.meta.setdefault(__name__, set())
    if text not in said and not context.params.get("quiet"):
        tell(text, err=True)
    said.add(text)


def leave(code: int) -> NoReturn:
    """End the process with an exit code."""
    sys.stdout.flush()
    click.get_current_context().exit(code)


def output_options(command: Any) -> Any:
    """``--quiet`` and ``--json`` of a command that writes files."""
    return _silent("Print only errors, without progress.")(_as_json(command))


def answer_options(command: Any) -> Any:
    """``--quiet`` and ``--json`` of a command that answers a question."""
    return _silent("Print only the answer and errors.")(_as_json(command))
