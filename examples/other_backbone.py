"""Style transfer on a network other than VGG, with its own preprocessing.

    python examples/other_backbone.py --quick
    python examples/other_backbone.py --network MobileNetV2 --photo mine.jpg --painting other.jpg

Any network of keras.applications without its top layers can be used: name the layers that losses
read, and pass the preprocessing of its training. Keras downloads the weights. With
``--weights none`` they are random, which needs no network connection and still transfers some
texture.
"""

import dataclasses
import importlib

import options
from keras import applications, utils

import neural_style as ns
from neural_style.extensions import Content, Gram, TotalVariation

# The module with the preprocessing, the layer of the content, and those of the style.
NETWORKS = {
    "ResNet50": (
        "resnet",
        "conv3_block4_out",
        ["conv1_relu", "conv2_block3_out", "conv3_block4_out"],
    ),
    "MobileNetV2": (
        "mobilenet_v2",
        "block_6_expand_relu",
        ["Conv1_relu", "block_1_expand_relu", "block_3_expand_relu", "block_6_expand_relu"],
    ),
    "EfficientNetB0": (
        "efficientnet",
        "block4a_expand_activation",
        ["stem_activation", "block2a_activation", "block3a_activation", "block4a_activation"],
    ),
}


def backbone(name: str, weights: str | None) -> ns.FeatureModel:
    """A Keras network as a feature model, or a `WeightsError` if its weights are unavailable."""
    utils.set_random_seed(0)
    try:
        network = getattr(applications, name)(include_top=False, weights=weights)
    except Exception as error:  # the download can raise any exception
        raise ns.errors.WeightsError(
            f"the {weights} weights of {name} cannot be downloaded ({error}); connect to the "
            f"network, or use random weights with --weights none."
        ) from error
    module = importlib.import_module(f"keras.applications.{NETWORKS[name][0]}")
    return ns.FeatureModel(network, preprocess=module.preprocess_input)


def main() -> None:
    """Read the command line, paint, and draw the three pictures side by side."""
    made = options.parser(__doc__, size=384, evaluations=300)
    made.add_argument("--photo", help="instead of the cup of coffee")
    made.add_argument("--painting", help="instead of the stained tissue")
    made.add_argument("--network", choices=NETWORKS, default="ResNet50")
    made.add_argument("--weights", choices=["imagenet", "none"], default="imagenet")
    given = options.settings(made, quick_size=128, quick_evaluations=60)
    try:
        features = backbone(given.network, None if given.weights == "none" else given.weights)
    except ns.errors.WeightsError as error:
        made.exit(2, f"{error}\n")
    photo, painting = (
        ns.images.load(path or ns.datasets.path(name), long_side=given.size)
        for path, name in ((given.photo, "coffee"), (given.painting, "ihc"))
    )
    _, content, style = NETWORKS[given.network]
    # Activations have different scales in every network, so divide each term by its first value.
    terms = (
        Content(photo, layers=[content]) + Gram(painting, layers=style) + TotalVariation("squared")
    )
    noise = ns.images.noise((photo.shape[0], photo.shape[1]))
    first = ns.minimize(terms, features, noise, evaluations=1).terms
    shares = {"content": 1.0, "gram": 3.0, "total_variation": 1e-2}
    loss = ns.WeightedSum(
        dataclasses.replace(term, weight=shares[term.name] / first[term.name]) for term in terms
    )
    print(f"{given.network}:\n{loss}", flush=True)
    result = ns.minimize(loss, features, photo, evaluations=given.evaluations)
    sheet = ns.contact_sheet(
        {"the photo": photo, "the painting": painting, given.network: result.image}, columns=3
    )
    written = given.out / f"other_backbone-{given.network}.png"
    print(f"Wrote {ns.images.save(sheet, written)} ({result}).", flush=True)


if __name__ == "__main__":
    main()
