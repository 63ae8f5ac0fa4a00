"""A built wheel and an editable install, each in an environment of its own.

The environments have nothing else; the libraries of the environment that runs the tests are
added last on the path.
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
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
SOURCES = {
    "LICENSE", "MANIFEST.in", "README.md", "pyproject.toml", "setup.cfg", "setup.py",
    "neural_style", "extensions", "examples", "tests",
}  # fmt: skip
FILES = {
    f"{package}{path.relative_to(ROOT).as_posix()}": path
    for package, folder in (("", "neural_style"), ("neural_style/", "extensions"))
    for path in (ROOT / folder).rglob("*")
    if path.is_file() and "__pycache__" not in path.parts
}

CHECK = """
import importlib, importlib.util, json, pkgutil, sys
from pathlib import Path

# Of the environment alone: the libraries' folder may have another copy.
spec = importlib.util.find_spec("neural_style")
sys.path += sys.argv[1:]
sys.modules["neural_style"] = neural_style = importlib.util.module_from_spec(spec)
spec.loader.exec_module(neural_style)

home, names = Path(neural_style.__file__).parent, neural_style.names()
modules = [m.name for m in pkgutil.walk_packages(neural_style.__path__, "neural_style.")]
for name in modules:
    importlib.import_module(name)

import keras
from neural_style import FeatureModel, create, extensions, images, minimize
from neural_style.errors import LossError

inputs = x = keras.Input((None, None, 3))
parts = "conv1", "conv2", "conv3", "conv4", "pool"
for name in (f"block{block}_{part}" for block in range(1, 6) for part in parts):
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
    "modules": modules,
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


def copied(folder: Path) -> Path:
    """A copy of the sources, for building to leave its traces in."""

    def others(folder: str, names: list[str]) -> set[str]:
        return set(names) - SOURCES if Path(folder) == ROOT else {"__pycache__"}

    return shutil.copytree(ROOT, folder, symlinks=True, ignore=others)


def built(sources: Path, folder: Path, kind: str) -> Path:
    """What a build of a kind makes of sources, in a folder of its own."""
    code = f"from setuptools import build_meta as b; b.build_{kind}({str(folder)!r})"
    run(sys.executable, "-c", code, cwd=sources)
    (file,) = folder.glob("*.tar.gz" if kind == "sdist" else "*.whl")
    return file


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("sources") / "checkout")


@pytest.fixture(scope="module")
def wheels(checkout: Path) -> dict[str, Path]:
    """What `pip install .` and `pip install -e .` have setuptools build."""
    kinds = ("wheel", "editable")
    return {kind: built(checkout, checkout.parent / kind, kind) for kind in kinds}


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
    shared = [path for path in sys.path if path and Path(path) != ROOT]
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


def code(wheel: zipfile.ZipFile) -> list[str]:
    return sorted(name for name in wheel.namelist() if ".dist-info/" not in name)


def test_every_module_is_imported(installed: dict[str, Any]) -> None:
    files = {name for name in FILES if name.endswith(".py")} - {"neural_style/__init__.py"}
    modules = {name.removesuffix(".py").removesuffix("/__init__") for name in files}
    assert sorted(installed["modules"]) == sorted(name.replace("/", ".") for name in modules)


def test_the_wheel_holds_every_file_once_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    assert code(wheel) == sorted(FILES)


def test_a_source_archive_without_the_symlink_has_the_same_wheel(
    wheel: zipfile.ZipFile, tmp_path: Path
) -> None:
    """As on Windows, where Git writes what a symlink names into a text file."""
    sources = copied(tmp_path / "sources")
    (sources / "neural_style" / "extensions").unlink()
    (sources / "neural_style" / "extensions").write_text("../extensions")
    archive = built(sources, tmp_path / "sdist", "sdist")
    shutil.unpack_archive(archive, tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    assert (unpacked / "tests" / "conftest.py").is_file()
    assert code(zipfile.ZipFile(built(unpacked, tmp_path / "again", "wheel"))) == code(wheel)


def test_the_wheel_says_whose_it_is(metadata: PathDistribution) -> None:
    assert metadata.metadata["Name"] == "neural-style-keras"
    assert metadata.metadata["Author"] == "the neural-style-keras contributors"
    assert metadata.metadata["License"] == "MIT"
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"\nversion: {metadata.version}\n" in citation
    assert metadata.read_text("licenses/LICENSE") == (ROOT / "LICENSE").read_text()


def test_what_is_imported_is_what_is_required(metadata: PathDistribution) -> None:
    requirements = [Requirement(text) for text in metadata.requires or []]
    used = [{"extra": "plot"}, {"extra": "tensorboard"}]
    required = {r.name for r in requirements if not r.marker or any(map(r.marker.evaluate, used))}
    imported = set()
    for path in FILES.values():
        if path.suffix != ".py":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.split(".")[0])
    owners = packages_distributions()
    optional = {"pytest", "pillow_heif"}  # of a decorator in neural_style.testing, and of HEIC
    packages = imported - sys.stdlib_module_names - {"neural_style"} - optional
    found = {canonicalize_name(owners[name][0]) for name in packages}
    assert found == set(map(canonicalize_name, required))
