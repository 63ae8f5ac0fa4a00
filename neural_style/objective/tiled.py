"""Exact evaluation in tiles: a picture of any size in the memory of one window.

    tiled = Tiled(losses, features, size, tile)     # with the interface of `whole.Whole`

`neural_style.objective.tile_geometry` cuts the picture into windows of at most ``tile`` a side,
each of which answers for its core; the rest of it is masked by *guides*, 1 in the core and 0
elsewhere, (1, h, w, 1) at each layer, times the loss's own where it has a mask.

"mean" losses take two passes. The first adds up mass · statistic and mass, window by window.
Their ratio, the statistic S of the picture, gives the value, and D = ∂value/∂S, once. The
second takes from each window the gradient of <D, its share of S>, along with the "map"
losses, whose targets outside the core are the window's own statistics. Gradients are
added up where windows overlap. This pass keeps activations for the way back, and has smaller
windows, so that both take about the same memory. What is kept between windows is the
picture, its gradient, the targets of "map" losses, as NumPy arrays, and S.
"""

from __future__ import annotations

import copy
import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neural_style.errors import LossError, advice
from neural_style.features.model import FeatureModel, Features
from neural_style.images import Image, Size
from neural_style.losses.base import Loss, Statistic, Tensor
from neural_style.objective.tile_geometry import Window, windows
from neural_style.objective.whole import (
    Guides,
    IndependentLossError,
    Values,
    arrays,
    distance,
    reserve,
    statistic,
    tensors,
    union,
)
from neural_style.utils.backend import tf
from neural_style.utils.programs import Traced

# Of a tile's side, in the second pass: with VGG19 and Gatys' losses a pixel takes 1.1 kB there, and
# .7 to .8 in the first.
BACK = 5 / 6


def check(loss: Loss, size: Size, tile: int | None) -> None:
    """Raise `LossError` for a loss that cannot be tiled where a picture is larger than a tile."""
    if tile is not None and max(size) > tile and loss.tiling is None:
        raise LossError(
            f"{loss.name} cannot be evaluated in tiles, which a picture of {size[0]}×{size[1]} "
            f"with {advice(f'tile={tile}', f'--tile {tile}')} needs: use "
            f"{advice('tile=None', '--tile none')}, a smaller picture, or do without {loss!r}."
        )


class Tiled:
    """The functions of a list of losses on a feature model, for pictures of one size."""

    def __init__(
        self, losses: Sequence[Loss], features: FeatureModel, size: Size, tile: int
    ) -> None:
        self.features, self.size, self.tile = features, size, tile
        self.forward_windows = windows(losses, features, size, tile)
        self.backward_windows = windows(losses, features, size, tile, BACK)
        self._losses = losses
        self._means = tuple(i for i, loss in enumerate(losses) if loss.tiling == "mean")
        self._maps = tuple(i for i, loss in enumerate(losses) if loss.tiling == "map")
        layers = union(losses)
        self._shapes = {n: shape[:2] for n, shape in features.shapes(layers, size).items()}
        reserve(features, layers, self.backward_windows[0].size)
        self._forward: dict[tuple[int, ...], Traced] = {}
        self._backward = Traced(self._gradient, features.compiled, jit_compile=True)

    @property
    def trace_count(self) -> int:
        """How often the two passes have been traced, together, measuring included."""
        return sum(each.trace_count for each in (*self._forward.values(), self._backward))

    def measure(self, image: Image, which: tuple[int, ...], guides: Guides) -> list[Any]:
        """The statistics of one picture for the losses ``which``, as NumPy arrays."""
        return [found for found, _ in self._assembled(image, which, guides)]

    def prepared(self, i: int, target: Any) -> Any:
        """The target of a "mean" loss as tensors; of a "map" loss, which is cut, as arrays."""
        loss = self._losses[i]
        if i in self._means:
            return tensors(target)
        if not isinstance(target, Mapping) or not set(loss.layers) <= set(target):
            raise LossError(
                f"{loss.name}: the target of a 'map' loss has an array (1, h, w, n) for each of "
                f"its layers, got {type(target).__name__}."
            )
        target = {layer: np.asarray(target[layer], np.float32) for layer in loss.layers}
        nothing = np.zeros((), np.float32)
        loss.check_shapes(
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
        masks = [guides[i] for i in self._means]
        statistics = self._assembled(image, self._means, masks)
        for i, (found, mass) in zip(self._means, statistics, strict=True):
            values[i], slope = _slope(self._losses[i], found, targets[i], weights[i])
            slopes.append(slope and {k: _divided(d, mass[k]) for k, d in slope.items()})
        if not self._maps and not any(slopes):
            raise IndependentLossError
        gradient = np.zeros(image.shape, np.float32)
        own = tf.constant([weights[i] for i in self._maps], tf.float32)
        for window in self.backward_windows:
            crops = [
                {layer: targets[i][layer][:, *window.places[layer]] for layer in targets[i]}
                for i in self._maps
            ]
            parts, share = self._backward(
                *_inputs(image, window, masks), own, tensors(crops), tensors(slopes)
            )
            gradient[window.pixels] += share.numpy()[0]
            for i, part in zip(self._maps, parts, strict=True):
                values[i] += float(part)
        loss = tf.tensordot(
            tf.constant(weights, tf.float32), tf.constant(list(values.values()), tf.float32), 1
        )
        return float(loss), list(values.values()), gradient

    def _assembled(
        self, image: Image, which: tuple[int, ...], masks: Guides
    ) -> list[tuple[Statistic, Statistic]]:
        """The statistics of the picture for the losses ``which``, and their masses."""
        totals: list[Any] = [None] * len(which)
        if which not in self._forward:
            chosen = functools.partial(self._statistics, which=which)
            self._forward[which] = Traced(chosen, self.features.compiled, jit_compile=True)
        for window in self.forward_windows if which else ():
            found = arrays(self._forward[which](*_inputs(image, window, masks)))
            for k, i in enumerate(which):
                if i in self._maps:
                    totals[k] = self._placed(totals[k], found[k], window)
                else:  # in float64, so that the rounding is that of one window
                    share = tf.nest.map_structure(np.float64, found[k])
                    if totals[k] is not None:
                        share = tf.nest.map_structure(np.add, totals[k], share)
                    totals[k] = share
        return [
            (total, {}) if i in self._maps else _ratio(*total)
            for i, total in zip(which, totals, strict=True)
        ]

    def _placed(self, whole: Any, found: Statistic, window: Window) -> Any:
        """The statistic of the whole picture, with that of a core in its place."""
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
        guides: Features,
        masks: Guides,
        which: tuple[int, ...],
    ) -> list[Any]:
        losses = [self._losses[i] for i in which]
        features = self.features(image, union(losses), compiled=True)
        return [
            _own(loss, features) if loss.tiling == "map" else _share(loss, features, guides, mask)
            for loss, mask in zip(losses, masks, strict=True)
        ]

    def _gradient(
        self,
        image: Tensor,
        guides: Features,
        masks: Guides,
        weights: Tensor,
        targets: list[Any],
        slopes: list[Any],
    ) -> tuple[list[Tensor], Tensor]:
        """A window's part of the values of "map" losses, and of the gradient of all losses."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(image)
            features = self.features(image, union(self._losses), compiled=True)
            parts = [
                self._part(self._losses[i], features, guides, target)
                for i, target in zip(self._maps, targets, strict=True)
            ]
            total = tf.tensordot(weights, tf.stack(parts), 1) if parts else 0.0
            for i, slope, mask in zip(self._means, slopes, masks, strict=True):
                if slope is not None:
                    share, _ = _share(self._losses[i], features, guides, mask)
                    total += sum(tf.reduce_sum(slope[key] * share[key]) for key in slope)
        gradient = tape.gradient(total, image)
        if gradient is None:
            raise IndependentLossError
        return parts, gradient

    def _part(self, loss: Loss, features: Features, guides: Features, target: Any) -> Tensor:
        """What the core adds to the value of a "map" loss."""
        found = _own(loss, features)
        target = {
            layer: tf.where(guides[layer] > 0, target[layer], tf.stop_gradient(found[layer]))
            for layer in loss.layers
        }
        scaled = copy.copy(loss)
        scaled.layers = {
            layer: weight * math.prod(guides[layer].shape) / math.prod(self._shapes[layer])
            for layer, weight in loss.layer_weights.items()
        }
        return distance(scaled, found, target)


def _own(loss: Loss, features: Features) -> Statistic:
    own = {layer: features[layer] for layer in loss.layers}
    found: Statistic = statistic(loss, own, None)
    sizes, expected = ({n: tuple(f.shape[:3]) for n, f in x.items()} for x in (found, own))
    if sizes != expected:
        raise LossError(
            f"{loss.name}: the statistic of a 'map' loss has an entry (1, h, w, n) for each layer, "
            f"at its positions: expected {expected}, got {sizes}."
        )
    return found


def _share(
    loss: Loss, features: Features, guides: Features, mask: Features | None
) -> tuple[Statistic, Statistic]:
    """What the core adds to mass · statistic, and to the mass."""
    own = {layer: guides[layer] for layer in loss.layers}
    if mask is not None:
        own = {layer: guide * mask[layer] for layer, guide in own.items()}
    found = statistic(loss, features, own)
    mass = loss.mass(own)
    if set(mass) != set(found):
        raise LossError(
            f"{loss.name}: expected a mass for each of {sorted(found)}, got {sorted(mass)}."
        )
    return {key: mass[key] * found[key] for key in found}, mass


def _ratio(numerator: Statistic, mass: Statistic) -> tuple[Statistic, Statistic]:
    return {key: np.float32(_divided(numerator[key], mass[key])) for key in mass}, mass


def _divided(x: Any, mass: Any) -> Any:
    """The quotient, or 0 where a mask leaves no mass."""
    return np.asarray(x) / np.where(mass == 0, np.inf, mass).astype(np.asarray(x).dtype)


def _slope(
    loss: Loss, statistic: Statistic, target: Any, weight: float
) -> tuple[float, Statistic | None]:
    """The distance, and the gradient of weight · distance; None if it is of no entry."""
    statistic = tensors(statistic)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(statistic)
        value = distance(loss, statistic, target)
        weighted = weight * value
    slope = tape.gradient(weighted, statistic)
    slope = {key: d for key, d in slope.items() if d is not None}
    return float(value), slope or None


def _inputs(image: Image, window: Window, masks: Guides) -> tuple[Tensor, Features, Any]:
    crops = [
        mask and {layer: m[:, *window.places[layer]] for layer, m in mask.items()} for mask in masks
    ]
    pixels = tf.constant(image[None][:, *window.pixels], tf.float32)
    return pixels, tensors(window.guides()), tensors(crops)
