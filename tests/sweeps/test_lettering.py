"""Titles in lines, and in ASCII."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neural_style.sweeps import lettering
from neural_style.sweeps.lettering import Lettering, spelt


@pytest.fixture(autouse=True, params=["installed", "pillow"])
def fonts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "pillow":
        monkeypatch.setattr(lettering, "_FONTS", ())


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    text=st.text(max_size=80) | st.text("ab ,_", max_size=80),
    width=st.integers(1, 150),
    most=st.integers(1, 4),
)
def test_lines_have_all_of_a_text_or_end_in_an_ellipsis(text: str, width: int, most: int) -> None:
    letters = Lettering(None, 12)
    lines = letters.lines(text, width, most)
    assert len(lines) <= most
    for line in lines:
        assert len(line) <= 1 or letters.font.getlength(line) <= width
    whole = "".join(letters.lines(text, 1e6, 1)).replace(" ", "")
    joined = "".join(lines).replace(" ", "")
    assert joined == whole or (whole.startswith(joined[:-1]) and joined[-1] == "…")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("α/β = 1/10", "alpha/beta = 1/10"),
        ("128×128 – ½", "128x128 - 12"),
        ("Σ → é ñ ²", "sigma -> e n 2"),
        ("富春山", "???"),
        ("…", "…"),
    ],
)
def test_titles_are_spelt_where_the_font_has_no_more(text: str, expected: str) -> None:
    assert "".join(map(spelt, text)) == expected
