"""What losses have in common whose statistics are means over positions."""

from __future__ import annotations

import pytest
from by_hand import (
    PAINTING,
    PICTURE,
    assert_blind_to_order_and_size,
    assert_guides_weigh,
    assert_tiled_is_whole,
)

from neural_style import FeatureModel, Loss
from neural_style.extensions import ActivationShiftedGram, Moments, Wasserstein2

each_loss = pytest.mark.parametrize(
    "loss",
    [
        ActivationShiftedGram(PICTURE, layers={"a": 1}),
        Moments(PICTURE, epsilon=1e-12, layers={"a": 1}),
        Wasserstein2(PICTURE, layers={"a": 1}),
    ],
    ids=lambda loss: loss.name,
)


@each_loss
def test_invariant_to_permutations_and_to_the_size_of_the_reference(loss: Loss) -> None:
    assert_blind_to_order_and_size(loss)


@each_loss
def test_guides_weigh_positions(loss: Loss) -> None:
    assert_guides_weigh(loss)


@pytest.mark.slow
@pytest.mark.parametrize(
    "loss",
    [ActivationShiftedGram(PAINTING, shift=-0.5), Moments(PAINTING), Wasserstein2(PAINTING)],
    ids=lambda loss: loss.name,
)
def test_in_tiles_it_is_that_of_the_whole_picture(loss: Loss, tiny: FeatureModel) -> None:
    assert_tiled_is_whole(loss, tiny)
