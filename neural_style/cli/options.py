"""Options that several commands share, and the arguments of `transfer` for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from neural_style.cli.recipe import DEFAULT, Recipe, number
from neural_style.cli.types import FILE, SEED, SIDE, Budget, Scales, Start, Tile, existing
from neural_style.errors import OptionError

# Each keyword of `transfer` that is a single option, with its type and its help.
KEYWORDS: dict[str, tuple[Any, str]] = {
    "preset": (str, "A published objective and its settings; see neural-style presets."),
    "size": (SIDE, "Longer side in pixels; 512, or the preset's."),
    "short_side": (SIDE, "Shorter side in pixels, instead of --size."),
    "style_size": (SIDE, "Longer side of the style; by default resized like the photo."),
    "color": (click.Choice(["match", "luminance", "oklab"]), "How to keep the photo's colors."),
    "padding": (
        click.Choice(["zero", "symmetric", "periodic", "replicate"]),
        "What the network reads outside the pictures; symmetric, or the preset's.",
    ),
    "start": (Start(), "content, noise, or a picture's file."),
    "scales": (Scales(2), "Long sides to run from coarse to fine."),
    "evaluations": (
        Budget(1),
        "The budget, or one for each scale; 40 to 20, the preset's, or 300.",
    ),
    "minutes": (
        click.FloatRange(0, min_open=True),
        "The time of the run, instead of --evaluations.",
    ),
    "strength": (
        click.FloatRange(0, 1),
        "How strong the style is, from 0 to 1, with the default loss; 0.5.",
    ),
    "parameterization": (
        click.Choice(["pixels", "frequencies", "wavelets"]),
        "The optimizer's variables; wavelets, or pixels with --loss or --preset.",
    ),
    "average": (
        click.FloatRange(0, 1, max_open=True),
        "Decay of the iterates' average, such as 0.99, in place of the best picture.",
    ),
    "seed": (SEED, "The seed of all random numbers; 0."),
    "tile": (Tile(), "The longest side in pixels that is evaluated at once; auto."),
}


MODEL = ("network", "pooling", "weights")
MASKS = {
    "content_mask": "The area of the photo to paint, white on black; the rest keeps the photo.",
    "style_mask": "The area of the painting to use, white on black.",
}
_NO_MASK = "none"


def keyword_options(*leave_out: str, **texts: str) -> Callable[[Any], Any]:
    """The options of `KEYWORDS`; ``texts`` replaces helps."""

    def add(command: Any) -> Any:
        for name, (kind, text) in reversed(KEYWORDS.items()):
            if name not in leave_out:
                option = f"--{name.replace('_', '-')}"
                command = click.option(option, name, type=kind, help=texts.get(name, text))(command)
        return command

    return add


def loss_options(command: Any) -> Any:
    """The options of a `Recipe`."""
    for name, metavar, text in (
        (
            "mask",
            "FILE=FILE",
            "The white area of the photo's mask is painted like that of the painting's mask; "
            "black and transparent areas do not count.",
        ),
        ("reference", "LOSS=content|style|none", "The picture that is a loss's reference."),
        ("option", "LOSS.NAME=JSON", "An option of a loss."),
        ("layers", "LOSS=NAME[:W],…", "The layers of a loss, with or without weights."),
        ("loss", "NAME=WEIGHT", "A term of the objective; by default the only term is default=1."),
    ):
        command = click.option(f"--{name}", multiple=True, metavar=metavar, help=text)(command)
    return command


def mask_options(command: Any) -> Any:
    """``--content-mask`` and ``--style-mask``."""
    for name, text in reversed(MASKS.items()):
        more = f" For several styles, one for each, in their order, or {_NO_MASK}."
        option = f"--{name.replace('_', '-')}"
        command = click.option(option, name, multiple=True, metavar="FILE", help=text + more)(
            command
        )
    return command


def model_options(command: Any) -> Any:
    """``--network``, ``--pooling`` and ``--weights``."""
    command = click.option("--weights", type=FILE, help="The network's weights file.")(command)
    pooling = click.Choice(["max", "average"])
    command = click.option("--pooling", type=pooling, help="The network's pooling.")(command)
    network = click.Choice(["vgg19", "vgg16"])
    return click.option("--network", type=network, help="The network of the losses.")(command)


def progress(given: dict[str, Any]) -> list[Any]:
    """The callbacks of a run: a progress bar, except with --quiet or --json."""
    from neural_style import callbacks

    return [] if given["quiet"] or given["as_json"] else [callbacks.progress()]


def recipe(given: dict[str, Any]) -> Recipe | None:
    """Remove the options about losses from ``given``, and return them, or None if none is set."""
    names = ("loss", "layers", "option", "reference", "mask")
    losses, *others = [given.pop(name, ()) for name in names]
    *of_losses, masks = others
    if not losses and any(of_losses):
        raise OptionError("--layers, --option and --reference need losses: add --loss.")
    if not losses and not masks:
        return None
    found = Recipe(losses or [f"{DEFAULT}=1"], *others)
    found.check()
    return found


def setting(name: str, value: Any) -> Any:
    """Convert a JSON value of --grid to the type of the option ``name``; null is None."""
    if value is None:
        return None
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    try:
        return click.types.convert_type(KEYWORDS[name][0])(text)
    except click.BadParameter as error:
        raise OptionError(f"--grid {name}: {error.message}") from None


def keywords(given: dict[str, Any]) -> dict[str, Any]:
    """Remove the keywords of `transfer` from ``given``, and return those that are set."""
    from neural_style import images
    from neural_style.recipes.draft import PADDING

    found = {name: given.pop(name) for name in KEYWORDS if given.get(name) is not None}
    found |= masks(given)
    for name in MASKS:
        given.pop(name, None)
    if any(given.get(name) for name in MODEL):
        found.setdefault("padding", PADDING)
    if found.get("tile") == "none":
        found["tile"] = None
    if found.get("start") not in (None, "content", "noise"):
        found["start"] = images.load(found["start"])
    return found


def masks(given: Mapping[str, Any]) -> dict[str, list[Path | None]]:
    """The masks for each style, by the keyword of `transfer`."""
    count = 1 + len(given.get("others", ()))
    found: dict[str, list[Path | None]] = {}
    for name in MASKS:
        if not (texts := given.get(name)):
            continue
        option = f"--{name.replace('_', '-')}"
        if len(texts) != count:
            raise OptionError(
                f"{option}: expected one for each of {count} styles, or {_NO_MASK}, got "
                f"{len(texts)}."
            )
        if given.get("mask"):
            raise OptionError(f"{option} and --mask cannot be combined: use only one of them.")
        found[name] = [None if text == _NO_MASK else existing(text, option) for text in texts]
    return found


def features(given: dict[str, Any]) -> Any:
    """The feature model, or None for the default of `transfer` if no option is given."""
    from neural_style import FeatureModel
    from neural_style.recipes import draft

    network, pooling, weights = (given[name] for name in MODEL)
    if not (network or pooling or weights):
        return None
    if weights is not None:
        return FeatureModel(network or "vgg19", pooling=pooling, weights=weights)
    return draft.pretrained(network or "vgg19", pooling or "max", "caffe")


def styles(painting: Path, others: tuple[str, ...]) -> tuple[list[Path], list[float]]:
    """The styles and their weights: 1 for the first, and those in ``FILE=WEIGHT``."""
    paths, weights = [painting], [1.0]
    for text in others:
        name, sign, weight = text.rpartition("=")
        paths.append(existing(name if sign else text, "--style"))
        weights.append(number(weight, f"--style {name}") if sign else 1.0)
        if weights[-1] <= 0:
            raise OptionError(f"--style {name}: expected a positive number, got {weight}.")
    return paths, weights


def writable(path: Path, option: str) -> None:
    """Check that a file can be written, and create its folder."""
    from neural_style.utils.files import check_file

    try:
        check_file(path.absolute())
    except (OSError, ValueError) as error:
        raise OptionError(
            f"{option} {path}: this file cannot be written ({error}); choose another."
        ) from error


def folder(path: Path) -> Path:
    """Create a folder for output."""
    from neural_style.utils.files import make_folder

    try:
        make_folder(path)
    except (OSError, ValueError) as error:
        raise OptionError(f"{path}: cannot create or write to this folder ({error}).") from error
    return path
