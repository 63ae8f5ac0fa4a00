"""`resume` and `rerun`: a run from its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from neural_style.cli import options
from neural_style.cli.group import begin, output_options, say
from neural_style.cli.making import OUTPUT, end, finish, summary

FOLDER = click.Path(exists=True, path_type=Path)


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("-o", "--output", type=OUTPUT, required=True, help="The picture to write.")
@output_options
def resume(**given: Any) -> None:
    """Go on with a run that ended early, from the FOLDER of its checkpoints.

    It comes to the picture, bit for bit, that it would have come to.
    """
    begin()
    import neural_style as ns

    silent, as_json = given["quiet"], given["as_json"]
    callbacks = options.progress(given)
    result = ns.resume(given["folder"], callbacks=callbacks, output=given["output"])
    finish(result, given["output"], silent=silent, as_json=as_json)


@click.command()
@click.argument("record", type=FOLDER)
@click.option("-o", "--output", type=OUTPUT, required=True, help="The picture to write.")
@output_options
def rerun(**given: Any) -> None:
    """Repeat a run from its RECORD, the folder of --record or of --checkpoint.

    On the same machine it gives the same picture; elsewhere it says what differs.
    """
    begin()
    import neural_style as ns

    silent, as_json = given["quiet"], given["as_json"]
    callbacks = options.progress(given)
    again = ns.rerun(given["record"], callbacks=callbacks, output=given["output"])
    found = {
        **summary(again.result, given["output"]),
        "same": again.same,
        "differences": list(again.differences),
    }
    say(f"{given['output']}: {again}", found, silent=silent, as_json=as_json)
    end(again.result, given["output"])
