"""The folder of a run that outlives its process.

    run/record.json                the run's record (`neural_style.runs.record`), without an outcome
    run/pictures.npz               its pictures: the start, references, masks
    run/state-0.npz, state-1.npz   its last two states; the newer intact one counts
    run/.lock                      locked while a run writes there, by `Checkpoints.begin`

A state is an archive of `neural_style.runs.storage`, at an iterate that the optimizer accepted.
Every file is written under a temporary name, flushed to the disk and then renamed. So a process
that is killed at any moment leaves the last good state.
"""

from __future__ import annotations

import os
import shlex
import uuid
import warnings
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, Self

from numpy.typing import NDArray

from neural_style.errors import CheckpointError, RecordError, advice, check_count
from neural_style.runs import record as records
from neural_style.runs import storage
from neural_style.runs.schema import RunState
from neural_style.runs.storage import Pictures
from neural_style.utils.files import (
    as_path,
    make_folder,
    owned,
    remove_parts,
    to_path,
)


class State(NamedTuple):
    """The state of a run at an iterate."""

    document: Mapping[str, Any]
    arrays: dict[str, NDArray[Any]]


class Checkpoints:
    """The folder of a new run, which writes its state about every ``every`` evaluations.

    A context manager: from `begin` until the block ends, no other run can use the folder.

    Raises
    ------
    CheckpointError
        The folder already contains a run.
    OptionError
        ``every`` is not a positive whole number.
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
        """Write the run's record; return the state to resume from, None for a new run.

        Raises
        ------
        CheckpointError
            The folder cannot be written to, or another run is using it.
        """
        self._own()
        self._check_new()
        checkpoint = {"run": self._run, "every": self._every, "output": self._output}
        try:
            storage.save_record(self.folder, {**record, "checkpoint": checkpoint}, pictures)
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
        """Whether a state must be written after so many evaluations."""
        return evaluation >= self._due

    def write(self, state: State) -> None:
        """Write a state over the older of the two.

        Raises
        ------
        CheckpointError
            The state cannot be written; the last good one is still there.
        """
        evaluation = state.document["evaluation"]
        document = {**state.document, "run": self._run}
        try:
            storage.write(self._path(self._generation), RunState, document, state.arrays)
        except (OSError, ValueError) as error:
            last = f"the one after {self._written} evaluations" if self._written else "the start"
            raise CheckpointError(
                f"{self.folder}: the state after {evaluation} evaluations could not be written "
                f"({error}); the last good one is {last}. Solve the problem, then resume from "
                f"there with {_resume(self.folder)}."
            ) from error
        self._written = evaluation
        self._generation = 1 - self._generation
        self._due = (evaluation // self._every + 1) * self._every

    def _check_new(self) -> None:
        names = [self.folder / storage.FILE, self._path(0), self._path(1)]
        found = [path.name for path in names if path.exists()]
        if found:
            raise CheckpointError(
                f"{self.folder}: there is a run in this folder ({', '.join(found)}): resume it "
                f"with {_resume(self.folder)}, choose another folder, or delete this one."
            )

    def _path(self, generation: int) -> Path:
        return self.folder / f"state-{generation}.npz"


class Continued(Checkpoints):
    """The folder of a run to resume; unless ``strict``, even in a different environment.

    Raises
    ------
    CheckpointError
        The folder contains no run to resume.
    RecordError
        Its record is damaged.
    """

    def __init__(self, folder: str | os.PathLike[str], *, strict: bool = True) -> None:
        home = as_path(folder, "folder", CheckpointError)
        if not (home / storage.FILE).exists():
            raise CheckpointError(
                f"{home}: there is no run to resume, expected its {storage.FILE}; give the path "
                f"that was passed as {advice('checkpoint=…', '--checkpoint')}"
            )
        self.record = storage.read_record(home)
        self._strict = strict
        own = self.record["checkpoint"]
        if own is None:
            raise CheckpointError(
                f"{folder}: this is the record of a run without checkpoints: repeat the run with "
                f"{_rerun(home)}."
            )
        super().__init__(folder, own["every"], own["output"])
        self._run = own["run"]
        self.output: str | None = own["output"]
        self.pictures = storage.read_pictures(self.folder)

    def begin(self, record: Mapping[str, Any], pictures: Pictures) -> State | None:
        """Compare the run with its record; return its last good state, None before the first.

        Raises
        ------
        CheckpointError
            Something differs from the record, every state is damaged, or another run is using the
            folder.
        """
        lines = records.differences(self.record, record)
        passed = [] if self._strict else [x for x in lines if x.startswith("environment")]
        if others := [line for line in lines if line not in passed]:
            lax = advice("pass strict=False", "add --no-strict")
            only = all(line.startswith("environment") for line in others)
            remedy = (
                f"; only that environment gives the same bits; {lax} to resume in this one"
                if only
                else "; pass what the run began with"
            )
            raise CheckpointError(
                f"{self.folder}: the run differs from its record: {'; '.join(others)}{remedy}."
            )
        if passed:
            warnings.warn(
                f"{self.folder}: the picture may differ from that of an uninterrupted run: "
                f"{'; '.join(passed)}",
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
                    f"{self._path(generation)}: expected the file of a state, got a folder; move "
                    f"it away, then resume the run."
                )
            if self._path(generation).exists():
                try:
                    state = State(*storage.read(self._path(generation), RunState))
                except RecordError as error:
                    problems.append(str(error).removesuffix("."))
                else:
                    if state.document["run"] == self._run:
                        found.append((generation, state))
                    else:
                        problems.append(f"{self._path(generation)} belongs to another run")
        if not found:
            if problems:
                raise CheckpointError(
                    f"{self.folder}: no state of the run is usable: {'; '.join(problems)}. Begin "
                    f"it again with {_rerun(self.folder)}, which gives the same picture."
                )
            return None
        generation, state = max(found, key=lambda each: each[1].document["evaluation"])
        self._generation = 1 - generation
        self._written = state.document["evaluation"]
        self._due = (self._written // self._every + 1) * self._every
        return state

    def _check_new(self) -> None:
        """Do nothing: the run is not new."""


def _resume(folder: Path) -> str:
    command = f"neural-style resume {shlex.quote(str(folder))}"
    return advice(f"neural_style.resume({str(folder)!r})", command)


def _rerun(folder: Path) -> str:
    command = f"neural-style rerun {shlex.quote(str(folder))}"
    return advice(f"neural_style.rerun({str(folder)!r})", command)
