"""Fuzzing: the picture reader, the option checks and the readers of what a run keeps.

    python tests/fuzz.py --minutes 5

runs every property with new random input in turn, and counts what came of it. The tests run
each of them for a moment.
"""

from __future__ import annotations

import argparse
import copy
import json
import logging
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import corpus
import hypothesis
import keras
import numpy as np
from corpus import options as corpus_options
from corpus import pictures, runs, sweeps
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import neural_style as ns
from neural_style import images
from neural_style.errors import StyleError
from neural_style.extensions import TotalVariation
from neural_style.losses import registry

outcomes: Counter[str] = Counter()

# The properties, with the strategies of their arguments.
PROPERTIES: dict[Callable[..., None], dict[str, st.SearchStrategy[Any]]] = {}


def of(**strategies: st.SearchStrategy[Any]) -> Callable[[Any], Any]:
    """A decorator that makes a function one of the properties."""

    def add(check: Callable[..., None]) -> Callable[..., None]:
        PROPERTIES[check] = strategies
        return check

    return add


def run(check: Callable[..., None], number: int, seed: int | None = None) -> None:
    """Try a property with so many examples: of a seed, or always the same."""
    test = given(**PROPERTIES[check])(check)
    test = settings(
        max_examples=number,
        derandomize=seed is None,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )(test)
    (test if seed is None else hypothesis.seed(seed)(test))()


def tried(name: str, attempt: Callable[[], Any], sound: Callable[[Any], bool]) -> None:
    """Count what comes of an attempt, which has to be sound, or an error of the library."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = attempt()
        except StyleError as error:
            outcomes[f"{name}: {type(error).__name__}"] += 1
            return
    assert sound(value), f"{name}: {value!r}"
    outcomes[f"{name}: sound"] += 1


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """Bytes with a few changes: overwritten, cut out, put in, cut off."""
    content = bytearray(whole)
    for _ in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, len(content)))
        stop = start + draw(st.integers(0, 12))
        content[start:stop] = draw(st.binary(max_size=12))
    return bytes(content[: draw(st.integers(0, len(content)))] if draw(st.booleans()) else content)


_FILES = st.sampled_from(sorted(pictures.FILES.values())).flatmap(damaged)


@of(content=_FILES | st.binary(max_size=200))
def read_pictures(content: bytes) -> None:
    """`images.load` of damaged pictures: a picture, or an `ImageError`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "picture.png")
        path.write_bytes(content)
        logging.disable(logging.WARNING)
        try:
            tried("picture", lambda: images.load(path), pictures.is_picture)
        finally:
            logging.disable(logging.NOTSET)


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 40)
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=3)
    | st.sampled_from(["block1_conv1", "image", "x", "xy", "l1", "linear", "cosine", 10**400])
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(
            st.text(max_size=3) | st.sampled_from(["block1_conv1"]), inner, max_size=2
        )
    ),
    max_leaves=5,
)
_LOSSES = sorted(corpus_options.LOSSES)
_OPTIONS = sorted({option for options in corpus_options.LOSSES.values() for option in options})


@of(
    name=st.sampled_from(_LOSSES),
    options=st.dictionaries(
        st.sampled_from([*_OPTIONS, "layers", "name", "unknown"]), _VALUES, max_size=3
    ),
    weight=_VALUES,
)
def make_losses(name: str, options: dict[str, Any], weight: Any) -> None:
    """`create` with options of any kind: a loss that prints and is made again, or an error."""
    references = [] if name == "total_variation" else [np.full((9, 9, 3), 9.0)]

    def attempt() -> Any:
        loss = registry.create(name, *references, **options)
        real = isinstance(weight, int | float) and not isinstance(weight, bool)
        total = (weight if real else 1) * loss
        again = ns.WeightedSum.from_config(total.get_config(), total.pictures())
        return repr(total), repr(again)

    tried("loss", attempt, lambda texts: bool(texts[0] == texts[1]))


_RUN = {
    "scales": _VALUES,
    "evaluations": _VALUES,
    "restart_every": _VALUES,
    "clip": _VALUES,
    "parameterization": _VALUES,
    "callbacks": _VALUES,
    "seed": _VALUES,
    "tile": _VALUES,
    "optimizer": _VALUES,
    "output": st.none() | st.integers() | st.sampled_from(["", "\0", "a", "/dev/null/a.png"]),
}


@of(options=st.fixed_dictionaries({}, optional=_RUN).filter(bool))
def check_runs(options: dict[str, Any]) -> None:
    """`minimize` with options of any kind: a result, or an error before the first evaluation."""

    def stop(step: ns.Step) -> None:
        raise StopIteration

    def attempt() -> Any:
        given: dict[str, Any] = {"callbacks": [stop], **options}
        if given["callbacks"] in ([], (), {}, "", b""):
            given["callbacks"] = [stop]  # so that no run is long
        start = np.full((9, 12, 3), 9.0, np.float32)
        return ns.minimize(TotalVariation("squared"), _pixels(), start, **given)

    tried("run", attempt, lambda result: pictures.is_picture(result.image))


_models: list[ns.FeatureModel] = []


def _pixels() -> ns.FeatureModel:
    """A feature model that is only asked for pixels."""
    if not _models:
        network = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(2, 1)])
        _models.append(ns.FeatureModel(network, preprocess="raw"))
    return _models[0]


@of(content=damaged(sweeps.record()))
def read_records(content: bytes) -> None:
    """A sweep over a damaged file: the run is made again, or the file was whole after all."""
    _sweep(content)


@st.composite
def _changed(draw: st.DrawFn, whole: Any) -> Any:
    """JSON with one value changed, taken out or put in, at any depth."""
    changed = copy.deepcopy(whole)
    place = changed
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return changed
        key = draw(st.sampled_from(keys))
        if not (isinstance(place[key], dict | list) and place[key] and draw(st.booleans())):
            break
        place = place[key]
    change = draw(st.sampled_from(["set", "take", "put"]))
    if change == "take":
        del place[key]
    elif change == "put" and isinstance(place, dict):
        place[draw(st.text(max_size=8))] = draw(_VALUES)
    else:
        place[key] = draw(_VALUES)
    return changed


@of(whole=_changed(sweeps.plain()))
def read_results(whole: Any) -> None:
    """A sweep over a file whose JSON has a change."""
    _sweep(sweeps.record(text=json.dumps(whole, default=str).encode("utf-8", "replace")))


def _sweep(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        logging.disable(logging.WARNING)
        try:
            tried("record", lambda: _swept(content, Path(folder)), _holds)
        finally:
            logging.disable(logging.NOTSET)


def _swept(content: bytes, folder: Path) -> Any:
    sweeps.swept(folder)
    (path,) = folder.glob("*.npz")
    path.write_bytes(content)
    return sweeps.swept(folder)


def _holds(outcome: Any) -> bool:
    """Whether an outcome can be used as any other."""
    result = outcome.result
    return bool(str(outcome) and np.isfinite(result.image).all() and result.image.shape[2] == 3)


def _kept() -> runs.Kept:
    return runs.kept(_pixels())


@of(
    names=st.sampled_from([runs.STATES, runs.STATES[:1], ("pictures.npz",), ("record.json",)]),
    content=st.deferred(
        lambda: st.sampled_from(sorted(_kept().checkpoint.values())).flatmap(damaged)
    ),
)
def go_on_from_checkpoints(names: tuple[str, ...], content: bytes) -> None:
    """`resume` of a folder with damaged files: the same picture, or an error."""

    def damage(folder: Path) -> None:
        for name in names:
            (folder / name).write_bytes(content)

    _run("checkpoint", lambda world: runs.go_on(damage, world), lambda same: same is True)


@of(
    whole=st.deferred(lambda: _changed(json.loads(_kept().record["record.json"])))
    | st.deferred(lambda: damaged(_kept().record["record.json"]))
)
def read_run_records(whole: Any) -> None:
    """`rerun` of a record whose JSON has a change, or whose bytes have: a run, or an error."""
    content = whole if isinstance(whole, bytes) else _json(whole)

    def damage(folder: Path) -> None:
        (folder / "record.json").write_bytes(content)

    _run("run record", lambda world: runs.repeat(damage, world), runs.is_repeated)


def _json(value: Any) -> bytes:
    return json.dumps(value, default=str).encode("utf-8", "replace")


def _run(name: str, attempt: Callable[[corpus.World], Any], sound: Callable[[Any], bool]) -> None:
    with tempfile.TemporaryDirectory() as folder, corpus.World(Path(folder), _pixels()) as world:
        tried(name, lambda: attempt(world), sound)


_TERM = {
    "loss": "gram",
    "weight": 2.0,
    "config": {"layers": {"block1_conv1": 1.0}, "name": "gram"},
    "references": ["picture"],
    "masks": ["mask", ["mask"]],
}
_PICTURES = {"picture": np.full((9, 9, 3), 9.0), "mask": np.full((9, 9), 255.0)}


@of(config=_changed({"terms": [_TERM, copy.deepcopy(_TERM)]}))
def read_configs(config: Any) -> None:
    """A config with a change: a sum of losses that prints, or an error."""

    def attempt() -> Any:
        return ns.WeightedSum.from_config(config, _PICTURES)

    tried("config", attempt, lambda total: len(total) > 0 and bool(repr(total)))


def main() -> None:
    """Fuzz until the time is over, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--examples", type=int, default=200, help="in a row, of each property")
    parser.add_argument("--seed", type=int, default=0, help="of the first round")
    options = parser.parse_args()
    end = time.monotonic() + 60 * options.minutes
    failed: dict[str, str] = {}
    seed = options.seed
    while time.monotonic() < end:
        for check in PROPERTIES:
            try:
                run(check, options.examples, seed)
            except Exception as error:
                notes = "\n".join(getattr(error, "__notes__", []))
                failed.setdefault(f"{check.__name__}: {type(error).__name__}: {error}", notes)
        seed += 1
    for name, count in sorted(outcomes.items()):
        print(f"{count:8} {name}")
    print(f"{sum(outcomes.values()):8} cases, {len(failed)} failures")
    for failure, notes in failed.items():
        print(f"{failure}\n{notes}")
    raise SystemExit(bool(failed))


if __name__ == "__main__":
    main()
