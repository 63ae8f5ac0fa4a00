"""The pictures of a result: matplotlib figures of its curves and pictures, and PNG files."""

from __future__ import annotations

import functools
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from neural_style.images import Image


def figure(width: float, height: float) -> Any:
    """An empty matplotlib figure, sized in inches, that a notebook shows without pyplot."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "drawing a figure needs matplotlib: pip install 'neural-style-keras[plot]'."
        ) from error
    drawn: Any = Figure(figsize=(width, height), layout="constrained")
    drawn._repr_png_ = functools.partial(_saved, drawn)
    return drawn


def curves(history: Sequence[Any], terms: Iterable[str]) -> Any:
    """The loss and the weighted terms against evaluations, see `Result.plot`."""
    lines = [("loss", [entry.loss for entry in history])]
    lines += [(name, [entry.weighted[name] for entry in history]) for name in terms]
    values = [value for _, line in lines for value in line]
    evaluations = [entry.evaluation for entry in history]
    drawn = figure(7, 4)
    axes = drawn.subplots()
    for name, line in lines:
        axes.plot(evaluations, line, marker="." if len(line) == 1 else None, label=name)
    axes.lines[0].set_color("black")
    if min(values, default=0) >= 0 and max(values, default=0) > 0:
        axes.set_yscale("log", nonpositive="mask")
        # A term that starts from its own target, as content does, is all rounding there.
        lowest = min((entry.loss for entry in history if entry.loss > 0), default=0)
        axes.set_ylim(bottom=max(axes.get_ylim()[0], 1e-4 * lowest))
    axes.set(xlabel="evaluations", ylabel="loss, terms weighted")
    axes.legend()
    return drawn


def side_by_side(pictures: Mapping[str, Image]) -> Any:
    """Named pictures, equally high."""
    widths = [image.shape[1] / image.shape[0] for image in pictures.values()]
    drawn = figure(3.6 * sum(widths), 4)
    row = drawn.subplots(1, len(pictures), width_ratios=widths)
    for axes, (name, image) in zip(row, pictures.items(), strict=True):
        axes.imshow(_pixels(image))
        axes.set_title(name)
        axes.set_axis_off()
    return drawn


def encoded(image: Image) -> bytes:
    """A picture as a PNG file."""
    buffer = io.BytesIO()
    PIL.Image.fromarray(_pixels(image)).save(buffer, format="PNG")
    return buffer.getvalue()


def _saved(drawn: Any) -> bytes:
    buffer = io.BytesIO()
    drawn.savefig(buffer, format="png")
    return buffer.getvalue()


def _pixels(image: Image) -> NDArray[np.uint8]:
    return np.rint(image).astype(np.uint8)
