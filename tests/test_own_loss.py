"""The package of somebody else: its guide runs, and a built one is found, used and tested.

The guide's commands are done here without a network: the environment is new, with both wheels
in it; the libraries of the environment that runs the tests are behind them on its path.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import neural_style as ns
from neural_style.losses import registry
from neural_style.testing.loss_under_test import small_network

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
OWN = ROOT / "examples" / "own_loss"
TEXT = (OWN / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(.*?)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)

USE = """
import json
from pathlib import Path
import activity, neural_style as ns
from neural_style.extensions import Content
from neural_style.testing.loss_under_test import small_network

photo, painting = (ns.images.noise((32, 40), seed=seed) for seed in (1, 2))
loss = Content(photo) + 1e3 * ns.create("activity", painting, scale=2.0)
result = ns.minimize(loss, small_network(), start=photo, evaluations=10, verbose=False)
print(json.dumps({
    "homes": [activity.__file__, ns.__file__],
    "names": ns.names(),
    "terms": result.terms,
    "history": [step.loss for step in result.history],
}))
"""


def run(*command: str | Path, cwd: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": ""}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def built(sources: Path, folder: Path) -> Path:
    code = f"from setuptools import build_meta as b; b.build_wheel({str(folder)!r})"
    run(sys.executable, "-c", code, cwd=sources)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the library and the package, both from wheels."""
    here = tmp_path_factory.mktemp("own_loss")
    library = here / "library"
    library.mkdir()
    for name in ("pyproject.toml", "setup.cfg", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, library)
    for name in ("neural_style", "extensions"):
        ignored = shutil.ignore_patterns("__pycache__", "extensions")
        shutil.copytree(ROOT / name, library / name, ignore=ignored)
    own = shutil.copytree(OWN, here / "own")
    wheels = [built(sources, here / f"{sources.name}-wheel") for sources in (library, own)]
    environment = here / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", environment, cwd=here)
    pip = (sys.executable, "-m", "pip", "--python", environment)
    run(*pip, "install", "--no-deps", "--no-index", *wheels, cwd=here)
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    (site,) = run(
        python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=here
    ).splitlines()
    shared = [path for path in sys.path if Path(path).is_dir() and ROOT not in Path(path).parents]
    (Path(site) / "shared.pth").write_text("\n".join(p for p in shared if Path(p) != ROOT))
    return python


def test_a_package_of_somebody_else_is_found_and_used(python: Path, tmp_path: Path) -> None:
    found = json.loads(run(python, "-c", USE, cwd=tmp_path).splitlines()[-1])
    environment = python.parents[1].resolve()
    assert all(Path(home).resolve().is_relative_to(environment) for home in found["homes"])
    assert "activity" in found["names"]
    assert list(found["terms"]) == ["content", "activity"]
    assert found["history"][-1] < found["history"][0]


def test_its_own_tests_pass_there(python: Path, tmp_path: Path) -> None:
    shutil.copy(OWN / "test_activity.py", tmp_path)
    said = run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=tmp_path)
    assert re.search(r"^\d{2} passed", said, re.MULTILINE)


def test_the_guide_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {language for language, _ in BLOCKS} == {"python", "sh", "ini"}
    minimize, load = ns.minimize, ns.datasets.load
    monkeypatch.setattr(ns, "minimize", lambda *a, **k: minimize(*a, **{**k, "evaluations": 3}))
    monkeypatch.setattr(ns.datasets, "load", lambda name, long_side: load(name, long_side=48))
    monkeypatch.setattr(ns, "FeatureModel", lambda network: small_network())
    monkeypatch.setattr(registry, "_registered", {})
    names: dict[str, Any] = {"__name__": "guide"}
    module = type(sys)("guide")
    monkeypatch.setitem(sys.modules, "guide", module)
    for language, block in BLOCKS:
        if language == "python":
            if "ns.create" in block:  # by its entry point, where it is installed
                ns.register("activity")(names["Activity"])
            exec(compile(block, "README.md", "exec"), names)
            vars(module).update(names)
    assert list(names["result"].terms) == ["content", "activity"]
    assert names["loss"].get_config()["scale"] == 50


def test_the_guide_shows_the_files_that_are_there() -> None:
    (shown,) = (block for language, block in BLOCKS if language == "ini")
    config = configparser.ConfigParser()
    config.read(OWN / "setup.cfg")
    expected = configparser.ConfigParser()
    expected.read_string(shown)
    assert dict(config["options.entry_points"]) == dict(expected["options.entry_points"])
    source = (OWN / "activity.py").read_text(encoding="utf-8")
    (statistic,) = re.findall(r"^        return mean\(.*\n", TEXT, re.MULTILINE)
    assert statistic in source
