"""The protocol for losses, and its four base classes side by side.

A loss has a *statistic* of a picture's features, and a *distance* between the statistic of the
picture and a *target*. You write this mathematics for the features f of one layer, a tensor
(1, h, w, channels). The library handles the layers and their weights, targets, masks, tiles,
blends of references, other distances and sizes.

    from neural_style import FeatureLoss, Loss, MatchingLoss, StatisticLoss, ops

    class Spread(StatisticLoss):                 # compares means over positions
        layers = ("block1_conv1", "block2_conv1")

        def statistic(self, f, mean):            # only means, nothing computed from them
            return ops.stack([mean(f), mean(f**2)])

        def summary(self, s):                    # what distance compares; the default is s
            return s[1] - s[0] ** 2

        def distance(self, current, target):     # one number; this is the default
            return ops.mean((current - target) ** 2)

    class Tones(FeatureLoss):                    # compares position by position
        layers = ("image",)

        def transform(self, f):                  # (1, h, w, n); the default is f
            return ops.tanh(f / 128)

        def distance(self, current, target):     # (1, h, w, n); the default is the squares
            return ops.abs(current - target)

    class Clipped(MatchingLoss):                 # computes now and then what f should be
        layers = ("block1_conv1",)
        refresh_every = 20                       # evaluations; the default is 50

        def match(self, f, reference, rng):      # NumPy arrays; the result has the shape of f
            return f.clip(reference.min((1, 2), keepdims=True), reference.max())

    class Level(Loss):                           # the whole protocol, for every other loss
        layers = ("block1_conv1", "block2_conv1")
        tiling = "mean"                          # all statistics are means

        def statistics(self, features, mean):    # {layer: f} -> {name: tensor}
            return {layer: mean[layer](f) for layer, f in features.items()}

        def target(self, references, current, rng):   # NumPy arrays; this is the default
            return references[0]

        def distance(self, current, target):     # one number, proportional to the layer weights
            weights = self.layer_weights.items()
            d = [w * ops.mean(current[layer] - target[layer]) for layer, w in weights]
            return ops.abs(ops.sum(ops.stack(d)))

- ``ops`` (`neural_style.ops`) is `keras.ops`. The library compiles these methods, except
  ``match`` and ``target``: do not use a Python ``if`` on a tensor's value.
- ``mean`` (`neural_style.losses.mean`) averages over positions. ``mean(x)`` of x (1, h, w, n) is
  (n,), and ``mean.product(a, b)``, the mean of products, is (N, K). A `Loss` gets a mean for each
  layer, ``mean[layer]``. Means add up over tiles and blends. Roots, differences and products of
  means do not: compute them in ``summary``. Do not sum over positions: a sum grows with the size.
- Options are annotated attributes: ``scale: float = 2.0``, or ``= option(2.0, positive)`` to
  check the value (`neural_style.losses.options`). The constructor, `get_config` and ``repr``
  follow from them. The library calls ``__post_init__`` after it sets them.
- ``role`` says what the references show: "content", "style", or "none" for a loss without
  references. A class that sets "content" or "style" needs a reference. With "none", the target
  is None.
- ``target`` gets the statistics of the references, the statistic of the current picture (None
  unless ``refresh_every`` is set) and a random generator seeded by (seed, round, term).
  ``distance`` gets its result until the next refresh. No gradient flows into the target.
- ``tiling`` says how to evaluate a picture that is too large to evaluate at once: "mean", as a
  `StatisticLoss`; "map", as a `FeatureLoss`; or None, not at all. A `Loss` may say "mean" if
  ``mean`` computes all its statistics. Only a loss that can be tiled can have masks
  (`neural_style.guided`).
- ``anywhere`` says that ``target`` takes the features of references in any number and order, as a
  search for neighbors does. Then a reference may have a mask, and ``target`` gets the features
  where it is white, (1, 1, n, channels).
- ``memory`` says how memory grows with the number of positions: "linear" or "quadratic".
- A loss keeps no state that changes during a run.

A sum of losses is a `WeightedSum` (`neural_style.losses.weighted_sum`). It prints as Python code,
in which a name with the size stands for each picture (`neural_style.losses.serialization`):

>>> import numpy as np
>>> from neural_style.extensions import Content, Gram
>>> photo, painting = np.zeros((48, 64, 3)), np.full((64, 64, 3), 9.0)
>>> Content(photo) + 1e3 * Gram(painting, layers=["block1_conv1"])
(
    1 * Content(picture_48x64, layers=('block4_conv2',))
    + 1000 * Gram(picture_64x64, layers=('block1_conv1',))
)
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
