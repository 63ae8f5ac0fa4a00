"""Runs: budgets, rounds, stops, and what a result says."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras.optimizers import Adam
from scipy.optimize import minimize as scipy_minimize

from neural_style import (
    LBFGS,
    FeatureModel,
    Loss,
    Objective,
    Result,
    Step,
    callbacks,
    images,
    minimize,
)
from neural_style.errors import ImageError, LossError, NonFiniteLossError, OptionError
from neural_style.extensions import Content, Gram, Histogram, TotalVariation
from neural_style.images import Image
from neural_style.losses.base_classes import StatisticLoss


class Towards(Loss):
    """A quadratic in the pixels, with its minimum at the reference."""

    layers = ("image",)


class Moving(Towards):
    """Records when its target is measured."""

    def __init__(self, *references: Any, every: int, log: list[Any], name: str = "moving") -> None:
        super().__init__(*references, name=name)
        self.refresh_every = every
        self.log = log

    def target(self, references: Any, current: Any, rng: Any) -> Any:
        self.log.append((self.name, float(current["image"].min()), float(current["image"].max())))
        return super().target(references, current, rng)


class Fragile(Loss):
    """Finite at its reference and NaN wherever a pixel has moved below ``floor``."""

    layers = ("image",)

    def __init__(self, *references: Any, floor: float) -> None:
        super().__init__(*references)
        self.floor = floor

    def distance(self, current: Any, target: Any) -> Any:
        low = keras.ops.min(current["image"])
        return keras.ops.where(low < self.floor, float("nan"), 1.0) * super().distance(
            current, target
        )


class Own(BaseException):
    """No Exception."""


@dataclass(frozen=True)
class Frozen(Exception):
    """Refuses attributes."""

    text: str


class Reserved(Exception):
    """Has an attribute of that name, which cannot be set."""

    __slots__ = ()

    @property
    def result(self) -> None: ...


OPTIMIZERS = [
    pytest.param(None, id="default"),
    pytest.param(LBFGS(history=3), id="lbfgs"),
    pytest.param(keras.optimizers.Adam(1.0), id="adam"),
    pytest.param(keras.optimizers.SGD(1e4, momentum=0.5), id="sgd"),
    pytest.param("L-BFGS-B", id="scipy"),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_lowers_the_loss_within_its_budget(
    tiny: FeatureModel, photo: Image, painting: Image, optimizer: Any
) -> None:
    loss = Content(photo) + 10 * Gram(painting)
    result = minimize(
        loss,
        tiny,
        images.noise(photo.shape[:2], uniform=(0, 255)),
        evaluations=25,
        optimizer=optimizer,
    )
    assert result.loss < 0.9 * result.history[0].loss
    assert result.evaluations == 25
    assert result.ending == "budget"
    assert result.reason == "the budget of 25 evaluations was used"
    assert result.image.dtype == np.float32
    assert result.image.shape == photo.shape
    assert 0 <= result.image.min() <= result.image.max() <= 255


@pytest.mark.slow
def test_it_meets_scipys_loss(tiny: FeatureModel, photo: Image, painting: Image) -> None:
    loss, start = (
        Content(photo) + 10 * Gram(painting),
        images.noise((24, 32), seed=3, uniform=(0, 255)),
    )
    ours, scipys = (
        minimize(loss, tiny, start, evaluations=60, optimizer=optimizer)
        for optimizer in (LBFGS(), "L-BFGS-B")
    )
    assert ours.loss < 1.05 * scipys.loss


@pytest.mark.slow
@pytest.mark.parametrize("evaluations", [1, 2, 3, 7, 20])
@pytest.mark.parametrize("optimizer", OPTIMIZERS[1:3])
def test_the_budget_is_never_exceeded(
    tiny: FeatureModel, photo: Image, painting: Image, evaluations: int, optimizer: Any
) -> None:
    loss = Gram(painting) + 1e-2 * Histogram(painting, refresh_every=4)
    result = minimize(loss, tiny, photo, evaluations=evaluations, optimizer=optimizer)
    assert result.evaluations == evaluations
    assert result.rounds == -(-evaluations // 4)


@pytest.mark.slow
def test_it_follows_scipy(tiny: FeatureModel, photo: Image, painting: Image) -> None:
    loss = Content(photo) + 10 * Gram(painting)
    objective = Objective(loss, tiny, (24, 32))
    start = images.noise((24, 32), seed=3, uniform=(0, 255))
    objective.refresh(start, round=0)

    def value_and_gradient(x: Any) -> Any:
        value = objective(x.reshape(start.shape).astype(np.float32))
        return value.loss, value.gradient.ravel().astype(float)

    theirs = scipy_minimize(
        value_and_gradient,
        start.ravel().astype(float),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 15, "ftol": 0, "gtol": 0},
    )
    ours = minimize(loss, tiny, start, evaluations=theirs.nfev, optimizer="L-BFGS-B")
    assert ours.loss == pytest.approx(theirs.fun, rel=1e-6)
    np.testing.assert_allclose(
        ours.image, np.clip(theirs.x.reshape(start.shape), 0, 255), atol=1e-3
    )


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", OPTIMIZERS[1:3])
def test_the_same_seed_gives_the_same_bits(
    tiny: FeatureModel, photo: Image, painting: Image, optimizer: Any
) -> None:
    loss = Gram(painting) + 1e-2 * Histogram(painting, refresh_every=5)
    first, second = (
        minimize(loss, tiny, photo, evaluations=17, optimizer=optimizer, seed=4) for _ in range(2)
    )
    np.testing.assert_array_equal(first.image, second.image)
    assert [(e.loss, e.terms) for e in first.history] == [(e.loss, e.terms) for e in second.history]


@pytest.mark.slow
def test_a_second_run_of_the_same_shapes_compiles_nothing(
    tiny: FeatureModel, photo: Image, painting: Image
) -> None:
    def loss(picture: Image) -> Any:
        return Gram(picture) + 1e-2 * Histogram(picture, refresh_every=5)

    minimize(loss(painting), tiny, photo, evaluations=12)
    compiled = len(tiny.compiled)
    minimize(2 * loss(255 - painting), tiny, 255 - photo, evaluations=12)
    assert len(tiny.compiled) == compiled


@pytest.mark.slow
def test_targets_are_refreshed_each_at_its_own_pace(
    tiny: FeatureModel, photo: Image, painting: Image
) -> None:
    log: list[Any] = []
    loss = (
        Gram(painting)
        + Moving(photo, every=4, log=log, name="four")
        + Moving(photo, every=6, log=log, name="six")
    )
    result = minimize(loss, tiny, images.noise(photo.shape[:2], uniform=(0, 255)), evaluations=13)
    # at 0 both, at 4 four, at 6 six, at 8 four, at 12 both
    assert [name for name, *_ in log] == ["four", "six", "four", "six", "four", "four", "six"]
    assert result.rounds == 5
    rounds = [entry.round for entry in result.history]
    assert rounds == sorted(rounds)
    assert set(rounds) == set(range(5))


@pytest.mark.slow
def test_pixels_are_clipped_between_rounds(tiny: FeatureModel, photo: Image) -> None:
    log: list[Any] = []
    start = images.noise(photo.shape[:2], normal=(128, 200))
    minimize(Moving(photo, every=3, log=log), tiny, start, evaluations=4)
    first, second = log
    assert first[1] < 0 < 255 < first[2]
    assert 0 <= second[1] < second[2] <= 255


@pytest.mark.slow
def test_rounds_cost_little(tiny: FeatureModel, photo: Image, painting: Image) -> None:
    loss, start = (
        Content(photo) + 10 * Gram(painting),
        images.noise((24, 32), seed=3, uniform=(0, 255)),
    )
    unbroken, broken = (
        minimize(loss, tiny, start, evaluations=100, restart_every=every).loss
        for every in (None, 20)
    )
    assert broken < 1.03 * unbroken


@pytest.mark.slow
def test_the_picture_is_the_lowest_of_the_last_round(
    tiny: FeatureModel, photo: Image, painting: Image
) -> None:
    loss = Content(photo) + 1e-1 * Histogram(painting, refresh_every=10)
    result = minimize(loss, tiny, photo, evaluations=25, optimizer=keras.optimizers.Adam(40.0))
    last = [entry.loss for entry in result.history if entry.round == 2]
    assert len(last) == 5
    assert result.loss == min(last)
    assert result.loss > min(entry.loss for entry in result.history)


def test_a_round_that_converges_early_is_refreshed_and_goes_on(
    tiny: FeatureModel, photo: Image
) -> None:
    log: list[Any] = []
    result = minimize(
        Moving(photo, every=100, log=log),
        tiny,
        images.noise(photo.shape[:2], uniform=(0, 255)),
        evaluations=100,
    )
    assert len(log) == result.rounds > 1
    assert result.evaluations < 100
    assert result.ending == "converged"
    assert result.reason.startswith("L-BFGS found no lower loss")
    np.testing.assert_allclose(result.image, photo, atol=1e-3)


def test_a_converged_run_says_so(tiny: FeatureModel, photo: Image) -> None:
    result = minimize(Towards(photo), tiny, 255 - photo, evaluations=100)
    assert result.rounds == 1
    assert "found no lower loss" in result.reason
    assert result.ending == "converged"
    assert str(result).endswith(result.reason)
    at_once = minimize(Towards(photo), tiny, photo, evaluations=100)
    assert at_once.loss == 0
    np.testing.assert_array_equal(at_once.image, photo)


def test_callbacks_are_told_every_iterate(
    tiny: FeatureModel, photo: Image, painting: Image
) -> None:
    steps: list[Step] = []
    loss = Content(photo) + 10 * Gram(painting)
    result = minimize(loss, tiny, photo, evaluations=15, callbacks=[steps.append])
    assert [s.evaluation for s in steps] == [e.evaluation for e in result.history]
    assert steps[0].evaluation == 1
    assert [s.loss for s in steps] == sorted((s.loss for s in steps), reverse=True)
    for step in steps:
        assert step.loss == pytest.approx(sum(step.weighted.values()), rel=1e-5)
        assert step.weighted == {"content": step.terms["content"], "gram": 10 * step.terms["gram"]}
        assert step.evaluations == 15
        assert 0 <= step.image.min() <= step.image.max() <= 255
    np.testing.assert_array_equal(steps[0].image, photo)
    assert steps[-1].loss == result.loss
    np.testing.assert_array_equal(steps[-1].image, result.image)
    with pytest.raises(AttributeError):
        steps[0].loss = 0.0  # type: ignore[misc]


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", OPTIMIZERS[1:3])
def test_what_a_callback_changes_is_its_own(
    tiny: FeatureModel, photo: Image, painting: Image, optimizer: Any
) -> None:
    steps: list[Step] = []

    def spoil(step: Step) -> None:
        step.image[:] = 0
        step.terms.update(gram=-1.0, other=2.0)
        step.weighted.clear()

    options = {"evaluations": 10, "optimizer": optimizer}
    told = minimize(Gram(painting), tiny, photo, callbacks=[spoil, steps.append], **options)
    plain = minimize(Gram(painting), tiny, photo, **options)
    np.testing.assert_array_equal(told.image, plain.image)
    assert [e.terms for e in told.history] == [e.terms for e in plain.history]
    assert [e.weighted for e in steps] == [e.weighted for e in plain.history]
    assert all(step.image.any() for step in steps)
    told.terms["gram"] = -1.0
    assert all(entry.terms["gram"] > 0 for entry in told.history)
    assert told.record["outcome"]["terms"] == plain.terms


@pytest.mark.parametrize("optimizer", OPTIMIZERS[1:3])
def test_a_callback_can_stop_a_run(tiny: FeatureModel, photo: Image, optimizer: Any) -> None:
    def stop(step: Step) -> None:
        if step.evaluation >= 5:
            raise StopIteration("good enough")

    result = minimize(
        Content(255 - photo), tiny, photo, callbacks=[stop], evaluations=50, optimizer=optimizer
    )
    assert result.evaluations == result.history[-1].evaluation
    assert 5 <= result.evaluations <= 7
    assert result.ending == "stopped"
    assert result.reason == f"a callback stopped it at evaluation {result.evaluations}: good enough"
    assert result.loss == min(entry.loss for entry in result.history)


def test_callbacks_that_are_context_managers_are_closed(tiny: FeatureModel, photo: Image) -> None:
    class Managed:
        events: list[str] = []  # noqa: RUF012

        def __enter__(self) -> None:
            self.events.append("enter")

        def __call__(self, step: Step) -> None:
            if step.evaluation >= 2:
                raise RuntimeError("broken callback")

        def __exit__(self, *_: object) -> None:
            self.events.append("exit")

    with pytest.raises(RuntimeError, match="broken callback"):
        minimize(Content(255 - photo), tiny, photo, callbacks=[Managed()])
    assert Managed.events == ["enter", "exit"]


@pytest.mark.parametrize("kind", [OSError, SystemExit, GeneratorExit, Own, Frozen, Reserved])
@pytest.mark.parametrize("where", ["step", "exit"])
def test_an_exception_in_a_callback_loses_nothing(
    tiny: FeatureModel, photo: Image, tmp_path: Path, where: str, kind: type[BaseException]
) -> None:
    class Failing:
        def __enter__(self) -> None: ...

        def __call__(self, step: Step) -> None:
            if where == "step" and step.evaluation >= 4:
                raise kind("no space for the log")

        def __exit__(self, *_: object) -> None:
            if where == "exit":
                raise kind("no space for the log")

    path = tmp_path / "out.png"
    # Python sets the context of what an __exit__ raises, which a frozen exception refuses.
    with pytest.raises((kind, FrozenInstanceError)) as raised:
        minimize(
            Content(255 - photo), tiny, photo, callbacks=[Failing()], evaluations=9, output=path
        )
    error: Any = raised.value
    result = vars(error)["result"]
    assert result.loss < result.history[0].loss
    np.testing.assert_array_equal(images.load(path), np.rint(result.image))
    assert str(path) in "".join(error.__notes__)


@pytest.mark.parametrize("kind", [ValueError, Own])
def test_a_callback_may_hold_back_what_ends_a_run(
    tiny: FeatureModel, photo: Image, tmp_path: Path, kind: type[BaseException]
) -> None:
    class Forgiving:
        def __enter__(self) -> None: ...

        def __call__(self, step: Step) -> None:
            if step.evaluation >= 4:
                raise kind("never mind")

        def __exit__(self, *_: object) -> bool:
            return True

    path = tmp_path / "out.png"
    result = minimize(
        Content(255 - photo), tiny, photo, callbacks=[Forgiving()], evaluations=9, output=path
    )
    spent = f"{kind.__name__} after {result.evaluations} evaluations"
    assert result.reason == f"{spent}, which a callback held back"
    assert result.ending == "failed"
    np.testing.assert_array_equal(images.load(path), np.rint(result.image))
    with pytest.raises(NonFiniteLossError):  # there is no picture to go on with
        minimize(Fragile(photo, floor=300.0), tiny, photo, callbacks=[Forgiving()])


class Inside(StatisticLoss):
    """The mean of −x − 30 log(260 − x), lowest at 230; from 259 on it breaks in a way."""

    role = "none"
    layers = ("image",)
    breaks: str

    def statistic(self, x: Any, mean: Any) -> Any:
        loss = -x - 30 * keras.ops.log(260 - keras.ops.minimum(x, 259.0))
        if self.breaks == "gradient":  # of √0, which is 0, it is NaN
            loss += 0 * keras.ops.sqrt(keras.ops.abs(259 - x) - (x - 259))
        else:
            loss = keras.ops.where(x > 259, float(self.breaks), loss)
        return mean(loss)

    def distance(self, current: Any, target: Any) -> Any:
        return keras.ops.mean(current)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("breaks", "options"),
    [
        ("nan", {}),
        ("inf", {}),
        ("gradient", {}),
        ("gradient", {"optimizer": "L-BFGS-B"}),
        ("nan", {"optimizer": keras.optimizers.Adam(100.0)}),
        ("nan", {"parameterization": "frequencies"}),
        ("nan", {"scales": (8,)}),
        ("gradient", {"tile": 12}),
    ],
)
def test_a_trial_that_is_not_finite_shortens_the_step(
    tiny: FeatureModel, breaks: str, options: Any
) -> None:
    start = np.full((16, 16, 3), 100.0)
    start[:8] = 130
    result = minimize(Inside(breaks), tiny, start, evaluations=40, **options)
    assert abs(result.image - 230).mean() < 20  # Adam's steps are long
    losses = [entry.loss for entry in result.history]
    assert np.isfinite(losses).all()
    assert result.loss == min(e.loss for e in result.history if e.scale == result.scale)
    assert len(losses) < result.evaluations
    assert "finite" not in result.reason


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", [*OPTIMIZERS[1:3], "L-BFGS-B"])
def test_a_run_without_a_finite_step_ends_with_what_it_has(
    tiny: FeatureModel, optimizer: Any
) -> None:
    dark, bright = np.full((8, 8, 3), 20.0), np.full((8, 8, 3), 200.0)
    loss = TotalVariation() + Fragile(dark, floor=200.0)
    result = minimize(loss, tiny, bright, evaluations=500, optimizer=optimizer)
    assert result.evaluations < 100
    assert result.ending == "not finite"
    assert re.search("the loss is not finite at evaluation [0-9]+: fragile$", result.reason)
    np.testing.assert_array_equal(result.image, bright)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", OPTIMIZERS[1:3])
def test_a_run_goes_on_beside_what_is_not_finite(tiny: FeatureModel, optimizer: Any) -> None:
    dark, bright = np.full((8, 8, 3), 20.0), np.full((8, 8, 3), 200.0)
    loss = TotalVariation() + Fragile(dark, floor=100.0)
    result = minimize(loss, tiny, bright, evaluations=200, optimizer=optimizer)
    assert 100 <= result.image.min() < 101


def test_a_loss_that_is_broken_from_the_start_is_an_error(tiny: FeatureModel, photo: Image) -> None:
    with pytest.raises(NonFiniteLossError, match="at evaluation 1: fragile; check the weights"):
        minimize(Fragile(photo, floor=300.0), tiny, photo)


def test_a_loss_that_breaks_in_a_later_round_keeps_the_picture_of_the_earlier(
    tiny: FeatureModel, photo: Image
) -> None:
    class Spoiled(Moving):
        def target(self, references: Any, current: Any, rng: Any) -> Any:
            target = super().target(references, current, rng)
            return target if len(self.log) == 1 else {"image": target["image"] * np.nan}

    log: list[Any] = []
    result = minimize(Spoiled(255 - photo, every=4, log=log), tiny, photo, evaluations=20)
    assert "not finite at evaluation 5: moving" in result.reason
    assert result.loss < result.history[0].loss


@pytest.mark.parametrize("evaluations", [0, -1, 2.5, "10", None, True])
def test_the_budget_is_a_positive_whole_number(
    tiny: FeatureModel, photo: Image, evaluations: Any
) -> None:
    with pytest.raises(OptionError, match="evaluations: expected a positive whole number"):
        minimize(Content(photo), tiny, photo, evaluations=evaluations)


@pytest.mark.parametrize(
    ("optimizer", "got"),
    [
        ("adam", "the text 'adam'."),
        ("LBFGS", "the text 'LBFGS'."),
        (3, "3."),
        *((kind, f"make one, {kind.__name__}(…)") for kind in (Adam, LBFGS)),
    ],
)
def test_what_is_no_optimizer_is_refused(
    tiny: FeatureModel, photo: Image, optimizer: Any, got: str
) -> None:
    with pytest.raises(
        OptionError, match=r"expected neural_style.LBFGS\(\), 'L-BFGS-B' .*" + re.escape(got)
    ):
        minimize(Content(photo), tiny, photo, optimizer=optimizer)


def test_arguments_in_another_order_are_said(tiny: FeatureModel, photo: Image) -> None:
    loss = Content(photo)
    losses: list[Any] = [tiny, photo, Content, [loss], sum([])]
    for first in losses:
        with pytest.raises(LossError, match=r"expected a Loss or a sum of losses, got .*; "):
            minimize(first, tiny, photo)
    models: list[tuple[Any, str]] = [
        (photo, "'vgg19'"),
        ("vgg16", "'vgg16'"),
        (FeatureModel, "'vgg19'"),
        (tiny._network, "model, preprocess="),
    ]
    for second, remedy in models:
        with pytest.raises(OptionError, match=r"got .*; write FeatureModel\(" + remedy):
            minimize(loss, second, photo)


FACTORIES = [getattr(callbacks, name) for name in callbacks.__all__]


@pytest.mark.parametrize("callback", [*FACTORIES, keras.callbacks.CSVLogger, "progress", 5])
def test_what_makes_a_callback_is_none(tiny: FeatureModel, photo: Image, callback: Any) -> None:
    for given in (callback, [callback]):
        with pytest.raises(OptionError, match="callbacks: expected a list of functions, got") as e:
            minimize(Content(photo), tiny, photo, callbacks=given)
        assert not callable(callback) or f"{callback.__name__}(…)" in str(e.value)


@pytest.mark.parametrize("history", [0, 1.5, None])
def test_a_history_is_a_positive_whole_number(
    tiny: FeatureModel, photo: Image, history: Any
) -> None:
    with pytest.raises(OptionError, match="history: expected"):
        minimize(Content(photo), tiny, photo, optimizer=LBFGS(history))


@pytest.mark.slow
def test_a_run_can_be_restarted_without_a_refresh(tiny: FeatureModel, photo: Image) -> None:
    start = images.noise(photo.shape[:2], normal=(128, 200))
    loss = Content(photo) + TotalVariation()
    result = minimize(loss, tiny, start, evaluations=15, restart_every=5)
    assert result.rounds == 3
    assert next(entry.evaluation for entry in result.history if entry.round == 1) == 6
    for wrong in (0, 2.5):
        with pytest.raises(OptionError, match="restart_every: expected a positive"):
            minimize(Content(photo), tiny, photo, restart_every=wrong)  # type: ignore[arg-type]


def test_steps_can_be_clipped(tiny: FeatureModel, photo: Image) -> None:
    loss = Towards(np.full(photo.shape, 250.0))
    start = np.full(photo.shape, 100.0)
    overshoot = keras.optimizers.SGD(float(photo.size))  # from 100 to 400
    losses = [
        minimize(loss, tiny, start, evaluations=2, optimizer=overshoot, clip=clip).history[1].loss
        for clip in ("round", "step")
    ]
    assert losses == pytest.approx([150**2, 5**2])
    with pytest.raises(OptionError, match="clip='step' is for a Keras optimizer"):
        minimize(loss, tiny, photo, clip="step")
    with pytest.raises(OptionError, match="clip: expected 'round' or 'step', got 'never'"):
        minimize(loss, tiny, photo, clip="never")  # type: ignore[arg-type]


@pytest.mark.slow
def test_lbfgs_needs_room_to_move_between_refreshes(tiny: FeatureModel, photo: Image) -> None:
    loss = Histogram(photo, refresh_every=1)
    with pytest.raises(OptionError, match="a round of one evaluation"):
        minimize(loss, tiny, photo)
    adam = keras.optimizers.Adam(1.0)
    result = minimize(loss + Content(255 - photo), tiny, photo, evaluations=5, optimizer=adam)
    assert result.rounds == 5
    assert result.history[-1].terms["content"] < result.history[0].terms["content"]


@pytest.mark.parametrize(
    "start", ["photo.jpg", np.zeros((8, 8)), np.full((8, 8, 3), np.nan), None], ids=str
)
def test_what_is_no_picture_is_no_start(tiny: FeatureModel, photo: Image, start: Any) -> None:
    with pytest.raises(ImageError, match="start: "):
        minimize(Content(photo), tiny, start)


def test_a_start_of_another_size_than_the_content_is_refused(
    tiny: FeatureModel, photo: Image
) -> None:
    with pytest.raises(LossError, match="resize the reference to the picture's size"):
        minimize(Content(photo), tiny, photo[:-2])


@pytest.mark.parametrize("name", ["out.xyz", "file/out.png"])
def test_the_output_is_checked_before_the_run(
    tiny: FeatureModel, photo: Image, tmp_path: Path, name: str
) -> None:
    def never(step: Step) -> None:
        raise AssertionError("the run began")

    (tmp_path / "file").touch()
    with pytest.raises(ImageError, match=r"suffix|cannot be written"):
        minimize(Content(photo), tiny, photo, callbacks=[never], output=tmp_path / name)


def test_the_output_is_written(tiny: FeatureModel, photo: Image, tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    result = minimize(Content(photo), tiny, photo, evaluations=2, output=path)
    np.testing.assert_array_equal(images.load(path), np.rint(result.image))


def test_a_margin_is_painted_and_cut_off(tiny: FeatureModel, photo: Image) -> None:
    """Pictures are those of the run without a margin, less two pixels; one at half of the size."""
    opacity = np.linspace(0, 255, 24 * 32, dtype=np.float32).reshape(24, 32)

    def run(margin: int) -> tuple[Result, list[Image]]:
        steps: list[Image] = []
        result = minimize(
            Towards(255 - photo),
            tiny,
            photo,
            scales=(16,),
            evaluations=3,
            margin=margin,
            opacity=opacity,
            callbacks=[lambda step: steps.append(step.image)],
        )
        return result, steps

    (whole, whole_steps), (cut, cut_steps) = run(0), run(2)
    np.testing.assert_array_equal(cut.image, whole.image[2:-2, 2:-2])
    np.testing.assert_array_equal(cut.opacity, opacity[2:-2, 2:-2])
    assert cut.loss == whole.loss
    assert {step.shape for step in cut_steps} == {(10, 14, 3), (20, 28, 3)}
    for a, b in zip(whole_steps, cut_steps, strict=True):
        margin = 2 if len(a) == 24 else 1
        np.testing.assert_array_equal(b, a[margin:-margin, margin:-margin])


def test_colors_are_restored_within_the_margin(tiny: FeatureModel, photo: Image) -> None:
    chroma = images.noise((24, 32), uniform=(100, 150), seed=4)
    runs = [
        minimize(Towards(photo), tiny, photo, evaluations=2, chroma=chroma, margin=margin)
        for margin in (0, 3)
    ]
    np.testing.assert_allclose(runs[1].image, runs[0].image[3:-3, 3:-3], atol=1e-4)


@pytest.mark.parametrize("margin", [-1, 12, 2.0, True, "2"])
def test_a_margin_leaves_a_picture(tiny: FeatureModel, photo: Image, margin: Any) -> None:
    with pytest.raises(OptionError, match="margin: expected a whole number of pixels from 0, less"):
        minimize(Towards(photo), tiny, photo, margin=margin)
