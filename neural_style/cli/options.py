"""The options that several commands have, and what they are as arguments of `transfer`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from neural_style.cli.recipe import DEFAULT, Recipe, number
from neural_style.cli.signatures import defaults
from neural_style.cli.types import FILE, SEED, SIDE, Budget, Scales, Start, Tile, existing
from neural_style.errors import OptionError

# Each keyword of `transfer` that is an option of its own, with its type and what it says.
KEYWORDS: dict[str, tuple[Any, str]] = {
    "preset": (str, "A published objective and its run; see neural-style presets."),
    "size": (SIDE, "Longer side in pixels; 512, or the preset's own size."),
    "short_side": (SIDE, "Shorter side in pixels, instead."),
    "style_size": (SIDE, "Longer side of the style; by default it is resized as the photo."),
    "color": (click.Choice(["match", "luminance"]), "How the photo's colors are kept."),
    "start": (Start(), "content, noise, or a picture's file."),
    "scales": (Scales(2), "Long sides to run from coarse to fine."),
    "evaluations": (Budget(1), "The budget, or one for each scale; 300, or the preset's."),
    "parameterization": (
        click.Choice(["pixels", "frequencies"]),
        "What the optimizer moves; frequencies, or with --loss or --preset pixels.",
    ),
    "seed": (SEED, "Of all random numbers."),
    "tile": (Tile(), "The longest side of what is evaluated at once."),
}


MODEL = ("network", "pooling", "weights")


def keyword_options(*leave_out: str, **texts: str) -> Callable[[Any], Any]:
    """The options of `KEYWORDS`, whose defaults are those of `transfer`, or as the texts say."""
    own = defaults("recipes.transfer", "transfer")

    def add(command: Any) -> Any:
        for name, (kind, text) in reversed(KEYWORDS.items()):
            if name not in leave_out:
                said = texts.get(name, text)
                said += "" if own[name] is None else f" [default: {own[name]}]"
                option = f"--{name.replace('_', '-')}"
                command = click.option(option, name, type=kind, help=said)(command)
        return command

    return add


def loss_options(command: Any) -> Any:
    """The options of a `Recipe`."""
    for name, metavar, text in (
        (
            "mask",
            "FILE=FILE",
            "White of the photo's mask is painted as white of the painting's; black and what is "
            "transparent do not count.",
        ),
        ("reference", "LOSS=content|style|none", "Whose picture a loss is measured on."),
        ("option", "LOSS.NAME=JSON", "An option of a loss."),
        ("layers", "LOSS=NAME[:W],…", "The layers of a loss, with weights or without."),
        ("loss", "NAME=WEIGHT", "A term, in place of the default objective, default=1."),
    ):
        command = click.option(f"--{name}", multiple=True, metavar=metavar, help=text)(command)
    return command


def model_options(command: Any) -> Any:
    """``--network``, ``--pooling`` and ``--weights``."""
    command = click.option("--weights", type=FILE, help="The network's weights file.")(command)
    pooling = click.Choice(["max", "average"])
    command = click.option("--pooling", type=pooling, help="How the network pools.")(command)
    network = click.Choice(["vgg19", "vgg16"])
    return click.option("--network", type=network, help="What the losses read.")(command)


def progress(given: dict[str, Any]) -> list[Any]:
    """The callbacks of a run: a bar, unless --quiet or --json."""
    from neural_style import callbacks

    return [] if given["quiet"] or given["as_json"] else [callbacks.progress()]


def recipe(given: dict[str, Any]) -> Recipe | None:
    """Take the options about losses out of what is given; without any, None."""
    names = ("loss", "layers", "option", "reference", "mask")
    losses, *others = [given.pop(name, ()) for name in names]
    *of_losses, masks = others
    if not losses and any(of_losses):
        raise OptionError("--layers, --option and --reference are of losses: add --loss.")
    if not losses and not masks:
        return None
    found = Recipe(losses or [f"{DEFAULT}=1"], *others)
    found.weights()
    return found


def setting(name: str, value: Any) -> Any:
    """A value that --grid gives in JSON, as the option ``name`` takes it; null is None."""
    if value is None:
        return None
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    try:
        return click.types.convert_type(KEYWORDS[name][0])(text)
    except click.BadParameter as error:
        raise OptionError(f"--grid {name}: {error.message}") from None


def keywords(given: dict[str, Any]) -> dict[str, Any]:
    """Take what `transfer` gets as keywords; what is not given stays its own default."""
    from neural_style import images

    found = {name: given.pop(name) for name in KEYWORDS if given.get(name) is not None}
    if found.get("tile") == "none":
        found["tile"] = None
    if found.get("start") not in (None, "content", "noise"):
        found["start"] = images.load(found["start"])
    return found


def features(given: dict[str, Any]) -> Any:
    """The feature model; None, for the default of `transfer`, if nothing is given."""
    from neural_style import FeatureModel
    from neural_style.recipes import draft

    network, pooling, weights = (given[name] for name in MODEL)
    if not (network or pooling or weights):
        return None
    if weights is not None:
        return FeatureModel(network or "vgg19", pooling=pooling, weights=weights)
    return draft.pretrained(network or "vgg19", pooling or "max", "caffe")


def styles(painting: Path, others: tuple[str, ...]) -> tuple[list[Path], list[float]]:
    """The styles and their weights: 1 of the first, and what ``FILE=WEIGHT`` says."""
    paths, weights = [painting], [1.0]
    for text in others:
        name, sign, weight = text.rpartition("=")
        paths.append(existing(name if sign else text, "--style"))
        weights.append(number(weight, f"--style {name}") if sign else 1.0)
        if weights[-1] <= 0:
            raise OptionError(f"--style {name}: expected a positive number, got {weight}.")
    return paths, weights


def writable(path: Path, option: str) -> None:
    """Check that a file can be written, and make its folder."""
    from neural_style.utils.files import check_file

    try:
        check_file(path.absolute())
    except (OSError, ValueError) as error:
        raise OptionError(
            f"{option} {path}: this file cannot be written ({error}); choose another."
        ) from error


def folder(path: Path) -> Path:
    """Make a folder for output."""
    from neural_style.utils.files import make_folder

    try:
        make_folder(path)
    except (OSError, ValueError) as error:
        raise OptionError(f"{path}: this folder cannot be made or written to ({error}).") from error
    return path
