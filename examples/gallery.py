"""Compare all losses on one pair of pictures, and style against content.

    python examples/gallery.py --quick
    python examples/gallery.py --photo mine.jpg --painting other.jpg --losses gram relaxed_emd

All registered losses are included, also those of other packages. The references that a loss
accepts show its purpose. It needs no reference; or it accepts a reference of any size (a style
loss, which is run with content); or it accepts only one of the picture's size (a content loss,
which is run with Gram and replaces content). Losses have different units, so
`neural_style.balance` gives style nine tenths of the gradient and the other losses the rest
(``--share``). The shares are measured at a picture that a first, shorter run has painted. At the
photo the style's gradient is far larger, and the same share paints much less.

out/gallery.png has the pictures with the seconds of an evaluation, including the time to refresh
targets, and with the figures of `neural_style.score`: Gram, Wasserstein and color for style;
self-similarity, structural similarity and edges for content. out/gallery-curve.png has style
against content for growing shares of Gram, alone and with long-range correlations and histograms.
All losses are points beside these curves. Nearer to the lower left corner is better, at any share.
Finished runs are saved in out/gallery and not repeated.
"""

from typing import TypeAlias

import numpy as np
import options
from keras import tree
from matplotlib.figure import Figure

import neural_style as ns
from neural_style.extensions import Content, Gram
from neural_style.images import Image
from neural_style.losses import calls

# The style losses, the others, and the total share of the style losses in the gradient.
Objective: TypeAlias = tuple[tuple[str, ...], tuple[str, ...], float]

CURVES = (
    ("gram",),
    ("gram", "shifted_gram"),
    ("gram", "histogram"),
    ("gram", "shifted_gram", "histogram"),
)
FIGURES = (  # on the horizontal and the vertical axis; lower is better
    ("content_self_similarity", "style_gram"),
    ("content_self_similarity", "style_wasserstein"),
)


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


def objectives(roles: dict[str, str], share: float) -> dict[Objective, str]:
    """Every loss with its counterpart and the share of the style, and their titles."""
    found: dict[Objective, str] = {}
    for name, kind in roles.items():
        styles = (name,) if kind == "style" else ("gram",)
        others = {"style": ("content",), "content": (name,), "none": ("content", name)}[kind]
        found.setdefault((styles, others, share), " + ".join((*styles, *others)))
    return found


class Studio:
    """A pair of pictures, and the runs with it."""

    def __init__(
        self, photo: Image, painting: Image, features: ns.FeatureModel, evaluations: int
    ) -> None:
        self.photo, self.painting, self.features = photo, painting, features
        self.evaluations = evaluations
        self.roles = {name: role(name, features) for name in ns.names()}
        # At the photo itself, this share paints as strongly as weights chosen by eye.
        shares = 0.999 * Gram(painting) + 0.001 * Content(photo)
        first = ns.balance(shares, features, photo)
        self.painted = ns.minimize(first, features, photo, evaluations=max(1, evaluations // 2))

    def run(self, objective: Objective) -> ns.Result:
        """Run an objective from the photo."""
        styles, others, share = objective
        shares = sum(
            part / len(names) * self.loss(name)
            for names, part in ((styles, share), (others, 1 - share))
            for name in names
        )
        assert isinstance(shares, ns.WeightedSum)
        loss = ns.balance(shares, self.features, self.painted.image)
        return ns.minimize(loss, self.features, self.photo, evaluations=self.evaluations)

    def loss(self, name: str) -> ns.Loss:
        """Create a loss by its name, with the reference for its role."""
        references = {"style": (self.painting,), "content": (self.photo,), "none": ()}
        loss: ns.Loss = ns.create(name, *references[self.roles[name]])
        return loss

    def scores(self, picture: Image) -> ns.Scores:
        """The figures of a picture."""
        return ns.score(picture, self.photo, self.painting, features=self.features)


def seconds(result: ns.Result) -> float:
    """The mean time of an evaluation, without the first, which compiles the objective."""
    first, last = result.history[0], result.history[-1]
    return (last.seconds - first.seconds) / max(1, last.evaluation - first.evaluation)


def table(
    titles: dict[Objective, str],
    results: dict[Objective, ns.Result],
    scores: dict[Objective, ns.Scores],
) -> dict[str, Image]:
    """The pictures, with the figures as titles. The figures are also printed."""
    drawn = {}
    print(f"{'':32}{'s':>7}  " + " ".join(next(iter(scores.values())).as_dict()))
    for objective, title in titles.items():
        own = scores[objective].as_dict()
        figures = " ".join(f"{value:.2f}" for value in own.values())
        print(f"{title:32}{seconds(results[objective]):7.3f}  {figures}", flush=True)
        style, content = figures.split()[:3], figures.split()[3:]
        drawn[
            f"{title}: {seconds(results[objective]):.2f} s, {'/'.join(style)}, {'/'.join(content)}"
        ] = results[objective].image
    return drawn


def curve(
    titles: dict[Objective, str], scores: dict[Objective, ns.Scores], shares: list[float]
) -> Figure:
    """Draw style against content: a curve for each of `CURVES`, a point for each loss."""
    drawn = Figure(figsize=(7 * len(FIGURES), 6), layout="constrained")
    for axes, (across, up) in zip(drawn.subplots(1, len(FIGURES)), FIGURES, strict=True):
        for styles in CURVES:
            own = [scores[each] for each in points(styles, shares) if each in scores]
            axes.plot(
                [getattr(each, across) for each in own],
                [getattr(each, up) for each in own],
                marker=".",
                label=" + ".join(styles),
            )
        for objective, title in titles.items():
            at = getattr(scores[objective], across), getattr(scores[objective], up)
            axes.plot(*at, "k.", markersize=4)
            axes.annotate(title, at, fontsize=7, xytext=(3, 3), textcoords="offset points")
        axes.set(xlabel=f"{across} (lower is better)", ylabel=f"{up} (lower is better)")
        axes.margins(x=0.2)  # for the names of the points
    title = "with content, for growing shares of style"
    drawn.legend(
        handles=axes.lines[: len(CURVES)], loc="outside lower center", ncols=4, title=title
    )
    return drawn


def points(styles: tuple[str, ...], shares: list[float]) -> list[Objective]:
    """The objectives of a curve."""
    return [(styles, ("content",), share) for share in shares]


def main() -> None:
    """Read the command line, run every objective, and draw the sheet and the curve."""
    made = options.parser(__doc__, size=256, evaluations=200)
    made.add_argument("--photo", help="instead of the cup of coffee")
    made.add_argument("--painting", help="instead of the starry night")
    made.add_argument("--losses", nargs="+", choices=ns.names(), help="instead of all")
    made.add_argument("--share", type=float, default=0.9, help="share of style in the pictures")
    made.add_argument(
        "--shares",
        nargs="+",
        type=float,
        default=[0.2, 0.5, 0.8, 0.95],
        help="shares along the curves",
    )
    given = options.settings(made, quick_size=160, quick_evaluations=80)
    photo, painting = (
        ns.images.load(path or ns.datasets.path(name), long_side=given.size)
        for path, name in ((given.photo, "coffee"), (given.painting, "starry_night"))
    )
    studio = Studio(photo, painting, ns.FeatureModel("vgg19"), given.evaluations)
    roles = {name: studio.roles[name] for name in given.losses or studio.roles}
    titles = objectives(roles, given.share)
    curves = [each for styles in CURVES for each in points(styles, given.shares)]
    pair = "-".join(ns.images.digest(picture)[:16] for picture in (photo, painting))
    outcomes = ns.sweep(
        studio.run,
        {"objective": list(dict.fromkeys([*titles, *curves]))},
        folder=given.out / f"gallery/{pair}-{given.size}-{given.evaluations}",
        callbacks=[lambda outcome: print(outcome, flush=True)],
    )
    results = {x.settings["objective"]: x.result for x in outcomes if x.result is not None}
    scores = {objective: studio.scores(result.image) for objective, result in results.items()}
    titles = {objective: title for objective, title in titles.items() if objective in results}
    sheet = {"the photo": photo, "the painting": painting} | table(titles, results, scores)
    written = ns.images.save(ns.contact_sheet(sheet, columns=5), given.out / "gallery.png")
    curve(titles, scores, given.shares).savefig(given.out / "gallery-curve.png", dpi=100)
    print(f"Wrote {written} and {given.out / 'gallery-curve.png'}.")


if __name__ == "__main__":
    main()
