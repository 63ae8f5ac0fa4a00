"""A built wheel and an editable install, each in an environment of its own.

The environments are empty: `neural_style` is imported and lists its losses there before
the libraries of the environment that runs the tests are added, last on the path, to
run the losses with.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import PathDistribution, packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
SOURCES = {
    "LICENSE", "README.md", "pyproject.toml", "setup.cfg",
    "neural_style", "extensions", "examples", "tests",
}  # fmt: skip
MODULES = {
    f"{package}/{path.name}": path
    for package, folder in (
        ("neural_style", ROOT / "neural_style"),
        ("neural_style/cli", ROOT / "neural_style" / "cli"),
        ("neural_style/extensions", ROOT / "extensions"),
    )
    for path in folder.glob("*.py")
}

CHECK = """
import json, sys
from pathlib import Path
import neural_style

home, names = Path(neural_style.__file__).parent, neural_style.names()
sys.path += sys.argv[1:]

import keras
from neural_style import FeatureModel, create, extensions, images, minimize
from neural_style.errors import LossError

inputs = x = keras.Input((None, None, 3))
for name in (f"block{block}_conv{i}" for block in range(1, 6) for i in range(1, 5)):
    x = keras.layers.Conv2D(2, 3, padding="same", name=name)(x)
features = FeatureModel(keras.Model(inputs, x), preprocess="raw")
picture = images.noise((16, 16))

def make(name):
    try:
        return create(name, picture)
    except LossError:  # it has no reference
        return create(name)

start = images.noise((16, 16), seed=1)
result = minimize(sum(map(make, names)), features, start, evaluations=3, verbose=False)
print(json.dumps({
    "home": str(home),
    "typed": (home / "py.typed").exists(),
    "names": names,
    "extensions": extensions.__all__,
    "evaluations": result.evaluations,
    "terms": result.terms,
}))
"""


def run(*command: str | Path, cwd: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": ""}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, for building to leave its traces in."""

    def others(folder: str, names: list[str]) -> set[str]:
        return set(names) - SOURCES if Path(folder) == ROOT else set()

    copy = tmp_path_factory.mktemp("sources") / "checkout"
    return shutil.copytree(ROOT, copy, symlinks=True, ignore=others)


@pytest.fixture(scope="module")
def wheels(checkout: Path) -> dict[str, Path]:
    """What `pip install .` and `pip install -e .` have setuptools build."""
    built = {}
    for kind in ("wheel", "editable"):
        folder = checkout.parent / kind
        code = f"from setuptools import build_meta as b; b.build_{kind}({str(folder)!r})"
        run(sys.executable, "-c", code, cwd=checkout)
        (built[kind],) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def wheel(wheels: dict[str, Path]) -> zipfile.ZipFile:
    return zipfile.ZipFile(wheels["wheel"])


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> PathDistribution:
    (info,) = {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" in name}
    return PathDistribution(zipfile.Path(wheel, f"{info}/"))


@pytest.fixture(
    scope="module",
    params=[("wheel", False), ("editable", False), ("wheel", True)],
    ids=["wheel", "editable", "wheel-used-from-the-checkout"],
)
def installed(
    request: pytest.FixtureRequest,
    checkout: Path,
    wheels: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    """What `CHECK` finds in a new environment, and where it should find the package."""
    kind, in_checkout = request.param
    here = tmp_path_factory.mktemp(kind)
    environment = here / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", environment, cwd=here)
    pip = (sys.executable, "-m", "pip", "--python", environment)
    run(*pip, "install", "--no-deps", "--no-index", wheels[kind], cwd=here)
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    shared = [path for path in sys.path if path]
    output = run(python, "-c", CHECK, *shared, cwd=checkout if in_checkout else here)
    from_sources = in_checkout or kind == "editable"
    return {
        **json.loads(output.splitlines()[-1]),
        "expected_home": checkout if from_sources else environment,
    }


def test_the_copy_just_installed_is_the_one_that_runs(installed: dict[str, Any]) -> None:
    assert Path(installed["home"]).resolve().is_relative_to(installed["expected_home"].resolve())


def test_its_types_are_there(installed: dict[str, Any]) -> None:
    assert installed["typed"]


def test_every_file_of_extensions_is_a_loss_by_its_name(installed: dict[str, Any]) -> None:
    files = {path.stem for path in (ROOT / "extensions").glob("[!_]*.py")}
    assert installed["names"] == sorted(files)


def test_every_loss_runs(installed: dict[str, Any]) -> None:
    assert list(installed["terms"]) == installed["names"]
    assert all(value > 0 for value in installed["terms"].values())
    assert installed["evaluations"] == 3


def test_the_wheel_holds_every_module_once_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    code = [name for name in wheel.namelist() if ".dist-info/" not in name]
    assert sorted(code) == sorted([*MODULES, "neural_style/py.typed", "neural_style/report.html"])


def test_the_wheel_brings_its_license(metadata: PathDistribution) -> None:
    assert metadata.metadata["License"] == "MIT"
    assert metadata.read_text("licenses/LICENSE") == (ROOT / "LICENSE").read_text()


def test_what_is_imported_is_what_is_required(metadata: PathDistribution) -> None:
    requirements = [Requirement(text) for text in metadata.requires or []]
    used = [{"extra": "plot"}, {"extra": "tensorboard"}]
    required = {r.name for r in requirements if not r.marker or any(map(r.marker.evaluate, used))}
    imported = set()
    for path in MODULES.values():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.split(".")[0])
    owners = packages_distributions()
    optional = {"pytest", "pillow_heif"}  # of a decorator in neural_style.testing, and of HEIC
    packages = imported - sys.stdlib_module_names - {"neural_style"} - optional
    assert {owners[name][0] for name in packages} == required
