"""The long-range Gram loss of Berger & Memisevic."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from keras import ops

from neural_style.errors import LossError
from neural_style.extensions.gram import averaged, correlation
from neural_style.losses.base import Features, Layers, Loss, Statistic, Tensor

Part: TypeAlias = tuple[slice, ...]  # of a map (1, h, w, N), along the axes before the last


class ShiftedGram(Loss):
    """Match which features occur together at a given distance: long strokes, symmetry.

        G_x,δ = F[:, :W−δ]ᵀ F[:, δ:] / (H(W−δ)),    G_y,δ = F[:H−δ]ᵀ F[δ:] / ((H−δ)W)
        L = Σ_l w_l · mean over the matrices k of Σ(G_k − A_k)² / (4 N_l²)

    cropped, never wrapped. F (H × W × N channels) are the features of the picture at
    layer l, A_k the matrices of the reference, whose size may be another. The matrices of
    a layer are its shifts along each of the axes and its flips.

    Parameters
    ----------
    reference
        The painting, H×W×3, RGB, 0–255, of any size.
    shifts
        The distances δ, in positions of the layer: a sequence for all layers, or
        ``{layer: sequence}``, which also names the layers.
    axes
        The directions of the shifts: ``"x"`` (along a row), ``"y"`` or ``"xy"``.
    flips
        Axes along which the features are also correlated with their mirror image,
        Fᵀ flip(F) / (H·W), for symmetric textures: ``""``, ``"x"``, ``"y"`` or ``"xy"``. With
        flips the loss cannot be tiled.
    layers
        By default block2_conv1 … block4_conv1.

    Raises
    ------
    LossError
        An option is not usable, or a shift is not smaller than the features of a layer.

    Notes
    -----
    With one δ and both axes, ½(E_x + E_y). G_δ is not symmetric; δ = 0 is the Gram matrix
    and G_−δ = G_δᵀ. Meant to be added to `Gram`. Sources of this loss use different shifts,
    and the paper's own were not at hand: the default is a choice of this library. Source:
    Berger & Memisevic, *Incorporating long-range consistency in CNN-based texture
    generation*, arXiv 1606.01286; the operators as three implementations have them.

    Examples
    --------
    >>> import numpy as np
    >>> loss = ShiftedGram(np.zeros((64, 64, 3)), shifts={"block1_conv1": [4, 8]}, axes="x")
    >>> features = {"block1_conv1": np.ones((1, 10, 10, 3))}
    >>> loss.statistic(features, None)["block1_conv1"].shape
    TensorShape([2, 3, 3])
    """

    layers = ("block2_conv1", "block3_conv1", "block4_conv1")
    tiling: Literal["mean"] | None = "mean"

    def __init__(
        self,
        *references: Any,
        shifts: Sequence[int] | Mapping[str, Sequence[int]] = (4,),
        axes: str = "xy",
        flips: str = "",
        layers: Layers | None = None,
        name: str | None = None,
    ) -> None:
        if layers is None and isinstance(shifts, Mapping):
            layers = tuple(shifts)
        super().__init__(*references, layers=layers, name=name)
        several = shifts.values() if isinstance(shifts, Mapping) else [shifts]
        if not all(isinstance(own, Iterable) for own in several):
            raise LossError(f"{self.name}: expected a list of whole shifts, got {shifts!r}.")
        self.shifts = (
            {layer: tuple(own) for layer, own in shifts.items()}
            if isinstance(shifts, Mapping)
            else tuple(shifts)
        )
        self.axes, self.flips = axes, flips
        for option, letters in (("axes", axes), ("flips", flips)):
            if letters not in ("", "x", "y", "xy"):
                raise LossError(f"{self.name}: {option} is of 'x', 'y' and 'xy', got {letters!r}.")
        if isinstance(shifts, Mapping) and set(shifts) != set(self.layers):
            raise LossError(
                f"{self.name}: shifts are for {sorted(shifts)}, layers are {sorted(self.layers)}; "
                f"name the same layers in both."
            )
        for layer in self.layers:
            deltas = self._shifts(layer)
            if not all(isinstance(delta, int) for delta in deltas):
                raise LossError(f"{self.name}: expected whole shifts for {layer!r}, got {deltas}.")
            if not (axes and deltas) and not flips:
                raise LossError(f"{self.name}: no shift along an axis and no flip for {layer!r}.")
        if flips:  # a mirror image is beyond any reach
            self.tiling = None

    def statistic(self, features: Features, guides: Features | None) -> Statistic:
        """The matrices of every layer, stacked: (matrices, N, N)."""
        return {
            layer: ops.stack(self._matrices(layer, f, guides and guides[layer]))
            for layer, f in features.items()
        }

    def mass(self, guides: Features) -> Statistic:
        """The weight of the pairs of every matrix, (matrices, 1, 1)."""
        masses = {}
        for layer, guide in guides.items():
            firsts = [self._crop(layer, guide, axis, abs(d)) for axis, d in self._pairs(layer)]
            sums = [ops.sum(weights) for weights in firsts + [guide] * len(self.flips)]
            masses[layer] = ops.reshape(ops.stack(sums), (-1, 1, 1))
        return masses

    def reach(self, layer: str) -> int:
        """The longest shift."""
        return max((abs(delta) for _, delta in self._pairs(layer)), default=0)

    def distance(self, current: Statistic, target: Statistic) -> Tensor:
        """Σ_l w_l · mean over matrices and channels of (G − A)² / 4."""
        return super().distance(current, target) / 4

    def get_config(self) -> dict[str, Any]:
        """The options, with `shifts`, `axes` and `flips`."""
        options = {"shifts": self.shifts, "axes": self.axes, "flips": self.flips}
        return {**options, **super().get_config()}

    def _shifts(self, layer: str) -> list[int]:
        return list(self.shifts[layer] if isinstance(self.shifts, Mapping) else self.shifts)

    def _pairs(self, layer: str) -> list[tuple[str, int]]:
        return [(axis, delta) for delta in self._shifts(layer) for axis in self.axes]

    def _matrices(self, layer: str, f: Tensor, guide: Tensor | None) -> list[Tensor]:
        pairs = []
        for axis, delta in self._pairs(layer):
            first, second = (self._part(layer, f, axis, side * delta) for side in (1, -1))
            weights = None if guide is None else self._crop(layer, guide, axis, abs(delta))
            pairs.append((first, second, weights))
        mirrored = [ops.flip(f, _AXES[axis]) for axis in self.flips]
        return _correlations(f, pairs) + [correlation(f, x, guide) for x in mirrored]

    def _crop(self, layer: str, f: Tensor, axis: str, delta: int) -> Tensor:
        return f[self._part(layer, f, axis, delta)]

    def _part(self, layer: str, f: Tensor, axis: str, delta: int) -> Part:
        """The positions of ``f`` that have another ``delta`` further along an axis."""
        side = f.shape[_AXES[axis]]
        if abs(delta) >= side:
            raise LossError(
                f"{self.name}: at {layer!r} the features are {f.shape[1]}×{f.shape[2]}, so a "
                f"shift of {delta} along {axis} leaves nothing: use smaller shifts, shallower "
                f"layers or a larger picture."
            )
        part = [slice(0, length) for length in f.shape[:3]]
        part[_AXES[axis]] = slice(max(0, -delta), side - max(0, delta))
        return tuple(part)


def _correlations(f: Tensor, pairs: Sequence[tuple[Part, Part, Tensor | None]]) -> list[Tensor]:
    """`correlation` of parts of ``f``, each pair with its guide, with gradients added in place.

    With D that of a matrix, over M or over the sum of its guide g, they are g∘F₂Dᵀ at the first
    part and g∘F₁D at the second. Autodiff has all of them at once, each as large as ``f``.
    """

    @ops.custom_gradient
    def matrices(f: Tensor) -> Any:
        def gradient(*upstream: Tensor) -> Tensor:
            total = ops.zeros_like(f)
            for d, (first, second, guide) in zip(upstream, pairs, strict=True):
                positions = math.prod(each.stop - each.start for each in first)
                d = averaged(d, positions, guide)
                for part, other, factor in (first, second, ops.transpose(d)), (second, first, d):
                    share = ops.matmul(f[other], factor)
                    share = total[part] + (share if guide is None else guide * share)
                    total = ops.slice_update(total, [*(x.start for x in part), 0], share)
            return total

        return [correlation(f[one], f[other], guide) for one, other, guide in pairs], gradient

    return list(matrices(f))


_AXES = {"x": 2, "y": 1}
