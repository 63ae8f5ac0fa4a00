"""Runs from coarse to fine: sizes, budgets, references, and what ends them."""

from __future__ import annotations

import weakref
from typing import Any

import keras
import numpy as np
import pytest

from neural_style import FeatureModel, Loss, Result, Step, images, minimize, transfer
from neural_style.errors import LayerError, LossError, OptionError
from neural_style.extensions import Content, Gram, Histogram, ShiftedGram, TotalVariation
from neural_style.images import Image
from neural_style.recipes import presets

pytestmark = pytest.mark.slow


class Towards(Loss):
    """A quadratic in the pixels, with its minimum at the reference; it logs what it is given."""

    layers = ("image",)

    def __init__(self, *references: Any, log: list[Image] | None = None) -> None:
        super().__init__(*references)
        self.log = [] if log is None else log

    def target(self, references: Any, current: Any, rng: Any) -> Any:
        self.log.append(references[0]["image"][0])
        return super().target(references, current, rng)


def run(
    loss: Any, features: FeatureModel, start: Image, **options: Any
) -> tuple[Result, list[Step]]:
    steps: list[Step] = []
    return minimize(loss, features, start, callbacks=[steps.append], **options), steps


@pytest.mark.parametrize("optimizer", [None, keras.optimizers.Adam(1.0)], ids=["lbfgs", "adam"])
def test_a_run_goes_through_its_scales_each_within_its_budget(
    tiny: FeatureModel, photo: Image, painting: Image, optimizer: Any
) -> None:
    loss = Content(photo) + 10 * Gram(painting)
    result, steps = run(
        loss, tiny, photo, scales=(8, 16), evaluations=(3, 4, 5), optimizer=optimizer
    )
    sizes = {0: (6, 8, 3), 1: (12, 16, 3), 2: (24, 32, 3)}
    assert all(step.image.shape == sizes[step.scale] for step in steps)
    assert {step.scale for step in steps} == set(sizes)
    firsts = [next(s for s in steps if s.scale == scale).evaluation for scale in sizes]
    assert firsts == [1, 1 + 3, 1 + 3 + 4]
    assert {step.evaluations for step in steps} == {3 + 4 + 5}
    assert [step.round for step in steps] == [step.scale for step in steps]
    assert result.evaluations == 12
    assert (result.rounds, result.scale, result.image.shape) == (3, 2, (24, 32, 3))
    assert result.reason == "the budget of 5 evaluations at 24×32 was used"
    assert [entry.scale for entry in result.history] == [step.scale for step in steps]


def test_one_number_is_the_budget_of_every_scale(tiny: FeatureModel, photo: Image) -> None:
    loss = TotalVariation()
    result, steps = run(loss, tiny, photo, scales=[8, 16, 32], evaluations=4)
    assert [next(s for s in steps if s.scale == i).evaluation for i in range(3)] == [1, 5, 9]
    assert result.evaluations == 12


def test_each_scale_begins_with_the_picture_of_the_one_before(
    tiny: FeatureModel, photo: Image, painting: Image
) -> None:
    start = images.noise((24, 32), normal=(128, 200), seed=5)
    loss = Content(photo) + 10 * Gram(painting)
    _, steps = run(loss, tiny, start, scales=(16,), evaluations=6)
    coarse, fine = ([s for s in steps if s.scale == scale] for scale in (0, 1))
    np.testing.assert_array_equal(
        coarse[0].image, images.resize(start, size=(12, 16), any_range=True).clip(0, 255)
    )
    lowest = min(coarse, key=lambda step: step.loss)
    np.testing.assert_array_equal(
        fine[0].image, images.resize(lowest.image, size=(24, 32), any_range=True).clip(0, 255)
    )


def test_references_are_resized_from_the_originals_once_a_scale(
    tiny: FeatureModel, photo: Image, painting: Image
) -> None:
    content: list[Image] = []
    minimize(Towards(photo, log=content), tiny, 255 - photo, scales=(8, 16), evaluations=2)
    for found, size in zip(content, [(6, 8), (12, 16), (24, 32)], strict=True):
        np.testing.assert_array_equal(found, images.resize(photo, size=size))
    half = (Content(photo) + 5 * Gram(painting)).resized(0.5)
    assert [(t.name, t.weight) for t in half] == [("content", 1.0), ("gram", 5.0)]
    assert [t.loss.references[0].shape for t in half] == [(12, 16, 3), (10, 14, 3)]
    assert Content(photo).resized(1.0).references[0].shape == photo.shape


def test_references_are_antialiased() -> None:
    board = np.indices((16, 16)).sum(0)[..., None] % 2 * np.full(3, 254.0)
    loss = Towards(board)
    np.testing.assert_allclose(loss.resized(0.5).references[0][1:-1, 1:-1], 127, atol=1)
    np.testing.assert_array_equal(loss.references[0], board)  # the original is what it was


def test_a_reference_may_become_dark() -> None:
    dot = np.zeros((16, 16, 3))
    dot[8, 8] = 20
    assert 0 < Towards(dot).resized(0.25).references[0].max() <= 2


def test_what_every_scale_leads_to_is_a_minimum_of_its_own(
    tiny: FeatureModel, photo: Image
) -> None:
    result, steps = run(Towards(photo), tiny, 255 - photo, scales=(16,), evaluations=40)
    last = [[s for s in steps if s.scale == scale][-1] for scale in (0, 1)]
    np.testing.assert_allclose(last[0].image, images.resize(photo, size=(12, 16)), atol=1e-2)
    np.testing.assert_allclose(last[1].image, photo, atol=1e-2)
    assert result.evaluations < 80  # what a scale does not need is not spent
    assert "found no lower loss" in result.reason


def test_scales_give_the_same_bits_again(tiny: FeatureModel, photo: Image, painting: Image) -> None:
    loss = Gram(painting) + 1e-2 * Histogram(painting, refresh_every=3)
    options: dict[str, Any] = {"scales": (16,), "evaluations": 8, "seed": 4}
    first, second = (run(loss, tiny, photo, **options)[0] for _ in range(2))
    np.testing.assert_array_equal(first.image, second.image)
    assert [e.loss for e in first.history] == [e.loss for e in second.history]
    assert next(e.round for e in first.history if e.scale == 1) == 3


def test_the_starts_own_size_alone_is_no_other_run(
    tiny: FeatureModel, photo: Image, painting: Image
) -> None:
    loss = Content(photo) + 10 * Gram(painting)
    plain, named, listed = (
        minimize(loss, tiny, photo, **options)
        for options in (
            {"evaluations": 8},
            {"evaluations": 8, "scales": (32,)},
            {"evaluations": [8]},
        )
    )
    np.testing.assert_array_equal(plain.image, named.image)
    np.testing.assert_array_equal(plain.image, listed.image)
    assert plain.reason == named.reason == "the budget of 8 evaluations was used"


def test_what_a_scale_was_given_is_freed_after_it(tiny: FeatureModel, photo: Image) -> None:
    given: list[weakref.ref[Image]] = []

    class Tracked(Content):
        def resized(self, factor: float) -> Any:
            resized = super().resized(factor)
            given.append(weakref.ref(resized.references[0]))
            return resized

    alive: dict[int, list[bool]] = {}

    def look(step: Step) -> None:
        alive[step.scale] = [each() is not None for each in given]

    minimize(Tracked(photo), tiny, 255 - photo, scales=(8, 16), evaluations=2, callbacks=[look])
    assert alive == {0: [True, True], 1: [False, True], 2: [False, False]}


def stopping(step: Step) -> None:
    if step.evaluation >= 4:
        raise StopIteration


def interrupting(step: Step) -> None:
    if step.evaluation >= 4:
        raise KeyboardInterrupt


@pytest.mark.parametrize("end", [stopping, interrupting])
def test_a_run_that_ends_early_has_a_picture_of_the_starts_size(
    tiny: FeatureModel, photo: Image, end: Any
) -> None:
    steps: list[Step] = []
    result = minimize(
        Content(255 - photo),
        tiny,
        photo,
        scales=(16,),
        evaluations=20,
        callbacks=[steps.append, end],
    )
    assert {step.scale for step in steps} == {0}
    assert result.scale == 0
    assert result.loss == steps[-1].loss
    np.testing.assert_array_equal(result.image, images.resize(steps[-1].image, size=(24, 32)))


def test_a_scale_that_breaks_keeps_the_picture_of_the_one_before(
    tiny: FeatureModel, photo: Image
) -> None:
    class Fragile(Towards):
        def distance(self, current: Any, target: Any) -> Any:
            factor = 1.0 if current["image"].shape[1] < 24 else float("nan")
            return factor * super().distance(current, target)

    options: dict[str, Any] = {"evaluations": 3, "optimizer": keras.optimizers.Adam(1.0)}
    result, steps = run(Fragile(photo), tiny, 255 - photo, scales=(16,), **options)
    assert result.reason.endswith("the loss is not finite at evaluation 4: fragile")
    assert result.scale == 0
    np.testing.assert_array_equal(result.image, images.resize(steps[-1].image, size=(24, 32)))


@pytest.mark.parametrize(
    ("scales", "message"),
    [
        ((16, 8), "expected increasing long sides"),
        ((16, 16), "expected increasing long sides"),
        ((16, 64), "at most the start's 32 pixels"),
        ((1, 16), "expected long sides in whole pixels"),
        ((8.5,), "expected long sides in whole pixels"),
        ("16", "expected long sides in whole pixels"),
        (16, "expected long sides in whole pixels"),
    ],
)
def test_scales_are_checked(tiny: FeatureModel, photo: Image, scales: Any, message: str) -> None:
    with pytest.raises(OptionError, match=f"scales: .*{message}"):
        minimize(Content(photo), tiny, photo, scales=scales)


@pytest.mark.parametrize("evaluations", [(3,), (3, 4, 5), (3, 0), (3, 2.5), ()])
def test_budgets_are_checked(tiny: FeatureModel, photo: Image, evaluations: Any) -> None:
    with pytest.raises(OptionError, match=r"evaluations: expected (a positive|one number, or)"):
        minimize(Content(photo), tiny, photo, scales=(16,), evaluations=evaluations)


def test_a_scale_too_small_for_a_loss_is_named_before_the_run(
    tiny: FeatureModel, photo: Image, painting: Image
) -> None:
    def never(step: Step) -> None:
        raise AssertionError("the run began")

    shifted = ShiftedGram(painting, shifts=[4])
    with pytest.raises(LossError, match=r"at the scale of 6×8 pixels: shifted_gram: .* shift of 4"):
        minimize(shifted, tiny, photo, scales=(8,), callbacks=[never])
    deep = Content(images.noise((24, 32), uniform=(0, 255)), layers=["block5_conv1"])
    with pytest.raises(LayerError, match=r"at the scale of 6×8 pixels: .* too small for 'block5"):
        minimize(deep, FeatureModel(weights=None), photo, scales=(8,), callbacks=[never])
    untileable = ShiftedGram(painting, flips="x")
    with pytest.raises(LossError, match="cannot be evaluated in tiles"):
        minimize(untileable, tiny, photo, scales=(16,), tile=20, callbacks=[never])


def test_statistics_may_call_their_mean_as_they_like(tiny: FeatureModel, photo: Image) -> None:
    class Named(Towards):
        def statistics(self, features: Any, _others: Any) -> Any:
            return super().statistics(features, _others)

    result = minimize(Named(photo), tiny, photo, scales=(24,), evaluations=2)
    assert result.evaluations == 4


def test_scales_and_tiles_go_together(tiny: FeatureModel, photo: Image, painting: Image) -> None:
    loss = Content(photo) + 10 * Gram(painting)
    whole, tiled = (
        minimize(loss, tiny, photo, scales=(16,), evaluations=6, tile=tile) for tile in (None, 28)
    )
    np.testing.assert_allclose(whole.image, tiled.image, atol=0.1)


def test_transfer_and_presets_take_scales(
    tiny: FeatureModel, photo: Image, painting: Image
) -> None:
    options: Any = {"size": 32, "features": tiny, "evaluations": (2, 3), "scales": (16,)}
    steps: list[Step] = []
    by_call = transfer(photo, painting, callbacks=[steps.append], **options)
    assert {step.image.shape for step in steps} == {(12, 16, 3), (24, 32, 3)}
    assert by_call.evaluations == 5
    by_name = transfer(photo, painting, preset="neural_style", **options)
    own = presets.neural_style(photo, painting, **options).run()
    assert own.scale == 1
    np.testing.assert_array_equal(by_name.image, own.image)
