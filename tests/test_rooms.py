"""What imports what, read from the sources: rooms import downwards, and modules in no circle."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
# From the top. The second "neural_style" is `__init__`, whose public names the command uses.
ROOMS = ["__main__", "cli", "neural_style", "callbacks", "recipes", "sweeps", "report", "testing"]
ROOMS += ["runs", "objective", "extensions", "losses", "optimizers", "features", "kernels"]
ROOMS += ["images", "ops", "utils", "errors"]


def module(path: Path) -> str:
    """The name of the module or package in a file."""
    parts = ("neural_style", *path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[parts[1] == "neural_style" :]).removesuffix(".__init__")


FILES = [*ROOT.glob("neural_style/**/*.py"), *ROOT.glob("neural_style/**/*.pyi")]
FILES += ROOT.glob("extensions/*.py")
MODULES = {module(path) for path in FILES}


def imported(node: ast.Import | ast.ImportFrom, path: Path) -> Iterator[str]:
    """The modules that a statement names, those of other packages among them."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    else:
        above = module(path.parent / "__init__.py").split(".")
        above = above[: len(above) + 1 - node.level] if node.level else []
        start = ".".join([*above, *filter(None, [node.module])])
        for alias in node.names:
            yield f"{start}.{alias.name}" if f"{start}.{alias.name}" in MODULES else start


# Those inside functions and for type checkers alone, too.
IMPORTS = {
    (module(path), name): f"{path.relative_to(ROOT)}:{node.lineno} imports {name}"
    for path in FILES
    for node in ast.walk(ast.parse(path.read_text("utf-8")))
    if isinstance(node, ast.Import | ast.ImportFrom)
    for name in imported(node, path)
    if name.split(".")[0] == "neural_style"
}


def test_the_guide_lists_the_rooms_in_their_order() -> None:
    guide = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    listed = re.findall(r"^\| `(?:neural_style/)?(\w+)(?:/|\.py)` \|", guide, re.MULTILINE)
    assert ["__main__", listed[0], "neural_style", *listed[1:]] == ROOMS


def floor(name: str) -> int:
    return -ROOMS.index(f"{name}.neural_style".split(".")[1])


def test_a_room_imports_only_from_rooms_below_it() -> None:
    wrong = [IMPORTS[of, to] for of, to in IMPORTS if floor(of) < floor(to)]
    assert not wrong, "from a room to one above it:\n" + "\n".join(wrong)


def test_no_modules_import_each_other_in_a_circle() -> None:
    def reached(start: str) -> set[str]:
        found, new = set(), {start}
        while new:
            found |= new
            new = {to for of, to in IMPORTS if of in new} - found
        return found

    wrong = [IMPORTS[of, to] for of, to in IMPORTS if of in reached(to)]
    assert not wrong, "in a circle, be it by an import inside a function:\n" + "\n".join(wrong)
