"""Tests with the lowest version that setup.cfg allows of every dependency.

    python tests/lower_bounds.py                       # the tests of `TESTS`
    python tests/lower_bounds.py tests/test_tiles.py   # pytest's arguments instead

It makes an environment of its own, of the Python that runs it, and deletes it after: some minutes
and 2 GB on the disk. A bound is of the release that it names, as ``>=3.6`` of 3.6.0. What one of
them needs besides is as new as they allow.
"""

from __future__ import annotations

import configparser
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]

# Every module that calls another library, with few networks to compile.
TESTS = [
    *("cli", "images", "optimizers", "report", "sweeps", "utils"),
    *("features/test_model.py", "features/test_vgg19.py", "features/test_weights.py"),
    *("losses", "objective/test_estimate.py", "objective/test_loss_cost.py"),
    *("objective/test_objective.py", "recipes/test_score.py", "recipes/test_presets.py"),
    *("runs/test_checkpoint.py", "runs/test_minimize.py", "runs/test_record.py"),
    *("runs/test_result.py", "test_callbacks.py", "test_hostile.py", "test_notebook.py"),
]


def pinned(requirements: str) -> list[str]:
    """Requirements of one lower bound each, at that bound.

    >>> pinned("numpy>=1.26\\nrich>=13")
    ['numpy==1.26', 'rich==13']
    """
    lines = [line.split(";")[0].strip() for line in requirements.splitlines() if line.strip()]
    if without := [line for line in lines if line.count(">=") != 1]:
        raise SystemExit(f"setup.cfg: expected one lower bound, as in numpy>=1.26: {without}")
    return [line.partition(",")[0].replace(">=", "==") for line in lines]


def main() -> int:
    """Make the environment, run the tests in it, and return pytest's exit code."""
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    bounds = pinned(settings["options"]["install_requires"])
    bounds += pinned(settings["options.extras_require"]["test"])
    tests = sys.argv[1:] or [str(ROOT / "tests" / path) for path in TESTS]
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        programs = Path(folder, "Scripts" if sys.platform == "win32" else "bin")
        subprocess.run(
            [programs / "python", "-m", "pip", "install", "--quiet", ".[test]", *bounds],
            cwd=ROOT,
            check=True,
        )
        print("with", *bounds, flush=True)
        return subprocess.run([programs / "pytest", "-q", *tests], cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
