"""What a state has to be before a run goes on from it.

The checksum of a state says that it is as it was written; `check` says that it can be of this run,
whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neural_style.errors import MOST
from neural_style.images import Size
from neural_style.runs.checkpoint import State
from neural_style.runs.record import COUNT, NUMBER, SECONDS, Range, check_kind
from neural_style.utils.files import Form, check_arrays

_DRIVER = "driver."
_COUNT = Range(int, 0, MOST**2)  # as of all scales together
_COUNTS = ("scale", "evaluation", "round", "end", "round_end", "first")
_DOCUMENT = {
    **dict.fromkeys(_COUNTS, _COUNT),
    "due_at": [list],
    "seconds": SECONDS,
    "refreshes": [list],
    "terms": [str],
    "best": (list, None),
}
_TERM = Range(int, -1, MOST**2)  # a restart has an index below those of the terms
_REFRESH = {"round": _COUNT, "due": [_TERM]}
_DUE = {"term": _TERM, "evaluation": _COUNT}
_BEST = {
    "loss": NUMBER,
    "terms": {str: NUMBER},
    "weighted": {str: NUMBER},
    "round": COUNT,
    "scale": COUNT,
}


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
    check_kind(known, _DOCUMENT, "document")
    due_at = [_row(each, _DUE, "due_at") for each in known["due_at"]]
    refreshes = [_row(each, _REFRESH, "refreshes") for each in known["refreshes"]]
    best = None if known["best"] is None else _row(known["best"], _BEST, "best")
    scales = [known["scale"], *([best["scale"]] if best else [])]
    counts = [known[name] for name in _COUNTS] + [each["round"] for each in refreshes]
    ends = [each["evaluation"] for each in due_at]
    due = {i for each in refreshes for i in each["due"]}
    rows = len(np.atleast_1d(arrays.get("history", ())))
    for holds, what in (
        (known["terms"] == list(terms), "its terms are others"),
        (
            best is None or [*best["terms"]] == [*best["weighted"]] == [*terms],
            "its best has other terms",
        ),
        (max(scales) < len(sizes) and min(scales) >= 0, "there is no such scale"),
        (min(counts) >= 0 and 0 <= known["seconds"] < 1e12, "a count is out of range"),
        ([each["term"] for each in due_at] == [*periods], "other terms are refreshed"),
        (due <= {*periods} and refreshes, "other terms were refreshed"),
        (known["round_end"] == min([known["end"], *ends]), "its round ends elsewhere"),
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


def _row(values: list[Any], kinds: Mapping[str, Any], where: str) -> dict[str, Any]:
    """A list as a dict, if it has one value of each kind."""
    row = dict(zip(kinds, values, strict=True))
    check_kind(row, kinds, where)
    return row
