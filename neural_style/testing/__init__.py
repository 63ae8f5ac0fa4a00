"""The conformance kit: small named checks of what every loss must do.

    from neural_style.testing import check_loss, loss_checks

    check_loss(Gram)                            # all checks; raises ConformanceError

    @loss_checks([Gram, Content])               # with pytest: gram-compiles, gram-…
    def test_conformance(check):
        check()

A check gets a *factory*: a loss class, a function that takes references and returns a loss, or
the name of a registered loss. The kit calls it with as many pictures as it requires, or with one
if it takes any number. To check another value of an option, use
``lambda painting: Gram(painting, layers=["block2_conv1"])``.

The losses read a small network with all of VGG19's layer names; ``features=`` gives another
`FeatureModel`. `CHECKS` has all checks by name, each with a ``summary`` of what it expects. A
check that does not apply to a loss is skipped, for example tiles for a loss that cannot be tiled.
A check that fails raises a `ConformanceError`. The error names the loss, the check, the expected
and the actual result, and where to look. Only `loss_checks` needs pytest.

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
