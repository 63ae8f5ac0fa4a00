"""The Gram loss with shifted activations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from by_hand import (
    A_TARGET,
    B_TARGET,
    PICTURE,
    A,
    Array,
    B,
    random_features,
    statistic,
    value,
)

from neural_style import FeatureModel
from neural_style.errors import LossError
from neural_style.extensions import ActivationShiftedGram, Gram
from neural_style.extensions.activation_shifted_gram import CONVOLUTIONS, halving


def shifted(shift: float = -1.0, weight: float = 1.0) -> ActivationShiftedGram:
    return ActivationShiftedGram(PICTURE, shift=shift, layers={"a": weight})


def test_the_matrix() -> None:
    np.testing.assert_allclose(4 * statistic(shifted(), A)["a"], [[14, -3], [-3, 2]])
    np.testing.assert_allclose(4 * statistic(shifted(), A_TARGET)["a"], [[4, 0], [0, 4]])


@pytest.mark.parametrize(
    ("f", "target", "total", "expected"),
    [
        pytest.param(A, A_TARGET, 122, 0.4765625, id="A"),
        # B − 1: (0, −1, 1), (−1, 0, 0); target − 1: (0, 0, −1), (−1, −1, 0).
        pytest.param(B, B_TARGET, 4, 4 / 144, id="B"),
    ],
)
def test_worked_values(f: Array, target: Array, total: float, expected: float) -> None:
    positions, channels = f.shape[1] * f.shape[2], f.shape[3]
    assert value(shifted(), f, target) == pytest.approx(expected)
    sse = shifted(weight=4 * channels**2 * positions**2)
    assert value(sse, f, target) == pytest.approx(total)


@pytest.mark.parametrize("shift", [-1.0, 0.0, 2.5])
def test_what_the_shift_adds_to_the_gram_matrix(shift: float) -> None:
    f = random_features(0, 6, 7, 3)
    means = f.mean((1, 2))[0]
    expected = statistic(Gram(PICTURE, layers=["a"]), f)["a"]
    expected = expected + shift * (means[:, None] + means) + shift**2
    np.testing.assert_allclose(statistic(shifted(shift), f)["a"], expected)


def test_it_sees_joint_absence_where_the_gram_matrix_does_not() -> None:
    # Each channel is 1 or 2 at a time, never with the other: as often apart, or more often idle.
    busy = np.array([[[[2.0, 0], [2, 0], [0, 1], [0, 1], [0, 1], [0, 1], [0, 1], [0, 1]]]])
    idle = np.array([[[[2.0, 0], [2, 0], [0, 2], [0, 1], [0, 1], [0, 0], [0, 0], [0, 0]]]])
    assert value(Gram(PICTURE, layers=["a"]), busy, idle) == pytest.approx(0, abs=1e-12)
    assert value(shifted(), busy, idle) > 1e-3


def test_against_numpy_in_float32() -> None:
    f, reference = (100 * random_features(seed, 9, 8, 5) for seed in (0, 1))
    rows = [x.reshape(-1, 5) - 1 for x in (f, reference)]
    difference = np.subtract(*(x.T @ x / len(x) for x in rows))
    found = value(shifted(), np.float32(f), np.float32(reference))  # type: ignore[arg-type]
    assert found == pytest.approx((difference**2).sum() / (4 * 5**2), rel=1e-4)


def test_the_weights_halve_from_layer_to_layer() -> None:
    weights = halving(CONVOLUTIONS)
    assert list(weights) == list(CONVOLUTIONS)
    assert len(CONVOLUTIONS) == 16
    assert sum(weights.values()) == pytest.approx(1)
    ratios = np.divide(list(weights.values())[:-1], list(weights.values())[1:])
    np.testing.assert_allclose(ratios, 2)
    assert ActivationShiftedGram(PICTURE).layers == halving(tuple(Gram.layers))


def test_the_convolutions_are_those_of_vgg19() -> None:
    network = FeatureModel("vgg19", weights=None)
    assert tuple(layer for layer in network.layers if "conv" in layer) == CONVOLUTIONS


@pytest.mark.parametrize("shift", ["-1", None, True, float("nan"), float("inf")])
def test_unusable_shifts(shift: Any) -> None:
    with pytest.raises(LossError, match="shift: expected a finite number, got"):
        ActivationShiftedGram(PICTURE, shift=shift)
