"""The conformance kit: what every loss must do, as small named checks for its author.

    from neural_style.testing import check_loss, loss_checks

    check_loss(Gram)                            # all of them; raises ConformanceError

    @loss_checks([Gram, Content])               # with pytest: gram-compiles, gram-…
    def test_conformance(check):
        check()

What is checked is a *factory*: a loss class, a function that takes references and returns a
loss, or the name of a registered one. It is called with as many pictures as it must have, one
where it takes any number, and none if it takes none. Give an option another value than its
default, ``lambda painting: Gram(painting, layers=["block2_conv1"])``, to check it with that.

The losses read a small network with all of VGG19's layer names; ``features=`` gives another
`FeatureModel`. `CHECKS` are all checks by name, each with a ``summary`` of what it expects; one
that does not concern a loss, as tiles one that cannot be tiled, is left out. A check that
fails raises a `ConformanceError` that names the loss, the check, what was expected, what came,
and where to look. pytest is needed for `loss_checks` alone.

>>> from neural_style.extensions import Gram
>>> check_loss(Gram, only=["zero_at_its_own_reference"])
"""

from __future__ import annotations

from neural_style.errors import ConformanceError
from neural_style.testing.checks import Check
from neural_style.testing.kit import CHECKS, check_loss, loss_checks

__all__ = [
    "CHECKS",
    "Check",
    "ConformanceError",
    "check_loss",
    "loss_checks",
]


def __dir__() -> list[str]:
    return __all__
