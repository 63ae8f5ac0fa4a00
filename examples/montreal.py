"""Montreal painted by Huang Gongwang, with a picture for each step.

    python examples/montreal.py --quick
    python examples/montreal.py --photo mine.jpg --painting scroll.jpg

From noise: only the content, only the style. From the photo, all with the same content and the same
number of evaluations: Gram matrices; also long-range Gram matrices, which add the strokes; also
histograms, which take out the photo's last colors; everything; the same from noise. Last, "our
best": the default loss of `transfer`, on the photo in the painting's inks, from coarse to fine. The
contact sheet is out/montreal.png, and the pictures are in the same folder.
"""

import numpy as np
import options
from skimage.exposure import match_histograms

import neural_style as ns
from neural_style.extensions import Content, Gram, Histogram, ShiftedGram, TotalVariation
from neural_style.images import Image

# Gatys' notebook weights a layer of N channels by 1e3/N²; `Gram` is a quarter of his loss.
LAYERS = {
    f"block{block}_conv1": 4e3 / channels**2
    for block, channels in enumerate((64, 128, 256, 512, 512), 1)
}


def story(
    photo: Image, painting: Image, features: ns.FeatureModel, evaluations: int
) -> dict[str, ns.Result]:
    """Run every step. Return the results by title."""
    content, gram = 5 * Content(photo), 0.3 * Gram(painting, layers=LAYERS)
    long_range = 0.05 * ShiftedGram(painting, shifts=[4])
    histogram = 100 * Histogram(painting, refresh_every=25)
    smooth = 1e3 * TotalVariation()
    style = gram + long_range + histogram + smooth
    noise = ns.images.noise((photo.shape[0], photo.shape[1]))
    steps: dict[str, tuple[ns.Loss | ns.WeightedSum, Image]] = {
        "content alone, from noise": (content, noise),
        "style alone, from noise": (gram, noise),
        "Gram": (content + gram + smooth, photo),
        "Gram, long-range": (content + gram + long_range + smooth, photo),
        "Gram, histogram": (content + gram + histogram + smooth, photo),
        "all of it": (content + style, photo),
        # The photo already has the content; a run from noise must find it.
        "all of it, from noise": (10 * content + style, noise),
    }
    results = {}
    for title, (loss, start) in steps.items():
        print(f"{title} …", flush=True)
        results[title] = ns.minimize(
            loss, features, start, evaluations=evaluations, parameterization="frequencies"
        )
    print("our best …", flush=True)
    results["our best"] = best(photo, painting, features, max(1, evaluations // 3))
    return results


def best(photo: Image, painting: Image, features: ns.FeatureModel, evaluations: int) -> ns.Result:
    """The default loss, from coarse to fine."""
    return ns.transfer(
        tones(photo, painting),
        painting,
        loss=ns.default_loss,
        size=max(photo.shape[:2]),
        features=features,
        evaluations=evaluations,  # at each scale
    )


def tones(photo: Image, painting: Image) -> Image:
    """The photo in the painting's inks: lights become paper, shadows become ink.

    Its luminance (ITU-R BT.601) is in all channels, each with the painting's histogram.
    """
    gray = photo @ np.array([0.299, 0.587, 0.114], np.float32)
    inks = match_histograms(np.stack([gray] * 3, -1), painting, channel_axis=-1)
    return ns.images.as_image(inks)


def main() -> None:
    """Read the command line, run every step, draw the sheet."""
    made = options.parser(__doc__, size=512, evaluations=300)
    made.add_argument("--photo", help="instead of Montreal")
    made.add_argument("--painting", help="instead of the Fuchun Mountains")
    given = options.settings(made, quick_size=192, quick_evaluations=100)
    photo, painting = (
        ns.images.load(own or ns.datasets.path(name), long_side=given.size)
        for own, name in ((given.photo, "montreal"), (given.painting, "fuchun_mountains"))
    )
    features = ns.FeatureModel("vgg19", padding="symmetric")
    results = story(photo, painting, features, given.evaluations)
    for number, (title, result) in enumerate(results.items(), 1):
        name = title.replace(", ", "-").replace(" ", "-").lower()
        result.save(given.out / f"montreal-{number}-{name}.png")
    pictures = {"the photo": photo, "the painting": painting}
    pictures |= {title: result.image for title, result in results.items()}
    sheet = ns.contact_sheet(pictures, columns=5)
    print(f"Wrote {ns.images.save(sheet, given.out / 'montreal.png')}.")


if __name__ == "__main__":
    main()
