"""What a function of the library takes, read from its source, so that nothing is imported.

defaults("styling", "transfer")      # -> {"size": None, "seed": 0, …}
"""

from __future__ import annotations

import ast
import functools
from importlib import resources
from typing import Any


@functools.cache
def defaults(module: str, function: str) -> dict[str, Any]:
    """The keywords of a function and their defaults.

    >>> defaults("scoring", "evaluate")["directions"]
    64
    """
    source = resources.files("neural_style").joinpath(f"{module}.py").read_text("utf-8")
    body = ast.parse(source).body
    (found,) = (n for n in body if isinstance(n, ast.FunctionDef) and n.name == function)
    return {
        argument.arg: _value(node)
        for argument, node in zip(found.args.kwonlyargs, found.args.kw_defaults, strict=True)
        if node is not None
    }


def _value(node: ast.expr) -> Any:
    """A literal; of anything else, its text."""
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.unparse(node)
