"""Callbacks for `minimize`: callables of a `Step`, three of them also context managers."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Mapping, Sequence
from csv import writer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from rich.console import Console

from neural_style import images
from neural_style.errors import ImageError, OptionError, check_count
from neural_style.images import Picture
from neural_style.runs.progress import Progress
from neural_style.runs.result import Step
from neural_style.utils.files import as_path, check_file, make_folder, to_path

if TYPE_CHECKING:
    from neural_style.losses.base import Loss
    from neural_style.losses.weighted_sum import WeightedSum
    from neural_style.report.report import Report

__all__ = [
    "csv",
    "progress",
    "report",
    "snapshots",
    "tensorboard",
]


def __dir__() -> list[str]:
    return __all__


def progress(console: Console | None = None) -> Callable[[Step], None]:
    """A bar with the time left, the loss, and the weighted value of every term.

    On a terminal, and in a notebook that has ipywidgets, it is redrawn in place; elsewhere there is
    a line of it at the first iterate, at the last, and every ten seconds. What cannot be written
    is left out. ``console`` is rich's, by default one on standard error.

    Without it `minimize` shows the same on standard output.
    """
    return Progress(console or Console(stderr=True))


def snapshots(folder: str | os.PathLike[str], *, every: int = 50) -> Callable[[Step], None]:
    """Save the picture as ``folder/000050.png`` about every so many evaluations.

    The first iterate is saved, and then the first one at or after each multiple of
    ``every``. The folder is made, if it is missing, and checked at once.
    """
    check_count("every", every)
    try:
        folder = to_path(folder)
        make_folder(folder)
    except (OSError, TypeError, ValueError) as error:
        raise ImageError(f"{folder}: no folder for snapshots can be made ({error}).") from error
    due = 0

    def snapshot(step: Step) -> None:
        nonlocal due
        if step.evaluation == 1:  # a new run
            due = 0
        if step.evaluation >= due:
            images.save(step.image, folder / f"{step.evaluation:06d}.png")
            due = (step.evaluation // every + 1) * every

    return snapshot


def csv(path: str | os.PathLike[str]) -> Callable[[Step], None]:
    """Write the numbers of every accepted iterate as a row of ``path``.

    The columns are ``evaluation``, ``round``, ``seconds``, ``loss``, and
    ``unweighted/name`` and ``weighted/name`` of each term, named in the first row. A row is
    in the file at once, so that ``tail -f`` follows a run and an interrupted one keeps
    what it has. A new run starts the file anew; one that goes on (`neural_style.resume`) adds
    to it, and iterates after the state that it goes on from are there twice.

    Raises
    ------
    OptionError
        The file cannot be written, or its folder cannot be made; or the file exists and is not
        such a table, so that its content would be lost.
    """
    try:
        path = to_path(path).absolute()
        check_file(path)
        with path.open("a+b") as file:
            file.seek(0)
            if file.read(11) not in (b"", b"evaluation,"):
                raise OSError("it is there and is no table of a run")
    except (OSError, TypeError, ValueError) as error:
        raise OptionError(
            f"{path}: this file cannot be written ({error}); choose another name or folder."
        ) from error

    def write(step: Step) -> None:
        counts = {"evaluation": step.evaluation, "round": step.round, "seconds": step.seconds}
        row = {**counts, **_numbers(step)}
        new = step.evaluation == 1
        with path.open("w" if new else "a", encoding="utf-8", newline="") as file:
            rows = writer(file, lineterminator="\n")
            rows.writerows([row, row.values()] if new else [row.values()])

    return write


def tensorboard(
    logdir: str | os.PathLike[str], *, every: int = 50, hparams: Mapping[str, Any] | None = None
) -> Callable[[Step], None]:
    """Show the run in TensorBoard, as ``tensorboard --logdir`` of ``logdir`` or its parent.

    Against evaluations there are the scalars ``loss``, ``unweighted/name`` and
    ``weighted/name`` of each term, and the ``picture``; then the ``settings``, as text and
    under HParams, where the runs below one folder can be compared.

    Parameters
    ----------
    logdir
        A folder for this run alone, made if it is missing. A new run into it replaces the
        files of the last; one that goes on (`neural_style.resume`) adds one, and iterates after
        the state that it goes on from are there twice. A TensorBoard that is open has the
        HParams of a new run only once restarted.
    every
        The picture is kept at the first iterate, at the first one at or after each
        multiple of so many evaluations, and at the last.
    hparams
        The settings to tell runs apart by, such as ``{"style weight": 1e3, "seed": 0}``;
        the budget of evaluations is added. A number, a text or a truth value is kept as
        such, anything else as the text that it prints as.

    Raises
    ------
    ImportError
        TensorBoard, which TensorFlow does not bring any more, is not installed.
    OptionError
        ``every`` is no number, or the folder cannot be made or written to.
    """
    folder = as_path(logdir, "logdir", OptionError).absolute()
    return _TensorBoard(folder, check_count("every", every), dict(hparams or {}))


class _TensorBoard:
    _suffix = ".neural_style"  # of this class's files, so that it replaces no others

    def __init__(self, logdir: Path, every: int, hparams: dict[str, Any]) -> None:
        try:
            from tensorboard.plugins.hparams import api  # type: ignore[import-untyped]
        except ImportError as error:
            raise ImportError(
                "callbacks.tensorboard needs TensorBoard: "
                "pip install 'neural-style-keras[tensorboard]'."
            ) from error
        import tensorflow as tf

        try:
            make_folder(logdir)
        except (OSError, ValueError) as error:
            raise OptionError(
                f"{logdir}: no folder for TensorBoard can be written there ({error})."
            ) from error
        self._logdir = logdir
        self._every = every
        self._hparams = hparams
        self._write_hparams = api.hparams
        self._summary = tf.summary

    def __enter__(self) -> Self:
        self._writer: Any = None
        self._due = self._pictured = 0
        self._last: Step | None = None
        return self

    def __call__(self, step: Step) -> None:
        if self._writer is None:
            self._open(new=step.evaluation == 1)
        with self._writer.as_default(step.evaluation):
            if self._last is None:
                self._settings({**self._hparams, "evaluations": step.evaluations})
            for name, value in _numbers(step).items():
                self._summary.scalar(name, value)
            if step.evaluation >= self._due:
                self._picture(step)
        self._writer.flush()
        self._last = step

    def __exit__(self, *exception: object) -> None:
        if self._last is not None and self._last.evaluation > self._pictured:
            with self._writer.as_default(self._last.evaluation):
                self._picture(self._last)
        if self._writer is not None:
            self._writer.close()

    def _open(self, *, new: bool) -> None:
        if new:
            for old in self._logdir.glob(f"events.out.tfevents.*{self._suffix}"):
                old.unlink()
        self._writer = self._summary.create_file_writer(
            str(self._logdir), filename_suffix=self._suffix
        )

    def _settings(self, settings: dict[str, Any]) -> None:
        lines = "\n".join(f"{name}: {value}" for name, value in settings.items())
        self._summary.text("settings", textwrap.indent(lines, "    "))  # Markdown: as it stands
        plain = bool | int | float | str | np.number | np.bool_
        values = {str(k): v if isinstance(v, plain) else str(v) for k, v in settings.items()}
        # By default runs of equal settings would be averaged.
        trial = f"{self._logdir.name} in {self._logdir.parent}"
        self._write_hparams(values, trial_id=trial)

    def _picture(self, step: Step) -> None:
        pixels = np.rint(step.image).astype(np.uint8)
        self._summary.image("picture", pixels[np.newaxis])
        self._pictured = step.evaluation
        self._due = (step.evaluation // self._every + 1) * self._every


def report(
    path: str | os.PathLike[str],
    *,
    content: Picture | None = None,
    style: Picture | Sequence[Picture] = (),
    loss: Loss | WeightedSum | None = None,
    settings: Mapping[str, Any] | None = None,
    every: int = 10,
) -> Report:
    """Keep a page of the run, one HTML file, to be watched in a browser while it goes on.

    The file is replaced, whole, at the first iterate, at the first one at or after each multiple
    of ``every`` evaluations, and at the end; until then a browser that shows it loads it again
    by itself. After the run ``finish(result)`` of what this returns adds the result and why it
    stopped. `neural_style.report` has the rest: what is on the page, `report.write` for a run
    that had no such callback, with the same options, and `report.serve`.

    Raises
    ------
    ImageError
        A picture is none.
    OptionError
        ``every`` is no number, or the file cannot be written. Where the disk refuses later,
        that is logged, and the run goes on.
    """
    from neural_style.report.report import Report  # with Keras, which the others do without

    return Report(path, content, style, loss, settings, every)


def _numbers(step: Step) -> dict[str, float]:
    """The loss and its terms, under the names that a run is logged with."""
    return {
        "loss": step.loss,
        **{f"unweighted/{name}": value for name, value in step.terms.items()},
        **{f"weighted/{name}": value for name, value in step.weighted.items()},
    }
