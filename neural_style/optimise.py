"""`minimise`: rounds of an optimiser on the objective.

Within a round every target is frozen, so that the optimiser sees one smooth function.
Between rounds the targets that are due are refreshed and the pixels clipped to 0–255.
A term with ``refresh_every=k`` is due k evaluations after its last refresh; with
nothing to refresh a run is one round, unless it is restarted every so many
evaluations. Where the optimiser stops by itself in a round that made progress, and there
is another to come, the next begins at once.

A run with several scales has such rounds at each, from coarse to fine, with an optimiser and
targets of its own; its counters go on.

A callback is any callable of a `Step`; it is told at every accepted iterate and may
raise `StopIteration` to end the run. One that is also a context manager is entered
before the run and left after it.

Nothing that a run has reached is lost: at accepted iterates its state is a value, which
`neural_style.checkpoints` writes and `neural_style.resume` goes on from; and an exception
that ends it carries the result so far.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neural_style import color, images, optimisers
from neural_style import record as records
from neural_style.checkpoints import Checkpoints, State
from neural_style.errors import (
    NonFiniteLossError,
    OptionError,
    StyleError,
    check_callables,
    check_count,
)
from neural_style.estimates import Tile, fitting
from neural_style.features import FeatureModel, check_model
from neural_style.images import Image
from neural_style.interrupts import Interrupts
from neural_style.losses import Loss, WeightedSum, terms_of
from neural_style.objective import Evaluation
from neural_style.optimisers import LBFGS, RoundOver
from neural_style.parameterisation import Parameterisation, Pixels, resolve
from neural_style.result import Entry, Result, Step
from neural_style.scales import Scale, plan

Callback: TypeAlias = Callable[[Step], object]

_RESTART = -1  # what has a period without being a term


def minimise(
    loss: Loss | WeightedSum,
    features: FeatureModel,
    start: Image,
    *,
    scales: Sequence[int] = (),
    evaluations: int | Sequence[int] = 300,
    optimiser: Any = None,
    restart_every: int | None = None,
    clip: Literal["round", "step"] = "round",
    parameterisation: str | Parameterisation = "pixels",
    callbacks: Iterable[Callback] = (),
    seed: int = 0,
    tile: Tile = None,
    chroma: Image | None = None,
    output: str | os.PathLike[str] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 50,
) -> Result:
    """Find a picture of low loss.

    Parameters
    ----------
    loss
        A loss or a weighted sum of losses.
    features
        The feature model that they read.
    start
        The picture to start from, H×W×3, RGB: a photo, or `images.noise`.
    scales
        Long sides in pixels, increasing, for a run from coarse to fine: each scale begins
        with the picture of the one before, resized, and the first with ``start``, resized.
        References are resized with it (`Loss.resized`). The last scale is the start's own
        size, named or not; by default there is no other. Weights are the same at all.
    evaluations
        The budget: how often value and gradient are computed, at most, at every scale; or a
        sequence of one budget for each scale, that of the start's own size among them. What
        a scale that converges leaves of its own is not spent.
    optimiser
        `LBFGS` by default, or any `keras.optimizers.Optimizer`, which takes one step an
        evaluation in units of 0–255 pixels (Adam(0.1) is a usual choice).
    restart_every
        Begin a new round after so many evaluations even where nothing is to be refreshed,
        as some published runs do.
    clip
        When pixels are clipped to 0–255: between rounds, or, for a Keras optimizer, after
        every ``"step"``.
    parameterisation
        The variables that the optimiser moves: ``"pixels"``, ``"frequencies"``
        (`neural_style.parameterisation.Frequencies`), or any `Parameterisation`. Callbacks
        and the result have pictures all the same.
    callbacks
        Callables of a `Step`.
    seed
        Of the random generators that losses may use for their targets. The same seed on
        the same machine gives the same picture, bit for bit.
    tile
        The longest side, in pixels, of what is evaluated at once; a larger picture is
        evaluated in tiles, to the same numbers but for float32 rounding. The larger, the
        fewer pixels are computed twice. None: always whole. ``"auto"``: whole if that fits
        into the memory that is free, and else the largest tile that does.
    chroma
        A picture of the start's size whose colours the result gets, of one that is made in
        grey (`neural_style.color.recolour`).
    output
        Where to save the picture. Checked before the run.
    checkpoint
        A folder, new to this run, to write its state to, so that `neural_style.resume` goes on
        with it should its process end. It changes no bit of the picture.
    checkpoint_every
        After about how many evaluations a new state is written: some 2 × 20 pictures in float32
        with `LBFGS`, two or three with Adam. Of `SciPyLBFGS`, only between rounds.

    Returns
    -------
    Result
        Also after Ctrl-C, a callback's `StopIteration` or a loss that is not finite, which
        end the run at whatever scale it is: the best picture so far, with the reason. It has
        the start's size in any case. A second Ctrl-C is `KeyboardInterrupt`, at once.

    Raises
    ------
    StyleError
        Something does not fit; before the first evaluation wherever it can be known then.
    MemoryLimitError
        The run clearly needs more memory than is free; said before it starts.
    NonFiniteLossError
        The loss is not finite at the start.
    CheckpointError
        There is a run in the checkpoint's folder already, or the disk refuses a state.

    Whatever a callback raises, or the disk, passes through, once ``output`` has the best picture
    so far; the exception has the result as its attribute ``result``, and a note that says so.

    Examples
    --------
    >>> from neural_style.extensions import TotalVariation
    >>> result = minimise(TotalVariation("squared"), FeatureModel(weights=None),
    ...                   images.noise((8, 8)), evaluations=20)
    >>> result.evaluations, result.reason
    (20, 'the budget of 20 evaluations was used')
    """
    checkpoints = None
    if checkpoint is not None:
        checkpoints = Checkpoints(checkpoint, checkpoint_every, output)
    return run(
        loss,
        features,
        start,
        scales=scales,
        evaluations=evaluations,
        optimiser=optimiser,
        restart_every=restart_every,
        clip=clip,
        parameterisation=parameterisation,
        callbacks=callbacks,
        seed=seed,
        tile=tile,
        chroma=chroma,
        output=output,
        checkpoints=checkpoints,
    )


def run(
    loss: Loss | WeightedSum,
    features: FeatureModel,
    start: Image,
    *,
    scales: Sequence[int],
    evaluations: int | Sequence[int],
    optimiser: Any,
    restart_every: int | None,
    clip: Literal["round", "step"],
    parameterisation: str | Parameterisation,
    callbacks: Iterable[Callback],
    seed: int,
    tile: Tile,
    chroma: Image | None,
    output: str | os.PathLike[str] | None,
    checkpoints: Checkpoints | None,
) -> Result:
    """`minimise`, with the folder of a new run or of one that goes on."""
    start = images.as_image(start, "start", any_range=True)
    terms_of(loss)
    check_model(features)
    callbacks = check_callables("callbacks", callbacks)
    optimiser = LBFGS() if optimiser is None else optimiser
    if restart_every is not None:
        check_count("restart_every", restart_every)
    if clip not in ("round", "step"):
        raise OptionError(f"clip: expected 'round' or 'step', got {clip!r}.")
    driver = functools.partial(optimisers.driver, optimiser, clip_steps=clip == "step")
    resumes_there = driver().resumes_there
    variables = resolve(parameterisation)
    if clip == "step" and not isinstance(variables, Pixels):
        raise OptionError(
            "clip='step' is for pixels: use clip='round', or parameterisation='pixels'."
        )
    if output is not None:
        images.check_output(output)
    size = start.shape[0], start.shape[1]
    tile = fitting(loss, features, size, tile, optimiser)
    planned = plan(loss, features, size, scales, evaluations, seed=seed, tile=tile)
    periods = {i: t.loss.refresh_every for i, t in enumerate(loss.terms_of_sum())}
    periods[_RESTART] = restart_every
    if not resumes_there and 1 in periods.values():
        raise OptionError(
            "a round of one evaluation leaves L-BFGS none to move in: set refresh_every and "
            "restart_every higher, or use a Keras optimizer."
        )
    record, pictures = records.describe(
        WeightedSum(loss.terms_of_sum()),
        features,
        start,
        chroma,
        optimiser=optimiser,
        variables=variables,
        scales=scales,
        evaluations=evaluations,
        restart_every=restart_every,
        clip=clip,
        seed=seed,
        tile=tile,
    )
    state = None if checkpoints is None else checkpoints.begin(record, pictures)
    running = _Run(planned, variables, callbacks, checkpoints)
    if state is not None:
        running.restore(state)

    def finished(reason: str) -> Result:
        result = running.result(seed, reason)
        if chroma is not None:
            result = replace(result, image=color.recolour(result.image, chroma))
        own = {**record, "outcome": records.outcome(result)}
        return replace(result, record=own, pictures=pictures)

    reason = None
    with running.interrupts:
        try:
            with ExitStack() as stack:
                for callback in running.callbacks:
                    if isinstance(callback, AbstractContextManager):
                        stack.enter_context(callback)
                reason = running.scales(driver, start, {i: n for i, n in periods.items() if n})
            result = finished(reason)
            if output is not None:
                result.save(output)
        except Exception as error:
            if running.best is not None:
                message = f"{type(error).__name__} after {running.evaluation} evaluations"
                _rescue(error, finished(reason or message), output)
            raise
    return result


def _rescue(error: Exception, result: Result, output: str | os.PathLike[str] | None) -> None:
    """Keep what a run has reached, whatever ended it."""
    error.result = result  # type: ignore[attr-defined]
    error.add_note("The best picture so far is in this exception's attribute: error.result.image")
    if output is not None:
        try:
            error.add_note(f"and in {result.save(output)}")
        except StyleError as problem:
            error.add_note(f"but not in a file: {problem}")


class _Stop(Exception):
    """Ends a run; the text is the reason."""


class _Best(NamedTuple):
    image: Image
    loss: float
    terms: dict[str, float]
    weighted: dict[str, float]
    round: int
    scale: int


class _Refresh(NamedTuple):
    """When targets were measured: in which round, at which picture, of which terms."""

    round: int
    image: Image
    due: tuple[int, ...]


class _Run:
    """The counters of a run, and the best picture of its current round."""

    def __init__(
        self,
        scales: list[Scale],
        variables: Parameterisation,
        callbacks: tuple[Callback, ...],
        checkpoints: Checkpoints | None,
    ) -> None:
        self.pending = scales
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
        self.best: _Best | None = None
        self.restored: optimisers.State | None = None

    def scales(
        self, driver: Callable[[], optimisers.Driver], image: Image, periods: dict[int, int]
    ) -> str:
        """Run scale after scale, or until something ends the run; return why it ended.

        ``periods`` are evaluations between refreshes, by the index of the term.
        """
        try:
            while True:
                scale = self.pending.pop(0)  # with its targets, once it is done
                self.objective = scale.objective
                if self.restored is None:
                    image = images.resize(image, size=scale.size, any_range=True)
                reason = self._rounds(driver(), image, periods, scale.budget)
                if not self.pending:
                    where = f" at {scale.size[0]}×{scale.size[1]}" if self.several else ""
                    return reason or f"the budget of {scale.budget} evaluations{where} was used"
                image = np.clip(self._best().image, 0, 255)
                self.scale += 1
                self.round += 1
        except _Stop as stop:
            return str(stop)
        except KeyboardInterrupt:
            # Of a handler that is not ours, or in another thread; else it is the second.
            if self.best is None or self.interrupts.asked:
                raise
            return self._interrupted()

    def _rounds(
        self, driver: optimisers.Driver, image: Image, periods: dict[int, int], budget: int
    ) -> str | None:
        """Run the rounds of a scale; return why the driver stopped, None if it did not."""
        if self.restored is None:
            self.end = self.evaluation + budget
            self.due_at = dict.fromkeys(periods, self.evaluation)
            self.refreshes = []
            self._begin_round(image, periods)
        else:
            assert self.began_at is not None  # a state has it
            image = self.began_at
            if self.restored:
                driver.restore(self.restored)
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
                if not self.due_at or self._best().loss >= self.history[self.first].loss:
                    return stopped
                image = self._best().image
                self.due_at = dict.fromkeys(self.due_at, self.evaluation)
            if self.evaluation >= self.end:
                return None
            image = np.clip(image, 0, 255)
            self.round += 1
            self._begin_round(image, periods)

    def _begin_round(self, image: Image, periods: dict[int, int]) -> None:
        """Refresh what is due at a picture, and count from here."""
        due = tuple(i for i, at in self.due_at.items() if at <= self.evaluation)
        self._refresh(_Refresh(self.round, image, due))
        self.due_at.update((i, self.evaluation + periods[i]) for i in due)
        self.round_end = min([self.end, *self.due_at.values()])
        self.first = len(self.history)
        self.began_at = image

    def _refresh(self, refresh: _Refresh) -> None:
        """Measure targets, and keep when, in place of what they make void."""
        self.objective.refresh(refresh.image, round=refresh.round, only=refresh.due)
        # The first has measured the fixed targets, too.
        kept = [r for r in self.refreshes[1:] if not set(r.due) <= set(refresh.due)]
        self.refreshes = [*self.refreshes[:1], *kept, refresh]

    def state(self, driver: optimisers.State) -> State:
        """All that the run knows, with a driver's state, or none between two rounds."""
        document: dict[str, Any] = {
            "scale": self.scale,
            "evaluation": self.evaluation,
            "round": self.round,
            "end": self.end,
            "round_end": self.round_end,
            "due_at": list(self.due_at.items()),
            "first": self.first,
            "seconds": time.perf_counter() - self.began,
            "refreshes": [(refresh.round, refresh.due) for refresh in self.refreshes],
            "terms": [term.name for term in self.objective.terms],
            "best": None,
        }
        assert self.began_at is not None  # within a round
        arrays: dict[str, Any] = {"began_at": self.began_at, "history": _table(self.history)}
        arrays |= {f"refresh.{i}": each.image for i, each in enumerate(self.refreshes)}
        arrays |= {f"driver.{name}": np.asarray(value) for name, value in driver.items()}
        if self.best is not None:
            arrays["best"], *rest = self.best
            document["best"] = rest
        return State(document, arrays)

    def restore(self, state: State) -> None:
        """Go on from `state`, with targets measured again where they were."""
        known, arrays = state
        for name in ("scale", "evaluation", "round", "end", "round_end", "first"):
            setattr(self, name, known[name])
        self.due_at = dict(known["due_at"])
        self.began = time.perf_counter() - known["seconds"]
        self.began_at = arrays["began_at"]
        self.history = _entries(arrays["history"], known["terms"])
        if known["best"] is not None:
            self.best = _Best(arrays["best"], *known["best"])
        self.interrupts.ready = self.best is not None
        del self.pending[: self.scale]
        self.objective = self.pending[0].objective
        for i, (round, due) in enumerate(known["refreshes"]):
            self._refresh(_Refresh(round, arrays[f"refresh.{i}"], tuple(due)))
        prefix = "driver."
        self.restored = {
            name.removeprefix(prefix): value
            for name, value in arrays.items()
            if name.startswith(prefix)
        }

    def evaluate(self, x: Image) -> tuple[float, Image]:
        """The objective for the optimiser, of its variables, counted and checked."""
        if self.interrupts.asked:
            raise _Stop(self._interrupted())
        if self.evaluation >= self.round_end:
            raise RoundOver(x)
        image = self.variables.decode(x)
        value = self.objective(image)
        self.evaluation += 1
        if not value.finite:
            names = ", ".join(self.objective.broken_terms(image)) or "the sum of the terms"
            message = f"the loss is not finite at evaluation {self.evaluation}: {names}"
            if self.best is None:
                raise NonFiniteLossError(f"{message}; check the weights and the start.")
            raise _Stop(f"{message}; the picture is the best before it")
        self.last = image, value
        if self.best is None or self.best.round < self.round or value.loss < self.best.loss:
            own = value.loss, value.terms, value.weighted
            self.best = _Best(image, *own, self.round, self.scale)
            self.interrupts.ready = True
        return value.loss, self.variables.pull(value.gradient)

    def accept(self) -> None:
        """Tell the history and the callbacks of the picture evaluated last, and the disk."""
        assert self.last is not None
        image, value = self.last
        entry = Entry(
            evaluation=self.evaluation,
            round=self.round,
            loss=value.loss,
            terms=value.terms,
            weighted=value.weighted,
            seconds=time.perf_counter() - self.began,
            scale=self.scale,
        )
        self.history.append(entry)
        if self.callbacks:
            step = Step(**vars(entry), evaluations=self.budget, image=np.clip(image, 0, 255))
            for callback in self.callbacks:
                self._tell(callback, step)
        if self.driver.keeps_state:
            self._checkpoint()

    def _tell(self, callback: Callback, step: Step) -> None:
        try:
            callback(step)
        except StopIteration as stop:
            why = f": {stop}" if str(stop) else ""
            raise _Stop(f"a callback stopped it at evaluation {self.evaluation}{why}") from None

    def _checkpoint(self) -> None:
        """Write the state if it is due, or if Ctrl-C is about to end the run."""
        due = self.checkpoints is not None and self.checkpoints.is_due(self.evaluation)
        if self.checkpoints is not None and (due or self.interrupts.asked):
            self.checkpoints.write(
                self.state(self.driver.state() if self.driver.keeps_state else {})
            )

    def _interrupted(self) -> str:
        return f"interrupted (Ctrl-C) after {self.evaluation} evaluations"

    def result(self, seed: int, reason: str) -> Result:
        best = self._best()
        image = images.resize(np.clip(best.image, 0, 255), size=self.size, any_range=True)
        return Result(
            image=np.clip(image, 0, 255),
            loss=best.loss,
            terms=best.terms,
            weighted=best.weighted,
            history=tuple(self.history),
            evaluations=self.evaluation,
            rounds=best.round + 1,
            seconds=time.perf_counter() - self.began,
            seed=seed,
            reason=reason,
            scale=best.scale,
        )

    def _best(self) -> _Best:
        assert self.best is not None  # every path here has evaluated once
        return self.best


def _table(history: Sequence[Entry]) -> NDArray[np.float64]:
    """A history as numbers, an entry in a row."""
    rows = [
        (e.evaluation, e.round, e.scale, e.seconds, e.loss, *e.terms.values(), *e.weighted.values())
        for e in history
    ]
    return np.array(rows, np.float64).reshape(len(rows), -1)


def _entries(table: NDArray[np.float64], names: Sequence[str]) -> list[Entry]:
    """The history again, of terms of these names."""
    entries = []
    for evaluation, round, scale, seconds, loss, *values in table.tolist():
        terms = dict(zip(names, values[: len(names)], strict=True))
        weighted = dict(zip(names, values[len(names) :], strict=True))
        counts = int(evaluation), int(round)
        entries.append(Entry(*counts, loss, terms, weighted, seconds, int(scale)))
    return entries
