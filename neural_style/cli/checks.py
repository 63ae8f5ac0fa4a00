"""What can be said of a command line before TensorFlow starts, which takes seconds.

    begin(given, photo, output=path)      # the checks, then TensorFlow

Names, files and pictures are looked at here; numbers are by the types of the options. What only
the library knows, such as the values of a loss's options, it says later.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from neural_style.cli import group, options
from neural_style.cli.signatures import presets
from neural_style.errors import LayerError, OptionError, WeightsError, layer_suggestion, suggestion

_GLANCE = 64  # pixels; a picture is read whole, and resized
_SIZE = 512  # pixels, the default of `transfer`
_CONVOLUTIONS = {"vgg19": (2, 2, 4, 4, 4), "vgg16": (2, 2, 3, 3, 3)}  # in each block


def begin(
    given: Mapping[str, Any],
    *inputs: Path,
    output: Path | None = None,
    outputs: Sequence[Path] = (),
    folders: Sequence[Path | None] = (),
    network: str | None = "vgg19",
    start: bool = True,
) -> None:
    """Check a command's options, the pictures that it reads and what it writes to; then start.

    ``network`` is the command's own, where none is given; None where a record has it. Without
    ``start`` TensorFlow is not started, which is for another process to do.

    Raises
    ------
    StyleError
        Something is wrong that can be known without TensorFlow.
    """
    from neural_style import images
    from neural_style.utils.files import check_not_read

    recipe = options.recipe(dict(given))
    network = given.get("network") or network
    check_preset(given.get("preset"), given)
    if recipe is not None and network is not None:
        for layer in recipe.layer_names():
            known = layers(network)
            if layer not in known:
                raise LayerError(
                    f"{network} has no layer {layer!r}: {layer_suggestion(layer, known)}."
                )
    read = [*inputs, *(recipe.pictures() if recipe else ())]
    if given.get("others"):
        read += options.styles(given["painting"], given["others"])[0]
    if given.get("start") not in (None, "content", "noise"):
        read.append(given["start"])
    writes = {"--output": output, "--csv": given.get("csv"), "--report": given.get("report")}
    writes |= {f"--output, {path.name}": path for path in outputs}
    reads = [*read, *given.get("photos", ()), given.get("weights")]
    check_not_read(writes, reads, OptionError)
    for path in dict.fromkeys(read):
        check_picture(path)
    if not given.get("preset"):
        _check_scales(given.get("size") or _SIZE, given.get("scales"), given.get("evaluations"))
    for name in ("--csv", "--report"):
        if (path := writes[name]) is not None:
            options.writable(path, name)
    if output is not None:
        images.check_output(output)
    for folder in folders:
        if folder is not None:
            options.folder(folder)
    if given.get("weights") is not None:
        network = network or "vgg19"  # as FeatureModel has it
    if "weights" in given and network is not None and not given.get("preset"):
        check_weights(network, given["weights"])
    if start:
        group.start()


def check_preset(name: str | None, given: Mapping[str, Any] | None = None) -> None:
    """Raise an `OptionError` unless there is that preset, and what is given goes with it."""
    if name is None:
        return
    if name not in presets():
        raise OptionError(f"no preset {name!r}: {suggestion(name, presets())}.")
    if given and (given.get("loss") or given.get("mask")):
        raise OptionError(f"the preset {name!r} has its own loss: give a preset or a loss.")
    if given and any(given.get(option) for option in options.MODEL):
        raise OptionError(
            "--network, --pooling and --weights are not of --preset, which has its own network: "
            "give a preset or these."
        )


def check_picture(path: Path) -> None:
    """Raise a `StyleError` unless it is a picture that can be read."""
    from neural_style import images

    images.load(path, long_side=_GLANCE)


def _check_scales(size: int, scales: list[int] | None, evaluations: object) -> None:
    sides = sorted({*(scales or ()), size})
    if sides[-1] > size:
        raise OptionError(
            f"--scales: expected none above the picture's {size} pixels, got {scales}; set --size, "
            f"or leave out what is too large."
        )
    if isinstance(evaluations, list) and len(evaluations) != len(sides):
        raise OptionError(
            f"--evaluations: expected one number, or one for each of the scales of "
            f"{', '.join(map(str, sides))} pixels, got {evaluations}."
        )


def check_weights(network: str, own: Path | None) -> None:
    """Find the weights of a network, or read a user's own; raise a `WeightsError` as a model."""
    from neural_style.features import weights

    if own is None:
        if not (weights.cache_folder() / weights.SOURCES[network].filename).exists():
            weights.find(network)
        return
    with warnings.catch_warnings():  # which the model gives
        warnings.simplefilter("ignore")
        path = weights.find(network, own)
    try:
        weights.check_readable(path)
    except OSError as error:
        raise WeightsError(
            f"{path}: not usable as the weights of {network} without its top ({error})."
        ) from error


def layers(network: str) -> list[str]:
    """The names of a VGG's layers, and of the picture itself.

    >>> layers("vgg16")[:4]
    ['block1_conv1', 'block1_conv2', 'block1_pool', 'block2_conv1']
    """
    found = []
    for block, count in enumerate(_CONVOLUTIONS[network], 1):
        found += [f"block{block}_conv{number}" for number in range(1, count + 1)]
        found.append(f"block{block}_pool")
    return [*found, "image"]
