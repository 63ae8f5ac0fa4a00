"""
Networks other than VGG
=======================

Any Keras model whose input is one picture can be a feature model. Its layers then have the names
that Keras gives them.
"""

import keras
from show import show

import neural_style as ns
from neural_style.extensions import Content, Gram

photo = ns.datasets.load("rocket", long_side=128)
painting = ns.datasets.load("starry_night_640", long_side=128)

# %%
# A network with random weights needs no download. Random filters carry some texture, too; with
# ``weights="imagenet"`` they know more.

keras.utils.set_random_seed(0)
network = keras.applications.MobileNetV2(
    input_shape=(None, None, 3), include_top=False, weights=None
)
features = ns.FeatureModel(network, preprocess="tf")
print([layer.name for layer in network.layers if layer.name.endswith("relu")][:8])

# %%
# Losses get the layers that they read.

layers = ["Conv1_relu", "block_1_expand_relu", "block_3_expand_relu"]
loss = ns.balance(
    0.9 * Gram(painting, layers=layers) + 0.1 * Content(photo, layers=layers[-1:]),
    features,
    photo,
)
print(loss)
result = ns.minimize(loss, features, photo, evaluations=60, verbose=False)
show(photo=photo, painting=painting, random_network=result)

# %%
# ``preprocess`` is how pixels become the network's input. It can be a function of your own.
# ``examples/other_backbone.py`` compares several networks with their trained weights.
