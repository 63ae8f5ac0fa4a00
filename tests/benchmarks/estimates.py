"""Estimates against measurements, on a CPU under Linux: memory, and seconds an evaluation.

    python tests/benchmarks/estimates.py [--only gatys …]

prints a table in Markdown. Each row is an objective on VGG19 in two processes of its own: one
estimates; the other has the model and the pictures, and then measures targets, evaluates, and
refreshes the targets that move. Memory is how far its peak is above what it had before. The
constants of `neural_style.objective.estimate` were chosen with those of `CALIBRATED`; the others
show what they are worth.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tables import table
from workers import ENVIRONMENT


class Case(NamedTuple):
    """An objective: a key of `losses`, and the sizes."""

    loss: str
    height: int
    width: int
    style: int
    tile: int | None = None


CALIBRATED = (
    Case("content", 256, 256, 32),
    Case("content", 512, 512, 32),
    Case("gatys", 512, 512, 512),
    Case("gram of two layers", 512, 512, 512),
)
OTHERS = (
    Case("gatys", 192, 320, 256),
    Case("gatys", 768, 512, 512),
    Case("gatys", 1024, 512, 256, 512),
    Case("variation of features", 256, 256, 32),
    Case("gatys and histogram", 384, 384, 384),
    Case("everything but histogram", 512, 512, 512),
    Case("everything but histogram", 448, 320, 320),
)
Array = Any


def losses(photo: Array, painting: Array) -> dict[str, Callable[[], Any]]:
    """The objectives, by name."""
    from neural_style.extensions import Content, Gram, Histogram, ShiftedGram, TotalVariation

    def gatys() -> Any:
        return Content(photo) + Gram(painting)

    return {
        "content": lambda: Content(photo),
        "gatys": gatys,
        "gram of two layers": lambda: Gram(painting, layers=["block1_conv1", "block2_conv1"]),
        "variation of features": lambda: TotalVariation(layers=["block1_conv1"]),
        "gatys and histogram": lambda: gatys() + Histogram(painting),
        "everything but histogram": lambda: gatys() + ShiftedGram(painting) + TotalVariation(),
    }


def estimated(case: Case) -> dict[str, float]:
    """What `neural_style.estimate` says."""
    import neural_style as ns

    photo, painting = np.zeros((case.height, case.width, 3)), np.zeros((case.style, case.style, 3))
    found = ns.estimate(
        losses(photo, painting)[case.loss](),
        ns.FeatureModel("vgg19"),
        (case.height, case.width),
        tile=case.tile,
    )
    return {"memory": found.memory, "seconds": found.seconds}


def measured(case: Case) -> dict[str, float]:
    """What it is."""
    import neural_style as ns

    rng = np.random.default_rng(0)
    photo, start = rng.integers(0, 256, (2, case.height, case.width, 3)).astype(np.float32)
    painting = rng.integers(0, 128, (case.style, case.style, 3)).astype(np.float32)
    loss, features = losses(photo, painting)[case.loss](), ns.FeatureModel("vgg19")
    before = _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    objective = ns.Objective(loss, features, (case.height, case.width), tile=case.tile)
    objective.refresh(photo, round=0)
    objective(start)
    seconds = []
    for round in (1, 2, 3):
        objective.refresh(start, round=round)
        began = time.perf_counter()
        objective(start)
        seconds.append(time.perf_counter() - began)
    return {"memory": _memory("VmHWM") - before, "seconds": float(np.median(seconds))}


def _memory(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(field)).split()[1])


def in_a_process(what: str, case: Case) -> dict[str, float]:
    """The answer of `estimated` or `measured` in a fresh process."""
    command = [sys.executable, __file__, "--worker", what, json.dumps(case)]
    answer = subprocess.run(
        command, env=os.environ | ENVIRONMENT, check=True, capture_output=True, text=True
    ).stdout.splitlines()[-1]
    found: dict[str, float] = json.loads(answer)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", help="names of losses")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        what, case = options.worker
        print(
            json.dumps(
                {"estimated": estimated, "measured": measured}[what](Case(*json.loads(case)))
            )
        )
        return
    rows = []
    for case in (*CALIBRATED, *OTHERS):
        if options.only and case.loss not in options.only:
            continue
        expected, found = (in_a_process(what, case) for what in ("estimated", "measured"))
        cells = [case.loss, f"{case.height}×{case.width}", case.style, case.tile or "whole"]
        for unit, scale, digits in (("memory", 1e-6, 0), ("seconds", 1, 2)):
            cells += [f"{scale * one[unit]:.{digits}f}" for one in (expected, found)]
            cells.append(f"{expected[unit] / found[unit]:.2f}")
        rows.append((*cells, "yes" if case in CALIBRATED else "no"))
        print(*rows[-1], sep=" | ", file=sys.stderr, flush=True)
    header = (
        "loss|size|style|tile|estimate, MB|measured, MB|ratio|estimate, s|measured, s|ratio"
        "|calibrated on"
    )
    print(table("Estimates", header, rows))


if __name__ == "__main__":
    main()
