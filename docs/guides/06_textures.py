"""
Textures and seamless tiles
===========================

Without a content loss, a run from noise paints more of a texture. With ``padding="periodic"`` the
result is a seamless tile: its right side continues at its left, its bottom at its top.
"""

import numpy as np
from show import show

import neural_style as ns

texture = ns.datasets.load("ihc", long_side=128)


def grow(seed, padding):
    return ns.transfer(
        texture,
        texture,
        loss=lambda photo, painting: ns.create("gram", painting),
        start="noise",
        scales=[64],
        size=128,
        evaluations=[60, 40],
        padding=padding,
        seed=seed,
        verbose=False,
    )


plain, seamless = grow(0, "symmetric"), grow(0, "periodic")
show(texture=texture, plain=plain, seamless=seamless)

# %%
# Repeated, the plain one shows its edges, and the seamless one does not. Its sides must divide by
# the network's poolings, here by 16.

show(plain=np.tile(plain.image, (2, 2, 1)), seamless=np.tile(seamless.image, (2, 2, 1)))

# %%
# Another seed gives another sample of the same texture.

show(seed_1=grow(1, "periodic"))
