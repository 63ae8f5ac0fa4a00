"""What is no picture or option where one is expected, of every function that takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import keras
import numpy as np

import neural_style as ns
from corpus.cases import HUGE, INF, LAYERS, NAN, Case, World, used
from corpus.pictures import is_picture
from neural_style import images
from neural_style.errors import ImageError, OptionError, StyleError
from neural_style.extensions import MRF, Content, Gram, ShiftedGram, TotalVariation
from neural_style.features import networks
from neural_style.losses import registry
from neural_style.sweeps.sweep import Outcome


class Thorn:
    """An object that breaks whatever touches it."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no array of a thorn")

    def __float__(self) -> float:
        raise RuntimeError("no number")

    def __repr__(self) -> str:
        return "Thorn()"


def _bad_arrays() -> dict[str, Any]:
    gray = np.full((9, 9, 3), 100.0)
    spoilt = {name: gray.copy() for name in ("NaN", "inf", "-inf", "1e300", "-1", "256")}
    for name, array in spoilt.items():
        array[0, 0, 0] = float(name)
    return {
        **spoilt,
        "None": None,
        "text": "photo.png",
        "bytes": b"photo",
        "a number": 5,
        "a dict": {"image": gray},
        "a set": {1, 2},
        "a ragged list": [[[1, 2, 3]], [[1, 2, 3], [4, 5, 6]]],
        "a thorn": Thorn(),
        "an object array": gray.astype(object),
        "an array of None": np.full((9, 9, 3), None),
        "booleans": np.ones((9, 9, 3), bool),
        "complex": gray.astype(complex),
        "texts": np.full((9, 9, 3), "a"),
        "dates": np.zeros((9, 9, 3), "datetime64[s]"),
        "records": np.zeros((9, 9, 3), [("r", "f4")]),
        "nothing": np.zeros((0, 0, 3)),
        "no rows": np.zeros((0, 9, 3)),
        "one pixel": np.full((1, 1, 3), 9.0),
        "one row": np.full((1, 9, 3), 9.0),
        "no channels": np.full((9, 9, 0), 9.0),
        "gray": np.full((9, 9), 9.0),
        "RGBA": np.full((9, 9, 4), 9.0),
        "channels first": np.full((3, 9, 9), 9.0),
        "a batch": np.full((1, 9, 9, 3), 9.0),
        "32 axes": np.zeros((1,) * 32),
        "0 to 1": np.full((9, 9, 3), 0.5),
        "a petabyte of strides": np.broadcast_to(np.uint8(9), (10**7, 10**7, 3)),
        "a line of strides": np.broadcast_to(np.uint8(9), (10**14, 2, 3)),
        "a symbolic tensor": keras.Input((9, 3), batch_size=9),
        "a function": len,
        "a class": np.ndarray,
    }


def arrays() -> Iterator[Case]:
    """What is no picture where an array is expected."""
    uses: dict[str, Callable[[World, Any], Any]] = {
        "start": lambda w, a: ns.minimize(TotalVariation("squared"), w.features, a, evaluations=2),
        "reference": lambda w, a: Gram(a, layers=["image"]),
        "saved": lambda w, a: images.save(a, w.outputs / "a.png"),
        "resized": lambda w, a: images.resize(a, long_side=9),
        "recolored": lambda w, a: ns.color.match(w.photo, a),
        "content": lambda w, a: ns.transfer(a, w.painting, features=w.features, evaluations=2),
        "sheet": lambda w, a: ns.contact_sheet({"a": a}),
    }
    anywhere = {"NaN", "inf", "-inf", "1e300", "-1", "256", "0 to 1"}
    for name, array in _bad_arrays().items():
        strict = partial(_as_image, array)
        yield Case("array", name, strict, ImageError)
        for use, function in uses.items():
            if name in anywhere and use in ("start", "saved", "sheet"):
                continue  # where any range serves, and NaN is tried in the strict case
            if use == "content" and name == "text":
                continue  # a path
            yield Case("array", f"{name} {use}", partial(used, function, array), StyleError)
    whole = np.arange(2 * 18 * 27 * 3, dtype=np.int64).reshape(2, 18, 27, 3)[0] % 256
    fine = {
        "steps": whole[::3, ::3],
        "backwards": whole[::-1, ::-1],
        "of Fortran": np.asfortranarray(whole),
        "transposed": whole.transpose(1, 0, 2),
        "read-only": np.broadcast_to(whole[:1], whole.shape),
        "big-endian": whole.astype(">f8"),
        "half": whole.astype(np.float16),
        "long": whole.astype(np.longdouble),
        "masked": np.ma.masked_array(whole),
        "a list": whole.tolist(),
    }
    for name, array in fine.items():
        sound = partial(_same, np.asarray(array, np.float32))
        yield Case("array", name, partial(_as_image, array), sound=sound)


def _as_image(array: Any, _: World) -> Any:
    return images.as_image(array)


def _same(expected: Any, value: Any) -> bool:
    return is_picture(value) and np.array_equal(value, expected)


JUNK: tuple[Any, ...] = (
    "",
    "nonsense",
    b"x",
    -1,
    0,
    NAN,
    INF,
    HUGE,
    -HUGE,
    1j,
    [],
    {},
    object(),
    len,
    Thorn(),
)


def options(
    kind: str,
    call: Callable[..., Any],
    bad: Mapping[str, Iterable[Any]],
    error: type[StyleError] = StyleError,
) -> Iterator[Case]:
    """A case for each bad value of each option of a call."""
    for option, values in bad.items():
        for value in values:
            attempt = partial(_optioned, call, option, value)
            yield Case(kind, f"{option}={value!r:.40}", attempt, error)


def _optioned(call: Callable[..., Any], option: str, value: Any, world: World) -> Any:
    return call(world, **{option: value})


def but(*fine: Any, also: Iterable[Any] = ()) -> list[Any]:
    """The junk values that an option does not allow, and others."""
    return [value for value in JUNK if not any(value is each for each in fine)] + list(also)


_PATHS = ("", "\0", "a.xyz", "a", "/dev/null/a.png", "/", 5, b"a.png", "x" * 4000 + ".png")


def minimize_options() -> Iterator[Case]:
    """`minimize` with one bad option each."""

    def call(world: World, **given: Any) -> Any:
        settings = {"loss": TotalVariation("squared"), "features": world.features,
                    "start": world.photo, "evaluations": 2, **given}  # fmt: skip
        return ns.minimize(**settings)

    bad: dict[str, Any] = {
        "loss": [None, "gram", 5, [], Gram, object()],
        "features": [None, "vgg19", 5, [], keras.Input((9, 3)), ns.FeatureModel],
        "start": [None, "photo.png", 5, Thorn()],
        "scales": but(JUNK[10], also=[b"", [64], [16, 8], [1], [NAN]]),
        "evaluations": but(HUGE, also=[None, 2.0, True, [2, 2], [0], ["2"], [HUGE, 1]]),
        "optimizer": but(also=["adam", ns.LBFGS, ns.LBFGS(0), ns.LBFGS(2.5)]),  # type: ignore[arg-type]
        "restart_every": but(HUGE, also=[1, 2.0, True]),
        "average": [5, -1, 1, "0.9", NAN, INF, [], Thorn(), True],
        "margin": [-1, 2.0, True, HUGE, 12, "1", None, NAN, [], Thorn()],
        "clip": but(also=[None, "step", ["round"]]),
        "parameterization": but(also=[None, "pixel", ["pixels"], ns.parameterization.Pixels]),
        "callbacks": [5, "abc", [None], [5], [print, "x"], Thorn(), NAN],
        "seed": ["a", b"x", -1, -HUGE, 1.5, NAN, INF, 1j, {}, [1], object(), None, Thorn()],
        "tile": but(HUGE, also=[2.0, True, "64"]),
        "output": _PATHS,
        "palette": [5, "painting.png", [], Thorn(), np.zeros((9, 9, 3)) + NAN],
        "opacity": [5, "photo.png", [], Thorn(), np.zeros((9, 9)), np.full((24, 32), NAN)],
        "chroma": [5, "photo.png", [], Thorn(), np.zeros((9, 9, 3)), np.full((24, 32, 3), NAN)],
        "checkpoint": [5, b"x", [], "\0", "/dev/null/x", "x" * 5000, object()],
    }
    yield from options("minimize", call, bad)

    def kept(world: World, **given: Any) -> Any:
        return call(world, checkpoint=world.inputs / "run", **given)

    yield from options("minimize", kept, {"checkpoint_every": _COUNTS})


def transfer_options() -> Iterator[Case]:
    """`transfer` with one bad option each."""

    def call(world: World, **given: Any) -> Any:
        settings = {"content": world.photo, "style": world.painting, "features": world.features,
                    "size": 16, "evaluations": 2, **given}  # fmt: skip
        return ns.transfer(**settings)

    bad: dict[str, Any] = {
        "content": [None, 5, "", "nowhere.png", "\0", [], Thorn()],
        "style": [None, 5, "", [], [None], ["nowhere.png"], {}, Thorn()],
        "strength": [-1, 2, "0.5", NAN, INF, [], True, HUGE, Thorn()],
        "style_weights": ["", "a", 5, [], [0], [-1], [NAN], [INF], [HUGE], ["1"], [1, 2], Thorn()],
        "preset": but(also=["gatis", ["gatys"]]),
        "loss": [5, "gram", [], Gram, lambda photo, painting: 5],
        "size": but(also=[1, 2.5, True, "512", 10**6]),
        "style_size": but(also=[1, 2.5, True, "512", 10**6]),
        "color": but(also=["Match", ["match"]]),
        "start": but(also=["Noise", np.zeros((9, 9)), np.full((9, 9, 3), NAN)]),
        "scales": [5, "a", [1], [99], [8, 8], [NAN], {4: 1}],
        "features": ["vgg19", 5, ns.FeatureModel, len],
        "seed": ["a", -1, 1.5, NAN, [1]],
        "output": _PATHS,
    }
    yield from options("transfer", call, bad)


def preset_options() -> Iterator[Case]:
    """Every preset with bad pictures and options."""
    for name in ns.presets.names():

        def call(world: World, name: str = name, **given: Any) -> Any:
            settings = {"content": world.photo, "style": world.painting,
                        "features": world.features, "size": 16, "evaluations": 2,
                        **given}  # fmt: skip
            return ns.presets.find(name)(**settings).run()

        bad: dict[str, Any] = {
            "content": [None, "nowhere.png"],
            "style": [np.zeros((9, 9))],
            "size": [0, "16", 2.5],
            "evaluations": [0, NAN],
            "features": ["vgg19"],
            "color": [5],
            "seed": [-1, "a"],
            "start": [5, "photo"],
            "optimizer": ["adam"],
        }
        for case in options("preset", call, bad):
            yield Case("preset", f"{name} {case.name}", case.attempt, StyleError)
    for name in but(also=["Gatys", ("gatys",), ["gatys"]]):
        attempt = partial(used, lambda _, name: ns.presets.find(name), name)
        yield Case("preset", f"named {name!r:.30}", attempt, OptionError)


LAYERS_BAD = [5, NAN, "block1_conv1", b"x", [], [5], [None], ["a", "a"], {"a": "1"}, {"a": NAN},
              {"a": INF}, {"a": HUGE}, {5: 1.0}, {}, [["a"]], object(), Thorn()]  # fmt: skip
_COUNTS = [value for value in but(also=[None, 2.0, True]) if value is not HUGE]
LOSSES: dict[str, dict[str, Iterable[Any]]] = {
    "content": {},
    "gram": {},
    "shifted_gram": {
        "shifts": [
            5,
            None,
            "4",
            [2.5],
            [None],
            ["4"],
            [NAN],
            {},
            {"a": 4},
            [],
            object(),
            Thorn(),
        ],
        "axes": [5, None, "z", "yx", ["x"], "", object()],
        "flips": [5, None, "z", ["x"], object()],
    },
    "histogram": {"refresh_every": _COUNTS},
    "total_variation": {"power": but(also=[None, True, "l2", -2.0, [1]])},
    "mrf": {"patch": _COUNTS, "refresh_every": _COUNTS},
    "sliced_wasserstein": {"refresh_every": _COUNTS},
    "self_similarity": {"samples": _COUNTS},
    "relaxed_emd": {"cost": but(also=["Cosine", None, ["cosine"]]), "samples": [0, NAN]},
    "nearest_neighbors": {
        "refresh_every": _COUNTS,
        "samples": [0, NAN],
        "photo_share": [-0.1, 1.1, NAN, None, "1", [1]],
        "hypercolumns": [None, 1, "yes"],
        "centered": [None, 1, "yes"],
    },
    "hypercolumn_moments": {"unit": [0, -1, NAN, None, "1", HUGE, [1]], "samples": _COUNTS},
    "activation_shifted_gram": {"shift": but(-1, 0, also=[None, True, "1"])},
    "gram_chain": {"shift": [None, True, "1", NAN, HUGE]},
    "laplacian": {"pool": _COUNTS},
    "mmd": {"kernel": but(also=[None, ["linear"]]), "sigma": [0, -1, NAN, "1", HUGE, [1]]},
    "moments": {"epsilon": but(also=[None, True, "1", 1e-13])},
    "wasserstein2": {"epsilon": [None, True, "1", 1e-13, HUGE, NAN]},
}


def loss_options() -> Iterator[Case]:
    """Every built-in loss with one bad option, and bad arithmetic of losses."""
    for name, bad in LOSSES.items():

        def call(world: World, name: str = name, **given: Any) -> Any:
            references = [] if name == "total_variation" else [world.painting]
            return registry.factory(name)(*references, **given)

        every = {**bad, "layers": LAYERS_BAD, "name": [5, b"x", [], ["a"], object(), Thorn()]}
        for case in options("loss", call, every):
            yield Case("loss", f"{name} {case.name}", case.attempt, StyleError)
    sums: dict[str, Callable[[World], Any]] = {
        "weight NaN": lambda w: NAN * Gram(w.photo),
        "weight inf": lambda w: INF * Gram(w.photo),
        "weight 1e39": lambda w: 1e39 * Gram(w.photo),
        "weight huge": lambda w: HUGE * Gram(w.photo),
        "by 0": lambda w: Gram(w.photo) / 0,
        "by NumPy's 0": lambda w: Gram(w.photo) / np.float64(0),
        "by 1 over huge": lambda w: Gram(w.photo) / HUGE / 1e-320,
        "no terms": lambda w: ns.WeightedSum([]),
        "blended by nothing": lambda w: Gram(w.photo).blended([]),
        "blended by None": lambda w: Gram(w.photo).blended([None]),  # type: ignore[list-item]
        "blended by text": lambda w: Gram(w.photo).blended(["a"]),  # type: ignore[list-item]
        "blended by a number": lambda w: Gram(w.photo).blended(1),  # type: ignore[arg-type]
        "blended by NaN": lambda w: Gram(w.photo).blended([NAN]),
        "blended by huge": lambda w: Gram(w.photo).blended([HUGE]),
        "distance 5": lambda w: Gram(w.photo).with_distance(5),
        "distance unknown": lambda w: Gram(w.photo).with_distance("hubris"),
        "distance of a module": lambda w: Gram(w.photo).with_distance("os.system"),
        "distance None": lambda w: Gram(w.photo).with_distance(None),
        "distance of a class": lambda w: Gram(w.photo).with_distance(
            {"class_name": "Loss", "config": {"fn": "eval"}}
        ),
        "guided by nothing": lambda w: ns.guided(Gram(w.photo), []),
        "guided by None": lambda w: ns.guided(Gram(w.photo), None),  # type: ignore[arg-type]
        "guided by a number": lambda w: ns.guided(Gram(w.photo), [5]),  # type: ignore[list-item]
        "guided by text": lambda w: ns.guided(Gram(w.photo), [("a", "b")]),
        "guided by NaN": lambda w: ns.guided(Gram(w.photo), [(np.full((9, 9), NAN),) * 2]),
        "guided by a thorn": lambda w: ns.guided(Gram(w.photo), [(Thorn(), Thorn())]),
        "guided no loss": lambda w: ns.guided("gram", [(w.photo, w.photo)]),  # type: ignore[arg-type]
        "balanced no loss": lambda w: ns.balance("gram", w.features, w.photo),  # type: ignore[arg-type]
        "balanced by 0": lambda w: ns.balance(0 * Gram(w.photo), w.features, w.photo),
        "custom of 5": lambda w: ns.Custom(w.photo, statistic=5, layers=["a"]),
        "two references": lambda w: _run(w, Gram(w.photo, w.painting, layers=LAYERS[:1])),
        "no reference": lambda w: _run(w, Gram(layers=LAYERS[:1])),
        "another size": lambda w: _run(w, Content(w.painting, layers=LAYERS[:1])),
        "unknown layer": lambda w: _run(w, Gram(w.painting, layers=["block9_conv9"])),
        "shift beyond": lambda w: _run(w, ShiftedGram(w.photo, shifts=[99], layers=LAYERS[:1])),
        "patch beyond": lambda w: _run(w, MRF(w.photo, patch=99, layers=LAYERS[:1])),
    }
    for name, attempt in sums.items():
        yield Case("loss", name, attempt, StyleError)


def _run(world: World, loss: Any) -> Any:
    return ns.minimize(loss, world.features, world.photo, evaluations=2)


def network_options() -> Iterator[Case]:
    """`FeatureModel` with one bad option each, and bad questions to one."""

    def call(world: World, **given: Any) -> Any:
        small_networks(world)
        return ns.FeatureModel(**{"network": "vgg19", "weights": None, **given})

    bad: dict[str, Any] = {
        "network": but(also=[None, "vgg", "VGG19", ["vgg19"]]),
        "pooling": but("", also=["mean", ["max"], True]),
        "preprocess": [5, "Caffe", b"x", ["caffe"], {"a": 1}, NAN],
    }
    yield from options("network", call, bad)
    dense = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    unbuilt = keras.Sequential([keras.layers.Dense(3)])
    for name, model in {"of vectors": dense, "not built": unbuilt}.items():
        yield Case("network", name, partial(_wrapped, model), StyleError)
    for name, image in _bad_arrays().items():
        if name in {"a petabyte of strides", "a line of strides"} or name[-1].isdigit():
            continue
        asked = partial(used, lambda w, x: w.features(x, LAYERS[:1]), image)
        if name not in {"NaN", "inf", "-inf", "0 to 1", "one pixel", "one row", "a batch"}:
            yield Case("network", f"image {name}", asked, StyleError)
    for asked_layers in [5, None, "block1_conv1", ["nothing"], [5], [["a"]], [b"x"], Thorn()]:
        for question in ("check", "receptive_fields"):
            ask = partial(_ask, question, asked_layers)
            yield Case("network", f"{question}({asked_layers!r})", ask, StyleError)


def _wrapped(model: keras.Model, _: World) -> Any:
    return ns.FeatureModel(model, preprocess="raw")


def _ask(question: str, layers: Any, world: World) -> Any:
    return getattr(world.features, question)(layers)


def small_networks(world: World) -> None:
    """VGG's names for a network that costs nothing to build."""

    def build(**_: Any) -> keras.Model:
        inputs = keras.Input((None, None, 3))
        x = keras.layers.Conv2D(4, 3, name="block1_conv1")(inputs)
        x = keras.layers.MaxPooling2D(name="block1_pool")(x)
        return keras.Model(inputs, keras.layers.Conv2D(2, 3, name="block2_conv1")(x), name="vgg")

    for name in ("vgg19", "vgg16"):
        world.patch.setitem(networks._NETWORKS, name, build)


def sweep_options() -> Iterator[Case]:
    """`sweep`, `contact_sheet` and `noise` with one bad option each."""

    def call(world: World, **given: Any) -> Any:
        return ns.sweep(**{"run": made, "grid": {"seed": [1]}, **given})

    def kept(world: World, **given: Any) -> Any:
        folder = world.inputs / "folder"  # which may be made, whatever comes then
        return ns.sweep(**{"run": made, "grid": {"seed": [1]}, "folder": folder, **given})

    grids = [*but(), None, {"a": 5}, {"a": "bc"}, {"a": {1}}, {"a": []}, {5: [1]}, {"a": {1: 2}},
             {"a": Thorn()}]  # fmt: skip
    yield from options(
        "sweep", call, {"grid": grids, "executor": but(also=["threads", 4]), "callbacks": [5, [5]],
                        "run": [None, 5, "run"]}
    )  # fmt: skip
    loop: list[Any] = []
    loop.append(loop)
    values = [NAN, INF, 1j, b"x", {1}, object(), len, loop, Thorn(), {(1, 2): 3}, np.zeros(3)]
    yield from options(
        "sweep", kept, {"grid": [{"a": [v]} for v in values] + [{"a": [1, 1]}],
                        "folder": [5, b"x", "\0", "/dev/null/x", "x" * 5000]}
    )  # fmt: skip
    outcome = Outcome({"a": 1}, error=ValueError("x"))

    def sheet(world: World, **given: Any) -> Any:
        return ns.contact_sheet(**{"pictures": [outcome], **given})

    yield from options(
        "sweep", sheet,
        {"pictures": [None, 5, [], {}, "abc", [5], {"a": None}], "rows": ["b", 5, []],
         "columns": ["b", 0, NAN, []], "cell": _COUNTS, "title": [5, None, b"x"],
         "font": ["nowhere.ttf", "\0", 5, "/dev/null", "/"]},
    )  # fmt: skip

    def noise(world: World, **given: Any) -> Any:
        return images.noise(**{"size": (9, 9), **given})

    yield from options(
        "sweep", noise,
        {"size": but(also=[5, (9,), (9, 9, 3), (0, 9), (9.0, 9), (10**9, 10**9), (HUGE, 9)]),
         "seed": [-1, 1.5, "a", None],
         "uniform": but(also=[(1, 0), (0, NAN), (0, 1e300), (-1e308, 1e308), ([1], [2, 3])]),
         "normal": [5, (0, -1), (0, NAN), (0, 1e300), (HUGE, 1), "ab", Thorn()]},
    )  # fmt: skip

    def resized(world: World, **given: Any) -> Any:
        return images.resize(world.photo, **given)

    bad: dict[str, Any] = {"long_side": but(also=[1, 2.5, True, (9, 9), 10**9]),
           "short_side": but(also=[1, True, 10**9]),
           "size": but(also=[9, (9,), (1, 9), (10**6, 10**6), (9, HUGE)])}  # fmt: skip
    yield from options("sweep", resized, bad)


def other_options() -> Iterator[Case]:
    """`score`, callbacks, tables, `color` and example pictures with one bad option each."""

    def scored(world: World, **given: Any) -> Any:
        settings = {"features": world.features, "style_layers": LAYERS[:1],
                    "content_layer": LAYERS[0], **given}  # fmt: skip
        return ns.score(world.photo, world.photo, world.painting, **settings)

    yield from options(
        "other option", scored,
        {"features": ["vgg19", 5, len], "style_layers": [5, None, "a", [], ["a"], [5]],
         "content_layer": [5, None, "a", ["a"]], "directions": _COUNTS, "positions": _COUNTS,
         "seed": [-1, "a", 1.5, None]},
    )  # fmt: skip
    paths = [5, None, b"x", "\0", "/dev/null/x", "x" * 5000]
    for name in ("csv", "snapshots"):
        for path in paths:
            attempt = partial(called, getattr(ns.callbacks, name), path)
            yield Case("other option", f"{name} {path!r:.30}", attempt, StyleError)
    folders: list[Any] = [
        5,
        None,
        b"x",
        [],
        "",
        "\0",
        "/dev/null/at/all",
        "/dev/null",
        "x" * 5000,
        Thorn(),
    ]
    uses: dict[str, Callable[[World, Any], Any]] = {
        "resume": lambda w, path: ns.resume(path, features=w.features),
        "rerun": lambda w, path: ns.rerun(path, features=w.features),
        "record": lambda w, path: _run(w, TotalVariation("squared")).save_record(path),
        "report": lambda w, path: ns.callbacks.report(path),
    }
    for name, use in uses.items():
        for folder in folders:
            if name == "record" and folder == "":
                continue  # which is made
            attempt = partial(used, use, folder)
            yield Case("other option", f"{name} {folder!r:.30}", attempt, StyleError)

    def reported(world: World, **given: Any) -> Any:
        return ns.report.write(made(), world.outputs / "a.html", **given)

    yield from options(
        "other option", reported,
        {"content": [5, "nowhere.png", [], Thorn()], "style": [5, ["nowhere.png"], [[]], Thorn()],
         "settings": [5, "text", [5], Thorn()]},
    )  # fmt: skip
    for every in _COUNTS:
        attempt = partial(used, lambda w, n: ns.callbacks.snapshots(w.inputs, every=n), every)
        yield Case("other option", f"snapshots every {every!r}", attempt, OptionError)
    for name in [*JUNK, None, "montreal.png", "../montreal", ["montreal"]]:
        attempt = partial(called, ns.datasets.path, name)
        yield Case("other option", f"picture {name!r:.30}", attempt, StyleError)
    for method in [5, None, "Cholesky", ["cholesky"], Thorn()]:
        attempt = partial(used, lambda w, m: ns.color.match(w.photo, w.photo, m), method)
        yield Case("other option", f"method {method!r}", attempt, OptionError)
    for table in [5, None, (), (NAN,), ("a",), (0.0,), (2.0, 1.0), (HUGE,), (1j,), Thorn()]:
        attempt = partial(called, ns.parameterization.Frequencies, table)
        yield Case("other option", f"frequencies {table!r:.30}", attempt, OptionError)
    for levels in _COUNTS:
        attempt = partial(called, ns.parameterization.Wavelets, levels)
        yield Case("other option", f"wavelets {levels!r:.30}", attempt, OptionError)


def called(function: Callable[[Any], Any], value: Any, _: World) -> Any:
    return function(value)


def made(**settings: Any) -> ns.Result:
    return ns.Result(images.noise((8, 8)), 1.0, {"a": 1.0}, {"a": 1.0}, (), 1, 1, 0.1, 0, "done")
