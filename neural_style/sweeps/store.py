"""The results of a sweep in a folder.

    store = ResultStore(folder, settings, run)   # the settings of every run, in order
    store.save(index, result)
    store.load(index)                    # -> Result, or None without a valid one

Each file is an archive of `Result.save`, with the settings and the digests of what the run depends
on (`neural_style.sweeps.fingerprints`). Its name is a hash of the settings as JSON. If a digest
has changed, the file is ignored; it stays until the new one is written.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from os import PathLike
from typing import Any

from neural_style.errors import OptionError, RecordError, StyleError
from neural_style.runs.result import Result, read, write
from neural_style.runs.storage import scalar
from neural_style.sweeps.fingerprints import fingerprints
from neural_style.utils.files import as_path, make_folder

_log = logging.getLogger(__name__)


class ResultStore:
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

    def save(self, index: int, result: Result) -> None:
        """Write a result, never half a file; if writing fails, the sweep continues."""
        try:
            settings, digests = json.loads(self.keys[index]), self.digests[index]
            write(result, self.paths[index], settings=settings, digests=digests)
        except RecordError as error:
            _log.warning("The result of %s could not be saved: %s", self.keys[index], error)

    def load(self, index: int) -> Result | None:
        """The result of the same run in an earlier sweep, or None."""
        path = self.paths[index]
        if not path.exists():
            return None
        try:
            result, document = read(path)
            if _canonical(document.get("settings", {})) != self.keys[index]:
                raise RecordError(f"it has the settings {document.get('settings')}")
            if others := _others(document.get("digests", {}), self.digests[index]):
                _log.warning(
                    "%s: the run %s is repeated, because this has changed: %s",
                    path,
                    self.keys[index],
                    ", ".join(others),
                )
                return None
            return result
        except StyleError as error:
            _log.warning(
                "%s is not a result of %s; the run is repeated: %s", path, self.keys[index], error
            )
            return None


def _others(kept: dict[str, str], now: dict[str, str]) -> list[str]:
    """The names whose digests differ, or that only one of the two has."""
    return [name for name in dict.fromkeys([*now, *kept]) if kept.get(name) != now.get(name)]


def _canonical(settings: dict[str, Any]) -> str:
    """The settings as text that does not depend on their order."""
    try:
        return json.dumps(settings, sort_keys=True, allow_nan=False, default=scalar)
    except (TypeError, ValueError, RecursionError) as error:
        raise OptionError(
            f"grid: the settings {settings} cannot be written as JSON for the folder ({error}); "
            f"use numbers, texts and lists of them, such as the names of your objects."
        ) from error
