"""`minimize`: rounds of an optimizer on the objective.

Within a round every target is fixed, so that the optimizer sees one smooth function.
Between rounds the targets that are due are refreshed and the pixels are clipped to 0–255.
A term with ``refresh_every=k`` is due k evaluations after its last refresh. A run without
refreshes has one round, unless ``restart_every`` is set. If the optimizer stops by itself
in a round that made progress, and the run refreshes or restarts, the next begins at once.

A run with several scales has such rounds at each scale, from coarse to fine. Each scale has its
own optimizer and targets; the counters continue.

A callback is any callable that takes a `Step`; it is called at every accepted iterate and may
raise `StopIteration` to end the run. A callback that is also a context manager is entered
before the run and exited after it.

No progress of a run is lost: `neural_style.runs.checkpoint` writes its state at accepted
iterates, and `neural_style.resume` continues from there; an exception that ends the run carries
the result so far.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from typing import Any, Literal

from neural_style import images
from neural_style.features.model import FeatureModel
from neural_style.images import Image, Opacity, color
from neural_style.losses.base import Loss
from neural_style.losses.weighted_sum import WeightedSum
from neural_style.objective.estimate import Tile
from neural_style.optimizers.parameterization import Parameterization
from neural_style.runs import record as records
from neural_style.runs.average import Average
from neural_style.runs.checkpoint import Checkpoints
from neural_style.runs.loop import Callback, Run, Stopped, Verbose
from neural_style.runs.preparation import Prepared, prepare
from neural_style.runs.result import Ending, Result


def minimize(
    loss: Loss | WeightedSum,
    features: FeatureModel,
    start: Image,
    *,
    scales: Sequence[int] = (),
    evaluations: int | Sequence[int] = 300,
    optimizer: Any = None,
    restart_every: int | None = None,
    clip: Literal["round", "step"] = "round",
    parameterization: str | Parameterization = "pixels",
    average: float | None = None,
    margin: int = 0,
    callbacks: Iterable[Callback] = (),
    verbose: Verbose = "auto",
    seed: int = 0,
    tile: Tile = None,
    chroma: Image | None = None,
    palette: Image | None = None,
    opacity: Opacity | None = None,
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
        The feature model that the losses use.
    start
        The picture to start from, H×W×3, RGB: a photo or `images.noise`.
    scales
        Long sides in pixels, increasing, for a run from coarse to fine. The first scale begins
        with ``start``, resized; each other scale with the picture of the one before, resized.
        References are resized by the same factor (`Loss.resized`). The last scale is always the
        start's own size; by default it is the only one. Weights are the same at all scales.
    evaluations
        The budget: how often value and gradient are computed, at most, at every scale; or a
        sequence of one budget for each scale, including the start's own size. If a scale
        converges early, the rest of its budget is not used.
    optimizer
        `LBFGS` by default; ``"L-BFGS-B"``, exactly SciPy's own, with its 10 correction pairs;
        or any `keras.optimizers.Optimizer`, which takes one step per evaluation, in units of
        0–255 pixels (Adam(0.1) is a usual choice). `scipy.optimize.minimize` runs the first two.
    restart_every
        Begin a new round after so many evaluations even if there is nothing to refresh,
        as some published runs do.
    clip
        When pixels are clipped to 0–255: between rounds (``"round"``) or, with a Keras optimizer
        only, after every ``"step"``.
    parameterization
        The variables that the optimizer changes: ``"pixels"``, ``"frequencies"``
        (`neural_style.parameterization.Frequencies`), ``"wavelets"`` (`Wavelets` there), or any
        `Parameterization`. Callbacks and the result always have pictures.
    average
        The decay of an exponential average, such as 0.99: the last evaluation of each scale is that
        of the average of its iterates, with bias correction. This is the picture of the scale,
        whatever its loss, and what the next scale starts with. A run that ends early has its best
        picture instead. None: the best picture. (0 is the last iterate.)
    margin
        So many pixels are cut off at each side of the result, and in proportion of a `Step`'s
        picture. Fewer positions of a network read the outermost pixels, so losses that search for
        matches may leave dashes there. For a start and references that were extended by so much.
    callbacks
        Callables that take a `Step`.
    verbose
        Whether progress is shown on standard output: as a bar on a terminal or in a notebook, as a
        line every ten seconds elsewhere. ``"auto"`` and True: unless `callbacks.progress` is among
        the callbacks or another run shows its progress; False: never.
    seed
        The seed of the random generators that losses may use for their targets. The same seed
        on the same machine gives the same picture, bit for bit.
    tile
        The longest side, in pixels, of what is evaluated at once. A larger picture is evaluated
        in tiles, with the same numbers except for float32 rounding. With larger tiles, fewer
        pixels are computed twice. None: always whole. ``"auto"``: whole if that fits into the
        free memory, otherwise the largest tile that fits.
    chroma
        A picture of the start's size. The result gets its colors (`neural_style.color.recolor`),
        for a run in gray.
    palette
        With ``chroma``, a painting of any size. The result then gets the hues of ``chroma`` in the
        colors of ``palette``, with its own lightness (`neural_style.color.oklab`).
    opacity
        H×W, 0–255, of the start's size. The saved picture is transparent where it is black. It
        does not change the run.
    output
        Where to save the picture. Checked before the run.
    checkpoint
        A folder without another run, to write the run's state to, so that `neural_style.resume`
        can continue it if the process ends. It changes no bit of the picture.
    checkpoint_every
        About how many evaluations pass between two states. A state takes about 2 × 20 pictures in
        float32 with `LBFGS`, two or three with Adam. With ``"L-BFGS-B"``, only between rounds.

    Returns
    -------
    Result
        Ctrl-C, SIGTERM or a callback's `StopIteration` end the run at any scale; the result is
        then the best picture so far, with the reason. It always has the start's size, without
        the margin. A second
        Ctrl-C raises `KeyboardInterrupt` at once, a second SIGTERM `SystemExit`. If the loss or its
        gradient is not finite after a step, the step is shortened. A scale ends if no step gives
        a finite loss; the reason names the term that is not finite.

    Raises
    ------
    StyleError
        An argument is invalid; raised before the first evaluation if possible.
    MemoryLimitError
        The run clearly needs more memory than is free; raised before it starts.
    NonFiniteLossError
        The loss is not finite at the start.
    CheckpointError
        The checkpoint's folder already contains a run, another run is using it, or a state cannot
        be written.

    Exceptions of callbacks and of the disk are raised again after the best picture so far is saved
    to ``output``; their attribute ``result`` has the result, and a note says so.

    Examples
    --------
    >>> from neural_style.extensions import TotalVariation
    >>> result = minimize(TotalVariation("squared"), FeatureModel(weights=None),
    ...                   images.noise((8, 8)), evaluations=20, verbose=False)
    >>> result.evaluations, result.reason
    (20, 'the budget of 20 evaluations was used')
    """
    with ExitStack() as stack:
        checkpoints = None
        if checkpoint is not None:
            checkpoints = stack.enter_context(Checkpoints(checkpoint, checkpoint_every, output))
        ready = prepare(
            loss,
            features,
            start,
            scales=scales,
            evaluations=evaluations,
            optimizer=optimizer,
            restart_every=restart_every,
            clip=clip,
            parameterization=parameterization,
            average=average,
            margin=margin,
            callbacks=callbacks,
            verbose=verbose,
            seed=seed,
            tile=tile,
            chroma=chroma,
            palette=palette,
            opacity=opacity,
            output=output,
        )
        return run(ready, output, checkpoints)


def run(
    ready: Prepared, output: str | os.PathLike[str] | None, checkpoints: Checkpoints | None
) -> Result:
    """Evaluate what `minimize` has prepared, in the folder of a new run or of one to resume."""
    record, margin = ready.record, ready.margin
    state = None if checkpoints is None else checkpoints.begin(record, ready.pictures)
    mean = None if ready.average is None else Average(ready.average)
    running = Run(ready.scales, ready.variables, ready.callbacks, checkpoints, mean, margin)
    if state is not None:
        running.restore(state, ready.driver(), ready.due)

    def finished(why: Stopped) -> Result:
        result = running.result(ready.seed, why)
        hues, opacity = (
            None if x is None else images.trimmed(x, margin) for x in (ready.chroma, ready.opacity)
        )
        if hues is not None and ready.palette is not None:
            result = replace(result, image=color.oklab(result.image, hues, ready.palette))
        elif hues is not None:
            result = replace(result, image=color.recolor(result.image, hues))
        own = {**record, "outcome": records.outcome(result)}
        return replace(result, opacity=opacity, record=own, pictures=ready.pictures)

    with running.interrupts:
        why, ended = None, None
        try:
            with ExitStack() as stack:
                try:
                    for callback in running.callbacks:
                        if isinstance(callback, AbstractContextManager):
                            stack.enter_context(callback)
                    why = running.scales(ready.driver, ready.start, ready.due)
                except BaseException as error:
                    ended = error
                    raise
            if why is None:  # a callback's __exit__ holds back what ended the run
                assert ended is not None
                if running.best is None:
                    raise ended
                why = _failure(ended, running.evaluation, ", which a callback held back")
            result = finished(why)
            if output is not None:
                result.save(output)
        except BaseException as error:
            if running.best is not None and not running.interrupts.twice:
                _rescue(error, finished(why or _failure(error, running.evaluation)), output)
            raise
    if running.interrupts.asked and running.interrupts.asked is not result.ending:
        result = finished(running.interrupted())  # it came after the last evaluation
    return result


def _failure(error: BaseException, evaluations: int, more: str = "") -> Stopped:
    return Stopped(f"{type(error).__name__} after {evaluations} evaluations{more}", Ending.FAILED)


def _rescue(error: BaseException, result: Result, output: str | os.PathLike[str] | None) -> None:
    """Save the best picture of a run that an exception ended, and say in a note where it is."""
    notes = ["The best picture so far is in this exception's attribute: error.result.image"]
    if output is not None:
        try:
            notes.append(f"and in {result.save(output)}")
        except Exception as problem:
            notes.append(f"but not in a file: {problem}")
    # An exception may refuse attributes, as that of a frozen dataclass does, but for its own dict.
    own = vars(error)
    own["result"] = result
    own["__notes__"] = [*getattr(error, "__notes__", ()), *notes]
