"""Bad input: every case of the corpus ends in an error of the library, or in a sound result."""

from __future__ import annotations

import contextlib
import signal
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import corpus
import fuzz
import pytest

from neural_style import FeatureModel
from neural_style.errors import StyleError

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_search")]

CASES = corpus.cases()


@contextlib.contextmanager
def no_hang(seconds: float = 10) -> Iterator[None]:
    """Fail what computes for longer, or waits for a minute."""
    late = False

    def stop(*_: Any) -> None:
        nonlocal late
        late = True
        raise TimeoutError(f"not done after {seconds} seconds")

    timers = {
        signal.SIGPROF: (signal.ITIMER_PROF, seconds),
        signal.SIGALRM: (signal.ITIMER_REAL, 60),
    }
    before = {number: signal.signal(number, stop) for number in timers}
    try:
        for timer, limit in timers.values():
            signal.setitimer(timer, limit)
        yield
    finally:
        for number, (timer, _) in timers.items():
            signal.setitimer(timer, 0)
            signal.signal(number, before[number])
        assert not late, f"not done after {seconds} seconds"


def test_there_are_enough_cases_of_every_kind() -> None:
    kinds = Counter(case.kind for case in CASES)
    assert len(CASES) >= 300
    assert min(kinds.values()) >= 20, kinds
    assert all(case.error or case.sound for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_bad_input_is_refused_or_read_soundly(
    case: corpus.Case, tmp_path: Path, tiny: FeatureModel
) -> None:
    error, value = None, None
    with corpus.World(tmp_path, tiny) as world, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as a user's program has them
        with no_hang():
            try:
                value = case.attempt(world)
            except StyleError as caught:
                error = caught
        left = world.left()
    if error is not None:
        assert case.error, f"refused: {error}"
        assert isinstance(error, case.error)
        assert len(str(error)) > 20
        assert not left
    else:
        assert case.sound, f"not refused: {value!r}"
        assert case.sound(value)
        assert not [name for name in left if ".part" in name]


@pytest.mark.parametrize("check", fuzz.PROPERTIES, ids=lambda check: check.__name__)
def test_random_input_is_refused_or_read_soundly(check: Any) -> None:
    before = fuzz.outcomes.total()
    fuzz.run(check, 100)
    assert fuzz.outcomes.total() - before >= 50
