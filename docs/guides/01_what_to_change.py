"""
What to change when it does not look right
==========================================

A picture takes one call. When it does not look as you hoped, one option usually helps. Here is
what each does, before and after, on a photo of a rocket and *The Starry Night*.
"""

from show import show

import neural_style as ns

rocket = ns.datasets.load("rocket", long_side=128)  # or the path of your own photo
night = ns.datasets.load("starry_night_640", long_side=128)

first = ns.transfer(rocket, night, size=128, verbose=False)
show(photo=rocket, painting=night, result=first)

# %%
# Too little style, or the photo is lost
# --------------------------------------
# ``strength`` is a number from 0 to 1. It means about the same for every pair of pictures.

strong = ns.transfer(rocket, night, size=128, strength=0.9, verbose=False)
weak = ns.transfer(rocket, night, size=128, strength=0.2, verbose=False)
show(**{"strength 0.2": weak, "strength 0.5": first, "strength 0.9": strong})

# %%
# The wrong colors
# ----------------
# By default the colors are the painting's. ``color`` keeps those of the photo.

kept = ns.transfer(rocket, night, size=128, color="luminance", verbose=False)
show(before=first, after=kept)

# %%
# The strokes are too small or too large
# --------------------------------------
# Strokes have the size that they have in the painting's pixels. A larger ``style_size`` makes them
# larger, a smaller one makes them smaller.

large = ns.transfer(rocket, night, size=128, style_size=256, verbose=False)
show(before=first, after=large)

# %%
# A face is gone
# --------------
# ``content_mask`` says where to paint: white everywhere, black where the photo should stay. Here
# ``loss=ns.default_loss`` leaves out the search for the strength, so this page is built quickly.

import numpy as np

astronaut = ns.datasets.load("astronaut", long_side=128)
face = np.full((128, 128), 255)
face[2:54, 37:74] = 0
spared = ns.transfer(
    astronaut, night, size=128, content_mask=face, loss=ns.default_loss, verbose=False
)
show(photo=astronaut, mask=np.stack([face] * 3, -1), after=spared)

# %%
# Noise
# -----
# Specks come from losses that only compare statistics, at a single size. The default loss has few.
# With your own loss, add a little total variation, and paint at smaller sizes first.


def gram(photo, painting):
    return ns.create("content", photo) + 1e-3 * ns.create("gram", painting)


def smoother(photo, painting):
    return gram(photo, painting) + 3e4 * ns.create("total_variation")


noisy = ns.transfer(rocket, night, size=128, loss=gram, evaluations=60, verbose=False)
clean = ns.transfer(
    rocket, night, size=128, loss=smoother, scales=[64], evaluations=30, verbose=False
)
show(before=noisy, after=clean)

# %%
# Too slow
# --------
# Time grows with the number of pixels: half the ``size`` takes a quarter. ``minutes=2`` paints for
# about two minutes on your machine. ``ns.estimate`` tells the time and the memory beforehand.

print(ns.estimate(ns.default_loss(rocket, night), ns.FeatureModel("vgg19"), (512, 512)))

# %%
# Out of memory
# -------------
# ``tile=400`` evaluates the picture in pieces. The result is the same, except for rounding. By
# default ``transfer`` does this by itself when the picture does not fit.
