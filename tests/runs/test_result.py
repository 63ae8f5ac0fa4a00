"""What a result can do with itself."""

from __future__ import annotations

import base64
import io
import json
import math
import pickle
import re
import sys
import tempfile
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from neural_style import FeatureModel, Result, Step, images, minimize, rerun
from neural_style.errors import ImageError, OptionError, RecordError
from neural_style.extensions import Content
from neural_style.images import Image
from neural_style.objective.estimate import Estimate
from neural_style.objective.objective import Evaluation
from neural_style.runs import storage
from neural_style.runs.result import Ending, Entry
from neural_style.sweeps.sweep import Outcome

NO_SPACE = OSError(28, "No space left on device")


@pytest.fixture
def result() -> Result:
    terms = {"content": 3.0, "gram": 0.25}
    weighted = {"content": 3.0, "gram": 25.0}
    history = tuple(Entry(n, 0, 28.0 / n, terms, weighted, 0.1 * n) for n in (1, 2, 4))
    image = images.noise((6, 8), uniform=(0, 255))
    return Result(image, 28.0, terms, weighted, history, 4, 1, 0.4, 0, "the budget was used")


def test_it_says_what_was_reached_and_why_it_stopped(result: Result) -> None:
    assert str(result) == "loss 28 after 4 evaluations in 0 s: the budget was used"
    assert "image" not in repr(result)


@pytest.mark.parametrize("beside", [True, False])
def test_a_picture_that_cannot_be_saved_is_saved_elsewhere(
    result: Result, tmp_path: Path, beside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full, or one file that cannot be written."""
    folder, other = tmp_path / "folder", tmp_path / "other"
    folder.mkdir()
    other.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(other))
    write = PIL.Image.Image.save
    written: list[Path] = []

    def full(self: PIL.Image.Image, path: Path, **options: Any) -> None:
        written.append(path)
        if len(written) == 1 or (not beside and path.parent == folder):
            raise NO_SPACE
        write(self, path, **options)

    monkeypatch.setattr(PIL.Image.Image, "save", full)
    with pytest.raises(ImageError, match=r"out.png: .*No space left") as caught:
        result.save(folder / "out.png")
    (found,) = [*folder.iterdir(), *other.iterdir()]
    assert str(caught.value).endswith(f"The picture is in {found}.")
    assert found.parent == (folder if beside else other)
    np.testing.assert_array_equal(images.load(found), np.rint(result.image))


@pytest.mark.parametrize("name", ["file/out.png", "out.none", "\0.png"])
def test_whatever_the_path_the_picture_is_somewhere(
    result: Result, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(ImageError, match=r"The picture is in .*\.png\."):
        result.save(tmp_path / name)
    (found,) = tmp_path.glob("*.png")
    np.testing.assert_array_equal(images.load(found), np.rint(result.image))


@pytest.mark.parametrize("kind", [Result, Entry, Step, Evaluation, Estimate, Outcome])
def test_what_holds_arrays_is_equal_to_itself_alone(kind: Any) -> None:
    values = {field.name: np.zeros(2) for field in fields(kind)}
    one, other = kind(**values), kind(**values)
    assert one == one
    assert one != other
    assert len({one, other}) == 2


def test_it_saves_itself(result: Result, tmp_path: Path) -> None:
    path = result.save(tmp_path / "out.png")
    np.testing.assert_array_equal(images.load(path), np.rint(result.image))


def test_it_comes_back_as_it_was(result: Result, tmp_path: Path) -> None:
    terms = {"content": np.float64(0.1), "gram": math.nan}
    saved = replace(
        result,
        image=result.image + np.float32(1 / 3),
        loss=math.inf,
        terms=terms,
        ending=Ending.CONVERGED,
        reason="α",
        pictures={"image": np.ones((4, 5, 3), np.float32)},
    )
    path = saved.save(str(tmp_path / "new" / "out.npz"))
    assert path == tmp_path / "new" / "out.npz"
    loaded = Result.load(path)
    assert type(loaded.terms["content"]) is float
    assert isinstance(loaded.ending, Ending)
    np.testing.assert_equal(
        {**vars(loaded), "history": [vars(entry) for entry in loaded.history]},
        {**vars(saved), "history": [vars(entry) for entry in saved.history]},
    )
    assert loaded.image.dtype == np.float32


def test_a_result_of_a_run_can_be_repeated(
    tiny: FeatureModel, photo: Image, tmp_path: Path
) -> None:
    result = minimize(Content(photo), tiny, 255 - photo, evaluations=3)
    loaded = Result.load(result.save(tmp_path / "out.npz"))
    assert loaded.record == result.record
    assert loaded.pictures.keys() == result.pictures.keys()
    again = rerun(tmp_path / "out.npz", features=tiny)
    assert again.same
    assert again.differences == ()
    with pytest.raises(OptionError, match="is also an input"):
        rerun(tmp_path / "out.npz", features=tiny, output=tmp_path / "out.npz")
    replace(result, record={}).save(tmp_path / "out.npz")
    with pytest.raises(RecordError, match="this result has no record"):
        rerun(tmp_path / "out.npz", features=tiny)


def test_what_is_no_result_is_not_loaded(result: Result, tmp_path: Path) -> None:
    path = result.save(tmp_path / "out.npz")
    whole = path.read_bytes()
    names = ("cut", "other", "more", "missing")
    cut, other, more, missing = (tmp_path / f"{name}.npz" for name in names)
    cut.write_bytes(whole[:-100])
    np.savez(other, image=result.image)
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files if name != "sha256"}
    arrays["more"] = np.zeros(3)
    np.savez(more, **arrays, sha256=np.frombuffer(storage.checksum(arrays), np.uint8))
    document = json.loads(arrays["document"].tobytes())
    document["result"]["seed"] = "0"
    arrays["document"] = np.frombuffer(json.dumps(document).encode(), np.uint8)
    np.savez(path, **arrays, sha256=np.frombuffer(storage.checksum(arrays), np.uint8))
    for wrong, message in (
        (cut, r"cut.npz: the file cannot be read .*use another copy"),
        (other, r"other.npz: the file cannot be read .*use another copy"),
        (missing, r"missing.npz: the file cannot be read .*check the path"),
        (path, r"out.npz: result.seed should be a valid integer, got '0'; use"),
        (more, r"more.npz: expected a result, got another file .*'more'"),
        (tmp_path / ("a" * 5000), "path: expected a path"),
    ):
        with pytest.raises(RecordError, match=message):
            Result.load(wrong)


def test_what_could_not_be_loaded_is_not_saved(
    result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seed: Any = "0"
    with pytest.raises(RecordError, match=r"seed should be a valid integer.*The picture is in"):
        replace(result, seed=seed).save(tmp_path / "out.npz")
    (found,) = tmp_path.iterdir()
    np.testing.assert_array_equal(images.load(found), np.rint(result.image))


def png(data: bytes) -> Any:
    return np.asarray(PIL.Image.open(io.BytesIO(data)).convert("RGB"))


def lines(figure: Any) -> dict[str, Any]:
    (axes,) = figure.axes
    return {line.get_label(): list(line.get_ydata()) for line in axes.lines}


def with_history(result: Result, **curves: list[float]) -> Result:
    """``result`` with terms of these weighted values, the loss their sum."""
    history = []
    for n, values in enumerate(zip(*curves.values(), strict=True), 1):
        terms = dict(zip(curves, values, strict=True))
        history.append(Entry(n, 0, sum(values), terms, terms, 0.1 * n))
    terms = dict.fromkeys(curves, 1.0)
    return replace(result, history=tuple(history), terms=terms, weighted=terms)


@pytest.fixture
def no_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)


def test_it_shows_its_picture_and_its_curve_in_a_notebook(result: Result) -> None:
    html = result._repr_html_()
    assert html is not None
    picture, curve = map(
        base64.b64decode, re.findall(r'<img src="data:image/png;base64,(.+?)">', html)
    )
    assert picture == result._repr_png_()
    np.testing.assert_array_equal(png(picture), np.rint(result.image))
    np.testing.assert_array_equal(png(curve), png(result.plot()._repr_png_()))


@pytest.mark.usefixtures("no_matplotlib")
def test_it_shows_only_its_picture_without_matplotlib(result: Result) -> None:
    assert result._repr_html_() is None
    np.testing.assert_array_equal(png(result._repr_png_()), np.rint(result.image))


def test_it_plots_its_history(result: Result) -> None:
    figure = result.plot()
    assert lines(figure) == {"loss": [28, 14, 7], "content": [3] * 3, "gram": [25] * 3}
    assert list(figure.axes[0].lines[0].get_xdata()) == [1, 2, 4]
    assert figure.axes[0].get_yscale() == "log"


@pytest.mark.parametrize(
    ("curves", "scale"),
    [
        ({"content": [], "gram": []}, "linear"),
        ({"content": [2.0]}, "log"),
        ({"content": [0.0]}, "linear"),
        ({"content": [0.0, 1.0, 2.0], "gram": [9.0, 5.0, 1.0]}, "log"),
        ({"content": [0.0, 0.0], "gram": [9.0, 5.0]}, "log"),
        ({"content": [0.0, 0.0], "gram": [0.0, 0.0]}, "linear"),
        ({"content": [-1.0, -2.0], "gram": [9.0, 5.0]}, "linear"),
        ({"content": [-1.0, -2.0]}, "linear"),
    ],
)
def test_any_history_can_be_drawn(
    result: Result, curves: dict[str, list[float]], scale: str
) -> None:
    figure = with_history(result, **curves).plot()
    assert lines(figure) == {"loss": list(map(sum, zip(*curves.values(), strict=True))), **curves}
    assert figure.axes[0].get_yscale() == scale
    assert png(figure._repr_png_()).std() > 0


def test_a_term_that_starts_at_its_target_leaves_room_for_the_others(result: Result) -> None:
    curves = {"content": [1e-9, 50.0], "gram": [1000.0, 100.0]}
    bottom, top = with_history(result, **curves).plot().axes[0].get_ylim()
    assert bottom == pytest.approx(150e-4)
    assert 1000 < top < 10_000


def test_a_single_entry_can_be_seen(result: Result) -> None:
    point = with_history(result, gram=[2.0]).plot()
    assert [line.get_marker() for line in point.axes[0].lines] == [".", "."]


def test_a_term_may_be_called_loss(result: Result) -> None:
    figure = with_history(result, loss=[1.0, 2.0], gram=[2.0, 3.0]).plot()
    curves = [(line.get_label(), list(line.get_ydata())) for line in figure.axes[0].lines]
    assert curves == [("loss", [3, 5]), ("loss", [1, 2]), ("gram", [2, 3])]


def test_it_compares_itself_with_what_it_was_made_from(
    result: Result, photo: Image, painting: Image, tmp_path: Path
) -> None:
    for style in (painting, images.save(painting, tmp_path / "painting.png")):
        figure = result.compare(photo, style)
        assert [axes.get_title() for axes in figure.axes] == ["content", "style", "result"]
        for axes, image in zip(figure.axes, (photo, painting, result.image), strict=True):
            np.testing.assert_array_equal(axes.images[0].get_array(), np.rint(image))
    figure.draw_without_rendering()
    heights = [axes.get_window_extent().height for axes in figure.axes]
    assert heights == pytest.approx([heights[0]] * 3, rel=0.02)


def test_only_pictures_are_compared(result: Result, photo: Image) -> None:
    with pytest.raises(ImageError, match="style: expected the shape"):
        result.compare(photo, photo[..., 0])
    with pytest.raises(ImageError, match="no such file"):
        result.compare("missing.png", photo)


def test_its_figures_can_be_pickled(result: Result) -> None:
    figure = result.plot()
    copy = pickle.loads(pickle.dumps(figure))
    np.testing.assert_array_equal(png(copy._repr_png_()), png(figure._repr_png_()))


@pytest.mark.usefixtures("no_matplotlib")
def test_drawing_without_matplotlib_says_what_to_install(result: Result, photo: Image) -> None:
    with pytest.raises(ImportError, match=r"pip install 'neural-style-keras\[plot\]'"):
        result.plot()
    with pytest.raises(ImportError, match=r"pip install 'neural-style-keras\[plot\]'"):
        result.compare(photo, photo)
