"""The options about losses, as a function for the argument ``loss`` of `transfer`.

    recipe = Recipe(losses=["content=1", "gram=1e3"], layers=["gram=block1_conv1,block2_conv1:0.5"],
                    options=["histogram.refresh_every=20"], references=[], masks=[])
    recipe(photo, painting)                      # -> a sum of losses

The name ``default`` means the sum that `neural_style.default_loss` returns.
Values are numbers and JSON. They are never evaluated as code.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neural_style.cli.group import remark
from neural_style.cli.types import existing
from neural_style.errors import OptionError

if TYPE_CHECKING:
    from neural_style.losses.weighted_sum import WeightedSum

REFERENCES = ("content", "style", "none")
DEFAULT = "default"


@dataclass(frozen=True)
class Recipe:
    """The texts of ``--loss``, ``--layers``, ``--option``, ``--reference`` and ``--mask``."""

    losses: Sequence[str]
    layers: Sequence[str] = ()
    options: Sequence[str] = ()
    references: Sequence[str] = ()
    masks: Sequence[str] = ()

    def weights(self) -> dict[str, float]:
        """The weight of every loss."""
        return {
            name: number(value, f"--loss {name}") for name, value in pairs(self.losses, "--loss")
        }

    def check(self) -> None:
        """Check all options of the losses, by making them for a blank picture."""
        import numpy as np  # which --help does not need

        weights = self.weights()
        settings = self._settings(weights)
        self.pictures()
        for name, of in pairs(self.references, "--reference"):
            _check_reference(name, of)
        blank = np.zeros((8, 8, 3), np.float32)
        for name in weights:
            if name != DEFAULT:
                self._made(name, blank, blank, settings)

    def pictures(self) -> list[Path]:
        """The files of the masks."""
        return [existing(path, "--mask") for pair in pairs(self.masks, "--mask") for path in pair]

    def layer_names(self) -> list[str]:
        """The layers that --layers names."""
        return [
            layer for name, text in pairs(self.layers, "--layers") for layer in _layers(text, name)
        ]

    def of(self, name: str) -> str:
        """The source of the loss's reference: that of --reference, or else the loss's role."""
        from neural_style.losses import registry

        given = dict(pairs(self.references, "--reference"))
        found = given.get(name) or getattr(registry.factory(name), "role", "style")
        _check_reference(name, found)
        return str(found)

    def __call__(self, photo: Any, painting: Any) -> WeightedSum:
        """The sum of the losses of these two pictures."""
        from neural_style import default_loss, guided

        weights = self.weights()
        settings = self._settings(weights)
        masks = pairs(self.masks, "--mask")
        losses: list[tuple[str, str, Any, float]] = []  # name, whose reference, loss, weight
        for name, weight in weights.items():
            if name == DEFAULT:
                default = weight * default_loss(photo, painting)
                losses += [(term.name, term.loss.role, term.loss, term.weight) for term in default]
                continue
            of, loss = self._made(name, photo, painting, settings)
            losses.append((name, of, loss, weight))
        terms: list[Any] = []
        masked, whole = [], []
        for name, of, loss, weight in losses:
            if masks and of == "style" and (loss.tiling == "mean" or loss.anywhere):
                regions = [(mask, _masks_of(loss, own, photo)) for mask, own in masks]
                terms.append(weight * guided(loss, regions))
                masked.append(name)
            else:
                terms.append(weight * loss)
                whole += [name] if of == "style" else []
        if masks and not masked:
            raise OptionError("--mask: no loss given here supports masks; add gram.")
        if masks and whole:
            remark(
                f"--mask applies to {', '.join(masked)}. These losses use the whole picture: "
                f"{', '.join(whole)}."
            )
        total: WeightedSum = sum(terms)
        return total

    def _made(self, name: str, photo: Any, painting: Any, settings: Any) -> tuple[str, Any]:
        """The source of a loss's reference, and the loss."""
        from neural_style.losses import registry

        of = self.of(name)
        references = {"content": [photo], "style": [painting], "none": []}[of]
        return of, registry.create(name, *references, **settings.get(name, {}))

    def named(self) -> tuple[Any, ...]:
        """The losses and the mask files that are named."""
        from neural_style.losses import registry

        losses = [registry.factory(name) for name, _ in pairs(self.losses, "--loss")]
        return (*losses, *(Path(file) for pair in pairs(self.masks, "--mask") for file in pair))

    def _settings(self, weights: dict[str, float]) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for name, value in pairs(self.layers, "--layers"):
            found.setdefault(name, {})["layers"] = _layers(value, name)
        for key, value in pairs(self.options, "--option"):
            name, dot, option = key.partition(".")
            if not dot or not option:
                raise OptionError(f"--option {key}: expected LOSS.NAME=VALUE.")
            found.setdefault(name, {})[option] = json_value(value)
        named = {*found, *dict(pairs(self.references, "--reference"))}
        if DEFAULT in named:
            raise OptionError(
                f"{DEFAULT!r} is a sum of losses and has no options: use its losses separately."
            )
        for name in named - {*weights}:
            raise OptionError(f"{name!r} has options but no weight: add --loss {name}=1.")
        return found


def _masks_of(loss: Any, mask: Any, photo: Any) -> Any:
    """The masks of a loss's references: that of the painting, and none of the photo."""
    import numpy as np

    white = np.full((2, 2), 255, np.uint8)
    return tuple(white if np.array_equal(x, photo) else mask for x in loss.references)


def _check_reference(name: str, of: object) -> None:
    if of not in REFERENCES:
        raise OptionError(
            f"--reference {name}: expected one of {', '.join(REFERENCES)}, got {of!r}."
        )


def pairs(texts: Sequence[str], option: str) -> list[tuple[str, str]]:
    """``NAME=VALUE`` texts as pairs. Every name must be unique."""
    found: dict[str, str] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name or not value:
            form = "FILE=FILE" if option == "--mask" else "NAME=VALUE"
            raise OptionError(f"{option} {text}: expected {form}.")
        if name in found:
            raise OptionError(f"{option} {text}: {name!r} is given twice.")
        found[name] = value
    return list(found.items())


def number(text: str, what: str) -> float:
    """A finite number.

    >>> number("1e-2", "--loss gram")
    0.01
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise OptionError(f"{what}: expected a number, got {text!r}.")
    return value


def json_value(text: str) -> Any:
    """Parse a JSON value. Other text is returned unchanged.

    >>> json_value("20"), json_value("[4, 8]"), json_value("gaussian")
    (20, [4, 8], 'gaussian')
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _layers(text: str, name: str) -> list[str] | dict[str, float]:
    """A list of names, or a dict with weights if any is given; the others are 1."""
    parts = [part.strip().partition(":") for part in text.split(",")]
    if len({layer for layer, _, _ in parts}) != len(parts):
        raise OptionError(f"--layers {name}: a layer is named twice.")
    if not any(sign for _, sign, _ in parts):
        return [layer for layer, _, _ in parts]
    return {
        layer: number(weight, f"--layers {name}") if sign else 1.0 for layer, sign, weight in parts
    }
