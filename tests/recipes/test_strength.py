"""The strength of the default loss becomes a weight of its content."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from neural_style import FeatureModel, Result, default_loss, images, minimize, rerun, transfer
from neural_style.errors import OptionError, StyleError
from neural_style.images import Image
from neural_style.recipes import strength as strengths
from neural_style.recipes import transfer as styling
from neural_style.recipes.default import CONTENT_WEIGHT
from neural_style.recipes.score import STYLE_LAYERS, style_distance
from neural_style.recipes.strength import CONTENT_BOUND, content_weight, ratio
from neural_style.runs.loop import Run
from neural_style.runs.result import Ending


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch, tiny: FeatureModel) -> Callable[..., Any]:
    """`content_weight` for a pair of which r and the content term are functions of the weight."""

    def search(
        strength: float, r: Callable[[float], float], content: Callable[[float], float]
    ) -> tuple[float, list[float]]:
        tried: list[float] = []

        def run(weight: float) -> Any:
            tried.append(weight)
            image = np.full((2, 2, 3), r(weight), np.float32)
            return SimpleNamespace(image=image, terms={"content": content(weight)})

        photo = np.full((2, 2, 3), 1.0, np.float32)
        monkeypatch.setattr(strengths, "_Runs", lambda *options: run)
        monkeypatch.setattr(strengths, "style_distance", lambda image, *others: float(image.max()))
        return content_weight(strength, photo, photo, tiny), tried

    return search


@pytest.mark.parametrize("strength", [0.25, 0.5, 0.75, 1])
@pytest.mark.parametrize("exponent", [0.2, 0.3, 0.45])
def test_the_weight_gives_the_strength(
    simulated: Callable[..., Any], strength: float, exponent: float
) -> None:
    def r(weight: float) -> float:
        return float(min(1.0, 0.9 * weight**exponent))

    found, tried = simulated(strength, r, lambda weight: 0.0)
    assert r(found) == pytest.approx(ratio(strength), rel=0.05)
    assert len(tried) <= 5


def test_a_strength_that_a_pair_does_not_reach_gives_the_least_content(
    simulated: Callable[..., Any],
) -> None:
    found, tried = simulated(1, lambda weight: 0.6, lambda weight: 0.0)
    assert found == pytest.approx(1e-3)
    assert len(tried) <= 5


def test_no_strength_gives_up_more_content_than_the_bound(simulated: Callable[..., Any]) -> None:
    def content(weight: float) -> float:
        return 0.5 / math.sqrt(weight)

    found, _ = simulated(1, lambda weight: 0.9, content)
    assert content(found) == pytest.approx(CONTENT_BOUND, rel=0.05)


def test_two_equal_pictures_need_no_search(
    monkeypatch: pytest.MonkeyPatch, tiny: FeatureModel, photo: Image
) -> None:
    monkeypatch.delattr(strengths, "_Runs")
    assert content_weight(0.5, photo, photo, tiny) == CONTENT_WEIGHT


def test_the_style_distance_is_that_of_score(
    tiny: FeatureModel, photo: Image, painting: Image
) -> None:
    from neural_style import score

    options: Any = {"style_layers": STYLE_LAYERS, "content_layer": "block4_conv2"}
    scores = score(photo, photo, painting, features=tiny, **options)
    assert style_distance(photo, painting, tiny) == pytest.approx(scores.style_gram, rel=1e-6)
    assert style_distance(painting, painting, tiny) == 0


@pytest.mark.parametrize("strength", [-0.1, 1.1, math.nan, "0.5", True, 10**400])
def test_a_strength_is_a_number_from_0_to_1(photo: Image, strength: Any) -> None:
    with pytest.raises(OptionError, match="strength: expected a number from 0 to 1"):
        transfer(photo, photo, strength=strength)


@pytest.mark.parametrize("options", [{"preset": "gatys"}, {"loss": default_loss}], ids=list)
def test_a_preset_and_a_loss_have_no_strength(photo: Image, options: Any) -> None:
    with pytest.raises(OptionError, match=r"strength: got 0\.5, but it is for the default loss"):
        transfer(photo, photo, strength=0.5, **options)


@pytest.mark.parametrize(
    "wrong",
    [
        {"callbacks": [3]},
        {"callbacks": 3},
        {"verbose": "loud"},
        {"seed": -1},
        {"seed": 0.5},
        {"tile": 0},
        {"tile": "small"},
        {"average": 2},
        {"evaluations": 0},
        {"evaluations": [1, 2, 3]},
        {"scales": [8000]},
        {"optimizer": "sgd"},
        {"parameterization": "words"},
        {"checkpoint": "full"},
        {"checkpoint": "new", "checkpoint_every": 0},
        {"output": "picture.svg"},
        {"features": 3},
        {"padding": "none"},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "slow", [{}, {"preset": "gatys", "size": 48, "minutes": 5}], ids=["search", "minutes"]
)
def test_what_is_wrong_is_told_before_anything_slow(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    tiny: FeatureModel,
    photo: Image,
    slow: dict[str, Any],
    wrong: dict[str, Any],
) -> None:
    if "evaluations" in wrong and slow:
        pytest.skip("minutes give the evaluations")
    monkeypatch.chdir(tmp_path)
    Path("full").mkdir()
    Path("full/record.json").touch()
    for name in ("content_weight", "evaluations_within"):
        monkeypatch.setattr(styling, name, lambda *given, **options: pytest.fail("it was slow"))
    with pytest.raises(StyleError):
        transfer(photo, 255 - photo, **{"features": tiny, **slow, **wrong})
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "full", tmp_path / "full/record.json"]


def test_ctrl_c_during_the_search_ends_all_of_it(
    monkeypatch: pytest.MonkeyPatch, tiny: FeatureModel, photo: Image
) -> None:
    stopped = SimpleNamespace(ending=Ending.INTERRUPTED)
    monkeypatch.setattr(Run, "scales", lambda *given: stopped)
    with pytest.raises(KeyboardInterrupt):
        content_weight(0.5, photo, 255 - photo, tiny)


def test_the_small_runs_are_those_of_minimize(
    monkeypatch: pytest.MonkeyPatch, tiny: FeatureModel, painting: Image
) -> None:
    """With the weight of the search, `minimize` gives the same picture, at both scales."""
    photo = images.noise((96, 120), seed=3, uniform=(0, 255))
    found: list[Image] = []
    runs = strengths._Runs.__call__

    def run(self: Any, weight: float) -> Result:
        result = runs(self, weight)
        found[:] = [result.image]
        expected = minimize(
            default_loss(photo, painting, weight),
            tiny,
            photo,
            scales=(60,),
            evaluations=[40, 20],
            parameterization="wavelets",
            verbose=False,
        )
        np.testing.assert_array_equal(result.image, expected.image)
        raise KeyboardInterrupt

    monkeypatch.setattr(strengths._Runs, "__call__", run)
    painting = images.resize(painting, long_side=120)
    with pytest.raises(KeyboardInterrupt):
        content_weight(0.5, photo, painting, tiny)
    assert found


@pytest.mark.slow
def test_a_stronger_style_has_less_content_and_a_rerun_does_not_search(
    monkeypatch: pytest.MonkeyPatch, vgg19: FeatureModel, pictures: Path, tmp_path: Path
) -> None:
    photo, painting = (
        images.load(pictures / name, long_side=64) for name in ("chelsea.png", "ihc.png")
    )
    options: Any = {"size": 64, "features": vgg19.with_padding("symmetric"), "verbose": False}
    results = [transfer(photo, painting, strength=s, **options) for s in (0.1, 0.5)]
    weak, strong = (result.record["loss"]["terms"][2]["weight"] for result in results)
    assert weak > strong
    weak, strong = (style_distance(result.image, painting, vgg19) for result in results)
    assert style_distance(photo, painting, vgg19) > weak > strong

    def search(*given: object, **options: object) -> float:
        raise AssertionError("it searches")

    monkeypatch.setattr(styling, "content_weight", search)
    again = rerun(results[1].save_record(tmp_path), verbose=False)
    assert again.same
