"""The variables of a picture: round trips, transposes, and what they do to a run."""

from __future__ import annotations

import json
from typing import Any

import keras
import numpy as np
import pytest

from neural_style import LBFGS, FeatureModel, Loss, Step, images, minimize, transfer
from neural_style.errors import OptionError
from neural_style.extensions import Content, Gram, Histogram, TotalVariation
from neural_style.images import Image
from neural_style.optimizers.parameterization import (
    Frequencies,
    Pixels,
    Wavelets,
    config_of,
    from_config,
)

FLAT = Frequencies(frequencies=(0.1, 0.2), curvatures=(1.0, 1.0))
STEEP = Frequencies(frequencies=(0.01, 0.5), curvatures=(1.0, 1e-3))
ALL = [Pixels(), Frequencies(), STEEP, Wavelets(), Wavelets(2, 0.5)]
SIZES = [(24, 32), (2, 2), (17, 5), (7, 2)]


class Towards(Loss):
    """The mean squared difference of pixels."""

    layers = ("image",)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("variables", ALL)
def test_decoding_undoes_encoding(variables: Any, size: tuple[int, int]) -> None:
    image = images.noise(size, seed=3, uniform=(0, 255))
    x = variables.encode(image)
    assert x.dtype == np.float32
    assert x.shape == image.shape
    decoded = variables.decode(x)
    assert decoded.dtype == np.float32
    np.testing.assert_allclose(decoded, image, atol=1e-3)


@pytest.mark.parametrize("size", SIZES)
def test_without_scaling_it_is_a_rotation(size: tuple[int, int]) -> None:
    a, b = (
        images.noise(size, seed=1, uniform=(0, 255)),
        images.noise(size, seed=2, uniform=(0, 255)),
    )
    x, y = FLAT.encode(a), FLAT.encode(b)
    assert float((x * y).sum()) == pytest.approx(float((a * b).sum()), rel=1e-5)
    np.testing.assert_allclose(FLAT.pull(a), x, rtol=1e-6)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("variables", ALL)
def test_pulling_is_the_transpose_of_decoding(variables: Any, size: tuple[int, int]) -> None:
    x, gradient = (
        images.noise(size, seed=1, uniform=(0, 255)) - 128,
        images.noise(size, seed=2, uniform=(0, 255)) - 128,
    )
    there = float((variables.decode(x).astype(float) * gradient).sum())
    back = float((x.astype(float) * variables.pull(gradient)).sum())
    size_of = np.linalg.norm(variables.decode(x)) * np.linalg.norm(gradient)
    assert there == pytest.approx(back, abs=1e-5 * float(size_of))


@pytest.mark.parametrize("size", [(2, 2), (5, 7), (8, 3), (17, 5)])
@pytest.mark.parametrize("levels", [1, 2, 9])
def test_wavelets_without_a_gain_are_orthonormal(size: tuple[int, int], levels: int) -> None:
    variables = Wavelets(levels, gain=1)
    n = size[0] * size[1]
    one_each = np.eye(n, dtype=np.float32).reshape(n, *size, 1).repeat(3, axis=-1)
    decoded = np.stack([variables.decode(x) for x in one_each])[..., 0].reshape(n, n)
    encoded = np.stack([variables.encode(x) for x in one_each])[..., 0].reshape(n, n)
    np.testing.assert_allclose(decoded @ decoded.T, np.eye(n), atol=1e-6)
    np.testing.assert_allclose(decoded.T, encoded, atol=1e-6)


def test_wavelets_by_hand() -> None:
    """Two rows of three: pairs of rows, then of columns; the last column is of an odd number."""
    image = np.array([[1, 5, 10], [3, 7, 2]], np.float32)[..., None].repeat(3, axis=2)
    root = np.sqrt(2)
    means, differences = np.array([4, 12, 12]) / root, np.array([-2, -2, 8]) / root
    first = [
        [(means[0] + means[1]) / root, means[2], (means[0] - means[1]) / root],
        [(differences[0] + differences[1]) / root, differences[2], 0],
    ]
    np.testing.assert_allclose(Wavelets(1, 1).encode(image)[..., 0], first, atol=1e-5)
    # The mean of four pixels is 4, with weight 2; that of the other two is 6, with weight √2.
    second = [(2 * 8 + root * means[2]) / np.sqrt(6), (root * 8 - 2 * means[2]) / np.sqrt(6)]
    np.testing.assert_allclose(Wavelets(2, 1).encode(image)[0, :2, 0], second, atol=1e-5)
    assert second[0] == pytest.approx(image[..., 0].sum() / np.sqrt(6))


@pytest.mark.parametrize("size", [(8, 8), (11, 6), (1, 5)])
def test_a_color_has_no_differences(size: tuple[int, int]) -> None:
    x = Wavelets(9, 2).encode(np.full((*size, 3), 7, np.float32))
    assert np.count_nonzero(abs(x) > 1e-5) == 3


def test_a_coarser_wavelet_is_longer_by_the_gain() -> None:
    one_each = np.eye(64, dtype=np.float32).reshape(64, 8, 8, 1).repeat(3, axis=-1)
    lengths = np.array([np.linalg.norm(Wavelets(3, 1.5).decode(x)) for x in one_each])
    lengths = lengths.reshape(8, 8) / lengths[-1]
    expected = np.ones((8, 8))
    for side in (4, 2, 1):
        expected[:side, :side] *= 1.5
    np.testing.assert_allclose(lengths, expected, rtol=1e-5)


@pytest.mark.parametrize("variables", ALL)
def test_a_config_makes_the_same_again(variables: Any) -> None:
    config = json.loads(json.dumps(config_of(variables)))
    assert from_config(config) == variables
    with pytest.raises(OptionError, match="invalid config of a parameterization"):
        from_config({**config, "config": {**config["config"], "waves": 1}})


def test_what_are_no_wavelets_is_refused() -> None:
    for levels, gain in ((0, 2.0), (1.5, 2.0), (True, 2.0), (3, 0.0), (3, float("nan")), (3, "2")):
        with pytest.raises(OptionError, match="of wavelets: expected"):
            Wavelets(levels, gain)  # type: ignore[arg-type]


def test_a_gradient_is_that_of_finite_differences() -> None:
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(5, 7, 3))

    def loss(x: Image) -> float:
        return float((weights * STEEP.decode(x).astype(float) ** 2).sum())

    x = rng.normal(size=(5, 7, 3)).astype(np.float32)
    gradient = STEEP.pull((2 * weights * STEEP.decode(x)).astype(np.float32))
    for index in [(0, 0, 0), (0, 3, 1), (4, 6, 2), (2, 0, 0)]:
        step = np.zeros_like(x)
        step[index] = 1 / 64
        slope = (loss(x + step) - loss(x - step)) * 32
        assert gradient[index] == pytest.approx(slope, rel=1e-3, abs=1e-3)


def test_a_color_is_one_variable_of_each_channel_and_the_steeper_have_shorter_units() -> None:
    color = np.array([10, 20, 30], np.float32)
    x = FLAT.encode(np.tile(color, (4, 9, 1)))
    expected = np.zeros((4, 9, 3))
    expected[0, 0] = color * np.sqrt(4 * 9)
    np.testing.assert_allclose(x, expected, atol=1e-4)
    units = [
        np.linalg.norm(STEEP.decode(np.eye(108, dtype=np.float32)[i].reshape(4, 9, 3)))
        for i in (0, 1, 107)  # red and green at frequency 0, blue at the highest
    ]
    c = np.array([1.0, 1.0, 1e-3]) + 0.1
    np.testing.assert_allclose(np.divide(units, units[0]), np.sqrt(c[0] / c), rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    "optimizer", [LBFGS(), "L-BFGS-B", keras.optimizers.Adam(1.0)], ids=["own", "scipy", "adam"]
)
def test_every_optimizer_can_move_frequencies(
    tiny: FeatureModel, photo: Image, painting: Image, optimizer: Any
) -> None:
    loss = Content(photo) + 10 * Gram(painting) + 1e-2 * Histogram(painting, refresh_every=8)
    steps: list[Step] = []
    result = minimize(
        loss,
        tiny,
        images.noise(photo.shape[:2], uniform=(0, 255)),
        evaluations=24,
        optimizer=optimizer,
        parameterization="frequencies",
        callbacks=[steps.append],
    )
    assert result.rounds == 3
    np.testing.assert_allclose(
        steps[0].image, images.noise(photo.shape[:2], uniform=(0, 255)), atol=1e-3
    )
    assert all(0 <= step.image.min() <= step.image.max() <= 255 for step in steps)
    first = [step.loss for step in steps if step.round == 0]
    assert first[-1] < first[0]
    assert result.evaluations == 24


@pytest.mark.slow
def test_pixels_are_what_runs_have_by_default(
    tiny: FeatureModel, photo: Image, painting: Image
) -> None:
    loss = Content(photo) + 10 * Gram(painting)
    default, named, given = (
        minimize(loss, tiny, photo, evaluations=12, **options)
        for options in ({}, {"parameterization": "pixels"}, {"parameterization": Pixels()})
    )
    np.testing.assert_array_equal(default.image, named.image)
    np.testing.assert_array_equal(default.image, given.image)


@pytest.mark.slow
def test_frequencies_give_the_same_bits_again(
    tiny: FeatureModel, photo: Image, painting: Image
) -> None:
    loss = Content(photo) + 10 * Gram(painting)
    options: dict[str, Any] = {"parameterization": "frequencies", "scales": (16,)}
    first, second = (minimize(loss, tiny, photo, evaluations=9, **options) for _ in range(2))
    np.testing.assert_array_equal(first.image, second.image)


def test_even_curvatures_need_fewer_evaluations(tiny: FeatureModel) -> None:
    """Squared variation has the curvature 4 sin² of a frequency, along each axis."""
    start, reference = (
        images.noise((32, 32), seed=1, uniform=(0, 255)),
        images.noise((32, 32), seed=2, uniform=(0, 255)),
    )
    loss = Towards(reference) + 1e3 * TotalVariation("squared")
    frequencies = np.geomspace(0.01, 0.7, 20)
    curvatures = tuple(1 + 1e3 * np.square(2 * np.sin(np.pi * np.minimum(frequencies, 0.5))))
    known = Frequencies(tuple(frequencies), curvatures, floor=0)
    runs = [
        minimize(loss, tiny, start, evaluations=120, optimizer=LBFGS(5), parameterization=variables)
        for variables in ("pixels", known)
    ]
    least = min(run.loss for run in runs)
    pixels, even = (
        next((e.evaluation for e in run.history if e.loss < 1.01 * least), 999) for run in runs
    )
    assert even < 0.7 * pixels


@pytest.mark.slow
def test_transfer_and_presets_take_it(tiny: FeatureModel, photo: Image, painting: Image) -> None:
    options: Any = {"size": 16, "features": tiny, "evaluations": 3}
    losses = [
        [
            transfer(photo, painting, preset=preset, parameterization=variables, **options).loss
            for variables in ("pixels", "frequencies")
        ]
        for preset in (None, "gatys")
    ]
    for pixels, frequencies in losses:
        assert pixels != frequencies


@pytest.mark.parametrize(
    "options",
    [
        {"frequencies": (0.2, 0.1), "curvatures": (1.0, 1.0)},
        {"frequencies": (0.1,), "curvatures": (1.0, 1.0)},
        {"frequencies": (0.1, 0.2), "curvatures": (1.0, 0.0)},
        {"frequencies": (), "curvatures": ()},
        {"floor": -1},
        {"floor": float("nan")},
        {"floor": float("inf")},
        {"floor": "0"},
        {"frequencies": (0.1, float("inf")), "curvatures": (1.0, 1.0)},
        {"frequencies": (0.1, 0.2), "curvatures": (1.0, float("inf"))},
        {"frequencies": 0.1, "curvatures": 1.0},
    ],
)
def test_what_is_no_table_is_refused(options: Any) -> None:
    with pytest.raises(OptionError, match="Frequencies: expected"):
        Frequencies(**options)


@pytest.mark.parametrize(
    ("frequencies", "curvatures", "floor"),
    [
        ([0.25, 0.5], [1, 0.5], 0),
        ((np.float32(0.25), np.float32(0.5)), [np.float64(1), np.float64(0.5)], np.float32(0)),
    ],
)
def test_any_numbers_make_a_table(frequencies: Any, curvatures: Any, floor: Any) -> None:
    variables = Frequencies(frequencies, curvatures, floor)
    plain = Frequencies((0.25, 0.5), (1.0, 0.5), 0.0)
    assert variables == plain
    assert json.dumps(config_of(variables)) == json.dumps(config_of(plain))
    image = images.noise((5, 6), seed=0, uniform=(0, 255))
    np.testing.assert_array_equal(variables.encode(image), plain.encode(image))


def test_what_is_no_parameterization_is_refused(tiny: FeatureModel, photo: Image) -> None:
    for wrong, message in (
        ("frequency", "did you mean 'frequencies'"),
        (3, "an object with encode, decode and pull, got 3"),
    ):
        with pytest.raises(OptionError, match=message):
            minimize(Content(photo), tiny, photo, parameterization=wrong)  # type: ignore[arg-type]
    sgd = keras.optimizers.SGD(1.0)
    with pytest.raises(OptionError, match="clip='step' is for pixels"):
        minimize(
            Content(photo), tiny, photo, optimizer=sgd, clip="step", parameterization="frequencies"
        )
