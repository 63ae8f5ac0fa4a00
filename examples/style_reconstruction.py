"""Reconstruct the style of a painting from noise, from its Gram matrices.

    python examples/style_reconstruction.py --quick
    python examples/style_reconstruction.py --painting mine.jpg

The layers grow from conv1_1 alone to conv1_1 … conv5_1 together, for three seeds and the sizes
128, 176, 224 and 512, of the starry night and of the coastal scene. A contact sheet for each
painting and size is written to out/: a row is a seed, a column the number of layers. Finished
runs are saved in out/style_reconstruction and not repeated.
"""

import options

import neural_style as ns
from neural_style.extensions import Gram
from neural_style.images import Image

# The weights of Gatys' notebook; `Gram` is a quarter of its loss.
LAYERS = {
    f"block{block}_conv1": 4e3 / channels**2
    for block, channels in enumerate((64, 128, 256, 512, 512), 1)
}


def reconstruct(
    painting: Image, features: ns.FeatureModel, layers: int, seed: int, evaluations: int
) -> ns.Result:
    """Reconstruct the style of the first ``layers`` layers, at the painting's size."""
    size = painting.shape[0], painting.shape[1]
    noise = ns.images.noise(size, seed=seed)
    loss = Gram(painting, layers=dict(list(LAYERS.items())[:layers]))
    return ns.minimize(loss, features, noise, evaluations=evaluations, seed=seed)


def main() -> None:
    """Read the command line, run the grid, draw a sheet for each painting and size."""
    made = options.parser(__doc__, size=512, evaluations=300)
    made.add_argument("--painting", help="instead of the two paintings")
    made.add_argument("--seeds", type=int, default=3)
    given = options.settings(made, quick_size=128, quick_evaluations=100)
    paths = (
        {"painting": given.painting}
        if given.painting
        else {name: ns.datasets.path(name) for name in ("starry_night", "coastal_scene")}
    )
    features = ns.FeatureModel("vgg19")
    for name, path in paths.items():
        for size in sorted({min(size, given.size) for size in (128, 176, 224, 512)}):
            painting = ns.images.load(path, size=(size, size))
            kept = f"{name}-{size}-{given.evaluations}-{ns.images.digest(painting)[:16]}"
            outcomes = ns.sweep(
                lambda layers, seed, painting=painting: reconstruct(
                    painting, features, layers, seed, given.evaluations
                ),
                {"layers": range(1, 6), "seed": range(given.seeds)},
                folder=given.out / "style_reconstruction" / kept,
            )
            sheet = ns.contact_sheet(outcomes, rows="seed", columns="layers")
            written = given.out / f"style_reconstruction-{name}-{size}.png"
            print(f"Wrote {ns.images.save(sheet, written)}.", flush=True)


if __name__ == "__main__":
    main()
