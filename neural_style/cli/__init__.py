"""The command `neural-style`, also ``python -m neural_style``.

Exit codes, for scripts:

    0    done
    1    a run failed, or a picture cannot be read or written
    2    the command line is not usable: an option, a name, or a file that is not there
    3    of a batch or a sweep, some runs failed; the others are done
    130  interrupted (Ctrl-C); the best picture so far is saved
    143  terminated (SIGTERM); the best picture so far is saved

Results go to standard output, with ``--json`` as one JSON object; progress and errors to
standard error. TensorFlow is imported by the commands that need it, never for ``--help``.
Defaults are the Python API's: an option that is not given is not passed on, and what ``--help``
says of them is read from the source (`neural_style.cli.signatures`).
"""

from __future__ import annotations

import click

from neural_style.cli import batch, information, many, resume, transfer
from neural_style.cli.group import Commands


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="neural-style-keras", prog_name="neural-style")
@click.option("--verbose", is_flag=True, help="Show what TensorFlow says, and tracebacks.")
def main(verbose: bool) -> None:
    """Neural style transfer: a photo in the manner of a painting.

    Exit codes: 0 done, 1 a run failed, or a picture cannot be read or written, 2 the command
    line is not usable: an option, a name, or a file that is not there, 3 some runs of a batch or
    a sweep failed, 130 interrupted, 143 terminated.

    Shell completion: eval "$(_NEURAL_STYLE_COMPLETE=bash_source neural-style)", or with
    zsh_source, or fish_source.
    """


for _command in (
    transfer.transfer,
    transfer.reconstruct,
    resume.resume,
    resume.rerun,
    batch.batch,
    many.sweep,
    transfer.estimate,
    information.evaluate,
    information.losses,
    information.presets,
    information.weights,
    information.doctor,
):
    main.add_command(_command)
