"""The cells of 2×2 positions that a pooling combines.

places(x)                 # (2h, 2w, channels) -> four of (h, w, channels), by rows
spread(places(x))         # -> x
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from neural_style.utils.backend import tf

Tensor: TypeAlias = Any


def places(x: Tensor) -> list[Tensor]:
    """One map for each position in a cell. Height and width must be even."""
    height, width, channels = x.shape
    cells = tf.reshape(x, [height // 2, 2, width // 2, 2, channels])
    return [cells[:, row, :, column] for row in (0, 1) for column in (0, 1)]


def spread(places: Sequence[Tensor]) -> Tensor:
    """The inverse of `places`."""
    height, width, channels = places[0].shape
    above, below = tf.stack(places[:2], 2), tf.stack(places[2:], 2)
    return tf.reshape(tf.stack([above, below], 1), [2 * height, 2 * width, channels])
