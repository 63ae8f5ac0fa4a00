"""Callbacks for `minimize`: functions of a `Step`. Three of them are also context managers."""

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
    """Show a bar with the time left, the loss, and the weighted value of every term.

    On a terminal, and in a notebook with ipywidgets, the bar is redrawn in place. Elsewhere a line
    is printed at the first iterate, at the last, and every ten seconds. A line that cannot be
    written is skipped. ``console`` is a rich console, by default one on standard error.

    Without this callback, `minimize` shows the same on standard output.
    """
    return Progress(console or Console(stderr=True))


def snapshots(folder: str | os.PathLike[str], *, every: int = 50) -> Callable[[Step], None]:
    """Save the picture, as ``folder/000050.png``, about every ``every`` evaluations.

    The first iterate is saved, and then the first one at or after each multiple of
    ``every``. The folder is checked at once, and created if it is missing.
    """
    check_count("every", every)
    try:
        folder = to_path(folder)
        make_folder(folder)
    except (OSError, TypeError, ValueError) as error:
        raise ImageError(f"{folder}: cannot create a folder for snapshots ({error}).") from error
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
    ``unweighted/name`` and ``weighted/name`` of each term. The first row has their names. Every
    row is written at once: ``tail -f`` can follow a run, and an interrupted run keeps its rows.
    A new run replaces the file. A resumed run (`neural_style.resume`) appends to it, so iterates
    after the checkpoint appear twice.

    Raises
    ------
    OptionError
        The file cannot be written, its folder cannot be created, or the file exists and is not
        such a table. Its content would then be lost.
    """
    try:
        path = to_path(path).absolute()
        check_file(path)
        with path.open("a+b") as file:
            file.seek(0)
            if file.read(11) not in (b"", b"evaluation,"):
                raise OSError("the file exists and is not the table of a run")
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
    """Log the run for TensorBoard: ``tensorboard --logdir`` with ``logdir`` or its parent.

    The scalars ``loss``, ``unweighted/name`` and ``weighted/name`` of each term, and the
    ``picture``, are logged by evaluation. The ``settings`` are logged as text and as HParams,
    which compare the runs below one folder.

    Parameters
    ----------
    logdir
        A folder for this run alone, created if it is missing. A new run replaces the files of
        the previous one. A resumed run (`neural_style.resume`) adds a file, so iterates after the
        checkpoint appear twice. An open TensorBoard must be restarted to show the HParams of a
        new run.
    every
        The picture is logged at the first iterate, at the first one at or after each
        multiple of ``every`` evaluations, and at the last.
    hparams
        The settings that distinguish runs, such as ``{"style weight": 1e3, "seed": 0}``.
        The budget of evaluations is added. Numbers, texts and booleans are logged as they are,
        any other value as its text, ``str(value)``.

    Raises
    ------
    ImportError
        TensorBoard is not installed. TensorFlow no longer installs it.
    OptionError
        ``every`` is not a positive whole number, or the folder cannot be created or written to.
    """
    folder = as_path(logdir, "logdir", OptionError).absolute()
    return _TensorBoard(folder, check_count("every", every), dict(hparams or {}))


class _TensorBoard:
    _suffix = ".neural_style"  # marks this class's files, so that only these are replaced

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
                f"{logdir}: cannot write a folder for TensorBoard there ({error})."
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
        self._summary.text("settings", textwrap.indent(lines, "    "))  # Markdown for verbatim text
        plain = bool | int | float | str | np.number | np.bool_
        values = {str(k): v if isinstance(v, plain) else str(v) for k, v in settings.items()}
        # Without a trial_id, TensorBoard averages runs with equal settings.
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
    """Write a page about the run, one HTML file, that a browser can show during the run.

    The whole file is replaced at the first iterate, at the first one at or after each multiple
    of ``every`` evaluations, and at the end. Until the end, a browser reloads the page
    automatically. After the run, call ``finish(result)`` of the returned object: it adds the
    result and why the run stopped. `neural_style.report` describes the page. It also has
    `report.write`, for a run without this callback and with the same options, and `report.serve`.

    Raises
    ------
    ImageError
        ``content`` or ``style`` is not a valid image.
    OptionError
        ``every`` is not a positive whole number, or the file cannot be written. If writing fails
        later, that is logged, and the run continues.
    """
    from neural_style.report.report import Report  # imports Keras, which the others do not need

    return Report(path, content, style, loss, settings, every)


def _numbers(step: Step) -> dict[str, float]:
    """The loss and its terms, by the names that are logged."""
    return {
        "loss": step.loss,
        **{f"unweighted/{name}": value for name, value in step.terms.items()},
        **{f"weighted/{name}": value for name, value in step.weighted.items()},
    }
