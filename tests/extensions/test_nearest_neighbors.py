"""Nearest neighbors: by hand, against loops, the search in blocks, the photo and hypercolumns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from by_hand import (
    PICTURE,
    Array,
    assert_tiled_is_whole,
    random_features,
    statistic,
    value_and_gradient,
)

from neural_style import FeatureModel, guided, images, minimize
from neural_style.errors import LossError
from neural_style.extensions import NearestNeighbors
from neural_style.extensions import nearest_neighbors as module
from neural_style.extensions.nearest_neighbors import nearest, resized
from neural_style.images import Image
from neural_style.losses import calls

PAINTING = np.reshape([[1.0, 2], [3, 2]], (1, 1, 2, 2))
CURRENT = np.reshape([[5.0, 1], [3, 1], [4, 1]], (1, 1, 3, 2))


def neighbors(*references: Any, **options: Any) -> NearestNeighbors:
    return NearestNeighbors(*(references or (PICTURE,)), **{"layers": ["a"], **options})


def target_of(loss: NearestNeighbors, f: Array, *references: Array, seed: int = 0) -> Any:
    measured = [statistic(loss, reference) for reference in references]
    return loss.target(measured, statistic(loss, f), np.random.default_rng(seed))


def value(loss: NearestNeighbors, f: Array, *references: Array) -> float:
    return value_and_gradient(loss, f, f, target_of(loss, f, *references))[0]


def cosine(a: Array, b: Array) -> float:
    return float((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()))


def test_worked_values() -> None:
    """The first feature goes to (3, 2), the others to (1, 2); cosines are not centered."""
    pairs = [((5, 1), (3, 2)), ((3, 1), (1, 2)), ((4, 1), (1, 2))]
    expected = np.mean([1 - cosine(np.array(a), np.array(b)) for a, b in pairs])
    assert value(neighbors(), CURRENT, PAINTING) == pytest.approx(expected)
    assert value(neighbors(layers={"a": 3}), CURRENT, PAINTING) == pytest.approx(3 * expected)
    # Minus the means (4, 1) and (2, 2): (1, 0) · (1, 0), (−1, 0) · (−1, 0), and a zero.
    assert value(neighbors(centered=True), CURRENT, PAINTING) == pytest.approx(0.5 / 3)


@pytest.mark.parametrize("centered", [False, True])
def test_it_is_what_loops_find(centered: bool) -> None:
    f, references = random_features(0, 4, 5, 3), [random_features(s, 3, 2 + s, 3) for s in (1, 2)]
    known = np.concatenate([r.reshape(-1, 3) for r in references])
    rows, terms = f.reshape(-1, 3), []
    for row in rows:
        best = max(known, key=lambda k: cosine(row - rows.mean(0), k - known.mean(0)))
        shift = (rows.mean(0), known.mean(0)) if centered else (0, 0)
        terms.append(1 - cosine(row - shift[0], best - shift[1]))
    loss = neighbors(PICTURE, PICTURE, centered=centered)
    assert value(loss, f, *references) == pytest.approx(np.mean(terms))


def test_gradient_against_finite_differences() -> None:
    f, direction = random_features(0, 4, 5, 3), random_features(2, 4, 5, 3)
    for options in ({}, {"centered": True}, {"hypercolumns": True}):
        loss = neighbors(**options)
        target = target_of(loss, f, random_features(1, 6, 5, 3))
        _, gradient = value_and_gradient(loss, f, f, target)
        high, low = (
            value_and_gradient(loss, f + sign * 1e-6 * direction, f, target)[0] for sign in (1, -1)
        )
        assert (high - low) / 2e-6 == pytest.approx((gradient * direction).sum(), rel=1e-6)


def test_between_searches_the_neighbors_stay() -> None:
    target = target_of(neighbors(), CURRENT, PAINTING)
    moved = CURRENT[:, :, ::-1]
    expected = np.mean(
        [1 - cosine(a, b) for a, b in zip(moved[0, 0], target["a"][0, 0], strict=True)]
    )
    assert value_and_gradient(neighbors(), moved, moved, target)[0] == pytest.approx(expected)


def test_the_search_in_blocks_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    queries, known = random_features(0, 9, 7, 4)[0, 0], random_features(1, 1, 23, 4)[0, 0]
    known[5:9] = known[1]  # ties go to the first
    whole = nearest(queries, known)
    assert not set(whole.tolist()) & {5, 6, 7, 8}
    for rows in (1, 3, 22):
        monkeypatch.setattr(module, "_ROWS", rows)
        np.testing.assert_array_equal(nearest(queries, known), whole)


def test_a_part_of_a_painting_costs_nothing() -> None:
    """If it has the painting's mean; of zeros and constants nothing is NaN."""
    f = random_features(0, 4, 5, 3)
    for options in ({}, {"centered": True}, {"hypercolumns": True}):
        loss = neighbors(**options)
        total, gradient = value_and_gradient(loss, f, f, target_of(loss, f, f))
        assert total == pytest.approx(0, abs=1e-15)
        np.testing.assert_allclose(gradient, 0, atol=1e-8)
        for current in (np.zeros_like(f), np.full_like(f, 7.0)):
            for painting in (np.zeros_like(f), np.full_like(f, 7.0), f):
                target = target_of(loss, current, painting)
                total, gradient = value_and_gradient(loss, current, current, target)
                assert np.isfinite(total)
                assert np.isfinite(gradient).all()


def test_the_search_follows_the_photo() -> None:
    photo = CURRENT[:, :, [1, 0, 2]]
    found = {
        share: target_of(neighbors(PICTURE, PICTURE, photo_share=share), CURRENT, photo, PAINTING)
        for share in (0.25, 0.75, 1)
    }
    found[0] = target_of(neighbors(), CURRENT, PAINTING)
    slopes = {
        share: target["a"][0, 0, 0, 1] / target["a"][0, 0, 0, 0] for share, target in found.items()
    }
    assert slopes == pytest.approx({0: 2 / 3, 0.25: 2 / 3, 0.75: 2, 1: 2})


def test_some_of_the_painting_is_drawn_anew_in_each_search() -> None:
    f, painting = random_features(0, 6, 6, 3), random_features(1, 9, 9, 3)
    loss = neighbors(samples=5)
    first, again, other = (target_of(loss, f, painting, seed=seed)["a"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert len(np.unique(first.reshape(-1, 3), axis=0)) <= 5
    all_of_it = target_of(neighbors(samples=81), f, painting)["a"]
    np.testing.assert_array_equal(all_of_it, target_of(neighbors(), f, painting)["a"])


def test_hypercolumns_by_hand() -> None:
    """Of the layers a (8×8) and b (4×4), on a grid of 2×2 whose corners are those of both."""
    a = np.arange(64.0).reshape(1, 8, 8, 1)
    b = np.stack([np.arange(16.0).reshape(4, 4), np.zeros((4, 4))], -1)[None]
    loss = NearestNeighbors(PICTURE, hypercolumns=True, layers={"a": 1, "b": 3})
    found = np.asarray(calls.statistics(loss, {"a": a, "b": b})["hypercolumns"])
    expected = [[0, 0, 0], [7, 3, 0], [56, 12, 0], [63, 15, 0]]
    factors = [0.25**0.5 / 1, 0.75**0.5 / 2, 0]
    np.testing.assert_allclose(found.reshape(4, 3), np.multiply(expected, factors))
    target = {"hypercolumns": np.full((1, 2, 2, 3), 3**-0.5)}
    now = found.reshape(4, 3)
    cosines = [cosine(row, np.ones(3)) if row.any() else 0.5 for row in now]
    total = calls.value(loss, {"hypercolumns": found}, target)
    assert float(total) == pytest.approx(4 * np.mean(1 - np.array(cosines)))


def test_interpolation_between_corners() -> None:
    f = np.arange(15.0).reshape(1, 3, 5, 1)
    found = np.asarray(resized(f, (2, 3)))[0, ..., 0]
    assert found.tolist() == [[0, 2, 4], [10, 12, 14]]
    wider = np.asarray(resized(f, (5, 5)))[0, ..., 0]
    np.testing.assert_allclose(wider, np.arange(5) + 2.5 * np.arange(5)[:, None])
    assert np.asarray(resized(f, (1, 1))).ravel().tolist() == [0]


def test_unusable_options_and_pictures() -> None:
    for options in ({"photo_share": 1.5}, {"samples": 0}, {"hypercolumns": "no"}):
        (option,) = options
        with pytest.raises(LossError, match=option):
            neighbors(**options)
    with pytest.raises(LossError, match="expected the photo and one or more paintings, got 1"):
        neighbors(photo_share=0.5)
    with pytest.raises(LossError, match="expected a reference picture, got none"):
        NearestNeighbors()
    loss = neighbors(PICTURE, PICTURE, photo_share=0.5)
    with pytest.raises(LossError, match="the first reference is the photo in the picture's size"):
        target_of(loss, CURRENT, PAINTING, PAINTING)
    with pytest.raises(LossError, match="cannot have another distance: it compares directions"):
        neighbors().with_distance("mse")
    with pytest.raises(LossError, match="cannot be blended"):
        neighbors(PICTURE, PICTURE).blended([0.5, 0.5])
    mask = np.full((8, 8), 255.0)
    with pytest.raises(LossError, match="cannot be guided by a mask"):
        guided(neighbors(hypercolumns=True), [(mask, None)])


@pytest.mark.slow
@pytest.mark.parametrize("hypercolumns", [False, True])
def test_a_run_brings_the_painting_near(
    hypercolumns: bool, tiny: FeatureModel, photo: Image, painting: Image
) -> None:
    layers = ["block1_conv1", "block3_conv1", "block4_conv1"]
    loss = NearestNeighbors(
        photo,
        *(np.rot90(painting, k) for k in range(2)),
        hypercolumns=hypercolumns,
        photo_share=0.5,
        samples=100,
        refresh_every=10,
        layers=layers,
    )
    first, second = (minimize(loss, tiny, photo, evaluations=30) for _ in range(2))
    assert first.loss < 0.8 * first.history[0].loss
    np.testing.assert_array_equal(first.image, second.image)


@pytest.mark.slow
@pytest.mark.parametrize("centered", [False, True])
def test_tiles_are_exact(centered: bool, tiny: FeatureModel) -> None:
    # So small that no two features have equal cosines in float32.
    painting = images.noise((9, 8), seed=2, uniform=(0, 255))
    loss = NearestNeighbors(painting, centered=centered, layers=["block2_conv1", "block3_conv1"])
    assert_tiled_is_whole(loss, tiny)
