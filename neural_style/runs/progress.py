"""The progress of a run, shown on a terminal, in a notebook, or as lines of text."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib.util import find_spec
from typing import Self

import rich.progress
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from neural_style.errors import OptionError, check_callables
from neural_style.runs.result import Step

_PERIOD = 10.0  # seconds between two lines of progress


class Progress:
    """A bar on a terminal or in a notebook, lines of text elsewhere; see `callbacks.progress`."""

    def __init__(self, console: Console) -> None:
        self._bar = rich.progress.Progress(
            rich.progress.BarColumn(),
            rich.progress.MofNCompleteColumn(),
            rich.progress.TextColumn("evaluations, time left"),
            rich.progress.TimeRemainingColumn(),
            console=console,
        )
        self._task = self._bar.add_task("")
        widgets = console.is_jupyter and find_spec("ipywidgets") is not None
        self._live = Live(console=console) if console.is_terminal or widgets else None
        self._console = console

    def __enter__(self) -> Self:
        self._last: Step | None = None
        self._due = 0.0
        self._bar.reset(self._task, total=None)
        if self._live is not None:
            self._live.start()
        return self

    def __call__(self, step: Step) -> None:
        """Show a step."""
        self._last = step
        if self._live is not None:
            self._bar.update(self._task, completed=step.evaluation, total=step.evaluations)
            self._live.update(Group(self._bar, Text(_told(step))))
        elif time.monotonic() >= self._due:
            self._print()

    def __exit__(self, *exception: object) -> None:
        if self._live is not None:
            self._live.stop()
        elif self._last is not None:
            self._print()

    def _print(self) -> None:
        assert self._last is not None
        done = f"evaluation {self._last.evaluation}/{self._last.evaluations}"
        line = Text(f"{done}, {self._last.seconds:.0f} s: {_told(self._last)}")
        with suppress(OSError, ValueError):  # a closed pipe, or text that cannot be encoded
            self._console.print(line, soft_wrap=True)
        self._last = None
        self._due = time.monotonic() + _PERIOD


class _DefaultProgress(Progress):
    """The default progress: on standard output, for one run at a time."""

    _one = threading.Lock()

    def __init__(self) -> None:
        super().__init__(Console())

    def __enter__(self) -> Self:
        self._shown = self._one.acquire(blocking=False)
        return super().__enter__() if self._shown else self

    def __call__(self, step: Step) -> None:
        if self._shown:
            super().__call__(step)

    def __exit__(self, *exception: object) -> None:
        if self._shown:
            self._one.release()
            super().__exit__(*exception)


def with_progress(
    callbacks: Iterable[Callable[..., object]], verbose: object
) -> tuple[Callable[..., object], ...]:
    """Check the callbacks of a run, and add the progress if it is wanted and missing.

    Raises
    ------
    OptionError
        A callback is not callable, or ``verbose`` is neither ``"auto"`` nor a boolean.
    """
    functions = check_callables("callbacks", callbacks)
    if verbose not in ("auto", 0, 1):
        raise OptionError(f"verbose: expected 'auto', True or False, got {verbose!r}.")
    if not verbose or any(isinstance(callback, Progress) for callback in functions):
        return functions
    return (_DefaultProgress(), *functions)


def _told(step: Step) -> str:
    terms = "  ".join(f"{name} {value:.4g}" for name, value in step.weighted.items())
    return f"loss {step.loss:.4g} = {terms}"
