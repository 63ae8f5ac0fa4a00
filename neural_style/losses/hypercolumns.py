"""Hypercolumns: the features of all layers at one place of a picture.

    class MyLoss(HypercolumnLoss):                    # has `layers`, `samples`, `refresh_every`
        def target(self, references, current, rng):
            places = self.places(current, rng)                  # where, for every layer
            points = unit(self.columns(references[0], places))  # (places, channels)
            ...

A place is a position of the finest layer. In every other layer it is the same point of the
picture, where features are interpolated linearly between the four nearest positions.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neural_style import ops
from neural_style.errors import LossError
from neural_style.images import Size
from neural_style.losses.base import Loss
from neural_style.losses.options import option, positive_whole
from neural_style.losses.types import Features, Layers, Tensor

Places: TypeAlias = dict[str, tuple[Any, Any]]


class HypercolumnLoss(Loss):
    """The base class of losses on hypercolumns.

    Parameters
    ----------
    references
        The references of the loss.
    samples
        The largest number of places at which the loss is measured.
    refresh_every
        The number of evaluations between two draws of places.
    layers
        The layers of a hypercolumn. ``{layer: weight}`` multiplies the loss by the sum of the
        weights, and the squares of a layer's channels by the layer's share of this sum.

    Raises
    ------
    LossError
        A weight is not above 0, or ``samples`` or ``refresh_every`` is not a positive whole
        number.
    """

    layers: Layers = (
        "image",
        *("block1_conv1", "block1_conv2", "block2_conv1", "block2_conv2"),
        *("block3_conv1", "block3_conv2", "block3_conv3", "block4_conv3", "block5_conv3"),
    )

    samples: int = option(1024, positive_whole)
    refresh_every: int | None = option(10, positive_whole)

    def __post_init__(self) -> None:
        if min(self.layer_weights.values()) <= 0:
            raise LossError(
                f"{self.name}: expected weights above 0 for the layers of a hypercolumn, got "
                f"{self.layers}; leave out a layer that should not count."
            )

    @property
    def scale(self) -> Any:
        """The sum of the layer weights, a factor of the loss."""
        return sum(self.layer_weights.values())

    def places(self, features: Features, rng: np.random.Generator) -> Places:
        """At most `samples` different places: all positions if there are not more.

        Otherwise the positions, row by row, are cut into ``samples`` runs, and one position of
        each run is drawn at random, so every part of the picture is covered.

        features: {layer: (1, h, w, channels)}. Returns for every layer and place the four nearest
        positions, as indices (places, 4), and their shares (places, 4, 1), whose sum is 1.
        """
        sizes = {layer: tuple(f.shape[1:3]) for layer, f in features.items()}
        height, width = max(sizes.values())
        count = min(self.samples, height * width)
        first = np.arange(count + 1) * (height * width) // count
        chosen = rng.integers(first[:-1], first[1:])
        y, x = (chosen // width + 0.5) / height, (chosen % width + 0.5) / width
        return {layer: _corners(y, x, size) for layer, size in sizes.items()}

    def both_places(
        self, current: Features, reference: Features, rng: np.random.Generator
    ) -> tuple[Places, Places]:
        """Places of the picture and of the reference; the same if the sizes are the same."""
        seed = int(rng.integers(2**32))
        ours, theirs = (
            self.places(features, np.random.default_rng(seed)) for features in (current, reference)
        )
        return ours, theirs

    def columns(self, features: Features, places: Places) -> Tensor:
        """The hypercolumns, (places, channels), of ``features`` {layer: (1, h, w, channels)}."""
        columns = []
        for layer, weight in self.layer_weights.items():
            indices, shares = places[layer]
            f = features[layer]
            corners = ops.take(ops.reshape(f, (-1, f.shape[3])), indices, axis=0)
            column = ops.sum(corners * ops.cast(shares, f.dtype), axis=1)
            columns.append((weight / self.scale) ** 0.5 * column)
        return ops.concatenate(columns, axis=1)


def unit(columns: Tensor) -> Tensor:
    """Every row divided by its length; a row of zeros does not change.

    There no derivative exists, and the gradient passes through undivided, so a column of zeros
    does not get stuck.

    >>> unit(np.array([[3.0, 4.0], [0.0, 0.0]])).numpy().tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    squares = squared_lengths(columns)
    # Where the length is 0, its root is kept out of the gradient, too.
    return columns / ops.sqrt(ops.where(squares > 0, squares, 1))


def squared_lengths(rows: Tensor) -> Tensor:
    """The sum of squares of every row, (…, 1)."""
    return ops.sum(ops.square(rows), axis=-1, keepdims=True)


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """|a_i − b_j|² for all rows of two matrices, (rows of a, rows of b)."""
    lengths = squared_lengths(a) + ops.transpose(squared_lengths(b))
    return lengths - 2 * ops.matmul(a, ops.transpose(b))


def _corners(y: NDArray[Any], x: NDArray[Any], size: Size) -> tuple[Any, Any]:
    """The four positions around each place, and their shares."""
    rows, columns = (_neighbors(at, side) for at, side in zip((y, x), size, strict=True))
    pairs = [(row * size[1] + column, a * b) for row, a in rows for column, b in columns]
    indices, shares = (np.stack(each, 1) for each in zip(*pairs, strict=True))
    return indices, shares[..., None]


def _neighbors(at: NDArray[Any], side: int) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """The positions before and after each place (0–1) along an axis, and their shares."""
    exact = np.clip(at * side - 0.5, 0, side - 1)
    before = np.floor(exact).astype(np.int32)
    share = exact - before
    return [(before, 1 - share), (np.minimum(before + 1, side - 1), share)]
