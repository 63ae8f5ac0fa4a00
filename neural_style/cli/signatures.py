"""The options of functions and presets, read from their source without importing it.

defaults("recipes.transfer", "transfer")               # -> {"size": None, "seed": 0, …}
presets()                                       # -> {"gatys": "The notebook of …", …}
"""

from __future__ import annotations

import ast
import functools
from importlib import resources
from typing import Any


@functools.cache
def defaults(module: str, function: str) -> dict[str, Any]:
    """The keywords of a function and their defaults.

    >>> defaults("recipes.evaluate", "evaluate")["directions"]
    64
    """
    source = (
        resources.files("neural_style")
        .joinpath(f"{module.replace('.', '/')}.py")
        .read_text("utf-8")
    )
    body = ast.parse(source).body
    (found,) = (n for n in body if isinstance(n, ast.FunctionDef) and n.name == function)
    return {
        argument.arg: _value(node)
        for argument, node in zip(found.args.kwonlyargs, found.args.kw_defaults, strict=True)
        if node is not None
    }


def _value(node: ast.expr) -> Any:
    """The value of a literal, or the text of any other expression."""
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.unparse(node)


@functools.cache
def presets() -> dict[str, str]:
    """The names of `neural_style.presets`, sorted, with their docstrings.

    >>> presets()["gatys"].splitlines()[0]
    "The notebook of the method's first author."
    """
    source = resources.files("neural_style").joinpath("recipes", "presets.py").read_text("utf-8")
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    found = {
        node.name: ast.get_docstring(node) or ""
        for node in functions
        if isinstance(node.returns, ast.Name) and node.returns.id == "Preset"
    }
    return {name: found[name] for name in sorted(found) if not name.startswith("_")}
