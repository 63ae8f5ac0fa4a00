"""Presets against their published formulas, in NumPy, and their published settings.

Each formula is written as its source has it: sums, and the constants it divides by.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from published import (
    GRAY,
    Array,
    Formula,
    Maps,
    Sizes,
    absolute,
    bgr,
    caffe,
    check,
    gram,
    mse,
    over_m,
    small_vgg,
    sse,
    torch,
)
from scipy.optimize import fmin_l_bfgs_b

from neural_style import (
    LBFGS,
    FeatureModel,
    Objective,
    Step,
    WeightedSum,
    images,
    resume,
)
from neural_style.errors import LossError, OptionError
from neural_style.images import Image
from neural_style.recipes import draft, presets
from neural_style.recipes.presets import galerne

pytestmark = pytest.mark.slow

CONV1 = [f"block{block}_conv1" for block in range(1, 6)]
CONV2 = [f"block{block}_conv2" for block in range(1, 6)]
# The size asked for, and what that makes of pictures of 24×32 and 18×36.
SIZES: dict[str, Sizes] = {
    "gatys": (32, (24, 32), (16, 32)),
    "neural_style": (32, (24, 32), (16, 32)),
    "keras_example": (32, (24, 32), (24, 32)),
    "tensorflow_tutorial": (32, (24, 32), (16, 32)),
    "udacity": (32, (24, 32), (24, 32)),
    "ashwindcruz": (16, (16, 16), (16, 16)),
    "tseng_cooccurrence": (32, (24, 32), (24, 32)),
    "tseng_histogram": (32, (24, 32), (24, 32)),
    "spst": (32, (24, 32), (16, 32)),
    "crowsonkb": (32, (24, 32), (16, 32)),
}
TSENG = ("tseng_cooccurrence", "tseng_histogram")


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """Ten small convolutions under VGG's names, no two blocks of the same size."""
    return small_vgg((2, 2, 2, 2, 2), poolings=2)


@pytest.fixture(scope="module")
def small(network: keras.Model) -> FeatureModel:
    return FeatureModel(network, preprocess="caffe")


@pytest.fixture
def painting() -> Image:
    return images.noise((18, 36), uniform=(0, 255), seed=2)


def gatys(x: Maps, p: Maps, s: Maps) -> dict[str, float]:
    return {
        "content": mse(x["block4_conv2"], p["block4_conv2"]),
        "gram": sum(1e3 / x[i].shape[-1] ** 2 * mse(over_m(x[i]), over_m(s[i])) for i in CONV1),
    }


def neural_style(x: Maps, p: Maps, s: Maps) -> dict[str, float]:
    return {
        "content": 5 * mse(x["block4_conv2"], p["block4_conv2"]),
        "gram": 100 * sum(mse(gram(x[i]) / x[i].size, gram(s[i]) / s[i].size) for i in CONV1),
        "total_variation": 1e-3 * absolute(x["image"]),
    }


def keras_example(x: Maps, p: Maps, s: Maps) -> dict[str, float]:
    pixels = x["image"]
    area = pixels.shape[0] * pixels.shape[1]
    dy = pixels[:-1, :-1] - pixels[1:, :-1]
    dx = pixels[:-1, :-1] - pixels[:-1, 1:]
    style = sum(sse(gram(s[i]), gram(x[i])) / (4 * 3**2 * area**2) for i in CONV1)
    return {
        "content": 2.5e-8 * sse(x["block5_conv2"], p["block5_conv2"]),
        "gram": 1e-6 / 5 * style,
        "total_variation": 1e-6 * float(((dx**2 + dy**2) ** 1.25).sum()),
    }


def tensorflow_tutorial(x: Maps, p: Maps, s: Maps) -> dict[str, float]:
    return {
        "content": 1e4 * mse(x["block5_conv2"], p["block5_conv2"]),
        "gram": 1e-2 / 5 * sum(mse(over_m(x[i]), over_m(s[i])) for i in CONV1),
        "total_variation": 30 * absolute(x["image"] / 255),
    }


def udacity(x: Maps, p: Maps, s: Maps) -> dict[str, float]:
    weights = zip(CONV1, (1, 0.75, 0.2, 0.2, 0.2), strict=True)
    return {
        "content": mse(x["block4_conv2"], p["block4_conv2"]),
        "gram": 1e6 * sum(w * mse(gram(x[i]), gram(s[i])) / x[i].size for i, w in weights),
    }


def ashwindcruz(x: Maps, p: Maps, s: Maps) -> dict[str, float]:
    style = sum(
        sse(gram(x[i]), gram(s[i]))
        / (4 * x[i].shape[-1] ** 2 * (x[i].shape[0] * x[i].shape[1]) ** 2)
        for i in CONV1[:2]
    )
    return {
        "content": mse(x["block2_conv2"], p["block2_conv2"]),
        "gram": 1 / 8e-4 * 0.5 * style,
    }


def tseng_gram(x: Maps, s: Maps) -> float:
    weights = zip(CONV2, (0.05, 0.2, 0.2, 0.25, 0.3), strict=True)
    layers = ((w, x[i], s[i]) for i, w in weights)
    each = (w * sse(gram(f) / f.size, gram(t) / t.size) / f.shape[-1] for w, f, t in layers)
    return float(sum(each))


def shifted(f: Array, axis: int) -> Any:
    """The matrix of features four apart, over the number of pairs and of channels."""
    f = f.swapaxes(0, axis)
    pairs = f[:-4].reshape(-1, f.shape[-1]), f[4:].reshape(-1, f.shape[-1])
    return pairs[0].T @ pairs[1] / pairs[0].size


def tseng_content(x: Maps, p: Maps) -> float:
    return float(sse(x["block4_conv2"], p["block4_conv2"]) / x["block4_conv2"].shape[-1])


def tseng_cooccurrence(x: Maps, p: Maps, s: Maps) -> dict[str, float]:
    return {
        "gram": tseng_gram(x, s),
        "shifted_gram": sum(
            0.5 * sse(shifted(x[i], axis), shifted(s[i], axis)) / x[i].shape[-1]
            for i in CONV2
            for axis in (0, 1)
        ),
        "content": tseng_content(x, p) / 5,
    }


def match(f: Array, target: Array) -> Array:
    """All of f with the target's histogram of 255 bins, whatever the channel."""
    both = np.concatenate([f.ravel(), target.ravel()])
    edges = np.linspace(both.min(), both.max(), 256)
    own, known = (np.histogram(x, edges)[0].cumsum() for x in (f, target))
    own, known = own * target.size, known * f.size  # whole numbers, for ties
    nearest = np.array([np.argmin(np.abs(known - quantile)) for quantile in own])
    place = np.clip(np.searchsorted(edges, f, "right") - 1, 0, 254)
    matched: Array = ((edges[:-1] + edges[1:]) / 2)[nearest[place]]
    return matched


def tseng_histogram(x: Maps, p: Maps, s: Maps) -> dict[str, float]:
    f = x["block1_conv1"]
    return {
        "gram": tseng_gram(x, s),
        "histogram": sse(f, match(f, s["block1_conv1"])) / f.shape[-1] / 100,
        "content": tseng_content(x, p) / 15,
    }


def spst(x: Maps, p: Maps, s: Maps) -> dict[str, float]:
    def moments(f: Array) -> Array:
        mean, square = f.mean((0, 1)), np.diag(over_m(f))
        return np.stack([mean, np.sqrt(square - mean**2)])

    means = (1000 * 10 * mse(a[0], b[0]) for a, b in pairs(x, s, moments))
    deviations = (1000 * 10 * mse(a[1], b[1]) for a, b in pairs(x, s, moments))
    return {**gatys(x, p, s), "moments": sum(means) + sum(deviations)}


def pairs(x: Maps, s: Maps, statistic: Callable[[Array], Array]) -> list[tuple[Array, Array]]:
    return [(statistic(x[layer]), statistic(s[layer])) for layer in CONV1]


def crowsonkb(x: Maps, p: Maps, s: Maps) -> dict[str, float]:
    """In the units of the source, whose features are these, divided by u, and pixels in 0–1."""
    u = 255 * 0.226
    w2 = [gaussian(a / u, b / u) for a, b in pairs(x, s, lambda f: f)]
    weights = np.array([256, 64, 16, 4, 1]) / 341
    terms = {
        "content": 0.015 * mse(x["block4_conv2"] / u, p["block4_conv2"] / u),
        "wasserstein2": float(weights @ w2),
        "total_variation": 2 * nine_points(x["image"] / 255),
    }
    return {name: u**2 * value for name, value in terms.items()}


def gaussian(f: Array, g: Array) -> float:
    """W²/N; 1e-4 of the mean square is added to the diagonals."""
    (mean, c), (mean_s, c_s) = (
        (z.mean((0, 1)), np.cov(z.reshape(-1, z.shape[-1]).T, bias=True)) for z in (f, g)
    )
    c, c_s = (m + 1e-4 * (z**2).mean() * np.eye(len(m)) for m, z in ((c, f), (c_s, g)))
    roots = np.sqrt(np.linalg.eigvals(c @ c_s).real)  # those of Σ'^½ Σ Σ'^½
    return mse(mean, mean_s) + float((np.trace(c) + np.trace(c_s) - 2 * roots.sum()) / len(c))


def nine_points(image: Array) -> float:
    x = np.pad(image, ((1, 1), (1, 1), (0, 0)), "edge")
    inner = x[1:-1, 1:-1]
    straight = ((x[1:-1, 2:] - inner) ** 2).mean() / 3 + ((x[2:, 1:-1] - inner) ** 2).mean() / 3
    falling, rising = x[1:, 1:] - x[:-1, :-1], x[1:, :-1] - x[:-1, 1:]
    return float(2 * (straight + (falling**2).mean() / 12 + (rising**2).mean() / 12))


PUBLISHED: dict[str, Formula] = {
    f.__name__: f
    for f in (
        gatys,
        neural_style,
        keras_example,
        tensorflow_tutorial,
        udacity,
        ashwindcruz,
        tseng_cooccurrence,
        tseng_histogram,
        spst,
        crowsonkb,
    )
}


@pytest.mark.parametrize("name", list(SIZES))
def test_the_published_formula(
    name: str, photo: Image, painting: Image, network: keras.Model, small: FeatureModel
) -> None:
    check(name, PUBLISHED[name], SIZES[name], (photo, painting), network, caffe, features=small)


@pytest.mark.parametrize(
    ("name", "preprocess"),
    [
        ("gatys", caffe),
        ("neural_style", caffe),
        ("keras_example", caffe),
        ("tensorflow_tutorial", caffe),
        ("udacity", torch),
        ("ashwindcruz", bgr),
        ("spst", caffe),
    ],
)
def test_the_published_formula_on_vgg19(
    name: str, preprocess: Callable[[Array], Any], pictures: Path
) -> None:
    pair = (
        images.load(pictures / "chelsea.png", size=(48, 64)),
        images.load(pictures / "ihc.png", size=(36, 72)),
    )
    vgg19 = keras.applications.VGG19(include_top=False)
    check(name, PUBLISHED[name], SIZES[name], pair, vgg19, preprocess, scale=2)


@pytest.mark.parametrize("name", TSENG)
def test_the_published_formula_on_vgg16(name: str, pictures: Path) -> None:
    """With random weights: those of ImageNet have no source but Keras' own download."""
    pair = (
        images.load(pictures / "chelsea.png", size=(96, 128)),
        images.load(pictures / "ihc.png", size=(72, 144)),
    )
    keras.utils.set_random_seed(0)
    features = FeatureModel("vgg16", pooling="average", weights=None)
    formula, sizes = PUBLISHED[name], SIZES[name]
    check(name, formula, sizes, pair, features._network, caffe, scale=4, features=features)


def test_ashwindcruz_at_the_depth_of_the_notebook(
    photo: Image, painting: Image, small: FeatureModel
) -> None:
    preset = presets.ashwindcruz(
        photo, painting, depth=5, content_layer="block4_conv2", features=small
    )
    content, style = (term.loss for term in preset.loss.terms_of_sum())
    assert content.layer_weights == {"block4_conv2": 1}
    assert style.layer_weights == dict.fromkeys(CONV1, 1 / 5)
    with pytest.raises(OptionError, match="depth: expected 1 to 5 layers, got 6"):
        presets.ashwindcruz(photo, painting, depth=6, features=small)


@pytest.mark.parametrize("name", list(SIZES))
def test_the_objective_is_made_again_from_json(
    name: str, photo: Image, painting: Image, small: FeatureModel
) -> None:
    preset = presets.find(name)(photo, painting, size=SIZES[name][0], features=small)
    total = WeightedSum(preset.loss.terms_of_sum())
    config = json.loads(json.dumps(total.get_config(), allow_nan=False))
    again = WeightedSum.from_config(config, total.pictures())
    assert again.get_config() == total.get_config()
    assert [type(term.loss) for term in again] == [type(term.loss) for term in total]
    image = images.noise(SIZES[name][1], seed=3)
    values = []
    for loss in (total, again):
        objective = Objective(loss, small, SIZES[name][1])
        objective.refresh(image, round=0)
        values.append(objective(image).terms)
    assert values[0] == values[1]


@pytest.mark.parametrize("name", list(SIZES))
def test_sides_in_proportion_are_cut_and_size_is_the_longer(name: str, small: FeatureModel) -> None:
    photo = images.noise((30, 40), seed=1)
    ways: list[dict[str, Any]] = [{"size": 41}, {"short_side": 32}]
    long, short = (presets.find(name)(photo, photo, features=small, **way).start for way in ways)
    square = name == "ashwindcruz"
    cut = 31 if name == "crowsonkb" else 30  # whose source rounds; of 30.75
    assert long.shape == (41 if square else cut, 41, 3)
    cut = 43 if name == "crowsonkb" else 42  # of 42.67
    assert short.shape == (32, 32 if square else cut, 3)
    with pytest.raises(OptionError, match="expected either size, the longer side, or short_side"):
        presets.find(name)(photo, photo, size=32, short_side=32, features=small)


def test_a_preset_goes_on_from_its_folder(
    photo: Image, painting: Image, small: FeatureModel, tmp_path: Path
) -> None:
    def stop(step: Step) -> None:
        if step.evaluation == 4:
            raise InterruptedError

    preset = presets.tensorflow_tutorial(
        photo, painting, size=32, evaluations=7, features=small, start="noise"
    )
    with pytest.raises(InterruptedError):
        preset.run(checkpoint=tmp_path, checkpoint_every=3, callbacks=[stop])
    went_on = resume(tmp_path, features=small)
    np.testing.assert_array_equal(went_on.image, preset.run().image)


VGG19 = ("vgg19", "max", "caffe")
VGG16 = ("vgg16", "average", "caffe")
# Network, size of a 24×32 picture, start, evaluations, evaluations between restarts, clip.
SETTINGS: dict[str, tuple[Any, ...]] = {
    "gatys": (VGG19, (512, 682), "content", 520, None, "round"),
    "neural_style": (VGG19, (384, 512), "noise", 1000, None, "round"),
    "keras_example": (VGG19, (400, 533), "content", 4000, None, "round"),
    "tensorflow_tutorial": (VGG19, (384, 512), "content", 1000, None, "step"),
    "udacity": (("vgg19", "max", "torch"), (400, 533), "content", 2000, None, "round"),
    "ashwindcruz": (("vgg19", "max", "bgr"), (224, 224), "noise", 10000, None, "round"),
    "tseng_cooccurrence": (VGG16, (412, 550), "noise", 210, 21, "round"),
    "tseng_histogram": (VGG16, (412, 550), "noise", 210, 21, "round"),
    "spst": (VGG19, (1024, 1365), "content", [620, 220], None, "round"),
    "crowsonkb": (
        VGG19,
        (384, 512),
        "content",
        [1002, 502, 502, 502, 502],
        None,
        "step",
    ),
}


@pytest.mark.parametrize("name", list(SIZES))
def test_the_published_settings(
    name: str,
    photo: Image,
    painting: Image,
    small: FeatureModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loaded: list[tuple[Any, ...]] = []

    def pretrained(*network: Any) -> FeatureModel:
        loaded.append(network)
        return small

    monkeypatch.setattr(draft, "pretrained", pretrained)
    network, size, start, evaluations, restart_every, clip = SETTINGS[name]
    preset = presets.find(name)(photo, painting)
    assert loaded == [network]
    config = FeatureModel(small._network, preprocess=loaded[0][2]).get_config()
    assert config["preprocess"] == network[2]
    assert preset.start.shape == (*size, 3)
    from_content = np.array_equal(preset.start, images.resize(photo, size=size))
    assert from_content == (start == "content")
    assert preset.evaluations == evaluations
    assert preset.restart_every == restart_every
    assert preset.clip == clip
    assert preset.features.padding == ("replicate" if name == "crowsonkb" else "zero")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tensorflow_tutorial", {"learning_rate": 5.1, "beta_1": 0.99, "epsilon": 0.1 / 255}),
        ("ashwindcruz", {"learning_rate": 0.1, "beta_1": 0.9, "epsilon": 1e-8}),
        ("crowsonkb", {"learning_rate": 5.1, "beta_1": 0.9, "beta_2": 0.99}),
        ("udacity", {"learning_rate": 0.003 * 255 * 0.226, "epsilon": 1e-8 / 57.63}),
    ],
)
def test_the_published_adam(
    name: str, expected: dict[str, float], photo: Image, small: FeatureModel
) -> None:
    optimizer = presets.find(name)(photo, photo, size=24, features=small).optimizer
    assert isinstance(optimizer, keras.optimizers.Adam)
    config = optimizer.get_config()
    assert {option: config[option] for option in expected} == pytest.approx(expected)


def test_one_rate_serves_the_three_channels_of_torchvision(
    photo: Image, small: FeatureModel
) -> None:
    rate = presets.udacity(photo, photo, size=24, features=small).optimizer.learning_rate
    np.testing.assert_allclose(rate, 0.003 * 255 * np.array([0.229, 0.224, 0.225]), rtol=0.014)


def test_the_keras_example_decays_its_rate(photo: Image, small: FeatureModel) -> None:
    optimizer = presets.keras_example(photo, photo, size=24, features=small).optimizer
    assert isinstance(optimizer, keras.optimizers.SGD)
    schedule = keras.saving.deserialize_keras_object(optimizer.get_config()["learning_rate"])
    assert [float(schedule(step)) for step in (0, 100, 200)] == pytest.approx([100, 96, 92.16])


@pytest.mark.parametrize(
    ("name", "optimizer"),
    [("gatys", LBFGS()), ("neural_style", LBFGS()), *((name, "L-BFGS-B") for name in TSENG)],
)
def test_lbfgs(name: str, optimizer: Any, photo: Image, small: FeatureModel) -> None:
    assert presets.find(name)(photo, photo, size=32, features=small).optimizer == optimizer


def test_a_restart_of_tseng_is_a_call_of_scipys_that_ends_after_21_evaluations(
    photo: Image, small: FeatureModel
) -> None:
    """Against scipy.optimize.fmin_l_bfgs_b with maxfun=20, as he calls it, clipping in between."""
    preset = presets.tseng_cooccurrence(photo, photo, size=32, features=small)
    objective = Objective(preset.loss, small, (24, 32))
    objective.refresh(preset.start, round=0)
    counts: list[int] = []

    def evaluate(x: Array) -> tuple[float, Array]:
        counts[-1] += 1
        value = objective(x.reshape(preset.start.shape).astype(np.float32))
        return value.loss, value.gradient.ravel().astype(np.float64)

    expected, x = [], preset.start.ravel().astype(np.float64)
    for _ in range(2):
        counts.append(0)
        x, loss, _ = fmin_l_bfgs_b(evaluate, x, maxfun=20)
        expected.append(loss)
        x = np.clip(x, 0, 255)
    assert counts == [21, 21]
    run = replace(preset, evaluations=42).run()
    lowest = [min(e.loss for e in run.history if e.round == r) for r in (0, 1)]
    assert lowest == pytest.approx(expected, rel=0.02)  # the second starts from float32


def test_tensorflows_adam_takes_the_same_steps_in_0_to_255(
    photo: Image, painting: Image, small: FeatureModel
) -> None:
    preset = presets.tensorflow_tutorial(
        photo, painting, size=32, evaluations=4, features=small, start="noise", seed=7
    )
    objective = Objective(preset.loss, small, (24, 32))
    objective.refresh(photo, round=0)
    x = preset.start.astype(np.float64) / 255
    m, v = np.zeros_like(x), np.zeros_like(x)
    expected = [x]
    for step in (1, 2, 3):
        gradient = 255 * objective((255 * x).astype(np.float32)).gradient.astype(np.float64)
        m, v = 0.99 * m + 0.01 * gradient, 0.999 * v + 0.001 * gradient**2
        rate = 0.02 * np.sqrt(1 - 0.999**step) / (1 - 0.99**step)
        x = np.clip(x - rate * m / (np.sqrt(v) + 0.1), 0, 1)
        expected.append(x)
    seen: list[Image] = []
    preset.run(callbacks=[lambda step: seen.append(step.image)])
    assert np.abs(seen[1] - seen[0]).mean() > 1
    np.testing.assert_allclose(seen, 255 * np.array(expected), atol=0.01)


@pytest.mark.parametrize(
    ("name", "distribution", "deviation"),
    [
        ("gatys", {"normal": (0, 1)}, 1),
        ("neural_style", {"normal": (0, 1e-3)}, 1e-3),
        ("tseng_histogram", {"uniform": (-0.025, 0.025)}, 0.05 / 12**0.5),
    ],
)
def test_noise_around_the_mean_color(
    name: str, distribution: dict[str, Any], deviation: float, photo: Image, small: FeatureModel
) -> None:
    make = presets.find(name)
    start = make(photo, photo, size=32, start="noise", seed=5, features=small).start
    height, width, _ = start.shape
    expected = images.noise((height, width), seed=5, **distribution) + GRAY
    np.testing.assert_allclose(start, expected, atol=2e-5)
    np.testing.assert_allclose(start.std((0, 1)), deviation, rtol=0.1)


def test_other_noise_is_the_sources_or_quiet(photo: Image, small: FeatureModel) -> None:
    ranges: dict[str, dict[str, Any]] = {"ashwindcruz": {"uniform": (0, 255)}, "udacity": {}}
    for name, own in ranges.items():
        start = presets.find(name)(photo, photo, size=24, start="noise", seed=5, features=small)
        height, width, _ = start.start.shape
        np.testing.assert_array_equal(start.start, images.noise((height, width), seed=5, **own))


def test_spst_halves_the_size(small: FeatureModel) -> None:
    photo = images.noise((3, 4), seed=1)
    one, two = (presets.spst(photo, photo, short_side=n, features=small) for n in (1023, 1024))
    assert (one.scales, one.evaluations) == ((), [620])
    assert (two.scales, two.evaluations) == ((682,), [620, 220])
    assert galerne._scales((5466, 4100)) == (683, 1366, 2733)
    given = presets.spst(photo, photo, size=60, scales=(20, 30, 40), features=small)
    assert given.evaluations == [620, 220, 80, 40]


def test_crowsonkb_grows_by_roots_of_two(photo: Image, small: FeatureModel) -> None:
    preset = presets.crowsonkb(photo, photo, features=small)
    assert preset.scales == (128, 181, 256, 362)
    assert preset.average == 0.99
    given = presets.crowsonkb(photo, photo, size=200, scales=(50,), features=small)
    assert (given.scales, given.evaluations) == ((50,), [1002, 502])
    assert presets.crowsonkb(photo, photo, size=200, features=small).scales == (141,)


@pytest.mark.parametrize("name", list(SIZES))
def test_a_run(
    name: str, photo: Image, painting: Image, small: FeatureModel, tmp_path: Path
) -> None:
    size, (height, width), _ = SIZES[name]
    preset = presets.find(name)(photo, painting, size=size, evaluations=3, features=small)
    result = preset.run(output=tmp_path / "out.png")
    assert result.evaluations == 3
    assert result.image.shape == (height, width, 3)
    assert len(result.terms) >= 2
    assert (tmp_path / "out.png").exists()


def test_a_run_in_rounds(photo: Image, painting: Image, small: FeatureModel) -> None:
    preset = presets.tseng_histogram(photo, painting, size=32, evaluations=45, features=small)
    result = preset.run()
    assert result.rounds >= 3
    assert result.seed == preset.seed == 0


def test_the_second_stage_of_gatys(photo: Image, painting: Image, small: FeatureModel) -> None:
    first = presets.gatys(photo, painting, short_side=24, evaluations=3, features=small).run()
    second = presets.gatys(
        photo, painting, short_side=36, evaluations=2, start=first.image, features=small
    )
    np.testing.assert_array_equal(second.start, images.resize(first.image, size=(36, 48)))
    assert second.run().image.shape == (36, 48, 3)


def test_what_is_given_is_taken(photo: Image, painting: Image, small: FeatureModel) -> None:
    adam = keras.optimizers.Adam(1.0)
    preset = presets.gatys(
        photo, painting, size=32, start=255 - photo, optimizer=adam, seed=9, features=small
    )
    np.testing.assert_array_equal(preset.start, 255 - photo)
    assert preset.optimizer is adam
    assert preset.seed == 9
    assert preset.features is small


def test_lbfgs_in_place_of_an_adam_that_clips_its_steps(
    photo: Image, painting: Image, small: FeatureModel
) -> None:
    options: Any = {"size": 32, "evaluations": 3, "features": small}
    assert presets.tensorflow_tutorial(photo, painting, optimizer=LBFGS(), **options).run()


def test_a_picture_by_its_path(pictures: Path, small: FeatureModel) -> None:
    paths = pictures / "chelsea.png", pictures / "ihc.png"  # 300×451, 512×512
    for name in ("keras_example", "gatys"):
        preset = presets.find(name)(*paths, short_side=30, features=small)
        assert preset.start.shape == (30, 45, 3)
        assert "* Content(picture_30x45" in repr(preset.loss)


def test_unusable_options(photo: Image, small: FeatureModel) -> None:
    options: Any = {"features": small}
    with pytest.raises(TypeError, match="unknown option 'evaluation': did you mean 'evaluations'"):
        presets.find("gatys")(photo, photo, evaluation=3, **options)
    with pytest.raises(OptionError, match=r"size: expected a number in whole pixels, .* 'big'"):
        presets.find("keras_example")(photo, photo, size="big", **options)
    with pytest.raises(OptionError, match="start: expected 'content', 'noise' or an array"):
        presets.gatys(photo, photo, size=24, start="style", **options)
    with pytest.raises(OptionError, match="unknown preset 'gatis': did you mean 'gatys'"):
        presets.find("gatis")


def test_a_picture_too_small_for_the_shift_is_named(photo: Image, small: FeatureModel) -> None:
    preset = presets.tseng_cooccurrence(photo, photo, size=16, features=small)
    with pytest.raises(LossError, match="a shift of 4 along x leaves nothing"):
        preset.run()


@pytest.mark.parametrize("name", list(SIZES))
def test_a_preset_is_public_and_has_its_source(name: str) -> None:
    preset = getattr(presets, name)
    assert preset is presets.find(name)
    assert "Source" in (preset.__doc__ or "")
    assert list(inspect.signature(preset).parameters)[:2] == ["content", "style"]
