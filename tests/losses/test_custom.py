"""A loss from a function."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from objectives import evaluated

from neural_style import Custom, FeatureModel, Objective, minimize
from neural_style.errors import LossError
from neural_style.extensions import Gram
from neural_style.images import Image

ops = keras.ops
LAYERS = ["block1_conv1", "block4_conv1"]


def gram(f: Any) -> Any:
    rows = ops.reshape(f, (-1, f.shape[-1]))
    return ops.matmul(ops.transpose(rows), rows) / rows.shape[0]


@pytest.mark.slow
def test_a_gram_matrix(tiny: FeatureModel, photo: Image, painting: Image) -> None:
    own, theirs = (
        evaluated(loss, tiny, photo)
        for loss in (
            Custom(painting, statistic=gram, layers=LAYERS),
            4 * Gram(painting, layers=LAYERS),
        )
    )
    assert own.loss == pytest.approx(theirs.loss, rel=1e-5)
    scale = np.abs(theirs.gradient).max()
    np.testing.assert_allclose(own.gradient, theirs.gradient, atol=1e-4 * scale)


@pytest.mark.slow
def test_a_layer_of_keras(tiny: FeatureModel, photo: Image, painting: Image) -> None:
    pool, mean = (
        evaluated(Custom(painting, statistic=s, layers=LAYERS, name="means"), tiny, photo)
        for s in (keras.layers.GlobalAveragePooling2D(), lambda f: ops.mean(f, (1, 2)))
    )
    assert pool.terms == pytest.approx(mean.terms, rel=1e-5)
    convolution = keras.layers.Conv2D(2, 3, kernel_initializer="ones")
    convolution.build((None, None, None, 4))
    loss = Custom(photo, statistic=convolution, layers=LAYERS)
    result = minimize(loss, tiny, 255 - photo, evaluations=5)
    assert result.loss < result.history[0].loss
    np.testing.assert_array_equal(convolution.kernel, np.ones((3, 3, 4, 2)))


def test_its_distance(tiny: FeatureModel, photo: Image, painting: Image) -> None:
    one, two = (
        evaluated(loss, tiny, photo).loss
        for loss in (
            Custom(painting, statistic=gram, layers=LAYERS, distance="mae"),
            Custom(painting, statistic=gram, layers=LAYERS).with_distance("mae"),
        )
    )
    assert one == two


def test_functions_are_not_mixed_up(tiny: FeatureModel, photo: Image, painting: Image) -> None:
    low, high = (
        evaluated(Custom(painting, statistic=s, layers=["image"]), tiny, photo).loss
        for s in (lambda f: f[:, :4, :4], lambda f: 10 * f[:, :4, :4])
    )
    assert high == pytest.approx(100 * low, rel=1e-5)


def test_its_text_and_its_limits(tiny: FeatureModel, photo: Image) -> None:
    loss = Custom(photo, statistic=gram, layers=["a"])
    assert repr(loss) == "Custom(picture_24x32, statistic=gram, layers=('a',))"
    again = Custom.from_config(loss.get_config(), photo)
    assert repr(again) == repr(loss)
    with pytest.raises(LossError, match="custom's statistic: expected a function of a tensor"):
        Custom(photo, statistic=3, layers=["a"])
    with pytest.raises(LossError, match="custom cannot be evaluated in tiles"):
        Objective(Custom(photo, statistic=gram, layers=LAYERS), tiny, (60, 60), tile=40)
