"""The callbacks that come with the library."""

from __future__ import annotations

import csv
import functools
import io
import re
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from rich.console import Console
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator  # type: ignore[import-untyped]
from tensorboard.plugins.hparams.metadata import parse_session_start_info_plugin_data  # type: ignore[import-untyped]
from tensorboard.util.tensor_util import make_ndarray  # type: ignore[import-untyped]

from neural_style import FeatureModel, Result, Step, callbacks, images, minimize, resume
from neural_style.errors import ImageError, OptionError
from neural_style.extensions import Content, TotalVariation
from neural_style.images import Image


@pytest.mark.slow
def test_progress_shows_the_bar_the_time_left_and_every_term(
    tiny: FeatureModel, photo: Image
) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120)
    loss = 2 * Content(255 - photo) + TotalVariation()
    result = minimize(loss, tiny, photo, evaluations=9, callbacks=[callbacks.progress(console)])
    shown = screen.getvalue()
    assert "9/9" in shown
    assert "time left" in shown
    last = result.history[-1].weighted
    assert f"content {last['content']:.4g}" in shown
    assert f"total_variation {last['total_variation']:.4g}" in shown


def test_progress_prints_its_last_state_where_there_is_no_terminal(
    tiny: FeatureModel, photo: Image, capsys: pytest.CaptureFixture[str]
) -> None:
    bar = callbacks.progress()
    for _ in range(2):
        minimize(Content(255 - photo), tiny, photo, evaluations=9, callbacks=[bar])
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("9/9") == 2
    assert captured.err.endswith("\n")


def test_a_run_tells_its_progress_unless_it_is_to_be_silent(
    tiny: FeatureModel, photo: Image, capsys: pytest.CaptureFixture[str]
) -> None:
    loss = TotalVariation()
    result = minimize(loss, tiny, photo, evaluations=9)
    first, last = capsys.readouterr().out.splitlines()  # to be seen in a file, too
    assert first.startswith("evaluation 1/9, ")
    assert last.startswith("evaluation 9/9, ")
    assert last.endswith(f"loss {result.history[-1].loss:.4g} = total_variation {result.loss:.4g}")
    minimize(loss, tiny, photo, evaluations=9, verbose=False)
    minimize(loss, tiny, photo, evaluations=9, callbacks=[callbacks.progress()])
    assert capsys.readouterr().out == ""
    with pytest.raises(OptionError, match="verbose: expected 'auto', True or False, got 'yes'"):
        minimize(loss, tiny, photo, verbose="yes")  # type: ignore[arg-type]


def test_of_runs_within_one_another_one_tells_its_progress(
    tiny: FeatureModel, photo: Image, capsys: pytest.CaptureFixture[str]
) -> None:
    def inner(step: Step) -> None:
        minimize(TotalVariation(), tiny, photo, evaluations=2)

    for _ in range(2):
        minimize(TotalVariation(), tiny, photo, evaluations=3, callbacks=[inner])
        assert set(re.findall("evaluation ./(.)", capsys.readouterr().out)) == {"3"}


def test_progress_is_a_bar_on_a_terminal(
    tiny: FeatureModel,
    photo: Image,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = functools.partial(Console, force_terminal=True, width=120)
    monkeypatch.setattr("neural_style.runs.progress.Console", terminal)
    minimize(TotalVariation(), tiny, photo, evaluations=9)
    shown = capsys.readouterr().out
    assert "9/9" in shown
    assert "time left" in shown


def test_progress_that_cannot_be_written_ends_no_run(
    tiny: FeatureModel, photo: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    closed, ascii_only = Closed(), io.TextIOWrapper(io.BytesIO(), "ascii")
    for stdout in (closed, ascii_only, None):
        monkeypatch.setattr(sys, "stdout", stdout)
        named = TotalVariation(name="glätte")
        assert minimize(named, tiny, photo, evaluations=3).evaluations == 3


def test_snapshots_are_saved_every_so_many_evaluations(
    tiny: FeatureModel, photo: Image, tmp_path: Path
) -> None:
    seen: dict[int, Any] = {}

    def remember(step: Any) -> None:
        seen[step.evaluation] = step.image

    folder = tmp_path / "new" / "out"
    save = callbacks.snapshots(folder, every=5)
    minimize(Content(255 - photo), tiny, photo, evaluations=16, callbacks=[save, remember])
    saved = sorted(folder.iterdir())
    numbers = [int(path.stem) for path in saved]
    expected = [min(n for n in seen if n >= due) for due in (1, 5, 10, 15)]
    assert numbers == expected
    for path, number in zip(saved, numbers, strict=True):
        np.testing.assert_array_equal(images.load(path), np.rint(seen[number]))


def test_snapshots_can_serve_a_second_run(tiny: FeatureModel, photo: Image, tmp_path: Path) -> None:
    save = callbacks.snapshots(tmp_path, every=50)
    for _ in range(2):
        minimize(TotalVariation(), tiny, photo, evaluations=3, callbacks=[save])
        (tmp_path / "000001.png").unlink()


@pytest.mark.parametrize("every", [0, -1, 1.5, None])
def test_snapshots_need_a_number(tmp_path: Path, every: Any) -> None:
    with pytest.raises(OptionError, match="every: expected a positive whole number"):
        callbacks.snapshots(tmp_path, every=every)


def test_snapshots_need_a_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ImageError, match="cannot create a folder for snapshots"):
        callbacks.snapshots(file)


def rows(path: Path) -> list[dict[str, float]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [{name: float(v) for name, v in row.items()} for row in csv.DictReader(file)]


def test_csv_has_every_accepted_iterate(tiny: FeatureModel, photo: Image, tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    loss = 2 * Content(255 - photo, name="content, inverted") + TotalVariation()
    write = callbacks.csv(path)
    result = minimize(loss, tiny, photo, evaluations=9, callbacks=[write])
    assert rows(path) == [
        {
            "evaluation": entry.evaluation,
            "round": entry.round,
            "seconds": entry.seconds,
            "loss": entry.loss,
            "unweighted/content, inverted": entry.terms["content, inverted"],
            "unweighted/total_variation": entry.terms["total_variation"],
            "weighted/content, inverted": entry.weighted["content, inverted"],
            "weighted/total_variation": entry.weighted["total_variation"],
        }
        for entry in result.history
    ]
    other = minimize(TotalVariation(), tiny, photo, evaluations=3, callbacks=[write])
    assert [row["loss"] for row in rows(path)] == [entry.loss for entry in other.history]
    assert len(rows(path)[0]) == 6


def test_csv_has_a_row_at_once_and_keeps_it_when_a_run_breaks(
    tiny: FeatureModel, photo: Image, tmp_path: Path
) -> None:
    path = tmp_path / "run.csv"
    seen = []

    def read(step: Step) -> None:
        seen.append(step.evaluation)
        assert [row["evaluation"] for row in rows(path)] == seen
        if len(seen) == 3:
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        minimize(TotalVariation(), tiny, photo, callbacks=[callbacks.csv(path), read])
    assert len(rows(path)) == 3


def test_csv_replaces_a_table_of_a_run_and_nothing_else(tmp_path: Path) -> None:
    path = images.save(np.full((4, 4, 3), 9.0), tmp_path / "photo.png")
    before = path.read_bytes()
    with pytest.raises(OptionError, match="exists and is not the table of a run"):
        callbacks.csv(path)
    assert path.read_bytes() == before
    (tmp_path / "run.csv").write_text("evaluation,round\n")
    callbacks.csv(tmp_path / "run.csv")


@pytest.mark.parametrize("name", ["", "file/run.csv", "nul\0.csv"])
def test_csv_needs_a_file_that_can_be_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OptionError, match="this file cannot be written"):
        callbacks.csv(tmp_path / name)


def events(folder: Path) -> EventAccumulator:
    """What TensorBoard reads in a run's folder."""
    reader = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    return reader.Reload()


def series(reader: EventAccumulator, tag: str) -> dict[int, Any]:
    return {event.step: make_ndarray(event.tensor_proto) for event in reader.Tensors(tag)}


def pictures(reader: EventAccumulator) -> dict[int, Any]:
    """The pictures by evaluation; TensorBoard has (width, height, PNG)."""
    shown = {}
    for step, (width, height, png) in series(reader, "picture").items():
        shown[step] = np.asarray(PIL.Image.open(io.BytesIO(png)))
        assert shown[step].shape == (int(height), int(width), 3)
    return shown


def hparams(reader: EventAccumulator) -> tuple[str, dict[str, Any]]:
    metadata = reader.SummaryMetadata("_hparams_/session_start_info")
    session = parse_session_start_info_plugin_data(metadata.plugin_data.content)
    values = {
        name: getattr(value, str(value.WhichOneof("kind")))
        for name, value in session.hparams.items()
    }
    return session.group_name, values


def test_tensorboard_has_the_scalars_and_the_pictures(
    tiny: FeatureModel, photo: Image, tmp_path: Path
) -> None:
    seen: dict[int, Image] = {}

    def remember(step: Step) -> None:
        seen[step.evaluation] = step.image

    board = callbacks.tensorboard(tmp_path / "new" / "run", every=5)
    loss = 2 * Content(255 - photo) + TotalVariation()
    result = minimize(loss, tiny, photo, evaluations=14, callbacks=[board, remember])
    reader = events(tmp_path / "new" / "run")
    expected = {"loss": {entry.evaluation: entry.loss for entry in result.history}}
    for name in result.terms:
        expected[f"unweighted/{name}"] = {e.evaluation: e.terms[name] for e in result.history}
        expected[f"weighted/{name}"] = {e.evaluation: e.weighted[name] for e in result.history}
    for tag, values in expected.items():
        assert series(reader, tag) == {n: np.float32(value) for n, value in values.items()}
    others = {"picture", "settings", "_hparams_/session_start_info"}
    assert set(reader.Tags()["tensors"]) == {*expected, *others}

    shown = pictures(reader)
    assert list(shown) == [*(min(n for n in seen if n >= due) for due in (1, 5, 10)), max(seen)]
    for number, picture in shown.items():
        np.testing.assert_array_equal(picture, np.rint(seen[number]))


def test_tensorboard_can_be_read_during_a_run(
    tiny: FeatureModel, photo: Image, tmp_path: Path
) -> None:
    def read(step: Step) -> None:
        assert list(series(events(tmp_path), "loss"))[-1] == step.evaluation

    board = callbacks.tensorboard(tmp_path)
    minimize(TotalVariation(), tiny, photo, evaluations=3, callbacks=[board, read])


def test_tensorboard_compares_runs_by_their_settings(
    tiny: FeatureModel, photo: Image, tmp_path: Path
) -> None:
    loss = 2 * Content(photo) + TotalVariation()
    for name, seed in {"a": 0, "b": np.int64(1), "c": 1}.items():
        settings = {"seed": seed, "start": "noise", "pooled": True, "weight": 0.5, "loss": loss}
        board = callbacks.tensorboard(tmp_path / name, hparams=settings)
        minimize(TotalVariation(), tiny, photo, evaluations=2, callbacks=[board])
    sessions = dict(hparams(events(tmp_path / name)) for name in "abc")
    common = {
        "start": "noise",
        "pooled": True,
        "weight": 0.5,
        "loss": str(loss),
        "evaluations": 2,
    }
    assert sessions == {  # equal settings, too, are sessions of their own
        f"a in {tmp_path}": {**common, "seed": 0},
        f"b in {tmp_path}": {**common, "seed": 1},
        f"c in {tmp_path}": {**common, "seed": 1},
    }
    (text,) = series(events(tmp_path / "b"), "settings").values()
    assert text.item().decode() == (
        textwrap.indent(f"seed: 1\nstart: noise\npooled: True\nweight: 0.5\nloss: {loss}\n", "    ")
        + "    evaluations: 2"
    )


def test_a_new_run_in_the_same_folder_replaces_the_last(
    tiny: FeatureModel, photo: Image, tmp_path: Path
) -> None:
    other = tmp_path / "events.out.tfevents.1.other"
    other.touch()

    def run(board: Any, evaluations: int) -> Result:
        return minimize(TotalVariation(), tiny, photo, evaluations=evaluations, callbacks=[board])

    board = callbacks.tensorboard(tmp_path, hparams={"seed": 0})
    run(board, 8)
    last = run(board, 3)
    assert list(series(events(tmp_path), "loss")) == [entry.evaluation for entry in last.history]
    run(callbacks.tensorboard(tmp_path, hparams={"seed": 1}), 2)
    assert hparams(events(tmp_path))[1] == {"seed": 1, "evaluations": 2}
    assert len(list(tmp_path.iterdir())) == 2
    assert other.exists()


def test_tensorboard_keeps_the_curves_of_a_run_that_goes_on(
    tiny: FeatureModel, photo: Image, tmp_path: Path
) -> None:
    def stop(step: Step) -> None:
        if step.evaluation >= 7:
            raise OSError("the machine is needed")

    folder, logdir = tmp_path / "run", tmp_path / "board"
    with pytest.raises(OSError, match="is needed"):
        minimize(
            TotalVariation(),
            tiny,
            photo,
            evaluations=12,
            checkpoint=folder,
            checkpoint_every=5,
            callbacks=[callbacks.tensorboard(logdir), stop],
        )
    result = resume(folder, features=tiny, callbacks=[callbacks.tensorboard(logdir)])
    kept = series(events(logdir), "loss")
    assert kept == {entry.evaluation: np.float32(entry.loss) for entry in result.history}
    assert min(kept) == 1


def test_tensorboard_survives_a_run_that_never_starts(
    tiny: FeatureModel, photo: Image, tmp_path: Path
) -> None:
    class Refusing:
        def __enter__(self) -> None:
            raise OSError("no")

        def __exit__(self, *error: object) -> None: ...

        def __call__(self, step: Step) -> None: ...

    board = callbacks.tensorboard(tmp_path)
    with pytest.raises(OSError, match="no"):
        minimize(TotalVariation(), tiny, photo, callbacks=[board, Refusing()])
    assert events(tmp_path).Tags()["tensors"] == []


@pytest.mark.parametrize("every", [0, -1, 1.5, None])
def test_tensorboard_needs_a_number(tmp_path: Path, every: Any) -> None:
    with pytest.raises(OptionError, match="every: expected a positive whole number"):
        callbacks.tensorboard(tmp_path, every=every)


@pytest.mark.parametrize("name", ["file", "file/run", "nul\0"])
def test_tensorboard_needs_a_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OptionError, match="cannot write a folder for TensorBoard there"):
        callbacks.tensorboard(tmp_path / name)
    with pytest.raises(OptionError, match="logdir: expected a path, got 5"):
        callbacks.tensorboard(5)  # type: ignore[arg-type]


def test_without_tensorboard_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "tensorboard"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(ImportError, match=r"pip install 'neural-style-keras\[tensorboard\]'"):
        callbacks.tensorboard(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []
