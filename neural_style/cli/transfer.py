"""`transfer`, `reconstruct` and `estimate`: one picture."""

from __future__ import annotations

import shlex
from contextlib import ExitStack
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
@options.loss_options
@options.keyword_options()
@options.model_options
@click.option("--checkpoint", type=FOLDER, help="Write the run's state there, for resume.")
@click.option("--checkpoint-every", type=COUNT, help="Evaluations between two states.")
@click.option("--record", type=FOLDER, help="Write there what it takes to rerun it.")
@click.option("--csv", type=OUTPUT, help="Write the loss of every iterate to a table.")
@click.option("--report", type=OUTPUT, help="Keep an HTML page of the run.")
@click.option("--serve", is_flag=True, help="Show that page to this machine while it runs.")
@output_options
def transfer(**given: Any) -> None:
    """Paint PHOTO in the manner of PAINTING.

    The weight of PAINTING is 1, and each --style has its own; only their ratios matter.

    \b
    neural-style transfer photo.jpg painting.jpg -o out.png
    neural-style transfer photo.jpg painting.jpg -o out.png \\
        --loss content=1 --loss gram=5e-3 --layers gram=block1_conv1,block2_conv1:0.5 \\
        --loss histogram=1 --option histogram.refresh_every=20
    """  # noqa: D301
    photo, output, report_path = given["photo"], given["output"], given["report"]
    if given["checkpoint_every"] and not given["checkpoint"]:
        raise OptionError("--checkpoint-every is of --checkpoint: add --checkpoint FOLDER.")
    if given["serve"] and not report_path:
        raise OptionError("--serve shows the page of --report: add --report run.html.")
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
            remark(f"The report is at {server.url} while this runs.")
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
    help="What the losses keep of PICTURE, if there is no --loss.",
)
@options.loss_options
@options.keyword_options(
    *("preset", "style_size", "color", "start"),
    size="Longer side in pixels; 512.",
    evaluations="The budget, or one for each scale; 300.",
    parameterization="What the optimizer moves; pixels.",
)
@options.model_options
@output_options
def reconstruct(**given: Any) -> None:
    """Make PICTURE again from noise, of its content or of its style alone."""
    source = click.get_current_context().get_parameter_source("of")
    if given["loss"] and source is ParameterSource.COMMANDLINE:
        raise OptionError("--of says what the losses are: give it, or --loss.")
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
@options.loss_options
@options.keyword_options("start", "scales", "evaluations", "seed", "color", "parameterization")
@options.model_options
@answer_options
def estimate(**given: Any) -> None:
    """Say what memory and time a transfer would need, without running it.

    A batch needs about as much for its largest picture, and 250 MB for other sizes.
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
    run = prepared(given["photo"], painted, weights, name, loss, keywords)
    size = run.start.shape[0], run.start.shape[1]
    found = ns.estimate(run.loss, run.features, size, tile=tile, optimizer=run.optimizer)
    data = {
        "size": found.size,
        "tile": found.tile,
        "memory": found.memory,
        "parts": dict(found.parts),
        "seconds_per_evaluation": found.seconds,
    }
    answer(str(found), data, as_json=given["as_json"])


def _check_folders(checkpoint: Path | None, record: Path | None) -> None:
    """Refuse folders that cannot have what is to be written there, before the run."""
    if record is not None and checkpoint is not None and record.absolute() == checkpoint.absolute():
        raise OptionError("--record and --checkpoint need a folder each: choose another for one.")
    if record is not None and any(record.glob("state-*.npz")):
        raise OptionError(f"--record {record}: the checkpoints of a run are there: choose another.")
    if checkpoint is not None and (checkpoint / "record.json").exists():
        raise OptionError(
            f"--checkpoint {checkpoint}: there is a run in this folder: go on with it by "
            f"neural-style resume {shlex.quote(str(checkpoint))}, or choose another folder."
        )


def summary(result: Any, output: Path) -> dict[str, Any]:
    """A result as JSON has it, without its picture."""
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
    """The exit code of a run that a signal ended, which then is said; else 0."""
    if ending.exit_code:
        tell(f"{ending.capitalize()}; {output} is the best picture so far.", err=True)
    return ending.exit_code


def finish(result: Any, output: Path, *, silent: bool, as_json: bool) -> None:
    """Say what came of a run, and end as it did."""
    text = f"{output}: {result}"
    say(text, summary(result, output), silent=silent, as_json=as_json)
    end(result, output)


def end(result: Any, output: Path) -> None:
    """Leave as a signal has it, if one ended the run."""
    if code := interrupted(result.ending, output):
        leave(code)
