"""Every loss on networks of keras.applications, with their own layers and preprocessing."""

from __future__ import annotations

import importlib

import keras
import numpy as np
import pytest

from neural_style import FeatureModel, Objective, guided, images
from neural_style.errors import LayerError
from neural_style.extensions import Content, Gram, Histogram, ShiftedGram, TotalVariation

pytestmark = pytest.mark.slow

SIZE = (48, 64)
NETWORKS = {
    "MobileNetV2": ("mobilenet_v2", ["Conv1_relu", "block_3_expand_relu"]),
    "ResNet50": ("resnet", ["conv1_relu", "conv2_block1_out"]),
    "EfficientNetB0": ("efficientnet", ["stem_activation", "block2a_activation"]),
}


@pytest.fixture(scope="module", params=NETWORKS)
def backbone(request: pytest.FixtureRequest) -> tuple[FeatureModel, list[str]]:
    module, layers = NETWORKS[request.param]
    keras.utils.set_random_seed(0)
    network = getattr(keras.applications, request.param)(include_top=False, weights=None)
    preprocess = importlib.import_module(f"keras.applications.{module}").preprocess_input
    return FeatureModel(network, preprocess=preprocess), layers


def test_every_loss(backbone: tuple[FeatureModel, list[str]]) -> None:
    features, layers = backbone
    photo, painting = (
        images.noise(SIZE, seed=1, uniform=(0, 255)),
        images.noise((40, 56), seed=2, uniform=(0, 255)),
    )
    mask = np.tile(np.linspace(0, 255, 64), (48, 1))
    loss = (
        Content(photo, layers=layers)
        + Gram(painting, layers=layers)
        + ShiftedGram(painting, shifts=[2], layers=layers)
        + Histogram(painting, layers=layers)
        + TotalVariation()
        + guided(Gram(painting, layers=layers), [(mask, mask)])
        + Content(photo, layers=layers).with_distance("huber")
    )
    noise = images.noise(SIZE, seed=3, uniform=(0, 255))
    objective = Objective(loss, features, SIZE)
    objective.refresh(noise, round=0)
    value = objective(noise)
    assert value.finite
    assert min(value.terms.values()) > 0
    # Along its gradient the loss falls, which a kink of a ReLU does not turn round.
    step = 1 / np.linalg.norm(value.gradient)
    assert objective(noise - step * value.gradient).loss < value.loss


@pytest.mark.parametrize(
    ("name", "layer", "expected"),
    [
        ("MobileNetV2", "Conv1_relu", "'Conv1': with a stride, padding 'same' depends on the size"),
        ("EfficientNetB0", "stem_activation", "the receptive field of a Normalization is unknown"),
    ],
)
def test_an_unknown_receptive_field_is_no_tile(name: str, layer: str, expected: str) -> None:
    network = getattr(keras.applications, name)(include_top=False, weights=None)
    features = FeatureModel(network, preprocess="raw")
    loss = Gram(images.noise((64, 64), uniform=(0, 255)), layers=[layer])
    with pytest.raises(LayerError, match=f"{expected}.* cannot be computed in tiles; use tile="):
        Objective(loss, features, (100, 100), tile=64)
    Objective(loss, features, (100, 100))
