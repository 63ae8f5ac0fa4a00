"""The callback that writes the report of a run, and `write` for a finished run."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Self

from neural_style.errors import OptionError, check_count
from neural_style.images import Picture
from neural_style.losses.base import Loss
from neural_style.losses.weighted_sum import WeightedSum
from neural_style.report.page import Page, thumbnail
from neural_style.report.server import Server as Server
from neural_style.report.server import serve as serve
from neural_style.runs.result import Entry, Result, Step
from neural_style.utils.files import as_path, atomic, check_file, check_not_read

_log = logging.getLogger(__name__)

_RELOAD = 5  # seconds between two looks at a run that goes on
_MOST_ALONG = 12


class Report:
    """The callback of `callbacks.report`."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        content: Picture | None,
        style: Picture | Sequence[Picture],
        loss: Loss | WeightedSum | None,
        settings: Mapping[str, Any] | None,
        every: int,
    ) -> None:
        self._path = _checked(path, content, style)
        self._page = Page(self._path.name, content, style, loss, settings)
        self._every = check_count("every", every)
        self._history: list[Entry] = []
        self._along: list[tuple[int, str]] = []
        self._step: Step | None = None
        self._due = self._written = 0
        self._stride = 1  # every how many writings a picture is kept

    def __enter__(self) -> Self:
        self._history, self._along, self._step = [], [], None
        self._due, self._written, self._stride = 0, 0, 1
        return self

    def __call__(self, step: Step) -> None:
        """Record an iterate, and write the page if it is due."""
        self._history.append(Entry(**{f.name: getattr(step, f.name) for f in fields(Entry)}))
        self._step = step
        if step.evaluation < self._due:
            return
        self._due = (step.evaluation // self._every + 1) * self._every
        if self._written % self._stride == 0:
            self._along.append((step.evaluation, thumbnail(step.image)))
        self._written += 1
        if len(self._along) > _MOST_ALONG:  # every second one stays, and every second is to come
            del self._along[1::2]
            self._stride *= 2
        self._write(step, "Running", _RELOAD)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        broken = f"Stopped by {type(error).__name__}: {error}"
        if self._step is not None:
            self._write(self._step, "The run is over" if error is None else broken)

    def finish(self, result: Result) -> None:
        """Write the page again, with the result's picture, its loss and why the run stopped.

        If the file cannot be written, a warning is logged.
        """
        self._keep(self._page.of_result(result, self._along))

    def _write(self, step: Step, why: str, reload: int | None = None) -> None:
        spent = f"evaluation {step.evaluation} of {step.evaluations}"
        page = self._page.html(
            image=step.image,
            heading=f"The picture at evaluation {step.evaluation}",
            status=f"{why}; {spent}, loss {step.loss:.6g}.",
            history=self._history,
            along=self._along,
            facts={"budget of evaluations": step.evaluations},
            last=step,
            reload=reload,
        )
        self._keep(page)

    def _keep(self, page: str) -> None:
        try:
            _replace(self._path, page)
        except OSError as error:  # the run is worth more than its report
            _log.warning("The report %s could not be written: %s", self._path, error)


def write(
    result: Result,
    path: str | os.PathLike[str],
    *,
    content: Picture | None = None,
    style: Picture | Sequence[Picture] = (),
    loss: Loss | WeightedSum | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Path:
    """Write the report of a finished run.

    Parameters
    ----------
    result
        The result of `minimize` or `transfer`.
    path
        The HTML file to write.
    content, style
        Files or arrays, as in `transfer`; style may be a list. They are shown with the result.
    loss
        The loss that was minimized, shown as Python code to copy.
    settings
        Any other facts about the run, by name, such as ``{"optimizer": "Adam(0.1)"}``.

    Returns
    -------
    Path
        The file, under 5 MB.

    Raises
    ------
    ImageError
        A picture is not a valid image.
    OptionError
        The file cannot be written, or its folder cannot be created.

    Examples
    --------
    >>> import tempfile
    >>> from neural_style import FeatureModel, images, minimize
    >>> from neural_style.extensions import TotalVariation
    >>> result = minimize(TotalVariation(), FeatureModel(weights=None), images.noise((8, 8)),
    ...                   evaluations=3, verbose=False)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(result, f"{folder}/run.html").stat().st_size < 5e6
    True
    """
    file = _checked(path, content, style)
    page = Page(file.name, content, style, loss, settings)
    _replace(file, page.of_result(result))
    return file


def _checked(
    path: str | os.PathLike[str], content: Picture | None, style: Picture | Sequence[Picture]
) -> Path:
    """The path, if a file can be written there without replacing one of the pictures."""
    path = as_path(path, "report", OptionError).absolute()
    styles = style if isinstance(style, list | tuple) else [style]
    check_not_read({"report": path}, [content, *styles], OptionError)
    try:
        check_file(path)
    except (OSError, ValueError) as error:
        raise OptionError(
            f"{path}: the report cannot be written ({error}); choose another name or folder."
        ) from error
    return path


def _replace(path: Path, page: str) -> None:
    with atomic(path) as part:
        part.write_text(page, encoding="utf-8", errors="replace")
