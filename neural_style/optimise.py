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
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from neural_style import images, optimisers
from neural_style.errors import NonFiniteLossError, OptionError, check_callables, check_count
from neural_style.estimates import Tile, fitting
from neural_style.features import FeatureModel
from neural_style.images import Image
from neural_style.losses import Loss, WeightedSum
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
    output
        Where to save the picture. Checked before the run.

    Returns
    -------
    Result
        Also after Ctrl-C, a callback's `StopIteration` or a loss that is not finite, which
        end the run at whatever scale it is: the best picture so far, with the reason. It has
        the start's size in any case.

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
    start = images.as_image(start, "start", any_range=True)
    if restart_every is not None:
        check_count("restart_every", restart_every)
    if clip not in ("round", "step"):
        raise OptionError(f"clip: expected 'round' or 'step', got {clip!r}.")
    driver = functools.partial(
        optimisers.driver, LBFGS() if optimiser is None else optimiser, clip_steps=clip == "step"
    )
    resumes_there = driver().resumes_there
    variables = resolve(parameterisation)
    if clip == "step" and not isinstance(variables, Pixels):
        raise OptionError(
            "clip='step' is for pixels: use clip='round', or parameterisation='pixels'."
        )
    if output is not None:
        images.check_output(output)
    callbacks = check_callables("callbacks", callbacks)
    size = start.shape[0], start.shape[1]
    tile = fitting(loss, features, size, tile, LBFGS() if optimiser is None else optimiser)
    planned = plan(loss, features, size, scales, evaluations, seed=seed, tile=tile)
    periods = {i: t.loss.refresh_every for i, t in enumerate(loss.terms_of_sum())}
    periods[_RESTART] = restart_every
    if not resumes_there and 1 in periods.values():
        raise OptionError(
            "a round of one evaluation leaves L-BFGS none to move in: set refresh_every and "
            "restart_every higher, or use a Keras optimizer."
        )
    with ExitStack() as stack:
        for callback in callbacks:
            if isinstance(callback, AbstractContextManager):
                stack.enter_context(callback)
        run = _Run(planned, variables, callbacks)
        reason = run.scales(driver, start, {i: n for i, n in periods.items() if n})
    result = run.result(seed, reason)
    if output is not None:
        result.save(output)
    return result


class _Stop(Exception):
    """Ends a run; the text is the reason."""


class _Best(NamedTuple):
    image: Image
    value: Evaluation
    round: int
    scale: int


class _Run:
    """The counters of a run, and the best picture of its current round."""

    def __init__(
        self,
        scales: list[Scale],
        variables: Parameterisation,
        callbacks: tuple[Callback, ...],
    ) -> None:
        self.pending = scales
        self.variables = variables
        self.objective = scales[0].objective
        self.budget = sum(scale.budget for scale in scales)
        self.size = scales[-1].size
        self.callbacks = callbacks
        self.began = time.perf_counter()
        self.scale = 0
        self.evaluation = 0
        self.round = 0
        self.round_end = 0
        self.history: list[Entry] = []
        self.last: tuple[Image, Evaluation] | None = None
        self.best: _Best | None = None

    def scales(
        self, driver: Callable[[], optimisers.Driver], image: Image, periods: dict[int, int]
    ) -> str:
        """Run scale after scale, or until something ends the run; return why it ended.

        ``periods`` are evaluations between refreshes, by the index of the term.
        """
        several = len(self.pending) > 1
        try:
            while True:
                scale = self.pending.pop(0)  # with its targets, once it is done
                self.objective = scale.objective
                image = images.resize(image, size=scale.size, any_range=True)
                reason = self._rounds(driver(), image, periods, scale.budget)
                if not self.pending:
                    where = f" at {scale.size[0]}×{scale.size[1]}" if several else ""
                    return reason or f"the budget of {scale.budget} evaluations{where} was used"
                image = np.clip(self._best().image, 0, 255)
                self.scale += 1
                self.round += 1
        except _Stop as stop:
            return str(stop)
        except KeyboardInterrupt:
            if self.best is None:
                raise
            return f"interrupted (Ctrl-C) after {self.evaluation} evaluations"

    def _rounds(
        self, driver: optimisers.Driver, image: Image, periods: dict[int, int], budget: int
    ) -> str | None:
        """Run the rounds of a scale; return why the driver stopped, None if it did not."""
        due_at = dict.fromkeys(periods, self.evaluation)
        end = self.evaluation + budget
        self.objective.refresh(image, round=self.round)
        while True:
            for i, due in due_at.items():
                if due <= self.evaluation:
                    due_at[i] = self.evaluation + periods[i]
            self.round_end = min([end, *due_at.values()])
            first = len(self.history)
            try:
                stopped = driver(self.evaluate, self.accept, self.variables.encode(image))
            except RoundOver as over:
                resumed = driver.resumes_there
                image = self.variables.decode(over.x) if resumed else self._best().image
            else:
                if not due_at or self._best().value.loss >= self.history[first].loss:
                    return stopped
                image = self._best().image
                due_at = dict.fromkeys(due_at, self.evaluation)
            if self.evaluation >= end:
                return None
            image = np.clip(image, 0, 255)
            self.round += 1
            due_now = [i for i, due in due_at.items() if due <= self.evaluation]
            self.objective.refresh(image, round=self.round, only=due_now)

    def evaluate(self, x: Image) -> tuple[float, Image]:
        """The objective for the optimiser, of its variables, counted and checked."""
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
        if self.best is None or self.best.round < self.round or value.loss < self.best.value.loss:
            self.best = _Best(image, value, self.round, self.scale)
        return value.loss, self.variables.pull(value.gradient)

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
            scale=self.scale,
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
        best = self._best()
        image = images.resize(np.clip(best.image, 0, 255), size=self.size)
        return Result(
            image=np.clip(image, 0, 255),
            loss=best.value.loss,
            terms=best.value.terms,
            weighted=best.value.weighted,
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
