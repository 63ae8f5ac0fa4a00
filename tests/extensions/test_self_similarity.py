"""The self-similarity: by hand, against loops, and what it leaves free."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from by_hand import A_TARGET, PICTURE, A, Array, value, value_and_gradient

from neural_style import FeatureModel, Objective, images, minimize
from neural_style.errors import LossError
from neural_style.extensions import SelfSimilarity
from neural_style.images import Image


def similarity(**options: Any) -> SelfSimilarity:
    return SelfSimilarity(PICTURE, **{"layers": ["a"], **options})


def random(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).uniform(0.1, 3, size=(1, *shape))


def by_loops(f: Array, reference: Array) -> float:
    shares = []
    for rows in (f.reshape(-1, f.shape[-1]), reference.reshape(-1, f.shape[-1])):
        distances = np.array(
            [[1 - (a @ b) / (np.linalg.norm(a) * np.linalg.norm(b)) for b in rows] for a in rows]
        )
        shares.append(distances / distances.sum(0))
    return float(np.abs(shares[0] - shares[1]).sum() / len(shares[0]))


def test_worked_values() -> None:
    assert value(similarity(), A, A_TARGET) == pytest.approx(0.240226, abs=1e-6)
    assert value(similarity(layers={"a": 4.0}), A, A_TARGET) == pytest.approx(
        4 * 0.240226, abs=4e-6
    )


def test_it_is_what_loops_find() -> None:
    f, reference = random(0, 4, 5, 3), random(1, 4, 5, 3)
    assert value(similarity(), f, reference) == pytest.approx(by_loops(f, reference))


@pytest.mark.parametrize("samples", [9, 1000])
def test_gradient_against_finite_differences(samples: int) -> None:
    loss, f, reference = similarity(samples=samples), random(0, 5, 6, 4), random(1, 5, 6, 4)
    _, gradient = value_and_gradient(loss, f, reference)
    direction, step = random(2, 5, 6, 4), 1e-6
    high, low = (value(loss, f + sign * step * direction, reference) for sign in (1, -1))
    assert (high - low) / (2 * step) == pytest.approx((gradient * direction).sum(), rel=1e-6)
    assert np.count_nonzero(np.abs(gradient).sum(-1)) == min(samples, 30)


def test_it_leaves_contrast_and_colors_free() -> None:
    f, reference = random(0, 4, 5, 3), random(1, 4, 5, 3)
    expected = value(similarity(), f, reference)
    brighter = f * random(3, 4, 5, 1)
    turned = f @ np.linalg.qr(np.random.default_rng(4).normal(size=(3, 3)))[0]
    assert value(similarity(), brighter, reference) == pytest.approx(expected)
    assert value(similarity(), turned, reference) == pytest.approx(expected)
    assert value(similarity(), turned, f) == pytest.approx(0, abs=1e-12)


def test_where_places_are_matters_and_their_order_does_not() -> None:
    f, reference = random(0, 4, 5, 3), random(1, 4, 5, 3)
    assert value(similarity(), f[:, ::-1], reference[:, ::-1]) == pytest.approx(
        value(similarity(), f, reference)
    )
    assert value(similarity(), f[:, ::-1], f) > 0.1


def test_it_is_at_most_two() -> None:
    one, other = np.eye(2)[[0, 0, 0, 1]], np.eye(2)[[1, 0, 0, 0]]
    assert 1 < value(similarity(), one.reshape(A.shape), other.reshape(A.shape)) <= 2


@pytest.mark.slow
def test_zeros_and_constants_are_no_nan() -> None:
    f = random(0, 4, 5, 3)
    holes = f.copy()
    holes[:, 1:3] = 0
    flats = np.zeros_like(f), np.full_like(f, 7.0), np.eye(20)[:1].reshape(1, 4, 5, 1) + 0 * f
    for current in (holes, *flats):
        for reference in (f, holes, *flats):
            total, gradient = value_and_gradient(similarity(), current, reference)
            assert np.isfinite(total)
            assert np.isfinite(gradient).all()
        total, gradient = value_and_gradient(similarity(samples=9), current, current)
        assert total == 0
        np.testing.assert_array_equal(gradient, 0)


def test_another_size_is_an_error() -> None:
    with pytest.raises(LossError, match=r"at 'a' .*\(1, 4, 5, 3\).*\(1, 5, 4, 3\)"):
        value(similarity(), random(0, 4, 5, 3), random(1, 5, 4, 3))


@pytest.mark.slow
def test_a_run_brings_the_photo_near(tiny: FeatureModel, photo: Image) -> None:
    layers = ["image", "block1_conv1", "block4_conv1"]
    loss = SelfSimilarity(photo, samples=200, layers=layers)
    start = images.noise((24, 32), seed=5, uniform=(0, 255))
    first, second = (minimize(loss, tiny, start, evaluations=40) for _ in range(2))
    assert first.loss < 0.8 * first.history[0].loss
    np.testing.assert_array_equal(first.image, second.image)
    objective = Objective(loss, tiny, (24, 32))
    objective.refresh(photo, round=0)
    assert objective(photo).loss < 1e-5
