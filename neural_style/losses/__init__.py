"""What a loss is: the protocol and its four base classes, which are read side by side.

A loss is a *statistic* (what it keeps of a picture's features) and a *distance* between the
statistic of the picture being made and a *target*. An author writes its mathematics, for one
layer's features f, a tensor (1, h, w, channels); the library does the layers and their weights,
targets, masks, tiles, blends of references, other distances and sizes.

    from neural_style import FeatureLoss, Loss, MatchingLoss, StatisticLoss, ops

    class Spread(StatisticLoss):                 # means over positions
        layers = ("block1_conv1", "block2_conv1")

        def statistic(self, f, mean):            # means, and nothing computed from them
            return ops.stack([mean(f), mean(f**2)])

        def summary(self, s):                    # what is compared; by default the means
            return s[1] - s[0] ** 2

        def distance(self, current, target):     # a number; this is the default
            return ops.mean((current - target) ** 2)

    class Tones(FeatureLoss):                    # compares position by position
        layers = ("image",)

        def transform(self, f):                  # (1, h, w, n); by default f
            return ops.tanh(f / 128)

        def distance(self, current, target):     # (1, h, w, n); by default the squares
            return ops.abs(current - target)

    class Clipped(MatchingLoss):                 # what f should be, found anew now and then
        layers = ("block1_conv1",)
        refresh_every = 20                       # evaluations; the default is 50

        def match(self, f, reference, rng):      # NumPy; an array as f, which is compared with f
            return f.clip(reference.min((1, 2), keepdims=True), reference.max())

    class Level(Loss):                           # all of it, for what is none of these
        layers = ("block1_conv1", "block2_conv1")
        tiling = "mean"                          # all statistics are means

        def statistics(self, features, mean):    # {layer: f} -> {name: tensor}
            return {layer: mean[layer](f) for layer, f in features.items()}

        def target(self, references, current, rng):   # of NumPy's arrays; this is the default
            return references[0]

        def distance(self, current, target):     # a number, in proportion to the layers' weights
            weights = self.layer_weights.items()
            d = [w * ops.mean(current[layer] - target[layer]) for layer, w in weights]
            return ops.abs(ops.sum(ops.stack(d)))

- ``ops`` (`neural_style.ops`) is Keras'. What is traced (all but ``match`` and ``target``) is
  compiled: no Python ``if`` on a tensor's value.
- ``mean`` (`neural_style.losses.mean`) is the mean over positions, ``mean(x)`` of x (1, h, w, n),
  (n,); ``mean.product(a, b)`` is that of products, (N, K). A `Loss` gets one for each layer,
  ``mean[layer]``. Means add up over tiles and blends; a root, a difference or a product of them
  does not, and belongs in ``summary``. A sum over positions would weigh otherwise at every size.
- Options are the annotated attributes, ``scale: float = 2.0``, or ``= option(2.0, positive)`` with
  a check of what is given (`neural_style.losses.options`). The constructor, `get_config` and the
  text of a loss follow from them. ``__post_init__`` is called when they are set.
- ``role`` says what references show, "content", "style", or "none" for a loss without any. A
  class that says which of the first two cannot do without. The target is None without any.
- ``target`` gets the statistics of the references, that of the current picture (None unless
  ``refresh_every`` is set) and a random generator from (seed, round, term). What it returns is
  what ``distance`` gets until the next refresh. No gradient flows into it.
- ``tiling`` says how a picture too large to be evaluated at once is: "mean", as a `StatisticLoss`;
  "map", as a `FeatureLoss`; None, not at all. A `Loss` whose statistics are all made by ``mean``
  may say "mean". Only what can be tiled can be guided by masks (`neural_style.guided`).
- ``memory`` says how what it needs grows with the positions: "linear" or "quadratic".
- A loss keeps no state that changes during a run.

Losses add up to a `WeightedSum` (`neural_style.losses.weighted_sum`), which prints as Python to
paste, with names by their sizes in place of pictures (`neural_style.losses.serialization`):

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
