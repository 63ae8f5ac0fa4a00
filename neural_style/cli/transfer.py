"""`transfer`, `reconstruct` and `estimate`: one picture."""

from __future__ import annotations

import shlex
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from neural_style.cli import options
from neural_style.cli.checks import begin
from neural_style.cli.group import (
    answer,
    answer_options,
    leave,
    output_options,
    remark,
    say,
    tell,
)
from neural_style.cli.types import COUNT, FILE, FOLDER, OUTPUT
from neural_style.errors import OptionError

if TYPE_CHECKING:
    from neural_style.runs.result import Ending


@click.command()
@click.argument("photo", type=FILE)
@click.argument("painting", type=FILE)
@click.option("-o", "--output", type=OUTPUT, required=True, help="The picture to write.")
@click.option("--style", "others", multiple=True, metavar="FILE[=W]", help="Another painting.")
@options.mask_options
@options.loss_options
@options.keyword_options()
@options.model_options
@click.option("--checkpoint", type=FOLDER, help="Write checkpoints to this folder, for resume.")
@click.option("--checkpoint-every", type=COUNT, help="Evaluations between two checkpoints.")
@click.option("--record", type=FOLDER, help="Write the record of the run there, for rerun.")
@click.option("--csv", type=OUTPUT, help="Write the loss of every iterate to a table.")
@click.option("--report", type=OUTPUT, help="Write an HTML page about the run.")
@click.option("--serve", is_flag=True, help="Serve that page on this machine during the run.")
@output_options
def transfer(**given: Any) -> None:
    """Paint PHOTO in the style of PAINTING.

    The weight of PAINTING is 1. Each --style has its own weight. Only their ratios matter.

    \b
    neural-style transfer photo.jpg painting.jpg -o out.png
    neural-style transfer photo.jpg painting.jpg -o out.png \\
        --loss content=1 --loss gram=5e-3 --layers gram=block1_conv1,block2_conv1:0.5 \\
        --loss histogram=1 --option histogram.refresh_every=20
    neural-style transfer photo.jpg sky.jpg -o out.png --content-mask sky.png \\
        --style ground.jpg --content-mask ground.png
    """  # noqa: D301
    photo, output, report_path = given["photo"], given["output"], given["report"]
    if given["checkpoint_every"] and not given["checkpoint"]:
        raise OptionError("--checkpoint-every needs --checkpoint: add --checkpoint FOLDER.")
    if given["serve"] and not report_path:
        raise OptionError("--serve needs --report: add --report run.html.")
    folders = given["checkpoint"], given["record"]
    _check_folders(*folders)
    begin(given, photo, given["painting"], output=output, folders=folders)
    import neural_style as ns

    silent, as_json = given["quiet"], given["as_json"]
    painted, weights = options.styles(given["painting"], given["others"])
    callbacks: list[Any] = options.progress(given)
    if given["csv"]:
        callbacks.append(ns.callbacks.csv(given["csv"]))
    loss = options.recipe(given)
    names = ("checkpoint", "checkpoint_every")
    checkpoints = {name: given[name] for name in names if given[name] is not None}
    report = None
    if report_path:
        report = ns.callbacks.report(report_path, content=photo, style=painted)
        callbacks.append(report)
    with ExitStack() as stack:
        if given["serve"]:
            server = stack.enter_context(ns.report.serve(report_path))
            remark(f"The report is at {server.url} during this run.")
        result = ns.transfer(
            photo,
            painted,
            style_weights=weights,
            loss=loss,
            features=options.features(given),
            callbacks=callbacks,
            verbose=False,
            output=output,
            **checkpoints,
            **options.keywords(given),
        )
    if given["record"]:
        result.save_record(given["record"])
    if report is not None:
        report.finish(result)
    finish(result, output, silent=silent, as_json=as_json)


@click.command()
@click.argument("picture", type=FILE)
@click.option("-o", "--output", type=OUTPUT, required=True, help="The picture to write.")
@click.option(
    "--of",
    type=click.Choice(["content", "style"]),
    default="style",
    show_default=True,
    help="What to reconstruct of PICTURE; not with --loss.",
)
@options.loss_options
@options.keyword_options(
    *("preset", "style_size", "color", "start", "strength"),
    size="Longer side in pixels; 512.",
    evaluations="The budget, or one for each scale; 300.",
    padding="What the network reads outside the picture; symmetric.",
    parameterization="The optimizer's variables; pixels.",
)
@options.model_options
@output_options
def reconstruct(**given: Any) -> None:
    """Reconstruct PICTURE from noise.

    The losses use only its content or only its style.
    """
    source = click.get_current_context().get_parameter_source("of")
    if given["loss"] and source is ParameterSource.COMMANDLINE:
        raise OptionError("--of chooses the losses: use either --of or --loss.")
    alone = {"content": "content", "style": "gram"}[given["of"]]
    if not given["loss"]:
        given["loss"] = [f"{alone}=1"]
    begin(given, given["picture"], output=given["output"])
    import neural_style as ns

    silent, as_json = given["quiet"], given["as_json"]
    result = ns.transfer(
        given["picture"],
        given["picture"],
        loss=options.recipe(given),
        start="noise",
        features=options.features(given),
        callbacks=options.progress(given),
        verbose=False,
        output=given["output"],
        **options.keywords(given),
    )
    finish(result, given["output"], silent=silent, as_json=as_json)


@click.command()
@click.argument("photo", type=FILE)
@click.argument("painting", type=FILE)
@click.option("--style", "others", multiple=True, metavar="FILE[=W]", help="Another painting.")
@options.mask_options
@options.loss_options
@options.keyword_options(
    *("start", "scales", "evaluations", "minutes", "strength", "seed", "color"),
    "parameterization",
)
@options.model_options
@answer_options
def estimate(**given: Any) -> None:
    """Estimate memory and time of a transfer.

    The transfer is not run. A batch needs about as much for its largest picture, and 250 MB more
    for other sizes.
    """
    begin(given, given["photo"], given["painting"])
    import neural_style as ns
    from neural_style.recipes.transfer import prepared

    painted, weights = options.styles(given["painting"], given["others"])
    loss = options.recipe(given)
    model = options.features(given)
    keywords: Any = options.keywords(given)
    if model is not None:
        keywords["features"] = model
    name, tile = keywords.pop("preset", None), keywords.pop("tile", "auto")
    masks = {option: keywords.pop(option, None) for option in options.MASKS}
    run = prepared(given["photo"], painted, weights, name, loss, keywords, **masks)
    size = run.start.shape[0], run.start.shape[1]
    found = ns.estimate(run.loss, run.features, size, tile=tile, optimizer=run.optimizer)
    found = replace(found, size=(size[0] - 2 * run.margin, size[1] - 2 * run.margin))
    data = {
        "size": found.size,
        "tile": found.tile,
        "memory": found.memory,
        "parts": dict(found.parts),
        "seconds_per_evaluation": found.seconds,
    }
    answer(str(found), data, as_json=given["as_json"])


def _check_folders(checkpoint: Path | None, record: Path | None) -> None:
    """Refuse folders that are already used, before the run."""
    if record is not None and checkpoint is not None and record.absolute() == checkpoint.absolute():
        raise OptionError("--record and --checkpoint need different folders.")
    if record is not None and any(record.glob("state-*.npz")):
        raise OptionError(f"--record {record}: this folder has checkpoints: choose another folder.")
    if checkpoint is not None and (checkpoint / "record.json").exists():
        raise OptionError(
            f"--checkpoint {checkpoint}: this folder already has a run: resume it with "
            f"neural-style resume {shlex.quote(str(checkpoint))}, or choose another folder."
        )


def summary(result: Any, output: Path) -> dict[str, Any]:
    """A result as JSON values, without its picture."""
    return {
        "output": str(output),
        "loss": result.loss,
        "terms": result.terms,
        "weighted": result.weighted,
        "evaluations": result.evaluations,
        "rounds": result.rounds,
        "seconds": result.seconds,
        "seed": result.seed,
        "reason": result.reason,
        "ending": result.ending,
    }


def interrupted(ending: Ending, output: Path) -> int:
    """The exit code of a run that a signal ended, which is also printed; otherwise 0."""
    if ending.exit_code:
        tell(f"{ending.capitalize()}; {output} is the best picture so far.", err=True)
    return ending.exit_code


def finish(result: Any, output: Path, *, silent: bool, as_json: bool) -> None:
    """Print the result of a run, and exit with its code."""
    text = f"{output}: {result}"
    say(text, summary(result, output), silent=silent, as_json=as_json)
    end(result, output)


def end(result: Any, output: Path) -> None:
    """Exit with the code of the signal that ended the run, if one did."""
    if code := interrupted(result.ending, output):
        leave(code)
