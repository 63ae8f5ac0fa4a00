"""`score`: measure how near a picture is to its style and to its content.

    print(score(result.image, photo, painting))

The value of a minimized loss measures the optimizer, not the picture. The figures here use
layers that published losses seldom use, or no network at all. There is no total figure: how
to weigh style against content is a matter of taste, and no figure measures everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.filters import sobel
from skimage.metrics import structural_similarity

from neural_style import images
from neural_style.errors import ImageError, OptionError, check_count, check_seed
from neural_style.features.model import FeatureModel, check_model
from neural_style.images import Image, color
from neural_style.recipes.draft import pretrained

STYLE_LAYERS = tuple(f"block{block}_conv2" for block in range(1, 6))
CONTENT_LAYER = "block4_conv3"

_SMALLEST = 7  # the side of SSIM's window
_BINS = 8  # of each color channel


def _figure(better: str, least: int, most: int) -> Any:
    return field(metadata={"better": better, "range": f"{least} to {most}"})


@dataclass(frozen=True)
class Scores:
    """The result of `score`: three figures of style, three of content.

    Attributes
    ----------
    style_gram
        Mean over layers of ‖G − A‖ / (‖G‖ + ‖A‖), Frobenius norms, with G = FᵀF/M of the
        picture and A of the style (Gatys, Ecker & Bethge 2016). 0 to 1, lower is better.
        It ignores where features are.
    style_wasserstein
        Mean over layers of the sliced Wasserstein-2 distance of the features, divided by the sum
        of their root mean squares, along the same directions (Heitz et al., arXiv
        2006.07229). 0 to 1, lower is better. Unlike a Gram matrix, it compares how often a
        feature has each value.
    style_color
        ½ Σ |p − q| for two RGB histograms of 8×8×8 bins: 1 minus the histogram intersection
        of Swain & Ballard (1991). 0 to 1, lower is better.
    content_self_similarity
        Σ_ij |D_ij / Σ_i D_ij − E_ij / Σ_i E_ij| / n, with D the cosine distances between n
        positions of a layer and E those of the content (STROTSS, Kolkin et al., arXiv
        1904.12785). 0 to 2, lower is better. It compares which positions are alike within each
        picture, so it allows the same change of color or texture everywhere.
    content_ssim
        Structural similarity of luma (Wang et al. 2004; scikit-image's function, with a
        window of 7×7). −1 to 1, higher is better.
    content_edges
        Pearson's correlation of the Sobel magnitudes of luma. −1 to 1, higher is better.
        It is 0 if one picture has no edges, and 1 if both have none.

    The sources name where a figure comes from; how it is scaled to its range is this library's
    choice. The authors' code was read for Gram, the sliced Wasserstein distance
    (`neural_style.extensions.SlicedWasserstein`) and self-similarity (nkolkin13/STROTSS,
    contextual_loss.py). The paper of Swain & Ballard was not read.
    """

    style_gram: float = _figure("lower", 0, 1)
    style_wasserstein: float = _figure("lower", 0, 1)
    style_color: float = _figure("lower", 0, 1)
    content_self_similarity: float = _figure("lower", 0, 2)
    content_ssim: float = _figure("higher", -1, 1)
    content_edges: float = _figure("higher", -1, 1)

    def as_dict(self) -> dict[str, float]:
        """The figures by name."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [f"{'figure':<25}{'value':>8}  {'better':<8}range"]
        for figure in fields(self):
            better, limits = figure.metadata["better"], figure.metadata["range"]
            lines.append(
                f"{figure.name:<25}{getattr(self, figure.name):>8.4f}  {better:<8}{limits}"
            )
        return "\n".join(lines)


def score(
    picture: NDArray[Any],
    content: NDArray[Any],
    style: NDArray[Any],
    *,
    features: FeatureModel | None = None,
    style_layers: Sequence[str] = STYLE_LAYERS,
    content_layer: str = CONTENT_LAYER,
    directions: int = 64,
    positions: int = 1024,
    seed: int = 0,
) -> Scores:
    """Compare a picture with its style and its content.

    Parameters
    ----------
    picture, content
        Arrays of one size, H×W×3, RGB, 0–255.
    style
        An array of any size. Features depend on scale, so pass the size that the run used.
    features
        By default VGG19 with max pooling. Compare figures only under the same network.
    style_layers, content_layer
        The layers for ``style_gram`` and ``style_wasserstein``, and the layer for
        ``content_self_similarity``. Choose layers that the loss did not use for the same purpose.
        The default loss of `transfer` and most presets do not use the defaults, conv1_2 …
        conv5_2 and conv4_3. The presets of Tseng use conv1_2 … conv5_2 for style and need other
        layers. ``"image"`` means the pixels.
    directions
        The number of random directions that a layer's features are projected onto.
    positions
        The largest number of positions of the content layer that are compared with each other.
        If there are more, they are drawn at random.
    seed
        The seed of both. The same seed gives the same figures.

    Returns
    -------
    Scores
        The figures of the whole picture; tiles are not supported.

    Raises
    ------
    ImageError
        An argument is not a valid image or is smaller than 7×7, or the sizes of picture and
        content differ.
    OptionError, LayerError
        A number is invalid, or a layer does not exist.

    Notes
    -----
    Damage to a picture changes the figures, and more damage changes them more (measured with
    VGG19 and a photo of 128 pixels that was its own content and style). Noise, blur and
    exchanged colors make all six worse. Shuffled patches make content worse than any of these,
    style worse by less than blur, and do not change color.

    Examples
    --------
    >>> photo = images.noise((16, 16), uniform=(0, 255), seed=1)
    >>> painting = images.noise((16, 20), uniform=(0, 255), seed=2)
    >>> scores = score(photo, photo, painting, features=FeatureModel(weights=None),
    ...                   style_layers=["image"], content_layer="image")
    >>> print(scores)
    figure                      value  better  range
    style_gram                 0.0211  lower   0 to 1
    style_wasserstein          0.0235  lower   0 to 1
    style_color                0.6609  lower   0 to 1
    content_self_similarity    0.0000  lower   0 to 2
    content_ssim               1.0000  higher  -1 to 1
    content_edges              1.0000  higher  -1 to 1
    """
    picture = images.as_image(picture, "picture")
    content = images.as_image(content, "content")
    style = images.as_image(style, "style")
    for name, image in (("picture", picture), ("content", content), ("style", style)):
        if min(image.shape[:2]) < _SMALLEST:
            raise ImageError(
                f"{name}: expected at least {_SMALLEST}×{_SMALLEST} pixels, got "
                f"{image.shape[0]}×{image.shape[1]}."
            )
    if picture.shape != content.shape:
        raise ImageError(
            f"content: expected the picture's size, {picture.shape[0]}×{picture.shape[1]}, got "
            f"{content.shape[0]}×{content.shape[1]}; resize one with neural_style.images.resize."
        )
    check_count("directions", directions)
    check_count("positions", positions)
    check_seed(seed)
    if isinstance(style_layers, str) or not isinstance(style_layers, Sequence) or not style_layers:
        raise OptionError(f"style_layers: expected names of layers, got {style_layers!r}.")
    if not isinstance(content_layer, str):
        raise OptionError(f"content_layer: expected the name of a layer, got {content_layer!r}.")
    model = pretrained("vgg19", "max", "caffe") if features is None else check_model(features)
    of_picture = _activations(model, picture, [*style_layers, content_layer])
    of_content = _activations(model, content, [content_layer])
    of_style = _activations(model, style, style_layers)
    pairs = [(of_picture[layer], of_style[layer]) for layer in dict.fromkeys(style_layers)]
    of_lines, of_places = np.random.default_rng(seed).spawn(2)
    lumas = [color.luminance(image)[..., 0] for image in (picture, content)]
    return Scores(
        style_gram=_gram_distance(pairs),
        style_wasserstein=float(
            np.mean([_relative(*_projections(x, y, directions, of_lines)) for x, y in pairs])
        ),
        style_color=float(np.abs(_histogram(picture) - _histogram(style)).sum() / 2),
        content_self_similarity=_self_similarity(
            of_picture[content_layer], of_content[content_layer], positions, of_places
        ),
        content_ssim=float(
            structural_similarity(*lumas, data_range=255)  # type: ignore[no-untyped-call]
        ),
        content_edges=_correlation(*map(sobel, lumas)),
    )


def style_distance(picture: Image, style: Image, features: FeatureModel) -> float:
    """``style_gram`` of `score` at its default layers."""
    ours, theirs = (_activations(features, image, STYLE_LAYERS) for image in (picture, style))
    return _gram_distance([(ours[layer], theirs[layer]) for layer in STYLE_LAYERS])


def _gram_distance(
    pairs: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]],
) -> float:
    return float(np.mean([_relative(_gram(x), _gram(y)) for x, y in pairs]))


def _activations(
    features: FeatureModel, image: Image, layers: Sequence[str]
) -> dict[str, NDArray[np.float64]]:
    """The activations as arrays (positions, channels)."""
    activations = features(image, dict.fromkeys(layers))
    return {
        layer: np.reshape(f, (-1, f.shape[-1])).astype(np.float64)
        for layer, f in activations.items()
    }


def _relative(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """‖x − y‖ / (‖x‖ + ‖y‖), or 0 if both are 0."""
    scale = np.linalg.norm(x) + np.linalg.norm(y)
    return float(np.linalg.norm(x - y) / scale) if scale else 0.0


def _gram(f: NDArray[np.float64]) -> NDArray[np.float64]:
    gram: NDArray[np.float64] = f.T @ f / len(f)
    return gram


def _projections(
    x: NDArray[np.float64], y: NDArray[np.float64], directions: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The quantiles of both features along random unit directions, equally many of each."""
    lines = rng.normal(size=(x.shape[1], directions))
    lines /= np.linalg.norm(lines, axis=0)
    number = min(len(x), len(y))
    return _quantiles(x @ lines, number), _quantiles(y @ lines, number)


def _quantiles(values: NDArray[np.float64], number: int) -> NDArray[np.float64]:
    """Each column's quantiles at (i + ½) / number, interpolated between its values."""
    values = np.sort(values, axis=0)
    at = ((np.arange(number) + 0.5) / number * len(values) - 0.5).clip(0, len(values) - 1)
    below = np.floor(at).astype(int)
    above = np.minimum(below + 1, len(values) - 1)
    part = (at - below)[:, None]
    between: NDArray[np.float64] = (1 - part) * values[below] + part * values[above]
    return between


def _histogram(image: Image) -> NDArray[np.float64]:
    levels = np.minimum(image * (_BINS / 256), _BINS - 1).astype(int)
    bins = np.ravel_multi_index(tuple(np.moveaxis(levels, -1, 0)), (_BINS,) * 3)
    shares: NDArray[np.float64] = np.bincount(bins.ravel(), minlength=_BINS**3) / bins.size
    return shares


def _self_similarity(
    x: NDArray[np.float64], y: NDArray[np.float64], positions: int, rng: np.random.Generator
) -> float:
    number = min(positions, len(x))
    chosen = rng.choice(len(x), number, replace=False)
    difference = _similarities(x[chosen]) - _similarities(y[chosen])
    return float(np.abs(difference).sum() / number)


def _similarities(f: NDArray[np.float64]) -> NDArray[np.float64]:
    """The cosine distances, every column divided by its sum."""
    lengths = np.linalg.norm(f, axis=1, keepdims=True)
    f = np.divide(f, lengths, out=np.zeros_like(f), where=lengths > 0)
    distances = (1 - f @ f.T).round(12)  # removes rounding errors from zeros
    total = distances.sum(0)
    shares: NDArray[np.float64] = np.divide(
        distances, total, out=np.zeros_like(distances), where=total > 0
    )
    return shares


def _correlation(x: NDArray[Any], y: NDArray[Any]) -> float:
    x, y = (values - values.mean() for values in (x.astype(np.float64), y.astype(np.float64)))
    scales = float(np.linalg.norm(x)), float(np.linalg.norm(y))
    if not all(scales):
        return float(not any(scales))
    return float((x * y).sum() / (scales[0] * scales[1]))
