"""Long runs: memory, the time outside evaluations, and the history, after 50 and after more.

    python tests/benchmarks/long_run.py            # a small network, 1,000 evaluations
    python tests/benchmarks/long_run.py vgg19      # VGG19 at 128 pixels

Prints a line at every mark: resident memory in MB, the time between evaluations since the last
mark, its mean in milliseconds, and the size of the history in kB.
"""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import keras

from neural_style import FeatureModel, Objective, Step, callbacks, images, minimize
from neural_style.extensions import Content, Gram, Histogram
from neural_style.runs.result import Entry

MARKS = (50, 100, 200, 400, 600, 800, 1000)


def small() -> FeatureModel:
    """Six convolutions of 4 channels, under VGG's names."""
    inputs = x = keras.Input((None, None, 3))
    names = [*(f"block{block}_conv1" for block in range(1, 6)), "block4_conv2"]
    for seed, name in enumerate(names):
        start = keras.initializers.HeNormal(seed)
        x = keras.layers.Conv2D(
            4, 3, padding="same", activation="relu", kernel_initializer=start, name=name
        )(x)
    return FeatureModel(keras.Model(inputs, x), preprocess="tf")


def resident() -> int:
    """The memory that this process has, in bytes; on Linux."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def main(network: str) -> None:
    """Run, and print a line at every mark."""
    features, side = (small(), 64) if network == "small" else (FeatureModel(network), 128)
    photo, painting = images.noise((side, side), seed=1), images.noise((side, side), seed=2)
    loss = Content(photo) + 10 * Gram(painting) + 1e-2 * Histogram(painting, refresh_every=50)
    inside, marks, entries = 0.0, list(MARKS), []
    since = since_evaluation = 0.0
    began = time.perf_counter()
    call = Objective.__call__

    def timed(self: Objective, image: Any) -> Any:
        nonlocal inside
        start = time.perf_counter()
        value = call(self, image)
        inside += time.perf_counter() - start
        return value

    Objective.__call__ = timed  # type: ignore[method-assign]

    def mark(step: Step) -> None:
        nonlocal since, since_evaluation
        entries.append(Entry(**{name: getattr(step, name) for name in Entry.__annotations__}))
        if not marks or step.evaluation < marks[0]:
            return
        marks.pop(0)
        memory = resident() / 1e6
        outside = time.perf_counter() - began - inside
        each = 1e3 * (outside - since) / (step.evaluation - since_evaluation)
        size = len(pickle.dumps(entries)) / 1e3
        print(
            f"{step.evaluation:5d} evaluations  {memory:7.1f} MB  "
            f"{each:6.2f} ms outside an evaluation  history {size:.0f} kB",
            flush=True,
        )
        since, since_evaluation = outside, step.evaluation

    with tempfile.TemporaryDirectory() as folder:
        result = minimize(
            loss,
            features,
            images.noise((side, side), seed=3),
            evaluations=MARKS[-1] + 5,
            callbacks=[mark, callbacks.csv(Path(folder, "run.csv"))],
            verbose=False,
            checkpoint=Path(folder, "run"),
        )
    print(result)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "small")
