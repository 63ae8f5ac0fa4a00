"""
Color
=====

By default the colors are those of the painting. Three options keep the photo's.
"""

from show import show

import neural_style as ns

photo = ns.datasets.load("coffee", long_side=128)
painting = ns.datasets.load("shipwreck_640", long_side=128)

# The default loss, without the search for its strength, so that this page is built quickly.
options = {"size": 128, "loss": ns.default_loss, "verbose": False}
plain = ns.transfer(photo, painting, **options)
show(photo=photo, painting=painting, plain=plain)

# %%
# ``"match"`` first gives the photo's palette to the painting. ``"luminance"`` paints in gray, and
# then restores the photo's chroma. ``"oklab"`` gives the result the photo's hues, in the palette of
# the painting.

show(
    **{
        color: ns.transfer(photo, painting, color=color, **options)
        for color in ("match", "luminance", "oklab")
    }
)

# %%
# The same steps are functions of `neural_style.color`, for your own scripts.

show(painting=painting, in_the_colors_of_the_photo=ns.color.match(painting, photo))
