"""Runs that are killed by SIGKILL, again and again, and gone on with: what test_checkpoints runs.

A case is a run and where it is killed, each time in a process of its own that is forked once
the libraries are imported, since TensorFlow does not survive a fork once it has computed. Points
are evaluations, or parts of a write: ``"before:n"`` the nth write of a process, in its
``"middle:n"``, ``"placed:n"`` before it is moved into place, ``"after:n"``.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

from conftest import LAYERS  # isort: skip  # tunes TensorFlow, before it is imported
import keras
import numpy as np

from neural_style import LBFGS, FeatureModel, Step, images, minimize, resume
from neural_style.extensions import Content, Gram, Histogram
from neural_style.runs import storage
from neural_style.utils.files import write_durably

CASES: dict[str, tuple[dict[str, Any], list[int | str]]] = {
    "lbfgs": ({"evaluations": 40}, [2, 9, "middle:2", 17, "after:1", 26, 33, 39]),
    "scales": (
        {"scales": (16, 24), "evaluations": 12, "parameterization": "frequencies"},
        [5, "before:2", 14, "placed:1", 23, 31, 35],
    ),
    "adam": ({"evaluations": 30, "optimizer": "adam"}, [1, 8, "middle:1", 15, "after:2", 29]),
    "scipy": ({"evaluations": 30, "optimizer": "scipy", "restart_every": 4}, [6, "middle:1", 27]),
    "tiles": ({"evaluations": 12, "tile": 24}, [4, "placed:1", 11]),
}


def kill() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("it lives")


def dying_write(where: str) -> Any:
    """`write_durably`, which kills the process at a part of its nth write of a state."""
    part, _, number = where.partition(":")
    writes = 0

    def write(path: Path, content: Any) -> None:
        nonlocal writes
        writes += path.name.startswith("state")
        if writes != int(number):
            return write_durably(path, content)
        if part == "before":
            kill()

        def dying(file: Any) -> None:
            whole = io.BytesIO()
            content(whole)
            data = whole.getvalue()
            file.write(data if part == "placed" else data[: len(data) // 2])
            file.flush()
            kill()

        write_durably(path, content if part == "after" else dying)
        kill()

    return write


def model() -> FeatureModel:
    inputs = x = keras.Input((None, None, 3))
    for seed, name in enumerate(LAYERS):
        start = keras.initializers.HeNormal(seed)
        x = keras.layers.Conv2D(
            4, 3, padding="same", activation="relu", kernel_initializer=start, name=name
        )(x)
    return FeatureModel(keras.Model(inputs, x, name="tiny"), preprocess="tf")


def go(case: str, folder: Path | None, point: int | str | None) -> Any:
    """Begin a run, or go on with it, until the point where it dies; return its outcome."""
    options = dict(CASES[case][0])
    own = {"adam": keras.optimizers.Adam(1.0), "scipy": "L-BFGS-B", "lbfgs": LBFGS(4)}
    options["optimizer"] = own[options.get("optimizer", "lbfgs")]

    def die(step: Step) -> None:
        if isinstance(point, int) and step.evaluation >= point:
            kill()

    if isinstance(point, str):
        storage.write_durably = dying_write(point)  # type: ignore[attr-defined]
    if folder is not None and folder.exists():
        return resume(folder, features=model(), callbacks=[die], verbose=False)
    photo, painting = images.noise((24, 32), seed=1), images.noise((20, 28), seed=2)
    loss = Content(photo) + 10 * Gram(painting)
    if "tile" not in options:
        loss += 1e-2 * Histogram(painting, refresh_every=7)
    start = images.noise((24, 32), seed=3)
    checkpoint: dict[str, Any] = (
        {} if folder is None else {"checkpoint": folder, "checkpoint_every": 3}
    )
    return minimize(loss, model(), start, callbacks=[die], verbose=False, **options, **checkpoint)


def outcome(result: Any) -> Any:
    history = [(e.evaluation, e.round, e.scale, e.loss, e.terms) for e in result.history]
    return [result.record["outcome"]["picture"], result.reason, result.rounds, history]


def forked(case: str, folder: Path | None, point: int | str | None, answer: Path) -> int:
    """The signal or exit status with which a process ends that begins or goes on."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            answer.write_text(json.dumps(outcome(go(case, folder, point))))
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(pid, 0)
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def main(home: Path) -> None:
    """Print, for each case, how its processes ended, and whether the outcome is the same."""
    np.seterr(all="ignore")
    for case, (_, points) in CASES.items():
        whole, pieces = home / f"{case}.json", home / f"{case}_in_pieces.json"
        ends = [forked(case, None, None, whole)]
        ends += [forked(case, home / case, point, pieces) for point in points]
        ends.append(forked(case, home / case, None, pieces))
        same = whole.read_text() == pieces.read_text()
        print(json.dumps({"case": case, "ends": ends, "same": same}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
