"""What a state has to be before a run goes on from it.

The checksum of a state says that it is as it was written; `check` says that it can be of this run,
whoever wrote it.
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
    """Raise a `ValueError` unless a state can be one of a run with these properties.

    ``sizes`` are those of its scales, ``terms`` the names of its terms, ``periods`` the evaluations
    between refreshes by the index of the term, and ``budget`` is that of all scales together.
    """
    known, arrays = state
    due_at, refreshes, best = known["due_at"], known["refreshes"], known["best"]
    due = {i for each in refreshes for i in each["due"]}
    rows = len(np.atleast_1d(arrays.get("history", ())))
    for holds, what in (
        (known["terms"] == list(terms), "its terms are others"),
        (
            best is None or [*best["terms"]] == [*best["weighted"]] == [*terms],
            "its best has other terms",
        ),
        (max(known["scale"], best["scale"] if best else 0) < len(sizes), "there is no such scale"),
        ([each["term"] for each in due_at] == [*periods], "other terms are refreshed"),
        (due <= {*periods} and refreshes, "other terms were refreshed"),
        (
            known["round_end"] == min([known["end"], *(each["evaluation"] for each in due_at)]),
            "its round ends elsewhere",
        ),
        (known["evaluation"] <= known["round_end"] <= budget, "its budget is another"),
        (known["end"] <= budget and known["first"] <= rows, "its counts do not fit"),
    ):
        if not holds:
            raise ValueError(what)
    height, width = sizes[known["scale"]]
    forms: dict[str, Form] = {"began_at": ((height, width, 3), "float32")}
    forms |= {f"refresh.{i}": forms["began_at"] for i in range(len(refreshes))}
    forms["history"] = (rows, 5 + 2 * len(terms)), "float64"
    if best is not None:
        forms["best"] = (*sizes[best["scale"]], 3), "float32"
    check_arrays({n: each for n, each in arrays.items() if not n.startswith(_DRIVER)}, forms)


def of_driver(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """A driver's own arrays among those of a state."""
    return {n.removeprefix(_DRIVER): a for n, a in arrays.items() if n.startswith(_DRIVER)}
