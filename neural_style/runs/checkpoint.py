"""The folder of a run that outlives its process.

    run/record.json                what the run is (`neural_style.runs.record`), without an outcome
    run/pictures.npz               its pictures: the start, references, masks
    run/state-0.npz, state-1.npz   two generations of its state; the newer whole one counts
    run/.lock                      locked while a run writes there, by `Checkpoints.begin`

A state is a document, which is JSON, and arrays by name, at an iterate that the optimizer
accepted; it carries a SHA-256 of both, and the name of its run. Every file is written beside its
place, forced to the disk and moved there, so that a process that is killed at any moment
leaves the last good state.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import uuid
import warnings
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from neural_style.errors import CheckpointError, OptionError, advice, check_count
from neural_style.runs import record as records
from neural_style.runs.record import Pictures
from neural_style.utils.files import (
    as_path,
    make_folder,
    owned,
    read_arrays,
    remove_parts,
    to_path,
    write_durably,
)


class State(NamedTuple):
    """Numbers, texts and lists of them, and arrays by name."""

    document: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


class Checkpoints:
    """The folder of a new run, which writes its state about ``every`` so many evaluations.

    A context manager: from `begin` on the folder is this run's alone, until the block is left.

    Raises
    ------
    CheckpointError
        There is a run in the folder already.
    OptionError
        ``every`` is no number.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        every: int,
        output: str | os.PathLike[str] | None = None,
    ) -> None:
        self.folder = as_path(folder, "checkpoint", CheckpointError)
        self._every = check_count("checkpoint_every", every)
        self._output = None if output is None else os.path.abspath(to_path(output))
        self._run = uuid.uuid4().hex
        self._due = self._every
        self._written = 0  # the evaluations of the last good state
        self._generation = 0
        self._owned = ExitStack()
        self._check_new()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._owned.close()

    def begin(self, record: Mapping[str, Any], pictures: Pictures) -> State | None:
        """Say what the run is; return the state that it goes on from, a new one's none.

        Raises
        ------
        CheckpointError
            The folder cannot be written to, or another run does.
        """
        self._own()
        self._check_new()
        checkpoint = {"run": self._run, "every": self._every, "output": self._output}
        try:
            records.save(self.folder, {**record, "checkpoint": checkpoint}, pictures)
        except (OSError, ValueError) as error:
            raise CheckpointError(
                f"{self.folder}: no checkpoints can be written there ({error}); choose another "
                f"folder."
            ) from error
        return None

    def _own(self) -> None:
        """Take the folder for this run."""
        try:
            make_folder(self.folder)
            self._owned.enter_context(owned(self.folder))
        except BlockingIOError as error:
            raise CheckpointError(
                f"{self.folder}: {error}: wait until it has ended, or choose another folder."
            ) from error
        except (OSError, NotImplementedError, ValueError) as error:
            raise CheckpointError(
                f"{self.folder}: no checkpoints can be written there ({error}); choose another "
                f"folder."
            ) from error

    def is_due(self, evaluation: int) -> bool:
        """Whether a state is to be written after so many evaluations."""
        return evaluation >= self._due

    def write(self, state: State) -> None:
        """Write a state in place of the older one.

        Raises
        ------
        CheckpointError
            The disk refuses; the last good state is still there.
        """
        evaluation = state.document["evaluation"]
        document = json.dumps({**state.document, "run": self._run}).encode()
        arrays: dict[str, Any] = {**state.arrays, "document": np.frombuffer(document, np.uint8)}
        checksum = np.frombuffer(_checksum(arrays), np.uint8)
        try:
            write_durably(
                self._path(self._generation),
                lambda file: np.savez(file, **arrays, sha256=checksum),
            )
        except (OSError, ValueError) as error:
            last = f"the one after {self._written} evaluations" if self._written else "the start"
            raise CheckpointError(
                f"{self.folder}: the state after {evaluation} evaluations could not be written "
                f"({error}); the last good one is {last}. Mend that, and "
                f"{_resume(self.folder)} goes on from there."
            ) from error
        self._written = evaluation
        self._generation = 1 - self._generation
        self._due = (evaluation // self._every + 1) * self._every

    def _check_new(self) -> None:
        names = [self.folder / records.FILE, self._path(0), self._path(1)]
        found = [path.name for path in names if path.exists()]
        if found:
            raise CheckpointError(
                f"{self.folder}: there is a run in this folder ({', '.join(found)}): go on with it "
                f"by {_resume(self.folder)}, choose another folder, or delete this one."
            )

    def _path(self, generation: int) -> Path:
        return self.folder / f"state-{generation}.npz"


class Continued(Checkpoints):
    """The folder of a run that goes on; not ``strict``, even in another environment.

    Raises
    ------
    CheckpointError
        There is no run to go on with.
    RecordError
        Its record is damaged.
    """

    def __init__(self, folder: str | os.PathLike[str], *, strict: bool = True) -> None:
        home = as_path(folder, "folder", CheckpointError)
        self.record = records.read(self._record_of(home))
        self._strict = strict
        own = self.record["checkpoint"]
        if own is None:
            raise CheckpointError(
                f"{folder}: there is the record of a run, without checkpoints: repeat it with "
                f"{_rerun(home)}."
            )
        super().__init__(folder, own["every"], own["output"])
        self._run = own["run"]
        self.output: str | None = own["output"]
        self.pictures = records.read_pictures(self.folder / records.PICTURES)

    def begin(self, record: Mapping[str, Any], pictures: Pictures) -> State | None:
        """Compare the run with what it was; return its last good state, None before the first.

        Raises
        ------
        CheckpointError
            Something is not what it was, no state is whole, or another run is at work there.
        """
        lines = records.differences(self.record, record)
        passed = [] if self._strict else [x for x in lines if x.startswith("environment")]
        if others := [line for line in lines if line not in passed]:
            lax = advice("pass strict=False", "add --no-strict")
            only = all(line.startswith("environment") for line in others)
            remedy = (
                f"; the same bits need that environment, or {lax} to go on all the same"
                if only
                else "; pass what the run began with"
            )
            raise CheckpointError(
                f"{self.folder}: this is not the run that was: {'; '.join(others)}{remedy}."
            )
        if passed:
            warnings.warn(
                f"{self.folder}: the picture may be another than of a run that was not "
                f"interrupted: {'; '.join(passed)}",
                stacklevel=4,  # the line that calls resume
            )
        self._own()
        remove_parts(self.folder)  # of a process that was killed while it wrote
        return self._newest()

    def _newest(self) -> State | None:
        found: list[tuple[int, State]] = []
        problems: list[str] = []
        for generation in (0, 1):
            if self._path(generation).is_dir() and not self._path(generation).is_symlink():
                raise CheckpointError(
                    f"{self._path(generation)}: there is a folder in the place of a state; move it "
                    f"away, and the run goes on."
                )
            if self._path(generation).exists():
                try:
                    found.append((generation, _read(self._path(generation), self._run)))
                except CheckpointError as error:
                    problems.append(str(error))
        if not found:
            if problems:
                raise CheckpointError(
                    f"{self.folder}: no state of the run is whole: {'; '.join(problems)}. Begin it "
                    f"again, with {_rerun(self.folder)} to the same picture."
                )
            return None
        generation, state = max(found, key=lambda each: each[1].document["evaluation"])
        self._generation = 1 - generation
        self._written = state.document["evaluation"]
        self._due = (self._written // self._every + 1) * self._every
        return state

    def _check_new(self) -> None:
        """It is not."""

    @staticmethod
    def _record_of(folder: Path) -> Path:
        path = folder / records.FILE
        if not path.exists():
            raise CheckpointError(
                f"{folder}: there is no run to go on with, expected its {records.FILE}; check the "
                f"path, which is what was passed as {advice('checkpoint=…', '--checkpoint')}"
            )
        return path


def _resume(folder: Path) -> str:
    command = f"neural-style resume {shlex.quote(str(folder))}"
    return advice(f"neural_style.resume({str(folder)!r})", command)


def _rerun(folder: Path) -> str:
    command = f"neural-style rerun {shlex.quote(str(folder))}"
    return advice(f"neural_style.rerun({str(folder)!r})", command)


def _read(path: Path, run: str) -> State:
    """A state from its file, if it is whole and of that run; nothing is unpickled."""
    try:
        arrays = read_arrays(path)
        checksum = arrays.pop("sha256").tobytes()
        whole = checksum == _checksum(arrays)
        document = dict(json.loads(arrays.pop("document").tobytes())) if whole else {}
    except Exception as error:  # zipfile and NumPy raise what they like for a damaged file
        raise CheckpointError(f"{path.name} is damaged ({error})") from error
    if not whole:
        raise CheckpointError(f"{path.name} is damaged (its checksum is another)")
    if document.get("run") != run:
        raise CheckpointError(f"{path.name} is of another run")
    try:
        check_count("evaluation", document.get("evaluation"))
    except OptionError as error:
        raise CheckpointError(f"{path.name} is no state ({error})") from error
    return State(document, arrays)


def _checksum(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    found = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        found.update(repr((name, array.dtype.str, array.shape)).encode())
        found.update(array.data.cast("B") if array.size else b"")
    return found.digest()
