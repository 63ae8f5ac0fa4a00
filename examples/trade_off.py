"""Draw how style and content compete: a curve for each mixture of losses of style.

    python examples/trade_off.py --quick
    python examples/trade_off.py --photo mine.jpg --painting other.jpg --shares 0.3 0.6 0.9

Every point is a run of content and of a mixture, with a growing share of the style in the gradient
(`neural_style.balance`). The axes are figures of `neural_style.score`. Nearer to the lower left
corner is better, at any share. The figure is out/trade_off.png. Finished runs are saved in
out/trade_off and not repeated.
"""

import options
from gallery import PAIRS, Objective, Pair, Studio
from matplotlib.figure import Figure

import neural_style as ns

MIXTURES = (
    ("gram",),
    ("gram", "shifted_gram"),
    ("gram", "histogram"),
    ("gram", "shifted_gram", "histogram"),
    ("wasserstein2",),
    ("moments", "nearest_neighbors"),
)
FIGURES = (  # on the horizontal and the vertical axis; lower is better
    ("content_self_similarity", "style_gram"),
    ("content_self_similarity", "style_wasserstein"),
)


def curves(scores: dict[Objective, ns.Scores]) -> Figure:
    """Draw the scores of each mixture as a curve."""
    drawn = Figure(figsize=(7 * len(FIGURES), 6), layout="constrained")
    for axes, (across, up) in zip(drawn.subplots(1, len(FIGURES)), FIGURES, strict=True):
        for mixture in MIXTURES:
            own = [score for objective, score in scores.items() if objective[0] == mixture]
            axes.plot(
                [getattr(score, across) for score in own],
                [getattr(score, up) for score in own],
                marker=".",
                label=" + ".join(mixture),
            )
        axes.set(xlabel=f"{across} (lower is better)", ylabel=f"{up} (lower is better)")
    title = "with content, for growing shares of style"
    drawn.legend(handles=axes.lines, loc="outside lower center", ncols=3, title=title)
    return drawn


def main() -> None:
    """Read the command line, run every mixture at every share, and draw the curves."""
    made = options.parser(__doc__, size=256, evaluations=40)
    made.add_argument("--photo", help="instead of the rocket")
    made.add_argument("--painting", help="instead of the starry night")
    made.add_argument("--shares", nargs="+", type=float, default=[0.2, 0.5, 0.8, 0.95])
    given = options.settings(made, quick_size=128, quick_evaluations=20)
    photo, painting = (
        ns.images.load(path or ns.datasets.path(name), long_side=given.size)
        for path, name in zip((given.photo, given.painting), PAIRS[0], strict=True)
    )
    pair = Pair("trade_off", photo, painting)
    studio = Studio(pair, ns.FeatureModel("vgg19", padding="symmetric"), given.evaluations)
    objectives = [(mixture, ("content",), share) for mixture in MIXTURES for share in given.shares]
    outcomes = ns.sweep(
        studio.run,
        {"objective": objectives},
        folder=given.out / f"trade_off/{pair.digest}-{given.evaluations}",
        callbacks=[lambda outcome: print(outcome, flush=True)],
    )
    scores = {
        outcome.settings["objective"]: studio.scores(outcome.result.image)
        for outcome in outcomes
        if outcome.result is not None
    }
    curves(scores).savefig(given.out / "trade_off.png", dpi=100)
    print(f"Wrote {given.out / 'trade_off.png'}.")


if __name__ == "__main__":
    main()
