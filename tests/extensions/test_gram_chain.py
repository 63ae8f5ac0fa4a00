"""The correlations of neighboring layers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from by_hand import PICTURE, Array, assert_tiled_is_whole, random_features, value

from neural_style import FeatureModel, images
from neural_style.errors import LossError
from neural_style.extensions import ActivationShiftedGram, GramChain
from neural_style.losses import calls
from neural_style.objective import probe


def chain(shift: float = -1.0, layers: Any = ("a", "b")) -> GramChain:
    return GramChain(PICTURE, shift=shift, layers=layers)


def matrices(loss: GramChain, features: dict[str, Any], guides: Any = None) -> dict[str, Any]:
    found = calls.statistics(
        loss,
        {k: tf.constant(f) for k, f in features.items()},
        guides and {k: tf.constant(f) for k, f in guides.items()},
    )
    return {layer: matrix.numpy() for layer, matrix in found.items()}


def repeated(coarse: Array, step: int) -> Array:
    return np.asarray(coarse.repeat(step, 1).repeat(step, 2))


@pytest.mark.parametrize(("shift", "expected"), [(0.0, 50), (-1.0, 24)])
def test_worked_values(shift: float, expected: float) -> None:
    fine, coarse = np.reshape([1.0, 2, 3, 4], (1, 2, 2, 1)), np.full((1, 1, 1, 1), 5.0)
    found = matrices(chain(shift), {"a": fine, "b": coarse})
    assert list(found) == ["a"]
    assert 4 * found["a"].item() == pytest.approx(expected)


@pytest.mark.parametrize("shift", [0.0, -1.0])
@pytest.mark.parametrize(("size", "step"), [((6, 8), 1), ((6, 8), 2), ((7, 9), 2), ((7, 5), 4)])
def test_against_numpy_in_float32(size: tuple[int, int], step: int, shift: float) -> None:
    """Repeated in full, and cropped where pooling drops rows and columns."""
    h, w = size[0] // step, size[1] // step
    fine, coarse = random_features(0, *size, 3), random_features(1, h, w, 2)
    first = (fine[0, : step * h, : step * w] + shift).reshape(-1, 3)
    second = (repeated(coarse, step)[0] + shift).reshape(-1, 2)
    single = {"a": np.float32(fine), "b": np.float32(coarse)}
    found = matrices(chain(shift), single)["a"]
    assert found.shape == (3, 2)
    np.testing.assert_allclose(found, first.T @ second / len(first), rtol=1e-5)


def test_the_distance_by_hand() -> None:
    # Of three layers, two pairs; G is (mean of fine) · (coarse): 2 · 3, and 3 · 1.
    features = {
        k: np.full((1, side, side, 1), x)
        for k, side, x in (("a", 4, 2.0), ("b", 2, 3.0), ("c", 1, 1.0))
    }
    others = {k: 0 * f for k, f in features.items()}
    current, target = (matrices(chain(0.0, ("a", "b", "c")), f) for f in (features, others))
    assert float(chain(0.0, ("a", "b", "c")).distance(current, target)) == pytest.approx(
        (36 / 4 + 9 / 4) / 2
    )
    weighted = chain(0.0, {"a": 2.0, "b": 3.0, "c": 100.0})
    assert float(weighted.distance(current, target)) == pytest.approx((2 * 36 + 3 * 9) / 4)


def test_the_normalizer_is_four_times_the_elements() -> None:
    fine, coarse = random_features(0, 4, 4, 3), random_features(1, 2, 2, 5)
    current, target = (
        matrices(chain(), {"a": fine, "b": x}) for x in (coarse, random_features(2, 2, 2, 5))
    )
    expected = np.sum((current["a"] - target["a"]) ** 2) / (4 * 3 * 5)
    assert float(chain().distance(current, target)) == pytest.approx(expected)


def test_one_layer_alone_is_paired_with_itself() -> None:
    f, reference = random_features(0, 6, 7, 3), random_features(1, 5, 9, 3)
    alone = value(chain(layers=("a",)), f, reference)
    gram = ActivationShiftedGram(PICTURE, layers=["a"])
    assert alone == pytest.approx(value(gram, f, reference))


def test_it_sees_where_layers_meet() -> None:
    """Invariant to a permutation of whole blocks along with the next layer, and to no other."""
    fine, coarse = random_features(0, 4, 4, 3), random_features(1, 2, 2, 3)
    here = matrices(chain(), {"a": fine, "b": coarse})["a"]
    both = matrices(chain(), {"a": np.roll(fine, 2, 1), "b": np.roll(coarse, 1, 1)})["a"]
    one = matrices(chain(), {"a": fine, "b": np.roll(coarse, 1, 1)})["a"]
    np.testing.assert_allclose(both, here)
    assert np.abs(one - here).max() > 1e-2


def test_gradient_against_finite_differences() -> None:
    loss = chain(layers=("a", "b"))
    features = {"a": random_features(0, 5, 7, 3), "b": random_features(1, 2, 3, 2)}
    target = matrices(loss, {"a": random_features(2, 8, 4, 3), "b": random_features(3, 4, 2, 2)})
    x = {k: tf.constant(f) for k, f in features.items()}
    with tf.GradientTape() as tape:
        tape.watch(x)
        distance = loss.distance(calls.statistics(loss, x), target)
    gradient = tape.gradient(distance, x)
    directions = {k: np.random.default_rng(4).normal(size=f.shape) for k, f in features.items()}

    def moved(step: float) -> float:
        there = {k: f + step * directions[k] for k, f in features.items()}
        return float(loss.distance(matrices(loss, there), target))

    slope = sum(float((gradient[k].numpy() * directions[k]).sum()) for k in features)
    assert (moved(1e-6) - moved(-1e-6)) / 2e-6 == pytest.approx(slope, rel=1e-6)


def test_nothing_at_its_own_target_and_on_dead_channels() -> None:
    dead = {"a": np.zeros((1, 4, 4, 3)), "b": np.zeros((1, 2, 2, 2))}
    np.testing.assert_allclose(matrices(chain(), dead)["a"], 1)
    own = matrices(chain(), dead)
    assert float(chain().distance(own, own)) == 0


def test_guides_weigh_positions_of_the_finer_layer() -> None:
    features = {"a": random_features(0, 7, 9, 3), "b": random_features(1, 3, 4, 2)}
    ones = {"a": np.ones((1, 7, 9, 1)), "b": np.ones((1, 3, 4, 1))}
    whole = matrices(chain(), features)["a"]
    np.testing.assert_allclose(matrices(chain(), features, ones)["a"], whole)
    # The left half, and a half that is not one of blocks: a partition of the positions.
    part = {k: np.random.default_rng(2).uniform(size=g.shape) for k, g in ones.items()}
    rest = {k: 1 - g for k, g in part.items()}
    (key,) = probe.keys_of(chain(), {"a": (7, 9, 3), "b": (3, 4, 2)})
    masses = [float(key.total(g["a"])) for g in (part, rest, ones)]
    assert masses[0] + masses[1] == pytest.approx(masses[2])
    shares = [
        m * matrices(chain(), features, g)["a"] for m, g in zip(masses, (part, rest), strict=False)
    ]
    np.testing.assert_allclose(sum(shares) / masses[2], whole)
    nothing = {k: 0 * g for k, g in ones.items()}
    np.testing.assert_array_equal(matrices(chain(), features, nothing)["a"], 0)


@pytest.mark.parametrize(("fine", "coarse"), [((4, 4), (8, 8)), ((9, 9), (7, 7)), ((8, 8), (4, 2))])
def test_layers_that_are_no_chain_are_refused(fine: Any, coarse: Any) -> None:
    message = (
        f"gram_chain: at 'a' the features are {fine[0]}×{fine[1]}, at the next layer {coarse[0]}×"
    )
    with pytest.raises(LossError, match=message):
        matrices(chain(), {"a": random_features(0, *fine, 2), "b": random_features(1, *coarse, 2)})


@pytest.mark.parametrize("shift", ["-1", None, True, float("nan")])
def test_unusable_shifts(shift: Any) -> None:
    with pytest.raises(LossError, match="shift: expected a finite number, got"):
        GramChain(PICTURE, shift=shift)


@pytest.fixture(scope="module")
def pooled() -> FeatureModel:
    """A network with poolings between, before and after its convolutions."""
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((None, None, 3))
    for number in range(4):
        x = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name=f"c{number}")(x)
        if number != 1:
            x = keras.layers.MaxPooling2D()(x)
    return FeatureModel(keras.Model(inputs, x), preprocess=lambda image: image / 127.5 - 1)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(96, 112), (99, 101), (87, 114)])
@pytest.mark.parametrize("layers", [("c0", "c1", "c2", "c3"), ("image", "c0", "c3")])
def test_in_tiles_it_is_that_of_the_whole_picture(
    pooled: FeatureModel, size: tuple[int, int], layers: Any
) -> None:
    painting = np.clip(images.noise((61, 70), uniform=(0, 255)) * 2, 0, 255)
    assert_tiled_is_whole(GramChain(painting, layers=layers), pooled, size, tile=60)
