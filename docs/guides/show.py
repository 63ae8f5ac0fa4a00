"""Pictures side by side, for the guides."""

import matplotlib.pyplot as plt
import numpy as np

import neural_style as ns
from neural_style.images import Image


def show(**pictures: Image | ns.Result) -> None:
    """Draw pictures or results in a row, each under its name."""
    _, axes = plt.subplots(
        1, len(pictures), figsize=(2.6 * len(pictures), 2.4), squeeze=False, layout="constrained"
    )
    for axis, (name, picture) in zip(axes[0], pictures.items(), strict=True):
        image = picture.image if isinstance(picture, ns.Result) else picture
        axis.imshow(np.clip(np.rint(image), 0, 255).astype(np.uint8))
        axis.set_title(name.replace("_", " "), fontsize=9)
        axis.axis("off")
