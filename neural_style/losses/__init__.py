"""What a loss is.

A loss is a *statistic* (what it keeps of a picture's features) and a *distance*
between the statistic of the picture being made and a *target*:

    class Loss:
        layers = ()              # the feature layers it reads; "image" names the pixels
        references = ()          # the images its target is measured on, H×W×3, RGB, 0–255
        role = "style"           # what these show: "content", "style", or "none" without any;
                                 # a class that says which of the first two cannot do without
        masks = None             # the parts that count (`guided`): the picture's mask, and a
                                 # tuple of the references'; H×W, 0–255
        refresh_every = None     # evaluations between targets; None: one target for the run
        tiling = None            # "mean": an area-weighted mean over positions;
                                 # "map": one value a position; None: cannot be tiled
        memory = "linear"        # how what it needs grows with the positions; or "quadratic"

        def statistic(self, features, guides): ...         # traced
        def target(self, references, current, rng): ...    # eager, NumPy
        def distance(self, current, target): ...           # traced, to a scalar

        def mass(self, guides): ...                        # for tiles: the weight in all
        def reach(self, layer): ...                        # and how far a position reads
        def get_config(self): ...                          # its options, as JSON has them

``features`` is ``{layer: tensor (1, h, w, channels)}``; ``guides`` are weights of the
positions, ``{layer: (1, h, w, 1)}``, or None, where all weigh the same; a loss with masks
gets them from `neural_style.losses.guidance`. A statistic is a
dict of tensors. ``target`` gets the statistics of the references as NumPy arrays, the
statistic of the current picture (None unless ``refresh_every`` is set) and a random
generator from (seed, round, term); what it returns, any nest of arrays, is what
``distance`` gets, in every evaluation until the next refresh. The target is an input of
the compiled objective: no gradient flows into it, and a new one of the same shapes costs
no new compilation.

A statistic that aggregates is a mean over positions, never a sum, so that a weight
means the same at every size. A loss keeps no state that changes during a run.

A picture too large to be evaluated at once is evaluated in tiles (`neural_style.objective.tiled`),
exactly, if ``tiling`` says how:

- ``"mean"``: with ``guides``, every entry of the statistic is the mean over positions that
  they weigh (`weighted_mean`), and `mass` has the weight in all of each entry. What a
  position reads besides itself is to its right and below it, `reach` positions at most; a
  pair weighs what its left or upper position does. The statistic of a picture is then the
  mean of its tiles', weighted by their masses.
- ``"map"``: the statistic has an entry (1, h, w, n) for each layer, at the layer's own
  positions, the target is of the same shape, and the distance is Σ `layer_weights` · mean
  over positions of something that is 0, as its gradient is, where both are equal. It gets
  no guides.

A copy of a loss can be guided by masks (`neural_style.guided`) if ``tiling`` is ``"mean"``; be
`Loss.blended` from several references if its statistic aggregates, and its target is what
`Loss.target` returns or is made of it; and have another distance (`Loss.with_distance`) if its
target is a statistic. A loss that makes its target of several references itself refuses to be
blended, by overriding that.

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
