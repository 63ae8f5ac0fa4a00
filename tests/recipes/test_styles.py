"""Several styles as one loss, with masks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neural_style
from neural_style import FeatureModel, Result, WeightedSum, images
from neural_style.errors import ImageError, LossError, OptionError
from neural_style.extensions import MRF, Content, Gram, NearestNeighbors, TotalVariation
from neural_style.images import Image
from neural_style.losses.weighted_sum import terms_of
from neural_style.recipes.styles import styles_of, total

SIZE = (24, 32)
TOP = np.zeros(SIZE, np.uint8)
TOP[:6] = 255  # a quarter
BOTTOM = 255 - TOP


def summed(losses: list[Any], weights: Any = None, own: Any = None, theirs: Any = None) -> Any:
    return total(losses, styles_of(len(losses), weights, own, theirs), SIZE)


def weights(loss: Any) -> dict[str, float]:
    return {term.name: round(term.weight, 9) for term in terms_of(loss)}


@pytest.fixture
def losses(photo: Image, painting: Image) -> list[WeightedSum]:
    """For two styles, as `transfer` makes them."""
    return [
        2 * Content(photo) + 10 * Gram(style) + 4 * TotalVariation()
        for style in (painting, 255 - painting)
    ]


def test_one_style_without_masks_is_left_alone(losses: list[WeightedSum]) -> None:
    assert summed(losses[:1]) is losses[0]


@pytest.mark.parametrize(
    ("own", "first", "second"),
    [
        (None, 2.5, 7.5),  # 10 · 1/4 and 10 · 3/4
        # In their own regions: s = 3, so 10 · 1/3 · 1/4 and 10 · 3/3 · 3/4.
        ([TOP, BOTTOM], 10 / 12, 7.5),
        # The first is everywhere: s = 1 + 3 in the top quarter.
        ([None, TOP], 2.5, 1.875),
        # Both in the same quarter.
        (TOP, 0.625, 1.875),
        # Gray is half of white in a sum: s = 1/2 + 3, the mean of gray is 128/255.
        ([np.full(SIZE, 128, np.uint8), None], 10 * (128 / 255) / (128 / 255 + 3), 0),
    ],
    ids=["none", "each its own", "over another", "both", "gray"],
)
def test_the_weights_of_styles_with_regions(
    losses: list[WeightedSum], own: Any, first: float, second: float
) -> None:
    found = weights(summed(losses, [1, 3], own))
    second = second or 10 - found["gram"]  # of two that are everywhere
    assert found == {
        "content": 2.0,
        "gram": round(first, 9),
        "total_variation": 4.0,
        "gram_2": round(second, 9),
    }


def test_a_region_is_painted_as_strongly_as_the_whole(
    tiny: FeatureModel, photo: Image, painting: Image
) -> None:
    """The gradient of a mean over a region is that of the whole, where both have one value."""
    gray = np.broadcast_to(photo[:1, :1], photo.shape).astype(np.float32)
    loss = Gram(painting, layers=["image"])
    halves = total([loss], styles_of(1, None, TOP, None), SIZE)
    objectives = [neural_style.Objective(each, tiny, SIZE) for each in (loss, halves)]
    for objective in objectives:
        objective.refresh(gray, round=0)
    gradients = [objective(gray).gradient for objective in objectives]
    np.testing.assert_allclose(gradients[1][:6], gradients[0][:6], rtol=1e-4)
    assert np.abs(gradients[0]).min() > 0
    assert not gradients[1][6:].any()


def test_masks_are_of_the_losses_of_the_style(losses: list[WeightedSum]) -> None:
    content, gram, variation = terms_of(summed(losses[:1], None, TOP, BOTTOM))
    assert content.loss.masks is variation.loss.masks is None
    np.testing.assert_array_equal(gram.loss.masks[0], TOP)
    np.testing.assert_array_equal(gram.loss.masks[1][0], BOTTOM)


def test_a_content_mask_gets_the_contents_size(losses: list[WeightedSum]) -> None:
    _, gram, _ = terms_of(summed(losses[:1], None, TOP.repeat(4, 0).repeat(4, 1)))
    np.testing.assert_array_equal(gram.loss.masks[0], TOP)


def test_the_mask_of_a_painting_is_not_the_photos(photo: Image, painting: Image) -> None:
    """A search for neighbors may have the photo as a reference, too."""
    neighbors = NearestNeighbors(photo, painting, photo_share=0.5, layers=["block1_conv1"])
    _, found = terms_of(summed([Content(photo) + neighbors], None, None, TOP))
    of_photo, of_painting = found.loss.masks[1]
    assert of_photo.min() == 255
    np.testing.assert_array_equal(of_painting, TOP)


def test_a_loss_of_patches_takes_a_content_mask_only(photo: Image, painting: Image) -> None:
    loss = Content(photo) + MRF(painting, layers=["block1_conv1"])
    assert weights(summed([loss], None, TOP)) == {"content": 1.0, "mrf": 0.25}
    with pytest.raises(LossError, match=r"^mrf: style_mask needs a loss that compares means over"):
        summed([loss], None, None, TOP)


def test_what_cannot_be_guided_is_named(photo: Image, painting: Image) -> None:
    class Joint(Gram):
        tiling = None

    with pytest.raises(LossError, match="joint cannot be guided by a mask"):
        summed([Content(photo) + Joint(painting)], None, TOP)
    with pytest.raises(LossError, match="got only content, total_variation; add one, such as Gram"):
        summed([Content(photo) + TotalVariation()], None, TOP)


@pytest.mark.parametrize(
    ("option", "mask", "error", "message"),
    [
        ("content_mask", [TOP], OptionError, "content_mask: expected a mask or None for each of 2"),
        ("style_mask", [TOP] * 3, OptionError, r"style_mask: expected .* 2 styles, got 3\."),
        ("content_mask", [TOP, 0 * TOP], ImageError, "content_mask: the mask is black"),
        ("style_mask", "no.png", ImageError, r"no\.png: there is no such file"),
        ("content_mask", np.full(3, 2), ImageError, "content_mask: expected the shape"),
    ],
)
def test_bad_masks(option: str, mask: Any, error: type[Exception], message: str) -> None:
    given = {"content_mask": None, "style_mask": None, option: mask}
    with pytest.raises(error, match=message):
        styles_of(2, None, **given)


@pytest.mark.slow
def test_a_face_is_left_alone_and_the_run_can_be_repeated(
    tiny: FeatureModel, photo: Image, painting: Image, tmp_path: Path
) -> None:
    mask, output = images.save(np.stack([BOTTOM] * 3, -1), tmp_path / "mask.png"), "out.png"
    given: dict[str, Any] = {
        "content_mask": mask,
        "style_mask": [BOTTOM],
        "preset": "gatys",
        "size": 32,
        "features": tiny,
        "evaluations": 6,
    }
    with pytest.raises(OptionError, match="is also an input"):
        neural_style.transfer(photo, painting, output=mask, **given)
    result = neural_style.transfer(
        photo, painting, output=tmp_path / output, checkpoint=tmp_path / "run", **given
    )
    moved = np.abs(result.image - photo).mean((1, 2))
    assert moved[:3].max() < 0.2 * moved[8:].mean()
    digest = images.digest(BOTTOM.astype(np.float32))
    masks = result.record["loss"]["terms"][1]["masks"]
    assert masks == [digest, [digest]]
    again = neural_style.rerun(result.save_record(tmp_path / "record"), features=tiny)
    assert again.same, again
    resumed = neural_style.resume(tmp_path / "run", features=tiny)
    np.testing.assert_array_equal(resumed.image, result.image)
    saved = Result.load(result.save(tmp_path / "result.npz"))
    assert saved.record["loss"] == result.record["loss"]
