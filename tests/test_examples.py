"""Every example, at a tiny size, to the end: its figure is there and is not blank."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

import neural_style as ns
from neural_style import datasets, images
from neural_style.subject import small_network

EXAMPLES = Path(__file__).parents[1] / "examples"
PHOTO, PAINTING = ("--photo", datasets.path("coffee")), ("--painting", datasets.path("ihc"))
TINY = ("--size", "32", "--evaluations", "2")


@pytest.mark.parametrize(
    ("script", "arguments", "figures"),
    [
        ("content_reconstruction", (*TINY, *PHOTO), ["content_reconstruction"]),
        (
            "gallery",
            ("--size", "64", *TINY[2:], *PHOTO, *PAINTING, "--losses", "gram", "--shares", "0.5"),
            ["gallery", "gallery-curve"],
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
    for slow in ("balance", "minimise"):
        monkeypatch.setattr(ns, slow, lambda *arguments, **options: None)
    monkeypatch.setattr(ns, "names", lambda: ["gram"])
    monkeypatch.setattr(ns, "FeatureModel", lambda name: small_network())
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


def test_the_quickstart_writes_its_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "cat.png"
    monkeypatch.setattr("sys.argv", ["quickstart", *TINY, "-o", str(output)])
    runpy.run_path(str(EXAMPLES / "quickstart.py"), run_name="__main__")
    assert images.load(output).std() > 5
    said = capsys.readouterr().out
    assert said.startswith(f"Wrote {output} (loss ")
    assert said.endswith("the budget of 2 evaluations was used).\n")


def test_the_quickstart_says_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["quickstart", str(tmp_path / "missing.jpg")])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(EXAMPLES / "quickstart.py"), run_name="__main__")
    assert stopped.value.code == 2
    assert "missing.jpg: there is no such file" in capsys.readouterr().err
