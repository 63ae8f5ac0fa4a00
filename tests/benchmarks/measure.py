"""Measurements: workers that take turns, on pictures in a folder."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from workers import Process

PAUSE = 0.05  # in which the threads of the library before come to rest

Course = list[tuple[int, float, float]]


@dataclass(frozen=True)
class Library:
    """A library on some pictures: what a table calls it, and how its worker starts."""

    label: str
    python: Path
    script: str
    options: dict[str, Any]

    def start(self) -> Process:
        """Its worker, in a fresh process."""
        print(f"{self.label}: {Path(self.options['pictures']).name}", file=sys.stderr, flush=True)
        log = Path(self.options["pictures"], f"{self.label}.log")
        return Process(self.python, self.script, self.options, log)


class Off(NamedTuple):
    """Relative differences: of the loss; in norm, of the gradient; and of it but for 1 % of pixels.

    Rounding decides which of two equal values a pooling takes, and the sign of a zero: at a
    few pixels gradients that are both right differ by much.
    """

    loss: float
    gradient: float
    most: float


@dataclass(frozen=True)
class Measured:
    """A library's evaluations of its pictures; memory in bytes.

    ``first`` is the first call, which sets targets and compiles, ``seconds`` the later ones.
    """

    label: str
    name: str
    imported: int
    peak: int
    first: float
    seconds: NDArray[np.float64]
    loss: float
    gradient: NDArray[np.float32]

    @property
    def growth(self) -> int:
        """The peak above what the import took."""
        return self.peak - self.imported

    @property
    def median(self) -> float:
        """The middle of the later calls' seconds."""
        return float(np.median(self.seconds))

    def off(self, other: Measured) -> Off:
        """How far its loss and gradient are from another's."""
        difference = np.square(self.gradient - other.gradient).sum(2).ravel()
        most = np.sort(difference)[: int(np.ceil(0.99 * difference.size))]
        norm = np.linalg.norm(other.gradient)
        return Off(
            abs(self.loss / other.loss - 1),
            float(np.sqrt(difference.sum()) / norm),
            float(np.sqrt(most.sum()) / norm),
        )


def evaluations(libraries: Mapping[str, Library], rounds: int) -> dict[str, Measured]:
    """Evaluate in turns, so that what disturbs one library disturbs them all."""
    with ExitStack() as stack:
        workers, first = {}, {}
        later: dict[str, list[dict[str, Any]]] = {key: [] for key in libraries}
        for key, library in libraries.items():
            workers[key] = stack.enter_context(library.start())
            first[key] = workers[key].ask(evaluate=str(_gradient(key, library)))
        for _ in range(rounds):
            for key, worker in workers.items():
                time.sleep(PAUSE)
                later[key].append(worker.ask(evaluate=None))
    return {
        key: Measured(
            label=library.label,
            name=workers[key].name,
            imported=workers[key].imported,
            peak=later[key][-1]["peak"],
            first=first[key]["seconds"],
            seconds=np.array([answer["seconds"] for answer in later[key]]),
            loss=first[key]["loss"],
            gradient=np.load(_gradient(key, library)),
        )
        for key, library in libraries.items()
    }


def course(library: Library, optimizer: str, budget: int, until: float = -np.inf) -> Course:
    """[(evaluation, seconds, loss), …] of a run in a fresh process, as far as ``until``."""
    with library.start() as worker:
        answer = worker.ask(minimize=optimizer, evaluations=budget, until=until)
    return [(evaluation, seconds, loss) for evaluation, seconds, loss in answer["course"]]


def save(folder: Path, content: Any, style: Any, start: Any) -> Path:
    """Write pictures where workers read them, rounded to whole numbers."""
    folder.mkdir(exist_ok=True)
    for name, picture in (("content", content), ("style", style), ("start", start)):
        np.save(folder / f"{name}.npy", np.rint(picture).astype(np.uint8))
    return folder


def deviations(pixels: Sequence[int], seconds: Sequence[float]) -> NDArray[np.float64]:
    """How far times are from a + b · pixels, relative to the line that makes this least."""
    x, t = np.array(pixels, float), np.array(seconds)
    (a, b), *_ = np.linalg.lstsq(np.stack([1 / t, x / t], 1), np.ones_like(t), rcond=None)
    return np.asarray(t / (a + b * x) - 1)


def _gradient(key: str, library: Library) -> Path:
    return Path(library.options["pictures"], f"{key}.npy")
