"""Masks: a part of the picture against a part of its reference."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Any

import keras
import numpy as np
import PIL.Image
import pytest
from numpy.typing import NDArray
from objectives import ready

from neural_style import FeatureModel, Loss, Objective, guided, images, minimize
from neural_style.errors import ImageError, LossError
from neural_style.extensions import (
    MRF,
    Content,
    Gram,
    Histogram,
    Laplacian,
    NearestNeighbors,
    ShiftedGram,
    TotalVariation,
)
from neural_style.images import Image, Size
from neural_style.images.mask import as_mask
from neural_style.losses.guidance import guides, selected
from neural_style.objective.objective import Evaluation
from neural_style.objective.tiled import TiledEvaluator
from neural_style.objective.whole import WholeImageEvaluator

SIZE = (24, 32)
WHITE = np.full(SIZE, 255, np.uint8)


def half(size: Size, soft: bool = False) -> NDArray[np.float32]:
    """White on the left; soft, it fades to the right."""
    ramp = np.linspace(255, 0, size[1]) if soft else np.where(np.arange(size[1]) < 7, 255, 0)
    return np.tile(ramp, (size[0], 1)).astype(np.float32)


def evaluated(
    loss: Any, features: FeatureModel, image: Image, tile: int | None = None
) -> Evaluation:
    objective = ready(loss, features, image, tile=tile)
    assert isinstance(objective._evaluator, WholeImageEvaluator if tile is None else TiledEvaluator)
    return objective(image)


@pytest.fixture(scope="module")
def pixels() -> FeatureModel:
    """A network whose layer ``pool`` is a quarter of the picture's size."""
    inputs = keras.Input((None, None, 3))
    outputs = keras.layers.AveragePooling2D(4, name="pool")(inputs)
    return FeatureModel(keras.Model(inputs, outputs), preprocess="raw")


def test_the_worked_value(pixels: FeatureModel) -> None:
    """Fixture A with T = (1, 1, 0, 0)/√2, in two of three channels: N² is 9 in place of 4."""
    current, reference = np.zeros((2, 2, 3)), np.zeros((2, 2, 3))
    current[..., 0], current[..., 1] = [[1, 2], [3, 4]], [[0, 1], [1, 0]]
    reference[..., 0], reference[..., 1] = 2, [[0, 2], [2, 0]]
    top = np.array([[255, 255], [0, 0]])
    loss = guided(Gram(reference, layers={"image": 9 / 4}), [(top, top)])
    value = evaluated(loss, pixels, current.astype(np.float32))
    assert value.loss == pytest.approx(0.40625)
    assert not value.gradient[1].any()
    assert value.gradient[0].any()


@pytest.mark.slow
@pytest.mark.parametrize(
    "loss",
    [
        Gram(images.noise((20, 28), seed=2, uniform=(0, 255))),
        ShiftedGram(images.noise((20, 28), seed=2, uniform=(0, 255)), shifts=[2]),
        TotalVariation(),
    ],
    ids=lambda loss: loss.name,
)
def test_white_everywhere_changes_nothing(tiny: FeatureModel, photo: Image, loss: Loss) -> None:
    reference = WHITE if loss.references else None
    whole, masked = (
        evaluated(x, tiny, photo) for x in (2 * loss, guided(2 * loss, [(WHITE, reference)]))
    )
    assert masked.loss == pytest.approx(whole.loss, rel=1e-5)
    np.testing.assert_allclose(
        masked.gradient, whole.gradient, atol=1e-5 * np.abs(whole.gradient).max()
    )


def test_a_mask_is_a_crop_where_nothing_reaches_across(pixels: FeatureModel) -> None:
    image, painting = (
        images.noise((16, 24), seed=1, uniform=(0, 255)),
        images.noise((16, 24), seed=2, uniform=(0, 255)),
    )
    left, right = np.zeros((16, 24)), np.zeros((16, 24))
    left[:, :8], right[:, 8:] = 255, 255
    loss = Gram(painting, layers=["pool"])
    total = evaluated(guided(loss, [(left, right), (right, left)]), pixels, image)
    parts = [
        evaluated(Gram(painting[:, theirs], layers=["pool"]), pixels, image[:, own].copy())
        for own, theirs in ((slice(8), slice(8, None)), (slice(8, None), slice(8)))
    ]
    assert list(total.terms.values()) == pytest.approx([part.loss for part in parts], rel=1e-5)
    np.testing.assert_allclose(
        total.gradient, np.concatenate([p.gradient for p in parts], 1), rtol=1e-3, atol=1e-7
    )


def test_masks_are_averaged_to_each_layers_size(pixels: FeatureModel) -> None:
    mask = np.zeros((8, 12), np.float32)
    mask[:, :6] = 255
    mask[0, 8] = 255
    found = guides(Gram(WHITE_PICTURE, layers=["image", "pool"]), mask, pixels, (8, 12))
    assert found is not None
    assert found["image"].shape == (1, 8, 12, 1)
    np.testing.assert_allclose(found["image"][0, ..., 0], mask / 255)
    np.testing.assert_allclose(found["pool"][0, ..., 0], [[1, 0.5, 1 / 16], [1, 0.5, 0]])
    small = guides(Gram(WHITE_PICTURE, layers=["pool"]), mask[:2, :3] + 1, pixels, (80, 120))
    assert small is not None
    assert small["pool"].shape == (1, 20, 30, 1)


WHITE_PICTURE = np.full((8, 12, 3), 255.0)


@pytest.mark.slow
@pytest.mark.parametrize("soft", [False, True], ids=["hard", "soft"])
def test_tiles_are_exact(tiny: FeatureModel, soft: bool) -> None:
    size = (75, 89)
    y, x = np.mgrid[:75, :89]
    waves = [np.sin((a * x + b * y) / 9) for a, b in ((1, 0.2), (0.3, 1), (1, 1))]
    painting = (127.5 + 120 * np.stack(waves, -1)).astype(np.float32)
    mask = half(size, soft)
    style = (
        10 * Gram(painting)
        + 10 * ShiftedGram(painting, shifts={"block1_conv1": [12], "block4_conv1": [3, -5]})
        + 1e-3 * TotalVariation()
    )
    loss = guided(style, [(mask, half((20, 30))), (255 - mask, 255 - half((20, 30)))])
    total = loss + Content(painting) + Gram(painting)
    noise = images.noise(size, seed=1, uniform=(0, 255))
    tiled, whole = (evaluated(total, tiny, noise, tile) for tile in (47, None))
    assert tiled.terms == pytest.approx(whole.terms, rel=2e-5)
    error = np.linalg.norm(tiled.gradient - whole.gradient)
    assert error < 1e-5 * np.linalg.norm(whole.gradient)


def square_of(size: tuple[int, int]) -> NDArray[np.float64]:
    """A soft mask."""
    y, x = np.mgrid[: size[0], : size[1]]
    return np.asarray(255 * (y * x) / (size[0] * size[1]), np.float64)


@pytest.mark.slow
def test_a_mask_weighs_the_positions_of_a_map_whole_and_in_tiles(tiny: FeatureModel) -> None:
    size = 75, 89
    photo, noise, mask = images.noise(size, seed=2), images.noise(size, seed=1), square_of((75, 89))
    mask[:30] = 0
    layers = ["image", "block2_conv1"]
    style = Content(photo, layers=layers) + Histogram(images.noise((40, 50)), layers=layers)
    loss = guided(style + 0.1 * MRF(photo, layers=["block2_conv1"]), [(mask, None)])
    tiled, whole = (evaluated(loss, tiny, noise, tile) for tile in (47, None))
    assert tiled.terms == pytest.approx(whole.terms, rel=2e-5)
    error = np.linalg.norm(tiled.gradient - whole.gradient)
    assert error < 1e-5 * np.linalg.norm(whole.gradient)
    alone = evaluated(guided(Content(photo, layers=["image"]), [(mask, None)]), tiny, noise)
    squares = np.mean((noise.astype(np.float64) - photo) ** 2, -1)
    assert alone.loss == pytest.approx((mask * squares).sum() / mask.sum(), rel=1e-5)
    np.testing.assert_array_equal(alone.gradient[:30], 0)


def test_a_map_has_no_reference_mask(photo: Image) -> None:
    with pytest.raises(LossError, match=r"content: region 1 has a reference mask, .* \(mask, None"):
        guided(Content(photo), [(half(SIZE), half(SIZE))])


@pytest.mark.parametrize("tile", [None, 16])
@pytest.mark.parametrize("kind", [Histogram, NearestNeighbors])
def test_matches_come_from_the_white_part_of_a_reference(
    pixels: FeatureModel, photo: Image, kind: type[Loss], tile: int | None
) -> None:
    """A mask is a crop where features do not reach across its border."""
    painting, left = images.noise((24, 40), uniform=(0, 255), seed=3), np.zeros((24, 40), np.uint8)
    left[:, :16] = 255
    masked, cropped, whole = (
        evaluated(loss, pixels, photo, tile)
        for loss in (
            guided(kind(painting, layers=["pool"]), [(WHITE, left)]),
            kind(painting[:, :16], layers=["pool"]),
            kind(painting, layers=["pool"]),
        )
    )
    assert masked.loss == pytest.approx(cropped.loss, rel=1e-6) != pytest.approx(whole.loss)
    np.testing.assert_allclose(masked.gradient, cropped.gradient, rtol=1e-5, atol=1e-9)


def test_features_of_a_reference_are_selected_by_half() -> None:
    f = np.arange(8.0).reshape(1, 2, 2, 2)

    def chosen(*weights: float) -> Any:
        weight = np.reshape(weights, (1, 2, 2, 1))
        return selected({"a": f}, {"a": weight})["a"].tolist()

    assert chosen(1, 0, 0.5, 0.4) == [[[[0, 1], [4, 5]]]]
    assert chosen(0, 0.2, 0.1, 0.2) == [[[[2, 3], [6, 7]]]]
    assert chosen(1, 0.5, 1, 1) == f.tolist()
    assert selected({"a": f}, None)["a"] is f


def test_no_mass_in_tiles_is_zero_as_it_is_whole(tiny: FeatureModel) -> None:
    """No pair of a shift along x begins in the last column."""
    mask = np.zeros((75, 89))
    mask[:, -1] = 255
    loss = ShiftedGram(images.noise((75, 89), uniform=(0, 255)), shifts={"image": [3]})
    total = guided(loss, [(mask, WHITE)])
    noise = images.noise((75, 89), seed=1, uniform=(0, 255))
    tiled, whole = (evaluated(total, tiny, noise, tile) for tile in (47, None))
    assert tiled.loss == pytest.approx(whole.loss, rel=1e-5)
    np.testing.assert_allclose(tiled.gradient, whole.gradient, rtol=1e-3, atol=1e-6)


@pytest.mark.slow
def test_another_mask_compiles_nothing_new(tiny: FeatureModel, photo: Image) -> None:
    def objective(loss: Any) -> Objective:
        made = ready(loss, tiny, photo)
        made(photo)
        return made

    style = Gram(photo, layers=["block2_conv1"])
    first = objective(guided(style, [(half(SIZE), WHITE)]))
    compiled = len(tiny.compiled)
    second = objective(guided(style, [(half(SIZE, soft=True), half(SIZE))]))
    assert len(tiny.compiled) == compiled
    assert first(photo).loss != second(photo).loss
    objective(style)
    assert len(tiny.compiled) > compiled


def test_references_are_told_apart_by_picture_and_mask(
    tiny_network: keras.Model, photo: Image
) -> None:
    passes = []

    def seen(image: Any) -> Any:
        passes.append(image.shape)
        return image

    features = FeatureModel(tiny_network, preprocess=seen)
    left = half(SIZE)
    style = Gram(photo, layers=["image"])
    loss = guided(style, [(left, left), (WHITE, WHITE), (255 - left, left)])
    objective = ready(loss, features, photo)
    assert objective._targets is not None
    targets = [np.asarray(target["image"]) for target in objective._targets]
    np.testing.assert_array_equal(targets[0], targets[2])
    assert not np.allclose(targets[0], targets[1])
    assert len(passes) <= 1


def test_broken_terms_are_found(tiny: FeatureModel, photo: Image) -> None:
    huge = 1e38 * Gram(photo, layers={"block1_conv1": 1e6})
    loss = guided(huge, [(WHITE, half(SIZE))]) + TotalVariation()
    for image, tile in ((photo, None), (images.noise((60, 60), uniform=(0, 255)), 40)):
        objective = ready(loss, tiny, image, tile=tile)
        assert objective.broken_terms(image) == ["gram"]


def test_a_run_changes_its_region_only(pixels: FeatureModel) -> None:
    start = images.noise((16, 16), seed=1, uniform=(0, 255))
    mask = half((16, 16))
    loss = guided(Gram(WHITE_PICTURE, layers=["image"]), [(mask, WHITE)])
    result = minimize(loss, pixels, start, evaluations=10)
    assert result.loss < result.history[0].loss
    np.testing.assert_array_equal(result.image[:, 7:], start[:, 7:])


LEFT = np.where(np.arange(32) < 7, 255, 0).astype(np.uint8) * np.ones((24, 1), np.uint8)
CUT_OUT = np.dstack([WHITE, WHITE, WHITE, LEFT])


def palette(picture: NDArray[np.uint8]) -> PIL.Image.Image:
    """White on a transparent color, as a PNG of few colors has it."""
    made = PIL.Image.fromarray((picture > 0).astype(np.uint8), "P")
    made.putpalette([9, 200, 9, 255, 255, 255])
    made.info["transparency"] = 0
    return made


def file(picture: PIL.Image.Image, format: str = "PNG") -> io.BytesIO:
    buffer = io.BytesIO()
    picture.save(buffer, format)
    return buffer


@pytest.mark.parametrize(
    "given",
    [
        LEFT,
        LEFT[..., None],
        LEFT > 0,
        (LEFT > 0)[..., None],
        LEFT // 255,
        (LEFT > 0).astype(np.float32),
        np.dstack([WHITE, LEFT]),
        np.dstack([WHITE, LEFT]) > 0,
        np.dstack([LEFT] * 3),
        CUT_OUT,
        CUT_OUT.astype(float),
        np.dstack([LEFT, LEFT, LEFT, WHITE]),
        PIL.Image.fromarray(CUT_OUT),
        PIL.Image.fromarray(np.dstack([WHITE, LEFT])),
        PIL.Image.fromarray(LEFT > 0),
        PIL.Image.fromarray(LEFT.astype(np.uint16) * 257),
        palette(LEFT),
        file(PIL.Image.fromarray(CUT_OUT)),
        file(PIL.Image.fromarray(CUT_OUT), "TIFF"),
        file(PIL.Image.fromarray(LEFT.astype(np.uint16) * 257)),
        file(palette(LEFT)),
        file(palette(LEFT), "GIF"),
        file(PIL.Image.fromarray(CUT_OUT)).getvalue(),
    ],
)
def test_a_cut_out_counts_where_it_is_white(given: Any) -> None:
    found = as_mask(given)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, LEFT)
    np.testing.assert_array_equal(as_mask(found), found)


def test_alpha_multiplies(tmp_path: Path) -> None:
    half_gray = np.full((*SIZE, 4), (100, 50, 0, 128), np.uint8)
    np.testing.assert_allclose(as_mask(half_gray), 50 * 128 / 255, rtol=1e-5)
    PIL.Image.fromarray(half_gray).save(tmp_path / "mask.png")
    np.testing.assert_allclose(as_mask(tmp_path / "mask.png"), 50 * 128 / 255, atol=0.5)


def test_a_black_cut_out_is_an_error_and_an_empty_layer_is_not() -> None:
    silhouette = np.dstack([0 * WHITE, 0 * WHITE, 0 * WHITE, LEFT])
    for given in (silhouette, file(PIL.Image.fromarray(silhouette))):
        with pytest.raises(ImageError, match=r"sky: all opaque pixels are black, .* with white"):
            as_mask(given, "sky")
    for alpha in (0 * WHITE, WHITE):
        empty = np.dstack([0 * WHITE, 0 * WHITE, 0 * WHITE, alpha])
        assert not as_mask(empty).any()
        assert not as_mask(file(PIL.Image.fromarray(empty))).any()


def test_masks_may_be_files(tmp_path: Path, photo: Image) -> None:
    PIL.Image.fromarray(CUT_OUT).save(tmp_path / "mask.png")
    (term,) = guided(Gram(photo), [(tmp_path / "mask.png", str(tmp_path / "mask.png"))])
    assert term.loss.masks is not None
    np.testing.assert_array_equal(term.loss.masks[0], LEFT)


def test_an_empty_region_is_skipped_and_named(
    photo: Image, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "neural_style"):
        loss = guided(Gram(photo), [(WHITE, WHITE), (0 * WHITE, WHITE), (WHITE, 0 * WHITE)])
    assert len(loss) == 1
    assert caplog.messages == [
        "gram: region 2 is skipped, its mask is empty",
        "gram: region 3 is skipped, its reference mask is empty",
    ]
    for regions in ([], [(0 * WHITE, WHITE)]):
        with pytest.raises(LossError, match="expected at least one region"):
            guided(Gram(photo), regions)


@pytest.mark.parametrize(("kind", "options"), [(Laplacian, {}), (ShiftedGram, {"flips": "x"})])
def test_what_cannot_be_weighed_is_refused_by_name(
    tiny: FeatureModel, photo: Image, kind: Any, options: Any
) -> None:
    loss = kind(photo, **options)
    with pytest.raises(LossError, match=f"{loss.name} cannot be guided by a mask"):
        guided(loss, [(WHITE, WHITE)])
    loss.masks = half(SIZE), (half(SIZE),)
    with pytest.raises(LossError, match=f"{loss.name} cannot be guided by a mask"):
        Objective(loss, tiny, SIZE)


def test_what_only_says_that_it_weighs_is_refused(tiny: FeatureModel, photo: Image) -> None:
    class Deaf(Loss):
        layers = ("image",)
        tiling = "mean"

        def statistics(self, features: Any, mean: Any) -> Any:
            return {"image": keras.ops.mean(features["image"], (1, 2))}

    with pytest.raises(LossError, match=r"deaf: .* does not come from mean: average"):
        evaluated(guided(Deaf(photo), [(WHITE, WHITE)]), tiny, photo)


def test_masks_of_several_references(photo: Image, painting: Image) -> None:
    one = guided(Gram(photo, painting), [(WHITE, WHITE)])[0].loss
    two = guided(Gram(photo, painting), [(WHITE, (half(SIZE), WHITE))])[0].loss
    assert one.masks
    assert two.masks
    assert [len(one.masks[1]), len(two.masks[1])] == [2, 2]
    with pytest.raises(LossError, match="region 1 has 1 reference masks for 2 references"):
        guided(Gram(photo, painting), [(WHITE, (WHITE,))])


def test_what_is_a_mask(photo: Image) -> None:
    expected = half(SIZE)
    for given in (expected, expected.astype(np.uint8), expected > 0, np.stack([expected] * 3, -1)):
        found = as_mask(given)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_array_equal(as_mask(as_mask(photo)), as_mask(photo))
    np.testing.assert_allclose(as_mask(photo), photo.mean(-1), rtol=1e-6)
    for wrong, message in (
        (half(SIZE, soft=True) / 255 * 1.25, "sky: expected values from 0 to 255.* multiply"),
        (
            np.dstack([expected, half(SIZE, soft=True) / 255]),
            "sky's alpha channel: .* multiply by 255",
        ),
        ("sky.png", "sky.png: there is no such file"),
        (None, "sky: expected the shape"),
        (np.zeros((4, 4, 5)), r"sky: expected the shape .* got \(4, 4, 5\); gray, gray and alpha"),
        (np.zeros((4, 4, 4, 4)), "sky: expected the shape"),
        (expected - 1, "sky: expected values from 0 to 255, got -1 to 254"),
    ):
        with pytest.raises(ImageError, match=message):
            as_mask(wrong, "sky")
