"""The parts of `transfer` and of every preset: two pictures, features, settings, a loss.

    draft = Draft(photo, painting, options, "long_side", 512, evaluations=300)
    preset = draft.preset(loss)                  # -> Preset: all arguments of `minimize`
    result = preset.run()

A draft combines the source's settings with the user's options. A preset is ready to run.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

from neural_style import images
from neural_style.errors import OptionError, suggestion
from neural_style.features.model import FeatureModel, check_model
from neural_style.images import Image, Opacity, Picture, Size, color, picture_of
from neural_style.images.size import checked_side, fitted
from neural_style.losses.base import Loss
from neural_style.losses.weighted_sum import WeightedSum
from neural_style.objective.estimate import Tile
from neural_style.optimizers.lbfgs import LBFGS
from neural_style.optimizers.parameterization import Parameterization
from neural_style.runs.checkpoint import Checkpoints
from neural_style.runs.loop import Callback, Verbose
from neural_style.runs.minimize import minimize
from neural_style.runs.preparation import prepare
from neural_style.runs.result import Result
from neural_style.runs.scales import checked_sides
from neural_style.utils.files import check_not_read, path_of

PADDING = "symmetric"  # of `transfer` without a preset
# The color that VGG's preprocessing maps to zero.
_GRAY = np.array([123.68, 116.779, 103.939], np.float32)


class Options(TypedDict, total=False):
    """The keywords of every preset. They replace the settings of its source.

    ``size`` is the longer side in pixels, ``short_side`` the shorter one. Either replaces the
    side that the source fixes; if the source makes pictures square, it is both sides.
    ``start`` is ``"content"``, ``"noise"`` (the source's, or else that of `images.noise`) or an
    array, which is resized to the content's final size. ``features`` is any model with VGG's
    layer names. ``padding`` is what the network reads outside the picture, as in `FeatureModel`.
    ``evaluations``, ``optimizer`` and ``seed`` are as in `minimize`; the seed
    is also that of the noise.

    The other keywords are in no source. ``tile``, ``scales``, ``parameterization`` and ``average``
    are as in `minimize`. ``style_size`` is the longer side of the style picture, which by default
    is resized like the content. A larger one gives larger strokes. ``color`` keeps the content's
    colors:
    ``"match"`` first gives its palette to the style (`color.match`), ``"luminance"`` paints in
    gray and then restores the content's chroma (`color.luminance`, `color.recolor`), ``"oklab"``
    gives the result the content's hues in the style's palette (`color.oklab`).
    """

    size: int
    short_side: int
    style_size: int
    color: Literal["match", "luminance", "oklab"] | None
    start: str | Image
    scales: Sequence[int]
    evaluations: int | Sequence[int]
    optimizer: Any
    parameterization: str | Parameterization
    average: float
    features: FeatureModel
    padding: str
    seed: int
    tile: Tile


@dataclass(frozen=True, eq=False)
class Preset:
    """An objective for two pictures, and the settings of its run.

    The fields are arguments of `minimize`, except ``sources``: the files of the pictures, which
    an output must not replace. Change fields with `dataclasses.replace`.
    """

    loss: Loss | WeightedSum
    features: FeatureModel
    start: Image = field(repr=False)
    optimizer: Any
    evaluations: int | Sequence[int]
    restart_every: int | None
    clip: Literal["round", "step"]
    seed: int
    tile: Tile = None
    scales: Sequence[int] = ()
    parameterization: str | Parameterization = "pixels"
    chroma: Image | None = field(default=None, repr=False)
    palette: Image | None = field(default=None, repr=False)
    average: float | None = None
    margin: int = 0
    opacity: Opacity | None = field(default=None, repr=False)
    sources: tuple[Path, ...] = field(default=(), repr=False)

    def run(
        self,
        *,
        callbacks: Iterable[Callback] = (),
        verbose: Verbose = "auto",
        output: str | os.PathLike[str] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: int = 50,
    ) -> Result:
        """Call `minimize` with these settings. The arguments are those of `minimize`."""
        return minimize(
            **self._settings(output),
            callbacks=callbacks,
            verbose=verbose,
            output=output,
            checkpoint=checkpoint,
            checkpoint_every=checkpoint_every,
        )

    def check(
        self,
        *,
        callbacks: Iterable[Callback],
        verbose: Verbose,
        output: str | os.PathLike[str] | None,
        checkpoint: str | os.PathLike[str] | None,
        checkpoint_every: int,
    ) -> None:
        """Raise what `run` with these arguments would raise before its first evaluation."""
        if checkpoint is not None:
            Checkpoints(checkpoint, checkpoint_every, output)
        prepare(**self._settings(output), callbacks=callbacks, verbose=verbose, output=output)

    def _settings(self, output: str | os.PathLike[str] | None) -> dict[str, Any]:
        """The fields as arguments of `minimize`, for an output that is not one of the sources."""
        settings = {option.name: getattr(self, option.name) for option in fields(self)}
        check_not_read({"output": output}, settings.pop("sources"), OptionError)
        return settings


class Draft:
    """A preset without its loss: two pictures at their final sizes, features, and the run.

    ``side`` is the ``"long_side"`` or ``"short_side"`` of each picture, the ``"rows"`` of
    the content, or ``"square"``. ``whole`` rounds the other side. ``squash`` resizes the style
    to the content's size. The photo is extended by its mirror image, by ``margin`` pixels at each
    side, which the run paints and cuts off. The arguments after ``options`` are the source's
    settings, which the ``options`` replace.
    """

    def __init__(
        self,
        content: Picture,
        style: Picture,
        options: Options,
        side: str,
        size: int,
        *,
        whole: Callable[[float], int] = int,
        evaluations: int,
        start: str = "content",
        noise: Callable[..., Image] = images.noise,
        optimizer: Any = None,
        network: tuple[str, str, str] = ("vgg19", "max", "caffe"),
        padding: str = "zero",
        squash: bool = False,
        restart_every: int | None = None,
        clip: Literal["round", "step"] = "round",
        parameterization: str = "pixels",
        average: float | None = None,
        margin: int = 0,
    ) -> None:
        for name in set(options) - set(Options.__annotations__):
            raise TypeError(f"unknown option {name!r}: {suggestion(name, Options.__annotations__)}")
        long, short = options.get("size"), options.get("short_side")
        if long is not None and short is not None:
            raise OptionError(
                f"expected either size, the longer side, or short_side, got {long} and {short}."
            )
        features = options.get("features")
        if features is None:
            self.features = pretrained(*network).with_padding(options.get("padding", padding))
        else:
            features = check_model(features)
            self.features = features.with_padding(options.get("padding", features.padding))
        if self.features.padding == "periodic":
            margin = 0  # a tile has no border
        self.sources = tuple(filter(None, map(path_of, (content, style))))
        content, style = images.repeatable(content), images.repeatable(style)
        asked = side
        if long is not None:
            asked, size = "long_side", checked_side("size", long)
        elif short is not None:
            asked, size = "short_side", checked_side("short_side", short)
        fit = fitted("square" if side == "square" else asked, size, whole)
        photo = picture_of(content, "content", size=fit)
        self._inner: Size = (photo.shape[0], photo.shape[1])
        self.margin, self.photo = margin, extended(photo, margin)
        self.size: Size = (self.photo.shape[0], self.photo.shape[1])
        own = options.get("style_size")
        if own is not None:
            self._check_free(side, squash, own)
            fit = fitted("long_side", checked_side("style_size", own), whole)
        self.painting = picture_of(style, "style", size=self.size if squash else fit)
        chroma, palette = self._colored(options.get("color"))
        opacity = images.opacity(content, "content", self._inner)
        seed = options.get("seed", 0)
        optimizer = options.get("optimizer", optimizer)
        optimizer = LBFGS() if optimizer is None else optimizer
        quasi_newton = isinstance(optimizer, LBFGS | str)
        if not quasi_newton:  # the learning rate of a Keras optimizer is in pixels
            parameterization = "pixels"
        self._run: dict[str, Any] = {
            "start": self._first(options.get("start", start), noise, seed),
            "optimizer": optimizer,
            "evaluations": options.get("evaluations", evaluations),
            "restart_every": restart_every,
            "clip": "round" if quasi_newton else clip,
            "seed": seed,
            "tile": options.get("tile"),
            "scales": self._scales(options.get("scales", ())),
            "parameterization": options.get("parameterization", parameterization),
            "average": options.get("average", average),
            "chroma": chroma,
            "palette": palette,
            "margin": margin,
            "opacity": None if opacity is None else extended(opacity, margin),
        }

    def layers(
        self, weights: Mapping[str, float], factor: Callable[[int, int], float]
    ) -> dict[str, float]:
        """``{layer: weight · factor(N, M)}`` for N channels, and M positions at the final size."""
        shapes = self.features.shapes(weights, self.size)
        return {
            layer: weights[layer] * factor(channels, height * width)
            for layer, (height, width, channels) in shapes.items()
        }

    def preset(self, loss: Loss | WeightedSum) -> Preset:
        """The preset with ``loss``."""
        return Preset(loss=loss, features=self.features, sources=self.sources, **self._run)

    def _check_free(self, side: str, squash: bool, asked: int) -> None:
        """Refuse ``style_size`` if the source resizes the style to the content's size."""
        if squash or side == "square":
            raise OptionError(
                f"style_size: got {asked}, but the formula of this preset needs a style of the "
                f"size {self.size}; leave style_size out."
            )

    def _colored(self, way: str | None) -> tuple[Image | None, Image | None]:
        """Prepare both pictures to keep colors; return those that give chroma and palette."""
        if way is None:
            return None, None
        if way == "oklab":
            return self.photo, self.painting
        if way == "match":
            self.painting = color.match(self.painting, self.photo)
            return None, None
        if way == "luminance":
            chroma = self.photo
            self.photo = color.luminance(chroma)
            self.painting = color.luminance(self.painting, like=chroma)
            return chroma, None
        raise OptionError(f"color: expected 'match', 'luminance', 'oklab' or None, got {way!r}.")

    def _first(self, start: str | Image, noise: Callable[..., Image], seed: int) -> Image:
        if isinstance(start, str):
            if start not in ("content", "noise"):
                raise OptionError(f"start: expected 'content', 'noise' or an array, got {start!r}.")
            return self.photo if start == "content" else noise(self.size, seed=seed)
        image = images.as_image(start, "start", any_range=True)
        return extended(images.resize(image, size=self._inner, any_range=True), self.margin)

    def _scales(self, sides: Any) -> Any:
        """Long sides of pictures without the margin, with it in proportion."""
        if not self.margin or not checked_sides(sides, max(self._inner))[:-1]:
            return sides
        return tuple(round(side * max(self.size) / max(self._inner)) for side in sides)


def extended(picture: NDArray[np.float32], margin: int) -> NDArray[np.float32]:
    """A picture H×W or H×W×3, extended by its mirror image by ``margin`` pixels at each side."""
    return np.pad(picture, ((margin, margin),) * 2 + ((0, 0),) * (picture.ndim - 2), "symmetric")


@functools.cache
def pretrained(network: str, pooling: str, preprocess: str) -> FeatureModel:
    """A VGG with ImageNet weights, loaded once in each process."""
    return FeatureModel(network, pooling=pooling, preprocess=preprocess)


def gray_noise(size: Size, *, seed: int, **distribution: Any) -> Image:
    """`images.noise` around the color that VGG's preprocessing maps to zero."""
    return images.noise(size, seed=seed, **distribution) + _GRAY
