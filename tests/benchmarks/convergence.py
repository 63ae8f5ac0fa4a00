"""How fast optimizers and variables lower the loss: the best loss by evaluations.

    python tests/benchmarks/convergence.py [--short 256] [--evaluations 200] [--pairs 0,4]

Five pairs at one short side, from the photo, content and Gram. Each line is an optimizer and
a parameterization, with the best loss after 20, 50, 100 and more evaluations; below each
pair, after how many evaluations each line has the last loss of those that it meets.
``--rounds 20`` starts a new round every 20 evaluations; with ``--content 0`` there is no
content, and the runs start from noise. ``--time 512`` times what is around the network at
that size, and the writing of a checkpoint, instead.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from gram import gram_loss

from neural_style import LBFGS, FeatureModel, images
from neural_style import minimize as run
from neural_style.extensions import TotalVariation
from neural_style.images import Image, datasets
from neural_style.losses.weighted_sum import WeightedSum
from neural_style.runs.checkpoint import Checkpoints

PAIRS = (
    ("coastal_scene", "starry_night"),
    ("perth_skyline", "fuchun_mountains"),
    ("montreal", "fuchun_mountains"),
    ("montreal", "starry_night"),
    ("chelsea", "ihc"),
)
MARKS = (20, 50, 100, 150, 200, 350, 500)
RUNS: tuple[tuple[str, Any, str], ...] = (
    ("scipy 10", "L-BFGS-B", "pixels"),
    ("pixels 10", LBFGS(10), "pixels"),
    ("pixels 20", LBFGS(20), "pixels"),
    ("pixels 30", LBFGS(30), "pixels"),
    ("frequencies 10", LBFGS(10), "frequencies"),
    ("frequencies 20", LBFGS(20), "frequencies"),
    ("frequencies 30", LBFGS(30), "frequencies"),
)


def trace(
    loss: WeightedSum, features: FeatureModel, start: Image, evaluations: int, **options: Any
) -> tuple[np.ndarray[Any, Any], Image]:
    """The least loss after each evaluation, and the picture."""
    result = run(loss, features, start, evaluations=evaluations, **options)
    best = np.full(evaluations, np.inf)
    for entry in result.history:
        best[entry.evaluation - 1] = entry.loss
    return np.minimum.accumulate(best), result.image


def table(features: FeatureModel, pair: tuple[str, str], options: argparse.Namespace) -> None:
    """Run everything on a pair, and print its lines."""
    photo, painting = (datasets.load(name, short_side=options.short) for name in pair)
    loss = gram_loss(photo, painting)
    start = photo
    if not options.content:
        loss = WeightedSum(term for term in loss if term.name != "content")
        start = images.noise((photo.shape[0], photo.shape[1]), seed=0)
    marks = [mark for mark in MARKS if mark <= options.evaluations]
    print(f"\n{pair[0]} × {pair[1]}, {photo.shape[0]}×{photo.shape[1]}")
    print(f"{'best loss after':<18}" + "".join(f"{mark:>11}" for mark in marks), flush=True)
    traces = {}
    for name, optimizer, variables in RUNS:
        if options.only and name not in options.only.split(","):
            continue
        traces[name], image = trace(
            loss,
            features,
            start,
            options.evaluations,
            optimizer=optimizer,
            parameterization=variables,
            restart_every=options.rounds,
        )
        print(
            f"{name:<18}" + "".join(f"{traces[name][mark - 1]:>11.5g}" for mark in marks),
            flush=True,
        )
        if options.save:
            images.save(image, f"{options.save}/{'-'.join(pair)}-{name.replace(' ', '-')}.png")
    for name, losses in traces.items():
        met = {
            other: int(np.argmax(losses <= own[-1])) + 1
            for other, own in traces.items()
            if other != name and losses[-1] <= own[-1]
        }
        print(f"  {name} meets " + (", ".join(f"{k} after {n}" for k, n in met.items()) or "none"))


def overhead(features: FeatureModel, size: int) -> None:
    """Print what an evaluation of next to nothing takes: all but the network, and a little more."""
    start = images.noise((size, size), seed=0)
    loss = TotalVariation()
    for name, optimizer, variables in RUNS:
        result = run(
            loss,
            features,
            start,
            evaluations=60,
            optimizer=optimizer,
            parameterization=variables,
        )
        later = [entry for entry in result.history if entry.evaluation > 35]
        seconds = [
            (b.seconds - a.seconds) / (b.evaluation - a.evaluation)
            for a, b in itertools.pairwise(later)
        ]
        print(f"{name:<18}{1e3 * float(np.median(seconds)):>8.1f} ms an evaluation", flush=True)
    written = []
    write = Checkpoints.write

    def timed(self: Checkpoints, state: Any) -> None:
        began = time.perf_counter()
        write(self, state)
        written.append(time.perf_counter() - began)

    with tempfile.TemporaryDirectory() as folder, mock.patch.object(Checkpoints, "write", timed):
        run(loss, features, start, evaluations=60, checkpoint=folder, checkpoint_every=10)
        states = [path.stat().st_size for path in Path(folder).glob("state-*.npz")]
    milliseconds = 1e3 * float(np.median(written))
    print(f"a state of {max(states) / 1e6:.0f} MB is written in {milliseconds:.0f} ms")


def main() -> None:
    """Parse the command line and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", type=int, default=256)
    parser.add_argument("--evaluations", type=int, default=200)
    parser.add_argument("--pairs", default="0,1,2,3,4", help="which of the five")
    parser.add_argument("--only", help="which lines, separated by commas")
    parser.add_argument("--rounds", type=int, help="evaluations of a round")
    parser.add_argument("--content", type=int, default=1)
    parser.add_argument("--time", type=int, help="time at this long side instead")
    parser.add_argument("--save", help="a folder for the pictures")
    options = parser.parse_args()
    features = FeatureModel("vgg19")
    if options.time:
        overhead(features, options.time)
        return
    for i in map(int, options.pairs.split(",")):
        table(features, PAIRS[i], options)


if __name__ == "__main__":
    main()
