"""The mean over positions, for losses; a third of the file says what the mean promises.

    mean = means[layer]                # what `StatisticLoss.statistic` gets
    mean(x)                            # (1, h, w, c) -> (c,)
    mean(x, offset=(0, 1))             # over pairs: each position and its right neighbor
    mean.product(a, b)                 # AᵀB / M, (N, K)
    mean.products(f, [(0, 4), (4, 0)]) # FᵀF of pairs of positions, (offsets, N, N)

A mask gives weights to positions, and so does a tile, which counts only some of them. The author
of a loss need not know the weights g:

    mean(x) = Σ g·x / T,    T = Σ g over all positions of the picture

Each tile divides its own Σ g·x by the T of the whole picture, so the means of the tiles add up to
the mean of the picture. A pair has the weight of its upper left position. If T is 0, so is the
mean.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neural_style import ops
from neural_style.errors import LossError

Tensor: TypeAlias = Any
Offset: TypeAlias = tuple[int, int]
Size: TypeAlias = tuple[int, int]


class Key(NamedTuple):
    """What the total weight of a mean depends on: a layer, and the positions that count.

    With a ``step``, the positions are blocks; incomplete blocks at the end count if ``partial``.
    """

    layer: str
    offset: Offset = (0, 0)
    step: int = 1
    partial: bool = False

    def total(self, weights: NDArray[Any], *, wrap: bool = False) -> np.float32:
        """The total weight, from the weights (1, h, w, 1) of all positions of the layer.

        With ``wrap``, every position has a partner: pairs cross the border of a periodic picture.
        """
        w = weights[0, :, :, 0].astype(np.float64)
        offset = (0, 0) if wrap else self.offset
        height, width = (n - abs(d) for n, d in zip(w.shape, offset, strict=True))
        if not self.partial:
            height, width = (n - n % self.step for n in (height, width))
        return np.float32(w[:height, :width].sum() / self.step**2)


class Record:
    """The means that a loss computed: their keys, and the tensors returned."""

    def __init__(self) -> None:
        self.keys: dict[Key, None] = {}
        self.tensors: list[Tensor] = []


class Mean:
    """The mean over the positions of one layer; by default unweighted and for any size.

    Parameters
    ----------
    layer
        The layer's name, for a loss whose options differ by layer.
    size
        (h, w) of the layer, to check against.
    weights
        The weights of positions, (1, h, w, 1). With None, all are the same. A second channel says
        which positions a pair may have as its second: 1 for these, 0 for others.
    totals
        The total weights of the whole picture. With None, the totals of ``weights``.
    record
        It records every mean that is computed.
    where
        The place that an error names.
    """

    def __init__(
        self,
        layer: str = "",
        size: tuple[int, int] | None = None,
        weights: Tensor | None = None,
        totals: Mapping[Key, Tensor] | None = None,
        record: Record | None = None,
        where: str = "mean",
    ) -> None:
        self.layer, self._size, self._where = layer, size, where
        self._weights, self._seconds = weights, None
        if weights is not None and weights.shape[3] == 2:
            self._weights, self._seconds = weights[..., :1], weights[..., 1:]
        self._totals, self._record = totals, record

    def __call__(self, x: Tensor, offset: Offset = (0, 0)) -> Tensor:
        """The mean of x (1, h, w, channels), (channels,).

        With an offset (dy, dx), x (1, h − dy, w − dx, channels) has a value for every pair of
        positions: the second is dy below and dx right of the first.

        >>> Mean()(np.reshape([1.0, 2, 3, 6], (1, 2, 2, 1))).numpy().tolist()
        [3.0]
        """
        size = self._check(x, offset)
        weights = self._cropped(offset, size)
        if weights is None:
            self._note(Key(self.layer, offset))
            return self._made(ops.mean(x, (0, 1, 2)))
        total = ops.sum(weights * x, (0, 1, 2))
        return self._made(self._divided(total, _positions(x), weights, Key(self.layer, offset)))

    def product(self, a: Tensor, b: Tensor) -> Tensor:
        """AᵀB / M, (N, K), for a (1, h, w, N) and b (1, h, w, K), M = h·w.

        If a is b, the gradient is one product, F (D + Dᵀ) / M; autodiff would need two. b may be
        coarser than a by a power of two. Each position of b is then paired with all positions of
        a that were pooled into it, and rows and columns that pooling dropped do not count. If b
        has a position for an incomplete block of a, it counts by its share of a block.

        >>> f = np.array([[[[1.0, 0], [1, 2]]]])
        >>> Mean().product(f, f).numpy().tolist()
        [[1.0, 1.0], [1.0, 2.0]]
        """
        self._check(a)
        if a is b:
            return self._made(self._square(a))
        step, partial = self._step(a, b)
        weights = self._weights
        if weights is None and partial:
            weights = ops.ones_like(a[..., :1])
        weighted = a if weights is None else weights * a
        if step > 1 or a.shape[1:3] != b.shape[1:3]:
            weighted = _pooled(weighted, b.shape, step)
            weights = None if weights is None else _pooled(weights, b.shape, step)
        key = Key(self.layer, step=step, partial=partial)
        if self._totals is not None and key not in self._totals:  # of a tile with whole blocks
            key = key._replace(partial=True)
        total = _sum_of_products(weighted, b)
        return self._made(self._divided(total, _positions(b), weights, key))

    def products(self, f: Tensor, offsets: Sequence[Offset]) -> Tensor:
        """Σ f_pᵀ f_q / M over the pairs of positions p and q = p + (dy, dx), (offsets, N, N).

        M is the number of pairs; offsets can be negative. Gradients are added in place: if D is
        the gradient of a matrix divided by M, they are F₂Dᵀ at the first positions and F₁D at the
        second. Autodiff would hold all of them at once, each as large as f.
        """
        size = self._check(f)
        if not offsets:
            return ops.zeros((0, f.shape[3], f.shape[3]), f.dtype)
        pairs = [
            (self._part(d, size), self._part((-d[0], -d[1]), size), self._cropped(d, size))
            for d in offsets
        ]
        keys = [Key(self.layer, (abs(y), abs(x))) for y, x in offsets]

        def averaged(total: Tensor, i: int) -> Tensor:
            part, _, weights = pairs[i]
            positions = math.prod(each.stop - each.start for each in part[1:])
            return self._divided(total, positions, weights, keys[i])

        @ops.custom_gradient
        def matrices(f: Tensor) -> Any:
            def gradient(*upstream: Tensor) -> Tensor:
                total = ops.zeros_like(f)
                for i, (first, second, weights) in enumerate(pairs):
                    d = averaged(upstream[i], i)
                    for part, other, factor in (
                        (first, second, ops.transpose(d)),
                        (second, first, d),
                    ):
                        share = ops.matmul(f[other], factor)
                        share = total[part] + (share if weights is None else weights * share)
                        total = ops.slice_update(total, [*(x.start for x in part), 0], share)
                return total

            found = []
            for i, (first, second, weights) in enumerate(pairs):
                a = f[first] if weights is None else weights * f[first]
                found.append(averaged(_sum_of_products(a, f[second]), i))
            return found, gradient

        return self._made(ops.stack(list(matrices(f))))

    def overall(self, x: Tensor) -> Tensor:
        """The mean of x (1, h, w, n) or (1, h, w) over positions and channels: one number.

        An x that is one number already is returned as it is, unless there are weights.
        """
        if len(x.shape) == 0 and self._weights is None:
            return x
        x = x[..., None] if len(x.shape) == 3 else x
        self._check(x)
        weights, positions = self._weights, _positions(x)
        if weights is None:
            return ops.mean(x)
        total = ops.sum(weights * x) / int(x.shape[3])
        return self._divided(total, positions, weights, Key(self.layer))

    def _square(self, f: Tensor) -> Tensor:
        positions, weights, key = _positions(f), self._weights, Key(self.layer)

        @ops.custom_gradient
        def square(f: Tensor) -> Any:
            def gradient(upstream: Tensor) -> Tensor:
                both = self._divided(upstream + ops.transpose(upstream), positions, weights, key)
                product = ops.matmul(f, both)
                return product if weights is None else weights * product

            # Weighing one factor needs no root, and the gradient stays one product.
            total = _sum_of_products(f if weights is None else weights * f, f)
            return self._divided(total, positions, weights, key), gradient

        return square(f)

    def _divided(self, total: Tensor, positions: int, weights: Tensor | None, key: Key) -> Tensor:
        """A sum over ``positions``, divided by their number or by the total weight."""
        self._note(key)
        if weights is None:
            return total / positions
        if self._totals is None:
            return ops.divide_no_nan(total / positions, ops.mean(weights))
        return ops.divide_no_nan(total, self._totals[key])

    def _note(self, key: Key) -> None:
        if self._record is not None:
            self._record.keys[key] = None

    def _made(self, tensor: Tensor) -> Tensor:
        if self._record is not None:
            self._record.tensors.append(tensor)
        return tensor

    def _cropped(self, offset: Offset, size: Size) -> Tensor | None:
        """The weights of the upper left positions of pairs."""
        if self._weights is None or offset == (0, 0):
            return self._weights
        dy, dx = abs(offset[0]), abs(offset[1])
        weights = self._weights[self._part((dy, dx), size)]
        if self._seconds is None:
            return weights
        return weights * self._seconds[self._part((-dy, -dx), size)]

    def _part(self, offset: Offset, size: Size) -> tuple[slice, ...]:
        """The positions that have a partner at an offset."""
        part = [slice(0, 1)]
        for axis, side, d in zip("yx", size, offset, strict=True):
            if abs(d) >= side:
                raise LossError(
                    f"{self._where} the features are {size[0]}×{size[1]}, so a shift of {d} "
                    f"along {axis} leaves nothing: use a smaller shift, a shallower layer or a "
                    f"larger picture."
                )
            part.append(slice(max(0, -d), side - max(0, d)))
        return tuple(part)

    def _step(self, a: Tensor, b: Tensor) -> tuple[int, bool]:
        """How many positions of a, along an axis, belong to one of b; whether some do in part."""
        (height, width), (h, w) = a.shape[1:3], b.shape[1:3]
        least = 1 << max(0, (height // h).bit_length() - 1)
        for step in (least, 2 * least):
            if (height // step, width // step) == (h, w):
                return step, False
            if (-(-height // step), -(-width // step)) == (h, w):
                return step, True
        raise LossError(
            f"{self._where} the features are {height}×{width}, at the next layer {h}×{w}; "
            f"expected the same size, or half of it, a quarter, …: list layers from fine to "
            f"coarse, or use a larger picture."
        )

    def _check(self, x: Tensor, offset: Offset = (0, 0)) -> Size:
        """The layer's size, after checking that x has the layer's pairs at an offset."""
        shape = tuple(x.shape)
        if len(shape) != 4:
            raise LossError(
                f"{self._where} expected values (1, h, w, channels) to average over positions, got "
                f"the shape {shape}."
            )
        size = self._size or (shape[1] + offset[0], shape[2] + offset[1])
        self._part(offset, size)
        expected = size[0] - offset[0], size[1] - offset[1]
        if shape[1:3] != expected:
            raise LossError(
                f"{self._where} expected values at {expected[0]}×{expected[1]} positions, got "
                f"{shape[1]}×{shape[2]}; for values of pairs give the offset of a pair, "
                f"mean(x, offset=(dy, dx))."
            )
        return size


class Means:
    """The `Mean` of every layer of a loss, by layer name."""

    def __init__(
        self,
        name: str,
        sizes: Mapping[str, tuple[int, int]],
        weights: Mapping[str, Tensor] | None = None,
        totals: Mapping[Key, Tensor] | None = None,
        record: Record | None = None,
    ) -> None:
        self._means = {
            layer: Mean(
                layer, size, weights and weights[layer], totals, record, f"{name}: at {layer!r}"
            )
            for layer, size in sizes.items()
        }

    def __getitem__(self, layer: str) -> Mean:
        return self._means[layer]


def _positions(x: Tensor) -> int:
    return int(x.shape[1]) * int(x.shape[2])


def _sum_of_products(a: Tensor, b: Tensor) -> Tensor:
    """AᵀB, (N, K), from (1, h, w, N) and (1, h, w, K)."""
    positions = _positions(a)
    rows = ops.reshape(a, (positions, a.shape[3])), ops.reshape(b, (positions, b.shape[3]))
    return ops.matmul(ops.transpose(rows[0]), rows[1])


def _pooled(x: Tensor, shape: Sequence[int], step: int) -> Tensor:
    """The means of x over the positions that were pooled into each coarser position."""
    _, h, w, _ = shape
    kept = x[:, : step * h, : step * w]
    missing = step * h - kept.shape[1], step * w - kept.shape[2]
    if any(missing):
        kept = ops.pad(kept, ((0, 0), (0, missing[0]), (0, missing[1]), (0, 0)))
    return ops.mean(ops.reshape(kept, (1, h, step, w, step, x.shape[3])), (2, 4))
