"""The check of a state before a run resumes from it.

The checksum shows that a state was not changed after it was written; `check` shows that it can
belong to this run, whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neural_style.images import Size
from neural_style.runs.checkpoint import State
from neural_style.utils.files import Form, check_arrays

_DRIVER = "driver."


def check(
    state: State,
    *,
    sizes: Sequence[Size],
    terms: Sequence[str],
    periods: Mapping[int, int],
    budget: int,
) -> None:
    """Raise a `ValueError` unless a state can belong to a run with these properties.

    ``sizes`` are the sizes of its scales, ``terms`` the names of its terms, ``periods`` the
    evaluations between refreshes by the term's index, and ``budget`` the sum of all budgets.
    """
    known, arrays = state
    due_at, refreshes, best = known["due_at"], known["refreshes"], known["best"]
    due = {i for each in refreshes for i in each["due"]}
    rows = len(np.atleast_1d(arrays.get("history", ())))
    for holds, what in (
        (known["terms"] == list(terms), "its terms differ"),
        (
            best is None or [*best["terms"]] == [*best["weighted"]] == [*terms],
            "the terms of its best picture differ",
        ),
        (
            max(known["scale"], best["scale"] if best else 0) < len(sizes),
            "its scale does not exist",
        ),
        ([each["term"] for each in due_at] == [*periods], "the terms due for refresh differ"),
        (due <= {*periods} and refreshes, "the refreshed terms differ"),
        (
            known["round_end"] == min([known["end"], *(each["evaluation"] for each in due_at)]),
            "the end of its round differs",
        ),
        (known["evaluation"] <= known["round_end"] <= budget, "its budget differs"),
        (known["end"] <= budget and known["first"] <= rows, "its counts contradict each other"),
    ):
        if not holds:
            raise ValueError(what)
    height, width = sizes[known["scale"]]
    forms: dict[str, Form] = {"began_at": ((height, width, 3), "float32")}
    forms |= {f"refresh.{i}": forms["began_at"] for i in range(len(refreshes))}
    forms["history"] = (rows, 5 + 2 * len(terms)), "float64"
    if known.get("averaged") is not None:
        forms["average"] = forms["began_at"] if known["averaged"] else ((), "float32")
    if best is not None:
        forms["best"] = (*sizes[best["scale"]], 3), "float32"
    check_arrays({n: each for n, each in arrays.items() if not n.startswith(_DRIVER)}, forms)


def of_driver(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The driver's arrays in the arrays of a state."""
    return {n.removeprefix(_DRIVER): a for n, a in arrays.items() if n.startswith(_DRIVER)}
