"""Names of losses, and configs of their sums, that are none."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import neural_style as ns
from corpus.cases import HUGE, NAN, Case, World, used
from corpus.options import Thorn, but
from neural_style.errors import LossError, RegistryError, StyleError
from neural_style.extensions import Gram
from neural_style.losses import registry


def loss_names() -> Iterator[Case]:
    """`create` and configs with names, layers and weights that are none."""
    for name in [*but(), None, "grma", "Gram", "gram ", "GRAM", "os.system", "os:system",
                 "neural_style.extensions:Gram", "../gram", "gram\0", "gram\n", "__import__('os')",
                 "a" * 10**5, ["gram"], ("gram",), {"gram": 1}, Gram]:  # fmt: skip
        attempt = partial(used, lambda w, name: registry.create(name, w.photo), name)
        yield Case("loss name", f"create {name!r:.30}", attempt, RegistryError)
    for name in ["", None, 5, b"x", ["a"], Thorn(), "gram"]:
        attempt = partial(used, lambda w, name: registry.register(name)(_Own), name)
        yield Case("loss name", f"register {name!r:.30}", attempt, RegistryError)
    given: dict[str, dict[str, Any]] = {
        "unknown option": {"weight": 5},
        "option of another loss": {"shifts": [4]},
        "self": {"self": 5},
        "options by another case": {"Layers": ["a"]},
    }
    for name, own in given.items():
        attempt = partial(used, lambda w, own: registry.create("gram", w.photo, **own), own)
        yield Case("loss name", name, attempt, LossError)
    for name, config in configs().items():
        attempt = partial(used, _from_config, config)
        yield Case("loss name", f"config {name}", attempt, StyleError)


class _Own(ns.Loss):
    layers = ("image",)


def configs() -> dict[str, Any]:
    """Configs of sums that are none."""
    term = {"loss": "total_variation", "weight": 1.0, "config": {"power": "l1"}, "references": [],
            "masks": None}  # fmt: skip
    changes: dict[str, dict[str, Any]] = {
        "loss unknown": {"loss": "grma"},
        "loss a list": {"loss": []},
        "loss of a module": {"loss": "os.system"},
        "weight text": {"weight": "a"},
        "weight NaN": {"weight": NAN},
        "weight huge": {"weight": HUGE},
        "weight None": {"weight": None},
        "config None": {"config": None},
        "config a list": {"config": [1]},
        "config of other options": {"config": {"x": 1}},
        "config of no text": {"config": {5: 1}},
        "config of bad layers": {"config": {"layers": 5}},
        "references unknown": {"references": ["abc"]},
        "references a number": {"references": 5},
        "references of lists": {"references": [[]]},
        "masks unknown": {"masks": ["a", ["b"]]},
        "masks a number": {"masks": 5},
        "masks too many": {"masks": [1, 2, 3]},
        "blended": {"config": {"blended": 5}},
        "distance": {"config": {"with_distance": {"class_name": "eval", "config": {}}}},
        "distance of no config": {"config": {"with_distance": {"class_name": "Huber"}}},
        "distance a list": {"config": {"with_distance": [1]}},
    }
    return {
        **{name: {"terms": [{**term, **change}]} for name, change in changes.items()},
        "empty": {},
        "None": None,
        "text": "terms",
        "a list": [],
        "terms None": {"terms": None},
        "terms empty": {"terms": []},
        "terms of None": {"terms": [None]},
        "terms of text": {"terms": ["gram"]},
        "term without weight": {"terms": [{"loss": "gram"}]},
    }


def _from_config(world: World, config: Any) -> Any:
    return ns.WeightedSum.from_config(config, {})
