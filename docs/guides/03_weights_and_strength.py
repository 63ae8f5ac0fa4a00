"""
Choosing weights, and strength
==============================

Losses have different units, so a weight alone says little. There are three ways to choose.
"""

from show import show

import neural_style as ns
from neural_style.extensions import Content, Gram, Wasserstein2

photo = ns.datasets.load("chelsea", long_side=128)
painting = ns.datasets.load("great_wave", long_side=128)
features = ns.FeatureModel("vgg19", padding="symmetric")

# %%
# The strength of the default loss
# --------------------------------
# `ns.transfer` finds the weight of the content that gives a ``strength``, with a few small runs.
# The record of the result has it, so `ns.rerun` does not search again.

mild, strong = (
    ns.transfer(photo, painting, size=128, strength=s, verbose=False) for s in (0.25, 0.75)
)
show(**{"photo": photo, "strength 0.25": mild, "strength 0.75": strong})

# %%
# Shares of the gradient
# ----------------------
# `ns.balance` turns shares into weights: how strongly each loss changes the pixels. Shares hold at
# one picture. At the photo, the gradient of the style is far larger than later in the run, so
# start from a picture that is already painted.

first = ns.minimize(
    Content(photo) + 1e-3 * Gram(painting), features, photo, evaluations=30, verbose=False
)
painted = {}
for share in (0.5, 0.9):
    loss = ns.balance(
        share * Wasserstein2(painting) + (1 - share) * Content(photo), features, first.image
    )
    print(loss)
    painted[f"share {share}"] = ns.minimize(loss, features, photo, evaluations=30, verbose=False)
show(**painted)

# %%
# Figures
# -------
# `ns.score` measures a picture with three figures of style and three of content, mostly on layers
# that no loss used. Lower is better. The eye decides.

for name, result in {"mild": mild, "strong": strong, **painted}.items():
    print(name, ns.score(result.image, photo, painting, features=features), sep="\n")
