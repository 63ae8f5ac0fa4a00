"""Calls in a process of their own, which is replaced, killed, interrupted and left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from neural_style import Workers
from neural_style.errors import OptionError, WorkerError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    """One for several tests, which leave it usable."""
    with Workers() as workers:
        yield workers


def test_calls_share_a_process_until_it_has_grown() -> None:
    with Workers(growth=40 * 10**6) as workers:
        first, same = (workers.submit(os.getpid).result() for _ in range(2))
        assert len(workers.submit(bytes, 60 * 10**6).result()) == 60 * 10**6
        other = workers.submit(os.getpid).result()
    assert first == same
    assert len({first, other, os.getpid()}) == 3
    for ended in (first, other):
        with pytest.raises(ProcessLookupError):
            os.kill(ended, 0)
    with pytest.raises(OptionError, match=r"growth: expected a positive whole number"):
        Workers(growth=0)


def test_an_error_is_the_calls_own(workers: Workers) -> None:
    process = workers.submit(os.getpid).result()
    with pytest.raises(ValueError, match=r"invalid literal") as raised:
        workers.submit(int, "x").result()
    assert "Traceback" in raised.value.__notes__[0]
    with pytest.raises(SystemExit):
        workers.submit(sys.exit, 3).result()
    with pytest.raises(KeyboardInterrupt):
        workers.submit(signal.default_int_handler, 2, None).result()
    assert workers.submit(os.getpid).result() == process


def test_what_cannot_be_sent_is_told(workers: Workers) -> None:
    with pytest.raises(AttributeError, match=r"Can't pickle"):
        workers.submit(lambda: 0)
    with pytest.raises(WorkerError, match=r"the result of the call cannot be sent .*lock"):
        workers.submit(threading.Lock).result()
    own = "class Own(Exception):\n    def __init__(self, a, b): ...\nraise Own(1, 2)"
    with pytest.raises(
        WorkerError, match=r"the exception of the call cannot be sent .*Own\(1, 2\)"
    ):
        workers.submit(exec, own).result()


@pytest.mark.parametrize(
    ("ends", "number", "says"),
    [
        (signal.raise_signal, int(signal.SIGKILL), r"by SIGKILL, .* short of memory: use a small"),
        (os._exit, 3, r"with exit code 3: "),
    ],
)
def test_a_process_that_ends_costs_its_call_alone(
    workers: Workers, ends: Callable[[int], object], number: int, says: str
) -> None:
    lost, next_one = workers.submit(ends, number), workers.submit(os.getpid)
    with pytest.raises(WorkerError, match=says):
        lost.result()
    assert next_one.result() != os.getpid()


def test_a_signal_is_passed_on_and_none_comes_otherwise(workers: Workers) -> None:
    process = workers.submit(os.getpid).result()
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(process, number)
    assert workers.submit(os.getpid).result() == process
    sleeping = workers.submit(time.sleep, 60)
    workers.interrupt(signal.SIGTERM)
    with pytest.raises(WorkerError, match=r"exit code 143"):
        sleeping.result()


def test_an_exception_that_leaves_them_ends_the_call_at_once() -> None:
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), Workers() as workers:  # noqa: PT012
        calls = [workers.submit(time.sleep, 60) for _ in range(2)]
        raise KeyboardInterrupt
    assert isinstance(calls[0].exception(), WorkerError)
    assert calls[1].cancelled()
    assert time.monotonic() - began < 50


def test_nothing_of_the_current_folder_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pickle.py", "signal.py", "socket.py", "runpy.py"):
        (tmp_path / name).write_text("raise SystemExit('it is run')")
    monkeypatch.chdir(tmp_path)
    with Workers() as workers:
        assert workers.submit(os.getcwd).result() == str(tmp_path)


KILLED = "workers.submit(time.sleep, 99), time.sleep(0.5), os.kill(os.getpid(), signal.SIGKILL)"


@pytest.mark.parametrize("ends", [KILLED, "pass"], ids=["killed", "idle"])
def test_no_process_is_left_behind(tmp_path: Path, ends: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import os, signal, time\n"
        "from neural_style import Workers\n"
        "if __name__ == '__main__':\n"
        "    workers = Workers()\n"
        "    process = workers.submit(os.getpid).result()\n"
        "    os.kill(process, signal.SIGTERM)\n"  # as to a whole group, in a new Python, too
        "    print(process == workers.submit(os.getpid).result(), flush=True)\n"
        f"    {ends}\n"
    )
    # What it prints ends with the last process that could print.
    done = subprocess.run(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60
    )
    assert done.returncode == (0 if ends == "pass" else -signal.SIGKILL)
    assert done.stdout == b"True\n"
