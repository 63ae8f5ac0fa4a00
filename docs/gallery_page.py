"""The table of the gallery: a row for each loss and preset, from gallery/gallery.json."""

import json
from pathlib import Path
from typing import Any

import neural_style as ns
from neural_style.losses import registry

HOME = Path(__file__).parent


def write(app: object = None) -> None:
    """Write ``_gallery.md``, which ``gallery.md`` includes."""
    rows = json.loads((HOME / "gallery/gallery.json").read_text("utf-8"))
    pairs = list(dict.fromkeys(row["pair"] for row in rows))
    found = {(row["pair"], row["name"]): row for row in rows}
    lines = []
    for title, names in (
        ("Losses", ["default", *ns.names()]),
        ("Presets", ns.presets.names()),
    ):
        if any(row["name"] in names for row in rows):
            lines += [f"## {title}", ""]
        for name in names:
            own = [found[pair, name] for pair in pairs if (pair, name) in found]
            if own:
                lines += [f"### {name}", "", _about(name, own), "", *map(_picture, own), ""]
    (HOME / "_gallery.md").write_text("\n".join(lines), "utf-8")


def _about(name: str, rows: list[dict[str, Any]]) -> str:
    """The class, with the weights of each pair, and the time where it was measured."""
    weights = "; ".join(
        ", ".join(f"{term} {weight:.2g}" for term, weight in row["weights"].items()) for row in rows
    )
    seconds = [time for row in rows if (time := row["seconds an evaluation"])]
    text = f"{{py:obj}}`neural_style.{_path(name)}`. Weights: {weights}."
    return f"{text} An evaluation took {max(seconds):.2f} s." if seconds else text


def _path(name: str) -> str:
    if name == "default":
        return "default_loss"
    if name in ns.presets.names():
        return f"presets.{name}"
    return f"extensions.{registry.factory(name).__name__}"


def _picture(row: dict[str, Any]) -> str:
    photo, painting = row["pair"].split("-")
    text = f"{photo}, painted after {painting} with {row['name']}"
    return f"![{text}](gallery/{row['pair']}/{row['name']}.jpg)"
