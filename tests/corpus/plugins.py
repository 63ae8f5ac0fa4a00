"""Packages whose losses do not load."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

from corpus.cases import Case, World
from neural_style.errors import RegistryError, StyleError
from neural_style.losses import registry

PLUGIN = "from neural_style import Loss\nclass Dots(Loss):\n    layers = ('image',)\n"
BROKEN = {
    "raises": "raise OSError('no disk')",
    "raises without a text": "raise ValueError",
    "raises BaseException": "raise BaseException('away')",
    "raises a BaseException of its own": "class Away(BaseException): pass\nraise Away",
    "raises GeneratorExit": "raise GeneratorExit",
    "is cancelled": "import asyncio\nraise asyncio.CancelledError",
    "exits": "raise SystemExit('bye')",
    "exits with 0": "import sys\nsys.exit(0)",
    "exits without": "exit()",
    "asserts": "assert False",
    "recurses": "def f(): f()\nf()",
    "imports what is not there": "import missing_module",
    "imports itself": "from dots_plugin import Nothing",
    "syntax": "import",
    "indentation": " x = 1\n   y = 2",
    "null bytes": "x = '\0'",
    "not UTF-8": "# \udcff\nx = 1",
    "another name": "class Spots: pass",
    "a number": "Dots = 5",
    "None": "Dots = None",
    "text": "Dots = 'Dots'",
    "a module": "import os as Dots",
    "an instance": PLUGIN + "Dots = Dots()",
    "a class of something else": "class Dots: pass",
    "a function that returns None": "def Dots(*_): pass",
    "a function that raises": "def Dots(*_): raise ZeroDivisionError('no dots')",
    "a function that exits": "def Dots(*_): raise SystemExit",
    "a class that takes nothing": PLUGIN + "    def __init__(self): raise OSError('no')",
    "a class without layers": "from neural_style import Loss\nclass Dots(Loss): pass",
    "a class of bad layers": PLUGIN + "    layers = 5",
    "an attribute that raises": "def __getattr__(name): raise BaseException(name)",
    "breaks what describes it": (
        "class E(Exception):\n    def __str__(self): raise RuntimeError\nraise E"
    ),
    "warns as an error": "import warnings\nwarnings.simplefilter('error')\nwarnings.warn('x')",
    "takes the name of another": (
        "from neural_style import Loss, register\n@register('gram')\nclass Dots(Loss): pass"
    ),
}
METADATA_BROKEN = {
    "no equals sign": "[neural_style.losses]\ndots\n",
    "no group": "dots = dots_plugin:Dots\n",
    "not UTF-8": "[neural_style.losses]\ndots = \udcff\n",
    "no value": "[neural_style.losses]\ndots =\n",
    "value of many colons": "[neural_style.losses]\ndots = a:b:c\n",
    "value of a call": "[neural_style.losses]\ndots = os:system('true')\n",
    "value of a path": "[neural_style.losses]\ndots = ../../etc/passwd\n",
    "value of nowhere": "[neural_style.losses]\ndots = nowhere_at_all:Dots\n",
    "group unclosed": "[neural_style.losses\ndots = dots_plugin:Dots\n",
}


def plugins() -> Iterator[Case]:
    """Packages that do not load, none of which may hurt another loss."""
    for name, source in BROKEN.items():
        attempt = partial(_plugin, source, "[neural_style.losses]\ndots = dots_plugin:Dots\n")
        yield Case("plugin", name, attempt, StyleError)
    for name, entry in METADATA_BROKEN.items():
        yield Case("plugin", f"metadata {name}", partial(_plugin, PLUGIN, entry), RegistryError)
    slow = partial(_neighbor, "import time\ntime.sleep(3600)")
    yield Case("plugin", "slow, and not asked for", slow, sound=lambda loss: loss.name == "gram")


def _install(world: World, source: str, entries: str, *, name: bool = True) -> None:
    site = world.inputs / "site"
    info = site / "dots_plugin-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dots_plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entries, errors="surrogateescape")
    (site / "dots_plugin.py").write_text(source, errors="surrogateescape")
    world.patch.syspath_prepend(site)
    world.patch.delitem(sys.modules, "dots_plugin", raising=False)


def _plugin(source: str, entries: str, world: World) -> Any:
    _install(world, source, entries)
    try:
        return registry.create("dots", world.photo)
    finally:
        assert registry.create("gram", world.photo).name == "gram"
        assert "gram" in registry.names()


def _neighbor(source: str, world: World) -> Any:
    _install(world, source, "[neural_style.losses]\ndots = dots_plugin:Dots\n")
    assert "dots" in registry.names()
    return registry.create("gram", world.photo)
