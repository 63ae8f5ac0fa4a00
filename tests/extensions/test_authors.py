"""Losses against the numbers of their authors' own code, value and gradient to 1e-5.

``fixtures/authors.json`` names the repository, the commit, the functions and the versions that
each number is from. Features are small and made up, h×w×channels in nested lists.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from by_hand import PICTURE, Array

from neural_style.extensions import (
    Content,
    Gram,
    HypercolumnMoments,
    Moments,
    NearestNeighbors,
    RelaxedEMD,
    SelfSimilarity,
    SlicedWasserstein,
    Wasserstein2,
    sliced_wasserstein,
)
from neural_style.losses import calls

SOURCES = json.loads((Path(__file__).parent / "fixtures" / "authors.json").read_text("utf-8"))


def cases(source: str) -> Any:
    return pytest.mark.parametrize("case", SOURCES[source]["cases"], ids=lambda case: case["name"])


def arrays(case: dict[str, Any], *names: str) -> list[Array]:
    return [np.array(case[name]) for name in names]


def features(layers: Sequence[Any]) -> dict[str, Array]:
    """The first array at the layer a, the second at b, …"""
    return {name: np.array(f) for name, f in zip("abc", layers, strict=False)}


def statistics(loss: Any, f: dict[str, Array]) -> Any:
    return tf.nest.map_structure(np.asarray, calls.statistics(loss, f))


def value_and_gradient(
    weighted: Sequence[tuple[float, Any, Any]], current: dict[str, Array]
) -> tuple[float, list[Array]]:
    """Σ weight · loss, for (weight, loss, target), and its gradient by every layer."""
    f = {name: tf.constant(x) for name, x in current.items()}
    with tf.GradientTape() as tape:
        tape.watch(f)
        total = sum(
            weight * calls.value(loss, calls.statistics(loss, f), target)
            for weight, loss, target in weighted
        )
    return float(total), [x.numpy() for x in tape.gradient(total, f).values()]


def measured(loss: Any, references: Sequence[dict[str, Array]], at: dict[str, Array]) -> Any:
    found = [statistics(loss, each) for each in references]
    return calls.target(loss, found, statistics(loss, at), np.random.default_rng(0))


def check(found: tuple[float, list[Array]], case: dict[str, Any]) -> None:
    value, gradient = found
    assert value == pytest.approx(case["value"], rel=1e-5)
    for ours, theirs in zip(gradient, map(np.array, case["gradient"]), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5 * np.abs(theirs).max())


def test_every_source_is_named_and_has_three_cases() -> None:
    for source in SOURCES.values():
        assert {"repository", "commit", "functions", "versions", "note"} & set(source) >= {
            "repository",
            "commit",
            "functions",
            "versions",
        }
        assert len(source["cases"]) >= 3


@cases("nnst hypercolumns")
def test_nnst_matches_hypercolumns(case: dict[str, Any]) -> None:
    loss = NearestNeighbors(PICTURE, hypercolumns=True, layers=["a", "b", "c"])
    then, now, painting = (features(case[k]) for k in ("searched_at", "current", "painting"))
    check(value_and_gradient([(1, loss, measured(loss, [painting], then))], now), case)


@cases("nnst last pass")
def test_nnst_matches_each_layer(case: dict[str, Any]) -> None:
    loss = NearestNeighbors(PICTURE, centered=True, layers={"a": 1, "b": 1})
    now, painting = features(case["current"]), features(case["painting"])
    value, gradient = value_and_gradient([(1, loss, measured(loss, [painting], now))], now)
    # The mean that its code subtracts has a gradient, too.
    check((value, [g - g.mean((1, 2), keepdims=True) for g in gradient]), case)


STROTSS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "remd": (RelaxedEMD, {"layers": ["a"]}, "painting"),
    "moments": (HypercolumnMoments, {"layers": ["a"], "unit": 1}, "painting"),
    "self_similarity": (SelfSimilarity, {"layers": ["a"]}, "photo"),
    "palette": (RelaxedEMD, {"layers": ["a"], "cost": "palette"}, "painting"),
}


@pytest.mark.parametrize("term", STROTSS)
@cases("strotss")
def test_the_terms_of_strotss(case: dict[str, Any], term: str) -> None:
    kind, options, reference = STROTSS[term]
    loss, scale = kind(PICTURE, **options), 1
    rows, known = arrays(case, "current", reference)
    if term == "palette":  # colors 0–1
        scale, rows, known = 255, 255 * rows[:, :3], 255 * known[:, :3]
    now = {"a": rows[None, :, None]}
    found, (gradient,) = value_and_gradient(
        [(1, loss, measured(loss, [{"a": known[None, :, None]}], now))], now
    )
    check(
        (found, [scale * gradient[0, :, 0]]), {**case[term], "gradient": [case[term]["gradient"]]}
    )


@cases("strotss objective")
def test_the_objective_of_strotss(case: dict[str, Any]) -> None:
    """All terms with their weights, at the places and between the positions that it chose."""
    weight, layers = case["content_weight"], ["a", "b", "c"]
    now, photo = features(case["current"]), features(case["photo"])
    sizes = [f.shape[1:3] for f in now.values()]
    y, x = arrays(case, "rows", "columns")
    places = {
        name: corners(y / (sizes[0][0] / h), x / (sizes[0][1] / w), h, w)
        for name, (h, w) in zip(layers, sizes, strict=True)
    }
    style = np.array(case["painting"])
    # In each layer, all columns of the painting are its positions.
    split = np.split(style[None, :, None], [3, 5], axis=-1)
    painting = features(split)

    def target(loss: Any, reference: dict[str, Array], content: bool = False) -> Any:
        found = measured(loss, [reference], reference)
        if content:
            return {"places": places, "shares": np.asarray(loss._shares(reference, places))}
        return {**found, "places": {name: places[name] for name in loss.layers}}

    terms = [
        (weight, SelfSimilarity(PICTURE, layers=layers), photo, True),
        (1, RelaxedEMD(PICTURE, layers=layers), painting, False),
        (1, HypercolumnMoments(PICTURE, layers=layers, unit=1), painting, False),
    ]
    palette = RelaxedEMD(PICTURE, layers=["a"], cost="palette")
    colors = target(palette, {"a": 255 * painting["a"]})
    weighted = [(w, loss, target(loss, known, content)) for w, loss, known, content in terms]
    value, gradient = value_and_gradient(weighted, now)
    other, (slope,) = value_and_gradient([(1, palette, colors)], {"a": 255 * now["a"]})
    value += other / max(weight, 1)
    gradient[0] += 255 * slope / max(weight, 1)
    check((value / (weight + 2), [g / (weight + 2) for g in gradient]), case)


def corners(y: Array, x: Array, h: int, w: int) -> tuple[Any, Any]:
    """The four positions around each place (in positions), and their shares."""
    indices, shares = [], []
    for i in (0, 1):
        for j in (0, 1):
            row, column = np.floor(y).astype(int) + i, np.floor(x).astype(int) + j
            indices.append(np.clip(row, 0, h - 1) * w + np.clip(column, 0, w - 1))
            shares.append((1 - np.abs(y - np.floor(y) - i)) * (1 - np.abs(x - np.floor(x) - j)))
    return np.stack(indices, 1), np.stack(shares, 1)[..., None]


@cases("spst")
def test_the_objective_of_spst(case: dict[str, Any]) -> None:
    now, painting, photo = ({"a": x} for x in arrays(case, "current", "painting", "photo"))
    channels = 4
    terms = [
        (Content(PICTURE, layers=["a"]), photo),
        (Gram(PICTURE, layers={"a": 4 * 1e3 / channels**2}), painting),
        (Moments(PICTURE, layers={"a": 1e4}, epsilon=1e-12), painting),
    ]
    weighted = [(1, loss, measured(loss, [known], now)) for loss, known in terms]
    check(value_and_gradient(weighted, now), {**case, "gradient": [case["gradient"]]})


@cases("crowsonkb")
def test_the_wasserstein_distance_of_crowsonkb(case: dict[str, Any]) -> None:
    """Its ε is absolute, ours relative: the same for features with a mean square of 1.

    But ours grows with the features, so the gradients differ along the features.
    """
    now, painting = ({"a": x} for x in arrays(case, "current", "painting"))
    loss = Wasserstein2(PICTURE, layers=["a"], epsilon=1e-4)
    value, (gradient,) = value_and_gradient([(1, loss, measured(loss, [painting], now))], now)
    across = [g - (g * now["a"]).mean() * now["a"] for g in (gradient, np.array(case["gradient"]))]
    check((value, across[:1]), {**case, "gradient": across[1:]})


@cases("heitz")
def test_the_sliced_wasserstein_distance_of_heitz(
    case: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a larger picture, its code repeats the painting, ours interpolates between ranks."""
    directions = np.array(case["directions"]).T
    monkeypatch.setattr(sliced_wasserstein, "rotation", lambda size, rng: directions)
    now, known = arrays(case, "current", "painting")
    painting = {"a": np.tile(known, (1, case["factor"], case["factor"], 1))}
    loss = SlicedWasserstein(PICTURE, layers=["a"])
    weighted = [(1, loss, measured(loss, [painting], {"a": now}))]
    check(value_and_gradient(weighted, {"a": now}), {**case, "gradient": [case["gradient"]]})
