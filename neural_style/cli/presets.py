"""The names and docstrings of presets, read from their source: an import starts TensorFlow."""

from __future__ import annotations

import ast
import functools
from importlib import resources


@functools.cache
def texts() -> dict[str, str]:
    """The names of `neural_style.presets`, sorted, with their docstrings.

    >>> texts()["gatys"].splitlines()[0]
    "The notebook of the method's first author."
    """
    folder = resources.files("neural_style").joinpath("recipes", "presets")
    modules = [path.read_text("utf-8") for path in folder.iterdir() if path.name.endswith(".py")]
    functions = [
        node
        for module in modules
        for node in ast.parse(module).body
        if isinstance(node, ast.FunctionDef)
    ]
    found = {
        node.name: ast.get_docstring(node) or ""
        for node in functions
        if isinstance(node.returns, ast.Name) and node.returns.id == "Preset"
    }
    return {name: found[name] for name in sorted(found) if not name.startswith("_")}
