"""A sum of losses as JSON, and as Python code.

    total.get_config()     # {"terms": [{"loss": "gram", "weight": 1000.0, "config": {…},
                           #             "references": [digest], "masks": None}, …]}
    total.pictures()       # {digest: picture or mask}
    WeightedSum.from_config(config, pictures)

The config is JSON. It refers to pictures and masks by their `images.digest`. ``loss`` is a name
in the registry, and `registry.create` makes the loss again: no path is imported, and no code is
evaluated. ``masks`` is [digest, [digests of the reference masks]] or None.

The Python code names pictures by their size: ``picture_48x64``, ``mask_48x64``, and
``picture_48x64_2`` for a second picture of that size.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from neural_style.errors import MOST_SEED, LossError, StyleError, shown
from neural_style.images import digest
from neural_style.images.mask import as_mask
from neural_style.losses import registry
from neural_style.losses.types import BaseLoss, Term, default_name


def config_of(terms: Iterable[Term]) -> dict[str, Any]:
    """The result of `WeightedSum.get_config`."""
    return {
        "terms": [
            entry_of(
                term, registry.name_of(type(term.loss)), plain(term.loss.get_config(), term.name)
            )
            for term in terms
        ]
    }


def entry_of(term: Term, name: str, config: Any) -> dict[str, Any]:
    """A term as an entry of a config, with the name of its loss and the options."""
    masks = term.loss.masks
    return {
        "loss": name,
        "weight": float(term.weight),
        "config": config,
        "references": [digest(picture) for picture in term.loss.references],
        "masks": masks and [digest(masks[0]), [digest(mask) for mask in masks[1]]],
    }


def pictures_of(terms: Sequence[Term]) -> dict[str, Any]:
    """The result of `WeightedSum.pictures`."""
    found = [picture for term in terms for picture in term.loss.references]
    for term in terms:
        if term.loss.masks is not None:
            found += [term.loss.masks[0], *term.loss.masks[1]]
    return {digest(picture): picture for picture in found}


def terms_from(config: Mapping[str, Any], pictures: Mapping[str, Any]) -> list[Term]:
    """The terms of the result of `WeightedSum.from_config`."""

    def picture(key: Any) -> Any:
        if key not in pictures:
            raise LossError(
                f"no picture has the digest {key!r} of the config: pass the pictures() of the "
                f"sum that made the config, {{digest: picture}}."
            )
        return pictures[key]

    terms: list[Term] = []
    try:
        for entry in config["terms"]:
            references = [picture(key) for key in entry["references"]]
            factory = partial(registry.create, entry["loss"])
            loss = remade(factory, entry["config"], references)
            if entry["masks"] is not None:
                own, theirs = entry["masks"]
                masks = [as_mask(picture(key)) for key in (own, *theirs)]
                loss.masks = masks[0], tuple(masks[1:])
            terms.append(Term(loss.name, float(entry["weight"]), loss))
    except StyleError:
        raise
    except (LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise LossError(
            f"this config is not valid for a sum of losses ({type(error).__name__}: {error}); "
            f"expected the result of WeightedSum.get_config, from the same versions of the losses."
        ) from error
    return terms


def remade(
    factory: Callable[..., Any], config: Mapping[str, Any], references: Iterable[Any]
) -> Any:
    """The loss that a factory makes from a config and references."""
    options = dict(config)
    shares, metric = options.pop("blended", None), options.pop("with_distance", None)
    loss = factory(*references, **options)
    loss = loss if shares is None else loss.blended(shares)
    return loss if metric is None else loss.with_distance(metric)


class _Names(dict[str, str]):
    """Names for pictures, by digest."""

    def of(self, kind: str, picture: Any) -> str:
        stem = f"{kind}_{picture.shape[0]}x{picture.shape[1]}"
        numbered = itertools.chain([stem], (f"{stem}_{number}" for number in itertools.count(2)))
        free = next(name for name in numbered if name not in self.values())
        return self.setdefault(digest(picture), free)


def text(summand: BaseLoss | Iterable[Term]) -> str:
    """A loss or a sum as Python code."""
    names = _Names()
    if isinstance(summand, BaseLoss):
        return _loss_text(summand, names)
    terms = list(summand)
    lines = [f"{_number(term.weight)} * {_loss_text(term.loss, names)}" for term in terms]
    if len(lines) == 1:
        return lines[0]
    comments = [f"  # {t.name}" if t.name != t.loss.name else "" for t in terms]
    body = "\n    + ".join(line + comment for line, comment in zip(lines, comments, strict=True))
    return f"(\n    {body}\n)"


def _loss_text(loss: BaseLoss, names: _Names) -> str:
    config = dict(loss.get_config())
    shares, metric = config.pop("blended", None), config.pop("with_distance", None)
    if config.get("name") == default_name(type(loss)):
        del config["name"]
    arguments = [names.of("picture", picture) for picture in loss.references]
    arguments += [f"{option}={_value_text(value)}" for option, value in config.items()]
    made = f"{type(loss).__name__}({', '.join(arguments)})"
    if shares is not None:
        made += f".blended({_value_text(shares)})"
    if metric is not None:
        made += f".with_distance({_metric_text(metric)})"
    if loss.masks is None:
        return made
    theirs = [names.of("mask", mask) for mask in loss.masks[1]]
    several = f"({', '.join(theirs)})" if len(theirs) > 1 else (theirs or ["None"])[0]
    return f"guided({made}, [({names.of('mask', loss.masks[0])}, {several})])"


def _metric_text(metric: Any) -> str:
    if not isinstance(metric, Mapping):
        return _value_text(metric)
    shown = {k: v for k, v in metric["config"].items() if k != "name"}
    if shown.get("reduction") == "sum_over_batch_size":
        del shown["reduction"]
    options = ", ".join(f"{k}={v!r}" for k, v in shown.items())
    return f"keras.losses.{metric['class_name']}({options})"


def _value_text(value: Any) -> str:
    if isinstance(value, np.generic):
        value = value.item()
    return str(getattr(value, "__name__", None) or getattr(value, "name", None) or repr(value))


def _number(weight: float) -> str:
    """The shortest text that gives the same number."""
    short = f"{weight:g}"
    return short if float(short) == weight else repr(float(weight))


def plain(value: Any, where: str) -> Any:
    """A value of a config as JSON."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | float | str):
        return value
    if isinstance(value, int) and abs(value) <= MOST_SEED:  # what a record has
        return value
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: plain(each, f"{where}'s {key}") for key, each in value.items()}
    if isinstance(value, list | tuple | range):
        return [plain(each, where) for each in value]
    raise LossError(
        f"{where}: {shown(value)} cannot be stored in a config, which is JSON: use numbers, "
        f"strings, lists and dicts of them, or write a Loss class that contains it, and @register "
        f"the class."
    )
