"""Contact sheets: what is where, and what is written there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from numpy.typing import NDArray

from neural_style import Result, images
from neural_style.errors import ImageError, OptionError
from neural_style.images import Image
from neural_style.sweeps import lettering
from neural_style.sweeps.contact_sheet import contact_sheet
from neural_style.sweeps.sweep import Outcome, sweep

RED, GREEN, BLUE = (255.0, 0.0, 0.0), (0.0, 255.0, 0.0), (0.0, 0.0, 255.0)
LONG = "one title that is so long that it will never find the room that it asks for " * 5


@pytest.fixture(autouse=True, params=["installed", "pillow"])
def fonts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "pillow":
        monkeypatch.setattr(lettering, "_FONTS", ())


def plain(color: Any, height: int = 32, width: int = 32) -> Image:
    return np.full((height, width, 3), color, np.float32)


def box(sheet: Image, color: Any) -> tuple[int, int, int, int]:
    """Top, left, height and width of what has a color, which must be a full rectangle."""
    where = (sheet == np.float32(color)).all(-1)
    rows, columns = (np.flatnonzero(where.any(axis)) for axis in (1, 0))
    assert where.sum() == len(rows) * len(columns) > 0
    assert where[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
    return int(rows[0]), int(columns[0]), len(rows), len(columns)


def ink(sheet: Image) -> NDArray[np.bool_]:
    """Where there is black writing."""
    dark: NDArray[np.bool_] = np.all(sheet < 100, axis=-1)
    return dark


def shown(seed: int, size: int) -> Result:
    """A picture with its settings for a color."""
    return Result(plain(color(seed, size), size, size), 0.0, {}, {}, (), 1, 1, 0.0, seed, "done")


def color(seed: int, size: int) -> tuple[float, float, float]:
    return 100.0 + 50 * seed, 100.0 + size, 250.0


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    return sweep(shown, {"seed": range(3), "size": [16, 32, 64, 100]})


def test_pictures_stand_side_by_side_under_their_titles() -> None:
    given = {"red": plain(RED), "green": plain(GREEN), "blue": plain(BLUE)}
    sheet = contact_sheet(given, cell=64)
    assert sheet.dtype == np.float32
    red, green, blue = (box(sheet, each) for each in (RED, GREEN, BLUE))
    assert {each[2:] for each in (red, green, blue)} == {(64, 64)}
    assert red[0] == green[0] == blue[0]
    assert blue[1] - green[1] == green[1] - red[1] > 64
    for top, left, _, width in (red, green, blue):
        above = ink(sheet)[:top]
        assert above[:, left : left + width].any()
        assert not above[:, left - 4 : left].any()
    assert not ink(sheet)[red[0] :].any()


def test_a_strip_is_broken_into_rows() -> None:
    given = {"red": plain(RED), "green": plain(GREEN), "blue": plain(BLUE)}
    sheet = contact_sheet(given, columns=2, cell=64)
    red, green, blue = (box(sheet, each) for each in (RED, GREEN, BLUE))
    assert red[0] == green[0] < blue[0] - 64
    assert red[1] == blue[1] < green[1] - 64
    assert ink(sheet)[red[0] + 64 : blue[0], red[1] : red[1] + 64].any()


def test_a_picture_is_not_distorted() -> None:
    given = {"flat": plain(RED, 10, 40), "high": plain(GREEN, 60, 30), "small": plain(BLUE, 2, 2)}
    sheet = contact_sheet(given, cell=80)
    assert [box(sheet, each)[2:] for each in (RED, GREEN, BLUE)] == [(20, 80), (80, 40), (80, 80)]
    assert len({box(sheet, each)[0] for each in (RED, GREEN, BLUE)}) == 1  # below their titles


def test_a_picture_of_its_size_keeps_its_pixels() -> None:
    picture = images.noise((40, 64), seed=1)
    sheet = contact_sheet({"": picture}, cell=64)
    assert sheet.shape == (4 + 40 + 4, 4 + 64 + 4, 3)
    np.testing.assert_array_equal(sheet[4:-4, 4:-4], np.rint(picture))


def test_a_sheet_can_be_saved(outcomes: list[Outcome], tmp_path: Path) -> None:
    sheet = contact_sheet(outcomes, rows="seed", columns="size", cell=48)
    path = images.save(sheet, tmp_path / "sheet.png")
    np.testing.assert_array_equal(images.load(path), sheet)


def test_a_grid_has_every_outcome_in_its_place(outcomes: list[Outcome]) -> None:
    sheet = contact_sheet(outcomes[::-1], rows="seed", columns="size", cell=64)
    boxes = {(r, c): box(sheet, color(r, c)) for r in range(3) for c in (16, 32, 64, 100)}
    assert {each[2:] for each in boxes.values()} == {(64, 64)}
    tops = [boxes[seed, 16][0] for seed in (2, 1, 0)]  # in the order that they come in
    lefts = [boxes[0, size][1] for size in (100, 64, 32, 16)]
    assert np.ptp(np.diff(tops)) == np.ptp(np.diff(lefts)) == 0
    assert tops == sorted(tops)
    assert lefts == sorted(lefts)
    assert all(boxes[r, c][:2] == (boxes[r, 16][0], boxes[0, c][1]) for r, c in boxes)
    written = ink(sheet)
    for top in tops:  # a title beside every row
        assert written[top : top + 64, : lefts[0]].any()
    for left in lefts:  # and above every column, of the first row only
        assert written[: tops[0], left : left + 64].any()
    assert not written[tops[0] :, lefts[0] :].any()


def test_rows_or_columns_alone(outcomes: list[Outcome]) -> None:
    one = [each for each in outcomes if each.settings["size"] == 32]
    boxes = [
        [box(contact_sheet(one, cell=64, **axis), color(seed, 32)) for seed in range(3)]
        for axis in ({"rows": "seed"}, {"columns": "seed"})
    ]
    assert len({each[1] for each in boxes[0]}) == len({each[0] for each in boxes[1]}) == 1
    assert len({each[0] for each in boxes[0]}) == len({each[1] for each in boxes[1]}) == 3


def test_outcomes_in_a_strip_have_their_settings_for_titles(
    outcomes: list[Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    strip = contact_sheet(outcomes[:4], columns=2, cell=96)
    titles = ["seed = 0, size = 16", "seed = 0, size = 32", "seed = 0, size = 64"]
    titles.append("seed = 0, size = 100")
    pictures = [shown(0, size).image for size in (16, 32, 64, 100)]
    same = contact_sheet(dict(zip(titles, pictures, strict=True)), columns=2, cell=96)
    np.testing.assert_array_equal(strip, same)


@pytest.mark.parametrize(
    ("value", "title"),
    [
        (1e-5, "weight = 1e-05"),
        (0.1 + 0.2, "weight = 0.3"),
        (1000, "weight = 1000"),
        ("conv1_1", "weight = conv1_1"),
        (("a", "b"), "weight = a, b"),
        ([0.5, None], "weight = 0.5, None"),
    ],
)
def test_titles_are_values_a_reader_can_take_in(value: Any, title: str) -> None:
    (outcome,) = sweep(lambda weight: shown(0, 32), {"weight": [value]})
    expected = contact_sheet({title: shown(0, 32).image}, cell=96)
    np.testing.assert_array_equal(contact_sheet([outcome], columns="weight", cell=96), expected)


def test_where_there_is_no_run_there_is_nothing(outcomes: list[Outcome]) -> None:
    full, holed = (
        contact_sheet(some, rows="seed", columns="size", cell=64)
        for some in (outcomes, outcomes[:5] + outcomes[6:])
    )
    top, left, height, width = box(full, color(1, 32))
    hole = holed[top : top + height, left : left + width]
    assert (hole == 255).all()
    hole[:] = color(1, 32)
    np.testing.assert_array_equal(full, holed)


@pytest.mark.parametrize("message", ["", "no such layer", LONG, "x" * 3000])
def test_a_failed_run_is_shown_as_its_error(outcomes: list[Outcome], message: str) -> None:
    failed = Outcome(outcomes[5].settings, error=ValueError(message))
    some = [*outcomes[:5], failed, *outcomes[6:]]
    full, holed = (
        contact_sheet(each, rows="seed", columns="size", cell=128) for each in (outcomes, some)
    )
    top, left, height, width = box(full, color(1, 32))
    inside = holed[top : top + height, left : left + width].copy()
    background = inside[0, 0]
    written = (inside != background).any(-1)
    assert written.any()
    edge = written.copy()
    edge[2:-2, 2:-2] = False
    assert not edge.any()  # the text stays off the edges
    holed[top : top + height, left : left + width] = color(1, 32)
    np.testing.assert_array_equal(full, holed)


def test_a_sheet_of_failures_alone() -> None:
    (outcome,) = sweep(lambda seed: 1 / 0, {"seed": [0]})  # type: ignore[arg-type, return-value]
    sheet = contact_sheet([outcome], cell=100)
    assert sheet.shape[1] == 108
    assert (sheet < 200).any()


@pytest.mark.parametrize("cell", [32, 64, 256])
@pytest.mark.parametrize("title", ["", "A title", LONG, "α/β → 128×128", "W" * 500])
def test_no_title_is_cut_off_or_covers_a_picture(title: str, cell: int) -> None:
    def run(layers: str, seed: str) -> Result:
        return Result(plain(RED), 0.0, {}, {}, (), 1, 1, 0.0, 0, "done")

    outcomes = sweep(run, {"layers": [title, "other"], "seed": [title]})
    for sheet in (
        contact_sheet(outcomes, rows="layers", columns="seed", title=title, cell=cell),
        contact_sheet(
            {title: plain(RED), f"{title}.": plain(RED)}, columns=1, title=title, cell=cell
        ),
    ):
        border = sheet.copy()
        border[3:-3, 3:-3] = 255
        assert (border == 255).all()
        assert (sheet == RED).all(-1).sum() == 2 * cell**2


def test_the_title_stands_above_all(outcomes: list[Outcome]) -> None:
    without = contact_sheet(outcomes, rows="seed", columns="size", cell=64)
    titled = contact_sheet(outcomes, rows="seed", columns="size", cell=64, title="Three seeds")
    more = len(titled) - len(without)
    assert ink(titled[:more]).any()
    np.testing.assert_array_equal(titled[more + 4 :], without[4:])


@pytest.mark.parametrize("text", ["\n", "\x00", "\udcff", "🎨", "a\tb", "‏אב", " ", "…"], ids=ascii)
def test_odd_characters_do_no_harm(text: str) -> None:
    contact_sheet({text: plain(RED)}, title=text, cell=32)


def test_a_font_can_be_given(tmp_path: Path) -> None:
    serif = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSerif.ttf"
    ours, theirs = (contact_sheet({"a": plain(RED)}, font=font) for font in (None, serif))
    assert (ours != theirs).any()
    (tmp_path / "font.ttf").write_text("no font")
    for font in (tmp_path / "font.ttf", tmp_path / "missing.ttf"):
        with pytest.raises(OptionError, match=r"font: .*\.ttf cannot be read"):
            contact_sheet({"a": plain(RED)}, font=font)


@pytest.mark.parametrize("cell", [1, 2, 7])
def test_small_cells_do_no_harm(cell: int) -> None:
    given = {"a title": plain(RED, 200, 3), "another": plain(GREEN, 3, 200)}
    assert contact_sheet(given, cell=cell, title="A sheet").ndim == 3


def test_dark_pictures_are_taken_and_others_clipped() -> None:
    sheet = contact_sheet(
        {"dark": plain((0.0, 1.0, 0.0)), "bright": plain((300.0, -20.0, 0.0))}, cell=32
    )
    assert box(sheet, (0.0, 1.0, 0.0))[2:] == (32, 32)
    assert box(sheet, RED)[2:] == (32, 32)


@pytest.mark.parametrize("picture", [np.zeros((4, 4)), plain(np.nan), "photo.png", None], ids=str)
def test_what_is_no_picture_is_called_by_its_title(picture: Any) -> None:
    with pytest.raises(ImageError, match="the photo: "):
        contact_sheet({"the photo": picture})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": "seeds"}, "rows: the outcomes have no setting 'seeds'; did you mean 'seed'?"),
        ({"columns": "width"}, "columns: .* 'width'; Known: seed, size"),
        ({"rows": "seed", "columns": 3}, "columns: the outcomes have no setting 3; Known: seed"),
        ({"rows": 3}, "rows: the outcomes have no setting 3"),
        ({"rows": "seed"}, "to the cell 'seed = 0'; draw a sheet for each size"),
        ({"columns": 0}, "columns: expected a positive whole number, got 0"),
        ({"columns": 1.5}, "columns: expected a positive whole number, got 1.5"),
        ({"cell": 0}, "cell: expected a positive whole number"),
    ],
)
def test_what_fits_no_sheet_is_refused(outcomes: list[Outcome], options: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        contact_sheet(outcomes, **options)


def test_the_same_settings_twice_are_refused(outcomes: list[Outcome]) -> None:
    again = sweep(shown, {"seed": [0], "size": [16]})
    with pytest.raises(OptionError, match="'seed = 0, size = 16'; leave one of them out"):
        contact_sheet(outcomes + again, rows="seed", columns="size")


@pytest.mark.parametrize("options", [{"rows": "seed"}, {"columns": "seed"}], ids=str)
def test_pictures_by_title_have_no_settings(options: Any) -> None:
    with pytest.raises(
        OptionError, match="rows and columns: a dict of pictures accepts only columns"
    ):
        contact_sheet({"a": plain(RED)}, **options)


@pytest.mark.parametrize("pictures", [[], {}, iter(())])
def test_a_sheet_of_nothing_is_refused(pictures: Any) -> None:
    for columns in (None, 2):
        with pytest.raises(OptionError, match="expected one or more, got an empty list"):
            contact_sheet(pictures, columns=columns)


@pytest.mark.parametrize(
    "pictures", [[plain(RED)], plain(RED), [("a", plain(RED))]], ids=["", "", ""]
)
def test_a_list_of_pictures_has_no_titles(pictures: Any) -> None:
    with pytest.raises(OptionError, match=r"pictures: expected outcomes .* got a sequence of"):
        contact_sheet(pictures)
