"""Signals that end a run: once with what it has, twice at once."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neural_style import FeatureModel, Result, Step, images, minimize
from neural_style.extensions import Content, TotalVariation
from neural_style.images import Image
from neural_style.runs import interrupts

pytestmark = pytest.mark.slow

SIGNALS = [
    pytest.param(signal.SIGINT, "interrupted (Ctrl-C)", "interrupted", id="SIGINT"),
    pytest.param(signal.SIGTERM, "terminated (SIGTERM)", "terminated", id="SIGTERM"),
]


@pytest.mark.parametrize(("number", "said", "ending"), SIGNALS)
def test_a_signal_ends_with_the_best_picture_so_far(
    tiny: FeatureModel, photo: Image, tmp_path: Path, number: int, said: str, ending: str
) -> None:
    def interrupt(step: Step) -> None:
        if step.evaluation >= 4:
            os.kill(os.getpid(), number)

    path = tmp_path / "out.png"
    result = minimize(
        Content(255 - photo), tiny, photo, callbacks=[interrupt], evaluations=500, output=path
    )
    assert result.reason == f"{said} after {result.evaluations} evaluations"
    assert result.ending == result.record["outcome"]["ending"] == ending
    assert result.evaluations < 10
    np.testing.assert_array_equal(images.load(path), np.rint(result.image))


def test_ctrl_c_after_the_last_evaluation_is_told(tiny: FeatureModel, photo: Image) -> None:
    class Late:
        def __enter__(self) -> None: ...

        def __call__(self, step: Step) -> None: ...

        def __exit__(self, *_: object) -> None:
            os.kill(os.getpid(), signal.SIGINT)

    result = minimize(Content(255 - photo), tiny, photo, callbacks=[Late()], evaluations=3)
    assert result.reason == "interrupted (Ctrl-C) after 3 evaluations"
    assert result.record["outcome"]["reason"] == result.reason


@pytest.mark.parametrize("at", [0, 4])
@pytest.mark.parametrize(
    ("numbers", "kind"),
    [
        ([signal.SIGINT, signal.SIGINT], KeyboardInterrupt),
        ([signal.SIGINT, signal.SIGTERM], SystemExit),
        ([signal.SIGTERM, signal.SIGTERM], SystemExit),
    ],
)
def test_two_signals_leave_at_once(
    tiny: FeatureModel, photo: Image, at: int, numbers: list[int], kind: type[BaseException]
) -> None:
    def interrupt(step: Step) -> None:
        if step.evaluation >= at:
            for number in numbers:
                os.kill(os.getpid(), number)

    usual = {number: signal.getsignal(number) for number in numbers}
    with pytest.raises(kind) as raised:
        minimize(Content(255 - photo), tiny, photo, callbacks=[interrupt], evaluations=50)
    assert getattr(raised.value, "code", 143) == 143
    assert usual == {number: signal.getsignal(number) for number in numbers}


def test_the_first_signal_is_passed_on_where_there_is_something_to_lose() -> None:
    heard: list[int] = []
    with pytest.raises(SystemExit), interrupts.Interrupts(heard.append) as outer:  # noqa: PT012
        assert interrupts.entered()
        outer.ready = True
        with interrupts.Interrupts() as inner:
            inner.ready = True
            os.kill(os.getpid(), signal.SIGINT)
            assert outer.asked == inner.asked == "interrupted"
            os.kill(os.getpid(), signal.SIGTERM)
    assert heard == [signal.SIGINT]
    assert not interrupts.entered()


@pytest.mark.parametrize(("number", "said", "ending"), SIGNALS)
def test_a_signal_ends_a_run_and_what_its_callback_began(
    tiny: FeatureModel, photo: Image, number: int, said: str, ending: str
) -> None:
    inner: list[Result] = []

    def interrupt(step: Step) -> None:
        if step.evaluation >= 3:
            os.kill(os.getpid(), number)

    def begin(step: Step) -> None:
        for _ in range(2):
            inner.append(
                minimize(TotalVariation(), tiny, photo, callbacks=[interrupt], evaluations=50)
            )

    outer = minimize(Content(255 - photo), tiny, photo, callbacks=[begin], evaluations=50)
    assert [each.ending for each in (*inner, outer)] == [ending] * 3
    assert [each.evaluations for each in inner][1] == outer.evaluations == 1
    assert not interrupts._entered


def test_a_signal_before_the_first_picture_of_what_a_callback_began(
    tiny: FeatureModel, photo: Image
) -> None:
    class Early:
        def __enter__(self) -> None:
            os.kill(os.getpid(), signal.SIGTERM)

        def __call__(self, step: Step) -> None: ...

        def __exit__(self, *_: object) -> None: ...

    def begin(step: Step) -> None:
        minimize(TotalVariation(), tiny, photo, callbacks=[Early()], evaluations=50)

    outer = minimize(Content(255 - photo), tiny, photo, callbacks=[begin], evaluations=50)
    assert (outer.ending, outer.evaluations) == ("terminated", 1)
    with pytest.raises(SystemExit):
        minimize(TotalVariation(), tiny, photo, callbacks=[Early()], evaluations=50)


def test_a_run_in_another_thread_leaves_the_handlers(tiny: FeatureModel, photo: Image) -> None:
    seen: list[Any] = []

    def look(step: Step) -> None:
        seen.append((signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)))

    def run() -> None:
        minimize(TotalVariation(), tiny, photo, callbacks=[look], evaluations=2)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert set(seen) == {(signal.SIG_DFL, signal.default_int_handler)}


def test_another_handler_of_ctrl_c_stays(tiny: FeatureModel, photo: Image) -> None:
    heard: list[int] = []
    usual = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    try:
        interrupt = [lambda step: os.kill(os.getpid(), signal.SIGINT)]
        result = minimize(Content(255 - photo), tiny, photo, callbacks=interrupt, evaluations=3)
    finally:
        signal.signal(signal.SIGINT, usual)
    assert result.evaluations == 3
    assert len(heard) == len(result.history)
