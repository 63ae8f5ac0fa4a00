"""What a run tells and returns: `Entry`, `Step` and `Result`, all of them values."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import PIL.Image

from neural_style import images
from neural_style.images import Image


@dataclass(frozen=True)
class Entry:
    """One line of a run's history: an iterate that the optimiser accepted.

    ``evaluation`` counts evaluations of value and gradient so far, ``round`` from 0;
    ``terms`` are unweighted and ``weighted`` sum to ``loss``; ``seconds`` since the start.
    """

    evaluation: int
    round: int
    loss: float
    terms: dict[str, float]
    weighted: dict[str, float]
    seconds: float


@dataclass(frozen=True)
class Step(Entry):
    """What a callback gets at every iterate: the entry, the budget and the picture.

    ``image`` is float32, H×W×3, RGB, clipped to 0–255, and may be kept.
    """

    evaluations: int
    image: Image = field(repr=False)


@dataclass(frozen=True)
class Result:
    """The outcome of a run.

    Attributes
    ----------
    image
        float32, H×W×3, RGB, 0–255: the picture of the lowest loss in the last round.
    loss, terms, weighted
        The objective there, before pixels outside 0–255 were clipped: in all, and by
        term without and with its weight.
    history
        The accepted iterates; the losses of two rounds are of different targets where
        these are refreshed.
    evaluations, rounds, seconds, seed
        What was spent, and the seed of the run.
    reason
        Why the run stopped, in words.
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

    def __str__(self) -> str:
        return (
            f"loss {self.loss:.6g} after {self.evaluations} evaluations in "
            f"{self.seconds:.0f} s: {self.reason}"
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture, as `images.save`."""
        return images.save(self.image, path)

    def plot(self) -> Any:
        """A matplotlib figure of the loss and its weighted terms against evaluations.

        Raises
        ------
        ImportError
            matplotlib is not installed.
        """
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise ImportError(
                "Result.plot needs matplotlib: pip install 'neural-style[plot]'."
            ) from error
        figure = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.subplots()
        evaluations = [entry.evaluation for entry in self.history]
        axes.plot(evaluations, [entry.loss for entry in self.history], "k", label="loss")
        for name in self.weighted:
            axes.plot(evaluations, [entry.weighted[name] for entry in self.history], label=name)
        axes.set(xlabel="evaluations", ylabel="loss, terms weighted", yscale="log")
        axes.legend()
        return figure

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        pixels = self.image.round().astype("uint8")
        PIL.Image.fromarray(pixels).save(buffer, format="PNG")
        return buffer.getvalue()
