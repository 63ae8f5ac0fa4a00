"""The maximum mean discrepancy of features."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from by_hand import (
    A_TARGET,
    B_TARGET,
    PAINTING,
    PICTURE,
    A,
    Array,
    B,
    assert_guides_weigh,
    assert_slope,
    assert_tiled_is_whole,
    random_features,
    value,
    value_and_gradient,
)

from neural_style import FeatureModel, Objective, images, minimize
from neural_style.errors import LossError
from neural_style.extensions import MMD, Gram


def mmd(kernel: Any = "linear", weight: float = 1.0, **options: Any) -> MMD:
    return MMD(PICTURE, kernel=kernel, layers={"a": weight}, **options)


@pytest.mark.parametrize(
    ("loss", "f", "target", "expected"),
    [
        pytest.param(mmd(), A, A_TARGET, 0.5, id="linear-A"),
        pytest.param(mmd(), B, B_TARGET, 1, id="linear-B"),
        pytest.param(mmd("polynomial"), A, A_TARGET, 250 / 16, id="polynomial-A"),
        pytest.param(mmd("polynomial"), B, B_TARGET, 28 / 4, id="polynomial-B"),
        pytest.param(mmd("gaussian", sigma=1), A, A_TARGET, 0.309592, id="gaussian-A"),
    ],
)
def test_worked_values(loss: MMD, f: Array, target: Array, expected: float) -> None:
    assert value(loss, f, target) == pytest.approx(expected, abs=1e-6)


def test_the_gaussian_kernel_by_hand() -> None:
    # One position each, at distance √5: 1 + 1 − 2 exp(−5 / 2σ²).
    f, reference = np.array([[[[3.0, 0]]]]), np.array([[[[1.0, 1]]]])
    expected = 2 - 2 * np.exp(-5 / (2 * 2**2))
    assert value(mmd("gaussian", sigma=2), f, reference) == pytest.approx(expected)


@pytest.mark.parametrize(("f", "target"), [(A, A_TARGET), (B, B_TARGET)])
def test_the_polynomial_kernel_is_the_gram_loss(f: Array, target: Array) -> None:
    loss = mmd("polynomial", weight=1 / (4 * f.shape[3] ** 2))
    expected, expected_gradient = value_and_gradient(Gram(PICTURE, layers={"a": 1}), f, target)
    found, gradient = value_and_gradient(loss, f, target)
    assert found == pytest.approx(expected)
    np.testing.assert_allclose(gradient, expected_gradient)


KERNELS = {
    "linear": lambda x, y: x @ y.T,
    "polynomial": lambda x, y: (x @ y.T) ** 2,
    "gaussian": lambda x, y: np.exp(
        -((x[:, None] - y[None]) ** 2).sum(-1) / (2 * np.float64(1.5) ** 2)
    ),
}


@pytest.mark.parametrize("kernel", KERNELS)
def test_against_the_kernel_over_all_pairs(kernel: str) -> None:
    """In float32 against NumPy's float64, with unequal sizes and a dead channel."""
    f, reference = random_features(0, 5, 7, 4), random_features(1, 6, 3, 4)
    f[..., 2] = 0
    x, y = (z.reshape(-1, 4) for z in (f, reference))
    means = [KERNELS[kernel](*pair).mean() for pair in ((x, x), (y, y), (x, y))]
    sigma = 1.5 if kernel == "gaussian" else None
    found = value(mmd(kernel, sigma=sigma), np.float32(f), np.float32(reference))  # type: ignore[arg-type]
    assert found == pytest.approx(means[0] + means[1] - 2 * means[2], rel=1e-4)


@pytest.mark.parametrize("kernel", KERNELS)
def test_gradient_against_finite_differences(kernel: str) -> None:
    f, reference, loss = random_features(0, 5, 4, 3), random_features(1, 4, 4, 3), mmd(kernel)
    assert_slope(loss, f, reference)


@pytest.mark.parametrize("kernel", KERNELS)
def test_nothing_at_its_own_target_and_no_nan(kernel: str) -> None:
    f, dead = random_features(0, 6, 7, 3), np.zeros((1, 6, 7, 3))
    loss = mmd(kernel)
    for same in (f, dead):
        total, gradient = value_and_gradient(loss, same, same)
        assert total == pytest.approx(0, abs=1e-15)
        np.testing.assert_allclose(gradient, 0, atol=1e-15)
    for pair in ((f, dead), (dead, f)):
        total, gradient = value_and_gradient(loss, *pair)
        assert total > 0
        assert np.isfinite(gradient).all()


def test_sigma_of_the_reference_is_the_mean_over_its_pairs() -> None:
    f, reference = random_features(0, 4, 4, 3), random_features(1, 5, 3, 3)
    y = reference.reshape(-1, 3)
    square = ((y[:, None] - y[None]) ** 2).sum(-1).mean()
    expected = value(mmd("gaussian", sigma=float(np.sqrt(square))), f, reference)
    assert value(mmd("gaussian"), f, reference) == pytest.approx(expected)


def test_draws() -> None:
    """From each picture without repetition, alike for alike sizes, others with each generator."""
    loss = mmd("gaussian", samples=6)
    f, reference = random_features(0, 4, 5, 3), random_features(1, 4, 5, 3)

    def drawn(other: Array, seed: int) -> Any:
        return loss.target([{"a": other}], {"a": f}, np.random.default_rng(seed))["a"]

    one, again, another = drawn(reference, 0), drawn(reference, 0), drawn(reference, 1)
    np.testing.assert_array_equal(one["positions"], again["positions"])
    assert set(one["positions"]) != set(another["positions"])
    assert len(set(one["positions"])) == 6
    np.testing.assert_array_equal(one["samples"], reference.reshape(-1, 3)[one["positions"]])
    assert drawn(random_features(1, 9, 9, 3), 0)["samples"].shape == (6, 3)
    assert drawn(random_features(1, 1, 4, 3), 0)["samples"].shape == (4, 3)
    assert value(loss, f, f) == pytest.approx(0, abs=1e-15)
    assert value(loss, f, reference) > 0


def test_many_samples_estimate_what_all_positions_give() -> None:
    f, reference = random_features(0, 30, 30, 3) ** 2, random_features(1, 30, 30, 3)
    estimate = value(mmd("gaussian", samples=400), f, reference)
    assert estimate == pytest.approx(value(mmd("gaussian"), f, reference), rel=0.1)


def test_only_means_are_tiled_and_only_draws_are_refreshed() -> None:
    kinds = {kernel: mmd(kernel, refresh_every=7) for kernel in KERNELS}
    assert [loss.tiling for loss in kinds.values()] == ["mean", "mean", None]
    assert [loss.refresh_every for loss in kinds.values()] == [None, None, 7]
    again = MMD.from_config(kinds["gaussian"].get_config(), PICTURE)
    assert repr(again) == repr(kinds["gaussian"])
    assert again.refresh_every == 7


@pytest.mark.slow
def test_the_gaussian_kernel_in_a_run(tiny: FeatureModel) -> None:
    picture, painting = (
        images.noise((24, 32), seed=1, uniform=(0, 255)),
        images.noise((40, 28), seed=2, uniform=(0, 255)) / 2,
    )
    loss = MMD(painting, kernel="gaussian", samples=64, refresh_every=5)
    result = minimize(loss, tiny, picture, evaluations=15)
    assert result.evaluations == 15
    assert result.loss < 0.5 * result.history[0].loss


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel": "gausian"}, "kernel: expected one of 'linear', .* got 'gausian'"),
        ({"kernel": None}, "kernel: expected one of .* got None"),
        ({"sigma": 0}, "sigma: expected one of None, or a finite number above 0, got 0"),
        ({"sigma": "1"}, "sigma"),
        ({"sigma": float("inf")}, "sigma"),
        ({"samples": 0}, "samples: expected a positive whole number"),
        ({"refresh_every": 1.5}, "refresh_every: expected a positive whole number"),
    ],
)
def test_unusable_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(LossError, match=message):
        MMD(PICTURE, **options)


@pytest.mark.parametrize("kernel", KERNELS)
def test_invariant_to_permutations_and_to_the_size_of_the_reference(kernel: str) -> None:
    f, reference, loss = random_features(0, 4, 4, 3), random_features(1, 5, 3, 3), mmd(kernel)
    expected = value(loss, f, reference)
    assert expected > 0
    shuffled = np.random.default_rng(2).permutation(f.reshape(16, 3)).reshape(f.shape)
    assert value(loss, shuffled, reference) == pytest.approx(expected)
    assert value(loss, f, np.tile(reference, (1, 2, 2, 1))) == pytest.approx(expected)


@pytest.mark.parametrize("kernel", ["linear", "polynomial"])
def test_guides_weigh_positions(kernel: str) -> None:
    assert_guides_weigh(mmd(kernel))


@pytest.mark.slow
@pytest.mark.parametrize("kernel", ["linear", "polynomial"])
def test_in_tiles_it_is_that_of_the_whole_picture(tiny: FeatureModel, kernel: Any) -> None:
    assert_tiled_is_whole(MMD(PAINTING, kernel=kernel), tiny)


def test_the_gaussian_kernel_in_tiles_is_refused(tiny: FeatureModel) -> None:
    with pytest.raises(LossError, match="mmd cannot be evaluated in tiles"):
        Objective(MMD(PICTURE, kernel="gaussian"), tiny, (75, 89), tile=47)
