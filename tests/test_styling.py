"""The one-call way in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from neural_style import FeatureModel, drafts, images, presets, styling, transfer
from neural_style.errors import ImageError, OptionError
from neural_style.extensions import Content, Gram
from neural_style.images import Image


@pytest.fixture(autouse=True)
def default_features(tiny: FeatureModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "pretrained", lambda *network: tiny)


def test_paths_and_arrays_give_the_same_picture(pictures: Path, tmp_path: Path) -> None:
    paths = pictures / "chelsea.png", pictures / "ihc.png"
    output = tmp_path / "out.png"
    by_path = transfer(*paths, size=32, evaluations=4, output=output)
    by_array = transfer(*(images.load(p, long_side=32) for p in paths), size=32, evaluations=4)
    assert by_path.image.shape == (21, 32, 3)
    assert list(by_path.terms) == ["content", "gram", "total_variation"]
    np.testing.assert_array_equal(by_path.image, by_array.image)
    np.testing.assert_array_equal(images.load(output), np.rint(by_path.image))


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

    np.testing.assert_array_equal(first("content"), photo)
    np.testing.assert_array_equal(first("noise", seed=5), images.noise((24, 32), seed=5))
    assert not np.array_equal(first("noise", seed=5), first("noise", seed=6))
    np.testing.assert_array_equal(first(255 - photo), 255 - photo)


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
    np.testing.assert_array_equal(seen[0], images.resize(painting, size=(24, 32)))


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
        optimiser=keras.optimizers.SGD(0.0),
        seed=4,
        callbacks=[lambda step: seen.append(step.image)],
    )
    np.testing.assert_array_equal(seen[1], images.resize(photo, long_side=16))
    assert (result.evaluations, result.seed) == (2, 4)
    assert features.compiled


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
    with pytest.raises(OptionError, match="no preset 'udacty': did you mean 'udacity'"):
        transfer(missing, missing, preset="udacty")


def test_a_preset_has_its_own_loss(photo: Image) -> None:
    with pytest.raises(OptionError, match="'gatys' has its own loss: give a preset or a loss"):
        transfer(photo, photo, preset="gatys", loss=styling.default_loss)


def test_an_unknown_start_is_refused(photo: Image) -> None:
    with pytest.raises(OptionError, match="expected 'content', 'noise' or an array, got 'style'"):
        transfer(photo, photo, start="style")


def test_what_is_no_picture_is_named(photo: Image, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="style: expected the shape"):
        transfer(photo, photo[..., 0])
    with pytest.raises(ImageError, match=r"missing\.jpg: there is no such file"):
        transfer(tmp_path / "missing.jpg", photo)
    with pytest.raises(ImageError, match=r"names no format"):
        transfer(tmp_path / "missing.jpg", photo, output=tmp_path / "out.doc")
