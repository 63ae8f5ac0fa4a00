"""`minimise`: rounds of an optimiser on the objective.

Within a round every target is frozen, so that the optimiser sees one smooth function.
Between rounds the targets that are due are refreshed and the pixels clipped to 0–255.
A term with ``refresh_every=k`` is due k evaluations after its last refresh; with
nothing to refresh a run is one round, unless it is restarted every so many
evaluations. Where the optimiser stops by itself in a round that made progress, and there
is another to come, the next begins at once.

A callback is any callable of a `Step`; it is told at every accepted iterate and may
raise `StopIteration` to end the run. One that is also a context manager is entered
before the run and left after it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Literal, TypeAlias

import numpy as np

from neural_style import images, optimisers
from neural_style.errors import NonFiniteLossError, OptionError, check_count
from neural_style.estimates import Tile, fitting
from neural_style.features import FeatureModel
from neural_style.images import Image
from neural_style.losses import Loss, WeightedSum
from neural_style.objective import Evaluation, Objective
from neural_style.optimisers import LBFGS, RoundOver
from neural_style.result import Entry, Result, Step

Callback: TypeAlias = Callable[[Step], object]

_RESTART = -1  # what has a period without being a term


def minimise(
    loss: Loss | WeightedSum,
    features: FeatureModel,
    start: Image,
    *,
    evaluations: int = 300,
    optimiser: Any = None,
    restart_every: int | None = None,
    clip: Literal["round", "step"] = "round",
    callbacks: Iterable[Callback] = (),
    seed: int = 0,
    tile: Tile = None,
    output: str | os.PathLike[str] | None = None,
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
    evaluations
        The budget: how often value and gradient are computed, at most.
    optimiser
        `LBFGS` by default, or any `keras.optimizers.Optimizer`, which takes one step an
        evaluation in units of 0–255 pixels (Adam(0.1) is a usual choice).
    restart_every
        Begin a new round after so many evaluations even where nothing is to be refreshed,
        as some published runs do.
    clip
        When pixels are clipped to 0–255: between rounds, or, for a Keras optimizer, after
        every ``"step"``.
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
    output
        Where to save the picture. Checked before the run.

    Returns
    -------
    Result
        Also after Ctrl-C, a callback's `StopIteration` or a loss that is not finite: the
        best picture so far, with the reason.

    Raises
    ------
    StyleError
        Something does not fit; before the first evaluation wherever it can be known then.
    MemoryLimitError
        The run clearly needs more memory than is free; said before it starts.
    NonFiniteLossError
        The loss is not finite at the start.

    Examples
    --------
    >>> from neural_style.extensions import TotalVariation
    >>> result = minimise(TotalVariation("squared"), FeatureModel(weights=None),
    ...                   images.noise((8, 8)), evaluations=20)
    >>> result.evaluations, result.reason
    (20, 'the budget of 20 evaluations was used')
    """
    evaluations = check_count("evaluations", evaluations)
    start = images.as_image(start, "start", any_range=True)
    if restart_every is not None:
        check_count("restart_every", restart_every)
    if clip not in ("round", "step"):
        raise OptionError(f"clip: expected 'round' or 'step', got {clip!r}.")
    driver = optimisers.driver(
        LBFGS() if optimiser is None else optimiser, clip_steps=clip == "step"
    )
    if output is not None:
        images.check_output(output)
    tile = fitting(loss, features, (start.shape[0], start.shape[1]), tile, optimiser or LBFGS())
    objective = Objective(loss, features, (start.shape[0], start.shape[1]), seed=seed, tile=tile)
    periods = {i: t.loss.refresh_every for i, t in enumerate(objective.terms)}
    periods[_RESTART] = restart_every
    if not driver.resumes_there and 1 in periods.values():
        raise OptionError(
            "a round of one evaluation leaves L-BFGS none to move in: set refresh_every and "
            "restart_every higher, or use a Keras optimizer."
        )
    with ExitStack() as stack:
        for callback in (callbacks := tuple(callbacks)):
            if isinstance(callback, AbstractContextManager):
                stack.enter_context(callback)
        run = _Run(objective, evaluations, callbacks)
        reason = run.rounds(driver, start, {i: n for i, n in periods.items() if n})
    result = run.result(seed, reason)
    if output is not None:
        result.save(output)
    return result


class _Stop(Exception):
    """Ends a run; the text is the reason."""


class _Run:
    """The counters of a run, and the best picture of its current round."""

    def __init__(self, objective: Objective, budget: int, callbacks: tuple[Callback, ...]) -> None:
        self.objective = objective
        self.budget = budget
        self.callbacks = callbacks
        self.began = time.perf_counter()
        self.evaluation = 0
        self.round = 0
        self.round_end = budget
        self.history: list[Entry] = []
        self.last: tuple[Image, Evaluation] | None = None
        self.best: tuple[Image, Evaluation] | None = None
        self.best_round = -1

    def rounds(self, driver: optimisers.Driver, image: Image, periods: dict[int, int]) -> str:
        """Run until the budget is used or something ends the run; return why.

        ``periods`` are evaluations between refreshes, by the index of the term.
        """
        due_at = dict.fromkeys(periods, 0)
        self.objective.refresh(image, round=0)
        try:
            while True:
                for i, due in due_at.items():
                    if due <= self.evaluation:
                        due_at[i] = self.evaluation + periods[i]
                self.round_end = min([self.budget, *due_at.values()])
                first = len(self.history)
                try:
                    stopped = driver(self.evaluate, self.accept, image)
                except RoundOver as over:
                    image = over.image if driver.resumes_there else self._best()[0]
                else:
                    if not due_at or self._best()[1].loss >= self.history[first].loss:
                        return stopped
                    image = self._best()[0]
                    due_at = dict.fromkeys(due_at, self.evaluation)
                if self.evaluation >= self.budget:
                    return f"the budget of {self.budget} evaluations was used"
                image = np.clip(image, 0, 255)
                self.round += 1
                due_now = [i for i, due in due_at.items() if due <= self.evaluation]
                self.objective.refresh(image, round=self.round, only=due_now)
        except _Stop as stop:
            return str(stop)
        except KeyboardInterrupt:
            if self.best is None:
                raise
            return f"interrupted (Ctrl-C) after {self.evaluation} evaluations"

    def evaluate(self, image: Image) -> tuple[float, Image]:
        """The objective for the optimiser, counted and checked."""
        if self.evaluation >= self.round_end:
            raise RoundOver(image)
        value = self.objective(image)
        self.evaluation += 1
        if not value.finite:
            names = ", ".join(self.objective.broken_terms(image)) or "the sum of the terms"
            message = f"the loss is not finite at evaluation {self.evaluation}: {names}"
            if self.best is None:
                raise NonFiniteLossError(f"{message}; check the weights and the start.")
            raise _Stop(f"{message}; the picture is the best before it")
        self.last = image, value
        if self.best_round < self.round or value.loss < self._best()[1].loss:
            self.best, self.best_round = self.last, self.round
        return value.loss, value.gradient

    def accept(self) -> None:
        """Tell the history and the callbacks of the picture evaluated last."""
        assert self.last is not None
        image, value = self.last
        entry = Entry(
            evaluation=self.evaluation,
            round=self.round,
            loss=value.loss,
            terms=value.terms,
            weighted=value.weighted,
            seconds=time.perf_counter() - self.began,
        )
        self.history.append(entry)
        if not self.callbacks:
            return
        step = Step(**vars(entry), evaluations=self.budget, image=np.clip(image, 0, 255))
        for callback in self.callbacks:
            try:
                callback(step)
            except StopIteration as stop:
                why = f": {stop}" if str(stop) else ""
                raise _Stop(f"a callback stopped it at evaluation {self.evaluation}{why}") from None

    def result(self, seed: int, reason: str) -> Result:
        image, value = self._best()
        return Result(
            image=np.clip(image, 0, 255),
            loss=value.loss,
            terms=value.terms,
            weighted=value.weighted,
            history=tuple(self.history),
            evaluations=self.evaluation,
            rounds=self.best_round + 1,
            seconds=time.perf_counter() - self.began,
            seed=seed,
            reason=reason,
        )

    def _best(self) -> tuple[Image, Evaluation]:
        assert self.best is not None  # every path here has evaluated once
        return self.best
