"""Benchmarks of this library against plain PyTorch and pastiche, on a CPU under Linux.

    python tests/benchmarks/run.py [--quick] [--only evaluation memory …]

prints Markdown. The objective is that of Gatys' notebook on VGG19 with Keras' weights, the same
in every library. Each library runs in a process of its own, and they take turns evaluating:
a ratio is the median over turns, with the least and the greatest. Losses and gradients are
shown to agree before any time; where they do not, the exit status is 1. The other libraries
are installed into an environment of their own.

evaluation  seconds of a loss and its gradient
memory      peaks, the same runs
peak        operations a second against a large matrix product's, the same runs
scaling     seconds against the number of pixels
loss        seconds to the loss that torch.optim.LBFGS has after some evaluations
tiles       seconds and memory of large pictures in tiles
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tables
from measure import Course, Library, Measured, Off, course, evaluations, save
from protocol import COARSE
from workers import ENVIRONMENT, peers

from neural_style.features import weights
from neural_style.images import datasets
from neural_style.utils.download import keras_home

OF_EVALUATIONS = {
    "evaluation": tables.evaluation,
    "memory": tables.memory,
    "peak": tables.peak,
}
SECTIONS = (*OF_EVALUATIONS, "scaling", "loss", "tiles")
Found = dict[int, dict[str, Measured]]
EVERYTHING = ("ours", "direct", "torch", "pastiche", "product")
TOLERANCE = Off(loss=1e-5, gradient=1e-2, most=1e-3)
WHOLE, TILE = 512, 1152


@dataclass(frozen=True)
class Extent:
    """How much is measured: sides in pixels, and counts."""

    sizes: Sequence[int] = (256, 512, 1024)
    scaling: Sequence[int] = (128, 256, 384, 512, 768, 1024)
    tiled: Sequence[int] = (1536, 2048, 4096)
    rounds: int = 9
    loss_size: int = 256
    evaluations: int = 200
    repeats: int = 3


QUICK = Extent((256,), (128, 256, 384), (1536,), 3, loss_size=128, evaluations=30, repeats=1)


class Bench:
    """The libraries, and a folder for their pictures; ``python`` is that of the peers."""

    def __init__(self, folder: Path, python: Path) -> None:
        self.folder = folder
        own = Path(sys.executable)
        self.commands = {
            "ours": ("neural_style", own, "ours.py"),
            "direct": ("neural_style, winograd=False", own, "ours.py"),
            "torch": ("PyTorch", python, "plain_torch.py"),
            "pastiche": ("pastiche", python, "pastiche_peer.py"),
            "product": ("matrix product", own, "product.py"),
        }
        self.weights = str(weights.find("vgg19"))

    def library(self, key: str, pictures: Path, tile: int | None = None) -> Library:
        """A library on the pictures of a folder."""
        options = {"pictures": str(pictures), "weights": self.weights, "tile": tile}
        return Library(*self.commands[key], options | {"winograd": key != "direct"})

    def noise(self, size: int, style: int | None = None) -> Path:
        """The folder of seeded noise of size × size; the style may have another side.

        The style is darker: of two noises alike, the loss is a small difference of Gram matrices.
        """
        rng = np.random.default_rng(0)
        content, start = (rng.integers(0, 256, (size, size, 3)) for _ in range(2))
        side = style or size
        painting = rng.integers(0, 128, (side, side, 3))
        return save(self.folder / f"{size} pixels", content, painting, start)

    def evaluations(self, size: int, keys: Sequence[str], rounds: int) -> dict[str, Measured]:
        """Measured in turns at one size."""
        pictures = self.noise(size)
        return evaluations({key: self.library(key, pictures) for key in keys}, rounds)

    def courses(self, extent: Extent) -> tuple[dict[tuple[str, str], list[Course]], float]:
        """Runs to the least loss of torch.optim.LBFGS, and that loss."""
        size = extent.loss_size, extent.loss_size
        photo, painting = (datasets.load(name, size=size) for name in ("coffee", "ihc"))
        pictures = save(self.folder / "coffee and ihc", photo, painting, photo)
        plain = course(self.library("torch", pictures), "torch", extent.evaluations)
        until = min(loss for _, _, loss in plain)
        runs: dict[tuple[str, str], list[Course]] = {}
        for _ in range(extent.repeats):
            for key, optimizer, name in (
                ("ours", "pixels", "L-BFGS of pixels"),
                ("ours", "frequencies", "L-BFGS of frequencies"),
                ("ours", COARSE, f"L-BFGS of frequencies, history 50, {COARSE}"),
                ("torch", "scipy", "L-BFGS of SciPy"),
                ("torch", "torch", "torch.optim.LBFGS"),
                ("pastiche", "", "torch.optim.LBFGS"),
            ):
                library = self.library(key, pictures)
                run = course(library, optimizer, 3 * extent.evaluations, until)
                runs.setdefault((library.label, name), []).append(run)
        return runs, until

    def tiles(
        self, sizes: Sequence[int], rounds: int
    ) -> tuple[list[tuple[int, Measured, Measured]], Off]:
        """(size, tiled, `WHOLE` untiled) each; how far the first is from itself untiled."""
        rows = []
        for size in sizes:
            pictures = self.noise(size, style=WHOLE)
            libraries = {"tiled": self.library("ours", pictures, TILE)}
            libraries["whole"] = self.library("ours", self.noise(WHOLE))
            if size == sizes[0]:
                libraries["untiled"] = self.library("ours", pictures)
            found = evaluations(libraries, rounds)
            rows.append((size, found["tiled"], found["whole"]))
            if size == sizes[0]:
                off = found["tiled"].off(found["untiled"])
        return rows, off


def main() -> None:
    """Measure and print; end with 1 where losses or gradients do not agree."""
    extent, sections, cache = arguments()
    os.environ.update(ENVIRONMENT)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), peers(cache))
        chosen = [made for name, made in OF_EVALUATIONS.items() if name in sections]
        found: Found = {}
        if chosen:
            found = {n: bench.evaluations(n, EVERYTHING, extent.rounds) for n in extent.sizes}
            report(found)
        for made in chosen:
            print(made(found))
        if "scaling" in sections:
            missing = [n for n in extent.scaling if n not in found]
            more = {n: bench.evaluations(n, ("ours", "torch"), extent.rounds) for n in missing}
            report(more)
            print(tables.scaling({n: (found | more)[n] for n in extent.scaling}))
        if "loss" in sections:
            runs, until = bench.courses(extent)
            print(tables.loss(runs, until))
            alike = [each for (_, name), each in runs.items() if COARSE not in name]
            starts = [run[0][2] for repeats in alike for run in repeats]
            check(Off(max(starts) / min(starts) - 1, 0, 0))
        if "tiles" in sections:
            tiles(bench, extent)


def report(found: Found) -> None:
    """Print the versions, the losses and how far the gradients are off; end where they are."""
    if not found:
        return
    names = dict.fromkeys(one.name for _, one, _ in tables.each(found))
    print(f"\n{processor()}, {os.cpu_count()} cores; {'; '.join(names)}")
    print(tables.agreement(found))
    for _, one, others in tables.each(found):
        check(one.off(others["torch"]))


def tiles(bench: Bench, extent: Extent) -> None:
    """Print the table of tiles, where the library has them."""
    from neural_style import Objective  # it imports TensorFlow

    if "tile" not in inspect.signature(Objective).parameters:
        print("\nTiles: not available; Objective has no tile=…")
        return
    rows, off = bench.tiles(extent.tiled, min(extent.rounds, 3))
    print(
        f"\nAt {extent.tiled[0]} tiles change the loss by {off.loss:.0e}, the gradient by "
        f"{off.gradient:.0e}, 99 % of its pixels by {off.most:.0e}."
    )
    check(off)
    print(tables.tiles(rows, WHOLE, TILE))


def check(off: Off) -> None:
    """End where a loss or a gradient is too far off."""
    if not all(x < limit for x, limit in zip(off, TOLERANCE, strict=True)):
        sys.exit(f"they do not agree: {off}")


def processor() -> str:
    """Its name, as Linux has it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((x.partition(": ")[2] for x in lines if x.startswith("model name")), "CPU")


def arguments() -> tuple[Extent, Sequence[str], Path]:
    """The command line: how much, which tables, and the folder of the peers' environment."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="little of each, in a few minutes")
    parser.add_argument("--sizes", type=int, nargs="+", help="sides to evaluate at, in pixels")
    parser.add_argument("--rounds", type=int, help="turns of each library")
    parser.add_argument("--loss-size", type=int, help="side of the runs to a given loss")
    parser.add_argument("--evaluations", type=int, help="that set the loss of these runs")
    parser.add_argument("--repeats", type=int, help="of each of these runs")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS, help="tables")
    parser.add_argument(
        "--cache",
        type=Path,
        default=keras_home() / "benchmarks",
        help="folder of the other libraries' environment (default: %(default)s)",
    )
    options = parser.parse_args()
    extent = QUICK if options.quick else Extent()
    names = {each.name for each in dataclasses.fields(Extent)}
    given = {name: value for name, value in vars(options).items() if name in names}
    extent = dataclasses.replace(extent, **{k: v for k, v in given.items() if v is not None})
    return extent, options.only, options.cache


if __name__ == "__main__":
    main()
