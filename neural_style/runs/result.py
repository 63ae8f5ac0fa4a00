"""What a run reports and returns: `Entry`, `Step`, `Result` and its `Ending`.

Each of the first three equals only itself, because comparing arrays gives no single truth value.
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from neural_style import images
from neural_style.errors import ImageError, RecordError
from neural_style.images import Image, Opacity, Picture, picture_of
from neural_style.runs import figures, schema, storage
from neural_style.utils.files import as_path, make_folder

_ARRAYS = ("image", "opacity", "pictures")


class Ending(StrEnum):
    """What ended a run; `Result.reason` says it in words."""

    BUDGET = "budget"
    CONVERGED = "converged"
    NOT_FINITE = "not finite"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    TERMINATED = "terminated"
    FAILED = "failed"

    @property
    def exit_code(self) -> int:
        """The exit code of a process after this ending: for a signal, 128 + its number."""
        return {Ending.INTERRUPTED: 130, Ending.TERMINATED: 143, Ending.FAILED: 1}.get(self, 0)


@dataclass(frozen=True, eq=False)
class Entry:
    """One line of a run's history: an iterate that the optimizer accepted.

    ``evaluation`` is the number of evaluations of value and gradient so far. ``round`` counts
    from 0. ``terms`` are unweighted; ``weighted`` sum to ``loss``. ``seconds`` count from the
    start. ``scale`` is the index of the picture's scale; 0 is the coarsest.
    """

    evaluation: int
    round: int
    loss: float
    terms: dict[str, float]
    weighted: dict[str, float]
    seconds: float
    scale: int = 0


@dataclass(frozen=True, eq=False, kw_only=True)
class Step(Entry):
    """What a callback gets at every iterate: the entry, the budget of the run and the picture.

    ``image`` is float32, H×W×3, RGB, clipped to 0–255, and has its scale's size, without
    a margin. The callback may keep or change everything in a step.
    """

    evaluations: int
    image: Image = field(repr=False)


@dataclass(frozen=True, eq=False)
class Result:
    """The outcome of a run.

    Attributes
    ----------
    image
        float32, H×W×3, RGB, 0–255: the picture with the lowest loss in the last round. If the
        run ended at a coarser scale, it is resized to the start's size; the margin is cut off.
    loss, terms, weighted
        The objective of this picture before clipping to 0–255 and resizing: the sum, and each
        term without and with its weight.
    history
        The accepted iterates. Losses of different scales, or of rounds between which targets
        were refreshed, cannot be compared, because their targets differ.
    evaluations, rounds, seconds, seed
        What the run used, and its seed.
    reason
        Why the run stopped, in words.
    scale
        The index of the objective's scale; 0 is the coarsest.
    ending
        What stopped it: ``"budget"``, ``"converged"``, ``"not finite"`` (the loss at every
        further step), ``"stopped"`` (by a callback), ``"interrupted"`` (Ctrl-C), ``"terminated"``
        (SIGTERM) or ``"failed"`` (an exception); None if `minimize` did not make the result.
    record, pictures
        Everything that is needed to repeat the run, as JSON (`neural_style.runs.record`), and the
        input pictures, by their digests in the record.
    opacity
        float32, H×W, 0–255, with which `save` writes the picture, or None if it has no
        transparency.
    """

    image: Image = field(repr=False)
    loss: float
    terms: dict[str, float]
    weighted: dict[str, float]
    history: tuple[Entry, ...] = field(repr=False)
    evaluations: int
    rounds: int
    seconds: float
    seed: int
    reason: str
    scale: int = 0
    ending: Ending | None = None
    record: dict[str, Any] = field(default_factory=dict, repr=False)
    pictures: dict[str, Any] = field(default_factory=dict, repr=False)
    opacity: Opacity | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return (
            f"loss {self.loss:.6g} after {self.evaluations} evaluations in "
            f"{self.seconds:.0f} s: {self.reason}"
        )

    def save(self, path: str | os.PathLike[str], *, depth: int | None = None) -> Path:
        """Write the picture with `images.save`, or the whole result as ``….npz``, for `load`.

        ``depth`` is an option of `images.save`. The ``.npz`` has all attributes, with the picture
        unrounded; `neural_style.rerun` can repeat its run. If writing fails, the picture is saved
        elsewhere, and the error says where.

        Raises
        ------
        ImageError
            The picture cannot be written.
        RecordError
            The result cannot be written.
        """
        try:
            if not str(path).endswith(".npz"):
                return images.save(self.image, path, opacity=self.opacity, depth=depth)
            return write(self, as_path(path, "path", RecordError))
        except (ImageError, RecordError) as error:
            raise type(error)(f"{error} {images.rescue(self.image, path, self.opacity)}") from error

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Result:
        """Read a result from an ``.npz`` of `save` or of a sweep's folder; nothing is unpickled.

        Raises
        ------
        RecordError
            The file cannot be read, is damaged, or contains something else.

        Examples
        --------
        >>> import tempfile
        >>> result = Result(images.noise((4, 5)), 0.1, {}, {}, (), 1, 1, 0.5, 0, "done")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     print(Result.load(result.save(f"{folder}/result.npz")))
        loss 0.1 after 1 evaluations in 0 s: done
        """
        return read(as_path(path, "path", RecordError))[0]

    def save_record(self, folder: str | os.PathLike[str]) -> Path:
        """Write `record` as ``folder/record.json`` and `pictures` as ``folder/pictures.npz``.

        `neural_style.rerun` of the folder repeats the run. The folder is created if it is
        missing; a record in it is replaced.

        Raises
        ------
        RecordError
            The folder cannot be written to, or contains the checkpoints of a run; or `minimize`
            did not make this result.
        """
        home = as_path(folder, "folder", RecordError)
        if not self.record:
            raise RecordError(f"{home}: this result has no record; only minimize records a run.")
        storage.check_folder(home)
        try:
            storage.save_record(home, self.record, self.pictures)
        except (OSError, ValueError) as error:
            raise RecordError(
                f"{home}: the record could not be written ({error}); choose another folder."
            ) from error
        return home

    def plot(self) -> Any:
        """A matplotlib figure of the loss and its weighted terms against evaluations.

        The axis is logarithmic, down to 1e-4 of the lowest loss, and values of 0 leave a gap.
        If any value is negative, or all are 0, the axis is linear.

        Raises
        ------
        ImportError
            matplotlib is not installed.
        """
        return figures.curves(self.history, self.weighted)

    def compare(self, content: Picture, style: Picture) -> Any:
        """A matplotlib figure of content, style and result side by side, equally high.

        ``content`` and ``style`` are files or arrays, as in `transfer`.

        Raises
        ------
        ImageError
            An argument is not a valid image.
        ImportError
            matplotlib is not installed.
        """
        shown = {"content": content, "style": style, "result": self.image}
        pictures = {name: picture_of(picture, name) for name, picture in shown.items()}
        return figures.side_by_side(pictures)

    def _repr_png_(self) -> bytes:
        return figures.encoded(self.image)

    def _repr_html_(self) -> str | None:
        """For a notebook: the picture above its curves; without matplotlib, only the picture."""
        try:
            curve = self.plot()._repr_png_()
        except ImportError:
            return None
        sources = (base64.b64encode(png).decode() for png in (self._repr_png_(), curve))
        return "<br>".join(f'<img src="data:image/png;base64,{source}">' for source in sources)


def write(result: Result, path: Path, **about: Any) -> Path:
    """Write a result, and what a sweep adds to it, as `schema.Saved`.

    Raises
    ------
    RecordError
        The file cannot be written, or the result contains something that `read` would refuse.
    """
    try:
        arrays = {storage.INPUT + name: picture for name, picture in result.pictures.items()}
        arrays["image"] = images.as_image(result.image, any_range=True)
        if result.opacity is not None:
            arrays["opacity"] = images.as_opacity(result.opacity, result.image.shape[:2])
        values = {name: value for name, value in vars(result).items() if name not in _ARRAYS}
        values["history"] = [vars(entry) for entry in result.history]
        values["record"] = result.record or None
        document = {"schema": schema.VERSION, "result": values, **about}
        make_folder(path.parent)
        storage.write(path, schema.Saved, document, arrays)
    except (OSError, TypeError, ValueError) as error:
        raise RecordError(f"{path}: the result could not be written ({error}).") from error
    return path


def read(path: Path) -> tuple[Result, schema.Saved]:
    """A result, and the whole document that contains it.

    Raises
    ------
    RecordError
        As `Result.load`.
    """
    document, arrays = storage.read(path, schema.Saved)
    values: dict[str, Any] = {**document["result"]}
    try:
        values["image"] = images.as_image(arrays.pop("image"), any_range=True)
        if (opacity := arrays.pop("opacity", None)) is not None:
            values["opacity"] = images.as_opacity(opacity, values["image"].shape[:2])
        values["ending"] = None if values["ending"] is None else Ending(values["ending"])
        values["pictures"] = storage.pictures_of(arrays)
        if len(values["pictures"]) < len(arrays):
            raise ValueError(f"it has the arrays {sorted(arrays)}")
    except (KeyError, ValueError) as error:
        raise RecordError(f"{path}: expected a result, got another file ({error}).") from error
    values["history"] = tuple(Entry(**entry) for entry in values["history"])
    values["record"] = values["record"] or {}
    return Result(**values), document
