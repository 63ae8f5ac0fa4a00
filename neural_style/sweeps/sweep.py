"""`sweep`: one run for each combination of settings, saved when it finishes.

    outcomes = sweep(run, {"seed": range(3), "size": [128, 224]}, folder="out/sweep")

``run`` is any function of the settings, as keywords, that returns a `Result`. An `Outcome`
has the settings of one combination, and its result or the exception that the run raised.
With a folder, every result is saved to a file when its run finishes. If the sweep is started
again, it runs only what is missing there, or what was made with other pictures, other code or
other versions (`neural_style.sweeps.store`).
"""

from __future__ import annotations

import itertools
import logging
import pickle
from collections.abc import Callable, Iterable, Mapping, Set
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from os import PathLike
from typing import Any

from neural_style.errors import OptionError, check_callables
from neural_style.runs.result import Ending, Result
from neural_style.sweeps.store import ResultStore
from neural_style.sweeps.workers import Workers

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Outcome:
    """One run of a sweep: its ``settings``, and a ``result`` or an ``error``."""

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
    version: str | None = None,
    callbacks: Iterable[Callable[[Outcome], object]] = (),
) -> list[Outcome]:
    """Run every combination of settings.

    Parameters
    ----------
    run
        A function that is called as ``run(seed=0, size=128)``. For a pool of processes it must be
        picklable: a function at the top level of a module. Start these processes by ``spawn``,
        because TensorFlow does not survive a fork.
    grid
        The values of every setting. The last setting varies fastest.
    executor
        Any `concurrent.futures.Executor`. It gets all runs at once. By default, this thread runs
        them one after the other. For a grid of many picture sizes, use `neural_style.Workers()`,
        because each size stays in the memory of a process.
    folder
        Where results are saved and searched for. It is created if it is missing. Each result is
        saved with digests of everything that it depends on: the code of ``run`` and of the
        functions that it calls, the pictures and other values that they read, and the versions
        (`neural_style.sweeps.fingerprints` lists what is included and what is not). If any digest
        changes, the run is repeated, and the log says what changed. The old file is kept until
        the new one is written.
    version
        With a folder: a text that represents all values that ``run`` reads and that have no
        digest, such as a lock or an open file. Without ``version``, such a value is an error.
        Values with a digest still count. If ``version`` changes, the run is repeated.
    callbacks
        Functions that this thread calls with each `Outcome`, first with those from the folder.

    Returns
    -------
    list of Outcome
        The outcomes in the order of the grid. If a run raises an exception, that is its
        ``error``, and the other runs continue. Failures are not saved, so the next sweep tries
        them again.

    Raises
    ------
    OptionError
        Before the first run: the grid is invalid; two of its combinations are equal; its
        settings cannot be written as JSON; the folder cannot be created; a value has no digest
        and there is no ``version``; or the executor is invalid or cannot accept ``run``.
    KeyboardInterrupt, SystemExit
        Immediately. Finished results are in the folder. Runs that an executor has not started are
        canceled.

    Examples
    --------
    >>> from neural_style import images
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
            f"executor: expected a concurrent.futures.Executor, such as ThreadPoolExecutor(), or "
            f"None, got {executor!r}."
        )
    if isinstance(executor, ProcessPoolExecutor | Workers):
        _check_picklable(run, settings)
    callbacks = check_callables("callbacks", callbacks)
    store = None if folder is None else ResultStore(folder, settings, run, version)
    outcomes: dict[int, Outcome] = {}

    def keep(index: int, call: Callable[[], Result]) -> Outcome:
        outcome = _outcome(settings[index], call)
        if store is not None and outcome.result is not None:
            store.save(index, outcome.result)
        return outcome

    def tell(index: int, outcome: Outcome) -> None:
        outcomes[index] = outcome
        level = logging.INFO if outcome.error is None else logging.WARNING
        _log.log(level, "Run %d of %d: %s", index + 1, len(settings), outcome)
        for callback in callbacks:
            callback(outcome)

    for index, each in enumerate(settings):
        if store is not None and (result := store.load(index)) is not None:
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
    finally:  # after an interruption: start no new run, and save finished results
        for future, index in futures.items():
            if not future.cancel() and future.done() and index not in outcomes:
                with suppress(KeyboardInterrupt, SystemExit):  # raised by the worker's run
                    keep(index, future.result)
    return [outcomes[index] for index in range(len(settings))]


def _outcome(settings: dict[str, Any], call: Callable[[], Result]) -> Outcome:
    try:
        result = call()
        if not isinstance(result, Result):
            raise TypeError(f"run: expected it to return a Result, got {type(result).__name__}.")
    except Exception as error:
        return Outcome(settings, error=error)
    if result.ending is Ending.INTERRUPTED:
        raise KeyboardInterrupt(result.reason)
    if result.ending is Ending.TERMINATED:
        raise SystemExit(result.ending.exit_code)
    return Outcome(settings, result)


def _combinations(grid: Mapping[str, Iterable[Any]]) -> list[dict[str, Any]]:
    """The settings of every run, in order."""
    if not isinstance(grid, Mapping) or not grid or not all(isinstance(n, str) for n in grid):
        raise OptionError(
            f"grid: expected a dict of names and values, such as {{'seed': [0, 1]}}, got {grid!r}."
        )
    for name, values in grid.items():
        if isinstance(values, str | bytes | Mapping | Set) or not isinstance(values, Iterable):
            raise OptionError(
                f"grid: expected a list of values for {name!r}, got {values!r}; "
                f"write a single value as [value]."
            )
    sequences = [tuple(values) for values in grid.values()]
    for name, values in zip(grid, sequences, strict=True):
        if not values:
            raise OptionError(f"grid: expected a list of values for {name!r}, got an empty list.")
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*sequences)]


def _check_picklable(run: Callable[..., Result], settings: list[dict[str, Any]]) -> None:
    try:
        pickle.dumps((run, settings))
    except Exception as error:  # an object can raise any exception when it is pickled
        raise OptionError(
            f"executor: run or its settings cannot be sent to another process ({error}); "
            f"make run a function at the top level of a module, or use threads."
        ) from error
