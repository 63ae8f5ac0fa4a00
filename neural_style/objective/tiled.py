"""Exact evaluation in tiles: a picture of any size in the memory of one window.

    tiled = TiledEvaluator(losses, features, size, tile, keys)

`TiledEvaluator` has the interface of `neural_style.objective.whole.WholeImageEvaluator`.

`neural_style.objective.tile_geometry` cuts the picture into windows with sides of at most
``tile``. Only the core of a window counts: *guides*, (1, h, w, 1) at each layer, are 1 in the core
and 0 elsewhere. If a loss has a mask, they are multiplied by it.

Means are divided by the total weight of the whole picture (`neural_style.losses.mean`), so the
means of the windows add up. ``keys`` are the keys of the means of each loss
(`neural_style.objective.probe`). "mean" losses need two passes. The first pass sums the statistic
S of the picture, then computes the value and D = ∂value/∂S once. The second pass computes for each
window the gradient of <D, its share of S>, and the "map" losses, whose value is a mean. Gradients
of overlapping windows are added. The second pass keeps activations for its backward step and has
smaller windows, so both passes need about the same memory. Between windows, only the picture, its
gradient, the targets of "map" losses (as NumPy arrays) and S are kept.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from neural_style.errors import LossError, advice
from neural_style.features.model import FeatureModel
from neural_style.images import Image, Size
from neural_style.losses import calls
from neural_style.losses.base import Loss
from neural_style.losses.mean import Key
from neural_style.losses.types import Features, Statistic, Tensor
from neural_style.objective import probe
from neural_style.objective.tile_geometry import Window, extension, windows
from neural_style.objective.whole import (
    Guides,
    IndependentLossError,
    Values,
    arrays,
    layer_weights,
    reserve,
    tensors,
    union,
    value,
    weighed,
)
from neural_style.utils.backend import tf
from neural_style.utils.programs import Traced

# The share of a tile's side in the second pass. With VGG19 and Gatys' losses, a pixel takes 1.1 kB
# there, and .7 to .8 kB in the first.
BACK = 5 / 6


def check(loss: Loss, size: Size, tile: int | None) -> None:
    """Raise `LossError` if the picture is larger than a tile and the loss cannot be tiled."""
    if tile is not None and max(size) > tile and loss.tiling is None:
        raise LossError(
            f"{loss.name} cannot be evaluated in tiles, but a picture of {size[0]}×{size[1]} "
            f"with {advice(f'tile={tile}', f'--tile {tile}')} needs them: use "
            f"{advice('tile=None', '--tile none')} or a smaller picture, or leave out {loss!r}."
        )


class TiledEvaluator:
    """The compiled functions of a list of losses on a feature model, for pictures of one size."""

    def __init__(
        self,
        losses: Sequence[Loss],
        features: FeatureModel,
        size: Size,
        tile: int,
        keys: Sequence[Sequence[Key]],
    ) -> None:
        self.features, self.size, self.tile = features, size, tile
        self._losses = losses
        self._means = tuple(i for i, loss in enumerate(losses) if loss.tiling == "mean")
        self._maps = tuple(i for i, loss in enumerate(losses) if loss.tiling == "map")
        layers = union(losses)
        self._shapes = {n: shape[:2] for n, shape in features.shapes(layers, size).items()}
        self._keys = keys
        reach = probe.reach(layers, keys)
        self.forward_windows = windows(reach, features, size, tile)
        self.backward_windows = windows(reach, features, size, tile, BACK)
        self._extension = extension(reach, features, size)
        self._wraps = features.padding == "periodic"
        self._totals: dict[int, tuple[Any, list[Tensor]]] = {}
        reserve(features, layers, self.backward_windows[0].size)
        self._forward: dict[tuple[int, ...], Traced] = {}
        self._backward = Traced(self._gradient, features.compiled, jit_compile=True)

    @property
    def trace_count(self) -> int:
        """How often the two passes were traced, including measuring."""
        return sum(each.trace_count for each in (*self._forward.values(), self._backward))

    def measure(self, image: Image, which: tuple[int, ...], guides: Guides) -> list[Any]:
        """The statistics of one picture for the losses ``which``, as NumPy arrays."""
        return self._assembled(image, which, guides)

    def prepared(self, i: int, target: Any) -> Any:
        """The target of a "mean" loss as tensors; of a "map" loss as arrays, to be cut."""
        loss = self._losses[i]
        if i in self._means:
            return tensors(target)
        if target is None:  # the loss has no reference
            return None
        calls.check_map(loss, target)
        target = {layer: np.asarray(target[layer], np.float32) for layer in loss.layers}
        nothing = np.zeros((), np.float32)
        calls.check_shapes(
            loss.name,
            {
                layer: np.broadcast_to(nothing, (1, *self._shapes[layer], own.shape[-1]))
                for layer, own in target.items()
            },
            target,
        )
        return target

    @np.errstate(over="ignore", invalid="ignore")  # reported as a loss that is not finite
    def evaluate(
        self, image: Image, weights: Sequence[float], targets: Sequence[Any], guides: Guides
    ) -> Values:
        """Σ weight · value, the values and the gradient at a picture."""
        values = dict.fromkeys(range(len(self._losses)), 0.0)
        slopes = []
        means = self._assembled(image, self._means, [guides[i] for i in self._means])
        for i, found in zip(self._means, means, strict=True):
            values[i], slope = _slope(self._losses[i], found, targets[i], weights[i])
            slopes.append(slope)
        if not self._maps and not any(slopes):
            raise IndependentLossError
        extended = self._extension.array(image)
        gradient = np.zeros(extended.shape, np.float32)
        own = tf.constant([weights[i] for i in self._maps], tf.float32)
        of_layers = [layer_weights(self._losses[i]) for i in self._maps]
        totals = [self._total_weights(i, mask) for i, mask in enumerate(guides)]
        for window in self.backward_windows:
            crops = [_crop(targets[i], window) for i in self._maps]
            parts, share = self._backward(
                *self._inputs(extended, window, guides),
                totals,
                own,
                of_layers,
                tensors(crops),
                tensors(slopes),
            )
            gradient[window.pixels] += share.numpy()[0]
            for i, part in zip(self._maps, parts, strict=True):
                values[i] += float(part)
        loss = tf.tensordot(
            tf.constant(weights, tf.float32), tf.constant(list(values.values()), tf.float32), 1
        )
        return float(loss), list(values.values()), self._extension.folded(gradient)

    def _assembled(self, image: Image, which: tuple[int, ...], masks: Guides) -> list[Statistic]:
        """The statistics of the picture for the losses ``which``."""
        found: list[Any] = [None] * len(which)
        totals = [self._total_weights(i, mask) for i, mask in zip(which, masks, strict=True)]
        if which not in self._forward:
            chosen = functools.partial(self._statistics, which=which)
            self._forward[which] = Traced(chosen, self.features.compiled, jit_compile=True)
        image = self._extension.array(image)
        for window in self.forward_windows if which else ():
            shares = arrays(self._forward[which](*self._inputs(image, window, masks), totals))
            for k, i in enumerate(which):
                if i in self._maps:
                    found[k] = self._placed(found[k], shares[k], window)
                else:  # in float64, so that the rounding is that of one window
                    share = tf.nest.map_structure(np.float64, shares[k])
                    if found[k] is not None:
                        share = tf.nest.map_structure(np.add, found[k], share)
                    found[k] = share
        return [
            each if i in self._maps else tf.nest.map_structure(np.float32, each)
            for i, each in zip(which, found, strict=True)
        ]

    def _total_weights(self, i: int, mask: Features | None) -> list[Tensor]:
        """The total weights of a loss's means, in the order of their keys."""
        if i not in self._totals or self._totals[i][0] is not mask:
            weights = mask or {
                layer: np.ones((1, *shape, 1), np.float32) for layer, shape in self._shapes.items()
            }
            totals = [
                tf.constant(key.total(weights[key.layer], wrap=self._wraps))
                for key in self._keys[i]
            ]
            self._totals[i] = mask, totals
        return self._totals[i][1]

    def _placed(self, whole: Any, found: Statistic, window: Window) -> Any:
        """The statistic of the whole picture, with the part of one core filled in."""
        if whole is None:
            whole = {
                layer: np.empty((1, *self._shapes[layer], f.shape[-1]), f.dtype)
                for layer, f in found.items()
            }
        for layer, f in found.items():
            whole[layer][:, *window.cores[layer]] = f[:, *window.inner(layer)]
        return whole

    def _statistics(
        self,
        image: Tensor,
        cores: Features,
        masks: Guides,
        totals: list[list[Tensor]],
        which: tuple[int, ...],
    ) -> list[Any]:
        losses = [self._losses[i] for i in which]
        features = self.features(image, union(losses), compiled=True, window=True)
        return [
            calls.statistics(loss, features)
            if loss.tiling == "map"
            else calls.statistics(loss, features, *self._weighing(i, cores, mask, total))
            for i, loss, mask, total in zip(which, losses, masks, totals, strict=True)
        ]

    def _gradient(
        self,
        image: Tensor,
        cores: Features,
        masks: Guides,
        totals: list[list[Tensor]],
        weights: Tensor,
        of_layers: list[Tensor],
        targets: list[Any],
        slopes: list[Any],
    ) -> tuple[list[Tensor], Tensor]:
        """One window's part of the values of "map" losses and of the gradient of all losses."""
        weighing = [
            self._weighing(i, cores, mask, total)
            for i, (mask, total) in enumerate(zip(masks, totals, strict=True))
        ]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(image)
            features = self.features(image, union(self._losses), compiled=True, window=True)
            parts = []
            for i, own, target in zip(self._maps, of_layers, targets, strict=True):
                loss = weighed(self._losses[i], own)
                found = calls.statistics(loss, features)
                parts.append(value(loss, found, target, *weighing[i]))
            total = tf.tensordot(weights, tf.stack(parts), 1) if parts else 0.0
            for i, slope in zip(self._means, slopes, strict=True):
                if slope is not None:
                    share = calls.statistics(self._losses[i], features, *weighing[i])
                    total += sum(tf.reduce_sum(slope[key] * share[key]) for key in slope)
        gradient = tape.gradient(total, image)
        if gradient is None:
            raise IndependentLossError
        return parts, gradient

    def _inputs(self, image: Image, window: Window, masks: Guides) -> tuple[Tensor, Features, Any]:
        """The pixels of a window of the extended picture, the weights of its positions, masks."""
        pixels = tf.constant(image[None][:, *window.pixels], tf.float32)
        crops = [_crop(mask, window) for mask in masks]
        # In a periodic picture every pair counts, in others those inside.
        bounded = self._extension and not self._wraps
        cores = window.guides(self._shapes if bounded else None)
        return pixels, tensors(cores), tensors(crops)

    def _weighing(
        self, i: int, cores: Features, mask: Features | None, totals: list[Tensor]
    ) -> tuple[Features, dict[Key, Tensor]]:
        """The weights of a window's positions for a loss, and the picture's total weights."""
        weights = {layer: cores[layer] for layer in self._losses[i].layers}
        if mask is not None:
            weights = {
                layer: tf.concat([core[..., :1] * mask[layer], core[..., 1:]], 3)
                for layer, core in weights.items()
            }
        return weights, dict(zip(self._keys[i], totals, strict=True))


def _slope(
    loss: Loss, statistic: Statistic, target: Any, weight: float
) -> tuple[float, Statistic | None]:
    """The distance, and the gradient of weight · distance, or None if no entry has one."""
    statistic = tensors(statistic)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(statistic)
        found = value(loss, statistic, target)
        weighted = weight * found
    slope = tape.gradient(weighted, statistic)
    slope = {key: d for key, d in slope.items() if d is not None}
    return float(found), slope or None


def _crop(whole: Features | None, window: Window) -> Features | None:
    """A window's part of arrays of the whole picture, {layer: (1, h, w, n)}.

    Outside the picture, which never counts, it has the values of the border.
    """
    return whole and {
        layer: x[:, *window.indices(layer, x.shape[1:3])] for layer, x in whole.items()
    }
