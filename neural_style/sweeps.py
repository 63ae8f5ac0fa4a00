"""`sweep`: one run for each combination of settings, kept as they finish.

    outcomes = sweep(run, {"seed": range(3), "size": [128, 224]}, folder="out/sweep")

``run`` is any function of the settings, as keywords, that returns a `Result`. An `Outcome`
is what came of one combination: its settings, with a result or, where the run raised an
exception, with that. With a folder every result is kept in a file when it is finished, and
a sweep that is run again, whatever ended it, makes only what is missing there.

A file is a NumPy archive without pickles, named by a hash of the settings as JSON: the
picture, float32 and exact, and a record, JSON in UTF-8, of the settings and of everything
else in the `Result`.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
import pickle
from collections.abc import Callable, Iterable, Mapping, Set
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import PIL.Image

from neural_style import images
from neural_style.errors import OptionError, check_callables
from neural_style.files import atomic, make_folder, open_file
from neural_style.result import Entry, Result

_log = logging.getLogger(__name__)

_Record = TypeVar("_Record", Entry, Result)

# How the reason of a run that `minimise` ended at Ctrl-C begins; such a run is not finished.
_INTERRUPTED = "interrupted (Ctrl-C)"
_INPUT = "input."  # before the digest of a picture that the run was given


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of one run of a sweep: ``settings``, and a ``result`` or an ``error``."""

    settings: dict[str, Any]
    result: Result | None = None
    error: Exception | None = None

    def __str__(self) -> str:
        settings = ", ".join(f"{name}={value}" for name, value in self.settings.items())
        if self.error is None:
            return f"{settings}: {self.result}"
        return f"{settings}: {type(self.error).__name__}: {self.error}"


def sweep(
    run: Callable[..., Result],
    grid: Mapping[str, Iterable[Any]],
    *,
    executor: Executor | None = None,
    folder: str | PathLike[str] | None = None,
    callbacks: Iterable[Callable[[Outcome], object]] = (),
) -> list[Outcome]:
    """Run every combination of settings.

    Parameters
    ----------
    run
        Called as ``run(seed=0, size=128)``. For a pool of processes it must be picklable, a
        function at the top of a module; begin these by ``spawn``, since TensorFlow does not
        survive a fork.
    grid
        The values of every setting. The last setting varies fastest.
    executor
        Any `concurrent.futures.Executor`, which is given all runs at once; by default they
        are made in this thread, one after the other.
    folder
        Where results are kept and looked for; it is made if it is missing. Files are named
        by the settings alone: what else changes a run (its pictures, its budget) needs a
        setting, or a folder, of its own.
    callbacks
        Callables of an `Outcome`, told in this thread of each, first of those that were kept.

    Returns
    -------
    list of Outcome
        In the order of the grid. A run that raises an exception has it as its ``error``,
        and the others go on; failures are not kept, but tried again by the next sweep.

    Raises
    ------
    OptionError
        Before the first run: the grid is none, two of its combinations are the same, its
        settings cannot be written as JSON for the folder, which cannot be made, or the
        executor is none or cannot be given ``run``.
    KeyboardInterrupt, SystemExit
        At once; what had finished is in the folder. Of an executor's runs, those that it has
        not begun are cancelled.

    Examples
    --------
    >>> def run(seed, size):
    ...     picture = images.noise((size, size), seed=seed)
    ...     return Result(picture, 1.0 / size, {}, {}, (), 1, 1, 0.0, seed, "done")
    >>> outcomes = sweep(run, {"seed": [0, 1], "size": [1, 10]})
    >>> [outcome.result is not None for outcome in outcomes]
    [False, True, False, True]
    >>> print(outcomes[3])
    seed=1, size=10: loss 0.1 after 1 evaluations in 0 s: done
    """
    settings = _combinations(grid)
    check_callables("run", [run])
    if not isinstance(executor, Executor | None):
        raise OptionError(
            f"executor: expected a concurrent.futures.Executor, as ThreadPoolExecutor(), or "
            f"None, got {executor!r}."
        )
    if isinstance(executor, ProcessPoolExecutor):
        _check_picklable(run, settings)
    callbacks = check_callables("callbacks", callbacks)
    kept = None if folder is None else _Folder(folder, settings)
    outcomes: dict[int, Outcome] = {}

    def keep(index: int, call: Callable[[], Result]) -> Outcome:
        outcome = _outcome(settings[index], call)
        if kept is not None and outcome.result is not None:
            kept.store(index, outcome.result)
        return outcome

    def tell(index: int, outcome: Outcome) -> None:
        outcomes[index] = outcome
        level = logging.INFO if outcome.error is None else logging.WARNING
        _log.log(level, "Run %d of %d: %s", index + 1, len(settings), outcome)
        for callback in callbacks:
            callback(outcome)

    for index, each in enumerate(settings):
        if kept is not None and (result := kept.load(index)) is not None:
            tell(index, Outcome(each, result))
    waiting = [index for index in range(len(settings)) if index not in outcomes]
    futures: dict[Future[Result], int] = {}
    try:
        for index in waiting:
            if executor is None:
                tell(index, keep(index, partial(run, **settings[index])))
            else:
                futures[executor.submit(run, **settings[index])] = index
        for future in as_completed(futures):
            tell(futures[future], keep(futures[future], future.result))
    finally:  # of an interruption: nothing new, and what has finished unseen is kept
        for future, index in futures.items():
            if not future.cancel() and future.done() and index not in outcomes:
                with suppress(KeyboardInterrupt, SystemExit):  # the worker's own
                    keep(index, future.result)
    return [outcomes[index] for index in range(len(settings))]


def _outcome(settings: dict[str, Any], call: Callable[[], Result]) -> Outcome:
    try:
        result = call()
        if not isinstance(result, Result):
            raise TypeError(f"run: expected it to return a Result, got {type(result).__name__}.")
    except Exception as error:
        return Outcome(settings, error=error)
    if result.reason.startswith(_INTERRUPTED):
        raise KeyboardInterrupt(result.reason)
    return Outcome(settings, result)


def _combinations(grid: Mapping[str, Iterable[Any]]) -> list[dict[str, Any]]:
    """The settings of every run, in order."""
    if not isinstance(grid, Mapping) or not grid or not all(isinstance(n, str) for n in grid):
        raise OptionError(
            f"grid: expected the values of each setting by its name, as {{'seed': [0, 1]}}, "
            f"got {grid!r}."
        )
    for name, values in grid.items():
        if isinstance(values, str | bytes | Mapping | Set) or not isinstance(values, Iterable):
            raise OptionError(
                f"grid: expected a list of values for {name!r}, got {values!r}; "
                f"write one value as [value]."
            )
    sequences = [tuple(values) for values in grid.values()]
    for name, values in zip(grid, sequences, strict=True):
        if not values:
            raise OptionError(f"grid: expected a list of values for {name!r}, got none.")
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*sequences)]


def _check_picklable(run: Callable[..., Result], settings: list[dict[str, Any]]) -> None:
    try:
        pickle.dumps((run, settings))
    except Exception as error:  # what a pickle raises is up to its objects
        raise OptionError(
            f"executor: run or its settings cannot be sent to another process ({error}); "
            f"make run a function at the top of a module, or use threads."
        ) from error


class _Folder:
    """The files of a sweep, one for each run."""

    def __init__(self, folder: str | PathLike[str], settings: list[dict[str, Any]]) -> None:
        self.keys = [_canonical(each) for each in settings]
        if len(set(self.keys)) < len(self.keys):
            twice = next(key for key in self.keys if self.keys.count(key) > 1)
            raise OptionError(f"grid: two runs have the settings {twice}; leave one of them out.")
        self.paths = [
            _as_path(folder) / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npz"
            for key in self.keys
        ]
        try:
            make_folder(_as_path(folder))
        except (OSError, ValueError) as error:
            raise OptionError(f"folder: {folder} cannot be written to ({error}).") from error

    def store(self, index: int, result: Result) -> None:
        """Write a result, whole or not at all; a disk that refuses does not end the sweep."""
        try:
            record = {**vars(result), "history": [vars(entry) for entry in result.history]}
            picture = images.as_image(record.pop("image"), any_range=True)
            inputs = {_INPUT + key: each for key, each in record.pop("pictures").items()}
            record = {"settings": json.loads(self.keys[index]), "result": record}
            text = json.dumps(record, default=_number)
            with atomic(self.paths[index]) as part:
                document = np.frombuffer(text.encode(), np.uint8)
                np.savez(part, image=picture, record=document, **inputs)
        except (OSError, TypeError, ValueError) as error:
            _log.warning("The result of %s could not be kept: %s", self.keys[index], error)

    def load(self, index: int) -> Result | None:
        """The result of an earlier sweep, if there is one."""
        path = self.paths[index]
        if not path.exists():
            return None
        try:
            with open_file(path) as file, np.load(file, allow_pickle=False) as archive:
                _check_bytes(archive)
                record = json.loads(archive["record"].tobytes())
                picture = images.as_image(archive["image"], any_range=True)
                inputs = {
                    name.removeprefix(_INPUT): archive[name]
                    for name in archive.files
                    if name.startswith(_INPUT)
                }
            if _canonical(record["settings"]) != self.keys[index]:
                raise ValueError(f"it has the settings {record['settings']}")
            values = record["result"]
            values["history"] = tuple(_checked(Entry(**entry)) for entry in values["history"])
            return _checked(Result(image=picture, pictures=inputs, **values))
        except Exception as error:  # a damaged archive raises whatever its bytes lead to
            _log.warning(
                "%s is no result of %s, which is made again: %s", path, self.keys[index], error
            )
            return None


def _as_path(folder: Any) -> Path:
    try:
        return Path(folder)
    except TypeError as error:
        raise OptionError(f"folder: expected a path, got {folder!r}.") from error


def _check_bytes(archive: Any) -> None:
    """Refuse an archive that unpacks to more than the largest picture takes."""
    most = 12 * (PIL.Image.MAX_IMAGE_PIXELS or np.inf) + 2**26
    if sum(member.file_size for member in archive.zip.infolist()) > most:
        raise ValueError(f"it unpacks to more than {most:,} bytes")


def _checked(record: _Record) -> _Record:
    """What was read, if its values are of the kinds that it is made of."""
    for name, value in vars(record).items():
        if name in ("loss", "seconds"):
            fits = isinstance(value, int | float)
        elif name in ("terms", "weighted"):
            fits = isinstance(value, dict) and all(
                isinstance(each, int | float) for each in value.values()
            )
        elif name == "reason":
            fits = isinstance(value, str)
        else:
            fits = name in ("image", "history", "pictures", "record") or (
                isinstance(value, int) and value >= 0
            )
        if not fits:
            raise ValueError(f"its {name} is {value!r}")
    return record


def _canonical(settings: dict[str, Any]) -> str:
    """The same text for the same settings, whatever their order."""
    try:
        return json.dumps(settings, sort_keys=True, allow_nan=False, default=_number)
    except (TypeError, ValueError, RecursionError) as error:
        raise OptionError(
            f"grid: the settings {settings} cannot be written as JSON for the folder ({error}); "
            f"use numbers, texts and lists of them, as names of what they stand for."
        ) from error


def _number(value: object) -> Any:
    """A NumPy scalar as Python's, for JSON."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is no JSON")
