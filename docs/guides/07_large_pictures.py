"""
Large pictures
==============

Three things make large pictures possible: smaller sizes first, tiles, and an estimate beforehand.
"""

from show import show

import neural_style as ns
from neural_style.extensions import Content, Gram

photo = ns.datasets.load("rocket", long_side=160)
painting = ns.datasets.load("starry_night_640", long_side=160)
features = ns.FeatureModel("vgg19")
layers = ["block1_conv1", "block2_conv1", "block3_conv1"]
loss = Content(photo, layers=layers[-1:]) + 1e-3 * Gram(painting, layers=layers)

# %%
# Coarse to fine
# --------------
# A network sees a part of the picture of the same size in pixels, whatever the picture's size. So a
# small picture gets large forms, and a large one only fine texture. With ``scales``, a run starts
# small, and each size starts from the result of the size before. ``evaluations`` are those of each
# scale; the last size takes the most time for each and needs the fewest.

flat = ns.minimize(loss, features, photo, evaluations=40, verbose=False)
scaled = ns.minimize(
    loss, features, photo, scales=[40, 80], evaluations=[40, 30, 20], verbose=False
)
show(one_size=flat, coarse_to_fine=scaled)
print(f"{flat.seconds:.0f} s and {scaled.seconds:.0f} s, compilation included")

# %%
# Tiles
# -----
# With ``tile``, the picture is evaluated in pieces that overlap by what the network sees. Loss and
# gradient are those of the whole picture, except for rounding, so there are no seams. Memory then
# depends on the tile, not on the picture. Most losses can be tiled; one that cannot says so.

tiled = ns.minimize(loss, features, photo, evaluations=40, tile=112, verbose=False)
show(whole=flat, in_tiles=tiled)

# %%
# What fits on this machine
# -------------------------
# `ns.estimate` gives the memory and the time of a run. ``tile="auto"``, the default of
# `ns.transfer`, chooses the largest tile that fits into the free memory.

for size in (512, 1024, 2048):
    print(size, ns.estimate(loss, features, (size, size)), sep=": ")
print("2048 in tiles", ns.estimate(loss, features, (2048, 2048), tile=800), sep=": ")
