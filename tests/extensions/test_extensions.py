"""The losses' arithmetic, by numbers to check by hand, and their properties.

``value`` runs a loss as the objective does: statistics of both, the target in NumPy,
the distance. Fixtures A and B, and the worked values, are those of the literature notes:
A is 2×2 positions by 2 channels, where N² = M and wrong constants collide; B is 1×2 by 3.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from by_hand import (
    A_TARGET,
    B_TARGET,
    PICTURE,
    A,
    Array,
    B,
    target_of,
    value,
    value_and_gradient,
)

from neural_style import Loss
from neural_style.errors import LossError
from neural_style.extensions import Content, Gram, Histogram, ShiftedGram, TotalVariation
from neural_style.losses import calls
from neural_style.losses.mean import Record
from neural_style.objective import probe


def maps(*channels: Any) -> Array:
    """Channels, each a list of rows, as features (1, h, w, channels)."""
    return np.stack([np.array(c, np.float64) for c in channels], -1)[None]


def content(weight: float = 1.0) -> Content:
    return Content(PICTURE, layers={"a": weight})


def gram(weight: float = 1.0) -> Gram:
    return Gram(PICTURE, layers={"a": weight})


def shifted(*shifts: int, **options: Any) -> ShiftedGram:
    return ShiftedGram(PICTURE, shifts=shifts, layers=["a"], **options)


def histogram(weight: float = 1.0) -> Histogram:
    return Histogram(PICTURE, layers={"a": weight})


def variation(power: Any, weight: float = 1.0) -> TotalVariation:
    return TotalVariation(power, layers={"a": weight})


class TestContent:
    @pytest.mark.parametrize(("f", "p", "half_sum"), [(A, A_TARGET, 4), (B, B_TARGET, 3)])
    def test_worked_values(self, f: Array, p: Array, half_sum: float) -> None:
        assert value(content(), f, p) == pytest.approx(1)
        assert value(content(f.size / 2), f, p) == pytest.approx(half_sum)

    def test_the_papers_gradient_is_the_difference(self) -> None:
        _, gradient = value_and_gradient(content(A.size / 2), A, A_TARGET)
        np.testing.assert_allclose(gradient, A - A_TARGET)

    def test_a_constant_offset(self) -> None:
        assert value(content(B.size / 2), B + 3, B) == pytest.approx(0.5 * 9 * B.size)

    def test_it_is_not_invariant_to_a_permutation(self) -> None:
        assert value(content(), A[:, ::-1], A) > 0


class TestGram:
    def test_the_matrix(self) -> None:
        matrix = np.asarray(calls.statistics(gram(), {"a": tf.constant(A)})["a"])
        np.testing.assert_allclose(4 * matrix, [[30, 5], [5, 2]])
        target = np.asarray(calls.statistics(gram(), {"a": tf.constant(A_TARGET)})["a"])
        np.testing.assert_allclose(4 * target, [[16, 8], [8, 8]])

    @pytest.mark.parametrize(
        ("weight", "f", "target", "expected"),
        [
            pytest.param(1, A, A_TARGET, 0.9765625, id="paper-A"),
            pytest.param(1, B, B_TARGET, 0.1944444, id="paper-B"),
            pytest.param(4, A, A_TARGET, 3.90625, id="gatys-notebook-A"),
            pytest.param(4, B, B_TARGET, 0.7777778, id="gatys-notebook-B"),
            pytest.param(4 / 2**2, A, A_TARGET, 0.9765625, id="neural-style-A"),
            pytest.param(4 / 3**2, B, B_TARGET, 0.0864198, id="neural-style-B"),
            pytest.param(4 * 4 / 2, A, A_TARGET, 7.8125, id="udacity-A"),
            pytest.param(4 * 2 / 3, B, B_TARGET, 0.5185185, id="udacity-B"),
            pytest.param(4 * 2**2 * 4**2, A, A_TARGET, 250, id="sum-A"),
            pytest.param(4 * 3**2 * 2**2, B, B_TARGET, 28, id="sum-B"),
        ],
    )
    def test_worked_values(self, weight: float, f: Array, target: Array, expected: float) -> None:
        assert value(gram(weight), f, target) == pytest.approx(expected, abs=1e-7)

    def test_the_papers_gradient(self) -> None:
        _, gradient = value_and_gradient(gram(), A, A_TARGET)
        np.testing.assert_allclose(gradient[0, 0, 0], [0.21875, -0.046875])

    def test_the_matrix_is_symmetric_and_positive_semidefinite(self) -> None:
        f = np.random.default_rng(0).normal(size=(1, 3, 2, 5))
        matrix = np.asarray(calls.statistics(gram(), {"a": tf.constant(f)})["a"])
        np.testing.assert_allclose(matrix, matrix.T)
        assert np.linalg.eigvalsh(matrix).min() > -1e-12

    def test_it_is_of_degree_four(self) -> None:
        assert value(gram(), 3 * A, 3 * A_TARGET) == pytest.approx(81 * 0.9765625)


class TestShiftedGram:
    @pytest.mark.parametrize(
        ("loss", "f", "target", "expected"),
        [
            pytest.param(shifted(1, axes="x"), A, A_TARGET, 0.703125, id="A-x"),
            pytest.param(shifted(1, axes="y"), A, A_TARGET, 0.28125, id="A-y"),
            pytest.param(shifted(1), A, A_TARGET, 0.4921875, id="A-xy"),
            pytest.param(shifted(axes="", flips="x"), A, A_TARGET, 0.6328125, id="A-flip-x"),
            pytest.param(shifted(1, axes="x"), B, B_TARGET, 0.2777778, id="B-x"),
        ],
    )
    def test_worked_values(
        self, loss: ShiftedGram, f: Array, target: Array, expected: float
    ) -> None:
        assert value(loss, f, target) == pytest.approx(expected, abs=1e-7)

    def test_tsengs_normalization_is_a_weight(self) -> None:
        # SSE / (m N)² · N a direction: 4 N² / N³ times the paper's, with N = 2.
        loss = ShiftedGram(PICTURE, shifts=[1], layers={"a": 4 * 2**2 / 2**3})
        assert value(loss, A, A_TARGET) == pytest.approx(0.984375)

    def test_a_shift_of_zero_is_the_gram_matrix(self) -> None:
        expected = np.asarray(calls.statistics(gram(), {"a": tf.constant(B)})["a"])
        for matrix in np.asarray(calls.statistics(shifted(0), {"a": tf.constant(B)})["a"]):
            np.testing.assert_allclose(matrix, expected)

    @pytest.mark.parametrize("axis", ["x", "y"])
    def test_a_negative_shift_is_the_transpose(self, axis: str) -> None:
        loss = shifted(1, -1, axes=axis)
        forward, backward = np.asarray(calls.statistics(loss, {"a": tf.constant(A)})["a"])
        np.testing.assert_allclose(backward, forward.T)
        assert not np.allclose(forward, forward.T)

    def test_transposing_the_picture_swaps_the_axes(self) -> None:
        x, y = (calls.statistics(shifted(1, axes=axis), {"a": tf.constant(A)}) for axis in "xy")
        swapped = calls.statistics(shifted(1, axes="y"), {"a": tf.constant(A.swapaxes(1, 2))})
        np.testing.assert_allclose(swapped["a"], x["a"])
        assert not np.allclose(x["a"], y["a"])

    def test_it_tells_apart_a_shuffled_map_of_equal_gram(self) -> None:
        f = np.random.default_rng(0).normal(size=(1, 4, 4, 3))
        shuffled = np.random.default_rng(1).permutation(f.reshape(16, 3)).reshape(f.shape)
        assert value(gram(), shuffled, f) == pytest.approx(0, abs=1e-12)
        assert value(shifted(1), shuffled, f) > 1e-3

    def test_several_shifts_are_a_mean(self) -> None:
        f, target = (np.random.default_rng(s).normal(size=(1, 4, 5, 3)) for s in (0, 1))
        each = [value(shifted(delta), f, target) for delta in (1, 2)]
        assert value(shifted(1, 2), f, target) == pytest.approx(np.mean(each))

    def test_shifts_by_layer_name_the_layers(self) -> None:
        loss = ShiftedGram(PICTURE, shifts={"a": [1, 2], "b": [1]})
        features = {name: tf.ones((1, 4, 4, 2)) for name in "ab"}
        shapes = {name: m.shape for name, m in calls.statistics(loss, features).items()}
        assert shapes == {"a": (4, 2, 2), "b": (2, 2, 2)}

    @pytest.mark.parametrize("options", [{}, {"axes": "y", "flips": "x"}], ids=str)
    @pytest.mark.parametrize("guided", [False, True])
    def test_its_gradient_is_that_of_quadratic_functions(
        self, guided: bool, options: dict[str, str]
    ) -> None:
        rng = np.random.default_rng(0)
        f, step = (tf.constant(rng.normal(size=(1, 5, 6, 3))) for _ in range(2))
        guides = {"a": tf.constant(rng.uniform(size=(1, 5, 6, 1)))} if guided else None
        loss = shifted(1, -3, **options)
        factors = rng.normal(size=calls.statistics(loss, {"a": f}, guides)["a"].shape)

        def function(f: Any) -> Any:
            return tf.reduce_sum(factors * calls.statistics(loss, {"a": f}, guides)["a"])

        with tf.GradientTape() as tape:
            tape.watch(f)
            y = function(f)
        along = tf.reduce_sum(step * tape.gradient(y, f))
        # Of a quadratic function the central difference is exact, however long the step.
        np.testing.assert_allclose(along, (function(f + step) - function(f - step)) / 2)

    @pytest.mark.parametrize(("delta", "axis"), [(2, "x"), (-2, "x"), (1, "y"), (9, "y")])
    def test_a_shift_that_leaves_nothing_is_named(self, delta: int, axis: str) -> None:
        with pytest.raises(LossError, match=f"at 'a' .* 1×2, .* shift of {delta} along {axis}"):
            calls.statistics(shifted(delta, axes=axis), {"a": tf.constant(B)})

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"axes": "z"}, "axes: expected one of '', 'x', 'y', 'xy', got 'z'"),
            ({"flips": "w"}, "flips: expected one of"),
            ({"shifts": []}, "no shift along an axis and no flip"),
            ({"axes": ""}, "no shift along an axis and no flip"),
            ({"shifts": [1.5]}, "whole shifts"),
            ({"shifts": {"b": [1]}}, "use the same layers"),
        ],
    )
    def test_unusable_options(self, options: dict[str, Any], message: str) -> None:
        with pytest.raises(LossError, match=message):
            ShiftedGram(PICTURE, layers=["a"], **options)


class TestHistogram:
    @pytest.mark.parametrize(
        ("current", "reference", "matched"),
        [
            ([0, 0, 0, 5], [1, 2, 3, 4], [3, 3, 3, 4]),
            ([1, 2, 3, 4], [0, 4, 4, 8], [0, 2, 4, 8]),
            ([0, 1, 2, 3], [0, 0, 4, 8], [0, 0, 4, 8]),
        ],
    )
    def test_the_match(self, current: Any, reference: Any, matched: Any) -> None:
        result = target_of(histogram(), maps([current]), maps([reference]))["a"]
        assert result.ravel().tolist() == matched

    def test_worked_values(self) -> None:
        loss, current, reference = histogram(4), maps([[0, 1, 2, 3]]), maps([[0, 0, 4, 8]])
        total, gradient = value_and_gradient(loss, current, reference)
        assert total == pytest.approx(30)
        np.testing.assert_allclose(gradient.ravel(), [0, 2, -4, -10])
        assert value(histogram(A.size), A, A_TARGET) == pytest.approx(8)
        assert value(histogram(), A, A_TARGET) == pytest.approx(1)

    def test_it_sees_what_gram_matrices_cannot(self) -> None:
        flat, halves = maps([[0.5**0.5] * 2]), maps([[0, 1]])
        assert value(gram(), flat, halves) == pytest.approx(0, abs=1e-12)
        assert value(histogram(2), flat, halves) == pytest.approx(0.171573, abs=1e-6)

    def test_the_match_is_monotone_and_leaves_the_reference_alone(self) -> None:
        rng = np.random.default_rng(0)
        f, reference = rng.normal(size=(1, 8, 8, 3)), rng.normal(size=(1, 5, 9, 3))
        np.testing.assert_array_equal(target_of(histogram(), f, f)["a"], f)
        matched = target_of(histogram(), f, reference)["a"]
        for channel in range(3):
            order = np.argsort(f[..., channel].ravel())
            assert (np.diff(matched[..., channel].ravel()[order]) >= 0).all()

    def test_channels_are_matched_each_by_itself(self) -> None:
        both = target_of(histogram(), A, A_TARGET)["a"]
        for channel in range(2):
            one = target_of(histogram(), A[..., [channel]], A_TARGET[..., [channel]])["a"]
            np.testing.assert_array_equal(both[..., channel], one[..., 0])

    def test_the_gradient_is_twice_the_difference(self) -> None:
        rng = np.random.default_rng(0)
        f, reference = rng.normal(size=(1, 4, 4, 3)), rng.normal(size=(1, 4, 4, 3))
        target = target_of(histogram(), f, reference)
        _, gradient = value_and_gradient(histogram(f.size), f, reference, target)
        np.testing.assert_allclose(gradient, 2 * (f - target["a"]))

    @pytest.mark.parametrize("every", [0, -1, 2.5, None, "50"])
    def test_it_must_be_refreshed(self, every: Any) -> None:
        with pytest.raises(LossError, match="refresh_every"):
            Histogram(PICTURE, refresh_every=every)


class TestTotalVariation:
    X = maps([[1, 2], [3, 5]])

    @pytest.mark.parametrize(
        ("power", "weight", "expected"),
        [
            pytest.param("l1", 2, 8, id="tf.image"),
            pytest.param("squared", 2, 18, id="anisotropic-sum"),
            pytest.param("squared", 1, 9, id="anishathalye"),
            pytest.param(0.5, 1, 2.236068, id="isotropic"),
            pytest.param(1.25, 1, 7.476744, id="keras-io"),
            pytest.param(1, 1, 5, id="pystiche"),
        ],
    )
    def test_worked_values(self, power: Any, weight: float, expected: float) -> None:
        loss = variation(power, weight)
        assert value(loss, self.X, self.X) == pytest.approx(expected, abs=1e-6)

    def test_l1_agrees_with_tensorflow(self) -> None:
        x = np.random.default_rng(0).normal(size=(1, 5, 5, 3))
        expected = float(tf.image.total_variation(tf.constant(x))[0])
        assert value(variation("l1", 5 * 4 * 3), x, x) == pytest.approx(expected)

    @pytest.mark.parametrize("power", ["l1", "squared", 0.5, 1, 1.25])
    def test_zero_and_without_nan_on_constants(self, power: Any) -> None:
        flat = np.full((1, 4, 5, 3), 7.0)
        total, gradient = value_and_gradient(variation(power), flat, flat)
        assert total == 0
        np.testing.assert_array_equal(gradient, 0)

    @pytest.mark.parametrize("power", ["l1", "squared", 0.5, 1.25])
    def test_an_added_constant_changes_nothing(self, power: Any) -> None:
        shifted_value = value(variation(power), self.X + 100, self.X)
        assert shifted_value == pytest.approx(value(variation(power), self.X, self.X))

    @pytest.mark.parametrize(
        ("power", "degree"), [("l1", 1), ("squared", 2), (0.5, 1), (1.25, 2.5)]
    )
    def test_scaling(self, power: Any, degree: float) -> None:
        once, thrice = (value(variation(power), k * self.X, self.X) for k in (1, 3))
        assert thrice == pytest.approx(3**degree * once, rel=1e-6)

    @pytest.mark.parametrize("power", ["l2", 0, -1, None, True, float("inf"), float("nan")])
    def test_unusable_powers(self, power: Any) -> None:
        with pytest.raises(
            LossError, match="power: expected one of 'l1', 'squared', or a finite number above 0"
        ):
            TotalVariation(power)


def random_features(seed: int, *shape: int) -> Array:
    """Features as after a ReLU, without a tie or a zero that a derivative would trip over."""
    return np.random.default_rng(seed).uniform(0.5, 3, size=(1, *shape))


MEANS = [
    pytest.param(gram(), id="gram"),
    pytest.param(shifted(2, -1), id="shifted"),
    pytest.param(shifted(1, axes="y", flips="x"), id="flips"),
    pytest.param(variation("l1"), id="variation-l1"),
    pytest.param(variation("squared"), id="variation-squared"),
    pytest.param(variation(1.25), id="variation-1.25"),
]


@pytest.mark.parametrize("loss", MEANS)
class TestGuides:
    """Weights of positions, and the mass that a mean over them has."""

    def test_a_guide_of_one_everywhere_changes_nothing(self, loss: Loss) -> None:
        f = random_features(0, 6, 7, 3)
        whole, guided = (statistic(loss, f, g) for g in (None, np.full((1, 6, 7, 1), 2.0)))
        np.testing.assert_allclose(guided, whole, rtol=1e-12)

    def test_the_gradient_is_that_of_the_weighted_mean(self, loss: Loss) -> None:
        f, guide = random_features(0, 6, 7, 3), random_features(1, 6, 7, 1)
        upstream, direction = (np.random.default_rng(s).normal(size=f.shape) for s in (2, 3))
        x = tf.constant(f)
        with tf.GradientTape() as tape:
            tape.watch(x)
            values = calls.statistics(loss, {"a": x}, {"a": tf.constant(guide)})["a"]
            upstream = np.resize(upstream, values.shape)
            total = tf.reduce_sum(values * upstream)
        slope = float((tape.gradient(total, x).numpy() * direction).sum())
        high, low = (
            (statistic(loss, f + step * direction, guide) * upstream).sum()
            for step in (1e-6, -1e-6)
        )
        assert (high - low) / 2e-6 == pytest.approx(slope, rel=1e-6)

    def test_the_masses_of_a_partition_add_up(self, loss: Loss) -> None:
        """And so do mass · statistic: a pair across the border counts once."""
        f = random_features(0, 6, 7, 3)
        ones = np.ones((1, 6, 7, 1))
        part = np.random.default_rng(1).integers(0, 2, ones.shape).astype(np.float64)
        shares = [mass(loss, g) * statistic(loss, f, g) for g in (part, ones - part)]
        np.testing.assert_allclose(mass(loss, part) + mass(loss, ones - part), mass(loss, ones))
        np.testing.assert_allclose(
            sum(shares) / mass(loss, ones), statistic(loss, f, None), rtol=1e-12
        )

    def test_nothing_is_zero_and_not_nan(self, loss: Loss) -> None:
        f, nothing = random_features(0, 6, 7, 3), np.zeros((1, 6, 7, 1))
        np.testing.assert_array_equal(statistic(loss, f, nothing), 0)
        np.testing.assert_array_equal(mass(loss, nothing), 0)
        x = tf.constant(f)
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(
                calls.statistics(loss, {"a": x}, {"a": tf.constant(nothing)})["a"]
            )
        np.testing.assert_array_equal(tape.gradient(total, x), 0)


def statistic(loss: Loss, f: Array, guide: Array | None) -> Any:
    guides = None if guide is None else {"a": tf.constant(guide)}
    return np.asarray(calls.statistics(loss, {"a": tf.constant(f)}, guides)["a"])


def masses(loss: Loss, guide: Array) -> Any:
    """The total weight of every mean."""
    record = Record()
    calls.statistics(loss, {"a": random_features(0, *guide.shape[1:3], 3)}, record=record)
    return np.array([key.total(guide) for key in record.keys])


def mass(loss: Loss, guide: Array) -> Any:
    """The total weight of every entry of the statistic."""
    found, f = masses(loss, guide), random_features(0, *guide.shape[1:3], 3)
    entries = statistic(loss, f, None)
    return found.reshape(-1, *[1] * (entries.ndim - 1)) if len(found) > 1 else found[0]


def test_guided_statistics_by_hand() -> None:
    left = maps([[1, 0], [1, 0]])  # of A: positions (1, 0) and (3, 1)
    np.testing.assert_allclose(statistic(gram(), A, left), [[5, 1.5], [1.5, 0.5]])
    # Pairs by their upper or left position: along x (1, 0)(2, 1), (3, 1)(4, 0); y (1, 0)(3, 1).
    x, y = statistic(shifted(1), A, left)
    np.testing.assert_allclose(x, [[7, 0.5], [2, 0.0]])
    np.testing.assert_allclose(y, [[3, 1], [0, 0]])
    assert masses(shifted(1), left).tolist() == [2, 1]
    # dx (1, 1), (1, −1); dy (2, 1): means over positions and channels.
    np.testing.assert_allclose(statistic(variation("l1"), A, left), [1, 1.5])
    np.testing.assert_allclose(statistic(variation("squared"), A, left), [1, 2.5])
    np.testing.assert_allclose(statistic(variation(1), A, left), [(1 + 4 + 1 + 1) / 2])
    assert masses(variation("l1"), left).tolist() == [2, 1]
    assert masses(variation(1), left).tolist() == [1]


# Of pairs, the first position is in the half: the other may be one further.
@pytest.mark.parametrize(("loss", "width"), [(gram(), 4), (variation(1), 5)])
def test_a_guide_of_half_a_picture_is_the_half_picture(loss: Loss, width: int) -> None:
    f, guide = random_features(0, 6, 8, 3), np.ones((1, 6, 8, 1))
    guide[:, :, 4:] = 0
    np.testing.assert_allclose(statistic(loss, f, guide), statistic(loss, f[:, :, :width], None))


def test_reach() -> None:
    def reach(loss: Loss) -> dict[str, int]:
        return probe.reach(loss.layers, [probe.keys_of(loss, {"a": (9, 9, 3), "b": (9, 9, 3)})])

    assert [reach(gram()), reach(variation("l1"))] == [{"a": 0}, {"a": 1}]
    assert reach(shifted(2, -3)) == {"a": 3}
    assert reach(ShiftedGram(PICTURE, shifts={"a": [4], "b": [1, 2]})) == {"a": 4, "b": 2}


def test_flips_cannot_be_tiled() -> None:
    assert shifted(1).tiling == "mean"
    assert shifted(1, flips="y").tiling is None


@pytest.mark.parametrize("loss", [gram(), shifted(2), histogram()], ids=["gram", "shifted", "hist"])
def test_a_style_picture_may_be_of_another_size(loss: Loss) -> None:
    assert value(loss, random_features(0, 6, 7, 3), random_features(1, 9, 5, 3)) > 0


@pytest.mark.parametrize("loss", [gram(), histogram()], ids=["gram", "histogram"])
def test_invariant_to_permutations_and_to_tiling(loss: Loss) -> None:
    f, reference = random_features(0, 4, 4, 3), random_features(1, 4, 4, 3)
    expected = value(loss, f, reference)
    shuffled = np.random.default_rng(2).permutation(f.reshape(16, 3)).reshape(f.shape)
    assert value(loss, shuffled, reference) == pytest.approx(expected)
    assert value(loss, np.tile(f, (1, 2, 2, 1)), reference) == pytest.approx(expected)
