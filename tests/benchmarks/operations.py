"""The floating-point operations of one evaluation's matrix products, from VGG19's shapes.

A product of (M, C) and (C, K) is 2·M·C·K. A convolution's gradient costs what it costs itself,
as does a Gram matrix'. Activations, pooling and Winograd's transforms are not counted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from protocol import STYLE

PRODUCT = 4096  # the side of the matrices whose product the others are measured by
CONVOLUTIONS = {1: 2, 2: 2, 3: 4, 4: 4, 5: 1}  # of each block, as far as the loss reads


def direct(size: int) -> int:
    """With direct convolutions: nine products of all positions."""
    return _grams(size) + sum(
        2 * 2 * 9 * side**2 * channels * filters for side, channels, filters in _layers(size)
    )


def done(size: int) -> int:
    """As this library does it: by Winograd's algorithm, 36 products of all 4×4 tiles.

    The first layer, and maps of fewer than 16×16 positions, are direct; see
    `neural_style.kernels.layers`.
    """
    total = _grams(size)
    for side, channels, filters in _layers(size):
        fast = channels >= 64 and side >= 16
        positions = 36 * math.ceil(side / 4) ** 2 if fast else 9 * side**2
        total += 2 * 2 * positions * channels * filters
    return total


def _layers(size: int) -> Iterator[tuple[int, int, int]]:
    """(side, channels, filters) of every convolution."""
    channels = 3
    for block, count in CONVOLUTIONS.items():
        for _ in range(count):
            filters = STYLE[f"block{block}_conv1"]
            yield size >> (block - 1), channels, filters
            channels = filters


def _grams(size: int) -> int:
    return sum(2 * 2 * (size >> i) ** 2 * n**2 for i, n in enumerate(STYLE.values()))
