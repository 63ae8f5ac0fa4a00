"""3×3 convolution by Winograd's minimal filtering, compiled by XLA for a CPU.

    y = convolve(x, kernel)                      # (1, H, W, C) -> (1, H, W, K), zero-padded
    gx = convolve(gy, kernel, adjoint=True)      # (1, H, W, K) -> (1, H, W, C)
    z, passing = convolve_and_pool(x, kernel, bias)          # -> (1, ⌊H/2⌋, ⌊W/2⌋, K), twice
    gx = unpool_and_convolve(gz, passing, kernel, (H, W))    # its gradient

The kernel is (3, 3, C, K), or (36, C, K) from `transform`, which saves the transform of each call.

In one dimension, four outputs of a filter g of length three are Aᵀ((G g) ⊙ (Bᵀ d)) for an input d
of length six. This multiplies two polynomials by their values at six points. In two dimensions
there are 36 products for 16 outputs; direct convolution has 144. Over all channels and tiles they
are 36 matrix products.

The gradient with respect to the input is the convolution with the flipped and transposed
kernel. Flipping g reverses its polynomial: the value at p is then p² times that of g at 1/p.
The points are 0, ±√½, ±√2 and ∞. Because p → 1/p permutes them, the gradient uses the same
transformed kernel, with the points in another order and the factors in Bᵀ. The rounding errors
are half those of the points 0, ±1, ±2, ∞, and twice those of direct convolution.

The layout is chosen for XLA. One reshape cuts the image into tiles of 4×4. Their windows of 6×6
include two rows and columns of the neighbors. The transforms are sums of slices, along one axis
and then the other. Strips of tiles are processed in turn, so that the transformed values, 2.25
times the image, stay in the processor's cache. If a ReLU and a pooling follow, they are applied to
each strip, too. The gradient then needs one byte for each cell, not the convolution's result.

Sources: A. Lavin, S. Gray, *Fast Algorithms for Convolutional Neural Networks*, arXiv
1509.09308; the points and the layout are this library's.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neural_style.kernels import blocks
from neural_style.kernels.strips import Strips
from neural_style.utils.backend import tf

Tensor: TypeAlias = Any
Matrix: TypeAlias = NDArray[np.float64]

_TILE, _WINDOW = 4, 6
_NEIGHBORS = slice(None, -1), slice(1, None)
_ROUNDING = 1e-9  # of the transforms' elements
_HALO = 4  # extra rows and columns that are read with a strip: a whole tile, of which two are used
_BITS = (1, 2, 4, 8)  # for the positions in a cell that is pooled
_CELL_HALO = 3  # extra cells that are read with a strip: _HALO, and the other halves of two cells
_POINTS = np.array([0, 0.5**0.5, -(0.5**0.5), 2**0.5, -(2**0.5)])  # and ∞, the last
_INVERSES = [5, 3, 4, 1, 2, 0]
# Measured at 64 to 512 channels: with fewer tiles in a strip the matrix products are slow; with
# more tiles the strip does not fit in the cache.
_TILES_PER_STRIP = 256
# Up to this many tiles, the adjoint's products are 1.3 to 1.9 times as fast with the kernel on
# the left: the smaller matrix is then packed, not the kernel. From 100 tiles they are not faster.
_FEW_TILES = 80


def _transforms() -> tuple[Matrix, Matrix, Matrix]:
    """Aᵀ (4, 6), G (6, 3) and Bᵀ (6, 6)."""
    output, kernel, window = np.zeros((4, 6)), np.zeros((6, 3)), np.zeros((6, 6))
    output[-1, -1] = kernel[-1, -1] = 1
    window[-1] = np.poly(_POINTS)[::-1]
    for i, point in enumerate(_POINTS):
        others = np.delete(_POINTS, i)
        output[:, i] = point ** np.arange(4)
        kernel[i] = point ** np.arange(3) / np.prod(point - others)
        window[i, :-1] = np.poly(others)[::-1]
    return output, kernel, window


def _adjoint(output: Matrix, kernel: Matrix, window: Matrix) -> tuple[Matrix, Matrix]:
    """Aᵀ and Bᵀ that convolve with the flipped kernel, for the same transformed kernel."""
    factors = kernel[:, ::-1].sum(1) / kernel[_INVERSES].sum(1)
    order = np.argsort(_INVERSES)
    return output[:, order], (factors[:, None] * window)[order]


_OUTPUT, _KERNEL, _INPUT = _transforms()
_KERNELS = np.kron(_KERNEL, _KERNEL)  # of rows and columns at once
_ADJOINT_OUTPUT, _ADJOINT_INPUT = _adjoint(_OUTPUT, _KERNEL, _INPUT)


def transform(kernel: Tensor) -> Tensor:
    """G g Gᵀ of every pair of channels: (3, 3, C, K) -> (36, C, K)."""
    return _transformed(kernel, tf.constant(_KERNELS, tf.float32))


@tf.function(autograph=False)  # traced once for all convolutions of one shape
def convolve(
    x: Tensor,
    kernel: Tensor,
    bias: Tensor = None,
    *,
    relu: bool = False,
    adjoint: bool = False,
    wrap: bool = False,
) -> Tensor:
    """The convolution with a transformed kernel, or its adjoint.

    Parameters
    ----------
    x
        (1, H, W, C), of a static shape; for the adjoint, (1, H, W, K).
    kernel
        (3, 3, C, K), or (36, C, K) from `transform`.
    bias
        (K,), added to the result, or None.
    relu
        Whether to apply a ReLU.
    adjoint
        Whether to map the gradient of the output to the gradient of the input.
    wrap
        Whether the image is padded by its other side, instead of zeros.

    Returns
    -------
    Tensor
        (1, H, W, K), the image padded by one; for the adjoint, (1, H, W, C).
    """
    kernel = _ready(kernel, x)
    strips = Strips.of(x.shape[1:3], _TILE, _TILES_PER_STRIP)
    padded = strips.padded(x, _HALO, wrap=wrap)

    def strip(i: Tensor) -> list[Tensor]:
        y = _strip(strips.part(padded, i, _HALO), kernel, adjoint)
        y = y if bias is None else y + bias
        return [tf.nn.relu(y) if relu else y]

    (y,) = strips.each(strip, x, kernel.shape[1 if adjoint else 2])
    return y


@tf.function(autograph=False)
def convolve_and_pool(
    x: Tensor, kernel: Tensor, bias: Tensor, *, average: bool = False, wrap: bool = False
) -> tuple[Tensor, Tensor]:
    """Convolution, ReLU, and 2×2 pooling.

    Parameters
    ----------
    x, kernel, bias, wrap
        As for `convolve`.
    average
        Whether to pool the mean of a cell instead of the maximum.

    Returns
    -------
    tuple
        The pooled values, (1, ⌊H/2⌋, ⌊W/2⌋, K), and a uint8 tensor of the same shape: the
        positions of each cell that receive the gradient. Bit 2i + j is for row i and column j.
        Only positive positions receive it; for the maximum, only the first maximum.
    """
    kernel = _ready(kernel, x)
    strips = Strips.of(x.shape[1:3], _TILE, _TILES_PER_STRIP)
    padded = strips.padded(x, _HALO, wrap=wrap)

    def strip(i: Tensor) -> list[Tensor]:
        y = tf.nn.relu(_strip(strips.part(padded, i, _HALO), kernel, adjoint=False) + bias)
        places = blocks.places(y)
        if average:
            bits = [tf.where(place > 0, bit, 0) for place, bit in zip(places, _BITS, strict=True)]
            return [sum(places[1:], places[0]) / 4, tf.cast(sum(bits[1:], bits[0]), tf.uint8)]
        most = functools.reduce(tf.maximum, places)
        first = _BITS[-1]
        for place, bit in zip(places[-2::-1], _BITS[-2::-1], strict=True):
            first = tf.where(place == most, bit, first)
        return [most, tf.cast(tf.where(most > 0, first, 0), tf.uint8)]

    pooled, passing = strips.each(strip, x, kernel.shape[2], 2, (tf.float32, tf.uint8))
    return pooled, passing


@tf.function(autograph=False)
def unpool_and_convolve(
    g: Tensor,
    passing: Tensor,
    kernel: Tensor,
    size: tuple[int, int],
    *,
    average: bool = False,
    wrap: bool = False,
) -> Tensor:
    """The gradient of `convolve_and_pool` with respect to x, from that of the pooled values.

    Parameters
    ----------
    g
        (1, ⌊H/2⌋, ⌊W/2⌋, K).
    passing, kernel, average, wrap
        As in `convolve_and_pool`.
    size
        (H, W); even if the map wraps.

    Returns
    -------
    Tensor
        (1, H, W, C).
    """
    kernel = _ready(kernel, g)
    strips = Strips.of(size, _TILE, _TILES_PER_STRIP)
    shares = strips.padded(g / 4 if average else g, _CELL_HALO, 2, wrap=wrap)
    passing = strips.padded(passing, _CELL_HALO, 2, wrap=wrap)

    def strip(i: Tensor) -> list[Tensor]:
        share, bits = (strips.part(part, i, _CELL_HALO, 2) for part in (shares, passing))
        bits = tf.cast(bits, tf.int32)
        places = [tf.where(tf.bitwise.bitwise_and(bits, bit) > 0, share, 0.0) for bit in _BITS]
        return [_strip(blocks.spread(places)[1:-1, 1:-1], kernel, adjoint=True)]

    (y,) = strips.each(strip, g, kernel.shape[1])
    return y


def _ready(kernel: Tensor, x: Tensor) -> Tensor:
    """The transformed kernel.

    If it must be computed, it is made to depend on the map. Otherwise XLA would transform the
    kernels of all layers first, and keep each for its adjoint.
    """
    if kernel.shape.rank == 3:
        return kernel
    waiting = tf.where(tf.math.is_nan(x[0, 0, 0, 0]), np.float32(np.nan), np.float32(_KERNELS))
    return _transformed(kernel, waiting)


def _transformed(kernel: Tensor, matrix: Tensor) -> Tensor:
    products = tf.matmul(matrix, tf.reshape(kernel, [matrix.shape[1], -1]))
    return tf.reshape(products, [matrix.shape[0], *kernel.shape[2:]])


def _strip(x: Tensor, kernel: Tensor, adjoint: bool) -> Tensor:
    """Convolve rows × columns tiles: (4 rows + 4, 4 columns + 4, C) -> (4 rows, 4 columns, K)."""
    window, output = (_ADJOINT_INPUT, _ADJOINT_OUTPUT) if adjoint else (_INPUT, _OUTPUT)
    rows, columns = x.shape[0] // _TILE - 1, x.shape[1] // _TILE - 1
    x = tf.reshape(x, [rows + 1, _TILE, columns + 1, _TILE, x.shape[2]])
    x = tf.stack(_values(window, _windows(x, 0)))
    x = tf.stack(_values(window, _windows(x, 2)), 1)
    x = tf.reshape(x, [_WINDOW**2, rows * columns, x.shape[-1]])
    if adjoint and rows * columns <= _FEW_TILES:
        x = tf.matmul(kernel, x, transpose_b=True)
        x = tf.reshape(x, [_WINDOW, _WINDOW, x.shape[1], rows, columns])
        x = tf.transpose(_outputs(output, x, 1), [3, 0, 4, 1, 2])
    else:
        x = tf.matmul(x, kernel, transpose_b=adjoint)
        x = tf.reshape(x, [_WINDOW, _WINDOW, rows, columns, x.shape[-1]])
        x = tf.transpose(_outputs(output, x, 3), [1, 0, 2, 3, 4])
    return tf.reshape(x, [_TILE * rows, _TILE * columns, x.shape[-1]])


def _windows(x: Tensor, axis: int) -> list[Tensor]:
    """The rows or columns of windows along ``axis``: of tiles, and of the tiles after them."""
    before = [slice(None)] * axis
    tiles, following = (tf.unstack(x[*before, part], axis=axis + 1) for part in _NEIGHBORS)
    return [*tiles, *following[: _WINDOW - _TILE]]


def _values(matrix: Matrix, slices: Sequence[Tensor]) -> list[Tensor]:
    """Bᵀ d. The rows of p and −p differ in the signs of one half, so both share the halves."""
    values = [_sum(matrix[0], slices)]
    for plus, minus in ((1, 2), (3, 4)):
        even = _sum((matrix[plus] + matrix[minus]) / 2, slices)
        odd = _sum((matrix[plus] - matrix[minus]) / 2, slices)
        values += [even + odd, even - odd]
    return [*values, _sum(matrix[-1], slices)]


def _outputs(matrix: Matrix, products: Tensor, axis: int) -> Tensor:
    """Aᵀ m A over the first two axes, from six to four; the second axis moves to ``axis``."""
    rows = tf.stack(_interpolated(matrix, tf.unstack(products)))
    return tf.stack(_interpolated(matrix, tf.unstack(rows, axis=1)), axis)


def _interpolated(matrix: Matrix, values: Sequence[Tensor]) -> list[Tensor]:
    """Aᵀ v, from the sums and differences of the values at p and −p."""
    slices, columns = [values[0], values[-1]], [matrix[:, 0], matrix[:, -1]]
    for plus, minus in ((1, 2), (3, 4)):
        slices += [values[plus] + values[minus], values[plus] - values[minus]]
        columns += [
            (matrix[:, plus] + matrix[:, minus]) / 2,
            (matrix[:, plus] - matrix[:, minus]) / 2,
        ]
    return [_sum(row, slices) for row in np.stack(columns, 1)]


def _sum(factors: Matrix, slices: Sequence[Tensor]) -> Tensor:
    terms = [
        piece if abs(factor - 1) < _ROUNDING else piece * float(factor)
        for factor, piece in zip(factors, slices, strict=True)
        if abs(factor) > _ROUNDING
    ]
    return sum(terms[1:], start=terms[0])
