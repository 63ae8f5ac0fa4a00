"""Losses against numbers that their authors' own code gave, value and gradient to 1e-5.

A file in ``fixtures`` names the repository, the commit, the function and the versions that were
run. A case is small made-up features, h×w×channels in nested lists, the options of the loss, and
what the function returned.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from by_hand import PICTURE, target_of, value_and_gradient

from neural_style import create
from neural_style.extensions import patch_sliced_wasserstein

FIXTURES = Path(__file__).parent / "fixtures"
NAMES = ("central_moment_discrepancy", "contextual", "patch_sliced_wasserstein")
CASES = [
    pytest.param(name, case, id=f"{name}-{case['name']}")
    for name in NAMES
    for case in json.loads((FIXTURES / f"{name}.json").read_text("utf-8"))["cases"]
]


@pytest.mark.parametrize(("name", "case"), CASES)
def test_value_and_gradient(
    name: str, case: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    if "directions" in case:
        directions = np.array(case["directions"])
        monkeypatch.setattr(patch_sliced_wasserstein, "rotation", lambda *_: directions)
    loss = create(name, PICTURE, layers=["a"], **case["options"])
    picture, reference = (np.array(case[each])[None] for each in ("picture", "reference"))
    target = target_of(loss, picture, reference)
    value, gradient = value_and_gradient(loss, picture, reference, target)
    expected = np.array(case["gradient"])[None]
    if name == "contextual":  # which subtracts a constant, its least value
        value += target["a"]["least"]
    assert value == pytest.approx(case["value"], rel=1e-5)
    assert np.linalg.norm(gradient - expected) < 1e-5 * np.linalg.norm(expected)
