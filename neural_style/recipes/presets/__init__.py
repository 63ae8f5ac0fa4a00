"""Published objectives, each with the settings of its author's run.

    preset = gatys(content, style, size=256)     # -> Preset: loss, features, start, settings
    result = preset.run(output="out.png")        # -> Result, as `minimize`
    names()                                      # -> the names for `transfer(…, preset=name)`

The arguments of a preset are two pictures, paths or arrays H×W×3, RGB, 0–255, and any `Options`,
which replace the source's settings. The weights in its sum are the source's. The losses of this
library are means. If the source's losses are not, layer weights make up the difference. They are
computed from the N channels and M positions of a layer at the content's final size. If they
contain M, the style picture is first resized to the content's size, as in the source, so that both
have the same M. Otherwise each Gram matrix is divided by the M of its own picture.

All presets differ from their sources in some ways. Pictures are resized by Lanczos, not to the
nearest pixel or bilinearly. VGG's weights are Keras'. Where a source uses torch's L-BFGS, which
keeps 100 pairs and has no line search, the preset uses `LBFGS`, which keeps 20. The other side of
a resized picture is truncated to whole pixels, unless the source rounds it. In the formulas,
m() is the mean over all elements, Δ the generated picture's value minus the reference's, F
features, G = FᵀF, and conv1_1 the layer block1_conv1, after its ReLU.
"""

from __future__ import annotations

from collections.abc import Callable

from neural_style.errors import OptionError, suggestion
from neural_style.recipes.draft import Preset as Preset
from neural_style.recipes.presets.crowson import crowsonkb
from neural_style.recipes.presets.galerne import spst
from neural_style.recipes.presets.gram import (
    ashwindcruz,
    gatys,
    keras_example,
    neural_style,
    tensorflow_tutorial,
    udacity,
)
from neural_style.recipes.presets.kolkin import nnst, strotss
from neural_style.recipes.presets.tseng import tseng_cooccurrence, tseng_histogram

__all__ = [
    "Preset",
    "ashwindcruz",
    "crowsonkb",
    "find",
    "gatys",
    "keras_example",
    "names",
    "neural_style",
    "nnst",
    "spst",
    "strotss",
    "tensorflow_tutorial",
    "tseng_cooccurrence",
    "tseng_histogram",
    "udacity",
]


def __dir__() -> list[str]:
    return __all__


_PRESETS = {
    preset.__name__: preset
    for preset in (
        ashwindcruz,
        crowsonkb,
        gatys,
        keras_example,
        neural_style,
        nnst,
        spst,
        strotss,
        tensorflow_tutorial,
        tseng_cooccurrence,
        tseng_histogram,
        udacity,
    )
}


def names() -> list[str]:
    """The names of all presets, sorted."""
    return sorted(_PRESETS)


def find(name: str) -> Callable[..., Preset]:
    """Return the preset called ``name``, or raise an `OptionError` that lists all names."""
    if not isinstance(name, str) or name not in _PRESETS:
        raise OptionError(f"unknown preset {name!r}: {suggestion(str(name), names())}.")
    return _PRESETS[name]
