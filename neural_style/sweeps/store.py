"""The results of a sweep, kept in a folder.

    kept = Kept(folder, settings, run)   # the settings of every run, in order
    kept.store(index, result)
    kept.load(index)                     # -> Result, or None where there is none that is whole

A file is a NumPy archive without pickles, named by a hash of the settings as JSON: the
picture, float32 and exact, and a record, JSON in UTF-8, of the settings, of the digests of what
the run depends on (`neural_style.sweeps.fingerprints`) and of everything else in the `Result`.
Where a digest is another now, it is as if there were no file, which stays until the new one is
written.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from os import PathLike
from typing import Any, TypeVar

import numpy as np

from neural_style import images
from neural_style.errors import MOST_SEED, OptionError, shown
from neural_style.runs.result import Ending, Entry, Result
from neural_style.sweeps.fingerprints import fingerprints
from neural_style.utils.files import as_path, atomic, make_folder, read_arrays

_log = logging.getLogger(__name__)

_Record = TypeVar("_Record", Entry, Result)

_INPUT = "input."  # before the digest of a picture that the run was given


class Kept:
    """The files of a sweep, one for each run."""

    def __init__(
        self,
        folder: str | PathLike[str],
        settings: list[dict[str, Any]],
        run: Callable[..., Result],
        version: str | None = None,
    ) -> None:
        self.keys = [_canonical(each) for each in settings]
        if len(set(self.keys)) < len(self.keys):
            twice = next(key for key in self.keys if self.keys.count(key) > 1)
            raise OptionError(f"grid: two runs have the settings {twice}; leave one of them out.")
        self.digests = fingerprints(run, [json.loads(key) for key in self.keys], version)
        home = as_path(folder, "folder", OptionError)
        self.paths = [
            home / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npz" for key in self.keys
        ]
        try:
            make_folder(home)
        except (OSError, ValueError) as error:
            raise OptionError(f"folder: {folder} cannot be written to ({error}).") from error

    def store(self, index: int, result: Result) -> None:
        """Write a result, whole or not at all; a disk that refuses does not end the sweep."""
        try:
            record = {**vars(result), "history": [vars(entry) for entry in result.history]}
            picture = images.as_image(record.pop("image"), any_range=True)
            inputs = {_INPUT + key: each for key, each in record.pop("pictures").items()}
            record = {
                "settings": json.loads(self.keys[index]),
                "digests": self.digests[index],
                "result": record,
            }
            text = json.dumps(record, default=_number)
            with atomic(self.paths[index]) as part:
                document = np.frombuffer(text.encode(), np.uint8)
                np.savez(part, image=picture, record=document, **inputs)
        except (OSError, TypeError, ValueError) as error:
            _log.warning("The result of %s could not be kept: %s", self.keys[index], error)

    def load(self, index: int) -> Result | None:
        """The result of an earlier sweep, if there is one of the same run."""
        path = self.paths[index]
        if not path.exists():
            return None
        try:
            arrays = read_arrays(path)
            record = json.loads(arrays["record"].tobytes())
            picture = images.as_image(arrays["image"], any_range=True)
            inputs = {
                name.removeprefix(_INPUT): array
                for name, array in arrays.items()
                if name.startswith(_INPUT)
            }
            if _canonical(record["settings"]) != self.keys[index]:
                raise ValueError(f"it has the settings {record['settings']}")
            if "digests" not in record:
                raise ValueError("it does not say what it depends on")
            if others := _others(record["digests"], self.digests[index]):
                _log.warning(
                    "%s is of %s as it was, which is made again: now another is %s",
                    path,
                    self.keys[index],
                    ", ".join(others),
                )
                return None
            values = record["result"]
            values["history"] = tuple(_checked(Entry(**entry)) for entry in values["history"])
            result = _checked(Result(image=picture, pictures=inputs, **values))
            return replace(result, ending=result.ending and Ending(result.ending))
        except Exception as error:  # a damaged archive raises whatever its bytes lead to
            _log.warning(
                "%s is no result of %s, which is made again: %s", path, self.keys[index], error
            )
            return None


def _others(kept: dict[str, str], now: dict[str, str]) -> list[str]:
    """The names of what has another digest now, or is in one alone."""
    return [name for name in dict.fromkeys([*now, *kept]) if kept.get(name) != now.get(name)]


def _checked(record: _Record) -> _Record:
    """What was read, if its values are of the kinds that it is made of."""
    for name, value in vars(record).items():
        if name in ("loss", "seconds"):
            fits = _is_number(value)
        elif name in ("terms", "weighted"):
            fits = isinstance(value, dict) and all(map(_is_number, value.values()))
        elif name == "reason":
            fits = isinstance(value, str)
        elif name == "ending":
            fits = value in (None, *Ending)
        else:
            fits = name in ("image", "history", "pictures", "record") or (
                isinstance(value, int) and 0 <= value <= MOST_SEED
            )
        if not fits:
            raise ValueError(f"its {name} is {shown(value)}")
    return record


def _is_number(value: object) -> bool:
    return isinstance(value, float) or (isinstance(value, int) and abs(value) <= MOST_SEED)


def _canonical(settings: dict[str, Any]) -> str:
    """The same text for the same settings, whatever their order."""
    try:
        return json.dumps(settings, sort_keys=True, allow_nan=False, default=_number)
    except (TypeError, ValueError, RecursionError) as error:
        raise OptionError(
            f"grid: the settings {settings} cannot be written as JSON for the folder ({error}); "
            f"use numbers, texts and lists of them, as names of what they stand for."
        ) from error


def _number(value: object) -> Any:
    """A NumPy scalar as Python's, for JSON."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is no JSON")
