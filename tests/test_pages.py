"""The README and the documentation: every block, with a smaller budget, every name and link."""

from __future__ import annotations

import re
import runpy
import shlex
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner

import neural_style as ns
from neural_style.cli import main
from neural_style.losses import registry

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = [README, *sorted(DOCS.glob("*.md"))]
# The pages with Python, in the order in which a reader meets them; each uses the names before it.
CHAPTERS = ["start", "one_call", "script", "losses", "nothing_lost", "many", "own_loss"]


def blocks(page: Path, language: str) -> list[str]:
    text = page.read_text(encoding="utf-8")
    found = re.findall(r"^```(.*?)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert 2 * len(found) == text.count("```")
    known = {"python", "sh", "text", "{toctree}", "{include} _gallery.md"}
    assert {name for name, _ in found} <= known
    return [block for name, block in found if name == language]


def test_every_page_with_python_is_run_here() -> None:
    assert {page.stem for page in PAGES if blocks(page, "python")} == {"README", *CHAPTERS}


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A reader's module, in a folder with two pictures; its runs are small."""
    minimize, transfer, load = ns.minimize, ns.transfer, ns.datasets.load
    less: Any = {"size": 64, "evaluations": 3}
    monkeypatch.setattr(ns, "minimize", lambda *a, **k: minimize(*a, **{**k, "evaluations": 3}))
    monkeypatch.setattr(ns, "transfer", lambda *a, **k: transfer(*a, **{**k, **less}))
    monkeypatch.setattr(ns.datasets, "load", lambda name, long_side: load(name, long_side=64))
    monkeypatch.setattr(registry, "_registered", {})
    monkeypatch.chdir(tmp_path)
    shutil.copy(ns.datasets.path("rocket"), "photo.jpg")
    shutil.copy(ns.datasets.path("great_wave"), "painting.jpg")
    module = ModuleType("pages")  # from which the classes of the pages can be unpickled
    monkeypatch.setitem(sys.modules, "pages", module)
    return vars(module)


def run(names: dict[str, Any], *pages: Path) -> None:
    """Run the Python of some pages, and check that every picture that they name is written."""
    for page in pages:
        for block in blocks(page, "python"):
            exec(compile(block, str(page), "exec"), names)
            for output in re.findall(r'(?:output=|save\(|, )"(\S+\.(?:png|npz))"', block):
                assert Path(output).is_file(), output


@pytest.mark.slow
def test_the_readmes_python_runs(names: dict[str, Any]) -> None:
    run(names, README)
    terms = ["content", "gram", "shifted_gram", "histogram", "second_moments"]
    assert list(names["result"].terms) == terms


@pytest.mark.slow
def test_the_python_of_the_documentation_runs(names: dict[str, Any]) -> None:
    run(names, *(DOCS / f"{name}.md" for name in CHAPTERS))
    assert [str(outcome.error) for outcome in names["outcomes"] if outcome.error] == []
    unused = names["loss"] + names["softer"] + names["means"] + names["halves"]
    own = ns.minimize(unused, names["features"], names["photo"])
    assert {"custom", "gram_2", "gram_3"} <= set(own.terms)


@pytest.mark.slow
def test_the_readmes_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that install are run by `.ci/run`, in an environment of their own."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    installs = re.findall(r"grep -E '(.+)' README.md", script)
    assert len(installs) == 1
    commands = "".join(blocks(README, "sh")).splitlines()
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
    text = "".join((DOCS / page).read_text("utf-8") for page in ("losses.md", "published.md"))
    listed = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert sorted(listed) == sorted([*ns.names(), *ns.presets.names()])


def test_every_public_name_is_in_the_reference() -> None:
    text = "".join(page.read_text("utf-8") for page in DOCS.glob("reference/*.rst"))
    modules = ["callbacks", "color", "datasets", "errors", "extensions", "images"]
    modules += ["parameterization", "presets", "report", "testing"]
    names = set(ns.__all__) - {*modules, "ops", "__version__"}
    types = {"Image", "Picture", "Size"}  # explained in words
    for module in modules:
        names |= set(getattr(ns, module).__all__) - types
    missing = [name for name in names if not re.search(rf"^   {name}$", text, re.MULTILINE)]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)", text)
    built = ("_guides/", "gallery/")  # by the build of the documentation, which checks these
    for link in links:
        assert link.startswith(built) or (page.parent / link).exists(), link


def test_the_readme_is_short() -> None:
    assert len(README.read_text("utf-8").splitlines()) <= 140
