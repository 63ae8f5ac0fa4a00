"""`balance`: weights from the share that each loss is to have in the gradient.

    loss = balance(0.6 * Gram(painting) + 0.3 * Content(photo) + 0.1 * TotalVariation(),
                   features, start=photo)

A weight that suits one size, layer or network suits no other, since the values of two losses
differ by orders of magnitude; published weights were found by looking at pictures. A share
says how strongly a loss pulls at the pixels, whatever its unit.
"""

from __future__ import annotations

import math
from dataclasses import replace

from neural_style import images
from neural_style.errors import LossError, NonFiniteLossError, OptionError, number
from neural_style.features.model import FeatureModel
from neural_style.images import Image
from neural_style.losses.base import Loss
from neural_style.losses.weighted_sum import WeightedSum, terms_of
from neural_style.objective.objective import Objective


def balance(
    loss: Loss | WeightedSum,
    features: FeatureModel,
    start: Image,
    *,
    amplitude: float = 10.0,
    seed: int = 0,
    tile: int | None = None,
) -> WeightedSum:
    """Find the weights with which every term has its share of the gradient at the start.

        w_i |∇L_i| / Σ_j w_j |∇L_j| = s_i / Σ_j s_j,    w_1 = 1

    The s are the weights of ``loss``, read as shares, and |∇L_i| is the Euclidean norm over
    the pixels of the start, to which normal noise is added first: at the content itself the
    gradient of the content loss is 0.

    Parameters
    ----------
    loss
        A sum whose weights are the shares. Only their ratios matter.
    features, start, tile
        As in `minimize`.
    amplitude
        Standard deviation of the noise, in pixel values; the noisy start is clipped to 0–255.
        The gradient of a content loss grows with the distance to the content, so that near
        it a larger amplitude finds a smaller weight; total variation sees the noise, too.
    seed
        Of the noise and of the losses' targets, which are measured at the noisy start.

    Returns
    -------
    WeightedSum
        The same terms with the weights found. The first has weight 1: L-BFGS does not mind
        the scale of the whole, and a Keras optimizer such as Adam hardly does.

    Raises
    ------
    LossError
        A share is not above 0, or a term has no gradient at the noisy start.
    NonFiniteLossError
        A term's gradient is not finite there.
    OptionError
        ``amplitude`` is not above 0.
    StyleError
        As `minimize`.

    Notes
    -----
    Shares are of one point, and along a run they move: at a minimum the gradients cancel, so
    that of two terms each has ½. At a photo the style pulls far harder than it will later.
    Read there as shares, the default loss of `transfer` has 0.9998 for Gram and 0.0002 for
    content (VGG19, two pictures of 160 pixels); after 100 evaluations it has 0.68 and 0.31.
    Equal shares at the photo therefore paint it little; give the style nearly all, or
    ``start`` from the result of an earlier run, where shares are nearer to those at the end.

    Papers do not balance; they print weights, which were found by looking at pictures and
    hold for their network, size and normalization only. The rule is this library's.

    Examples
    --------
    >>> from neural_style.extensions import Content, TotalVariation
    >>> photo = images.noise((16, 16), uniform=(0, 255))
    >>> shares = 0.8 * Content(photo, layers=["image"]) + 0.2 * TotalVariation("squared")
    >>> [round(term.weight, 3) for term in balance(shares, FeatureModel(weights=None), photo)]
    [1.0, 0.007]
    """
    shares = WeightedSum(terms_of(loss))
    for term in shares:
        if not term.weight > 0:
            raise LossError(f"{term.name}: expected a share above 0, got {term.weight:g}.")
    if not 0 < number(amplitude) < math.inf:
        raise OptionError(f"amplitude: expected a number above 0, got {amplitude!r}.")
    start = images.as_image(start, "start", any_range=True)
    size = start.shape[0], start.shape[1]
    noise = images.noise(size, normal=(0.0, float(amplitude)), seed=seed)
    noisy = (start + noise).clip(0, 255)
    objective = Objective(shares, features, size, seed=seed, tile=tile)
    objective.refresh(noisy, round=0)
    norms = objective.gradient_norms(noisy)
    if not all(map(math.isfinite, norms.values())):
        names = ", ".join(objective.broken_terms(noisy)) or "the sum of the terms"
        raise NonFiniteLossError(
            f"{names}: the gradient is not finite at the noisy start; check the options of the "
            f"loss, and the start."
        )
    for name, norm in norms.items():
        if norm == 0:
            raise LossError(
                f"{name}: it has no gradient at the noisy start, so that no weight gives it a "
                f"share; leave it out, start elsewhere, or raise amplitude ({amplitude:g})."
            )
    strengths = {term.name: term.weight / norms[term.name] for term in shares}
    first = strengths[shares[0].name]
    return WeightedSum(replace(term, weight=strengths[term.name] / first) for term in shares)
