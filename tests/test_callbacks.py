"""The callbacks that come with the library."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from neural_style import FeatureModel, callbacks, images, minimise
from neural_style.errors import ImageError, OptionError
from neural_style.extensions import Content, TotalVariation
from neural_style.images import Image


def test_progress_shows_the_bar_the_time_left_and_every_term(
    tiny: FeatureModel, photo: Image
) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120)
    loss = 2 * Content(255 - photo) + TotalVariation()
    result = minimise(loss, tiny, photo, evaluations=9, callbacks=[callbacks.progress(console)])
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
        minimise(Content(255 - photo), tiny, photo, evaluations=9, callbacks=[bar])
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("9/9") == 2
    assert captured.err.endswith("\n")


def test_snapshots_are_saved_every_so_many_evaluations(
    tiny: FeatureModel, photo: Image, tmp_path: Path
) -> None:
    seen: dict[int, Any] = {}

    def remember(step: Any) -> None:
        seen[step.evaluation] = step.image

    folder = tmp_path / "new" / "out"
    save = callbacks.snapshots(folder, every=5)
    minimise(Content(255 - photo), tiny, photo, evaluations=16, callbacks=[save, remember])
    saved = sorted(folder.iterdir())
    numbers = [int(path.stem) for path in saved]
    expected = [min(n for n in seen if n >= due) for due in (1, 5, 10, 15)]
    assert numbers == expected
    for path, number in zip(saved, numbers, strict=True):
        np.testing.assert_array_equal(images.load(path), np.rint(seen[number]))


def test_snapshots_can_serve_a_second_run(tiny: FeatureModel, photo: Image, tmp_path: Path) -> None:
    save = callbacks.snapshots(tmp_path, every=50)
    for _ in range(2):
        minimise(TotalVariation(), tiny, photo, evaluations=3, callbacks=[save])
        (tmp_path / "000001.png").unlink()


@pytest.mark.parametrize("every", [0, -1, 1.5, None])
def test_snapshots_need_a_number(tmp_path: Path, every: Any) -> None:
    with pytest.raises(OptionError, match="every: expected a positive whole number"):
        callbacks.snapshots(tmp_path, every=every)


def test_snapshots_need_a_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ImageError, match="no folder for snapshots can be made"):
        callbacks.snapshots(file)
