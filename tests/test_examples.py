"""Every example, at a tiny size, to the end: its figure is there and is not blank."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import neural_style as ns
from neural_style import images
from neural_style.images import datasets
from neural_style.testing.loss_under_test import small_network

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[1] / "examples"
PHOTO, PAINTING = ("--photo", datasets.path("coffee")), ("--painting", datasets.path("ihc"))
TINY = ("--size", "32", "--evaluations", "2")


@pytest.mark.parametrize(
    ("script", "arguments", "figures"),
    [
        ("content_reconstruction", (*TINY, *PHOTO), ["content_reconstruction"]),
        (
            "gallery",
            ("--size", "64", *TINY[2:], *PHOTO, *PAINTING, "--only", "gram", "edges", "gatys"),
            ["gallery/coffee-ihc"],
        ),
        ("histogram_matching", ("--quick", *PHOTO, *PAINTING), ["histogram_matching"]),
        (
            "montreal",
            ("--size", "64", "--evaluations", "2", *PHOTO, *PAINTING),
            ["montreal", "montreal-8-our-best"],
        ),
        (
            "other_backbone",
            (*TINY, *PHOTO, *PAINTING, "--weights", "none", "--network", "MobileNetV2"),
            ["other_backbone-MobileNetV2"],
        ),
        (
            "style_reconstruction",
            (*TINY, *PAINTING, "--seeds", "1"),
            ["style_reconstruction-painting-32"],
        ),
        ("style_transfer", (*TINY, *PHOTO, *PAINTING), ["style_transfer-photo"]),
        ("trade_off", (*TINY, *PHOTO, *PAINTING, "--shares", "0.5"), ["trade_off"]),
    ],
)
def test_an_experiment_draws_its_figure(
    script: str,
    arguments: tuple[object, ...],
    figures: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setattr("sys.argv", [script, *map(str, arguments), "--out", str(tmp_path / "new")])
    runpy.run_path(str(EXAMPLES / f"{script}.py"), run_name="__main__")
    for figure in figures:
        assert images.load(tmp_path / "new" / f"{figure}.png").std() > 5


@pytest.mark.parametrize("script", ["gallery", "style_reconstruction"])
def test_pictures_of_one_name_are_not_mixed_up(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept of another picture's run is not taken for this one's."""
    folders: list[Path] = []

    def sweep(*arguments: Any, folder: Path, **options: Any) -> Any:
        folders.append(folder)
        raise KeyboardInterrupt

    monkeypatch.setattr(ns, "sweep", sweep)
    for slow in ("balance", "minimize"):
        monkeypatch.setattr(ns, slow, lambda *arguments, **options: SimpleNamespace(image=None))
    monkeypatch.setattr(ns, "names", lambda: ["gram"])
    monkeypatch.setattr(ns, "FeatureModel", lambda name, **options: small_network())
    monkeypatch.syspath_prepend(str(EXAMPLES))
    for place, seed in (("one", 1), ("other", 2), ("copy", 1)):
        path = tmp_path / place / "painting.png"
        path.parent.mkdir()
        images.save(images.noise((64, 64), seed=seed), path)
        given = ["--size", "64", "--evaluations", "2", "--painting", path, "--out", tmp_path]
        given += ["--photo", datasets.path("coffee")] if script == "gallery" else []
        monkeypatch.setattr("sys.argv", [script, *map(str, given)])
        with pytest.raises(KeyboardInterrupt):
            runpy.run_path(str(EXAMPLES / f"{script}.py"), run_name="__main__")
    one, other, copy = folders
    assert one == copy != other


# An import of TensorFlow, or of Keras, which imports it, ends the script.
WATCHED = """
import os, runpy, sys

def unset():
    switches = {"TF_ENABLE_ONEDNN_OPTS", "XLA_FLAGS", "TF_CPP_MIN_LOG_LEVEL"}
    return ", ".join(sorted(switches - set(os.environ)))

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name in ("keras", "tensorflow"):
            sys.exit(unset())

sys.meta_path.insert(0, Watch())
sys.path.insert(0, sys.argv[1])
runpy.run_path(sys.argv[2], run_name="example")
sys.exit(unset())
"""


@pytest.mark.parametrize(
    "path",
    sorted([*EXAMPLES.glob("*.py"), EXAMPLES / "notebook.ipynb"]),
    ids=lambda path: path.stem,
)
def test_the_switches_are_set_before_tensorflow_is_imported(path: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
        text = "\n".join("".join(cell["source"]) for cell in cells)
    script.write_text(text, encoding="utf-8")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("TF_", "XLA_"))}
    watched = [sys.executable, "-c", WATCHED, str(EXAMPLES), str(script)]
    found = subprocess.run(watched, env=clean, capture_output=True, text=True, check=False)
    assert found.stderr.strip() == ""


def test_the_quickstart_writes_its_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "cat.png"
    monkeypatch.setattr("sys.argv", ["quickstart", *TINY, "-o", str(output)])
    runpy.run_path(str(EXAMPLES / "quickstart.py"), run_name="__main__")
    assert images.load(output).std() > 5
    said = capsys.readouterr().out
    assert said.splitlines()[-1].startswith(f"Wrote {output} (loss ")
    assert said.endswith("the budget of 2 evaluations was used).\n")


def test_the_quickstart_says_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["quickstart", str(tmp_path / "missing.jpg")])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(EXAMPLES / "quickstart.py"), run_name="__main__")
    assert stopped.value.code == 2
    assert "missing.jpg: there is no such file" in capsys.readouterr().err
