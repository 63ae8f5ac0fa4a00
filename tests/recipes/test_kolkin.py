"""The presets of Kolkin et al. against their formulas in NumPy and their published settings."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from published import Array, Maps, caffe, check, small_vgg
from scipy.ndimage import map_coordinates

from neural_style import FeatureModel, Objective, images
from neural_style.errors import LossError, OptionError
from neural_style.images import Image
from neural_style.recipes import presets

pytestmark = pytest.mark.slow

NNST = [
    *("block1_conv1", "block1_conv2", "block2_conv1", "block2_conv2"),
    *("block3_conv1", "block3_conv2", "block3_conv3"),
    *("block4_conv1", "block4_conv2", "block4_conv3"),
]
STROTSS = [*NNST[:7], "block4_conv3", "block5_conv3"]
SIZES = (64, (48, 64), (32, 64))


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """VGG16 with few channels, no two blocks with the same number."""
    return small_vgg((2, 2, 3, 3, 3), poolings=4)


@pytest.fixture(scope="module")
def small(network: keras.Model) -> FeatureModel:
    return FeatureModel(network, preprocess="caffe")


def interpolated(f: Array, size: tuple[int, int]) -> Any:
    """Linearly, with the same corners."""
    places = np.meshgrid(
        *(np.linspace(0, n - 1, m) for n, m in zip(f.shape, size, strict=False)), indexing="ij"
    )
    return np.stack([map_coordinates(c, places, order=1) for c in np.moveaxis(f, -1, 0)], -1)


def columns(maps: Maps) -> Any:
    height, width, _ = maps["image"].shape
    size = height // 4, width // 4
    found = [interpolated(maps[layer], size) / maps[layer].shape[-1] for layer in NNST]
    return np.concatenate(found, -1).reshape(size[0] * size[1], -1)


def unit(rows: Array) -> Any:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def nnst(x: Maps, p: Maps, s: Maps) -> dict[str, float]:
    current, photo, style = map(columns, (x, p, s))
    query = 0.25 * current + 0.75 * photo
    cosines = unit(query - query.mean(0)) @ unit(style - style.mean(0)).T
    found = style[cosines.argmax(1)]
    return {"nearest_neighbors": float((1 - (unit(current) * unit(found)).sum(1)).mean())}


def test_the_formula_of_nnst(
    photo: Image, painting: Image, network: keras.Model, small: FeatureModel
) -> None:
    check("nnst", nnst, SIZES, (photo, painting), network, caffe, features=small)


def test_nnst_and_strotss_on_vgg16(photo: Image, painting: Image) -> None:
    """With random weights: those of ImageNet have no source but Keras' own download."""
    keras.utils.set_random_seed(0)
    vgg16 = FeatureModel("vgg16", weights=None)
    pair = photo, painting
    check("nnst", nnst, (64, (48, 64), (32, 64)), pair, vgg16._network, caffe, features=vgg16)
    preset = presets.strotss(*pair, size=64, features=vgg16)
    objective = Objective(preset.loss, vgg16, preset.start.shape[:2])
    objective.refresh(preset.start, round=0)
    assert objective(preset.start).finite


@pytest.fixture
def painting() -> Image:
    return images.noise((18, 36), uniform=(0, 255), seed=2)


def test_the_settings_of_nnst(photo: Image, painting: Image, small: FeatureModel) -> None:
    preset = presets.nnst(photo, painting, features=small)
    assert preset.start.shape == (384, 512, 3)
    assert preset.scales == (64, 128, 256)
    assert preset.evaluations == 20
    assert preset.parameterization == "wavelets"
    assert preset.palette is not None
    ((_, weight, loss),) = ((t.name, t.weight, t.loss) for t in preset.loss.terms_of_sum())
    assert (weight, list(loss.layers), loss.refresh_every) == (1, NNST, 10**6)
    assert [image.shape[:2] for image in loss.references] == [(384, 512), (256, 512)]
    plain = presets.nnst(
        photo, painting, features=small, color=None, alpha=0, rotations=True, scales=(32,), size=64
    )
    assert plain.palette is None
    assert plain.scales == (32,)
    (term,) = plain.loss.terms_of_sum()
    paintings = term.loss.references
    for k, image in enumerate(paintings):
        np.testing.assert_array_equal(image, np.rot90(paintings[0], k))
    assert (len(paintings), term.loss.photo_share) == (4, 0)
    with pytest.raises(LossError, match="photo_share: expected a number from 0 to 1, got 2"):
        presets.nnst(photo, painting, features=small, alpha=2)


def test_the_last_pass_of_nnst(photo: Image, painting: Image, small: FeatureModel) -> None:
    first = presets.nnst(photo, painting, size=64, features=small, evaluations=3, color=None)
    start = first.run(verbose=False).image
    last = presets.nnst(photo, painting, size=64, features=small, last_pass=True, start=start)
    np.testing.assert_array_equal(last.start, start)
    (term,) = last.loss.terms_of_sum()
    assert last.scales == ()
    assert dict(term.loss.layers) == dict.fromkeys(NNST, 1)
    assert (term.loss.centered, term.loss.samples, term.loss.refresh_every) == (True, 4096, 20)


@pytest.mark.parametrize(("given", "weight"), [({}, 2), ({"content_weight": 0.25}, 0.5)])
def test_the_objective_of_strotss(
    given: dict[str, Any], weight: float, photo: Image, painting: Image, small: FeatureModel
) -> None:
    """Its terms are tested against its code; here the weights of terms and layers."""
    preset = presets.strotss(photo, painting, features=small, **given)
    terms = {term.name: term for term in preset.loss.terms_of_sum()}
    shares = {name: term.weight * (weight + 2) for name, term in terms.items()}
    assert shares == pytest.approx(
        {
            "self_similarity": weight,
            "relaxed_emd": 1,
            "hypercolumn_moments": 1,
            "palette": 1 / max(weight, 1),
        }
    )
    for name in ("self_similarity", "relaxed_emd", "hypercolumn_moments"):
        layers = terms[name].loss.layers
        assert list(layers) == ["image", *STROTSS]
        assert sum(layers.values()) == pytest.approx(1)
        # By their lengths, features are in the unit 57.63 if the image is in 255.
        assert (layers["image"] / layers["block1_conv1"]) ** 0.5 * 255 == pytest.approx(57.63)
    moments = terms["hypercolumn_moments"].loss
    factor = (len(moments.layers) * moments.layers["image"]) ** 0.5 / moments.unit
    assert factor == pytest.approx(1 / 255)
    assert (terms["palette"].loss.cost, list(terms["palette"].loss.layers)) == (
        "palette",
        ["image"],
    )
    assert (preset.scales, preset.evaluations) == ((64, 128, 256), 100)


def test_strotss_finds_the_layout_first(photo: Image, painting: Image, small: FeatureModel) -> None:
    """At an eighth of the size, a is eight times as large, as the source's 16, 8, 4, 2."""
    loss = presets.strotss(photo, painting, features=small).loss
    whole, coarse = (
        {t.name: t.weight * sum(t.loss.layer_weights.values()) for t in terms.terms_of_sum()}
        for terms in (loss, loss.resized(1 / 8))
    )
    found = {name: coarse[name] / whole[name] for name in whole}
    assert found == pytest.approx(
        {"self_similarity": 8, "relaxed_emd": 1, "hypercolumn_moments": 1, "palette": 1 / 8}
    )


def test_strotss_starts_from_the_mean_color_and_fine_details(
    painting: Image, small: FeatureModel
) -> None:
    flat = np.full((48, 64, 3), 90.0, np.float32)
    start = presets.strotss(flat, painting, size=64, features=small).start
    np.testing.assert_allclose(start, np.broadcast_to(painting.mean((0, 1)), start.shape), atol=2)
    edge = flat.copy()
    edge[:, 32:] = 190
    details = presets.strotss(edge, painting, size=64, features=small).start - start
    assert details[:, :32].min() < -5
    assert details[:, 32:].max() > 5
    assert abs(details[:, :8]).max() < 2
    with pytest.raises(OptionError, match="content_weight: expected a finite number above 0"):
        presets.strotss(edge, painting, size=64, features=small, content_weight=0)


@pytest.mark.parametrize("name", ["nnst", "strotss"])
def test_a_run(name: str, photo: Image, painting: Image, small: FeatureModel) -> None:
    preset = presets.find(name)(
        photo, painting, size=64, evaluations=[4, 3], features=small, scales=(32,)
    )
    result = preset.run(verbose=False)
    assert result.image.shape == (48, 64, 3)
    assert [step.scale for step in result.history][-1] is not None
    again = preset.run(verbose=False)
    np.testing.assert_array_equal(result.image, again.image)
