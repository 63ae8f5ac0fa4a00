"""A package of the same import name and command, installed into the same folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import neural_style

pytestmark = pytest.mark.slow

HOME = Path(neural_style.__file__).parent
REMEDY = (
    "Run 'pip uninstall neural-style', then "
    "'pip install --force-reinstall --no-deps neural-style-keras'."
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of packages with this library, from which a module is missing."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(HOME, tmp_path / "site" / "neural_style", ignore=ignored)
    (tmp_path / "site" / "neural_style" / "recipes" / "balance.py").unlink()
    return tmp_path / "site"


def install_the_other(site: Path) -> None:
    metadata = site / "neural_style-0.5.7.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: neural-style\nVersion: 0.5.7")
    (metadata / "RECORD").write_text("neural_style/__init__.py,,\n")


def python(
    site: Path, *arguments: str, path: Sequence[Path] = ()
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path or [site]))}
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, cwd=site, capture_output=True, text=True)


def test_what_is_missing_then_says_which_package_to_uninstall(site: Path) -> None:
    use = ("-c", "import neural_style; print('imported'); neural_style.balance")
    before = python(site, *use)
    install_the_other(site)
    after = python(site, *use)
    assert before.stdout == after.stdout == "imported\n"
    assert "ModuleNotFoundError: No module named 'neural_style.recipes.balance'" in before.stderr
    last = after.stderr.splitlines()[-1]
    assert last.startswith("neural_style.errors.InstallationError: neural-style 0.5.7 is another")
    assert last.endswith(REMEDY)


@pytest.mark.parametrize("overwritten", [True, False])
def test_the_command_says_which_package_to_uninstall(site: Path, overwritten: bool) -> None:
    install_the_other(site)
    if overwritten:
        (site / "neural_style" / "__init__.py").write_text("\n")
    done = python(site, "-m", "neural_style", "presets")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: neural-style 0.5.7 is another package")
    assert done.stderr.endswith(f"{REMEDY}\n")
    assert python(site, "-m", "neural_style", "--help").returncode == 0


@pytest.mark.parametrize(("folder", "record"), [("elsewhere", True), (".", False)])
def test_what_overwrites_nothing_is_no_concern(site: Path, folder: str, record: bool) -> None:
    """Another folder of packages, and the metadata that a build leaves in a checkout."""
    other = site / folder
    other.mkdir(exist_ok=True)
    install_the_other(other)
    if not record:
        (other / "neural_style-0.5.7.dist-info" / "RECORD").unlink()
    done = python(site, "-m", "neural_style", "presets", path=[site, other])
    assert (done.returncode, done.stderr) == (0, "")
