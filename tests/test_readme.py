"""Every Python block of the README, one after the other, with a smaller budget."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import neural_style as ns
from neural_style import registry

README = Path(__file__).parents[1] / "README.md"


def test_the_readmes_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    minimise, load = ns.minimise, ns.images.load
    monkeypatch.setattr(ns, "minimise", lambda *a, **k: minimise(*a, **{**k, "evaluations": 3}))
    monkeypatch.setattr(ns.images, "load", lambda path, long_side: load(path, long_side=64))
    monkeypatch.setattr(registry, "_registered", {})
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    names: dict[str, Any] = {"__name__": "readme"}
    for block in blocks:
        exec(compile(block, str(README), "exec"), names)
    assert names["result"].evaluations == 3
    assert (tmp_path / "out" / "coffee.png").is_file()
    own = ns.minimise(names["loss"], ns.FeatureModel("vgg19"), names["photo"])
    assert list(own.terms) == ["content", "second_moments"]
