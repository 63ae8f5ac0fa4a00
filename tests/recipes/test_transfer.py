"""The one-call way in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from neural_style import (
    FeatureModel,
    Result,
    WeightedSum,
    callbacks,
    default_loss,
    guided,
    images,
    rerun,
    resume,
    transfer,
)
from neural_style.errors import ImageError, OptionError
from neural_style.extensions import Content, Gram
from neural_style.images import Image, color
from neural_style.recipes import draft as drafts
from neural_style.recipes import presets
from neural_style.recipes import transfer as styling
from neural_style.recipes.default import MARGIN

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_search")]


@pytest.fixture(autouse=True)
def default_features(tiny: FeatureModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "pretrained", lambda *network: tiny)


def test_paths_and_arrays_give_the_same_picture(pictures: Path, tmp_path: Path) -> None:
    paths = pictures / "chelsea.png", pictures / "ihc.png"
    output = tmp_path / "out.png"
    by_path = transfer(*paths, size=32, evaluations=4, output=output)
    by_array = transfer(*(images.load(p, long_side=32) for p in paths), size=32, evaluations=4)
    assert by_path.image.shape == (21, 32, 3)
    assert list(by_path.terms) == ["nearest_neighbors", "moments", "content"]
    np.testing.assert_array_equal(by_path.image, by_array.image)
    np.testing.assert_array_equal(images.load(output), np.rint(by_path.image))


def test_it_does_not_replace_what_it_reads(photo: Image, tmp_path: Path) -> None:
    path, link = images.save(photo, tmp_path / "photo.png"), tmp_path / "link.png"
    link.symlink_to(path)
    before = path.read_bytes()
    draft = drafts.Draft(path, photo, {}, "long_side", 16, evaluations=1)
    with path.open("rb") as file:
        runs: list[Callable[[], object]] = [
            lambda: transfer(path, photo, output=link),
            lambda: transfer(photo, [photo, str(path)], output=path),
            lambda: transfer(file, photo, output=path),
            lambda: draft.preset(Content(photo)).run(output=path),
            lambda: callbacks.report(path, content=photo, style=[link]),
        ]
        for run in runs:
            with pytest.raises(OptionError, match=r"is also an input and would be replaced"):
                run()
    assert path.read_bytes() == before


def test_the_result_is_as_transparent_as_the_content(
    photo: Image, painting: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    opacity = np.linspace(0, 255, 24 * 32, dtype=np.float32).reshape(24, 32)
    cut = images.save(photo, "cut.png", opacity=opacity)
    given: dict[str, Any] = {"size": 16, "evaluations": 3}
    result = transfer(cut, painting, output="out.png", checkpoint="run", **given)
    expected = images.opacity(cut, "cut", (12, 16))
    assert expected is not None
    np.testing.assert_array_equal(result.opacity, expected)
    assert result.record["opacity"] == images.digest(np.pad(expected, MARGIN, "symmetric"))
    # What is transparent is painted as white.
    opaque = transfer(images.load(cut, long_side=16), painting, **given)
    np.testing.assert_array_equal(opaque.image, result.image)
    assert opaque.opacity is None

    def of(path: str | Path) -> Any:
        return images.opacity(path, "picture", (12, 16))

    model = drafts.pretrained()
    resume("run", features=model, output="resumed.png")
    rerun(result.save_record("record"), features=model, output="rerun.png")
    saved = Result.load(result.save("result.npz"))
    saved.save("loaded.png")
    for path in ("out.png", "resumed.png", "rerun.png", "loaded.png"):
        np.testing.assert_array_equal(of(path), np.rint(expected))
    np.testing.assert_allclose(of(result.save("deep.tif")), expected, atol=1 / 257)
    assert of(result.save("out.jpg")) is None


def test_a_size_is_the_longer_side_and_short_side_the_shorter(painting: Image) -> None:
    photo = images.noise((30, 40), seed=1)
    sizes: list[Any] = [{"size": 41}, {"short_side": 32}]
    loss = lambda photo, painting: Content(photo)  # noqa: E731
    found = [styling.prepared(photo, painting, None, None, loss, s).start.shape for s in sizes]
    assert found == [(31, 41, 3), (32, 43, 3)]
    with pytest.raises(OptionError, match="got 41 and 32"):
        transfer(photo, painting, size=41, short_side=32)


def test_it_starts_from_the_content_noise_or_a_picture(photo: Image, painting: Image) -> None:
    def first(start: Any, seed: int = 0) -> Image:
        seen: list[Image] = []
        transfer(
            photo,
            painting,
            start=start,
            size=32,
            seed=seed,
            evaluations=1,
            callbacks=[lambda step: seen.append(step.image)],
        )
        return seen[0]

    # Its wavelets are those of the picture but for rounding.
    np.testing.assert_allclose(first("content"), photo, atol=1e-3)
    noise = images.noise((24 + 2 * MARGIN, 32 + 2 * MARGIN), seed=5)
    inner = noise[MARGIN:-MARGIN, MARGIN:-MARGIN]
    np.testing.assert_allclose(first("noise", seed=5), inner, atol=1e-3)
    assert not np.allclose(first("noise", seed=5), first("noise", seed=6), atol=1)
    np.testing.assert_allclose(first(255 - photo), 255 - photo, atol=1e-3)


@pytest.mark.parametrize(
    ("options", "variables"),
    [
        ({}, "wavelets"),
        ({"optimizer": "L-BFGS-B"}, "wavelets"),
        ({"optimizer": keras.optimizers.Adam(1.0)}, "pixels"),
        ({"preset": "gatys"}, "pixels"),
        ({"loss": lambda photo, painting: Content(photo)}, "pixels"),
        ({"parameterization": "pixels"}, "pixels"),
    ],
    ids=["default", "SciPy", "Adam", "preset", "another loss", "given"],
)
def test_what_the_optimizer_moves(
    photo: Image, painting: Image, options: dict[str, Any], variables: str
) -> None:
    result = transfer(photo, painting, size=32, evaluations=2, **options)
    assert result.record["settings"]["parameterization"]["name"] == variables


def test_it_takes_another_loss(photo: Image, painting: Image) -> None:
    def loss(photo: Image, painting: Image) -> Any:
        assert photo.shape[1] == painting.shape[1] == 16
        return Content(photo) + 5 * Gram(painting)

    result = transfer(photo, painting, loss=loss, size=16, evaluations=2)
    assert list(result.terms) == ["content", "gram"]


def test_a_start_of_another_size_is_resized(photo: Image, painting: Image) -> None:
    seen: list[Image] = []
    transfer(
        photo,
        painting,
        start=painting,
        size=32,
        evaluations=1,
        callbacks=[lambda step: seen.append(step.image)],
    )
    expected = images.resize(painting, size=(24, 32))
    np.testing.assert_allclose(seen[0], expected, atol=1e-3)


@pytest.mark.parametrize(
    ("options", "scales", "evaluations"),
    [
        ({"size": 79}, (), [40]),
        ({"size": 112}, (64,), [40, 20]),
        ({"size": 512}, (66, 132, 264), [40, 30, 30, 20]),
        ({"size": 1040, "scales": ()}, (), [40]),
        ({"size": 520, "scales": (130, 260)}, (134, 268), [40, 30, 20]),
        ({"size": 1040, "evaluations": [9]}, (), [9]),
        ({"size": 112, "evaluations": 9}, (64,), 9),
    ],
    ids=["small", "half", "large", "whole", "given", "a list", "a number"],
)
def test_a_picture_is_painted_from_coarse_to_fine(
    photo: Image, painting: Image, options: Any, scales: tuple[int, ...], evaluations: Any
) -> None:
    """The sides include the margin of 8 pixels on each side."""
    ready = styling.prepared(photo, painting, None, None, None, options)
    assert (ready.scales, ready.evaluations) == (scales, evaluations)


def test_a_scroll_is_painted_at_the_scales_that_it_is_high_enough_for(photo: Image) -> None:
    scales = []
    for height in (600, 130, 54):
        scroll = images.noise((height, 1040), seed=1)
        scales.append(styling.prepared(photo, scroll, None, None, None, {"size": 1040}).scales)
    assert scales == [(132, 264, 528), (528,), ()]


def test_a_sum_that_has_the_default_loss_is_minimized_as_it_is(
    photo: Image, painting: Image
) -> None:
    mask = np.full((24, 32), 255.0)

    def more(photo: Image, painting: Image) -> WeightedSum:
        neighbors, moments, content = default_loss(photo, painting)
        masked = 2 * guided(moments.loss, [(mask, mask)])
        total: WeightedSum = neighbors.loss + masked + 3 * content.loss
        return total + Gram(painting, layers=["image"])

    for size, scales in ((1040, (65, 130, 260, 520)), (32, ())):
        ready = styling.prepared(photo, painting, None, None, more, {"size": size})
        assert (ready.scales, ready.parameterization) == (scales, "wavelets")
    part = lambda photo, painting: default_loss(photo, painting)[0].loss  # noqa: E731
    ready = styling.prepared(photo, painting, None, None, part, {"size": 1040})
    assert (ready.scales, ready.parameterization) == ((), "pixels")


def test_a_loss_of_ones_own_is_minimized_at_its_size_alone(photo: Image, painting: Image) -> None:
    make = lambda photo, painting: Content(photo)  # noqa: E731
    assert styling.prepared(photo, painting, None, None, make, {"size": 1040}).scales == ()


def test_the_default_paints_a_margin_that_it_cuts_off(photo: Image, painting: Image) -> None:
    mask = np.zeros((24, 32), np.uint8)
    mask[:12] = 255

    def prepared(loss: Any = None, **options: Any) -> Any:
        given: Any = {"size": 32, **options}
        return styling.prepared(photo, painting, None, None, loss, given, content_mask=mask)

    ready = prepared()
    wide = np.pad(photo, ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)), "symmetric")
    np.testing.assert_array_equal(ready.start, wide)
    neighbors, moments, content = ready.loss
    np.testing.assert_array_equal(content.loss.references[0], wide)
    for masked in (neighbors, moments):
        region = masked.loss.masks[0]
        np.testing.assert_array_equal(region, np.pad(mask, MARGIN, "symmetric"))
    assert ready.run(verbose=False).image.shape == photo.shape
    for none in (prepared(default_loss), prepared(padding="periodic")):
        assert (none.margin, none.start.shape) == (0, photo.shape)


def test_a_preset_is_painted_at_its_size_alone(photo: Image, painting: Image) -> None:
    ready = styling.prepared(photo, painting, None, "gatys", None, {"size": 1040})
    assert ready.scales == ()


def test_a_preset_is_run_by_its_name(photo: Image, painting: Image, tmp_path: Path) -> None:
    output = tmp_path / "out.png"
    by_name = transfer(photo, painting, preset="gatys", size=24, evaluations=3, output=output)
    own = presets.gatys(photo, painting, size=24, evaluations=3).run()
    assert list(by_name.terms) == ["content", "gram"]
    assert by_name.evaluations == 3
    np.testing.assert_array_equal(by_name.image, own.image)
    np.testing.assert_array_equal(images.load(output), np.rint(by_name.image))


def test_what_is_given_is_taken_instead_of_the_presets_own(
    photo: Image, painting: Image, tiny_network: keras.Model
) -> None:
    seen: list[Image] = []
    features = FeatureModel(tiny_network, preprocess="raw")
    result = transfer(
        photo,
        painting,
        preset="neural_style",
        size=16,
        start="content",
        evaluations=2,
        features=features,
        optimizer=keras.optimizers.SGD(0.0),
        seed=4,
        callbacks=[lambda step: seen.append(step.image)],
    )
    np.testing.assert_array_equal(seen[1], images.resize(photo, long_side=16))
    assert (result.evaluations, result.seed) == (2, 4)
    assert len(features.compiled) > 0


def test_a_preset_starts_as_its_source(photo: Image, painting: Image) -> None:
    seen: list[Image] = []
    transfer(
        photo,
        painting,
        preset="neural_style",
        size=32,
        seed=4,
        evaluations=1,
        callbacks=[lambda step: seen.append(step.image)],
    )
    start = presets.neural_style(photo, painting, size=32, seed=4).start
    np.testing.assert_array_equal(seen[0], start)


def test_an_unknown_preset_gets_a_suggestion(tmp_path: Path) -> None:
    missing = tmp_path / "missing.jpg"
    with pytest.raises(OptionError, match="unknown preset 'udacty': did you mean 'udacity'"):
        transfer(missing, missing, preset="udacty")


def test_a_preset_has_its_own_loss(photo: Image) -> None:
    with pytest.raises(OptionError, match="'gatys' has its own loss: pass a preset or a loss"):
        transfer(photo, photo, preset="gatys", loss=default_loss)


def test_an_unknown_start_is_refused(photo: Image) -> None:
    with pytest.raises(OptionError, match="expected 'content', 'noise' or an array, got 'style'"):
        transfer(photo, photo, start="style")


def test_what_is_no_picture_is_named(photo: Image, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="style: expected the shape"):
        transfer(photo, photo[..., 0])
    with pytest.raises(ImageError, match=r"missing\.jpg: there is no such file"):
        transfer(tmp_path / "missing.jpg", photo)
    with pytest.raises(ImageError, match=r"is not a format"):
        transfer(tmp_path / "missing.jpg", photo, output=tmp_path / "out.doc")


def test_several_styles_are_added_by_their_weights(photo: Image, painting: Image) -> None:
    """What depends on the content alone is there once, with its whole weight."""
    other = images.noise((16, 24), seed=9)
    options: Any = {"size": 32, "evaluations": 1}
    both = transfer(photo, [painting, other], style_weights=[3, 1], **options)
    alone = [transfer(photo, style, **options) for style in (painting, other)]
    names = ["nearest_neighbors", "moments", "content", "nearest_neighbors_2", "moments_2"]
    assert list(both.terms) == names
    for name in ("nearest_neighbors", "moments"):
        first, second = (one.weighted[name] for one in alone)
        assert both.weighted[name] == pytest.approx(0.75 * first)
        assert both.weighted[f"{name}_2"] == pytest.approx(0.25 * second)
    assert both.loss == pytest.approx(0.75 * alone[0].loss + 0.25 * alone[1].loss)


def test_a_preset_takes_several_styles(photo: Image, painting: Image) -> None:
    styles = [painting, 255 - painting]
    result = transfer(photo, styles, preset="gatys", size=24, evaluations=1)
    assert list(result.terms) == ["content", "gram", "gram_2"]


@pytest.mark.parametrize("weights", [[1], [1, 0], [1, -1], [1, float("nan")], ["a", "b"]])
def test_weights_that_do_not_fit_the_styles_are_refused(
    photo: Image, painting: Image, weights: Any
) -> None:
    with pytest.raises(OptionError, match="a positive number for each of 2 styles"):
        transfer(photo, [painting, painting], style_weights=weights)


def test_no_style_is_refused(photo: Image) -> None:
    with pytest.raises(OptionError, match="style: expected one or more pictures"):
        transfer(photo, [])


def test_a_style_has_a_size_of_its_own(photo: Image, painting: Image) -> None:
    def loss(photo: Image, painting: Image) -> Any:
        assert photo.shape[:2] == (24, 32)
        assert painting.shape[:2] == (34, 48)
        return Gram(painting)

    transfer(photo, painting, loss=loss, size=32, style_size=48, evaluations=1)
    with pytest.raises(OptionError, match=r"style_size: .* but the formula of this preset needs"):
        transfer(photo, painting, preset="tseng_histogram", style_size=48)


def test_matched_colors_are_those_of_the_content(photo: Image, painting: Image) -> None:
    seen: list[Image] = []
    dark = images.noise((20, 28), uniform=(0, 60))

    def loss(photo: Image, painting: Image) -> Any:
        seen.append(painting)
        return Gram(painting)

    transfer(photo, dark, loss=loss, color="match", size=32, evaluations=1)
    matched = color.match(images.resize(dark, long_side=32), photo)
    np.testing.assert_array_equal(seen[0], matched)


def test_painted_in_gray_it_has_the_chroma_of_the_content(
    photo: Image, painting: Image, tmp_path: Path
) -> None:
    steps: list[Image] = []
    photo = images.noise((24, 32), uniform=(100, 150))  # whose chroma is nowhere clipped
    output = tmp_path / "out.png"
    result = transfer(
        photo,
        painting,
        color="luminance",
        size=32,
        evaluations=3,
        output=output,
        callbacks=[lambda step: steps.append(step.image)],
    )
    np.testing.assert_allclose(steps[0], color.luminance(photo), atol=1e-3)
    last = color.recolor(result.image, photo)
    np.testing.assert_allclose(result.image, last, atol=1e-3)
    assert not np.allclose(result.image, color.luminance(result.image), atol=1)
    np.testing.assert_array_equal(images.load(output), np.rint(result.image))


def test_an_unknown_way_to_keep_colors_is_refused(photo: Image, painting: Image) -> None:
    way: Any = "hue"
    with pytest.raises(OptionError, match="color: expected 'match', 'luminance', 'oklab' or None"):
        transfer(photo, painting, color=way)
