"""The three base classes that need one method: what the loss does with one layer."""

from __future__ import annotations

from typing import Any, Literal

from neural_style import ops
from neural_style.errors import LossError
from neural_style.losses import distance as distances
from neural_style.losses import options
from neural_style.losses.base import Loss
from neural_style.losses.calls import call, check_shapes, one_number
from neural_style.losses.mean import Mean, Means
from neural_style.losses.options import option
from neural_style.losses.types import Array, Features, References, Rng, Statistic, Tensor


class StatisticLoss(Loss):
    """Compare means over the positions of each layer, or values computed from these means.

        L = Σ_l w_l · distance(summary(s_l), summary(s'_l)),    s_l = statistic(F_l)

    s' belongs to the reference, which may differ in size. It can be tiled, guided and blended.
    """

    tiling: Literal["mean", "map"] | None = "mean"

    def statistic(self, f: Tensor, mean: Mean) -> Tensor:
        """One tensor of means of features f (1, h, w, channels), and nothing computed from them."""
        raise NotImplementedError

    def summary(self, s: Tensor) -> Tensor:
        """What `distance` compares, from the statistic of a whole picture; by default s."""
        return s

    def distance(self, current: Tensor, target: Tensor) -> Tensor:
        """One number from the summaries of one layer; by default the mean squared difference."""
        return ops.mean(ops.square(current - target))

    def statistics(self, features: Features, mean: Means) -> Statistic:
        """The statistic of every layer."""
        found = {n: call(self, "statistic", f, mean[n]) for n, f in features.items()}
        for layer, each in found.items():
            if not hasattr(each, "shape"):
                raise LossError(
                    f"{self.name}: expected one tensor from statistic, at {layer!r} it returned a "
                    f"{type(each).__name__}; stack several tensors, ops.stack([…, …])."
                )
        return found

    def value(self, current: Statistic, target: Any, mean: Means) -> Tensor:
        """Σ w_l · the distance of the summaries at layer l."""
        other = self.other_distance
        if other is not None:
            distances.check_target(self.name, current, target)
        terms = []
        for layer, weight in self.layer_weights.items():
            ours = self._summary(current[layer])
            theirs = None if target is None else target[layer]
            if hasattr(theirs, "shape"):  # any other result of `target` is already a summary
                theirs = self._summary(theirs)
                check_shapes(self.name, {layer: ours}, {layer: theirs})
            if other is None:
                value = call(self, "distance", ours, theirs)
            else:
                value = distances.shifted(other, ours, theirs)
            terms.append(weight * one_number(self.name, value))
        return sum(terms[1:], start=terms[0])

    def _summary(self, s: Tensor) -> Tensor:
        found = call(self, "summary", s)
        if not hasattr(found, "shape"):
            raise LossError(
                f"{self.name}: expected one tensor from summary, got a {type(found).__name__}; "
                f"stack several tensors, ops.stack([…, …])."
            )
        return found


class FeatureLoss(Loss):
    """Compare features with those of the reference, position by position.

        L = Σ_l w_l · mean over positions and channels of distance(transform(F_l), target_l)

    A mask weighs positions: the picture is free where the mask is black. It can be tiled.
    """

    tiling: Literal["mean", "map"] | None = "map"

    def transform(self, f: Tensor) -> Tensor:
        """What is compared, (1, h, w, n), from features f (1, h, w, channels); by default f."""
        return f

    def distance(self, current: Tensor, target: Tensor) -> Tensor:
        """Values for each position, (1, h, w, n) or (1, h, w); by default squared differences."""
        return ops.square(current - target)

    def statistics(self, features: Features, mean: Means) -> Statistic:
        """Every layer's features, transformed."""
        return {layer: call(self, "transform", f) for layer, f in features.items()}

    def value(self, current: Statistic, target: Any, mean: Means) -> Tensor:
        """Σ w_l · the mean over positions and channels at layer l."""
        other = self.other_distance
        if other is not None:
            distances.check_target(self.name, current, target)
        terms = []
        for layer, weight in self.layer_weights.items():
            ours, theirs = current[layer], None if target is None else target[layer]
            if theirs is not None and (ours.shape[:3] != theirs.shape[:3] or other is not None):
                check_shapes(self.name, {layer: ours}, {layer: theirs})
            if other is None:
                values = call(self, "distance", ours, theirs)
                if not hasattr(values, "shape"):
                    raise LossError(
                        f"{self.name}: expected values for each position from distance, "
                        f"(1, h, w, n) or (1, h, w), got {type(values).__name__}."
                    )
            else:
                values = distances.shifted_map(other, ours, theirs)
            terms.append(weight * mean[layer].overall(values))
        return sum(terms[1:], start=terms[0])


class MatchingLoss(FeatureLoss):
    """Pull features to a match, which is computed again at every refresh.

        L = Σ_l w_l · mean over positions and channels of (F_l − match(F_l))²

    The match is constant for ``refresh_every`` evaluations, so ∂L/∂F is 2 w (F − match) divided
    by the number of elements.
    """

    role = "style"
    refresh_every: int = option(50, options.positive_whole)

    def match(self, f: Array, reference: Array, rng: Rng) -> Array:
        """What features f (1, h, w, channels) should be; a NumPy array of the same shape."""
        raise NotImplementedError

    def target(self, references: References, current: Any, rng: Rng) -> Statistic:
        """The current features of every layer, matched to the features of the reference."""
        reference = super().target(references, current, rng)
        return {
            layer: call(self, "match", f, reference[layer], rng) for layer, f in current.items()
        }
