"""What matching histograms takes: scikit-image's, the library's, and its share of a round.

    python tests/benchmarks/histogram.py [--repeats 5] [--sizes 256 512]

The two run in turn on the features of scikit-image's cat and tissue; times are medians, the
ratio that of scikit-image's time to the library's, with the least and the most of the pairs.
A share is of 50 evaluations of content and Gram with a `Histogram`, timed in between.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from statistics import median

from gram import gram_loss
from skimage.exposure import match_histograms

from neural_style import FeatureModel, Objective, images
from neural_style.extensions import Histogram
from neural_style.images import Image, datasets
from neural_style.images.histogram_matching import match, match_channels

LAYERS = ("block1_conv1", "block4_conv1")
ROUND = 50


def seconds(run: Callable[[], object]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def row(name: str, size: int, theirs: list[float], ours: list[float], evaluation: float) -> str:
    """A line of the table; without ``theirs``, no ratio."""
    ratios = [a / b for a, b in zip(theirs, ours, strict=True)] if theirs else []
    spread = f"{median(ratios):.1f} ({min(ratios):.1f}–{max(ratios):.1f})" if ratios else ""
    cells = [f"{median(times):.3f}" if times else "" for times in (theirs, ours)]
    share = f"{median(ours) / (ROUND * evaluation):.1%}"
    return f"{name:<32}{size:>5}{cells[0]:>15}{cells[1]:>9}{spread:>19}{share:>9}"


def table(features: FeatureModel, size: int, repeats: int) -> None:
    """Print the rows of one size."""
    photo, painting = load("chelsea", size), load("ihc", size)
    loss = gram_loss(photo, painting) + Histogram(painting)
    objective = Objective(loss, features, (size, size))
    objective.refresh(photo, round=0)
    objective(photo)
    current, reference = (
        {layer: f.numpy() for layer, f in features(picture, LAYERS).items()}
        for picture in (photo, painting)
    )
    pairs: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {}
    for layer in LAYERS:
        both = current[layer], reference[layer]
        pairs[layer] = (
            partial(match_histograms, *both, channel_axis=-1),
            partial(match_channels, *both),
        )
    both = current[LAYERS[0]], reference[LAYERS[0]]
    pairs[f"{LAYERS[0]}, channels as one"] = partial(match_histograms, *both), partial(match, *both)
    timed: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in pairs}
    refreshes, evaluations = [], []
    for _ in range(repeats):
        for name, pair in pairs.items():
            for times, run in zip(timed[name], pair, strict=True):
                times.append(seconds(run))
        refreshes.append(seconds(lambda: objective.refresh(photo, round=1)))
        evaluations.append(seconds(lambda: objective(photo)))
    evaluation = median(evaluations)
    for name, (theirs, ours) in timed.items():
        print(row(name, size, theirs, ours, evaluation))
    print(row("the loss's refresh, all of it", size, [], refreshes, evaluation))
    print(row("one evaluation", size, [], evaluations, evaluation))


def load(name: str, size: int) -> Image:
    """One of scikit-image's pictures, squashed to a square."""
    return images.load(datasets.path(name), size=(size, size))


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512])
    options = parser.parse_args()
    head = f"{'scikit-image/s':>15}{'here/s':>9}{'ratio (spread)':>19}{'share':>9}"
    print(f"{'':<32}{'size':>5}{head}")
    features = FeatureModel("vgg19")
    for size in options.sizes:
        table(features, size, options.repeats)


if __name__ == "__main__":
    main()
