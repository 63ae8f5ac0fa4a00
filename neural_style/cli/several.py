"""`batch` and `sweep`: many pictures, of one loaded model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from neural_style.cli import options
from neural_style.cli.checks import begin, check_picture, check_preset
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
from neural_style.cli.kinds import FILE, FOLDER, Place, existing
from neural_style.cli.making import interrupted, summary
from neural_style.cli.recipe import Recipe, json_value, pairs
from neural_style.errors import OptionError, StyleError

_SWEPT = (
    *("preset", "size", "short_side", "style_size", "color", "start", "evaluations", "seed"),
    "tile",
)


@click.command()
@click.argument("painting", type=FILE)
@click.argument("photos", type=Place(), nargs=-1, required=True)
@click.option("-o", "--output", type=FOLDER, required=True, help="The folder to write to.")
@click.option("--style", "others", multiple=True, metavar="FILE[=W]", help="Another painting.")
@options.loss_options
@options.keyword_options()
@options.model_options
@output_options
def batch(**given: Any) -> None:
    """Paint all PHOTOS in the manner of PAINTING, into a folder.

    Each is written as a PNG under its own name. What fails stops none of the rest, and is
    listed at the end; Ctrl-C or SIGTERM ends them all.
    """
    folder = given["output"]
    painted, weights = options.styles(given["painting"], given["others"])
    outputs = [folder / f"{photo.stem}.png" for photo in given["photos"]]
    if len(set(outputs)) < len(outputs):
        raise OptionError(
            "batch: two photos have the same name; the second would replace the first."
        )
    silent, as_json = given["quiet"], given["as_json"]
    failed = _unreadable_at_first(given["photos"])
    if len(failed) == len(given["photos"]):
        _end_batch([], failed, silent, as_json)
    begin(given, *painted, outputs=outputs, folders=[folder])
    import neural_style as ns

    loss = options.recipe(given)
    model = options.features(given)
    keywords = options.keywords(given)
    done: list[dict[str, Any]] = []
    failed = []
    stopped = 0
    for photo, output in zip(given["photos"], outputs, strict=True):
        try:
            result = ns.transfer(
                existing(photo, "PHOTOS"),
                painted,
                style_weights=weights,
                loss=loss,
                features=model,
                callbacks=options.progress(given),
                verbose=False,
                output=output,
                **keywords,
            )
        except KeyboardInterrupt:  # before the run, or the second one
            stopped = INTERRUPTED
            break
        except Exception as error:  # a plugin breaks in any way it likes
            failed.append((photo, error))
            continue
        done.append({"photo": str(photo), **summary(result, output)})
        say(f"{output}: {result}", None, silent=silent or as_json)
        if stopped := interrupted(result, output):
            break
    _end_batch(done, failed, silent, as_json, stopped=stopped)


@click.command()
@click.argument("photo", type=FILE)
@click.argument("painting", type=FILE)
@click.option("-o", "--output", type=FOLDER, required=True, help="The folder to write to.")
@click.option(
    "--grid",
    multiple=True,
    required=True,
    metavar="NAME=V,V…",
    help=f"Values of {', '.join(_SWEPT)}, or, as loss.NAME, of a loss's weight.",
)
@options.loss_options
@options.keyword_options()
@options.model_options
@output_options
def sweep(**given: Any) -> None:
    """Paint PHOTO with every combination of settings, on one sheet.

    What is in the folder is not run again, unless it was made of other pictures, with other
    options or by other versions; the sheet is its sheet.png.

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
                f"--{name.replace('_', '-')} is in the --grid, too: give one of both."
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

    # What the recipe names is an argument for the digest of what a run depends on.
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
        }  # these are left: null
        return ns.transfer(photo, painting, loss=loss, features=model, **own_keywords)

    def told(outcome: Any) -> None:
        if outcome.error is not None:
            tell(str(outcome), err=True)
        elif not (silent or as_json):
            tell(str(outcome))

    try:
        with errors_only("neural_style.sweeps"):  # it logs what is told
            outcomes = ns.sweep(run, grid, folder=folder, callbacks=[told])
    except (KeyboardInterrupt, SystemExit) as end:
        word, code = "Interrupted", INTERRUPTED
        if isinstance(end, SystemExit):
            word, code = "Terminated", TERMINATED
        tell(f"{word}; what had finished is in {folder}, for the next time.", err=True)
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
    _end(len(outcomes) - len(errors), errors, found, silent, as_json)


def _unreadable_at_first(photos: Iterable[Path]) -> list[tuple[Path, Exception]]:
    """The photos before the first that can be read, and what is wrong with them."""
    failed: list[tuple[Path, Exception]] = []
    for photo in photos:
        try:
            check_picture(existing(photo, "PHOTOS"))
        except StyleError as error:
            failed.append((photo, error))
        else:
            break
    return failed


def _end_batch(
    done: list[dict[str, Any]],
    failed: list[tuple[Path, Exception]],
    silent: bool,
    as_json: bool,
    *,
    stopped: int = 0,
) -> None:
    told = [{"photo": str(photo), "error": f"{type(e).__name__}: {e}"} for photo, e in failed]
    for each in told:
        tell(f"{each['photo']}: {each['error']}", err=True)
    found = {"done": done, "failed": told}
    errors = [error for _, error in failed]
    _end(len(done), errors, found, silent, as_json, stopped=stopped)


def _values(name: str, text: str) -> list[Any]:
    """A JSON list, or values that are separated by commas."""
    whole = json_value(text)
    values = whole if isinstance(whole, list) else [json_value(part) for part in text.split(",")]
    if name.startswith("loss.") and not all(isinstance(v, int | float) for v in values):
        raise OptionError(f"--grid {name}: expected numbers, got {text!r}.")
    found = [options.setting(name, value) for value in values] if name in _SWEPT else values
    if twice := [value for value in found if found.count(value) > 1]:
        raise OptionError(f"--grid {name}: {twice[0]!r} is given twice; leave one of them out.")
    return found


def _end(
    done: int,
    errors: list[Exception],
    found: Any,
    silent: bool,
    as_json: bool,
    *,
    stopped: int = 0,
) -> None:
    say(f"{done} done, {len(errors)} failed", found, silent=silent, as_json=as_json)
    if stopped:
        leave(stopped)
    if errors:
        leave(PARTLY if done else failure(errors))
