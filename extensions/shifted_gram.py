"""The long-range Gram loss of Berger & Memisevic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from neural_style import ops
from neural_style.errors import LossError
from neural_style.extensions.gram import Gram
from neural_style.losses import Layers, Mean, Tensor, option
from neural_style.losses.options import one_of

Shifts: TypeAlias = Sequence[int] | Mapping[str, Sequence[int]]

_AXES = {"x": 2, "y": 1}
_LETTERS = one_of("", "x", "y", "xy")


def _whole_shifts(where: str, shifts: Any) -> Any:
    if isinstance(shifts, Mapping):
        if not shifts:
            raise LossError(f"{where}: expected shifts for at least one layer, got none.")
        return {layer: _whole_shifts(where, each) for layer, each in shifts.items()}
    found = tuple(shifts) if isinstance(shifts, Iterable) else (None,)
    if not all(isinstance(shift, int) for shift in found):
        raise LossError(f"{where}: expected a list of whole shifts, got {shifts!r}.")
    return found


class ShiftedGram(Gram):
    """Match which features occur together at a given distance: long strokes, symmetry.

        G_x,δ = F[:, :W−δ]ᵀ F[:, δ:] / (H(W−δ)),    G_y,δ = F[:H−δ]ᵀ F[δ:] / ((H−δ)W)
        L = Σ_l w_l · mean over the matrices k of Σ(G_k − A_k)² / (4 N_l²)

    The shifted features are cropped, never wrapped. F (H × W × N channels) are the features of
    the picture at layer l, and A_k the matrices of the reference, which may differ in size. A
    layer has one matrix for each shift along each axis, and one for each flip.

    Parameters
    ----------
    reference
        The painting, H×W×3, RGB, 0–255, of any size.
    shifts
        The distances δ, in positions of the layer: a sequence for all layers, or
        ``{layer: sequence}``, which also sets the layers.
    axes
        The directions of the shifts: ``"x"`` (along a row), ``"y"`` or ``"xy"``.
    flips
        The axes of the mirror images to correlate the features with, Fᵀ flip(F) / (H·W), for
        symmetric textures: ``""``, ``"x"``, ``"y"`` or ``"xy"``. A loss with flips cannot be
        tiled.
    layers
        By default block2_conv1 … block4_conv1.

    Raises
    ------
    LossError
        An option is invalid, or a shift is not smaller than the features of a layer.

    Notes
    -----
    With one δ and both axes, the loss is ½(E_x + E_y). G_δ is not symmetric; δ = 0 is the Gram
    matrix, and G_−δ = G_δᵀ. Add this loss to `Gram`. Implementations use different shifts, and
    the paper's shifts were not available: this library chose the default. Source: Berger &
    Memisevic, *Incorporating long-range consistency in CNN-based texture generation*, arXiv
    1606.01286; the operators from three implementations.

    Examples
    --------
    >>> import numpy as np
    >>> loss = ShiftedGram(np.zeros((64, 64, 3)), shifts={"block1_conv1": [4, 8]}, axes="x")
    >>> from neural_style.losses.calls import statistics
    >>> statistics(loss, {"block1_conv1": np.ones((1, 10, 10, 3))})["block1_conv1"].shape
    TensorShape([2, 3, 3])
    """

    layers: Layers = ("block2_conv1", "block3_conv1", "block4_conv1")
    shifts: Shifts = option((4,), _whole_shifts)
    axes: str = option("xy", _LETTERS)
    flips: str = option("", _LETTERS)

    def __post_init__(self) -> None:
        shifts = self.shifts if isinstance(self.shifts, Mapping) else {}
        if shifts and self.layers == type(self).layers:
            self.layers = tuple(shifts)
        if shifts and set(shifts) != set(self.layers):
            raise LossError(
                f"{self.name}: shifts are for {sorted(shifts)}, layers are {sorted(self.layers)}; "
                f"use the same layers in both."
            )
        for layer in self.layers:
            if not self._offsets(layer) and not self.flips:
                raise LossError(f"{self.name}: no shift along an axis and no flip for {layer!r}.")
        if self.flips:  # a mirror image is beyond any reach
            self.tiling = None

    def statistic(self, f: Tensor, mean: Mean) -> Tensor:
        """The matrices of a layer, stacked: (matrices, N, N)."""
        shifted = mean.products(f, self._offsets(mean.layer))
        if not self.flips:
            return shifted
        mirrored = [mean.product(f, ops.flip(f, _AXES[axis])) for axis in self.flips]
        return ops.concatenate([shifted, ops.stack(mirrored)])

    def _offsets(self, layer: str) -> list[tuple[int, int]]:
        """(dy, dx) of every matrix."""
        shifts = self.shifts[layer] if isinstance(self.shifts, Mapping) else self.shifts
        return [(0, d) if axis == "x" else (d, 0) for d in shifts for axis in self.axes]
