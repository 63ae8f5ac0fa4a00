"""The self-similarity of Kolkin, Salavon & Shakhnarovich."""

from __future__ import annotations

from typing import Any

import numpy as np

from neural_style import ops
from neural_style.losses import Features, References, Rng, Statistic, Tensor
from neural_style.losses.calls import check_shapes
from neural_style.losses.hypercolumns import HypercolumnLoss, squared_distances, unit


class SelfSimilarity(HypercolumnLoss):
    """Keep which places of a photo are similar to each other, in any style.

        D_ij = ½|x_i/|x_i| − x_j/|x_j||²,    L = Σ w · Σ_ij |D_ij / Σ_k D_kj − P_ij / Σ_k P_kj| / M

    x_i are the hypercolumns of the picture at M places: the concatenated features of all layers
    at a place, interpolated from the coarser layers. P is D of the reference at the same
    places. D is the cosine distance, 1 − cos. A column of zeros has the distance ½ to other
    columns, and 0 to another column of zeros. L is between 0 and 2 Σ w.

    Parameters
    ----------
    reference
        The photo, H×W×3, RGB, 0–255, of the same size as the picture.
    samples
        The largest number of places. If there are more, they are drawn at random. Time and
        memory grow with its square.
    refresh_every
        The number of evaluations between two draws of places.
    layers
        The layers of a hypercolumn, by default the image and nine from block1_conv1 to
        block5_conv3. ``{layer: weight}`` multiplies L by Σ w, and the squares of a layer's
        channels by w / Σ w.

    Raises
    ------
    LossError
        A weight is not above 0, ``samples`` or ``refresh_every`` is not a positive whole number,
        or, when targets are measured, the shapes differ.

    Notes
    -----
    This is the content loss of STROTSS. Unlike `Content`, it leaves colors and contrast free.
    The absolute differences have a kink at the photo: a run that starts at the photo stays there
    as long as the other terms pull less. Start elsewhere, or give the others more weight. The
    default layers are those of the authors' VGG16. Value and gradient equal their code for equal
    hypercolumns. The gradient flows through the sums of columns, as in theirs. Departures: they
    draw places at every step of a stochastic optimizer. This library draws them between rounds,
    so L-BFGS minimizes one function in each round. They halve coordinates at each pooling. Here
    places are the same points of the picture in every layer. A hypercolumn of zeros gives NaN
    there. Source: Kolkin, Salavon & Shakhnarovich, *Style Transfer by Relaxed Optimal Transport
    and Self-Similarity*, arXiv 1904.12785, its code nkolkin13/STROTSS, contextual_loss.py
    (``dp_loss``) and stylize_objectives.py, read; the paper was not read.

    Examples
    --------
    >>> loss = SelfSimilarity(np.zeros((32, 32, 3)), layers=["a"])
    >>> photo = {"a": np.array([[[[2.0, 0], [2, 2], [2, 2], [2, 0]]]])}
    >>> current = {"a": np.array([[[[1.0, 0], [2, 1], [3, 1], [4, 0]]]])}
    >>> target = loss.target([photo], current, np.random.default_rng())
    >>> round(float(loss.distance(current, target)), 6)
    0.240226
    """

    role = "content"

    def target(self, references: References, current: Any, rng: Rng) -> dict[str, Any]:
        """The places, and the reference's normalized distances between them."""
        reference = super().target(references, current, rng)
        check_shapes(self.name, current, reference)
        places = self.places(reference, rng)
        return {"places": places, "shares": np.asarray(self._shares(reference, places))}

    def distance(self, current: Statistic, target: dict[str, Any]) -> Tensor:
        """Σ w · the mean over places of the summed absolute differences of the shares."""
        differences = ops.abs(self._shares(current, target["places"]) - target["shares"])
        return self.scale * ops.mean(ops.sum(differences, axis=0))

    def _shares(self, features: Features, places: Any) -> Tensor:
        """Every distance between two places, divided by the sum of its column."""
        points = unit(self.columns(features, places))
        distances = squared_distances(points, points)
        return ops.divide_no_nan(distances, ops.sum(distances, axis=0, keepdims=True))
