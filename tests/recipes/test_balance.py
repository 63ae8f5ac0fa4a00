"""Weights from shares of the gradient."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from objectives import ready

from neural_style import FeatureModel, Loss, Objective, WeightedSum, balance, images
from neural_style.errors import LossError, NonFiniteLossError, OptionError
from neural_style.extensions import Content, Gram, Histogram, TotalVariation
from neural_style.images import Image

pytestmark = pytest.mark.slow

SHARES = {"gram": 0.5, "histogram": 0.2, "content": 0.2, "total_variation": 0.1}


def shares(photo: Image, painting: Image, **layers: Any) -> WeightedSum:
    return (
        0.5 * Gram(painting, **layers)
        + 0.2 * Histogram(painting)
        + 0.2 * Content(photo)
        + 0.1 * TotalVariation("squared")
    )


def noisy(start: Image, amplitude: float = 10.0, seed: int = 0) -> Image:
    noise = images.noise((start.shape[0], start.shape[1]), normal=(0, amplitude), seed=seed)
    return (start + noise).clip(0, 255)


def pulls(loss: WeightedSum, features: FeatureModel, picture: Image) -> dict[str, float]:
    """Every term's part of the gradients' norms, each term evaluated on its own."""
    norms = {}
    for term in loss:
        alone = ready(term.weight * term.loss, features, picture)
        norms[term.name] = float(np.linalg.norm(alone(picture).gradient))
    return {name: norm / sum(norms.values()) for name, norm in norms.items()}


def weights(loss: WeightedSum) -> dict[str, float]:
    return {term.name: term.weight for term in loss}


def test_every_term_has_its_share(tiny: FeatureModel, photo: Image, painting: Image) -> None:
    given = shares(photo, painting)
    found = balance(given, tiny, photo)
    assert pulls(found, tiny, noisy(photo)) == pytest.approx(SHARES, rel=1e-4)
    assert [term.loss for term in found] == [term.loss for term in given]
    assert list(weights(found)) == list(SHARES)
    assert found[0].weight == 1


@pytest.mark.parametrize("layers", [["block1_conv1"], {"block3_conv1": 3.0, "block5_conv1": 40.0}])
def test_the_same_shares_serve_another_size_and_other_layers(
    tiny: FeatureModel, painting: Image, layers: Any
) -> None:
    photo = images.noise((40, 28), seed=5, uniform=(0, 255))
    found = balance(shares(photo, painting, layers=layers), tiny, photo)
    assert pulls(found, tiny, noisy(photo)) == pytest.approx(SHARES, rel=1e-4)
    usual = balance(shares(photo, painting), tiny, photo)
    assert weights(found) != pytest.approx(weights(usual), rel=0.1)


def test_only_the_ratios_of_the_shares_matter(
    tiny: FeatureModel, photo: Image, painting: Image
) -> None:
    given = shares(photo, painting)
    once, again = (weights(balance(factor * given, tiny, photo)) for factor in (1, 40))
    assert again == pytest.approx(once)


def test_a_term_weighs_less_in_proportion_to_its_own_scale(
    tiny: FeatureModel, photo: Image
) -> None:
    def share(scale: float) -> WeightedSum:
        return Content(photo) + TotalVariation(layers={"image": scale})

    one, hundred = (balance(share(scale), tiny, photo)[1].weight for scale in (1, 100))
    assert one == pytest.approx(100 * hundred)


def test_content_of_pixels_worked_by_hand(tiny: FeatureModel) -> None:
    gray, black = (np.full((8, 8, 3), level, np.float32) for level in (128, 0))
    # ∇ mean (x − p)² is 2 (x − p) / size, so the norms are as the distances to the targets.
    found = balance(
        Content(gray, layers=["image"]) + 3 * Content(black, layers=["image"]), tiny, gray
    )
    start = noisy(gray).astype(np.float64)
    near, far = np.linalg.norm(start - gray), np.linalg.norm(start)
    assert weights(found) == pytest.approx({"content": 1, "content_2": 3 * near / far}, rel=1e-5)


def test_the_content_weighs_less_the_further_the_start_is_moved(
    tiny: FeatureModel, photo: Image
) -> None:
    given = TotalVariation() + Content(photo, layers=["image"])
    near, far = (balance(given, tiny, photo, amplitude=a)[1].weight for a in (1, 10))
    assert near > 5 * far


def test_the_seed_says_which_noise(tiny: FeatureModel, photo: Image, painting: Image) -> None:
    given = shares(photo, painting)
    first, again, other = (balance(given, tiny, photo, seed=seed) for seed in (3, 3, 4))
    assert weights(first) == weights(again) != weights(other)


def test_tiles_give_the_same_weights(tiny: FeatureModel, painting: Image) -> None:
    photo = images.noise((40, 56), seed=5, uniform=(0, 255))
    whole, tiled = (balance(shares(photo, painting), tiny, photo, tile=t) for t in (None, 48))
    assert weights(tiled) == pytest.approx(weights(whole), rel=1e-3)


def test_it_compiles_once_and_for_the_run_too(
    tiny_network: keras.Model, photo: Image, painting: Image
) -> None:
    features = FeatureModel(tiny_network, preprocess="raw")
    found = balance(shares(photo, painting), features, photo)
    compiled = len(features.compiled)
    objective = ready(found, features, photo)
    objective(photo)
    assert len(features.compiled) == compiled


def test_a_term_without_a_gradient_is_named(tiny: FeatureModel, photo: Image) -> None:
    gray = np.full((24, 32, 3), 128.0, np.float32)

    class Flat(Loss):
        layers = ("image",)

        def distance(self, current: Any, target: Any) -> Any:
            return keras.ops.mean(keras.ops.relu(current["image"] - 1e3))

    with pytest.raises(LossError, match=r"^flat: the gradient is 0 .* leave it out"):
        balance(Content(photo) + Flat(gray), tiny, photo)


def test_a_term_that_is_not_finite_is_named(tiny: FeatureModel, photo: Image) -> None:
    class Root(Loss):
        layers = ("image",)

        def distance(self, current: Any, target: Any) -> Any:
            return keras.ops.mean(keras.ops.sqrt(current["image"] - target["image"]))

    with pytest.raises(NonFiniteLossError, match=r"^root: the gradient is not finite"):
        balance(Content(photo) + Root(photo), tiny, photo)


@pytest.mark.parametrize("share", [0, -0.5])
def test_a_share_is_above_0(tiny: FeatureModel, photo: Image, share: float) -> None:
    with pytest.raises(LossError, match="total_variation: expected a share above 0"):
        balance(Content(photo) + share * TotalVariation(), tiny, photo)


@pytest.mark.parametrize("amplitude", [0, -1, np.inf, np.nan, "10"])
def test_an_amplitude_is_above_0(tiny: FeatureModel, photo: Image, amplitude: Any) -> None:
    with pytest.raises(OptionError, match="amplitude: expected a number above 0"):
        balance(Content(photo), tiny, photo, amplitude=amplitude)


def test_the_norms_are_those_of_the_terms_without_their_weights(
    tiny: FeatureModel, photo: Image, painting: Image
) -> None:
    objective = Objective(1e3 * Gram(painting) + TotalVariation(), tiny, (24, 32))
    with pytest.raises(LossError, match="no targets yet"):
        objective.gradient_norms(photo)
    objective.refresh(photo, round=0)
    alone = ready(Gram(painting), tiny, photo)
    norm = np.linalg.norm(alone(photo).gradient)
    assert objective.gradient_norms(photo)["gram"] == pytest.approx(norm, rel=1e-4)
