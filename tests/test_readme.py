"""Every block of the README, one after the other, with a smaller budget."""

from __future__ import annotations

import re
import runpy
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import neural_style as ns
from neural_style.cli import main
from neural_style.losses import registry

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(.*?)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


def blocks(language: str) -> list[str]:
    return [block for name, block in BLOCKS if name == language]


def test_every_block_is_run_here() -> None:
    assert 2 * len(BLOCKS) == TEXT.count("```")
    assert {language for language, _ in BLOCKS} == {"python", "sh"}


@pytest.mark.slow
def test_the_readmes_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    minimize, transfer, load = ns.minimize, ns.transfer, ns.datasets.load
    small: Any = {"size": 64, "evaluations": 3}
    monkeypatch.setattr(ns, "minimize", lambda *a, **k: minimize(*a, **{**k, "evaluations": 3}))
    monkeypatch.setattr(ns, "transfer", lambda *a, **k: transfer(*a, **{**k, **small}))
    monkeypatch.setattr(ns.datasets, "load", lambda name, long_side: load(name, long_side=64))
    monkeypatch.setattr(registry, "_registered", {})
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "readme"}
    for block in blocks("python"):
        exec(compile(block, str(README), "exec"), names)
    assert names["result"].evaluations == 3
    assert [str(outcome.error) for outcome in names["outcomes"] if outcome.error] == []
    for picture in (
        "rocket.png",
        "gatys.png",
        "two.png",
        "face.png",
        "regions.png",
        "out/coffee.png",
        "out/sweep.png",
    ):
        assert (tmp_path / picture).is_file()
    unused = names["loss"] + names["softer"] + names["means"] + names["halves"]
    own = ns.minimize(unused, names["features"], names["photo"])
    assert list(own.terms) == ["content", "second_moments", "gram", "custom", "gram_2", "gram_3"]


@pytest.mark.slow
def test_the_readmes_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that install are run by `.ci/run`, in an environment of their own."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    installs = re.findall(r"grep -E '(.+)' README.md", script)
    assert len(installs) == 1
    commands = "".join(blocks("sh")).splitlines()
    here = [command for command in commands if not re.search(installs[0], command)]
    assert len(here) == 3
    assert here[0] == "python examples/quickstart.py photo.jpg painting.jpg -o out.png"
    assert all(
        each.startswith("neural-style transfer photo.jpg painting.jpg ") for each in here[1:]
    )
    monkeypatch.chdir(tmp_path)
    shutil.copy(ns.datasets.path("rocket"), "photo.jpg")
    shutil.copy(ns.datasets.path("retina"), "painting.jpg")
    _, path, *arguments = shlex.split(here[0])
    monkeypatch.setattr("sys.argv", [path, *arguments, "--size", "32", "--evaluations", "2"])
    runpy.run_path(str(ROOT / path), run_name="__main__")
    assert ns.images.load("out.png").std() > 5
    Path("out.png").unlink()
    for command, output in zip(here[1:], ("out.png", "more.png"), strict=True):
        _, *arguments = shlex.split(command)
        done = CliRunner().invoke(main, [*arguments, "--size", "32", "--evaluations", "2"])
        assert done.exit_code == 0, done.output
        assert ns.images.load(output).std() > 5


def test_every_loss_and_preset_is_in_a_table() -> None:
    listed = re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)
    assert sorted(listed) == sorted([*ns.names(), *ns.presets.names()])
