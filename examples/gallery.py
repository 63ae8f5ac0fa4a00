"""Draw every loss and every preset on the same three pairs of pictures.

    python examples/gallery.py --quick
    python examples/gallery.py                    # about two hours on two cores
    python examples/gallery.py --photo mine.jpg --painting other.jpg --only gram nnst default

All registered losses are included, also those of other packages. The references that a loss
accepts show its purpose. It needs no reference; or it accepts a reference of any size (a style
loss, which is run with content); or it accepts only one of the picture's size (a content loss,
which is run with Gram and replaces content). Losses have different units, so `neural_style.balance`
gives style nine tenths of the gradient and the other losses the rest (``--share``), at a picture
that Gram has painted. At the photo the style's gradient is far larger, and the same share paints
much less. A run has scales of a quarter, a half and the whole size, with equal evaluations.

A preset has its own run, with at most five times as many evaluations at each scale.

A picture of each is written to out/gallery/<pair>/, and out/gallery/<pair>.png has all of them.
out/gallery/gallery.json has the weights, the seconds of a run and of an evaluation, and the figures
of `neural_style.score`. Finished runs are saved in out/gallery/runs and not repeated.
"""

import functools
import itertools
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import options
import PIL.Image
from keras import tree

import neural_style as ns
from neural_style.extensions import Content, Gram
from neural_style.images import Image
from neural_style.losses import calls

# The style losses, the others, and the total share of the style losses in the gradient.
Objective: TypeAlias = tuple[tuple[str, ...], tuple[str, ...], float]

PAIRS = (("rocket", "starry_night_640"), ("chelsea", "great_wave"), ("astronaut", "shipwreck_640"))
DEFAULT = "default"  # the name of the default loss


def role(name: str, features: ns.FeatureModel) -> str:
    """The role of a loss, from the references that it accepts, not from its name.

    It is ``"none"`` if the loss needs no reference, ``"style"`` or ``"content"``.
    """
    picture, other = ns.images.noise((64, 80), seed=1), ns.images.noise((80, 64), seed=2)
    accepted: dict[str, tuple[Image, ...]] = {
        "none": (),
        "style": (other,),
        "content": (picture,),
    }
    for found, references in accepted.items():
        try:
            loss = ns.create(name, *references)
            current, *theirs = (
                tree.map_structure(np.asarray, calls.statistics(loss, features(x, loss.layers)))
                for x in (picture, *references)
            )
            target = calls.target(loss, theirs, current, np.random.default_rng(0))
            calls.value(loss, current, target)
        except ns.errors.LossError:
            continue
        return found
    raise ns.errors.LossError(f"{name}: it accepts neither zero references nor one.")


class Pair(NamedTuple):
    """Two pictures, and the name of both."""

    name: str
    photo: Image
    painting: Image

    @property
    def digest(self) -> str:
        """What a run with them depends on."""
        return "-".join(ns.images.digest(picture)[:16] for picture in (self.photo, self.painting))


class Studio:
    """A pair of pictures, and the runs with it."""

    def __init__(
        self, pair: Pair, features: ns.FeatureModel, evaluations: int, share: float = 0.9
    ) -> None:
        self.photo, self.painting = pair.photo, pair.painting
        self.features, self.evaluations, self.share = features, evaluations, share
        height, width = self.photo.shape[:2]
        parts = [part for part in (4, 2) if min(height, width) >= 40 * part]
        self.scales = [max(height, width) // part for part in parts]
        self.roles = {name: role(name, features) for name in ns.names()}
        # At the photo itself, this share paints as strongly as weights chosen by eye.
        shares = 0.999 * Gram(self.painting) + 0.001 * Content(self.photo)
        self.painted = self.minimize(ns.balance(shares, features, self.photo)).image

    def paint(self, name: str) -> ns.Result:
        """Run the default loss, a preset, or a loss with its counterpart."""
        if name in self.roles:
            return self.run(self.objective(name))
        size = max(self.photo.shape)
        if name == DEFAULT:
            return ns.transfer(self.photo, self.painting, size=size)
        preset = ns.presets.find(name)(self.photo, self.painting, size=size)
        budgets: Any = np.minimum(preset.evaluations, 5 * self.evaluations).tolist()
        return replace(preset, evaluations=budgets).run()

    def objective(self, name: str) -> Objective:
        """A loss with its counterpart: content for a style, Gram for any other."""
        kind = self.roles[name]
        others = {"style": ("content",), "content": (name,), "none": ("content", name)}[kind]
        return (name,) if kind == "style" else ("gram",), others, self.share

    def run(self, objective: Objective) -> ns.Result:
        """Run an objective from the photo."""
        styles, others, share = objective
        shares = sum(
            part / len(names) * self.loss(name)
            for names, part in ((styles, share), (others, 1 - share))
            for name in names
        )
        assert isinstance(shares, ns.WeightedSum)
        return self.minimize(ns.balance(shares, self.features, self.painted))

    def minimize(self, loss: ns.WeightedSum) -> ns.Result:
        """Minimize from the photo, coarse to fine."""
        return ns.minimize(
            loss, self.features, self.photo, scales=self.scales, evaluations=self.evaluations
        )

    def loss(self, name: str) -> ns.Loss:
        """Create a loss by its name, with the reference for its role."""
        references = {"style": (self.painting,), "content": (self.photo,), "none": ()}
        loss: ns.Loss = ns.create(name, *references[self.roles[name]])
        return loss

    def scores(self, picture: Image) -> ns.Scores:
        """The figures of a picture, which a preset may have made square."""
        photo = ns.images.resize(self.photo, size=picture.shape[:2])
        return ns.score(picture, photo, self.painting, features=self.features)


def row(pair: Pair, name: str, studio: Studio, result: ns.Result) -> dict[str, Any]:
    """What the table says about a picture."""
    history = [entry for entry in result.history if entry.scale == result.scale]
    steps = [
        (later.seconds - entry.seconds) / (later.evaluation - entry.evaluation)
        for entry, later in itertools.pairwise(history)
    ]
    settings = result.record["settings"]
    return {
        "pair": pair.name,
        "name": name,
        "weights": {term["loss"]: term["weight"] for term in result.record["loss"]["terms"]},
        "scales": [*settings["scales"], max(result.image.shape)],
        "evaluations": settings["evaluations"],
        "seconds": round(result.seconds, 1),
        "seconds an evaluation": round(median(steps), 3) if steps else None,
        "commit": commit(),
        "figures": {k: round(v, 3) for k, v in studio.scores(result.image).as_dict().items()},
    }


@functools.cache
def commit() -> str:
    """The commit of this checkout, or nothing outside of one."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def merged(path: Path, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, with those of other pictures that the file has."""
    old = json.loads(path.read_text("utf-8")) if path.exists() else []
    found = {(row["pair"], row["name"]): row for row in (*old, *rows)}
    return list(found.values())


def main() -> None:
    """Read the command line, paint every picture, and write the table and the sheets."""
    made = options.parser(__doc__, size=384, evaluations=40)
    made.add_argument("--photo", help="one pair, instead of the three")
    made.add_argument("--painting", help="one pair, instead of the three")
    names = [DEFAULT, *ns.names(), *ns.presets.names()]
    made.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME")
    made.add_argument("--share", type=float, default=0.9, help="of style in the gradient")
    made.add_argument("--quality", type=int, default=70, help="of the JPEG files")
    given = options.settings(made, quick_size=128, quick_evaluations=20)
    pairs: tuple[tuple[str, str], ...] = PAIRS
    if given.photo or given.painting:
        pairs = ((given.photo or PAIRS[0][0], given.painting or PAIRS[0][1]),)
    folder = given.out / "gallery"
    features = ns.FeatureModel("vgg19", padding="symmetric")
    for paths in pairs:
        pictures = [
            ns.images.load(
                ns.datasets.path(path) if path in ns.datasets.names() else path,
                long_side=given.size,
            )
            for path in paths
        ]
        pair = Pair("-".join(Path(path).stem for path in paths), *pictures)
        studio = Studio(pair, features, given.evaluations, given.share)
        outcomes = ns.sweep(
            studio.paint,
            {"name": given.only},
            folder=folder / f"runs/{pair.digest}-{given.evaluations}",
            callbacks=[lambda outcome: print(outcome, flush=True)],
        )
        results = {x.settings["name"]: x.result for x in outcomes if x.result is not None}
        sheet = {"photo": pair.photo, "painting": pair.painting}
        for name, result in results.items():
            path = folder / pair.name / f"{name}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.clip(np.rint(result.image), 0, 255).astype(np.uint8)
            PIL.Image.fromarray(pixels).save(path, quality=given.quality, optimize=True)
            sheet[name] = result.image
        rows = [row(pair, name, studio, result) for name, result in results.items()]
        table = folder / "gallery.json"
        table.write_text(json.dumps(merged(table, rows), indent=1) + "\n", "utf-8")
        drawn = ns.images.save(ns.contact_sheet(sheet, columns=6), folder / f"{pair.name}.png")
        print(f"Wrote {drawn} and {table}.")


if __name__ == "__main__":
    main()
