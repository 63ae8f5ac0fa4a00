"""The command `neural-style`, also ``python -m neural_style``.

Exit codes, for scripts:

    0    done
    1    a run failed, or a picture cannot be read or written
    2    the command line is invalid: an option, a name, or a file that does not exist
    3    some runs of a batch or a sweep failed; the others are done
    130  interrupted (Ctrl-C); the best picture so far is saved
    143  terminated (SIGTERM); the best picture so far is saved

Results go to standard output, with ``--json`` as one JSON object. Progress and errors go to
standard error. Only commands that need TensorFlow import it; ``--help`` never does.
Defaults are those of the Python API: an option that is not given is not passed on.
"""

from __future__ import annotations

import click

from neural_style.cli import batch, information, many, resume, transfer
from neural_style.cli.group import Commands


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="neural-style-keras", prog_name="neural-style")
@click.option("--verbose", is_flag=True, help="Show TensorFlow's messages and tracebacks.")
def main(verbose: bool) -> None:
    """Neural style transfer: paint a photo in the style of a painting.

    Exit codes: 0 done; 1 a run failed, or a picture cannot be read or written; 2 the command
    line is invalid: an option, a name, or a file that does not exist; 3 some runs of a batch or
    a sweep failed; 130 interrupted; 143 terminated.

    Shell completion: eval "$(_NEURAL_STYLE_COMPLETE=bash_source neural-style)". For other shells
    use zsh_source or fish_source.
    """


for _command in (
    transfer.transfer,
    transfer.reconstruct,
    resume.resume,
    resume.rerun,
    batch.batch,
    many.sweep,
    transfer.estimate,
    information.score,
    information.losses,
    information.presets,
    information.weights,
    information.doctor,
):
    main.add_command(_command)
