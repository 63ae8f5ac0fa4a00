"""What a run depends on: digests that are the same in any process, and others of what differs."""

from __future__ import annotations

import os
import re
import sys
import threading
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import neural_style as ns
from neural_style import FeatureModel, images
from neural_style.errors import OptionError
from neural_style.losses import registry
from neural_style.runs.result import Result
from neural_style.sweeps import fingerprints

SCRIPT = '''
import dataclasses, enum, functools, threading

import numpy as np

import neural_style as ns
from neural_style.extensions import Content, Gram

photo = ns.images.noise((8, 8), seed=1)
OPTIONS = {"gain": 2.0, "names": {"a", "b", "c", "d"}}
UNREAD = 1

class Kind(enum.Enum):
    LOW = 1
    HIGH = "high"

@dataclasses.dataclass
class Setting:
    """A setting."""
    strength: float = 0.5
    kind: Kind = Kind.HIGH

    @property
    def double(self):
        return 2 * self.strength

    @functools.cached_property
    def triple(self):
        return 3 * self.strength

class Own(ns.Loss):
    layers = ("image",)

    def statistics(self, features, mean):
        return {name: scaled(x) for name, x in features.items()}

setting = Setting()
loss = Content(photo) + 2 * Own(photo)

def doubled(function):
    @functools.wraps(function)
    def wrapper(*arguments):
        return 2 * function(*arguments)
    return wrapper

@doubled
def scaled(x, by=3, *, offset=0.25):
    """Scale."""
    return x * by + offset if x not in {"none", "nothing", None} else recursive(x)

def recursive(x):
    return [again for again in (lambda: recursive(x), 7)]

@functools.cache
def cached(n):
    return sorted(n for n in range(9))

halved = functools.partial(pow, 2)

def run(seed, size=(4, 5), *, flip=False):
    """Make a picture."""
    class Local:
        """A class."""
        place = 1
    image = photo if seed else np.zeros(size)
    parts = scaled(setting.double), cached(3), halved(3), OPTIONS["gain"], "x" in {"x", "y"}
    return ns.Result(image, 1.0, {}, {}, (), 1, 1, 0.0, seed, f"done {parts} {loss}")

def unread():
    return UNREAD
'''


def made(source: str, name: str = "script") -> dict[str, Any]:
    """The namespace of a script, whose file has a name."""
    module = types.ModuleType(name)
    sys.modules[name] = module  # where a dataclass looks for itself
    exec(compile(source, f"/{name}.py", "exec"), vars(module))
    return vars(module)


def digests(run: Callable[..., Any], version: str | None = None) -> dict[str, str]:
    return fingerprints.fingerprints(run, [{}], version)[0]


def others(one: Callable[..., Any], other: Callable[..., Any]) -> set[str]:
    """The names of what has another digest."""
    first, second = digests(one), digests(other)
    return {name for name in {*first, *second} if first.get(name) != second.get(name)}


def test_a_script_that_says_the_same_elsewhere_is_the_same() -> None:
    moved = "# A comment.\n\n" + SCRIPT.replace("def run", "# Another.\n\ndef run")
    moved = re.sub(r'"""(A|Scale|Make).*?"""', '"""\n    Something else,\n    longer."""', moved)
    moved = moved.replace("UNREAD = 1", "UNREAD = 2").replace("return UNREAD", "return 5")
    assert moved.count("Something else") == 4
    assert not others(made(SCRIPT)["run"], made(moved, "elsewhere")["run"])


@pytest.mark.parametrize(
    ("was", "now", "names"),
    [
        ("seed=1)", "seed=2)", {"photo", "loss"}),
        ('"gain": 2.0', '"gain": 2.5', {"OPTIONS"}),
        ('"c", "d"', '"c", "e"', {"OPTIONS"}),
        ("strength: float = 0.5", "strength: float = 0.6", {"setting"}),
        ("2 * self.strength", "3 * self.strength", {"setting"}),
        ("3 * self.strength", "4 * self.strength", {"setting"}),
        ("Kind = Kind.HIGH", "Kind = Kind.LOW", {"setting"}),
        ('layers = ("image",)', 'layers = ("a",)', {"loss"}),
        ("+ 2 * Own", "+ 3 * Own", {"loss"}),
        ("return 2 * function", "return 4 * function", {"scaled", "loss"}),
        ("x * by + offset", "x * by - offset", {"scaled", "loss"}),
        ("by=3", "by=4", {"scaled", "loss"}),
        ("offset=0.25", "offset=0.75", {"scaled", "loss"}),
        ("recursive(x), 7", "recursive(x), 8", {"scaled", "loss"}),
        ("range(9)", "range(8)", {"cached"}),
        ("partial(pow, 2)", "partial(pow, 3)", {"halved"}),
        ("size=(4, 5)", "size=(4, 6)", {"size"}),
        ("flip=False", "flip=True", {"flip"}),
        ("place = 1", "place = 2", {"its code"}),
        ("cached(3)", "cached(4)", {"its code"}),
        ('{"x", "y"}', '{"x", "z"}', {"its code"}),
        ("seed, f", "seed + 1, f", {"its code"}),
    ],
)
def test_what_differs_is_named(was: str, now: str, names: set[str]) -> None:
    assert SCRIPT.count(was) == 1
    assert others(made(SCRIPT)["run"], made(SCRIPT.replace(was, now))["run"]) == names


def reading(value: Any) -> Callable[..., Any]:
    return lambda seed: value


@pytest.mark.parametrize(
    "values",
    [
        lambda: (1, 1.0, True, "1", b"1", 1j, None, (1,), [1], {1}, frozenset({1}), {1: 1}, ...),
        lambda: (0.0, -0.0, float("nan"), np.float64(0), np.float32(0), np.int64(0)),
        lambda: (np.zeros(3), np.zeros((3, 1)), np.zeros(3, "f4"), np.array([0, 0, 1e-9])),
        lambda: (np.array(["a"], object), np.array(["b"], object)),
        lambda: (np.ma.array([1.0], mask=[True]), np.ma.array([1.0], mask=[False])),
        lambda: (tf.constant([1.0]), tf.constant([2.0]), tf.Variable([3.0]), keras.Variable([4.0])),
        lambda: (keras.losses.Huber(0.1), keras.losses.Huber(0.2), keras.losses.MeanSquaredError()),
        lambda: (keras.optimizers.Adam(0.1), keras.optimizers.Adam(0.2), keras.optimizers.SGD(0.1)),
        lambda: (len, print, max, [].append, [1].append, "a".join, "b".join, str.upper, str.lower),
        lambda: (np.add, np.sin, np.mean, np.linalg.norm, keras.ops.mean, np, os, ns.images),
        lambda: (ns.LBFGS(5), ns.LBFGS(6), "L-BFGS-B", ns.FeatureModel, ns.transfer),
        lambda: (re.compile("a"), re.compile("b"), re.compile("a", re.I), range(3), slice(3)),
        lambda: (list[int], list[str], int | str, int | None, types.SimpleNamespace(a=1)),
        lambda: tuple(map(reading, (1, 2, 3))),
        lambda: (tf.function(reading(1)), tf.function(reading(2)), staticmethod(reading(1))),
        lambda: (images.noise((4, 4)), result(1.0), result(2.0)),
    ],
)  # fmt: skip
def test_values_are_told_apart_and_recognized(values: Callable[[], tuple[Any, ...]]) -> None:
    first = [digests(reading(value))["value"] for value in values()]
    assert len(set(first)) == len(first)
    assert [digests(reading(value))["value"] for value in values()] == first


def result(loss: float, seconds: float = 0.0) -> Result:
    return Result(np.zeros((4, 4, 3), np.float32), loss, {}, {}, (), 1, 1, seconds, 0, "done")


def test_a_result_counts_without_its_times() -> None:
    assert not others(reading(result(1.0, 2.0)), reading(result(1.0, 3.0)))


def network(bias: float = 0.0, slope: float = 0.1) -> Any:
    network = keras.Sequential(
        [keras.Input((None, None, 3)), keras.layers.Conv2D(2, 1), keras.layers.LeakyReLU(slope)]
    )
    kernel = np.arange(6, dtype="f4").reshape(1, 1, 3, 2)
    network.layers[0].set_weights([kernel, np.full(2, bias, "f4")])
    return network


def test_a_feature_model_counts_by_network_options_and_weights() -> None:
    model = FeatureModel(network(), preprocess="raw")
    assert not others(reading(model), reading(FeatureModel(network(), preprocess="raw")))
    for other in (
        FeatureModel(network(bias=1e-6), preprocess="raw"),
        FeatureModel(network(slope=0.2), preprocess="raw"),
        FeatureModel(network(), preprocess="caffe"),
        FeatureModel(network(), preprocess=lambda image: image + 1),
        FeatureModel(network(), preprocess="raw", winograd=False),
    ):
        assert others(reading(model), reading(other)) == {"value"}
    before = digests(reading(model))
    model._network.layers[0].set_weights([np.zeros((1, 1, 3, 2)), np.zeros(2)])
    assert digests(reading(model)) != before


@pytest.mark.parametrize("kind", [str, Path])
def test_a_name_of_a_file_counts_with_the_file(tmp_path: Path, kind: Any) -> None:
    path = tmp_path / "photo.png"
    before = digests(reading(kind(path)))
    path.write_bytes(b"one")
    first = digests(reading(kind(path)))
    path.write_bytes(b"two")
    second = digests(reading(kind(path)))
    assert len({each["value"] for each in (before, first, second)}) == 3
    (tmp_path / "moved").mkdir()
    moved = path.rename(tmp_path / "moved" / "photo.png")
    assert digests(reading(kind(moved))) == second
    settings = [{"photo": str(moved)}, {"photo": "photo.png"}]
    one, other = fingerprints.fingerprints(reading(1), settings)
    assert one["its settings"] != other["its settings"]
    moved.write_bytes(b"three")
    again = fingerprints.fingerprints(reading(1), settings)
    assert [one == again[0], other == again[1]] == [False, True]


def test_a_name_of_a_loss_counts_with_the_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    def named(strength: float) -> dict[str, str]:
        own = type("Own", (ns.Loss,), {"layers": ("image",), "strength": strength})
        monkeypatch.setitem(registry._registered, "own_of_mine", own)
        return digests(lambda seed: ns.create("own_of_mine"))

    assert named(1.0) == named(1.0) != named(2.0)


def test_a_module_of_ones_own_counts_by_code_and_by_what_is_read_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)

    def digested(text: str, **attributes: Any) -> list[dict[str, str]]:
        (tmp_path / "own_of_mine.py").write_text(text)
        sys.modules.pop("own_of_mine", None)
        import own_of_mine  # type: ignore[import-not-found]

        vars(own_of_mine).update(attributes)

        def within(seed: int) -> Any:
            import own_of_mine

            return own_of_mine.paint(seed)

        fingerprints._version.cache_clear()
        return [digests(lambda seed: own_of_mine.paint(seed)), digests(within)]

    first = digested("SIZE = 5\ndef paint(seed): return SIZE")
    assert digested("# A comment.\nSIZE = 5\ndef paint(seed): return SIZE") == first
    for changed in (
        digested("SIZE = 6\ndef paint(seed): return SIZE"),
        digested("SIZE = 5\ndef paint(seed): return SIZE", SIZE=6),
        digested("SIZE = 5\ndef paint(seed): return -SIZE"),
    ):
        assert all(a != b for a, b in zip(changed, first, strict=True))


@pytest.mark.parametrize(
    "value",
    [
        threading.Lock(),
        (each for each in "a"),
        sys.__stdout__,
        threading.local(),
        types.SimpleNamespace(a=[threading.Lock()]),
    ],
    ids=["lock", "generator", "file", "local", "deep"],
)
def test_a_value_without_a_digest_is_named(value: Any) -> None:
    def helper() -> Any:
        return value

    def run(seed: int) -> Any:
        return helper()

    with pytest.raises(OptionError, match=r"run: helper → value.* has no digest, .* version='…' "):
        digests(run)
    assert digests(run, "1") == digests(run, "1") != digests(run, "2")


def test_a_version_stands_for_nothing_else() -> None:
    lock = threading.Lock()
    assert digests(lambda seed: (lock, 1), "1") != digests(lambda seed: (lock, 2), "1")
    with pytest.raises(OptionError, match="version: expected a text or None, got 1"):
        digests(reading(1), 1)  # type: ignore[arg-type]
