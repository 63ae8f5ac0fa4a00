"""Callbacks for `minimise`: callables of a `Step`, one of them also a context manager."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from neural_style import images
from neural_style.errors import ImageError, check_count
from neural_style.result import Step


def progress(console: Console | None = None) -> Callable[[Step], None]:
    """A bar with the time left, the loss, and the weighted value of every term.

    On a terminal it is redrawn in place; elsewhere its last state is printed once.
    ``console`` is rich's, by default one on standard error.
    """
    return _Progress(console or Console(stderr=True))


class _Progress:
    def __init__(self, console: Console) -> None:
        self._bar = Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("evaluations, time left"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._bar.add_task("")
        self._live = Live(console=console)
        self._console = console

    def __enter__(self) -> Self:
        self._bar.reset(self._task, total=None)
        self._live.start()
        return self

    def __call__(self, step: Step) -> None:
        self._bar.update(self._task, completed=step.evaluation, total=step.evaluations)
        terms = "  ".join(f"{name} {value:.4g}" for name, value in step.weighted.items())
        self._live.update(Group(self._bar, Text(f"loss {step.loss:.4g} = {terms}")))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()
        if not self._console.is_terminal:  # where rich leaves the last line open
            self._console.print()


def snapshots(folder: str | os.PathLike[str], *, every: int = 50) -> Callable[[Step], None]:
    """Save the picture as ``folder/000050.png`` about every so many evaluations.

    The first iterate is saved, and then the first one at or after each multiple of
    ``every``. The folder is made, if it is missing, and checked at once.
    """
    check_count("every", every)
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImageError(f"{folder}: no folder for snapshots can be made ({error}).") from error
    images.check_output(folder / "000000.png")
    due = 0

    def snapshot(step: Step) -> None:
        nonlocal due
        if step.evaluation == 1:  # a new run
            due = 0
        if step.evaluation >= due:
            images.save(step.image, folder / f"{step.evaluation:06d}.png")
            due = (step.evaluation // every + 1) * every

    return snapshot
