"""The nearest neighbor loss of Kolkin et al. and Zhang et al."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from neural_style import ops
from neural_style.errors import LossError, number
from neural_style.losses import Features, MatchingLoss, Means, References, Rng, Statistic, Tensor
from neural_style.losses.hypercolumns import squared_lengths, unit
from neural_style.losses.options import one_of, option, positive_whole


def _share(where: str, value: Any) -> float:
    """A number from 0 to 1."""
    if not 0 <= number(value) <= 1:
        raise LossError(f"{where}: expected a number from 0 to 1, got {value!r}.")
    return float(value)


class NearestNeighbors(MatchingLoss):
    """Pull each feature toward the direction of the painting's most similar feature.

        L = Σ_l w_l · mean over positions i of 1 − cos(F_i, S_NN(i))
        NN(i) = argmax_j cos(Q_i − mean(Q), S_j − mean(S)),    Q = (1 − a) F + a P

    F are the picture's features at layer l, S those of all paintings, and P those of the photo.
    The search for NN runs every ``refresh_every`` evaluations. In between, the neighbors are
    constant.

    Parameters
    ----------
    references
        One or more paintings, H×W×3, RGB, 0–255, of any sizes. ``np.rot90`` turns a painting.
        If ``photo_share`` is above 0, the photo comes first, in the picture's size.
    hypercolumns
        Whether to compare hypercolumns instead of each layer. A hypercolumn is the concatenation
        of all layers at one place, each divided by its number of channels N_l. The places are a
        grid with a quarter of the finest layer's rows and columns. Its corners are the corners
        of every layer, and features between positions are interpolated linearly. ``{layer:
        weight}`` multiplies L by Σ w, and the squares of a layer's channels by w / Σ w.
    centered
        Whether the cosine of L, too, is between features minus a mean: the mean of all S, and
        that of F at the last search.
    photo_share
        a, from 0 to 1: how far the search follows the photo instead of the current picture.
    samples
        The largest number of features that are searched in each painting and layer. If there are
        more, they are drawn at random, anew in each search. With None, all are searched.
    refresh_every
        The number of evaluations between two searches.
    layers
        By default block3_conv1, block3_conv2 and block3_conv3, the block of NNFM.

    Raises
    ------
    LossError
        An option is invalid, the paintings or the photo are missing, or, when targets are
        measured, the photo and the picture differ in size.

    Notes
    -----
    Cosines leave brightness and contrast free: add `Gram`, `Moments`, or a color step. A search
    multiplies every position of the picture with every feature of the paintings, so the first
    block needs ``samples`` (4096, as in NNST's 64×64 grid). The values are ½|u − v|² of unit
    vectors, which is 1 − cos. A feature of zeros has the value ½.

    NNST matches hypercolumns of ten layers from block1_conv1 to block4_conv3, once in a scale,
    and then each of these layers, ``centered``, anew at every step. Value and gradient equal
    its code, with these departures:

    - NNST mixes the pixels of the photo and the picture, and then measures the features of
      the mixture. Here the features are mixed. NNST's option alpha is ``photo_share``.
    - The mean of F in the centered cosine is constant between two searches, so the gradient
      does not flow through it. Its mean over positions is NNST's only after it is subtracted.
    - NNST's last pass compares at most 64×64 positions of the picture. Here all are compared.
    - NNST raises the length of a hypercolumn to at least 1e-4, which only features near zero
      notice.

    NNFM concatenates the layers of a block, and neither centers nor divides them. Here each layer
    is matched by itself, by centered cosines.

    Hypercolumns cannot be tiled or guided by masks. Layers can. A mask says where the picture is
    pulled, and a reference mask where in a painting neighbors are found. With ``photo_share``, the
    reference mask of the photo is white.

    Sources: Kolkin, Kucera, Paris, Sykora, Shechtman & Shakhnarovich, *Neural Neighbor Style
    Transfer*, arXiv 2203.13215, its code nkolkin13/NeuralNeighborStyleTransfer,
    utils/stylize.py, utils/distance.py and utils/featureExtract.py, read; Zhang et al., *ARF:
    Artistic Radiance Fields*, ECCV 2022, its code Kai-46/ARF-svox2, opt/nnfm_loss.py, read.
    Neither paper was read.

    Examples
    --------
    Minus the mean (2, 2), the painting's features point left and right, and so do the picture's:

    >>> loss = NearestNeighbors(np.zeros((32, 32, 3)), layers=["a"])
    >>> painting = {"a": np.array([[[[1.0, 2], [3, 2]]]])}
    >>> current = {"a": np.array([[[[5.0, 1], [3, 1], [4, 1]]]])}
    >>> found = loss.target([painting], current, np.random.default_rng())["a"]
    >>> (found[0, 0] * [[13**0.5], [5**0.5], [5**0.5]]).round(6).tolist()
    [[3.0, 2.0], [1.0, 2.0], [1.0, 2.0]]
    """

    layers = ("block3_conv1", "block3_conv2", "block3_conv3")
    hypercolumns: bool = option(False, one_of(True, False))
    centered: bool = option(False, one_of(True, False))
    photo_share: float = option(0.0, _share)
    samples: int | None = option(None, one_of(None, other=positive_whole))
    refresh_every = 25
    anywhere = True

    def __post_init__(self) -> None:
        if self.hypercolumns:
            self.tiling = None
        self._paintings(self.references)

    def statistics(self, features: Features, mean: Means) -> Statistic:
        """The features of every layer; or the hypercolumns, {"hypercolumns": (1, h, w, n)}."""
        if not self.hypercolumns:
            return super().statistics(features, mean)
        height, width = max(tuple(f.shape[1:3]) for f in features.values())
        size, total = (max(1, height // 4), max(1, width // 4)), sum(self.layer_weights.values())
        columns = [
            (weight / total) ** 0.5 / features[layer].shape[3] * resized(features[layer], size)
            for layer, weight in self.layer_weights.items()
        ]
        return {"hypercolumns": ops.concatenate(columns, axis=-1)}

    def target(self, references: References, current: Any, rng: Rng) -> Statistic:
        """The direction of every feature's neighbor, a unit vector; if centered, and the mean of F.

        A neighbor of zeros stays so.
        """
        paintings = self._paintings(references)
        target = {}
        for key, f in current.items():
            query = self._query(key, f, references[0][key]) if self.photo_share else f
            rows = [self._drawn(painting[key], rng) for painting in paintings]
            known = np.concatenate(rows) if len(rows) > 1 else rows[0]
            found = known[nearest(query.reshape(-1, f.shape[3]), known)].reshape(f.shape)
            if self.centered:
                found -= known.mean(0)
            found /= np.maximum(np.linalg.norm(found, axis=-1, keepdims=True), _TINY)
            if self.centered:
                means = np.broadcast_to(f.mean((1, 2), keepdims=True), f.shape)
                found = np.concatenate([found, means], axis=-1)
            target[key] = found
        return target

    def distance(self, current: Tensor, target: Tensor) -> Tensor:
        """1 − cos at every position, (1, h, w, 1)."""
        if self.centered:
            target, means = ops.split(target, 2, axis=-1)
            current = current - means
        return squared_lengths(unit(current) - target) / 2

    def value(self, current: Statistic, target: Any, mean: Means) -> Tensor:
        """Σ_l w_l · the mean over positions."""
        if not self.hypercolumns:
            return super().value(current, target, mean)
        columns = self.distance(current["hypercolumns"], target["hypercolumns"])
        return sum(self.layer_weights.values()) * ops.mean(columns)

    def with_distance(self, distance: Any) -> Self:
        """Raise `LossError`, since only a cosine compares a feature with its neighbor."""
        raise LossError(
            f"{self.name} cannot have another distance: it compares directions, and the target's "
            f"lengths have no meaning; use Histogram or MRF for values."
        )

    def _paintings(self, references: Sequence[Any]) -> Sequence[Any]:
        """The references without the photo."""
        if len(references) <= (self.photo_share > 0):
            expected = "the photo and one or more paintings" if self.photo_share else "a painting"
            raise LossError(f"{self.name}: expected {expected}, got {len(references)} references.")
        return references[1:] if self.photo_share else references

    def _query(self, key: str, f: NDArray[Any], photo: NDArray[Any]) -> NDArray[Any]:
        if photo.shape != f.shape:
            raise LossError(
                f"{self.name}: at {key!r} the picture gives {f.shape} but the photo {photo.shape}; "
                f"with photo_share, the first reference is the photo in the picture's size "
                f"(neural_style.images.resize)."
            )
        return (1 - self.photo_share) * f + self.photo_share * photo

    def _drawn(self, features: NDArray[Any], rng: Rng) -> NDArray[Any]:
        rows: NDArray[Any] = features.reshape(-1, features.shape[3])
        if self.samples is None or len(rows) <= self.samples:
            return rows
        return rows[np.sort(rng.choice(len(rows), self.samples, replace=False))]


def nearest(queries: NDArray[Any], known: NDArray[Any]) -> NDArray[np.int64]:
    """For each row, the index of the known row with the highest centered cosine; ties: the first.

    >>> nearest(np.array([[5.0, 1], [3, 1], [4, 3]]), np.array([[1.0, 2], [3, 2]])).tolist()
    [1, 0, 0]
    """
    center, queries = known.mean(0), queries - queries.mean(0)
    index, best = np.zeros(len(queries), np.int64), np.full(len(queries), -np.inf)
    for first in range(0, len(known), _ROWS):
        rows = known[first : first + _ROWS] - center
        rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), _TINY)
        for start in range(0, len(queries), _ROWS):
            here = slice(start, start + _ROWS)
            cosines = queries[here] @ rows.T
            found = cosines.argmax(axis=1)
            highest = np.take_along_axis(cosines, found[:, None], axis=1)[:, 0]
            better = highest > best[here]
            best[here][better] = highest[better]
            index[here][better] = first + found[better]
    return index


_ROWS = 4096  # of either side at a time: products of 64 MB
_TINY = np.finfo(np.float32).tiny


def resized(f: Tensor, size: tuple[int, int]) -> Tensor:
    """Features (1, h, w, n), interpolated linearly on a grid with the same corners.

    >>> resized(np.reshape([0.0, 1, 2, 4], (1, 1, 4, 1)), (1, 3)).numpy().ravel().tolist()
    [0.0, 1.5, 4.0]
    """
    for axis, count in ((0, size[0]), (1, size[1])):
        if f.shape[axis + 1] != count:
            f = ops.tensordot(
                ops.cast(_between(f.shape[axis + 1], count), f.dtype), f[0], (1, axis)
            )
            f = (f if axis == 0 else ops.transpose(f, (1, 0, 2)))[None]
    return f


def _between(positions: int, count: int) -> NDArray[Any]:
    """The shares of positions in each of ``count`` places from the first to the last."""
    place = np.linspace(0, positions - 1, count)[:, None]
    shares: NDArray[Any] = np.maximum(0, 1 - np.abs(place - np.arange(positions)))
    return shares
