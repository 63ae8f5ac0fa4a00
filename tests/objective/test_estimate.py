"""Estimates: what is counted, what fits, and what is refused before it starts."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from neural_style import (
    LBFGS,
    Estimate,
    FeatureModel,
    Loss,
    Objective,
    estimate,
    images,
    minimize,
    transfer,
)
from neural_style.errors import MemoryLimitError, OptionError, StyleError
from neural_style.extensions import Content, Gram, Histogram, ShiftedGram, TotalVariation
from neural_style.images import Image, Size
from neural_style.losses.base_classes import MatchingLoss
from neural_style.losses.weighted_sum import WeightedSum
from neural_style.objective.estimate import _SMALL, MARGIN, Tile, _largest, _sides, fitting
from neural_style.objective.loss_cost import LossCost, traced
from neural_style.objective.tiled import TiledEvaluator
from neural_style.objective.whole import WholeImageEvaluator
from neural_style.recipes import draft
from neural_style.utils import machine

pytestmark = pytest.mark.slow

ops = keras.ops

LARGE = (2048, 1536)
GB = 10**9


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], None]:
    """Sets the memory that is free."""

    def set_to(number: int | None) -> None:
        monkeypatch.setattr(machine, "available_memory", lambda: number)

    return set_to


def blank(size: Size) -> Image:
    """A picture that takes no memory."""
    return np.broadcast_to(np.float32(9), (*size, 3))


def everything(size: Size) -> WeightedSum:
    style = blank((60, 70))
    return Content(blank(size)) + Gram(style) + ShiftedGram(style, shifts=[2]) + TotalVariation()


class Similarities(Loss):
    """A plugin whose memory grows with the square of the positions."""

    layers = ("block3_conv1",)  # at half the picture's size
    memory = "quadratic"

    def statistics(self, features: Any, mean: Any) -> Any:
        """All pairs of positions."""
        (f,) = features.values()
        rows = ops.reshape(f, (-1, f.shape[-1]))
        return {"block3_conv1": ops.matmul(rows, ops.transpose(rows))}


@pytest.mark.parametrize(
    "loss",
    [
        Content(blank((96, 64))),
        Gram(blank((60, 70))),
        Histogram(blank((60, 70))),
        TotalVariation(1.25, layers=["image", "block3_conv1"]),
        Similarities(blank((60, 70))),
        everything((96, 64)),
    ],
    ids=lambda loss: "+".join(term.name for term in loss.terms_of_sum()),
)
def test_what_is_continued_from_small_sizes_is_what_is_traced(
    tiny: FeatureModel, loss: Loss | WeightedSum
) -> None:
    size = 160, 112
    for term in loss.terms_of_sum():
        continued, found = LossCost(term.loss, tiny)(size), traced(term.loss, tiny, size)
        np.testing.assert_allclose(continued[:5], found[:5], rtol=0.03, atol=1000)
        # Of threads, whose peaks depend on what else the machine does.
        assert 0.2 < (continued.matching + 20_000) / (found.matching + 20_000) < 5


def test_vggs_gram_matrices_outweigh_its_features_at_small_sizes_alone() -> None:
    loss, features, size = Gram(blank((60, 70))), FeatureModel(weights=None), (192, 192)
    continued, found = LossCost(loss, features)(size), traced(loss, features, size)
    assert continued[:3] == pytest.approx(found[:3], rel=0.03)


class Shifted(MatchingLoss):
    """Moved by the mean, and so by as much memory every time, which threads do not take."""

    layers = ("block1_conv1",)

    def match(
        self, f: NDArray[Any], reference: NDArray[Any], rng: np.random.Generator
    ) -> NDArray[Any]:
        moved: NDArray[Any] = f + (reference.mean() - f.mean())
        return moved


def test_targets_are_counted_before_they_exist(tiny: FeatureModel) -> None:
    loss = Shifted(blank((64, 64)), refresh_every=5)
    found = estimate(loss, tiny, (4096, 4096))
    features = 4096 * 4096 * 4 * 4
    assert found.parts["targets"] >= features
    # The current ones, the moved, and those as a tensor.
    assert 3 * features <= found.parts["measuring targets"] < 4 * features
    photo = Content(blank((4096, 4096)))  # which is measured once, and not with the other's
    more = estimate(loss + photo, tiny, (4096, 4096)).parts["measuring targets"]
    assert more == pytest.approx(found.parts["measuring targets"], rel=0.01)
    still = estimate(Gram(blank((64, 64)), layers=["block1_conv1"]), tiny, (4096, 4096))
    assert still.parts["targets"] < 1e6
    assert still.parts["measuring targets"] == 0


def test_a_histograms_matching_is_counted(tiny: FeatureModel) -> None:
    loss = Histogram(blank((64, 64)), layers=["block1_conv1"])
    found = estimate(loss, tiny, (4096, 4096)).parts
    assert found["measuring targets"] >= 2 * found["targets"] >= 2 * 4096 * 4096 * 4 * 4


def test_a_plugins_quadratic_memory_is_seen(tiny: FeatureModel) -> None:
    found = estimate(Similarities(blank((64, 64))), tiny, (512, 512))
    assert found.memory > 4 * 256**4  # of one matrix of all pairs of positions


def test_memory_and_time_grow_with_the_picture_and_tiles_bound_memory(tiny: FeatureModel) -> None:
    small, large = (estimate(everything(n), tiny, n) for n in ((512, 512), LARGE))
    assert small.memory < large.memory
    assert small.seconds < large.seconds
    tiled = estimate(everything(LARGE), tiny, LARGE, tile=512)
    assert tiled.tile == 512
    assert tiled.memory < large.memory


def test_the_optimizers_pictures_are_counted_if_it_is_told(tiny: FeatureModel) -> None:
    alone = estimate(TotalVariation(), tiny, LARGE)
    short, long = (estimate(TotalVariation(), tiny, LARGE, optimizer=LBFGS(n)) for n in (5, 15))
    picture = 4 * 3 * LARGE[0] * LARGE[1]
    assert long.memory - short.memory == 20 * picture
    assert alone.memory < short.memory


def test_it_says_it_in_words() -> None:
    found = Estimate((480, 640), 256, {"network": 2_500_000_000, "targets": 40_000_000}, 1.25)
    assert str(found) == (
        "480×640, in tiles of 256: about 2.5 GB (network 2.5 GB, targets 40 MB) and "
        "1.2 s per evaluation"
    )
    assert found.memory == 2_540_000_000


@pytest.mark.parametrize("tile", [None, "auto"])
@pytest.mark.parametrize("memory", [None, 10**15])
def test_what_fits_is_evaluated_whole(
    tiny: FeatureModel, free: Any, tile: Tile, memory: int | None
) -> None:
    free(memory)
    objective = Objective(everything(LARGE), tiny, LARGE, tile=tile)
    assert objective.tile is None
    assert isinstance(objective._evaluator, WholeImageEvaluator)


def test_auto_takes_the_largest_tile_that_fits(tiny: FeatureModel, free: Any) -> None:
    loss = everything(LARGE)
    limit = math.ceil(MARGIN * estimate(loss, tiny, LARGE, tile=640).memory)
    free(limit)
    objective = Objective(loss, tiny, LARGE, tile="auto")
    assert isinstance(objective._evaluator, TiledEvaluator)
    assert objective.tile is not None
    assert 640 <= objective.tile < max(LARGE)
    chosen, larger = (
        estimate(loss, tiny, LARGE, tile=objective.tile + more).memory for more in (0, 32)
    )
    assert MARGIN * chosen <= limit < MARGIN * larger
    assert estimate(loss, tiny, LARGE, tile="auto").tile == objective.tile


def test_a_large_reference_is_counted_and_tiled(tiny: FeatureModel, free: Any) -> None:
    size, loss = (256, 256), Gram(blank((4096, 4096)))
    whole = estimate(loss, tiny, size)
    tiled = estimate(loss, tiny, size, tile=512)
    assert tiled.parts["measuring targets"] < whole.parts["measuring targets"] / 50
    free(math.ceil(MARGIN * tiled.memory))
    tile = fitting(loss, tiny, size, "auto")
    assert tile is not None
    assert 512 <= tile < 4096
    with pytest.raises(MemoryLimitError, match=r"tile=\d+ would fit"):
        fitting(loss, tiny, size, None)


@pytest.mark.parametrize("tile", ["whole", 0, 2.5])
def test_what_is_no_tile_is_refused(tiny: FeatureModel, tile: Any) -> None:
    with pytest.raises(OptionError, match="tile: expected"):
        estimate(TotalVariation(), tiny, LARGE, tile=tile)


def test_a_wide_picture_is_traced_where_its_losses_fit(tiny: FeatureModel) -> None:
    loss = ShiftedGram(blank((200, 400)), shifts=[16], layers=["block3_conv1"])
    assert estimate(loss, tiny, (200, 4096)).memory > estimate(loss, tiny, (200, 1000)).memory


def test_what_cannot_fit_is_refused_with_what_would(tiny: FeatureModel, free: Any) -> None:
    loss = everything(LARGE)
    limit = math.ceil(MARGIN * estimate(loss, tiny, LARGE, tile=640).memory)
    free(limit)
    whole = estimate(loss, tiny, LARGE)
    assert whole.memory > MARGIN * limit
    with pytest.raises(MemoryLimitError, match=r"2048×1536, whole: about .* are free") as caught:
        Objective(loss, tiny, LARGE)
    (tile,) = re.findall(r"tile=(\d+) would fit", str(caught.value))
    height, width = re.findall(r"a picture of (\d+)×(\d+) would fit whole", str(caught.value))[0]
    assert Objective(loss, tiny, LARGE, tile=int(tile)).tile == int(tile)
    size = int(height), int(width)
    assert Objective(everything(size), tiny, size).tile is None
    assert issubclass(MemoryLimitError, StyleError)
    assert issubclass(MemoryLimitError, MemoryError)


def test_what_an_estimate_may_be_wrong_about_is_not_refused(tiny: FeatureModel, free: Any) -> None:
    needed = estimate(everything(LARGE), tiny, LARGE).memory
    free(int(needed / MARGIN) + 1)
    assert Objective(everything(LARGE), tiny, LARGE).tile is None


def test_a_loss_that_is_not_to_be_tiled_is_named(tiny: FeatureModel, free: Any) -> None:
    size = 512, 512
    loss = everything(size) + Similarities(blank((64, 64)))
    free(2 * GB)
    for tile in (None, "auto"):
        with pytest.raises(MemoryLimitError, match="similarities cannot be evaluated in tiles"):
            fitting(loss, tiny, size, tile)


def test_nothing_fits_into_nothing(tiny: FeatureModel, free: Any) -> None:
    free(1)
    with pytest.raises(MemoryLimitError, match="no tile and no smaller picture would fit"):
        Objective(everything((128, 96)), tiny, (128, 96), tile="auto")


def test_the_largest_side_is_found_wherever_memory_falls() -> None:
    def memory(side: int) -> int:
        if side < 17:
            raise OptionError("too small for a loss")
        return side + 400 * (side <= 250) + 400 * (side <= 590)

    for most in (1000, 600, 100, 20):
        for limit in range(0, 1500, 7):
            fitting = [side for side in range(17, most + 1) if memory(side) <= limit]
            tried = [side for side in _sides(most) if side in fitting]
            found = _largest(memory, most, limit)
            assert (found is None) == (not tried)
            assert found is None or (found in fitting and found >= max(tried))


@pytest.mark.parametrize(
    "make",
    [
        everything,
        lambda size: Gram(blank((300, 200)), layers=["block1_conv1"]),
        lambda size: Similarities(blank(size)),
    ],
    ids=["tiled", "large reference", "untiled"],
)
@pytest.mark.parametrize("share", [0.79, 1.3])
def test_what_is_recommended_is_accepted(
    tiny: FeatureModel, free: Any, make: Callable[[Size], Any], share: float
) -> None:
    """With a share of what the least tile or picture is estimated to need."""
    size, loss = (96, 64), make((96, 64))

    def needs(own: Size, tile: int | None) -> float:
        try:
            return estimate(make(own), tiny, own, tile=tile).memory
        except StyleError:
            return math.inf

    least = min(needs(images.scaled(size, side / 96), None) for side in _SMALL)
    if not any(term.loss.tiling is None for term in loss.terms_of_sum()):
        least = min(least, *(needs(size, tile) for tile in _SMALL))
    memory = int(share * least)
    free(memory)
    for tile in ("auto", None):
        try:
            fitting(loss, tiny, size, tile)
            continue
        except MemoryLimitError as error:
            told = str(error).partition("are free: ")[2]
        assert memory * MARGIN < least or "smaller picture would fit" not in told
        for asked in re.findall(r"tile=(\d+|None)", told):
            fitting(loss, tiny, size, None if asked == "None" else int(asked))
        for height, width, alike in re.findall(r"a picture of (\d+)×(\d+)(, with all)?", told):
            own = int(height), int(width)
            fitting(loss.resized(own[0] / 96) if alike else make(own), tiny, own, None)


def test_a_run_that_cannot_fit_does_not_start(tiny: FeatureModel, free: Any) -> None:
    start = images.noise((256, 256), uniform=(0, 255))
    alone = estimate(TotalVariation(), tiny, (256, 256)).memory
    free(int(alone / MARGIN) + 1)
    Objective(TotalVariation(), tiny, (256, 256))

    def callback(step: Any) -> None:
        raise AssertionError("it has started")

    with pytest.raises(MemoryLimitError, match="256×256"):
        minimize(TotalVariation(), tiny, start, optimizer=LBFGS(history=400), callbacks=[callback])


@pytest.mark.usefixtures("no_search")
def test_transfer_finds_a_tile_by_itself(
    tiny: FeatureModel, free: Any, photo: Image, painting: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draft, "pretrained", lambda *network: tiny)
    chosen = []

    def minimized(**settings: Any) -> Any:
        chosen.append(settings["tile"])

    monkeypatch.setattr(draft, "minimize", minimized)
    transfer(photo, painting, size=32)
    transfer(photo, painting, size=32, tile=None)
    transfer(photo, painting, size=32, tile=64)
    assert chosen == ["auto", None, 64]


@pytest.mark.parametrize("tile", ["whole", 0, 2.5, True])
def test_a_tile_is_a_number_auto_or_none(tiny: FeatureModel, tile: Any) -> None:
    with pytest.raises(OptionError, match="tile"):
        fitting(everything(LARGE), tiny, LARGE, tile)
