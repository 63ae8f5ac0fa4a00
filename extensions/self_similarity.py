"""The self-similarity of Kolkin, Salavon & Shakhnarovich."""

from __future__ import annotations

from typing import Any

import numpy as np

from neural_style import ops
from neural_style.losses import Features, References, Rng, Statistic, Tensor
from neural_style.losses.calls import check_shapes
from neural_style.losses.hypercolumns import HypercolumnLoss, squared_distances, unit


class SelfSimilarity(HypercolumnLoss):
    """Keep which places of a photo are alike, whatever they come to look like.

        D_ij = ½|x_i/|x_i| − x_j/|x_j||²,    L = Σ w · Σ_ij |D_ij / Σ_k D_kj − P_ij / Σ_k P_kj| / M

    x_i are the hypercolumns of the picture at M places: the features of all layers there,
    one after the other, interpolated from the coarser layers. P is D of the reference at the
    same places. D is the cosine distance, 1 − cos, but for columns of zeros, which are ½ from
    others and 0 from each other. L is between 0 and 2 Σ w.

    Parameters
    ----------
    reference
        The photo, H×W×3, RGB, 0–255, of the size of the picture that is made.
    samples
        At how many places, at most, it is measured; where there are more, they are drawn at
        random. Time and memory grow with its square.
    refresh_every
        Evaluations until other places are drawn.
    layers
        The layers of a hypercolumn, by default the image and nine from block1_conv1 to
        block5_conv3. ``{layer: weight}`` multiplies L by Σ w, and the squares of a layer's
        channels by w / Σ w.

    Raises
    ------
    LossError
        A weight is not above 0, ``samples`` or ``refresh_every`` is no positive whole number,
        or, when targets are measured, the shapes differ.

    Notes
    -----
    The content loss of STROTSS, which leaves colors and contrast free where `Content` does
    not. The absolute differences have a kink at the photo: a run that starts there stays there
    as long as other terms pull less than it does, so start elsewhere or weigh them more. The
    default layers are those of the authors' VGG16. They draw places at every step of a
    stochastic optimizer; here they are drawn between rounds, so that L-BFGS sees one function
    in a round. Source: Kolkin, Salavon & Shakhnarovich, *Style Transfer by Relaxed Optimal
    Transport and Self-Similarity*, arXiv 1904.12785; paper and code from memory.

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
        """The places, and the reference's shares of distances between them."""
        reference = super().target(references, current, rng)
        check_shapes(self.name, current, reference)
        places = self.places(reference, rng)
        return {"places": places, "shares": np.asarray(self._shares(reference, places))}

    def distance(self, current: Statistic, target: dict[str, Any]) -> Tensor:
        """Σ w · the mean over places of the sum of the absolute differences of the shares."""
        differences = ops.abs(self._shares(current, target["places"]) - target["shares"])
        return self.scale * ops.mean(ops.sum(differences, axis=0))

    def _shares(self, features: Features, places: Any) -> Tensor:
        """Every distance between two places, as a share of its column's sum."""
        points = unit(self.columns(features, places))
        distances = squared_distances(points, points)
        return ops.divide_no_nan(distances, ops.sum(distances, axis=0, keepdims=True))
