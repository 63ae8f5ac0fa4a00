"""`resume` continues a run from its checkpoints; `rerun` repeats a run from its record."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from neural_style.errors import CheckpointError, OptionError, RecordError, StyleError, again
from neural_style.features.model import FeatureModel, check_model
from neural_style.losses.base import Loss
from neural_style.losses.weighted_sum import WeightedSum
from neural_style.optimizers import drivers, parameterization
from neural_style.optimizers.parameterization import Parameterization
from neural_style.runs import minimize, storage
from neural_style.runs import record as records
from neural_style.runs.checkpoint import Continued
from neural_style.runs.loop import Callback, Verbose
from neural_style.runs.preparation import prepare
from neural_style.runs.result import Result
from neural_style.utils.files import as_path, check_not_read


@dataclass(frozen=True)
class Rerun:
    """A run that was repeated.

    ``differences`` lists everything that the bits depend on and that differs from the record:
    versions, processor, weights, inputs. ``same`` says whether the picture is the recorded one,
    bit for bit; it is None if the record has no picture.
    """

    result: Result
    differences: tuple[str, ...]
    same: bool | None

    def __str__(self) -> str:
        outcome = {
            True: "the recorded picture, bit for bit",
            False: "not the recorded picture",
            None: "no picture was recorded",
        }[self.same]
        return "\n  ".join([outcome, *self.differences])


def resume(
    folder: str | os.PathLike[str],
    *,
    loss: Loss | WeightedSum | None = None,
    features: FeatureModel | None = None,
    optimizer: Any = None,
    parameterization: Parameterization | None = None,
    callbacks: Iterable[Callback] = (),
    verbose: Verbose = "auto",
    output: str | os.PathLike[str] | None = None,
    strict: bool = True,
) -> Result:
    """Continue a run that ended early. The picture is that of an uninterrupted run, bit for bit.

    The run continues from its last state, and writes further states as before. `LBFGS` and Keras'
    optimizers continue within a round; ``"L-BFGS-B"`` starts from the beginning of the last round
    that has a state, or of the run.

    Parameters
    ----------
    folder
        The folder that `minimize` was given as ``checkpoint``.
    loss, features, optimizer, parameterization
        Those of the run, if its record cannot contain them: losses that are not registered,
        feature models other than a VGG with ImageNet's weights, and your own optimizers and
        parameterizations. They are compared with the record: your own classes by the attributes
        (an optimizer by the config) that JSON can express. Functions, such as a preprocessing,
        arrays and code are not compared.
    callbacks, verbose
        As in `minimize`. Callbacks are called for the iterates after the state.
    output
        Where to save the picture; by default, where the run would have saved it.
    strict
        Whether a different environment (versions, processor, cores, devices) is an error; if not,
        it is a warning, because the bits may differ.

    Raises
    ------
    CheckpointError
        The folder contains no run, or another run is using it; every state is damaged; or
        something differs from the record: the message says what.
    StyleError
        As `minimize`.
    """
    replacements = loss, features, optimizer, parameterization
    with Continued(folder, strict=strict) as checkpoints:
        record, pictures = checkpoints.record, checkpoints.pictures
        output = checkpoints.output if output is None else output
        check_not_read({"output": output}, checkpoints.folder.iterdir(), OptionError)
        ready = prepare(
            **_arguments(record, pictures, replacements, CheckpointError, folder),
            callbacks=callbacks,
            verbose=verbose,
            output=output,
        )
        return minimize.run(ready, output, checkpoints)


def rerun(
    path: str | os.PathLike[str],
    *,
    loss: Loss | WeightedSum | None = None,
    features: FeatureModel | None = None,
    optimizer: Any = None,
    parameterization: Parameterization | None = None,
    callbacks: Iterable[Callback] = (),
    verbose: Verbose = "auto",
    output: str | os.PathLike[str] | None = None,
) -> Rerun:
    """Repeat a run from its record. The same machine gives the same picture, bit for bit.

    Parameters
    ----------
    path
        The folder of `Result.save_record` or of a run with checkpoints, or the ``.npz`` of
        `Result.save`.
    loss, features, optimizer, parameterization
        As in `resume`; anything that differs from the record is listed in ``differences``.
    callbacks, verbose, output
        As in `minimize`.

    Raises
    ------
    RecordError
        The record or its pictures cannot be read, or do not match the schema.
    StyleError
        As `minimize`.
    """
    home = as_path(path, "path", RecordError)
    record, pictures = storage.recorded(home)
    check_not_read({"output": output}, [home, *home.glob("*")], OptionError)
    replacements = loss, features, optimizer, parameterization
    arguments = _arguments(record, pictures, replacements, RecordError, home)
    ready = prepare(**arguments, callbacks=callbacks, verbose=verbose, output=output)
    result = minimize.run(ready, output, None)
    outcome = record["outcome"]
    return Rerun(
        result,
        tuple(records.differences(record, result.record)),
        None if outcome is None else outcome["picture"] == result.record["outcome"]["picture"],
    )


def _arguments(
    record: Mapping[str, Any],
    pictures: Mapping[str, Any],
    replacements: tuple[Any, Any, Any, Any],
    error: type[StyleError],
    where: object,
) -> dict[str, Any]:
    """The arguments of `prepare`: the replacements, and the others from a record."""
    loss, features, optimizer, parameters = replacements

    if features is not None:
        features = check_model(features).with_padding(record["features"]["padding"])

    def made(replacement: Any, make: Callable[[Any], Any], config: Any) -> Any:
        if replacement is not None:
            return replacement
        try:
            return make(config)
        except StyleError as problem:
            raise error(f"{where}: {problem}") from problem

    def picture(key: str) -> Any:
        if key not in pictures:
            raise error(f"{where}: {storage.PICTURES} has no picture {key}, which the run needs.")
        return pictures[key]

    def total(config: Any) -> WeightedSum:
        own = [entry["loss"] for entry in config["terms"] if entry["config"] is None]
        if own:
            raise error(
                f"the loss {own[0]} is not registered, or has options that JSON does not have: "
                f"{again('loss')}"
            )
        return WeightedSum.from_config(config, pictures)

    settings = dict(record["settings"])
    own = {name: record.get(name) for name in ("chroma", "palette", "opacity")}
    return {
        **settings,
        "loss": made(loss, total, record["loss"]),
        "features": made(features, FeatureModel.from_config, record["features"]),
        "optimizer": made(optimizer, drivers.from_config, settings["optimizer"]),
        "parameterization": made(
            parameters, parameterization.from_config, settings["parameterization"]
        ),
        "start": picture(record["start"]),
        **{name: None if key is None else picture(key) for name, key in own.items()},
    }
