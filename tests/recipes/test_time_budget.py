"""A budget in time becomes numbers of evaluations, which the record keeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from neural_style import FeatureModel, images, rerun, transfer
from neural_style.errors import OptionError
from neural_style.images import Image
from neural_style.recipes import time_budget
from neural_style.recipes.time_budget import evaluations_within
from neural_style.recipes.transfer import prepared


@pytest.fixture
def photo() -> Image:
    return images.noise((32, 48), seed=1, uniform=(0, 255))


def measured(monkeypatch: pytest.MonkeyPatch, compilation: float, evaluation: float) -> None:
    """Pretend these seconds, and that no time passes besides."""
    monkeypatch.setattr(time_budget, "_measured", lambda preset: (compilation, evaluation))
    monkeypatch.setattr("neural_style.recipes.time_budget.time.monotonic", lambda: 0.0)


def drafted(photo: Image, tiny: FeatureModel, **options: Any) -> Any:
    settings: Any = {"features": tiny, "size": 48, **options}
    return prepared(photo, photo, None, None, None, settings)


def test_all_scales_get_the_same_factor(
    monkeypatch: pytest.MonkeyPatch, tiny: FeatureModel, photo: Image
) -> None:
    measured(monkeypatch, 2, 1)
    # A quarter of the pixels takes 0.25 s, and its compilation 2 s.
    preset = drafted(photo, tiny, scales=(24,), evaluations=(300, 100))
    assert evaluations_within(1, preset, 0) == [int(58 / 175 * 300), int(58 / 175 * 100)]
    preset = drafted(photo, tiny, evaluations=300)
    assert evaluations_within(0.5, preset, 0) == [30]


@pytest.mark.parametrize("minutes", [0, -1, float("nan"), float("inf"), "1", None])
def test_minutes_are_a_positive_number(tiny: FeatureModel, photo: Image, minutes: Any) -> None:
    with pytest.raises(OptionError, match="minutes: expected a finite number above 0"):
        evaluations_within(minutes, drafted(photo, tiny), 0)


def test_too_little_time_is_told(
    monkeypatch: pytest.MonkeyPatch, tiny: FeatureModel, photo: Image
) -> None:
    measured(monkeypatch, 2, 1)
    with pytest.raises(OptionError, match=r"0.05 is too short for .*takes about 0.1 here"):
        evaluations_within(0.05, drafted(photo, tiny, scales=(24,)), 0)


def test_either_minutes_or_evaluations(tiny: FeatureModel, photo: Image) -> None:
    with pytest.raises(OptionError, match="either minutes or evaluations"):
        transfer(photo, photo, features=tiny, minutes=1, evaluations=3)


@pytest.mark.slow
@pytest.mark.usefixtures("no_search")
def test_the_record_has_the_evaluations_and_a_rerun_does_not_look_at_the_clock(
    monkeypatch: pytest.MonkeyPatch, tiny: FeatureModel, photo: Image, tmp_path: Path
) -> None:
    monkeypatch.setattr(time_budget, "_measured", lambda preset: (0.0, 1.0))
    result = transfer(photo, photo, size=48, features=tiny, minutes=0.08, verbose=False)
    budgets = result.record["settings"]["evaluations"]
    assert budgets == [result.evaluations]
    assert 1 <= result.evaluations <= 4
    result.save_record(tmp_path)
    assert json.loads((tmp_path / "record.json").read_text())["settings"]["evaluations"] == budgets
    monkeypatch.setattr(time_budget, "_measured", None)
    assert rerun(tmp_path, features=tiny, verbose=False).same
