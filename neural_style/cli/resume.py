"""`resume` and `rerun`: resume or repeat a run from its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from neural_style.cli import options
from neural_style.cli.checks import begin
from neural_style.cli.group import answer, answer_options, output_options
from neural_style.cli.transfer import end, finish, summary
from neural_style.cli.types import OUTPUT, Place
from neural_style.errors import CheckpointError, RecordError, StyleError

FOLDER = Place(exists=True)


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("-o", "--output", type=OUTPUT, required=True, help="The picture to write.")
@click.option(
    "--strict/--no-strict",
    default=None,
    help="Whether to refuse an environment that differs from the run's, where bits may differ.",
)
@options.model_options
@output_options
def resume(**given: Any) -> None:
    """Resume a run that ended early.

    FOLDER has its checkpoints. The picture is bit for bit that of the uninterrupted run.
    """
    arguments = _started(given, "folder", "resume", CheckpointError)
    import neural_style as ns

    silent, as_json = given["quiet"], given["as_json"]
    strict = {} if given["strict"] is None else {"strict": given["strict"]}
    result = ns.resume(given["folder"], **arguments, **strict)
    finish(result, given["output"], silent=silent, as_json=as_json)


@click.command()
@click.argument("record", type=FOLDER)
@click.option("-o", "--output", type=OUTPUT, required=True, help="The picture to write.")
@options.model_options
@answer_options
def rerun(**given: Any) -> None:
    """Repeat a run from its RECORD.

    RECORD is the folder of --record or of --checkpoint. On the same machine the picture is the
    same. On another machine, differences are listed.
    """
    arguments = _started(given, "record", "repeat", RecordError)
    import neural_style as ns

    again = ns.rerun(given["record"], **arguments)
    found = {
        **summary(again.result, given["output"]),
        "same": again.same,
        "differences": list(again.differences),
    }
    answer(f"{given['output']}: {again}", found, as_json=given["as_json"])
    end(again.result, given["output"])


def _started(
    given: dict[str, Any], argument: str, purpose: str, error: type[StyleError]
) -> dict[str, Any]:
    """Check a command and start TensorFlow. Return the arguments of `resume` and `rerun`."""
    folder: Path = given[argument]
    if not (folder / "record.json").exists():
        raise error(
            f"{folder}: no run to {purpose} here, expected its record.json; check the path."
        )
    begin(given, output=given["output"], network=None)
    return {
        "features": options.features(given),
        "callbacks": options.progress(given),
        "verbose": False,
        "output": given["output"],
    }
