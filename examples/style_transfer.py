"""Paint a photo in the style of a painting, with the recipes of published articles.

    python examples/style_transfer.py --quick
    python examples/style_transfer.py --photo mine.jpg --painting painting.jpg

The variants are: the shallow recipe (content at the second block, style of the first two) and the
full one; content to style from 1/10 to 1/10000; a start from the content and from noise; L-BFGS
and Adam. A contact sheet for each photo is written to out/.
"""

import options
from keras.optimizers import Adam

import neural_style as ns
from neural_style.extensions import Content, Gram
from neural_style.images import Image

RECIPES = {"shallow": ("block2_conv2", 2), "full": ("block4_conv2", 5)}


def objective(photo: Image, painting: Image, recipe: str, ratio: float) -> ns.WeightedSum:
    """Content + style / ratio, with the layers of a recipe. ``ratio`` is the papers' α/β."""
    content_layer, depth = RECIPES[recipe]
    style_layers = [f"block{block}_conv1" for block in range(1, depth + 1)]
    # The papers rescale VGG to a mean activation of 1, Keras does not, so the units of the ratio
    # differ. With this factor, 1/1000 looks about as in the papers.
    return Content(photo, layers=[content_layer]) + 1e-5 / ratio * Gram(
        painting, layers=style_layers
    )


def pictures(
    photo: Image, painting: Image, features: ns.FeatureModel, evaluations: int
) -> dict[str, Image]:
    """Paint every variant. Return the pictures by title."""
    noise = ns.images.noise((photo.shape[0], photo.shape[1]))
    variants = {f"α/β = 1/{n}": ("full", 1 / n, photo, None) for n in (10, 100, 1000, 10000)} | {
        "shallow, 1/1000": ("shallow", 1e-3, photo, None),
        "from noise, 1/10": ("full", 1e-1, noise, None),
        "Adam(1), 1/1000": ("full", 1e-3, photo, Adam(1.0)),
        "Adam(1), from noise, 1/10": ("full", 1e-1, noise, Adam(1.0)),
    }
    drawn = {"the photo": photo, "the painting": painting}
    for title, (recipe, ratio, start, optimizer) in variants.items():
        print(f"{title} …", flush=True)
        loss = objective(photo, painting, recipe, ratio)
        result = ns.minimize(loss, features, start, evaluations=evaluations, optimizer=optimizer)
        drawn[title] = result.image
    return drawn


def main() -> None:
    """Read the command line and draw a sheet for each photo."""
    made = options.parser(__doc__, size=512, evaluations=300)
    made.add_argument("--photo", help="instead of the coastal scene and the Perth skyline")
    made.add_argument("--painting", help="instead of the starry night")
    given = options.settings(made, quick_size=160, quick_evaluations=80)
    painting = ns.images.load(
        given.painting or ns.datasets.path("starry_night"), long_side=given.size
    )
    photos = (
        {"photo": given.photo}
        if given.photo
        else {name: ns.datasets.path(name) for name in ("coastal_scene", "perth_skyline")}
    )
    features = ns.FeatureModel("vgg19")
    for name, path in photos.items():
        photo = ns.images.load(path, long_side=given.size)
        drawn = pictures(photo, painting, features, given.evaluations)
        sheet = ns.contact_sheet(drawn, columns=5)
        written = given.out / f"style_transfer-{name}.png"
        print(f"Wrote {ns.images.save(sheet, written)}.", flush=True)


if __name__ == "__main__":
    main()
