"""
Mixing losses
=============

A loss measures one thing. A sum of losses, each with its weight, is what a run minimizes.
"""

from show import show

import neural_style as ns
from neural_style.extensions import Content, Gram, Histogram, NearestNeighbors, ShiftedGram

photo = ns.datasets.load("chelsea", long_side=128)
painting = ns.datasets.load("great_wave", long_side=128)
features = ns.FeatureModel("vgg19", padding="symmetric")


def paint(loss):
    return ns.minimize(loss, features, photo, scales=[64], evaluations=[40, 20], verbose=False)


# %%
# `Content` keeps the photo, `Gram` brings the painting's texture. A larger weight of `Gram` paints
# more.

content = Content(photo)
show(
    photo=photo,
    painting=painting,
    a_little_gram=paint(content + 1e-5 * Gram(painting)),
    more_gram=paint(content + 1e-3 * Gram(painting)),
)

# %%
# Other losses of style bring what `Gram` misses. `ShiftedGram` orders the texture, `Histogram`
# brings the range of every feature, and `NearestNeighbors` whole strokes.

base = content + 1e-4 * Gram(painting)
show(
    with_shifted_gram=paint(base + 1e-4 * ShiftedGram(painting, shifts=[4])),
    with_histogram=paint(base + 1 * Histogram(painting)),
    nearest_neighbors=paint(3e-7 * content + NearestNeighbors(painting)),
)

# %%
# A sum prints as the Python code that makes it, and a result has the value of every term.

print(base)
result = paint(base)
print(result.terms)

# %%
# `ns.create` makes a loss by its name, and `ns.names` lists all names, also those of packages that
# you have installed.

print(ns.names())
