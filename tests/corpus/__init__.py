"""Bad input of every kind: generated, named, and each with what must come of it.

A `Case` is an attempt and how it may end: in the ``error`` named, in a result that is
``sound``, or, where both are given, in either. Attempts get a `World`: an empty folder for
what they read, one for what they write, a small feature model and two pictures.
"""

from __future__ import annotations

from corpus import lines, names, options, pages, pictures, plugins, runs, sweeps, weights
from corpus.cases import Case as Case
from corpus.cases import World as World


def cases() -> list[Case]:
    """Every case."""
    kinds = (
        pictures.truncated, pictures.flipped, pictures.alien, pictures.sizes, pictures.metadata,
        options.arrays, options.minimize_options, options.transfer_options,
        options.preset_options, options.loss_options, options.network_options,
        options.sweep_options, options.other_options,
        names.loss_names, plugins.plugins, weights.weights_files, sweeps.records,
        runs.checkpoint_cases, runs.record_cases, lines.command_lines, pages.texts,
    )  # fmt: skip
    return [case for kind in kinds for case in kind()]
