"""Options that all experiments share."""

import argparse
from pathlib import Path

import neural_style as ns

# The scripts import this module before Keras.
ns.tune_tensorflow()


def parser(text: str | None, *, size: int, evaluations: int) -> argparse.ArgumentParser:
    """A parser with ``--quick``, ``--size``, ``--evaluations`` and ``--out``.

    ``size`` and ``evaluations`` are the full settings; `settings` makes them small for
    ``--quick``.
    """
    made = argparse.ArgumentParser(
        description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--quick", action="store_true", help="small pictures, a few minutes")
    made.add_argument("--size", type=int, help=f"longer side in pixels (full: {size})")
    made.add_argument("--evaluations", type=int, help=f"in each run (full: {evaluations})")
    made.add_argument("--out", type=Path, default=Path("out"), help="folder for the pictures")
    made.set_defaults(full=(size, evaluations))
    return made


def settings(
    made: argparse.ArgumentParser, *, quick_size: int, quick_evaluations: int
) -> argparse.Namespace:
    """Read the command line, create the folder, and fill in the numbers."""
    options = made.parse_args()
    size, evaluations = (quick_size, quick_evaluations) if options.quick else options.full
    options.size = options.size or size
    options.evaluations = options.evaluations or evaluations
    options.out.mkdir(parents=True, exist_ok=True)
    return options
