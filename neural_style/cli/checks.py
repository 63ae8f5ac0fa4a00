"""Check a command line before TensorFlow starts, which takes seconds.

    begin(given, photo, output=path)      # the checks, then TensorFlow

This module checks names, files and pictures. The types of the options check numbers. The library
checks the rest later, such as the values of a loss's options.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from neural_style.cli import group, options, presets
from neural_style.errors import LayerError, OptionError, WeightsError, layer_suggestion, suggestion

_GLANCE = 64  # pixels; a picture is read completely, then resized
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
    """Check a command's options, the pictures that it reads and its outputs; then start TensorFlow.

    ``network`` is the command's default, or None if a record has the network. With
    ``start=False``, another process will start TensorFlow.

    Raises
    ------
    StyleError
        A check that does not need TensorFlow failed.
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
    read += [mask for each in options.masks(given).values() for mask in each if mask is not None]
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
        network = network or "vgg19"  # the default of FeatureModel
    if "weights" in given and network is not None and not given.get("preset"):
        check_weights(network, given["weights"])
    if start:
        group.start()


def check_preset(name: str | None, given: Mapping[str, Any] | None = None) -> None:
    """Raise an `OptionError` if the preset is unknown or cannot be combined with ``given``."""
    if name is None:
        return
    if name not in presets.texts():
        raise OptionError(f"unknown preset {name!r}: {suggestion(name, presets.texts())}.")
    if given and (given.get("loss") or given.get("mask")):
        raise OptionError(f"the preset {name!r} has its own loss: use a preset or a loss.")
    if given and any(given.get(option) for option in options.MODEL):
        raise OptionError(
            "--network, --pooling and --weights cannot be used with --preset, which has its own "
            "network."
        )


def check_picture(path: Path) -> None:
    """Raise a `StyleError` if the file cannot be read as a picture."""
    from neural_style import images

    images.load(path, long_side=_GLANCE)


def _check_scales(size: int, scales: list[int] | None, evaluations: object) -> None:
    sides = sorted({*(scales or ()), size})
    if sides[-1] > size:
        raise OptionError(
            f"--scales: expected at most the picture's {size} pixels, got {scales}; set --size, "
            f"or leave out the scales that are too large."
        )
    if isinstance(evaluations, list) and len(evaluations) != len(sides):
        raise OptionError(
            f"--evaluations: expected one number, or one for each scale, of "
            f"{', '.join(map(str, sides))} pixels, got {evaluations}."
        )


def check_weights(network: str, own: Path | None) -> None:
    """Find a network's weights, or read the user's file; raise the same errors as a model."""
    from neural_style.features import weights

    if own is None:
        if not (weights.cache_folder() / weights.SOURCES[network].filename).exists():
            weights.find(network)
        return
    with warnings.catch_warnings():  # the model gives the warning
        warnings.simplefilter("ignore")
        path = weights.find(network, own)
    try:
        weights.check_readable(path)
    except OSError as error:
        raise WeightsError(
            f"{path}: cannot be used as the weights of {network} without its top ({error})."
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
