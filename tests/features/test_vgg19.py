"""What only the real network can show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from objectives import evaluated

from neural_style import FeatureModel, Loss, create, images, minimize, names, transfer
from neural_style.errors import LossError
from neural_style.images import Image

pytestmark = pytest.mark.slow


def seamless(path: Path, repeats: int) -> Image:
    """A picture and its mirror images, 64×64 together, repeated without a seam."""
    quarter = images.load(path, size=(32, 32))
    half = np.concatenate([quarter, quarter[:, ::-1]], 1)
    return np.tile(np.concatenate([half, half[::-1]]), (repeats, repeats, 1))


def test_a_weight_means_the_same_at_every_size(vgg19: FeatureModel, pictures: Path) -> None:
    """Tiled 2×2, every term keeps its value.

    The padding is periodic, as the picture. What remains is which places are drawn where losses do,
    and what is different at borders for losses that do not wrap.
    """

    def losses(repeats: int) -> list[Loss]:
        reference = seamless(pictures / "ihc.png", repeats)
        made = []
        for name in names():
            try:
                made.append(create(name, reference))
            except LossError:
                made.append(create(name))
        return made

    values = []
    for repeats in (2, 4):
        picture = seamless(pictures / "coffee.png", repeats)
        total = sum(losses(repeats)[1:], start=1 * losses(repeats)[0])
        values.append(evaluated(total, vgg19.with_padding("periodic"), picture).terms)
    small, large = values
    assert set(small) == set(names())
    for name, value in small.items():
        assert large[name] == pytest.approx(value, rel=0.05), name


def test_a_transfer_lowers_the_loss_and_repeats_to_the_bit(
    vgg19: FeatureModel, pictures: Path
) -> None:
    paths = pictures / "chelsea.png", pictures / "ihc.png"
    first, second = (transfer(*paths, size=96, evaluations=12, features=vgg19) for _ in range(2))
    assert first.loss < 0.8 * first.history[0].loss
    np.testing.assert_array_equal(first.image, second.image)


def test_content_alone_brings_the_photo_back_from_noise(
    vgg19: FeatureModel, pictures: Path
) -> None:
    photo = images.load(pictures / "chelsea.png", size=(48, 64))
    loss = create("content", photo, layers=["block1_conv2"])
    result = minimize(loss, vgg19, images.noise((48, 64), uniform=(0, 255)), evaluations=150)
    assert result.loss < 1e-4 * result.history[0].loss
    correlation = np.corrcoef(result.image.mean(-1).ravel(), photo.mean(-1).ravel())[0, 1]
    assert correlation > 0.9


def test_it_is_made_again_from_its_config(vgg19: FeatureModel) -> None:
    again = FeatureModel.from_config(vgg19.get_config())
    assert again.get_config() == vgg19.get_config()
