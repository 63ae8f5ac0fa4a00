"""Show histogram matching of one channel: before, target and after.

    python examples/histogram_matching.py --layer block1_conv1 --channel 59

Above is the channel as a picture, below its histogram. The figure is
out/histogram_matching.png.
"""

import numpy as np
import options
from matplotlib.figure import Figure

import neural_style as ns
from neural_style.extensions import Histogram
from neural_style.images import Image


def figure(
    photo: Image, painting: Image, features: ns.FeatureModel, layer: str, channel: int
) -> Figure:
    """Draw the channel of the photo, of the painting, and of the photo matched to it."""
    before, target = (features(picture, [layer])[layer].numpy() for picture in (photo, painting))
    loss = Histogram(painting, layers=[layer])
    after = loss.target([{layer: target}], {layer: before}, rng=np.random.default_rng())[layer]
    drawn = Figure(figsize=(10, 6), layout="constrained")
    axes = drawn.subplots(2, 3)
    shown = {"before (photo)": before, "target (painting)": target, "after": after}
    high = max(float(f[..., channel].max()) for f in shown.values()) or 1.0
    for (above, below), (title, f) in zip(axes.T, shown.items(), strict=True):
        above.imshow(f[0, ..., channel], cmap="gray", vmin=0, vmax=high)
        above.set(title=title, xticks=[], yticks=[])
        below.hist(f[..., channel].ravel(), bins=60, range=(0, high), density=True, color="k")
        below.set(yscale="log", xlabel="value")
    drawn.suptitle(f"channel {channel} of {layer}")
    return drawn


def main() -> None:
    """Read the command line and draw."""
    made = options.parser(__doc__, size=512, evaluations=1)
    made.add_argument("--photo", help="instead of scikit-image's coffee")
    made.add_argument("--painting", help="instead of scikit-image's stained tissue")
    made.add_argument("--layer", default="block1_conv1")
    made.add_argument("--channel", type=int, default=59)
    given = options.settings(made, quick_size=256, quick_evaluations=1)
    photo, painting = (
        ns.images.load(own or ns.datasets.path(name), long_side=given.size)
        for own, name in ((given.photo, "coffee"), (given.painting, "ihc"))
    )
    drawn = figure(photo, painting, ns.FeatureModel("vgg19"), given.layer, given.channel)
    path = given.out / "histogram_matching.png"
    drawn.savefig(path, dpi=120)
    print(f"Wrote {path}.")


if __name__ == "__main__":
    main()
