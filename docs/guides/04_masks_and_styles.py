"""
Masks, and several styles
=========================

A mask is a picture, as a file or an array: white counts, black does not, gray counts in part.
"""

import numpy as np
from show import show

import neural_style as ns

astronaut = ns.datasets.load("astronaut", long_side=128)
night = ns.datasets.load("starry_night_640", long_side=128)
wave = ns.datasets.load("great_wave", long_side=128)

# The default loss, without the search for its strength, so that this page is built quickly.
options = {"size": 128, "loss": ns.default_loss, "verbose": False}

# %%
# Two paintings
# -------------
# The losses of several paintings are added. Only the ratios of their weights matter.

both = ns.transfer(astronaut, [night, wave], style_weights=[1, 1], **options)
show(photo=astronaut, one=night, other=wave, both=both)

# %%
# A region for each
# -----------------
# With a mask for each painting, every painting has its own region.

left = np.zeros((128, 128))
left[:, :64] = 255
regions = ns.transfer(astronaut, [night, wave], content_mask=[left, 255 - left], **options)
show(mask=np.stack([left] * 3, -1), regions=regions)

# %%
# A part of a painting
# --------------------
# ``style_mask`` is the part of the painting that is used: here its sky.

sky = np.zeros(night.shape[:2])
sky[:64] = 255
swirls = ns.transfer(astronaut, night, style_mask=sky, **options)
show(part=np.where(sky[..., None] > 0, night, 255), result=swirls)
