"""The settings of Sphinx: `make -C docs`, or `python -m sphinx -W docs docs/_build`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import gallery_page

import neural_style as ns

ns.tune_tensorflow()
# Public names of modules that lie deeper, as in ``neural_style.presets.gatys``.
for alias in ("color", "datasets", "parameterization", "presets"):
    sys.modules[f"neural_style.{alias}"] = getattr(ns, alias)

project = "neural-style-keras"
author = copyright = "the neural-style-keras contributors"
release = version = ns.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "myst_parser",
    "numpydoc",
    "sphinx_click",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "_gallery.md", "guides"]
myst_heading_anchors = 3
default_role = "py:obj"

templates_path = ["_templates"]
autosummary_generate = True
autodoc_typehints = "none"  # numpydoc lists the parameters
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

sphinx_gallery_conf = {
    "examples_dirs": "guides",
    "gallery_dirs": "_guides",
    "filename_pattern": r"\d_\w+\.py$",
    "ignore_pattern": r"show\.py",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "parallel": 2,
}

html_theme = "pydata_sphinx_theme"
html_title = project
html_theme_options = {"navigation_with_keys": False, "show_prev_next": True}
html_static_path: list[str] = []
html_sidebars = {"*": []}  # pages at the top have none below them


def _formulas(app: object, what: str, name: str, obj: object, options: object, lines: list[str]):
    """Show indented lines of docstrings, the formulas, as they stand, and | as itself."""
    shown, depth, formula = [], 0, False
    for i, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if line.strip():
            if formula and indent <= depth:
                formula = False
            elif not formula and i and not lines[i - 1].strip() and indent >= depth + 4:
                formula = True
                shown += [" " * depth + "::", ""]
            if not formula:
                depth = indent
        code = formula or line.lstrip().startswith((">>>", "..."))
        parts = [line] if code else line.split("``")
        parts[::2] = [part if code else part.replace("|", r"\|") for part in parts[::2]]
        shown.append("``".join(parts))
    lines[:] = shown


def setup(app: object) -> None:
    """Before numpydoc, which changes docstrings, too."""
    gallery_page.write()
    app.connect("autodoc-process-docstring", _formulas, priority=100)
