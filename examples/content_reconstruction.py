"""Reconstruct the content of a photo from noise, from each layer.

    python examples/content_reconstruction.py --quick
    python examples/content_reconstruction.py --photo mine.jpg

For conv1_2 … conv5_2, from noise in 0–3 and in 0–255, with Adam at 1e-3 and 1e-1 and with
L-BFGS. A row is a layer. A cell shows the picture at the start, in the middle and at the
end. The last column has the loss curves. The figure is out/content_reconstruction.png.
"""

import options
from keras.optimizers import Adam
from matplotlib.figure import Figure

import neural_style as ns
from neural_style.extensions import Content
from neural_style.images import Image

LAYERS = tuple(f"block{block}_conv2" for block in range(1, 6))
RANGES = {"noise 0–3": (0.0, 3.0), "noise 0–255": (0.0, 255.0)}
OPTIMIZERS = {"Adam 1e-3": Adam(1e-3), "Adam 1e-1": Adam(1e-1), "L-BFGS": ns.LBFGS()}


def reconstruct(
    photo: Image,
    features: ns.FeatureModel,
    layer: str,
    start: Image,
    optimizer: object,
    evaluations: int,
) -> tuple[list[Image], ns.Result]:
    """Return the pictures at the start, in the middle and at the end, and the result."""
    seen: list[ns.Step] = []
    result = ns.minimize(
        Content(photo, layers=[layer]),
        features,
        start,
        evaluations=evaluations,
        optimizer=optimizer,
        callbacks=[seen.append],
    )
    middle = min(seen, key=lambda step: abs(step.evaluation - evaluations / 2))
    return [seen[0].image, middle.image, result.image], result


def figure(photo: Image, features: ns.FeatureModel, evaluations: int) -> Figure:
    """Draw every layer, range and optimizer in one figure."""
    columns = [(r, o) for r in RANGES for o in OPTIMIZERS]
    drawn = Figure(figsize=(3.2 * len(columns) + 4, 1.3 * len(LAYERS) + 1), layout="constrained")
    grid = drawn.add_gridspec(
        len(LAYERS), 3 * len(columns) + 1, width_ratios=[1] * 3 * len(columns) + [4]
    )
    for row, layer in enumerate(LAYERS):
        curves = drawn.add_subplot(grid[row, -1])
        for column, (range_, optimizer) in enumerate(columns):
            print(f"{layer}, {range_}, {optimizer} …", flush=True)
            start = ns.images.noise((photo.shape[0], photo.shape[1]), uniform=RANGES[range_])
            pictures, result = reconstruct(
                photo, features, layer, start, OPTIMIZERS[optimizer], evaluations
            )
            for place, (name, picture) in enumerate(
                zip(("start", "middle", "end"), pictures, strict=True)
            ):
                axes = drawn.add_subplot(grid[row, 3 * column + place])
                axes.imshow(picture.round().astype("uint8"))
                axes.set(xticks=[], yticks=[])
                if row == 0:
                    axes.set_title(f"{range_}\n{optimizer}\n{name}", fontsize=8)
                if column == place == 0:
                    axes.set_ylabel(layer, fontsize=8)
            curves.plot(
                [entry.evaluation for entry in result.history],
                [entry.loss for entry in result.history],
                label=f"{range_}, {optimizer}",
            )
        curves.set_yscale("log")
        if row == 0:
            curves.set_title("loss against evaluations", fontsize=8)
            curves.legend(fontsize=5)
    return drawn


def main() -> None:
    """Read the command line and draw."""
    made = options.parser(__doc__, size=224, evaluations=1000)
    made.add_argument("--photo", help="instead of the coastal scene")
    given = options.settings(made, quick_size=96, quick_evaluations=60)
    photo = ns.images.load(given.photo or ns.datasets.path("coastal_scene"), long_side=given.size)
    path = given.out / "content_reconstruction.png"
    figure(photo, ns.FeatureModel("vgg19"), given.evaluations).savefig(path, dpi=100)
    print(f"Wrote {path}.")


if __name__ == "__main__":
    main()
