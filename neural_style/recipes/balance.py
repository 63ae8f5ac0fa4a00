"""`balance`: find weights that give each loss its share of the gradient.

    loss = balance(0.6 * Gram(painting) + 0.3 * Content(photo) + 0.1 * TotalVariation(),
                   features, start=photo)

A weight fits only one size, layer and network, because the values of two losses differ by orders
of magnitude. Published weights were chosen by eye. A share says how strongly a loss changes the
pixels, whatever its unit.
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
    """Find the weights that give every term its share of the gradient at the start.

        w_i |∇L_i| / Σ_j w_j |∇L_j| = s_i / Σ_j s_j,    w_1 = 1

    The shares s are the weights of ``loss``. |∇L_i| is the Euclidean norm over the pixels of the
    start. Normal noise is first added to the start, because the gradient of the content loss
    is 0 at the content itself.

    Parameters
    ----------
    loss
        A sum whose weights are the shares. Only their ratios matter.
    features, start, tile
        As in `minimize`.
    amplitude
        The standard deviation of the noise, in pixel values. The noisy start is clipped to 0–255.
        The gradient of a content loss grows with the distance to the content. So near the
        content, a larger amplitude gives a smaller weight. The noise changes total variation, too.
    seed
        The seed of the noise and of the losses' targets, which are measured at the noisy start.

    Returns
    -------
    WeightedSum
        The same terms with the new weights. The first weight is 1. The scale of the sum does not
        matter to L-BFGS, and hardly to a Keras optimizer such as Adam.

    Raises
    ------
    LossError
        A share is not above 0, or the gradient of a term is 0 at the noisy start.
    NonFiniteLossError
        A term's gradient is not finite there.
    OptionError
        ``amplitude`` is not above 0.
    StyleError
        As `minimize`.

    Notes
    -----
    Shares hold at one point and change during a run. At a minimum the gradients cancel, so each
    of two terms has ½. At the photo, the style's gradient is far larger than later in the run.
    Content + 0.3 · Gram, with the layer weights of Gatys' notebook, has the shares 0.9998 for Gram
    and 0.0002 for content at the photo (VGG19, two pictures of 160 pixels), and 0.68 and 0.31 after
    100 evaluations.
    So equal shares at the photo hardly paint it. Give the style nearly the whole share, or
    ``start`` from the result of an earlier run, where shares are nearer to the final ones.

    Papers do not balance weights. They print weights that were chosen by eye, for one network,
    size and normalization. The rule is this library's.

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
            f"{names}: the gradient is not finite at the noisy start; check the start and the "
            f"options of the loss."
        )
    for name, norm in norms.items():
        if norm == 0:
            raise LossError(
                f"{name}: the gradient is 0 at the noisy start, so no weight gives it a share; "
                f"leave it out, use another start, or raise amplitude ({amplitude:g})."
            )
    strengths = {term.name: term.weight / norms[term.name] for term in shares}
    first = strengths[shares[0].name]
    return WeightedSum(replace(term, weight=strengths[term.name] / first) for term in shares)
