"""The rounds of a run, in one file because all of it reads and changes the same counters.

A `Run` has the counters, the best picture, and its state as a value.

    run = Run(scales, variables, callbacks, checkpoints)
    run.restore(state, driver(), periods)           # to resume a run
    why = run.scales(driver, image, periods)        # every scale, every round
    run.result(seed, why)

`neural_style.runs.minimize` explains what a round is and what ends a run.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neural_style import images
from neural_style.errors import CheckpointError, NonFiniteLossError, RecordError, advice
from neural_style.images import Image
from neural_style.objective.objective import Evaluation
from neural_style.optimizers.base import Driver, RoundOver
from neural_style.optimizers.parameterization import Parameterization
from neural_style.runs import state as states
from neural_style.runs.average import Average
from neural_style.runs.checkpoint import Checkpoints, State
from neural_style.runs.interrupts import Interrupts
from neural_style.runs.result import Ending, Entry, Result, Step
from neural_style.runs.scales import Scale

Callback: TypeAlias = Callable[[Step], object]
Verbose: TypeAlias = Literal["auto"] | bool


@contextmanager
def _of_this_run() -> Iterator[None]:
    """Turn an error in a state into a `CheckpointError`."""
    try:
        yield
    except (RecordError, ValueError) as error:
        raise CheckpointError(
            f"this checkpoint does not belong to this run ({error}): begin it again with "
            f"{advice('neural_style.rerun', 'neural-style rerun')} of the folder, which gives the "
            f"same picture."
        ) from error


class Stopped(NamedTuple):
    """Why a run ended, in words and as a value."""

    reason: str
    ending: Ending


class _Stop(Exception):
    """Ends a run."""

    def __init__(self, why: Stopped) -> None:
        super().__init__(why.reason)
        self.why = why


class _Best(NamedTuple):
    image: Image
    loss: float
    terms: dict[str, float]
    weighted: dict[str, float]
    round: int
    scale: int


class _Refresh(NamedTuple):
    """One measurement of targets: its round, its picture, and the terms that were due."""

    round: int
    image: Image
    due: tuple[int, ...]


class Run:
    """The counters of a run, and the best picture of its current round."""

    def __init__(
        self,
        scales: list[Scale],
        variables: Parameterization,
        callbacks: tuple[Callback, ...],
        checkpoints: Checkpoints | None,
        average: Average | None = None,
        margin: int = 0,
    ) -> None:
        self.pending = scales
        self.average = average
        self.margin = margin  # at the size of the start
        self.several = len(scales) > 1
        self.variables = variables
        self.objective = scales[0].objective
        self.budget = sum(scale.budget for scale in scales)
        self.size = scales[-1].size
        self.callbacks = callbacks
        self.checkpoints = checkpoints
        self.interrupts = Interrupts()
        self.began = time.perf_counter()
        self.scale = 0
        self.evaluation = 0
        self.round = 0
        self.end = 0  # of the scale, of the round, in evaluations
        self.round_end = 0
        self.due_at: dict[int, int] = {}
        self.first = 0  # the round's first entry of the history
        self.began_at: Image | None = None  # the picture that the round began with
        self.refreshes: list[_Refresh] = []  # those of the scale that count, and its first
        self.history: list[Entry] = []
        self.last: tuple[Image, Evaluation] | None = None
        self.broken: tuple[int, Image] | None = None  # not finite, and no iterate after it
        self.best: _Best | None = None
        self.restored: Driver | None = None  # of the scale to go on with

    def scales(
        self, driver: Callable[[], Driver], image: Image, periods: dict[int, int]
    ) -> Stopped:
        """Run scale after scale, or until something ends the run; return why it ended.

        ``periods`` are evaluations between refreshes, by the index of the term.
        """
        try:
            while True:
                scale = self.pending.pop(0)  # with its targets, once it is done
                self.objective = scale.objective
                if self.restored is None:
                    image = images.resize(image, size=scale.size, any_range=True)
                why = self._rounds(self.restored or driver(), image, periods, scale.budget)
                self._end_with_average()
                if not self.pending:
                    height, width = (side - 2 * self.margin for side in scale.size)
                    where = f" at {height}×{width}" if self.several else ""
                    used = f"the budget of {scale.budget} evaluations{where} was used"
                    return why or Stopped(used, Ending.BUDGET)
                image = images.whole_if_dark(np.clip(self._best().image, 0, 255))
                self.scale += 1
                self.round += 1
        except _Stop as stop:
            return stop.why
        except (KeyboardInterrupt, SystemExit) as error:
            # Of a handler that is not ours, in another thread, or in what a callback began.
            own = self.interrupts.asked or isinstance(error, KeyboardInterrupt)
            if self.best is None or self.interrupts.twice or not own:
                raise
            return self.interrupted()

    def _rounds(
        self, driver: Driver, image: Image, periods: dict[int, int], budget: int
    ) -> Stopped | None:
        """Run the rounds of a scale; return why the driver stopped, or None if it did not."""
        if self.restored is None:
            self.end = self.evaluation + budget - (self.average is not None)
            if self.average is not None:
                self.average.clear()
            self.due_at = dict.fromkeys(periods, self.evaluation)
            self.refreshes = []
            self._begin_round(image, periods)
        else:
            assert self.began_at is not None  # a state has it
            image = self.began_at
            self.restored = None
        self.driver = driver
        while True:
            if not driver.keeps_state:
                self._checkpoint()
            try:
                stopped = driver(self.evaluate, self.accept, self.variables.encode(image))
            except RoundOver as over:
                resumed = driver.resumes_there
                image = self.variables.decode(over.x) if resumed else self._best().image
            else:
                began = self.history[self.first :]
                if not self.due_at or not began or self._best().loss >= began[0].loss:
                    if self.broken is None:
                        return Stopped(stopped, Ending.CONVERGED)
                    return Stopped(f"{stopped}; {self._breakage()}", Ending.NOT_FINITE)
                image = self._best().image
                self.due_at = dict.fromkeys(self.due_at, self.evaluation)
            if self.evaluation >= self.end:
                return None
            image = np.clip(image, 0, 255)
            self.round += 1
            self._begin_round(image, periods)

    def _begin_round(self, image: Image, periods: dict[int, int]) -> None:
        """Refresh the targets that are due at a picture, and start the counts of a round."""
        due = tuple(i for i, at in self.due_at.items() if at <= self.evaluation)
        self._refresh(_Refresh(self.round, image, due))
        self.due_at.update((i, self.evaluation + periods[i]) for i in due)
        self.round_end = min([self.end, *self.due_at.values()])
        self.first = len(self.history)
        self.began_at = image
        self.broken = None

    def _refresh(self, refresh: _Refresh) -> None:
        """Measure targets, record this, and drop the records of measurements that it replaces."""
        self.objective.refresh(refresh.image, round=refresh.round, only=refresh.due)
        # The first has measured the fixed targets, too.
        kept = [r for r in self.refreshes[1:] if not set(r.due) <= set(refresh.due)]
        self.refreshes = [*self.refreshes[:1], *kept, refresh]

    def state(self, driver: Mapping[str, Any]) -> State:
        """The whole state of the run, with the driver's, which is empty between two rounds."""
        document: dict[str, Any] = {
            "scale": self.scale,
            "evaluation": self.evaluation,
            "round": self.round,
            "end": self.end,
            "round_end": self.round_end,
            "due_at": [{"term": i, "evaluation": at} for i, at in self.due_at.items()],
            "first": self.first,
            "seconds": time.perf_counter() - self.began,
            "refreshes": [{"round": each.round, "due": each.due} for each in self.refreshes],
            "terms": [term.name for term in self.objective.terms],
            "best": None,
        }
        assert self.began_at is not None  # within a round
        arrays: dict[str, Any] = {"began_at": self.began_at, "history": _table(self.history)}
        arrays |= {f"refresh.{i}": each.image for i, each in enumerate(self.refreshes)}
        arrays |= {f"driver.{name}": np.asarray(value) for name, value in driver.items()}
        if self.average is not None:
            document["averaged"] = self.average.count
            arrays["average"] = self.average.total
        if self.best is not None:
            document["best"] = self.best._asdict()
            arrays["best"] = document["best"].pop("image")
        return State(document, arrays)

    def restore(self, state: State, driver: Driver, periods: Mapping[int, int]) -> None:
        """Resume from `state` with this driver; targets are measured again at the same pictures.

        Raises
        ------
        CheckpointError
            The state does not belong to this run.
        """
        known, arrays = state
        terms = [term.name for term in self.objective.terms]
        sizes = [scale.size for scale in self.pending]
        with _of_this_run():
            states.check(state, sizes=sizes, terms=terms, periods=periods, budget=self.budget)
            if (self.average is None) != ("averaged" not in known):
                raise ValueError("its average differs")
            if self.average is not None:
                self.average.count, self.average.total = known["averaged"], arrays["average"]
            if driver.keeps_state:
                driver.restore(states.of_driver(arrays), arrays["began_at"].shape)
        self.restored = driver
        for name in ("scale", "evaluation", "round", "end", "round_end", "first"):
            setattr(self, name, known[name])
        self.due_at = {each["term"]: each["evaluation"] for each in known["due_at"]}
        self.began = time.perf_counter() - known["seconds"]
        self.began_at = arrays["began_at"]
        self.history = _entries(arrays["history"], known["terms"])
        if known["best"] is not None:
            self.best = _Best(arrays["best"], **known["best"])
        self.interrupts.ready = self.best is not None
        del self.pending[: self.scale]
        self.objective = self.pending[0].objective
        for i, each in enumerate(known["refreshes"]):
            self._refresh(_Refresh(each["round"], arrays[f"refresh.{i}"], tuple(each["due"])))

    def evaluate(self, x: Image) -> tuple[float, Image]:
        """The objective as a function of the optimizer's variables, counted and checked."""
        if self.interrupts.asked and self.best is not None:
            raise _Stop(self.interrupted())
        if self.evaluation >= self.round_end:
            raise RoundOver(x)
        image = self.variables.decode(x)
        value = self.objective(image)
        self.evaluation += 1
        gradient = self.variables.pull(value.gradient) if value.finite else value.gradient
        if not np.isfinite(gradient).all() or not value.finite:
            self.broken = self.evaluation, image
            if self.best is None:
                raise NonFiniteLossError(f"{self._breakage()}; check the weights and the start.")
            return math.inf, np.zeros_like(x)
        self.last = image, value
        if self.best is None or self.best.round < self.round or value.loss < self.best.loss:
            self._keep(image, value)
        return value.loss, gradient

    def _keep(self, image: Image, value: Evaluation) -> None:
        """Make a picture the best one."""
        own = value.loss, value.terms, value.weighted
        self.best = _Best(image, *own, self.round, self.scale)
        self.interrupts.ready = True

    def _end_with_average(self) -> None:
        """Evaluate the average of the scale's iterates, which becomes the best picture."""
        if self.average is None or not self.average.count:
            return
        if self.interrupts.asked:
            raise _Stop(self.interrupted())
        image = self.average.picture()
        value = self.objective(image)
        self.evaluation += 1
        if value.finite:
            self.last = image, value
            self._keep(image, value)
            self._report()

    def _breakage(self) -> str:
        """Which terms were not finite, at the last evaluation where the loss was not."""
        assert self.broken is not None
        evaluation, image = self.broken
        names = ", ".join(self.objective.broken_terms(image)) or "the sum of the terms"
        return f"the loss is not finite at evaluation {evaluation}: {names}"

    def accept(self) -> None:
        """Pass the picture evaluated last to the average, the report and the checkpoint."""
        assert self.last is not None
        self.broken = None
        if self.average is not None:
            self.average.add(self.last[0])
        self._report()
        if self.driver.keeps_state:
            self._checkpoint()

    def _report(self) -> None:
        """Pass the picture evaluated last to the history and the callbacks."""
        assert self.last is not None
        image, value = self.last
        entry = Entry(
            evaluation=self.evaluation,
            round=self.round,
            loss=value.loss,
            terms=dict(value.terms),
            weighted=dict(value.weighted),
            seconds=time.perf_counter() - self.began,
            scale=self.scale,
        )
        self.history.append(entry)
        for callback in self.callbacks:
            own = vars(entry) | {"terms": dict(entry.terms), "weighted": dict(entry.weighted)}
            margin = round(self.margin * max(image.shape[:2]) / max(self.size))
            shown = images.whole_if_dark(images.trimmed(np.clip(image, 0, 255), margin))
            self._tell(callback, Step(**own, evaluations=self.budget, image=shown))

    def _tell(self, callback: Callback, step: Step) -> None:
        try:
            callback(step)
        except StopIteration as stop:
            why = f": {stop}" if str(stop) else ""
            reason = f"a callback stopped it at evaluation {self.evaluation}{why}"
            raise _Stop(Stopped(reason, Ending.STOPPED)) from None

    def _checkpoint(self) -> None:
        """Write the state if it is due, or if a signal is about to end the run."""
        due = self.checkpoints is not None and self.checkpoints.is_due(self.evaluation)
        if self.checkpoints is not None and (due or self.interrupts.asked):
            self.checkpoints.write(
                self.state(self.driver.state() if self.driver.keeps_state else {})
            )

    def interrupted(self) -> Stopped:
        """The reason and the ending of a run that a signal ends."""
        ending = self.interrupts.asked or Ending.INTERRUPTED
        by = "SIGTERM" if ending is Ending.TERMINATED else "Ctrl-C"
        return Stopped(f"{ending} ({by}) after {self.evaluation} evaluations", ending)

    def result(self, seed: int, why: Stopped) -> Result:
        """The outcome so far, resized to the start's size, without the margin."""
        best = self._best()
        image = images.whole_if_dark(np.clip(best.image, 0, 255))
        image = images.resize(image, size=self.size, any_range=True)
        return Result(
            image=images.whole_if_dark(images.trimmed(np.clip(image, 0, 255), self.margin)),
            loss=best.loss,
            terms=dict(best.terms),
            weighted=dict(best.weighted),
            history=tuple(self.history),
            evaluations=self.evaluation,
            rounds=best.round + 1,
            seconds=time.perf_counter() - self.began,
            seed=seed,
            reason=why.reason,
            scale=best.scale,
            ending=why.ending,
        )

    def _best(self) -> _Best:
        assert self.best is not None  # every path here has evaluated once
        return self.best


def _table(history: Sequence[Entry]) -> NDArray[np.float64]:
    """A history as numbers, one entry in each row."""
    rows = [
        (e.evaluation, e.round, e.scale, e.seconds, e.loss, *e.terms.values(), *e.weighted.values())
        for e in history
    ]
    return np.array(rows, np.float64).reshape(len(rows), -1)


def _entries(table: NDArray[np.float64], names: Sequence[str]) -> list[Entry]:
    """The history again, with terms of these names."""
    entries = []
    for evaluation, round, scale, seconds, loss, *values in table.tolist():
        terms = dict(zip(names, values[: len(names)], strict=True))
        weighted = dict(zip(names, values[len(names) :], strict=True))
        counts = int(evaluation), int(round)
        entries.append(Entry(*counts, loss, terms, weighted, seconds, int(scale)))
    return entries
