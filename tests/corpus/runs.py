"""Folders of runs that are damaged: checkpoints to go on from, and records to repeat.

Both are of one small run, `kept`. A case goes on from its folder, or repeats it, after the damage
of a function of that folder; whatever comes of it, a state that was whole is there afterwards.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

import neural_style as ns
from corpus.cases import HUGE, Case, World, archived
from corpus.pictures import FILES, is_picture
from neural_style import images
from neural_style.errors import RecordError, StyleError
from neural_style.extensions import Content, Gram, TotalVariation
from neural_style.images import Image
from neural_style.losses import registry
from neural_style.runs import storage
from neural_style.runs.schema import RunState

Damage = Callable[[Path], object]
EVALUATIONS = 9


class Broken(Exception):
    """What ends a run early."""


class Kept(NamedTuple):
    """The files of a run that ended early, those of the whole run's record, and its picture."""

    checkpoint: dict[str, bytes]
    record: dict[str, bytes]
    image: Image


@functools.cache
def kept(features: ns.FeatureModel, optimizer: str = "lbfgs", seed: int = 1) -> Kept:
    """A run of `EVALUATIONS`, and the same one stopped after 7."""
    photo, painting, start = (images.noise((8, 10), seed=seed + i) for i in range(3))
    mask = np.zeros((8, 10))
    mask[:4] = 255
    loss = (
        Content(photo, layers=["image"])
        + 1e-2 * ns.guided(Gram(painting, layers=["image"]), [(mask, mask)])
        + TotalVariation("squared")
    )
    made = {"lbfgs": ns.LBFGS(3), "scipy": "L-BFGS-B"}

    def run(**given: Any) -> ns.Result:
        return ns.minimize(
            loss, features, start, evaluations=EVALUATIONS, restart_every=4, chroma=photo,
            optimizer=made.get(optimizer) or keras.optimizers.Adam(1.0), **given,
        )  # fmt: skip

    def stop(step: ns.Step) -> None:
        if step.evaluation >= 7:
            raise Broken

    with tempfile.TemporaryDirectory() as folder:
        whole = run()
        with contextlib.suppress(Broken):
            run(checkpoint=Path(folder, "run"), checkpoint_every=2, callbacks=[stop])
        whole.save_record(Path(folder, "record"))
        checkpoint, record = (_files(Path(folder, name)) for name in ("run", "record"))
    return Kept(checkpoint, record, whole.image)


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def _write(files: Mapping[str, bytes], folder: Path) -> Path:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


# What is read below a folder, but for the run's own, while that is being watched.
_watched: dict[str, list[str]] = {}


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if _watched and event == "open" and isinstance(arguments[0], str):
        for folder, found in _watched.items():
            path = os.path.abspath(arguments[0])
            if path.startswith(folder) and not path.startswith(os.path.join(folder, "run")):
                found.append(path)


sys.addaudithook(_hear)


def watched(folder: Path, attempt: Callable[[], Any]) -> Any:
    """What an attempt returns that may read ``folder/run``, and nothing beside it."""
    found = _watched.setdefault(str(folder), [])
    try:
        return attempt()
    finally:
        del _watched[str(folder)]
        assert not found, found


def whole_states(folder: Path) -> list[str]:
    """The names of the states that are whole."""
    run = json.loads((folder / "record.json").read_bytes())["checkpoint"]["run"]
    found = []
    for name in ("state-0.npz", "state-1.npz"):
        try:
            document, _ = storage.read(folder / name, RunState)
        except RecordError:
            continue
        if document["run"] == run:
            found.append(name)
    return found


# Looking for plugins on the disk is most of what a small run costs, and there are none to find.
_found_points = functools.cache(registry._entry_points)


def go_on(damage: Damage, world: World, optimizer: str = "lbfgs") -> bool:
    """Whether a run goes on from a damaged folder to its picture, which keeps what was good."""
    world.patch.setattr(registry, "_entry_points", _found_points)
    files, _, image = kept(world.features, optimizer)
    folder = _write(files, world.inputs / "run")
    damage(folder)
    before = _files(folder) if folder.is_dir() and not _special(folder) else {}
    try:
        result = watched(
            world.inputs,
            lambda: ns.resume(
                folder, features=world.features, callbacks=[_enough],
                output=world.outputs / "out.png",
            ),
        )  # fmt: skip
    except StyleError:
        if before:
            assert _files(folder) == {n: each for n, each in before.items() if ".part." not in n}
        raise
    assert whole_states(folder)
    assert np.array_equal(images.load(world.outputs / "out.png"), np.rint(result.image))
    assert {each.name for each in folder.glob(".*")} <= {".lock"}
    return np.array_equal(result.image, image)


def _special(folder: Path) -> bool:
    return any(not path.is_file() or path.is_symlink() for path in folder.iterdir())


def _enough(step: ns.Step) -> None:
    if step.evaluation > 2 * EVALUATIONS:
        raise StopIteration


def repeat(damage: Damage, world: World) -> Any:
    """The repetition of a run from a damaged record."""
    world.patch.setattr(registry, "_entry_points", _found_points)
    folder = _write(kept(world.features).record, world.inputs / "run")
    damage(folder)
    return watched(
        world.inputs, lambda: ns.rerun(folder, features=world.features, callbacks=[_enough])
    )


def is_repeated(value: Any) -> bool:
    """Whether a repetition has a picture, and says what it is."""
    return is_picture(value.result.image) and bool(str(value)) and value.same in (True, False, None)


# --- damages of a file


def _cut(name: str, part: float, folder: Path) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: int(part * len(content))])


def _flip(names: Iterable[str], seed: int, folder: Path) -> None:
    rng = np.random.default_rng(seed)
    for name in names:
        content = bytearray((folder / name).read_bytes())
        for place in rng.integers(len(content), size=1 + seed % 4):
            content[place] ^= int(rng.integers(1, 256))
        (folder / name).write_bytes(bytes(content))


def _content(name: str, content: bytes, folder: Path) -> None:
    (folder / name).write_bytes(content)


def _copy(source: str, target: str, folder: Path) -> None:
    shutil.copy(folder / source, folder / target)


def _remove(names: Iterable[str], folder: Path) -> None:
    for name in names:
        (folder / name).unlink()


def _folder(name: str, folder: Path) -> None:
    (folder / name).unlink()
    (folder / name).mkdir()


def _link(name: str, target: str, folder: Path) -> None:
    (folder / name).unlink()
    (folder / name).symlink_to(target)


def _pipe(name: str, folder: Path) -> None:
    (folder / name).unlink()
    os.mkfifo(folder / name)


def _header(shape: tuple[int, ...], kind: str = "<f4") -> bytes:
    buffer = io.BytesIO()
    said = {"descr": kind, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, said)
    return buffer.getvalue()


def _packed(kind: str, folder: Path, name: str) -> None:
    """An archive of arrays whose members are packed, too large or doubled."""
    members = {
        "declared": {"x.npy": _header((10**6, 10**6)) + bytes(100)},
        "declared, of nothing": {"x.npy": _header((10**18,), "|V0")},
        "of dimensions": {"x.npy": _header((1,) * 65)},
        "negative": {"x.npy": _header((-1, 3)) + bytes(12)},
        "of objects": {"x.npy": _header((1,), "|O") + b"\x80\x04N."},
        "of no header": {"x.npy": b"\x93NUMPY\x01\x00\xff\xff"},
        "of no array": {"x.txt": b"text"},
        "of a path": {"../../x.npy": _header((1,)) + bytes(4)},
        "unpacked 20 MB": {"x.npy": _header((5_000_000,)) + bytes(20_000_000)},
    }
    (folder / name).write_bytes(archived(members[kind]))


_PACKED = ("declared", "declared, of nothing", "of dimensions", "negative", "of objects",
           "of no header", "of no array", "of a path", "unpacked 20 MB")  # fmt: skip


def file_damages(name: str) -> dict[str, Damage]:
    """What may be wrong with one file of a folder, by a name for it."""
    found: dict[str, Damage] = {
        f"cut at {part:.0%}": partial(_cut, name, part)
        for part in (0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99)
    }
    found |= {f"flipped {seed}": partial(_flip, [name], seed) for seed in range(6)}
    contents = {
        "text": b"this is none\n" * 9,
        "JSON": b"{}",
        "a pickle": b"\x80\x04\x95\x0b\0\0\0\0\0\0\0\x8c\x05posix\x94.",
        "a picture": FILES["png"],
        "zeros": bytes(5000),
        "an array": _header((2,)) + bytes(8),
        "an archive of nothing": archived({}),
    }
    found |= {each: partial(_content, name, content) for each, content in contents.items()}
    found |= {f"an archive {kind}": partial(_packed, kind, name=name) for kind in _PACKED}
    found |= {
        "missing": partial(_remove, [name]),
        "a folder": partial(_folder, name),
        "a pipe": partial(_pipe, name),
        "a link to itself": partial(_link, name, name),
        "a link to nowhere": partial(_link, name, "nowhere"),
        "a link to zeros": partial(_link, name, "/dev/zero"),
        "a link to a folder": partial(_link, name, ".."),
    }
    return found


# --- states


STATES = ("state-0.npz", "state-1.npz")


def newest(folder: Path) -> str:
    """The name of the state after the most evaluations."""

    def evaluation(name: str) -> int:
        with np.load(folder / name) as file:
            return int(json.loads(file["document"].tobytes())["evaluation"])

    return max(STATES, key=evaluation)


def _of_newest(damage: Callable[[str, Path], object], folder: Path) -> None:
    damage(newest(folder), folder)


def _damaged_newest(what: str, folder: Path) -> None:
    file_damages(newest(folder))[what](folder)


def _damaged_both(what: str, folder: Path) -> None:
    for name in STATES:
        file_damages(name)[what](folder)


def forge(change: Callable[[dict[str, Any], dict[str, Any]], object], folder: Path) -> None:
    """Change the document and the arrays of both states, with checksums that fit."""
    for name in STATES:
        with np.load(folder / name) as file:
            arrays = {key: file[key] for key in file.files if key != "sha256"}
        document = json.loads(arrays.pop("document").tobytes())
        change(document, arrays)
        text = json.dumps(document).encode()
        arrays["document"] = np.frombuffer(text, np.uint8)
        checksum = np.frombuffer(storage.checksum(arrays), np.uint8)
        np.savez(folder / name, **arrays, sha256=checksum)


def _set(name: str, value: Any, document: dict[str, Any], arrays: dict[str, Any]) -> None:
    document[name] = value


def _unset(name: str, document: dict[str, Any], arrays: dict[str, Any]) -> None:
    document.pop(name, None)
    arrays.pop(name, None)


def _array(
    name: str, change: Callable[[Any], Any], document: dict[str, Any], arrays: dict[str, Any]
) -> None:
    arrays[name] = change(arrays[name])


def _renamed(name: str, document: dict[str, Any], arrays: dict[str, Any]) -> None:
    arrays[f"{name}_"] = arrays.pop(name)


_BEST: dict[str, Any] = {"loss": 1.0, "terms": {}, "weighted": {}, "round": 0, "scale": 0}
DOCUMENT: dict[str, list[Any]] = {
    "scale": [-1, 1, 10**9, HUGE, None, "0", 0.5, [0]],
    "evaluation": [-1, 10**9, HUGE, None, "7", 6.5, True, []],
    "round": [-1, HUGE, None, "1", 0.5],
    "end": [-1, 0, 10**9, None, "9", []],
    "round_end": [-1, 0, 10**9, None, "9"],
    "due_at": [None, 5, [5], [[0]], [{"term": "a", "evaluation": 1}], {}, [{"term": 0}],
               [{"term": 99, "evaluation": 1}], [{"term": 0, "evaluation": -5}],
               [{"term": 0, "evaluation": None}], [{"term": 1, "evaluation": 9, "more": 5}],
               [{"term": i, "evaluation": 9} for i in (0, 1)]],
    "first": [-1, 10**9, HUGE, None, "1"],
    "seconds": [None, "1", -1.0, 1e308, HUGE, []],
    "refreshes": [None, 5, [], [5], [{"round": 0}], [{"round": 0, "due": 5}],
                  [{"round": 0, "due": ["a"]}], [{"round": -1, "due": [0]}],
                  [{"round": 0, "due": [99]}] * 2, [{"round": 0, "due": [0, 1], "more": 5}],
                  [{"round": 0, "due": [0]}] * 50],
    "terms": [None, [], ["a"], 5, ["a", "b", "c"], "abc"],
    "best": [[], [1], 5, "best", {}, dict.fromkeys(_BEST), {**_BEST, "round": -1},
             {**_BEST, "scale": 99}, {**_BEST, "loss": HUGE}, {**_BEST, "round": HUGE}, _BEST,
             {**_BEST, "terms": {"a": "b"}, "weighted": {"a": 1.0}}, {**_BEST, "more": 5}],
}  # fmt: skip
ARRAYS: dict[str, Callable[[Any], Any]] = {
    "as float64": lambda a: a.astype(np.float64) if a.dtype != np.float64 else a.astype("f4"),
    "as whole numbers": lambda a: a.astype(np.int64),
    "as texts": lambda a: a.astype("U8"),
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "of NaN": lambda a: np.full_like(a, np.nan),
    "with one infinity": lambda a: np.where(np.arange(a.size).reshape(a.shape) == 1, np.inf, a)
    .astype(a.dtype),
    "of one more axis": lambda a: a[None],
    "flat": lambda a: np.append(a.ravel(), a.ravel()),
    "cut off": lambda a: a[:-1] if a.ndim else a[None][:-1],
    "empty": lambda a: np.zeros(0, a.dtype),
    "a number": lambda a: np.float32(5),
}  # fmt: skip
_ARRAYS = ("began_at", "history", "best", "refresh.0", "driver.x", "driver.loss", "driver.gradient",
           "driver.steps", "driver.changes", "driver.inverses")  # fmt: skip


def checkpoint_cases() -> Iterator[Case]:
    """Folders to go on from."""

    def case(name: str, damage: Damage, *, error: bool = True, same: bool = True) -> Case:
        own = StyleError if error else None
        return Case(
            "checkpoint", name, partial(go_on, damage), own, _is_true if same else None
        )  # fmt: skip

    for what in file_damages("x"):
        # The state before the newest is whole, and the run goes on from it.
        yield case(f"newest state {what}", partial(_damaged_newest, what), error=what == "a folder")
        both = partial(_damaged_both, what)
        # Where there is none, as behind a broken link, the run begins at its beginning.
        none = ("missing", "a link to nowhere", "a link to itself")
        yield case(f"both states {what}", both, same=what in none or "flipped" in what)
    for name in ("record.json", "pictures.npz"):
        for what, damage in file_damages(name).items():
            yield case(f"{name} {what}", damage, same="flipped" in what)
    places = {
        "the pictures as a state": ("pictures.npz", *STATES),
        "a state as the pictures": ("state-0.npz", "pictures.npz"),
        "the record as the pictures": ("record.json", "pictures.npz"),
        "a state as the record": ("state-1.npz", "record.json"),
    }
    for name, (source, *targets) in places.items():
        yield case(name, partial(_copied, source, targets), same=False)
    for old, new in (STATES, STATES[::-1]):
        yield case(f"{old} as {new}", partial(_copy, old, new), error=False)
    folders: dict[str, Damage] = {
        "an empty folder": lambda folder: _remove(_files(folder), folder),
        "a file in its place": _file_in_place,
        "no folder": shutil.rmtree,
        "a link to itself": _loop,
        "a pipe in its place": _pipe_in_place,
        "parts of a killed process": _parts,
        "other files beside": _others,
    }
    for what, damage in folders.items():
        good = what in ("parts of a killed process", "other files beside")
        yield case(what, damage, error=not good, same=good)
    for what, names in {
        "the newest state": ["newest"],
        "both states": STATES,
        "the record": ["record.json"],
        "the pictures": ["pictures.npz"],
        "record and pictures": ["record.json", "pictures.npz"],
    }.items():
        alone = what == "the newest state"
        attempt = partial(_from_another, names)
        yield Case("checkpoint", f"{what} of another run", attempt, None if alone else StyleError,
                   _is_true if alone else None)  # fmt: skip
    for field, values in DOCUMENT.items():
        yield case(f"no {field}", partial(forge, partial(_unset, field)), same=False)
        for value in values:
            # How long it took so far, and how long a round is, are not of the picture.
            yield case(f"{field} {value!r:.30}", partial(forge, partial(_set, field, value)))
    for name in _ARRAYS:
        for change in ("missing", "renamed"):
            own = partial({"missing": _unset, "renamed": _renamed}[change], name)
            yield case(f"{name} {change}", partial(forge, own), same=False)
        for what, each in ARRAYS.items():
            yield case(f"{name} {what}", partial(forge, partial(_array, name, each)))
    extra = partial(forge, lambda document, arrays: arrays.update(more=np.zeros(3)))
    yield case("one array more", extra)
    more = partial(forge, lambda document, arrays: document.update(more=[1]))
    yield case("one field more", more)
    for name in ("variable_0", "variable_1", "variable_3"):
        for change in ("missing", "flat", "as texts", "one more axis", "cut off", "a number"):
            change = {"one more axis": "of one more axis"}.get(change, change)
            own = (
                partial(_unset, f"driver.{name}")
                if change == "missing"
                else partial(_array, f"driver.{name}", _unless_scalar(ARRAYS[change]))
            )
            attempt = partial(_go_on_with_adam, partial(forge, own))
            yield Case("checkpoint", f"Adam {name} {change}", attempt, StyleError, _is_true)


def _unless_scalar(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda array: change(array) if array.ndim else array[None]


def _go_on_with_adam(damage: Damage, world: World) -> bool:
    return go_on(damage, world, "adam")


def _is_true(value: Any) -> bool:
    return value is True


def _copied(source: str, targets: Iterable[str], folder: Path) -> None:
    for target in targets:
        _copy(source, target, folder)


def _from_another(names: Iterable[str], world: World) -> bool:
    """Go on with files of another run in place of the own."""
    other = kept(world.features, seed=7).checkpoint

    def damage(folder: Path) -> None:
        for name in names:
            (folder / (newest(folder) if name == "newest" else name)).write_bytes(
                other["state-0.npz" if name == "newest" else name]
            )

    return go_on(damage, world)


def _file_in_place(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_bytes(b"a file")


def _loop(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.symlink_to(folder.name)


def _pipe_in_place(folder: Path) -> None:
    shutil.rmtree(folder)
    os.mkfifo(folder)


def _parts(folder: Path) -> None:
    (folder / f".{'0123' * 8}.part.npz").write_bytes(b"PK")
    (folder / f".{'4567' * 8}.part.json").write_bytes(b"{")


def _others(folder: Path) -> None:
    (folder / "state-2.npz").write_bytes(b"PK")
    (folder / "notes.txt").write_bytes(b"")


# --- records


def _edit(change: Callable[[Any], Any], folder: Path) -> None:
    record = json.loads((folder / "record.json").read_bytes())
    changed = change(record)
    text = json.dumps(record if changed is None else changed)
    (folder / "record.json").write_text(text)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all fields of a record, of lists and of names that are free the first."""
    if path:
        yield path
    if isinstance(value, dict | list):
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        free = isinstance(value, list) or path[-1:] in (("pictures",), ("packages",))
        for key in keys[:1] if free else keys:
            yield from _places(value[key], (*path, key))


def _at(path: tuple[Any, ...], change: Callable[[Any, Any], object], record: Any) -> None:
    for key in path[:-1]:
        record = record[key]
    change(record, path[-1])


def _put(value: Any) -> Callable[[Any, Any], object]:
    return lambda parent, key: parent.__setitem__(key, value)


def _take(parent: Any, key: Any) -> None:
    del parent[key]


WRONG: tuple[Any, ...] = (None, "text", 5, -1, 1.5, True, [], {}, ["a"], {"a": 1}, 10**9, HUGE,
                          [[]], "../../etc/passwd", "", "\0", "\ud800")  # fmt: skip

# What a field may be by its kind, and absurd all the same.
ABSURD: dict[str, list[Any]] = {
    "schema": [0, 1, -1, 2.0, "2", 10**9],
    "start": ["../start", "0" * 64],
    "chroma": ["../chroma", "0" * 64],
    "palette": ["../palette", "0" * 64],
    "opacity": ["../opacity", "0" * 64],
    "loss.terms": [[], "all", {}],
    "loss.terms.0.loss": ["grma", "os.system", "os:system", "../content", "mrf", "gram\0",
                          "tests.corpus:Away", "a" * 10**5],
    "loss.terms.0.weight": [0, -1, 1e308, HUGE, -HUGE],
    "loss.terms.0.config": [{"power": "l1"}, {"layers": ["nowhere"]}, {"layers": {"image": 1e308}},
                            {"layers": "image"}, {"name": "../x"}, {"self": 1}, {"__class__": 1},
                            {"with_distance": {"class_name": "os.system", "config": {}}},
                            {"blended": [1e308]}, {"blended": 5}],
    "loss.terms.0.references": [[], ["../x"], ["0" * 64], ["x"] * 10**4],
    "loss.terms.1.masks": [[], ["a"], ["a", "b"], ["a", ["b"]], [["a"], "b"], [1, [2]], [{}, {}]],
    "features.network": ["vgg99", "../vgg19", "os.system"],
    "features.weights": ["/etc/passwd", "../weights.h5", "imagenet"],
    "features.pooling": ["mean", "average"],
    "features.preprocess": ["os.system", "caffe"],
    "settings.scales": [[10**9], [0], [-5], [5, 4], [1], [HUGE], [4], [8, 9, 10]],
    "settings.evaluations": [0, -1, 10**9, HUGE, [1], [1, 2], [0], []],
    "settings.optimizer": [
        {"class_name": name, "config": config}
        for name, config in [
            ("LBFGS", {}), ("LBFGS", {"history": 0}), ("LBFGS", {"history": HUGE}),
            ("LBFGS", {"history": 10**9}), ("LBFGS", {"depth": 1}), ("LBFGS", {"history": "3"}),
            ("L-BFGS-B", {"history": 10}), ("L-BFGS-B", None), ("l-bfgs-b", {}),
            ("Adamant", {}), ("os.system", {}), ("__init__", {}), ("Optimizer", {}), ("get", {}),
            ("Optimizer", {"learning_rate": 1.0}), ("Optimizer", {"name": "x"}),
            ("LossScaleOptimizer", {}), ("schedules", {}), ("", {}), ("Adam", None), ("Adam", {}),
            ("Adam", {"learning_rate": "fast"}), ("Adam", {"learning_rate": -1e308}),
            ("Adam", {"learning_rate": HUGE}), ("Adam", {"learning_rate": [1, 2]}),
            ("Adam", {"learning_rate": None}), ("Adam", {"beta_1": "a"}), ("Adam", {"beta_1": []}),
            ("Adam", {"beta_1": None}), ("Adam", {"epsilon": "a"}), ("Adam", {"epsilon": HUGE}),
            ("Adam", {"weight_decay": "a"}), ("Adam", {"weight_decay": [1, 2]}),
            ("Adam", {"clipnorm": "a"}), ("Adam", {"clipnorm": -1}), ("Adam", {"clipvalue": []}),
            ("Adam", {"global_clipnorm": True}), ("Adam", {"use_ema": 5}), ("Adam", {"name": 5}),
            ("Adam", {"use_ema": True, "ema_momentum": 7}), ("Adam", {"amsgrad": "yes"}),
            ("Adam", {"use_ema": True, "ema_overwrite_frequency": "a"}),
            ("Adam", {"gradient_accumulation_steps": -1}), ("Adam", {"loss_scale_factor": "a"}),
            ("Adam", {"gradient_accumulation_steps": 10**9}), ("Adam", {"depth": 1}),
            ("Adam", {"learning_rate": {"class_name": "eval", "config": {}}}),
            ("Adam", {"learning_rate": {"class_name": "CosineDecay"}}),
            ("Adam", {"learning_rate": {"class_name": "CosineDecay", "config": {}}}),
            ("Adam", {"learning_rate": {"class_name": "CosineDecay", "config":
                      {"initial_learning_rate": "a", "decay_steps": "b"}}}),
            ("Adam", {"learning_rate": {"class_name": "ExponentialDecay", "config":
                      {"initial_learning_rate": 1, "decay_steps": 0, "decay_rate": -1}}}),
            ("Adam", {"learning_rate": {"class_name": "PiecewiseConstantDecay", "config":
                      {"boundaries": ["a"], "values": [1, 2]}}}),
            ("Adam", {"learning_rate": {"class_name": ["a"], "config": {}}}),
            ("SGD", {"momentum": "a"}), ("SGD", {"momentum": 5}), ("SGD", {"nesterov": []}),
            ("Lamb", {}), ("Muon", {}), ("Ftrl", {"learning_rate_power": 5}),
        ]
    ],
    "settings.restart_every": [0, -1, 1, HUGE, 10**9],
    "settings.average": [1, -1, HUGE],
    "settings.margin": [-1, 10**9, HUGE],
    "settings.clip": ["", "step", "never", "os.system"],
    "settings.parameterization": [
        {"name": name, "config": config}
        for name, config in [
            ("frequencies", {}), ("waves", {}), ("pixels", None), ("pixels", {"a": 1}),
            ("frequencies", {"frequencies": [0.1], "curvatures": [1], "floor": 0}),
            ("frequencies", {"frequencies": [0.1, 0.05], "curvatures": [1, 2], "floor": 0}),
            ("frequencies", {"frequencies": ["a"], "curvatures": [1], "floor": 0}),
            ("frequencies", {"frequencies": [HUGE], "curvatures": [1], "floor": 0}),
            ("frequencies", {"frequencies": [0.1], "curvatures": [1e308], "floor": 1e308}),
            ("frequencies", {"frequencies": [0.1], "curvatures": [1], "floor": HUGE}),
            ("frequencies", {"frequencies": 5, "curvatures": [1], "floor": 0}),
            ("wavelets", {}), ("wavelets", {"levels": 0, "gain": 2.0}),
            ("wavelets", {"levels": HUGE, "gain": 2.0}), ("wavelets", {"levels": 5, "gain": "a"}),
        ]
    ],
    "settings.seed": [-1, HUGE, 2**64],
    "settings.tile": [0, -1, 1, 10**9, HUGE, 4],
    "environment.packages": [{}, {"../x": "1"}, {"keras": "9" * 10**5}],
    "environment.devices": [[], ["\0"] * 10**4],
    "outcome": [None, {}],
    "outcome.picture": ["", "../x"],
    "outcome.evaluations": [-1, HUGE],
    "checkpoint": [{"run": "x", "every": 5, "output": None}, {"run": "", "every": 0, "output": ""},
                   {"run": "../x", "every": -1, "output": "../../out.png"}],
}  # fmt: skip

TEXTS: dict[str, str] = {
    "nothing": "",
    "null": "null",
    "a list": "[]",
    "a number": "5",
    "two": "{}{}",
    "NaN": '{"schema": NaN}',
    "deep lists": "[" * 10**5,
    "deep objects": '{"schema":' * 10**4,
    "many digits": '{"schema": 2' + "0" * 10**4 + "}",
    "a byte order mark": "\ufeff{}",
    "a comment": "// record\n{}",
    "single quotes": "{'schema': 1}",
    "the same twice": '{"schema": 2, "schema": 2}',
    "only the version": '{"schema": 2}',
    "a large number": '{"schema": 2e400}',
    "megabytes of text": '{"schema": "' + "x" * 5_000_000 + '"}',
}


def _pictures(change: Callable[[dict[str, Any]], object], folder: Path) -> None:
    with np.load(folder / "pictures.npz") as file:
        pictures = {key: file[key] for key in file.files}
    change(pictures)
    np.savez(folder / "pictures.npz", **pictures)


def _all_pictures(change: Callable[[Any], Any], pictures: dict[str, Any]) -> None:
    pictures.update({key: change(picture) for key, picture in pictures.items()})


def record_cases() -> Iterator[Case]:
    """Records to repeat."""

    def case(name: str, damage: Damage, *, sound: bool = True) -> Case:
        own = is_repeated if sound else None
        return Case("run record", name, partial(repeat, damage), StyleError, own)

    for name in ("record.json", "pictures.npz"):
        for what, damage in file_damages(name).items():
            yield case(f"{name} {what}", damage, sound="flipped" in what)
    for what, text in TEXTS.items():
        damage = partial(_content, "record.json", text.encode())
        yield case(f"JSON of {what}", damage, sound=False)
    latin = partial(_content, "record.json", b'{"schema": "\xff"}')
    yield case("JSON not UTF-8", latin, sound=False)
    whole = _shape()
    for number, path in enumerate(_places(whole)):
        name = ".".join(map(str, path))
        yield case(f"{name} missing", partial(_edit, partial(_at, path, _take)))
        # Three kinds of each, so that all kinds come to many fields.
        for value in (WRONG[(5 * number + i * 6) % len(WRONG)] for i in range(3)):
            wrong = partial(_at, path, _put(value))
            yield case(f"{name} {value!r:.20}", partial(_edit, wrong))
    for name, values in ABSURD.items():
        path = tuple(int(key) if key.isdigit() else key for key in name.split("."))
        for value in values:
            absurd = partial(_at, path, _put(value))
            yield case(f"{name} {value!r:.90}", partial(_edit, absurd))
    deep: Any = 1
    for _ in range(900):
        deep = [deep]
    for name in ("loss.terms.0.config", "settings.optimizer.config"):
        path = tuple(int(key) if key.isdigit() else key for key in name.split("."))
        buried = partial(_at, path, _put({"name": deep}))
        yield case(f"{name} of depth", partial(_edit, buried))
    for path in [("unknown",), ("settings", "unknown"), ("loss", "terms", 0, "__class__")]:
        unknown = partial(_at, path, _put("os.system"))
        yield case(f"unknown {path[-1]} of {len(path)}", partial(_edit, unknown), sound=False)
    for what, each in ARRAYS.items():
        change = partial(_all_pictures, each)
        yield case(f"pictures {what}", partial(_pictures, change))
    others: dict[str, Callable[[dict[str, Any]], object]] = {
        "missing": lambda pictures: pictures.clear(),
        "renamed": lambda pictures: _all_renamed(pictures),
        "above 255": partial(_all_pictures, lambda a: a + np.float32(300)),
        "of 1e38": partial(_all_pictures, lambda a: np.full_like(a, 1e38)),
        "of one pixel": partial(_all_pictures, lambda a: a[:1, :1]),
        "of one row": partial(_all_pictures, lambda a: a[:1]),
        "of other sizes": partial(_all_pictures, lambda a: a[: 2 + int(a.sum()) % 6]),
        "with one more": lambda pictures: pictures.update(more=np.zeros((9, 9, 3), np.float32)),
    }
    for what, own in others.items():
        yield case(f"pictures {what}", partial(_pictures, own))


def _all_renamed(pictures: dict[str, Any]) -> None:
    for key in list(pictures):
        pictures[f"../{key}"] = pictures.pop(key)


@functools.cache
def _shape() -> Any:
    """A record, for the names of its fields."""
    network = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(2, 1)])
    features = ns.FeatureModel(network, preprocess="raw")
    return json.loads(kept(features).record["record.json"])
