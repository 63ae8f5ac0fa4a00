"""The strength of a style: the weight of the content that gives it, found by small runs.

    content_weight(0.5, photo, painting, features)     # -> c of `default_loss`

With r = d(result, painting) / d(photo, painting), for the style distance d of `style_distance`, on
layers that the loss does not read, a strength s asks for r = 1 / (1 + 2 s^0.7):

    s    0    .25   .5    .75   1
    r    1    .57   .45   .38   .33

Two results of one strength are thus as far on the way from the photo to the painting, whatever the
pair. No strength asks for more than `CONTENT_BOUND` allows, and the default loss cannot come
arbitrarily near: some pairs reach no r below .45.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import replace

from neural_style import images
from neural_style.errors import OptionError, number
from neural_style.features.model import FeatureModel
from neural_style.images import Image
from neural_style.losses.weighted_sum import WeightedSum
from neural_style.optimizers import drivers
from neural_style.optimizers.lbfgs import LBFGS
from neural_style.optimizers.parameterization import resolve
from neural_style.recipes.default import CONTENT_WEIGHT, PARAMETERIZATION, budgets, default_loss
from neural_style.recipes.score import style_distance
from neural_style.runs.loop import Run
from neural_style.runs.result import Ending, Result
from neural_style.runs.scales import coarser, plan

STRENGTH = 0.5  # the default
CONTENT_BOUND = 2.0  # of the content term of `default_loss`, with the weight 1
_LEAST, _MOST = math.log(1e-3), math.log(30)  # of c: hardly any content, and hardly any style
_RUNS = 5
_TOLERANCE = 0.05  # of r, in proportion
_SLOPE = 0.25  # of log r over log c, typically

_log = logging.getLogger(__name__)


def ratio(strength: float) -> float:
    """The style distance that a strength asks for, as a part of that of the photo.

    >>> [round(ratio(s), 2) for s in (0, 0.25, 0.5, 0.75, 1)]
    [1.0, 0.57, 0.45, 0.38, 0.33]
    """
    return float(1 / (1 + 2 * strength**0.7))


def check_strength(strength: object) -> float:
    """A strength as a float, or an `OptionError` if it is not a number from 0 to 1."""
    if not 0 <= (found := number(strength)) <= 1:
        raise OptionError(f"strength: expected a number from 0 to 1, got {strength!r}.")
    return found


def content_weight(
    strength: float, photo: Image, painting: Image, features: FeatureModel, *, seed: int = 0
) -> float:
    """Find the ``content_weight`` of `default_loss` that gives a strength.

    It is found by at most five runs as those of `transfer` at its two coarsest scales. At a larger
    one, the same weight gives about the same strength.

    Raises
    ------
    OptionError
        As `check_strength`.
    StyleError
        As `minimize`.
    """
    wanted = ratio(check_strength(strength))
    sizes = [(image.shape[0], image.shape[1]) for image in (photo, painting)]
    side = max(sizes[0])
    *scales, small = (*coarser(*sizes), side)[:2]
    photo, painting = (
        images.resize(image, size=images.scaled(size, small / side))
        for image, size in zip((photo, painting), sizes, strict=True)
    )
    whole = style_distance(photo, painting, features)
    if not whole:
        return CONTENT_WEIGHT

    run = _Runs(default_loss(photo, painting), features, photo, scales, seed)

    def weakness(weight: float) -> float:
        """How much weaker the style is than wanted, as a logarithm; no content is given up."""
        result = run(weight)
        found = style_distance(result.image, painting, features) / whole
        content = result.terms["content"]
        _log.info("content weight %.4g: style %.3f, content %.3f", weight, found, content)
        return min(math.log(max(found, 1e-9) / wanted), 1 - content / CONTENT_BOUND)

    low, high = (_LEAST, -math.inf), (_MOST, math.inf)  # log c, and the weakness there
    where = math.log(CONTENT_WEIGHT) + math.log(wanted / ratio(STRENGTH)) / _SLOPE
    for _ in range(_RUNS):
        error = weakness(math.exp(where))
        if abs(error) < _TOLERANCE:
            break
        if error < 0:
            low = where, error
        else:
            high = where, error
        step = where - error / _SLOPE
        if math.isfinite(low[1] - high[1]):
            share = low[1] / (low[1] - high[1])
            step = low[0] + min(max(share, 0.1), 0.9) * (high[0] - low[0])
        step = min(max(step, _LEAST), _MOST)
        if step == where:  # at an end
            break
        where = step
    return math.exp(where)


class _Runs:
    """Runs as `transfer`'s at its coarsest scales, which differ in the weight of the content."""

    def __init__(
        self,
        loss: WeightedSum,
        features: FeatureModel,
        photo: Image,
        scales: Sequence[int],
        seed: int,
    ) -> None:
        size = photo.shape[0], photo.shape[1]
        self._scales = plan(loss, features, size, scales, budgets(scales), seed=seed, tile=None)
        for scale in self._scales:  # measures the references once
            scale.objective.refresh(images.resize(photo, size=scale.size), round=0)
        self._photo, self._seed = photo, seed

    def __call__(self, weight: float) -> Result:
        """The result with a weight of the content."""
        scales = []
        for scale in self._scales:
            terms = scale.objective.terms
            weights = [weight if t.loss.role == "content" else t.weight for t in terms]
            scales.append(replace(scale, objective=scale.objective.reweighted(weights)))
        run = Run(scales, resolve(PARAMETERIZATION), (), None)
        due = {i: t.loss.refresh_every for i, t in enumerate(terms) if t.loss.refresh_every}
        why = run.scales(lambda: drivers.driver(LBFGS(), clip_steps=False), self._photo, due)
        if why.ending is Ending.INTERRUPTED:
            raise KeyboardInterrupt
        return run.result(self._seed, why)
