"""Process maps in strips in a compiled function, so that intermediate values stay in the cache.

    strips = Strips.of((height, width), tile=4, tiles=256)
    padded = strips.padded(x, halo)
    (y,) = strips.each(lambda i: [f(strips.part(padded, i, halo))], x, channels)

Maps are (1, height, width, channels). Strips are (high, wide, channels), one below the other. With
``cell=2``, the unit of a map and of the result is a cell of 2×2 positions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self, TypeAlias

from neural_style.kernels.padding import extended
from neural_style.utils.backend import tf

Tensor: TypeAlias = Any


class Strips(NamedTuple):
    """A map of (height, width) as strips of (high, wide), which may extend beyond the map."""

    height: int
    width: int
    number: int
    high: int
    wide: int

    @classmethod
    def of(cls, size: tuple[int, int], tile: int, tiles: int) -> Self:
        """Strips of about ``tiles`` square tiles each. Tiles are never divided."""
        rows, columns = (math.ceil(side / tile) for side in size)
        number = math.ceil(rows / max(1, round(tiles / columns)))
        return cls(*size, number, tile * math.ceil(rows / number), tile * columns)

    def padded(self, x: Tensor, halo: int, cell: int = 1, *, wrap: bool = False) -> Tensor:
        """A map with one row and column of zeros before it, and those after it for `part`.

        With ``wrap``, the map's other side is in place of the nearest zeros.
        """
        _, height, width, _ = x.shape
        below = self.number * self.high // cell + halo - 1 - height
        right = self.wide // cell + halo - 1 - width
        if wrap:
            x = extended(x, (1, 1), (1, 1), "wrap")
            return tf.pad(x[0], [[0, below - 1], [0, right - 1], [0, 0]])
        return tf.pad(x[0], [[1, below], [1, right], [0, 0]])

    def part(self, padded: Tensor, i: Tensor, halo: int, cell: int = 1) -> Tensor:
        """Strip ``i``, from one row and column before it, ``halo`` higher and wider."""
        high, wide = self.high // cell, self.wide // cell
        return tf.slice(padded, [high * i, 0, 0], [high + halo, wide + halo, padded.shape[2]])

    def each(
        self,
        strip: Callable[[Tensor], Sequence[Tensor]],
        x: Tensor,
        channels: int,
        cell: int = 1,
        dtypes: Sequence[Any] = (tf.float32,),
    ) -> list[Tensor]:
        """Join the strips that ``strip(i)`` returns into maps of ``channels`` and ``dtypes``.

        ``x`` is any map that is not constant.
        """
        if self.number == 1:
            maps = strip(0)
        else:
            size = self.high // cell, self.wide // cell, channels
            # Every strip is overwritten. XLA would share a constant and copy it for every loop.
            first = x[0, 0, 0, 0]
            empty = [tf.fill([self.number, *size], tf.cast(first, dtype)) for dtype in dtypes]
            begun = tuple(tf.TensorArray(e.dtype, self.number).unstack(e) for e in empty)

            def step(i: Tensor, arrays: Any) -> tuple[Tensor, Any]:
                pairs = zip(arrays, strip(i), strict=True)
                return i + 1, tuple(array.write(i, value) for array, value in pairs)

            _, arrays = tf.while_loop(lambda i, _: i < self.number, step, (0, begun))
            maps = [tf.reshape(array.stack(), [-1, *size[1:]]) for array in arrays]
        return [y[None, : self.height // cell, : self.width // cell] for y in maps]
