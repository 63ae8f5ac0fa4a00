"""pytest as `processes` has it: children that run the tests, and are replaced."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

CONFTEST = """
import sys, types
import processes

memory = types.SimpleNamespace(peak_memory=lambda: {peak})
sys.modules["neural_style.utils.memory"] = memory

def pytest_configure(config):
    processes.register(config)
"""
TESTS = """
import json, os, signal, warnings
import pytest

@pytest.fixture(scope="module", autouse=True)
def log():
    yield told
    told("left")

def told(what):
    with open("log", "a") as file:
        file.write(json.dumps([what, os.getpid(), os.getppid()]) + "\\n")
"""


def run(
    folder: Path, tests: str, *options: str, code: int, peak: int = 0
) -> tuple[str, list[tuple[str, int, int]]]:
    """What pytest prints of the tests, and what they log, each with its process and parent."""
    (folder / "conftest.py").write_text(CONFTEST.format(peak=peak))
    (folder / "test_inner.py").write_text(TESTS + tests)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parent),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # for its time
            "COLUMNS": "300",
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == code, done.stdout + done.stderr
    log = folder / "log"
    lines = log.read_text().splitlines() if log.exists() else []
    return done.stdout, [tuple(json.loads(line)) for line in lines]


def test_every_outcome_is_counted_and_a_crash_is_one(tmp_path: Path) -> None:
    tests = """
def test_passes(log): log("passes")
def test_fails(): print("a word of it"); assert 1 == 2
def test_crashes(log): log("crashes"); os.kill(os.getpid(), signal.SIGKILL)
def test_goes_on(log): log("goes on")
@pytest.fixture
def crashing():
    yield
    os.abort()
def test_crashes_as_it_is_left(crashing): pass
@pytest.fixture
def broken(): raise OSError
def test_is_not_set_up(broken): pass
def test_is_skipped(): pytest.skip("why")
@pytest.mark.xfail
def test_is_expected_to_fail(): assert False
def test_warns(): warnings.warn("look out", FutureWarning)
def test_is_left_out(): assert False
"""
    printed, log = run(tmp_path, tests, "-k", "not left_out", "-r", "fE", code=1)
    counts = "2 failed, 4 passed, 1 skipped, 1 deselected, 1 xfailed, 1 warning, 2 errors in "
    assert counts in printed.splitlines()[-1]
    assert "FAILED test_inner.py::test_crashes - The process ended in this test (-9)." in printed
    assert "a word of it" in printed
    assert "Fatal Python error: Aborted" in printed
    assert "FutureWarning: look out" in printed
    assert [what for what, _, _ in log] == ["passes", "crashes", "goes on", "left"]
    (_, first, parent), (_, crashed, _), (_, second, same_parent), _ = log
    assert first == crashed != second
    assert parent == same_parent not in (first, second)


@pytest.mark.parametrize("options", [(), ("-p", "xdist", "-n2")], ids=str)
def test_a_process_that_has_grown_is_replaced_and_leaves_its_fixtures(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    tests = """
@pytest.mark.parametrize("n", range(5))
def test(log, n): log(n)
"""
    options += ("--dist=loadfile",) if options else ()
    printed, log = run(tmp_path, tests, *options, code=0, peak=2 * 10**9)
    assert "5 passed in " in printed
    assert [what for what, _, _ in log] == [0, 1, "left", 2, 3, "left", 4, "left"]
    assert len({process for _, process, _ in log}) == 3
    assert len({parent for _, _, parent in log}) == 1


@pytest.mark.parametrize(
    ("test", "options", "code", "says"),
    [
        ("assert False", ("-x",), 1, "stopping after 1 failures"),
        ("os.abort()", ("-x",), 1, "stopping after 1 failures"),
        ("raise KeyboardInterrupt", (), 2, "no tests ran in "),
        ("pytest.exit('enough', 7)", (), 7, "Exit: enough"),
    ],
)
def test_what_ends_pytest_does(
    tmp_path: Path, test: str, options: tuple[str, ...], code: int, says: str
) -> None:
    tests = f"\ndef test_ends():\n    {test}\ndef test_after(log): log('after')\n"
    printed, log = run(tmp_path, tests, *options, code=code)
    assert says in printed
    assert "after" not in [what for what, _, _ in log]


@pytest.mark.parametrize("options", [("-s",), ("--pdb",)], ids=str)
def test_what_needs_the_terminal_has_it(tmp_path: Path, options: tuple[str, ...]) -> None:
    tests = "\ndef test(log): log('here')\n"
    _, log = run(tmp_path, tests, *options, code=0)
    assert [parent for _, _, parent in log] == [os.getpid()] * 2
