"""What functions, presets and losses take, read from their source, so that nothing is imported.

defaults("recipes.transfer", "transfer")               # -> {"size": None, "seed": 0, …}
presets()                                       # -> {"gatys": "The notebook of …", …}
options("neural_style.extensions.gram:Gram")    # -> ["layers", "name"]
"""

from __future__ import annotations

import ast
import functools
import importlib.util
from importlib import resources
from pathlib import Path
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
    """A literal; of anything else, its text."""
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.unparse(node)


@functools.cache
def presets() -> dict[str, str]:
    """The names of `neural_style.presets`, sorted, and what their docstrings say.

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


def options(path: str) -> list[str] | None:
    """The keywords of what makes a loss, as ``module:Class``; None where its source does not say.

    >>> options("neural_style.extensions.gram:Gram")
    ['layers', 'name']
    """
    module, _, name = path.partition(":")
    file = _source_file(module)
    if file is None or not name:
        return None
    try:
        body = ast.parse(file.read_text("utf-8")).body
    except (OSError, SyntaxError, ValueError):
        return None
    for_types = [each for node in body if isinstance(node, ast.If) for each in node.body]
    for node in (*body, *for_types):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                if name == (alias.asname or alias.name):
                    return options(f"{node.module}:{alias.name}")
        if getattr(node, "name", None) == name:
            return _keywords(node, module)
    return None


def _keywords(node: ast.stmt, module: str) -> list[str] | None:
    """Those of a function, or of a class, whose own or whose only base's constructor has them."""
    if isinstance(node, ast.FunctionDef):
        given = node.args
        named = [each.arg for each in (*given.args, *given.kwonlyargs) if each.arg != "self"]
        return None if given.kwarg or node.decorator_list else named
    if not isinstance(node, ast.ClassDef):
        return None
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and each.name in ("__init__", "__new__"):
            return _keywords(each, module)
    if node.keywords or "__init__" in ast.unparse(node):  # made in another way
        return None
    registers = all("register" in ast.unparse(each) for each in node.decorator_list)
    (base,) = node.bases if len(node.bases) == 1 else (None,)
    return options(f"{module}:{base.id}") if registers and isinstance(base, ast.Name) else None


def _source_file(module: str) -> Path | None:
    """The file of a module, whose packages are not imported."""
    package, *names = module.split(".")
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:
        return None
    if not names:
        return Path(spec.origin)
    for folder in spec.submodule_search_locations or ():
        found = Path(folder, *names)
        for file in (found.with_suffix(".py"), found / "__init__.py"):
            if file.is_file():
                return file
    return None
