"""What a case is, and the world that it is tried in."""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest

import neural_style as ns
from neural_style import images
from neural_style.errors import StyleError
from neural_style.losses import registry

LAYERS = [f"block{block}_conv1" for block in range(1, 6)]
NAN, INF = float("nan"), float("inf")
HUGE = 10**400  # a whole number that no float holds


class World:
    """Where a case is tried; what it changes in the process is undone at the end."""

    def __init__(self, folder: Path, model: ns.FeatureModel) -> None:
        self.inputs, self.outputs, temporary = (folder / name for name in ("in", "out", "tmp"))
        for each in (self.inputs, self.outputs, temporary):
            each.mkdir()
        self.temporary = temporary
        self.features = model
        self.photo, self.painting = images.noise((24, 32), seed=1), images.noise((20, 28), seed=2)
        self.patch = pytest.MonkeyPatch()

    def __enter__(self) -> Self:
        self.patch.setattr(tempfile, "tempdir", str(self.temporary))
        self.patch.setattr(registry, "_registered", {})
        return self

    def __exit__(self, *_: object) -> None:
        self.patch.undo()

    def file(self, name: str, content: bytes) -> Path:
        """A file to read."""
        path = self.inputs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def left(self) -> list[str]:
        """What lies where an attempt may write."""
        found = [*self.outputs.rglob("*"), *self.temporary.rglob("*")]
        return sorted(path.name for path in found if path.is_file())


@dataclass(frozen=True)
class Case:
    """One bad input, what is tried with it, and how that may end."""

    kind: str
    name: str
    attempt: Callable[[World], Any]
    error: type[StyleError] | None = None
    sound: Callable[[Any], bool] | None = None

    def __str__(self) -> str:
        name = re.sub(r" at 0x\w+", "", f"{self.kind}-{self.name}")
        return re.sub(r"[^\w.,=+×-]+", "_", name, flags=re.ASCII)[:90]


def used(function: Callable[[World, Any], Any], value: Any, world: World) -> Any:
    return function(world, value)


def archived(members: dict[str, bytes]) -> bytes:
    """A zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()
