"""
Reproducing a paper
===================

A preset is a published objective with the settings of its run, known bugs included. The reference
of each preset gives every number, its source, and what is different here.
"""

from show import show

import neural_style as ns
from neural_style.extensions import Content, Gram

photo = ns.datasets.load("rocket", long_side=128)
painting = ns.datasets.load("starry_night_640", long_side=128)

print(ns.presets.names())

gatys = ns.transfer(photo, painting, preset="gatys", size=128, evaluations=60, verbose=False)
show(photo=photo, painting=painting, gatys=gatys)

# %%
# A preset is an objective and the arguments of `ns.minimize`, which can be changed.

preset = ns.presets.gatys(photo, painting, size=128)
print(preset.loss)
print(preset)

# %%
# What a network sees
# -------------------
# Gatys et al. show a picture that is made anew from the features of one layer. Early layers keep
# every pixel, later ones only what is where.

features = ns.FeatureModel("vgg19", pooling="average")


def reconstructed(layer):
    noise = ns.images.noise(photo.shape[:2], seed=0)
    loss = Content(photo, layers=[layer])
    return ns.minimize(loss, features, noise, evaluations=60, verbose=False)


layers = ("block1_conv2", "block3_conv2", "block5_conv2")
show(photo=photo, **{layer: reconstructed(layer) for layer in layers})

# %%
# And a texture from the Gram matrices of more and more layers.


def texture(*layers):
    noise = ns.images.noise(photo.shape[:2], seed=0)
    loss = Gram(painting, layers=layers)
    return ns.minimize(loss, features, noise, evaluations=60, verbose=False)


gram = [f"block{i}_conv1" for i in range(1, 6)]
show(painting=painting, one_layer=texture(*gram[:1]), three=texture(*gram[:3]), five=texture(*gram))
