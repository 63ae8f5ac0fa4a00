"""Sweeps: every combination, failures as values, and results that are kept."""

from __future__ import annotations

import io
import logging
import math
import multiprocessing
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from corpus.sweeps import Opaque

import neural_style
from neural_style import FeatureModel, Result, Step, images, minimize
from neural_style.errors import OptionError
from neural_style.extensions import Content
from neural_style.images import Image
from neural_style.runs import storage
from neural_style.runs.result import Entry
from neural_style.sweeps.sweep import Outcome, sweep
from neural_style.sweeps.workers import Workers

GRID = {"seed": [0, 1], "size": [4, 6, 8]}
SETTINGS = [{"seed": seed, "size": size} for seed in (0, 1) for size in (4, 6, 8)]


def made(seed: int, size: int) -> Result:
    """A result with a picture of fractions, and numbers that no decimal has."""
    entry = Entry(1, 0, 1 / 3, {"content": 0.1}, {"content": 1 / 3}, 0.7)
    last = replace(entry, evaluation=2, loss=1e-300)
    picture = images.noise((size, size + 1), seed=seed)
    return Result(
        picture, 1e-300, {"content": 0.1}, {}, (entry, last), 2, 1, math.pi, seed, "α – done"
    )


class Run:
    """A run that counts its calls and fails, or worse, where it is told to."""

    def __init__(self, fails: dict[tuple[int, int], BaseException] | None = None) -> None:
        self.fails = fails or {}
        self.calls: list[dict[str, int]] = []

    def __call__(self, seed: int, size: int) -> Result:
        self.calls.append({"seed": seed, "size": size})
        if (seed, size) in self.fails:
            raise self.fails[seed, size]
        return made(seed, size)


class AtOnce(Executor):
    """Runs when something is submitted, as an executor that is none of Python's."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def same(first: Result | None, second: Result | None) -> bool:
    """Whether two results are equal in every number and every bit of the picture."""
    if first is None or second is None:
        return False
    one, other = dict(vars(first)), dict(vars(second))
    pictures = one.pop("image"), other.pop("image")
    return (
        repr(one) == repr(other)  # in which NaN is NaN, and 1 is not 1.0
        and pictures[0].dtype == pictures[1].dtype
        and pictures[0].shape == pictures[1].shape
        and pictures[0].tobytes() == pictures[1].tobytes()
    )


def never(**settings: Any) -> Result:
    raise AssertionError("a run began")


def swept(run: Callable[..., Result], grid: Any, **options: Any) -> list[Outcome]:
    """A sweep for which all runs are the same."""
    return sweep(Opaque(run), grid, version="1", **options)


EXECUTORS = [
    pytest.param(lambda: nullcontext(None), id="here"),
    pytest.param(lambda: ThreadPoolExecutor(2), id="threads"),
    pytest.param(AtOnce, id="another"),
]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_every_combination_is_run_and_returned_in_order(executor: Any) -> None:
    with executor() as pool:
        outcomes = sweep(made, GRID, executor=pool)
    assert [outcome.settings for outcome in outcomes] == SETTINGS
    for outcome in outcomes:
        assert outcome.error is None
        assert same(outcome.result, made(**outcome.settings))


def test_the_order_is_the_grid_s_even_where_the_last_finishes_first() -> None:
    finished = {2: threading.Event(), 1: threading.Event()}

    def run(seed: int) -> Result:
        if seed < 2:
            assert finished[seed + 1].wait(10)
        if seed:
            finished[seed].set()
        return made(seed, 4)

    told: list[int] = []
    with ThreadPoolExecutor(3) as pool:
        outcomes = sweep(
            run,
            {"seed": range(3)},
            executor=pool,
            callbacks=[lambda outcome: told.append(outcome.settings["seed"])],
        )
    assert [outcome.settings["seed"] for outcome in outcomes] == [0, 1, 2]
    assert sorted(told) == [0, 1, 2]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_failure_is_a_value_and_the_others_go_on(
    executor: Any, caplog: pytest.LogCaptureFixture
) -> None:
    error = ValueError("no such layer")
    with executor() as pool:
        outcomes = sweep(Run({(0, 6): error}), GRID, executor=pool)
    assert outcomes[1].error is error
    assert outcomes[1].result is None
    assert str(outcomes[1]) == "seed=0, size=6: ValueError: no such layer"
    assert sum(outcome.result is not None for outcome in outcomes) == 5
    assert caplog.messages == ["Run 2 of 6: seed=0, size=6: ValueError: no such layer"]


def test_an_outcome_says_what_was_run_and_what_came(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    (outcome,) = sweep(made, {"seed": [3], "size": [4]})
    text = "seed=3, size=4: loss 1e-300 after 2 evaluations in 3 s: α – done"
    assert str(outcome) == text
    assert caplog.messages == [f"Run 1 of 1: {text}"]
    with pytest.raises(AttributeError):
        outcome.error = None  # type: ignore[misc]


def test_what_is_no_result_is_a_failure() -> None:
    (outcome,) = sweep(lambda seed: None, {"seed": [0]})  # type: ignore[arg-type, return-value]
    assert isinstance(outcome.error, TypeError)
    assert "expected it to return a Result, got NoneType" in str(outcome)


def spawning() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))


@pytest.mark.slow
@pytest.mark.parametrize("pool", [spawning, Workers])
def test_a_pool_of_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pool: Callable[[], Executor]
) -> None:
    (tmp_path / "spawned.py").write_text(
        "import os\n"
        "from neural_style import images\n"
        "from neural_style.runs.result import Result\n"
        "def run(seed):\n"
        "    if seed == 1:\n"
        "        raise ValueError('no such seed')\n"
        "    return Result(images.noise((4, 5), seed=seed), 0.1, {}, {}, (), 1, 1, 0.5,\n"
        "                  seed, f'done by {os.getpid()}')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import spawned  # type: ignore[import-not-found]

    folder = tmp_path / "kept"
    with pool() as executor:
        outcomes = sweep(spawned.run, {"seed": range(3)}, executor=executor, folder=folder)
    assert [str(outcome.error) for outcome in outcomes] == ["None", "no such seed", "None"]
    for seed in (0, 2):
        result = outcomes[seed].result
        assert result is not None
        assert str(os.getpid()) not in result.reason
        np.testing.assert_array_equal(result.image, images.noise((4, 5), seed=seed))
    again = sweep(spawned.run, {"seed": [0, 2]}, folder=folder)
    assert all(same(a.result, outcomes[2 * i].result) for i, a in enumerate(again))


@pytest.mark.parametrize(
    ("run", "grid"),
    [(lambda seed: made(seed, 4), {"seed": [0]}), (made, {"seed": [0], "size": [lambda: 4]})],
    ids=["run", "settings"],
)
@pytest.mark.parametrize("pool", [spawning, Workers])
def test_what_another_process_cannot_have_is_refused(
    run: Any, grid: Any, pool: Callable[[], Executor]
) -> None:
    with (
        pool() as executor,
        pytest.raises(OptionError, match=r"cannot be sent to another process .* use threads"),
    ):
        sweep(run, grid, executor=executor)


@pytest.mark.parametrize("executor", [4, "threads", ThreadPoolExecutor], ids=str)
def test_what_is_no_executor_is_refused(executor: Any) -> None:
    with pytest.raises(OptionError, match=r"executor: expected a concurrent\.futures\.Executor"):
        sweep(never, GRID, executor=executor)


@pytest.mark.parametrize(
    "grid",
    [
        None,
        {},
        [("seed", [0])],
        {1: [0]},
        {"seed": 3},
        {"seed": "012"},
        {"seed": []},
        {"seed": iter(())},
        {"seed": {0, 1}},
        {"seed": {0: 1}},
    ],
)
def test_what_is_no_grid_is_refused(grid: Any) -> None:
    with pytest.raises(OptionError, match="grid: expected"):
        sweep(never, grid)


def test_any_iterable_has_values() -> None:
    grid = {"seed": (n for n in (1, 0)), "size": np.array([5, 4])}
    assert [tuple(outcome.settings.values()) for outcome in sweep(made, grid)] == [
        (1, 5),
        (1, 4),
        (0, 5),
        (0, 4),
    ]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_what_is_finished_is_not_run_again(executor: Any, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "kept"
    run = Run({(1, 4): ValueError("for once")})
    with executor() as pool:
        first = swept(run, GRID, executor=pool, folder=folder)
    assert len(run.calls) == 6
    assert len(list(folder.iterdir())) == 5
    run = Run()
    with executor() as pool:
        second = swept(run, GRID, executor=pool, folder=folder)
    assert run.calls == [{"seed": 1, "size": 4}]
    assert [outcome.settings for outcome in second] == SETTINGS
    for before, after in zip(first, second, strict=True):
        assert same(after.result, before.result or made(1, 4))
    third = swept(never, GRID, folder=folder)
    assert all(same(a.result, b.result) for a, b in zip(second, third, strict=True))


@pytest.mark.slow
def test_a_result_with_many_inputs_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 10**6)
    inputs = {str(seed): np.full((1000, 1000, 3), seed, np.float32) for seed in range(8)}
    swept(lambda seed: replace(made(seed, 4), pictures=inputs), {"seed": [0]}, folder=tmp_path)
    (outcome,) = swept(never, {"seed": [0]}, folder=tmp_path)
    assert outcome.result is not None
    np.testing.assert_equal(outcome.result.pictures, inputs)


@pytest.mark.parametrize("folder", [5, "a" * 5000], ids=["number", "long"])
def test_what_is_no_path_is_refused(folder: Any) -> None:
    with pytest.raises(OptionError, match="folder: expected a path, got"):
        sweep(never, GRID, folder=folder)


SCRIPT = """
import sys

import keras

import neural_style as ns
from neural_style.extensions import Content, Gram

photo, painting = (ns.images.noise((16, 16), seed=seed) for seed in (1, 2))
keras.utils.set_random_seed(1)
network = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(4, 3, name="a")])
features = ns.FeatureModel(network, preprocess="caffe")

def gram(weight):
    return 2 * weight * Gram(painting, layers=["a"])

def run(start, weight):
    image = photo if start == "photo" else ns.images.noise(photo.shape[:2])
    return ns.minimize(Content(photo, layers=["a"]) + gram(weight), features, image, evaluations=2)

outcomes = ns.sweep(run, {"start": ["photo", "noise"], "weight": [5e-4]}, folder=sys.argv[1])
"""


@pytest.mark.slow
def test_a_run_that_is_another_in_a_later_process_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    script, folder = tmp_path / "script.py", tmp_path / "kept"
    rest = "1.0, {}, {}, (), 1, 1, 0.0, 0, 'done'"
    unrun = f"import neural_style as ns; ns.minimize = lambda *a, **_: ns.Result(a[2], {rest})"
    script.write_text(f"{unrun}\n# A comment.\n{SCRIPT}")
    environ = {**os.environ, "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, script, folder], check=True, env=environ)
    monkeypatch.setattr(sys, "argv", ["script.py", str(folder)])

    def runs(source: str) -> int:
        calls: list[Any] = []

        def minimize(*arguments: Any, **_: Any) -> Result:
            calls.append(arguments)
            return made(0, 4)

        monkeypatch.setattr(neural_style, "minimize", minimize)
        caplog.clear()
        exec(compile(source, "script.py", "exec", dont_inherit=True), {})
        return len(calls)

    assert runs(SCRIPT) == 0
    source = SCRIPT
    for was, now, name in (
        ("seed in (1, 2)", "seed in (3, 2)", "photo"),
        ("evaluations=2", "evaluations=3", "its code"),
        ("2 * weight", "3 * weight", "gram"),
        ('name="a")]', 'name="a"), keras.layers.LeakyReLU(0.2)]', "features"),
    ):
        assert source.count(was) == 1
        source = source.replace(was, now)
        assert runs(source) == 2
        again = [message for message in caplog.messages if "is repeated" in message]
        assert len(again) == 2
        assert all(message.endswith(f"because this has changed: {name}") for message in again)
        assert runs(source) == 0


def test_what_is_of_another_run_stays_until_the_new_one_is_done(tmp_path: Path) -> None:
    sweep(lambda seed: made(0, 4), {"seed": [0]}, folder=tmp_path)
    (path,) = tmp_path.iterdir()
    before = path.read_bytes()
    (outcome,) = sweep(lambda seed: never(), {"seed": [0]}, folder=tmp_path)
    assert isinstance(outcome.error, AssertionError)
    assert path.read_bytes() == before
    sweep(lambda seed: made(1, 4), {"seed": [0]}, folder=tmp_path)
    assert path.read_bytes() != before


def test_a_larger_grid_takes_what_a_smaller_one_has_kept(tmp_path: Path) -> None:
    swept(made, {"size": (4,), "seed": np.arange(2)}, folder=tmp_path)
    run = Run()
    swept(run, {"seed": [0, 1, 2], "size": [4]}, folder=tmp_path)
    assert run.calls == [{"seed": 2, "size": 4}]


@pytest.mark.parametrize(
    "number", [math.nan, math.inf, -0.0, 5e-324, 0.1 + 0.2, np.float64(1 / 3)], ids=repr
)
def test_numbers_come_back_as_they_were(tmp_path: Path, number: float) -> None:
    result = replace(made(0, 4), loss=float(number), terms={"b": number, "a": 1.0})
    swept(lambda seed: result, {"seed": [0]}, folder=tmp_path)
    (outcome,) = swept(never, {"seed": [0]}, folder=tmp_path)
    assert same(outcome.result, replace(result, terms={"b": float(number), "a": 1.0}))


def test_numpy_s_numbers_come_back_as_python_s(tmp_path: Path) -> None:
    numbers: dict[str, Any] = {"seed": np.int64(3), "loss": np.float32(0.1)}
    result = replace(made(0, 4), **numbers)
    swept(lambda seed: result, {"seed": [0]}, folder=tmp_path)
    (outcome,) = swept(never, {"seed": [0]}, folder=tmp_path)
    assert same(outcome.result, replace(result, seed=3, loss=float(np.float32(0.1))))


def test_settings_of_other_types_are_other_settings(tmp_path: Path) -> None:
    values = [1, 1.0, True, "1", None, "", [1], [[1]], {"a": 1}, {"a": True}, "α"]
    run = {repr(value): made(0, 2 + i) for i, value in enumerate(values)}
    for value in values:
        swept(lambda value: run[repr(value)], {"value": [value]}, folder=tmp_path)
    outcomes = swept(never, {"value": values}, folder=tmp_path)
    for outcome, value in zip(outcomes, values, strict=True):
        assert same(outcome.result, run[repr(value)])


@pytest.mark.parametrize(
    "value", [object(), math.nan, {1}, b"a", Path("a"), np.zeros(2), {(1,): 2}]
)
def test_settings_that_are_no_json_need_no_folder(tmp_path: Path, value: Any) -> None:
    (outcome,) = sweep(lambda value: made(0, 4), {"value": [value]})
    assert outcome.settings["value"] is value
    folder = tmp_path / "kept"
    with pytest.raises(OptionError, match="cannot be written as JSON for the folder"):
        sweep(never, {"value": [1, value]}, folder=folder)
    assert not folder.exists()


def test_two_runs_of_the_same_settings_have_no_two_files(tmp_path: Path) -> None:
    grid = {"seed": [0, 1, 0], "size": [4]}
    assert len(sweep(made, grid)) == 3
    with pytest.raises(OptionError, match=r'two runs have the settings \{"seed": 0, "size": 4\}'):
        sweep(never, grid, folder=tmp_path)


def archive(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def packed(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def changed(data: bytes, **arrays: Any) -> bytes:
    """An archive with other arrays, or without those that are None, and a checksum that fits."""
    whole = {**np.load(io.BytesIO(data)), **arrays}
    whole = {name: array for name, array in whole.items() if array is not None}
    del whole["sha256"]
    return archive(**whole, sha256=np.frombuffer(storage.checksum(whole), np.uint8))


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "half": lambda data: data[: len(data) // 2],
    "cut off": lambda data: data[:-1],
    "text": lambda data: b"not an archive",
    "a pixel": lambda data: flipped(data, data.index(b"NUMPY") + 200),
    "no picture": lambda data: changed(data, image=None),
    "another picture": lambda data: changed(data, image=np.zeros(3)),
    "another document": lambda data: changed(
        data, document=np.frombuffer(b'{"settings": {"seed": 0}, "result": {}}', np.uint8)
    ),
    "no document": lambda data: changed(data, document=None),
    "no JSON": lambda data: changed(data, document=np.frombuffer(b"[1", np.uint8)),
    "no checksum": lambda data: archive(image=np.zeros((4, 4, 3))),
    "packed": lambda data: packed(**np.load(io.BytesIO(data))),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_named_and_made_again(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    def run(seed: int) -> Result:
        return made(seed, 4)

    swept(run, {"seed": [0]}, folder=tmp_path)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    path.write_bytes(DAMAGE[damage](whole))
    (outcome,) = swept(run, {"seed": [0]}, folder=tmp_path)
    assert same(outcome.result, run(0))
    (message,) = caplog.messages
    assert message.startswith(f'{path} is not a result of {{"seed": 0}}; the run is repeated: ')
    swept(never, {"seed": [0]}, folder=tmp_path)


@pytest.mark.slow
def test_no_changed_byte_changes_a_result(tmp_path: Path) -> None:
    def run(seed: int) -> Result:
        return made(seed, 4)

    sweep(run, {"seed": [0]}, folder=tmp_path)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(flipped(whole, at))
        (outcome,) = sweep(run, {"seed": [0]}, folder=tmp_path)
        assert same(outcome.result, run(0))


def test_a_file_of_other_settings_is_named_and_made_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    swept(made, {"seed": [0], "size": [4]}, folder=tmp_path / "a")
    swept(
        lambda seed, size: made(int(seed), size),
        {"seed": [True], "size": [4]},
        folder=tmp_path / "b",
    )
    (first,), (second,) = ((tmp_path / name).iterdir() for name in "ab")
    shutil.copy(second, first)
    run = Run()
    swept(run, {"seed": [0], "size": [4]}, folder=tmp_path / "a")
    assert run.calls == [{"seed": 0, "size": 4}]
    assert str(first) in caplog.text
    assert "it has the settings {'seed': True, 'size': 4}" in caplog.text


class Trap:
    def __reduce__(self) -> Any:
        return os.mkdir, (os.environ["TRAP"],)


@pytest.mark.parametrize("member", ["image", "document", "sha256", None])
def test_nothing_is_unpickled(
    tmp_path: Path, member: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAP", str(tmp_path / "sprung"))
    folder = tmp_path / "kept"
    swept(made, {"seed": [0], "size": [4]}, folder=folder)
    (path,) = folder.iterdir()
    trap = np.array([Trap()], dtype=object)
    with np.load(path) as kept:
        arrays = {**kept, **({member: trap} if member else {})}
    path.write_bytes(archive(**arrays) if member else pickle.dumps(Trap()))
    run = Run()
    swept(run, {"seed": [0], "size": [4]}, folder=folder)
    assert len(run.calls) == 1
    assert not (tmp_path / "sprung").exists()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "kept"):
        with pytest.raises(OptionError, match=r"folder: .*file.* cannot be written to"):
            sweep(never, GRID, folder=folder)


@pytest.mark.parametrize(
    "result",
    [
        pytest.param(replace(made(0, 4), image=np.full((4, 4, 3), np.nan)), id="picture"),
        pytest.param(
            replace(
                made(0, 4),
                history=(
                    Step(
                        1, 0, 1.0, {}, {}, 0.0, evaluations=1, image=np.zeros((4, 4, 3), np.float32)
                    ),
                ),
            ),
            id="history",
        ),
        pytest.param(None, id="folder"),
    ],
)
def test_what_cannot_be_kept_is_still_returned(
    tmp_path: Path, result: Result | None, caplog: pytest.LogCaptureFixture
) -> None:
    def run(seed: int) -> Result:
        if result is None:
            shutil.rmtree(tmp_path)
            tmp_path.touch()
        return result or made(0, 4)

    (outcome,) = sweep(run, {"seed": [0]}, folder=tmp_path)
    assert outcome.result is not None
    assert 'The result of {"seed": 0} could not be saved: ' in caplog.text
    assert not tmp_path.is_dir() or not list(tmp_path.iterdir())


def test_callbacks_are_told_of_every_outcome(tmp_path: Path) -> None:
    swept(made, {"seed": [1], "size": [4]}, folder=tmp_path)
    told: list[Outcome] = []
    threads = set()

    def callback(outcome: Outcome) -> None:
        told.append(outcome)
        threads.add(threading.current_thread())

    with ThreadPoolExecutor(2) as pool:
        outcomes = swept(
            Run({(0, 4): ValueError("no")}),
            {"seed": range(4), "size": [4]},
            executor=pool,
            folder=tmp_path,
            callbacks=iter([callback]),
        )
    assert told[0] is outcomes[1]  # which was kept
    assert {id(outcome) for outcome in told} == {id(outcome) for outcome in outcomes}
    assert threads == {threading.current_thread()}


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_an_interruption_keeps_what_has_finished(tmp_path: Path, stop: type[BaseException]) -> None:
    run = Run({(1, 4): stop()})
    with pytest.raises(stop):
        swept(run, GRID, folder=tmp_path)
    assert run.calls == SETTINGS[:4]
    run = Run()
    swept(run, GRID, folder=tmp_path)
    assert run.calls == SETTINGS[3:]


def test_an_interruption_cancels_what_an_executor_has_not_begun(tmp_path: Path) -> None:
    second, release = threading.Event(), threading.Event()
    begun: list[int] = []

    def run(seed: int) -> Result:
        begun.append(seed)
        if seed == 2:  # alone in the pool, so that the two before have finished
            second.set()
            assert release.wait(10)
        return made(seed, 4)

    def interrupt(outcome: Outcome) -> None:
        assert second.wait(10)
        raise KeyboardInterrupt

    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(KeyboardInterrupt):
            swept(run, {"seed": range(9)}, executor=pool, folder=tmp_path, callbacks=[interrupt])
        release.set()
    assert begun == [0, 1, 2]
    begun.clear()
    swept(run, {"seed": range(3)}, folder=tmp_path)
    assert begun == [2]


def test_a_worker_s_interruption_is_the_sweep_s(tmp_path: Path) -> None:
    run = Run({(0, 6): KeyboardInterrupt(), (0, 8): SystemExit()})
    with ThreadPoolExecutor(1) as pool, pytest.raises((KeyboardInterrupt, SystemExit)):
        swept(run, GRID, executor=pool, folder=tmp_path)
    swept(never, {"seed": [0], "size": [4]}, folder=tmp_path)  # which finished before


@pytest.mark.slow
def test_ctrl_c_within_minimize_ends_the_sweep(
    tiny: FeatureModel, photo: Image, tmp_path: Path
) -> None:
    """`minimize` itself returns what it has at Ctrl-C, which is not finished."""

    def interrupt(step: Step) -> None:
        if step.evaluation >= 3:
            os.kill(os.getpid(), signal.SIGINT)

    def run(stop: bool) -> Result:
        callbacks = [interrupt] if stop else []
        return minimize(Content(255 - photo), tiny, photo, evaluations=6, callbacks=callbacks)

    with pytest.raises(KeyboardInterrupt, match="interrupted"):
        swept(run, {"stop": [False, True]}, folder=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    (outcome,) = swept(never, {"stop": [False]}, folder=tmp_path)
    kept, again = outcome.result, run(False)
    assert kept is not None
    assert same(
        replace(again, seconds=0.0, history=(), record={}),
        replace(kept, seconds=0.0, history=(), record={}),
    )
    assert {**kept.record, "outcome": None} == {**again.record, "outcome": None}
    for key, picture in again.pictures.items():
        np.testing.assert_array_equal(kept.pictures[key], picture)


def test_sweeps_and_sheets_need_no_tensorflow() -> None:
    code = (
        "import sys, neural_style.sweeps, neural_style.sweeps.contact_sheet; "
        "sys.exit(bool({'tensorflow', 'keras', 'matplotlib'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
