"""`sweep`: paint one picture with many settings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from neural_style.cli import options
from neural_style.cli.checks import begin, check_preset
from neural_style.cli.group import (
    INTERRUPTED,
    PARTLY,
    TERMINATED,
    errors_only,
    failure,
    leave,
    output_options,
    say,
    tell,
)
from neural_style.cli.recipe import Recipe, json_value, pairs
from neural_style.cli.types import FILE, FOLDER
from neural_style.errors import OptionError

_SWEPT = (
    *("preset", "size", "short_side", "style_size", "color", "start", "evaluations", "seed"),
    "tile",
)


@click.command()
@click.argument("photo", type=FILE)
@click.argument("painting", type=FILE)
@click.option("-o", "--output", type=FOLDER, required=True, help="The folder to write to.")
@click.option(
    "--grid",
    multiple=True,
    required=True,
    metavar="NAME=V,V…",
    help=f"Values of {', '.join(_SWEPT)}, or of loss.NAME, a loss's weight.",
)
@options.mask_options
@options.loss_options
@options.keyword_options()
@options.model_options
@output_options
def sweep(**given: Any) -> None:
    """Paint PHOTO with many settings.

    Every combination is painted, and all pictures are on one contact sheet, sheet.png in the
    folder. Finished runs in the folder are reused if pictures, options and versions are the same.

    \b
    neural-style sweep photo.jpg painting.jpg -o out --loss content=1 --loss gram=1 \\
        --grid loss.gram=1e-3,1e-2 --grid start=content,noise
    """  # noqa: D301
    photo, painting, folder = given["photo"], given["painting"], given["output"]
    grid = {name: _values(name, text) for name, text in pairs(given["grid"], "--grid")}
    recipe = options.recipe(dict(given))
    weights = {} if recipe is None else recipe.weights()
    for name in grid:
        if name not in _SWEPT and name.removeprefix("loss.") not in weights:
            known = ", ".join([*_SWEPT, *(f"loss.{each}" for each in weights)])
            raise OptionError(f"--grid {name}: expected one of {known}.")
        if given.get(name) is not None:
            raise OptionError(
                f"--{name.replace('_', '-')} is also in --grid: use only one of them."
            )
    for preset in grid.get("preset", ()):
        check_preset(preset, given)
    starts = [start for start in grid.get("start", ()) if start not in (None, "content", "noise")]
    several_sizes = grid.keys() & {"size", "preset"}
    own = {"scales": None, "evaluations": None} if several_sizes else {}
    sheet = folder / "sheet.png"
    begin({**given, **own}, photo, painting, *starts, outputs=[sheet], folders=[folder])
    import neural_style as ns

    silent, as_json = given["quiet"], given["as_json"]
    recipe, model = options.recipe(given), options.features(given)
    fixed = options.keywords(given)

    named = recipe and recipe.named()

    # An argument, so that the digest of a run includes the losses and masks of the recipe.
    def run(*, named: Any = named, **settings: Any) -> Any:
        own = dict(weights)
        for name in [name for name in settings if name.startswith("loss.")]:
            own[name.removeprefix("loss.")] = settings.pop(name)
        losses = [f"{name}={weight}" for name, weight in own.items()]
        loss: Recipe | None = recipe and replace(recipe, losses=losses)
        own_keywords = {
            "verbose": False,
            **fixed,
            **options.keywords(settings),
            **settings,
        }  # what is left in settings is null
        return ns.transfer(photo, painting, loss=loss, features=model, **own_keywords)

    def told(outcome: Any) -> None:
        if outcome.error is not None:
            tell(str(outcome), err=True)
        elif not (silent or as_json):
            tell(str(outcome))

    try:
        with errors_only("neural_style.sweeps"):  # which logs the same outcomes
            outcomes = ns.sweep(run, grid, folder=folder, callbacks=[told])
    except (KeyboardInterrupt, SystemExit) as end:
        word, code = "Interrupted", INTERRUPTED
        if isinstance(end, SystemExit):
            word, code = "Terminated", TERMINATED
        tell(f"{word}; finished runs are in {folder} and will be reused.", err=True)
        leave(code)
    names = list(grid)
    across: dict[str, Any] = {"rows": names[0], "columns": names[1]} if len(names) == 2 else {}
    sheet = ns.images.save(ns.contact_sheet(outcomes, **across), folder / "sheet.png")
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    found = {
        "sheet": str(sheet),
        "outcomes": [
            {
                "settings": outcome.settings,
                "loss": outcome.result.loss if outcome.result else None,
                "error": None if outcome.error is None else str(outcome.error),
            }
            for outcome in outcomes
        ],
    }
    codes = [failure([error]) for error in errors]
    end_runs(len(outcomes) - len(errors), codes, found, silent, as_json)


def _values(name: str, text: str) -> list[Any]:
    """The values of a JSON list, or values separated by commas."""
    whole = json_value(text)
    values = whole if isinstance(whole, list) else [json_value(part) for part in text.split(",")]
    if name.startswith("loss.") and not all(isinstance(v, int | float) for v in values):
        raise OptionError(f"--grid {name}: expected numbers, got {text!r}.")
    found = [options.setting(name, value) for value in values] if name in _SWEPT else values
    if twice := [value for value in found if found.count(value) > 1]:
        raise OptionError(f"--grid {name}: {twice[0]!r} is given twice; remove one of them.")
    return found


def end_runs(
    done: int,
    codes: list[int],
    found: Any,
    silent: bool,
    as_json: bool,
    *,
    stopped: int = 0,
) -> None:
    """Print how many runs are done, and exit. ``codes`` are those of the failed runs."""
    say(f"{done} done, {len(codes)} failed", found, silent=silent, as_json=as_json)
    if stopped:
        leave(stopped)
    if codes:
        leave(PARTLY if done else min(codes))
