"""Checks of a loss in use: sums, objectives, tiles, memory, text and options.

Objectives are for small pictures. The checks of a loss share compiled functions.
"""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import numpy as np

from neural_style import images
from neural_style.errors import OptionError
from neural_style.images import Image, Size
from neural_style.losses.base import Loss
from neural_style.losses.guidance import guided
from neural_style.objective import probe
from neural_style.objective.objective import Evaluation, Objective
from neural_style.objective.tile_geometry import windows
from neural_style.testing.checks import Unmet, check, checks_in, expect
from neural_style.testing.loss_under_test import (
    SIZE,
    Subject,
    largest_array,
    pattern,
    target_of,
    value_and_gradient,
    value_of,
)


@check("__mul__ and terms_of_sum, if they are overridden")
def scales_with_its_weight(subject: Subject) -> None:
    """``3 * loss`` has three times the value and three times the gradient."""
    once, thrice = (_evaluated(_objective(subject, k * subject.loss)) for k in (1, 3))
    expect(np.isclose(thrice.loss, 3 * once.loss, rtol=1e-5), f"{3 * once.loss:g}", thrice.loss)
    expect(_alike(thrice.gradient, 3 * once.gradient, 1e-5), "three times the gradient", "another")


@check("distance(), which must use layer_weights")
def scales_with_its_layer_weights(subject: Subject) -> None:
    """Every layer with three times its weight gives three times the value."""
    loss, heavy = subject.loss, copy.copy(subject.loss)
    heavy.layers = {name: 3 * weight for name, weight in loss.layer_weights.items()}
    own, other = (subject.activations(seed, np.float64) for seed in (0, 1))
    once, thrice = value_of(loss, own, other), value_of(heavy, own, other)
    expect(np.isclose(thrice, 3 * once), f"{3 * once:g}", f"{thrice:g}")


@check(
    "target(): shapes and dtypes that depend on values or on rng", lambda x: bool(x.refresh_every)
)
def refreshes_without_compiling(subject: Subject) -> None:
    """A refreshed target has the same shapes, so nothing is compiled again."""
    objective = _objective(subject)
    _evaluated(objective)
    before = objective.trace_count
    for round, picture in enumerate(
        (pattern(SIZE, 3.0), images.noise(SIZE, uniform=(0, 255), seed=5)), 1
    ):
        objective.refresh(picture, round=round)
        objective(picture)
    expect(objective.trace_count == before, "one compilation", "another for a new target")


@check("random numbers that do not come from target's rng, and sets, which have no order")
def same_seed_gives_the_same_bits(subject: Subject) -> None:
    """Two objectives with the same seed have the same value and gradient."""
    one, other = (_evaluated(_objective(subject, subject.make())) for _ in range(2))
    expect(one.loss == other.loss, one.loss, other.loss)
    expect(np.array_equal(one.gradient, other.gradient), "the same gradient", "another")


@check("operations that XLA does not support, shapes that depend on values, and Python ifs on them")
def compiles(subject: Subject) -> None:
    """The value is the same with XLA and without."""
    loss, picture = subject.loss, images.noise(SIZE, uniform=(0, 255), seed=1)
    found = _evaluated(_objective(subject)).loss
    current, reference = (
        {n: np.asarray(f) for n, f in subject.features(x, loss.layers).items()}
        for x in (picture, loss.references[0] if loss.references else picture)
    )
    value = value_and_gradient(loss, current, target_of(loss, current, reference, (0, 0, 0)))[0]
    expect(np.isclose(found, float(value), rtol=1e-3), f"{float(value):g}, as without XLA", found)


@check("averages of values that depend on other positions too", lambda x: x.tiling is not None)
def tiled_equals_whole(subject: Subject) -> None:
    """Value and gradient are the same in 2×2 tiles, and in uneven tiles with a soft mask."""
    tile, size = _tile(subject)
    loss = subject.make(size)
    _expect_tiled_is_whole(subject, loss, size, tile)
    y, x = np.mgrid[: size[0], : size[1]]
    mask = np.float32(255 * x * y / (x * y).max())
    reference = mask if loss.references and loss.tiling == "mean" else None
    size = (size[0] - 16, size[1])
    _expect_tiled_is_whole(subject, guided(subject.make(size), [(mask, reference)]), size, tile)


@check("arrays of pairs of positions: compute them in chunks, or set memory = 'quadratic'")
def memory_grows_as_it_says(subject: Subject) -> None:
    """With four times as many positions, the largest array grows as ``memory`` says.

    It grows by the factor 4 if the loss is linear and 16 if it is quadratic; the limit is 8.
    """
    loss = subject.loss
    channels = {n: shape[-1] for n, shape in subject.features.shapes(loss.layers, SIZE).items()}
    small, large = (largest_array(loss, side, channels) for side in (32, 64))
    expect(
        (large / small < 8) == (loss.memory == "linear") and large / small < 32,
        f"memory that is {loss.memory} in the number of positions",
        f"{large / small:.3g} times as much for 4 times as many",
    )


@check("__repr__, if it is overridden, and the repr of the options")
def repr_names_it_and_its_options(subject: Subject) -> None:
    """The repr has the class name and the options, on one line, without memory addresses."""
    text = repr(subject.loss)
    expect(type(subject.loss).__name__ in text, f"the name {type(subject.loss).__name__}", text)
    expect("\n" not in text and " at 0x" not in text, "one line of options", text)


@check("attributes that cannot be pickled: lambdas, generators, open files, modules")
def pickles(subject: Subject) -> None:
    """A pickled copy has the same value; sweeps in other processes need this."""
    _expect_same(subject, pickle.loads(pickle.dumps(subject.loss)))


@check("get_config() and from_config(), which must support every option of the constructor")
def is_made_again_from_its_options(subject: Subject) -> None:
    """get_config() has every option of its constructor, and from_config() gives the same value."""
    loss, config = subject.loss, subject.loss.get_config()
    options = inspect.signature(type(loss)).parameters.values()
    named = {p.name for p in options if p.default is not p.empty or p.kind is p.KEYWORD_ONLY}
    expect(named <= set(config), f"the options {sorted(named)}", sorted(config))
    _expect_same(subject, type(loss).from_config(config, *loss.references))


def _expect_tiled_is_whole(subject: Subject, loss: Any, size: Size, tile: int) -> None:
    picture = images.noise(size, uniform=(0, 255), seed=1)
    tiled, whole = (
        _evaluated(Objective(loss, subject.features, size, tile=t), picture) for t in (tile, None)
    )
    expect(np.isclose(tiled.loss, whole.loss, rtol=1e-4), f"{whole.loss:g}", f"{tiled.loss:g}")
    expect(
        _alike(tiled.gradient, whole.gradient, 1e-3), "the gradient of the whole picture", "another"
    )


def _expect_same(subject: Subject, again: Loss) -> None:
    own, other = (subject.activations(seed, np.float64) for seed in (0, 1))
    expected, found = (value_of(loss, own, other) for loss in (subject.loss, again))
    config, other_config = subject.loss.get_config(), again.get_config()
    expect(config == other_config, f"the options {config}", other_config)
    expect(np.isclose(found, expected), f"the value {expected:g}", f"{found:g}")


def _objective(subject: Subject, loss: Any = None) -> Objective:
    return Objective(subject.loss if loss is None else loss, subject.features, SIZE)


def _evaluated(objective: Objective, picture: Image | None = None) -> Evaluation:
    picture = images.noise(SIZE, uniform=(0, 255), seed=1) if picture is None else picture
    objective.refresh(picture, round=0)
    return objective(picture)


def _tile(subject: Subject) -> tuple[int, Size]:
    """The smallest tile that works, in steps of 32, and the size of a picture with several."""
    loss, features = subject.loss, subject.features
    for tile in range(32, 2048, 32):
        size = (tile + 21, tile + 37)
        try:
            keys = probe.keys_of(loss, features.shapes(loss.layers, size))
            windows(probe.reach(loss.layers, [keys]), features, size, tile)
        except OptionError:
            continue
        return tile, size
    raise Unmet("tiles of less than 2048 pixels", "layers and offsets that need larger tiles")


def _alike(one: Any, other: Any, tolerance: float) -> bool:
    return bool(np.linalg.norm(one - other) <= tolerance * np.linalg.norm(other))


CHECKS = checks_in(globals())
