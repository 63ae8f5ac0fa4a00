"""The side of a worker: one library in a process of its own, that answers JSON by the line.

    serve(name, imported, build)                 # build(options) -> Worker

The first line tells the library's version and its memory after the import. Then
``{"evaluate": path or null}`` is answered by the loss, the seconds and the peak of memory, the
gradient saved to the path; ``{"minimize": optimizer, "evaluations": n, "until": loss}`` by the
course ``[[evaluation, seconds, loss], …]``. Options are a JSON object, the only argument; its
``pictures`` is a folder with ``content.npy``, ``style.npy`` and ``start.npy``, uint8,
H×W×3, RGB. Memory is in bytes, as Linux has it.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Options = dict[str, Any]

STYLE = {f"block{block}_conv1": n for block, n in enumerate((64, 128, 256, 512, 512), 1)}
CONTENT = "block4_conv2"
STYLE_WEIGHT = 1e3  # of a layer of N channels, divided by N²
COARSE = "coarse to fine"  # an optimizer of `minimize`


class Over(Exception):
    """The loss, or the last evaluation, was reached."""


class Course:
    """The losses of a run; raises `Over` at its end."""

    def __init__(self, evaluations: int, until: float) -> None:
        self.evaluations, self.until = evaluations, until
        self.entries: list[tuple[int, float, float]] = []
        self._began = time.perf_counter()

    def add(self, loss: float, evaluation: int | None = None) -> None:
        """Note the loss of an evaluation, the next one unless it is said."""
        evaluation = evaluation or len(self.entries) + 1
        self.entries.append((evaluation, time.perf_counter() - self._began, loss))
        if loss <= self.until or evaluation >= self.evaluations:
            raise Over


class Worker(Protocol):
    """The objective of one library on the pictures of its options."""

    def evaluate(self) -> tuple[float, Array]:
        """The loss at the start, and its gradient, H×W×3, RGB; the first call sets targets."""
        ...

    def minimize(self, optimizer: str, course: Course) -> None:
        """Set targets and run from the start; `Over` may pass through."""
        ...


def peak_memory() -> int:
    """The most that this process had resident. A child's ru_maxrss has its parent's in it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


def pictures(options: Options) -> tuple[Array, Array, Array]:
    """Content, style and start, float32, 0–255."""
    content, style, start = (
        np.load(Path(options["pictures"], f"{name}.npy")).astype(np.float32)
        for name in ("content", "style", "start")
    )
    return content, style, start


def serve(name: str, imported: int, build: Callable[[Options], Worker]) -> None:
    """Answer until standard input ends."""
    worker = build(json.loads(sys.argv[1]))
    _answer(name=name, imported=imported)
    for line in sys.stdin:
        request = json.loads(line)
        if "minimize" in request:
            course = Course(request["evaluations"], request["until"])
            with contextlib.suppress(Over):
                worker.minimize(request["minimize"], course)
            _answer(course=course.entries)
            continue
        began = time.perf_counter()
        loss, gradient = worker.evaluate()
        seconds = time.perf_counter() - began
        peak = peak_memory()
        if request["evaluate"]:
            np.save(request["evaluate"], gradient)
        del gradient  # so that the next peak is of one evaluation, too
        _answer(loss=loss, seconds=seconds, peak=peak)


def _answer(**values: Any) -> None:
    print(json.dumps(values), flush=True)
