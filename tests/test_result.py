"""What a result can do with itself."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from neural_style import Result, images
from neural_style.result import Entry


@pytest.fixture
def result() -> Result:
    terms = {"content": 3.0, "gram": 0.25}
    weighted = {"content": 3.0, "gram": 25.0}
    history = tuple(Entry(n, 0, 28.0 / n, terms, weighted, 0.1 * n) for n in (1, 2, 4))
    image = images.noise((6, 8))
    return Result(image, 28.0, terms, weighted, history, 4, 1, 0.4, 0, "the budget was used")


def test_it_says_what_was_reached_and_why_it_stopped(result: Result) -> None:
    assert str(result) == "loss 28 after 4 evaluations in 0 s: the budget was used"
    assert "image" not in repr(result)


def test_it_saves_itself(result: Result, tmp_path: Path) -> None:
    path = result.save(tmp_path / "out.png")
    np.testing.assert_array_equal(images.load(path), np.rint(result.image))


def test_it_shows_itself_in_a_notebook(result: Result) -> None:
    shown = np.asarray(PIL.Image.open(io.BytesIO(result._repr_png_())))
    np.testing.assert_array_equal(shown, np.rint(result.image))


def test_it_plots_its_history(result: Result) -> None:
    (axes,) = result.plot().axes
    labels = {line.get_label(): list(line.get_ydata()) for line in axes.lines}
    assert labels == {"loss": [28, 14, 7], "content": [3] * 3, "gram": [25] * 3}
    assert list(axes.lines[0].get_xdata()) == [1, 2, 4]


def test_plotting_without_matplotlib_says_what_to_install(
    result: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'neural-style\[plot\]'"):
        result.plot()
