"""Several styles as one loss, each with its weight and its regions of photo and painting.

    L = Σ_i v_i/Σ_j v_j · C_i + Σ_i v_i/s · mean(m_i) · S_i(picture, m_i; painting_i, n_i)

C_i are the losses of style i whose role is not "style", S_i the others, v_i its weight, m_i the
mask of its region of the photo, n_i that of its region of the painting, both in 0–1, and
s = max_p Σ_j v_j·m_j(p), over pixels p. `guided` compares means over a region, so its gradient at a
pixel is that of the whole picture divided by mean(m_i). The factor mean(m_i) undoes this: a region
is painted as strongly as the whole picture without masks, and a gray pixel in proportion.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from neural_style.errors import ImageError, LossError, OptionError, number
from neural_style.images import Size
from neural_style.images.mask import Mask, as_mask, resized_mask
from neural_style.losses.base import Loss
from neural_style.losses.guidance import guided
from neural_style.losses.weighted_sum import Term, WeightedSum, terms_of

_WHITE = np.full((2, 2), 255, np.uint8)  # a mask of any picture: masks are stretched


@dataclass(frozen=True)
class Style:
    """A style's weight, and its regions of the photo and the painting; None is the whole one."""

    weight: float
    content_mask: Mask | None
    style_mask: Mask | None


def styles_of(count: int, weights: Any, content_mask: Any, style_mask: Any) -> list[Style]:
    """The styles of `transfer`'s arguments.

    Raises
    ------
    OptionError
        There are no styles, or not one positive weight or one mask for each.
    ImageError
        A mask is not a picture, or has no white.
    """
    if not count:
        raise OptionError("style: expected one or more pictures, got an empty list.")
    weights = [1.0] * count if weights is None else weights
    numbers = [number(weight) for weight in weights] if isinstance(weights, Iterable) else []
    if len(numbers) != count or not all(0 < weight < np.inf for weight in numbers):
        raise OptionError(
            f"style_weights: expected a positive number for each of {count} styles, got {weights}."
        )
    own = _masks("content_mask", content_mask, count)
    return list(map(Style, numbers, own, _masks("style_mask", style_mask, count)))


def several(value: Any) -> list[Any]:
    """The pictures of an argument that is one picture or a sequence of them."""
    return list(value) if isinstance(value, list | tuple) else [value]


def total(
    losses: Sequence[Loss | WeightedSum], styles: Sequence[Style], size: Size, margin: int = 0
) -> Loss | WeightedSum:
    """The sum L of the losses for each style, for a photo of ``size``, of which ``margin`` is cut.

    Equal losses, as those of the content, are merged.

    Raises
    ------
    LossError
        A style has a mask, and none of its losses has the role "style"; or one of these does not
        support that mask. The message names the loss.
    """
    unmasked = all(style.content_mask is style.style_mask is None for style in styles)
    if len(losses) == 1 and unmasked:
        return losses[0]
    styles = [_of_size(style, size, margin) for style in styles]
    whole = sum(style.weight for style in styles)
    strengths = [_share(style.content_mask) * style.weight for style in styles]
    strongest = float(np.max(sum(strengths[1:], start=strengths[0])))
    terms: list[Term] = []
    for loss, style in zip(losses, styles, strict=True):
        region = terms_of(loss) if unmasked else _in_region(loss, style)
        for term in region:
            of_style = term.loss.role == "style"
            share = style.weight / (strongest if of_style else whole)
            if of_style:
                share *= float(np.mean(_share(style.content_mask)))
            terms.append(replace(term, weight=share * term.weight))
    return _merged(terms)


def _of_size(style: Style, size: Size, margin: int) -> Style:
    if style.content_mask is None:
        return style
    mask = resized_mask(style.content_mask, (size[0] - 2 * margin, size[1] - 2 * margin))
    return replace(style, content_mask=np.pad(mask, margin, "symmetric"))


def _share(mask: Mask | None) -> Any:
    return 1.0 if mask is None else np.float64(mask) / 255


def _in_region(loss: Loss | WeightedSum, style: Style) -> Iterator[Term]:
    """The terms of a loss, with masks on those of the style."""
    terms = terms_of(loss)
    own, theirs = style.content_mask, style.style_mask
    if own is theirs is None:
        yield from terms
        return
    if all(term.loss.role != "style" for term in terms):
        raise LossError(
            f"content_mask, style_mask: a mask applies to losses of the style, got only "
            f"{', '.join(term.name for term in terms)}; add one, such as Gram, or leave out the "
            f"masks."
        )
    # A style's loss may have the photo as a reference, too, where the painting's mask has no place.
    photos = [each for t in terms if t.loss.role == "content" for each in t.loss.references]
    for term in terms:
        if term.loss.role != "style":
            yield term
            continue
        by_position = term.loss.tiling == "map"
        if by_position and not term.loss.anywhere and theirs is not None:
            raise LossError(
                f"{term.name}: style_mask needs a loss that compares means over positions, or "
                f"takes matches from anywhere, and this one compares position by position; crop "
                f"the style picture instead."
            )
        region = _WHITE if own is None else own
        reference: Any = None if by_position else _WHITE
        if theirs is not None:
            reference = tuple(
                _WHITE if any(_equal(image, photo) for photo in photos) else theirs
                for image in term.loss.references
            )
        (masked,) = guided(term.loss, [(region, reference)])
        yield replace(term, loss=masked.loss)


def _masks(option: str, given: Any, count: int) -> list[Mask | None]:
    """A mask or None for each style; one that is not in a list is for all."""
    one = not isinstance(given, list | tuple)
    masks = [given] * count if one else list(given)
    if len(masks) != count:
        raise OptionError(
            f"{option}: expected a mask or None for each of {count} styles, got {len(masks)}."
        )
    found = [None if mask is None else as_mask(mask, option) for mask in masks]
    if any(mask is not None and not mask.any() for mask in found):
        raise ImageError(f"{option}: the mask is black, and only white counts; paint it white.")
    return found


def _merged(terms: Iterable[Term]) -> WeightedSum:
    """The sum of terms, with equal losses merged. These are the losses of the content alone."""
    merged: list[Term] = []
    for term in terms:
        for i, known in enumerate(merged):
            if _equal(known.loss, term.loss):
                merged[i] = replace(known, weight=known.weight + term.weight)
                break
        else:
            merged.append(term)
    return WeightedSum(merged)


def _equal(a: Any, b: Any) -> bool:
    """Whether two plain values have the same type and are equal; for others, if identical."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, Loss):
        return _equal(object.__getstate__(a), object.__getstate__(b))
    if type(a) is dict:
        return list(a) == list(b) and all(_equal(a[key], b[key]) for key in a)
    if type(a) in (list, tuple):
        return len(a) == len(b) and all(map(_equal, a, b))
    if isinstance(a, np.ndarray | np.generic) and not a.dtype.hasobject:
        return a.dtype == b.dtype and np.array_equal(a, b)
    return type(a) in (bool, int, float, str) and bool(a == b)
