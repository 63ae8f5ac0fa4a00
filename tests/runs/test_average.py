"""The average of the iterates: by hand, as what a run returns, and over checkpoints and scales."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import neural_style as ns
from neural_style import FeatureModel, Loss, Step, images, minimize
from neural_style.errors import OptionError
from neural_style.images import Image
from neural_style.runs.average import Average

RATE = 8.0


class Towards(Loss):
    """The mean squared difference of pixels."""

    layers = ("image",)


def test_the_average_of_equal_pictures_is_the_picture() -> None:
    average = Average(0.99)
    for _ in range(3):
        average.add(np.full((2, 2, 3), 7, np.float32))
        np.testing.assert_allclose(average.picture(), 7, rtol=1e-5)


@pytest.mark.parametrize("parameterization", ["pixels", "wavelets"])
def test_a_run_ends_with_the_average_of_its_iterates(
    tiny: FeatureModel, photo: Image, painting: Image, parameterization: str
) -> None:
    painting = images.resize(painting, size=photo.shape[:2])
    steps: list[Step] = []
    result = minimize(
        Towards(painting),
        tiny,
        np.float32(0.5) * photo + np.float32(64),  # so that no step leaves 0–255
        evaluations=5,
        optimizer=keras.optimizers.Adam(RATE),
        average=0.5,
        parameterization=parameterization,
        callbacks=[steps.append],
    )
    x = [step.image.astype(float) for step in steps]
    assert len(x) == result.evaluations == 5
    expected = (x[3] / 2 + x[2] / 4 + x[1] / 8 + x[0] / 16) / (1 - 1 / 16)
    np.testing.assert_allclose(result.image, expected, atol=1e-3)
    np.testing.assert_array_equal(result.image, steps[-1].image)
    assert result.loss == result.history[-1].loss == steps[-1].loss
    assert result.loss == pytest.approx(float(((expected - painting) ** 2).mean()), rel=1e-4)
    assert min(step.loss for step in steps) < result.loss  # the last is better, and not taken


def test_without_decay_it_is_the_last_iterate(tiny: FeatureModel, photo: Image) -> None:
    sgd = keras.optimizers.SGD(1e9)  # every step leads further away
    steps: list[Step] = []
    result = minimize(
        Towards(photo),
        tiny,
        np.float32(0.5) * photo,
        evaluations=4,
        optimizer=sgd,
        average=0,
        clip="step",
        callbacks=[steps.append],
    )
    np.testing.assert_array_equal(result.image, steps[-2].image)


@pytest.mark.parametrize("stop_at", [3, 5, 6, 8, 10])
@pytest.mark.parametrize("optimizer", [keras.optimizers.Adam(RATE), ns.LBFGS(3)])
def test_it_resumes_and_reruns_to_the_same_bits(
    tiny: FeatureModel,
    photo: Image,
    painting: Image,
    optimizer: Any,
    stop_at: int,
    tmp_path: Path,
) -> None:
    class Broken(Exception):
        pass

    def stop(step: Step) -> None:
        if step.evaluation >= stop_at:
            raise Broken

    painting = images.resize(painting, size=photo.shape[:2])
    options: dict[str, Any] = {
        "evaluations": [5, 6],
        "scales": (16,),
        "optimizer": optimizer,
        "average": 0.9,
        "restart_every": 4,
    }
    loss = ns.create("content", painting, layers=["image"])
    whole = minimize(loss, tiny, photo, **options)
    assert [e.evaluation for e in whole.history if e.scale == 0][-1] == 5
    with pytest.raises(Broken):
        minimize(
            loss,
            tiny,
            photo,
            **options,
            callbacks=[stop],
            checkpoint=tmp_path / "run",
            checkpoint_every=1,
        )
    resumed = ns.resume(tmp_path / "run", features=tiny)
    np.testing.assert_array_equal(resumed.image, whole.image)
    assert [e.loss for e in resumed.history] == [e.loss for e in whole.history]
    assert whole.record["settings"]["average"] == 0.9
    assert ns.rerun(whole.save_record(tmp_path / "again"), features=tiny).same


def test_a_run_that_is_stopped_has_its_best_picture(tiny: FeatureModel, photo: Image) -> None:
    def stop(step: Step) -> None:
        if step.evaluation == 3:
            raise StopIteration

    start, adam = np.float32(0.5) * photo, keras.optimizers.Adam(RATE)
    result = minimize(
        Towards(photo), tiny, start, evaluations=9, optimizer=adam, average=0.9, callbacks=[stop]
    )
    assert result.evaluations == 3
    assert result.loss == min(entry.loss for entry in result.history)


@pytest.mark.parametrize("average", [1, -0.1, float("nan"), "0.9", True])
def test_what_is_no_decay_is_refused(tiny: FeatureModel, photo: Image, average: Any) -> None:
    with pytest.raises(OptionError, match="average: expected a decay from 0 to below 1"):
        minimize(Towards(photo), tiny, photo, average=average)
    with pytest.raises(OptionError, match="expected at least 2 evaluations at each scale, got 1"):
        minimize(Towards(photo), tiny, photo, average=0.9, evaluations=1)
