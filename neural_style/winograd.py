"""3×3 convolution by Winograd's minimal filtering, for XLA on a CPU.

    kernel = transform(weights)                  # (3, 3, C, K) -> (36, C, K), once
    y = convolve(x, kernel)                      # (1, H, W, C) -> (1, H, W, K), zero-padded
    gx = convolve(gy, kernel, adjoint=True)      # (1, H, W, K) -> (1, H, W, C)

In one dimension, four outputs of a filter g of three are Aᵀ((G g) ⊙ (Bᵀ d)) for an input d of
six: polynomials multiplied by their values at six points. Along rows and columns these are
36 products for 16 outputs, where direct convolution has 144. Over all channels and tiles they
are 36 matrix products.

The gradient with respect to the input is the convolution with the kernel flipped and
transposed. Flipping g reverses its polynomial, whose value at p is then p² times that of g at
1/p. The points are 0, ±√½, ±√2 and ∞, which p → 1/p maps to each other, so that the gradient
takes the same transformed kernel, with the points in another order and the factors in Bᵀ.
Their rounding errors are half those of 0, ±1, ±2, ∞, and twice those of direct convolution.

The layout is for XLA: one reshape cuts the image into tiles of 4×4, whose windows of 6×6
take two rows and columns of their neighbours; the transforms are sums of slices, one axis
after the other; and strips of tiles are done in turn, so that what lies between the
transforms, 2.25 times the image, stays in the processor's cache and out of memory.

Sources: A. Lavin, S. Gray, *Fast Algorithms for Convolutional Neural Networks*, arXiv
1509.09308; the points and the layout are this library's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neural_style.backend import tf

Tensor: TypeAlias = Any
Matrix: TypeAlias = NDArray[np.float64]

_TILE, _WINDOW = 4, 6
_POINTS = np.array([0, 0.5**0.5, -(0.5**0.5), 2**0.5, -(2**0.5)])  # and ∞, the last
_INVERSES = [5, 3, 4, 1, 2, 0]
# Measured at 64 to 512 channels: fewer tiles a strip make the matrix products slow, with
# more of them the strip leaves the cache.
_TILES_PER_STRIP = 256
# To so many tiles the adjoint's products are faster from the left, by 1.3 to 1.9 times: what has
# few rows is then packed, and not the kernel. From 100 tiles they are no faster.
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
    """Aᵀ and Bᵀ that convolve with the flipped kernel, given the transform of the kernel."""
    factors = kernel[:, ::-1].sum(1) / kernel[_INVERSES].sum(1)
    order = np.argsort(_INVERSES)
    return output[:, order], (factors[:, None] * window)[order]


_OUTPUT, _KERNEL, _INPUT = _transforms()
_ADJOINT_OUTPUT, _ADJOINT_INPUT = _adjoint(_OUTPUT, _KERNEL, _INPUT)


def transform(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """G g Gᵀ of every pair of channels: (3, 3, C, K) -> (36, C, K)."""
    kernel = _KERNEL.astype(np.float32)
    columns = np.tensordot(kernel, weights, (1, 1))
    values = np.tensordot(kernel, columns, (1, 1))
    return values.reshape(_WINDOW**2, *weights.shape[2:])


@tf.function(autograph=False)  # traced once for all convolutions of one shape
def convolve(
    x: Tensor, kernel: Tensor, bias: Tensor = None, *, relu: bool = False, adjoint: bool = False
) -> Tensor:
    """The convolution with a transformed kernel, or its adjoint.

    Parameters
    ----------
    x
        (1, H, W, C), of a static shape; for the adjoint, (1, H, W, K).
    kernel
        (36, C, K), from `transform`.
    bias
        (K,), added to the result, or None.
    relu
        Whether to return the positive part.
    adjoint
        Whether to map the gradient of the output to that of the input.

    Returns
    -------
    Tensor
        (1, H, W, K), the image zero-padded by one; for the adjoint, (1, H, W, C).
    """
    _, height, width, channels = x.shape
    rows, columns = math.ceil(height / _TILE), math.ceil(width / _TILE)
    strips = math.ceil(rows / max(1, round(_TILES_PER_STRIP / columns)))
    rows = math.ceil(rows / strips)  # of a strip
    high, wide = _TILE * rows, _TILE * columns
    below, right = strips * high + _TILE - height - 1, wide + _TILE - width - 1
    first = x[0, 0, 0, 0]
    x = tf.pad(x[0], [[1, below], [1, right], [0, 0]])

    def strip(x: Tensor) -> Tensor:
        y = _strip(x, kernel, rows, columns, adjoint)
        y = y if bias is None else y + bias
        return tf.nn.relu(y) if relu else y

    if strips == 1:
        return strip(x)[None, :height, :width]
    shape = [strips, high, wide, kernel.shape[1 if adjoint else 2]]
    # Every strip is overwritten; a constant would be one for all loops, and copied for each.
    strips_of_y = tf.TensorArray(tf.float32, strips).unstack(tf.fill(shape, first))

    def step(i: Tensor, done: tf.TensorArray) -> tuple[Tensor, tf.TensorArray]:
        part = tf.slice(x, [high * i, 0, 0], [high + _TILE, wide + _TILE, channels])
        return i + 1, done.write(i, strip(part))

    _, done = tf.while_loop(lambda i, _: i < strips, step, (0, strips_of_y))
    return tf.reshape(done.stack(), [1, strips * high, *shape[2:]])[:, :height, :width]


def _strip(x: Tensor, kernel: Tensor, rows: int, columns: int, adjoint: bool) -> Tensor:
    """Convolve rows × columns tiles: (4 rows + 4, 4 columns + 4, C) -> (4 rows, 4 columns, K)."""
    window, output = (_ADJOINT_INPUT, _ADJOINT_OUTPUT) if adjoint else (_INPUT, _OUTPUT)
    x = tf.reshape(x, [rows + 1, _TILE, columns + 1, _TILE, x.shape[2]])
    neighbours = [divmod(i, _TILE) for i in range(_WINDOW)]
    x = tf.stack(_values(window, [x[n : rows + n, i] for n, i in neighbours]))
    x = tf.stack(_values(window, [x[:, :, n : columns + n, i] for n, i in neighbours]), 1)
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


def _values(matrix: Matrix, slices: Sequence[Tensor]) -> list[Tensor]:
    """Bᵀ d. The rows of p and −p differ in the signs of one half, so the halves are shared."""
    values = [_sum(matrix[0], slices)]
    for plus, minus in ((1, 2), (3, 4)):
        even = _sum((matrix[plus] + matrix[minus]) / 2, slices)
        odd = _sum((matrix[plus] - matrix[minus]) / 2, slices)
        values += [even + odd, even - odd]
    return [*values, _sum(matrix[-1], slices)]


def _outputs(matrix: Matrix, products: Tensor, axis: int) -> Tensor:
    """Aᵀ m A over the first two axes of six, now four; the second is moved to ``axis``."""
    rows = tf.stack(_interpolated(matrix, tf.unstack(products)))
    return tf.stack(_interpolated(matrix, tf.unstack(rows, axis=1)), axis)


def _interpolated(matrix: Matrix, values: Sequence[Tensor]) -> list[Tensor]:
    """Aᵀ v, by the sums and differences of the values at p and −p."""
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
        piece * float(factor)
        for factor, piece in zip(factors, slices, strict=True)
        if abs(factor) > 1e-9  # a zero but for rounding
    ]
    return sum(terms[1:], start=terms[0])
