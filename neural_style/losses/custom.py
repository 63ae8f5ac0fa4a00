"""A loss from a function, without a new class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neural_style.errors import LossError
from neural_style.losses.base import Loss
from neural_style.losses.calls import call
from neural_style.losses.mean import Means
from neural_style.losses.options import REQUIRED, option
from neural_style.losses.types import Features, Statistic, Tensor


def _function(where: str, value: Any) -> Callable[[Tensor], Tensor]:
    if not callable(value):
        raise LossError(
            f"{where}: expected a function of a tensor (1, h, w, channels), or a keras.Layer, got "
            f"{value!r}."
        )
    function: Callable[[Tensor], Tensor] = value
    return function


class Custom(Loss):
    """Match any statistic of the features of each layer.

        L = Σ_l w_l · mean((s(F_l) − s(R_l))²)

    s is a function. F_l (1, h, w, channels) are the features of the picture at layer l, and R_l
    the features of the reference.

    Parameters
    ----------
    reference
        The picture to match, H×W×3, RGB, 0–255. It may have another size if s allows it.
    statistic
        s: a function that computes a tensor from a tensor (1, h, w, channels) with `keras.ops`,
        or a built `keras.Layer`, whose weights do not change. Use a mean over positions rather
        than a sum: its weight is then the same at every size.
    layers
        The layers to read.
    distance
        A distance instead of the mean squared difference, as in `Loss.with_distance`.

    Raises
    ------
    LossError
        The statistic is not callable, or an option is invalid.

    Notes
    -----
    It cannot be tiled, and `WeightedSum.get_config` does not support it, since JSON cannot hold a
    function. For both, write a `StatisticLoss` or a `FeatureLoss`, which takes five lines.
    Source: this library.

    Examples
    --------
    >>> import keras, numpy as np
    >>> loss = Custom(np.zeros((32, 32, 3)), layers=["a"], statistic=lambda f: keras.ops.max(f))
    >>> float(loss.statistic(np.reshape([1.0, 2, 5, 3], (1, 2, 2, 1))))
    5.0
    """

    statistic: Callable[[Tensor], Tensor] = option(REQUIRED, _function)

    def __init__(self, *references: Any, distance: Any = None, **given: Any) -> None:
        super().__init__(*references, **given)
        if distance is not None:
            self.other_distance = self.with_distance(distance).other_distance

    def statistics(self, features: Features, mean: Means) -> Statistic:
        """The function's value at every layer."""
        return {layer: call(self, "statistic", f) for layer, f in features.items()}
