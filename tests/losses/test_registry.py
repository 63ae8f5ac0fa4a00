"""Losses by name: registered ones, entry points, and those that are broken."""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

from neural_style import Loss, create, extensions, names, register
from neural_style.errors import RegistryError
from neural_style.images import Image
from neural_style.losses import registry
from neural_style.recipes import preset_losses

Install: TypeAlias = Callable[..., None]
PICTURE = np.zeros((4, 4, 3))

PLUGIN = """
from neural_style import Loss

class Dots(Loss):
    layers = ("image",)
"""


DECORATED = """
from neural_style import Loss, register

@register("dots")
class Dots(Loss):
    layers = ("image",)
"""


class Plain(Loss):
    layers = ("image",)


@pytest.fixture(autouse=True)
def nothing_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put a package first on the path, with an entry point ``dots`` and the module it names."""

    def install(package: str, value: str = "fake:Dots", source: str = PLUGIN) -> None:
        site = tmp_path / str(len(list(tmp_path.iterdir())))
        info = site / f"{package}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{registry.GROUP}]\ndots = {value}\n")
        module = value.partition(":")[0]
        (site / f"{module}.py").write_text(source)
        monkeypatch.syspath_prepend(site)
        monkeypatch.delitem(sys.modules, module, raising=False)

    return install


def cell(name: str) -> type[Loss]:
    """A notebook's cell, which makes a new class of the same name each time it is run."""

    @register(name)
    class Cell(Loss):
        layers = ("image",)

    return Cell


def test_the_decorator_returns_the_class() -> None:
    assert register("plain")(Plain) is Plain


def test_references_and_options_reach_the_class(photo: Image) -> None:
    register("plain")(Plain)
    loss = create("plain", photo, layers=["a"], name="mine")
    assert isinstance(loss, Plain)
    assert len(loss.references) == 1
    assert (loss.layers, loss.name) == (("a",), "mine")


def test_a_class_has_a_name(install: Install) -> None:
    assert registry.name_of(extensions.Gram) == "gram"
    assert registry.name_of(cell("mine")) == "mine"
    with pytest.raises(RegistryError, match=r'Plain has no name: register it, with @register\("my'):
        registry.name_of(Plain)
    install("fake")
    module = types.ModuleType("fake")
    exec(PLUGIN, vars(module))
    assert registry.name_of(module.Dots) == "dots"
    assert "fake" not in sys.modules


def test_names_are_sorted_and_hold_what_is_registered() -> None:
    before = names()
    register("aardvark")(Plain)
    assert names() == ["aardvark", *before] == sorted(names())


@pytest.mark.parametrize(
    "kind",
    [
        preset_losses.CoarseSelfSimilarity,
        preset_losses.FineRelaxedEMD,
        preset_losses.JointHistogram,
        preset_losses.NinePointVariation,
        preset_losses.SummedVariation,
    ],
)
def test_the_losses_of_presets_have_names_and_are_not_offered(kind: type[Loss]) -> None:
    name = registry.name_of(kind)
    assert registry.factory(name) is kind
    assert name not in names()
    home = f"neural_style.recipes.preset_losses:{kind.__name__}"
    message = f"{name!r} is taken by {home} of package neural-style-keras"
    with pytest.raises(RegistryError, match=message):
        register(name)(Plain)


def test_the_packaged_losses_are_those_of_the_extensions() -> None:
    points = entry_points(group=registry.GROUP)
    packaged = {p.load() for p in points if p.dist and p.dist.name == "neural-style-keras"}
    assert packaged == {getattr(extensions, name) for name in extensions.__all__}


def test_a_cell_that_is_run_again_replaces_its_own_loss_and_no_other() -> None:
    other, _, second = cell("other"), cell("mine"), cell("mine")
    assert type(create("mine", PICTURE)) is second
    assert type(create("other", PICTURE)) is other


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("mine", f"{__name__}:cell.<locals>.Cell"),
        ("gram", "neural_style.extensions.gram:Gram of package neural-style-keras"),
        ("dots", "fake:Dots of package fake"),
    ],
    ids=["registered", "packaged", "third-party"],
)
def test_a_taken_name_is_refused_and_stays(
    name: str, owner: str, install: Install, photo: Image
) -> None:
    install("fake")
    cell("mine")
    message = f"{name!r} is taken by {owner}; choose another name for {__name__}:Plain. Taken: "
    with pytest.raises(RegistryError, match=re.escape(message)):
        register(name)(Plain)
    assert not isinstance(create(name, photo), Plain)


@pytest.mark.parametrize("name", ["", None, 3, Plain])
def test_a_name_that_is_none_is_refused(name: Any) -> None:
    with pytest.raises(RegistryError, match=r'expected a name, as in @register\("my_loss"\), got'):
        register(name)


def test_only_classes_and_functions_are_registered(photo: Image) -> None:
    with pytest.raises(
        RegistryError, match=r"'plain': expected a Loss class, got Plain\(picture_24x32"
    ):
        register("plain")(Plain(photo))  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("grma", r"no loss is called 'grma': did you mean 'gram'\? Known: .*gram, "),
        ("xyz", "no loss is called 'xyz': Known: .*gram, "),
        (None, "no loss is called None: Known: .*gram, "),
    ],
)
def test_an_unknown_name_gets_the_known_ones_and_a_near_miss(name: Any, message: str) -> None:
    with pytest.raises(RegistryError, match=message):
        create(name)


def test_an_entry_point_is_found_on_demand_and_imported_when_created(install: Install) -> None:
    assert "dots" not in names()
    install("fake")
    assert "dots" in names()
    assert "fake" not in sys.modules
    assert type(create("dots", PICTURE)).__module__ == "fake"


@pytest.mark.parametrize(
    ("value", "source", "reason"),
    [
        ("fake:Dots", "raise OSError('no disk')", "does not load: OSError: no disk."),
        ("fake:Dots", "raise SystemExit('bye')", "does not load: SystemExit: bye."),
        ("fake:Dots", "import missing", "does not load: ModuleNotFoundError: No module named"),
        ("fake:Dots", "import", "does not load: SyntaxError"),
        ("fake:Spots", PLUGIN, "does not load: AttributeError: module 'fake' has no attribute"),
        ("fake Dots", PLUGIN, "does not load: "),
        ("fake:Dots", DECORATED.replace("dots", "gram"), "name 'gram' is taken by neural_style."),
        ("fake:Dots", DECORATED.replace("Dots", "Spots"), "name 'dots' is taken by fake:Dots"),
        ("fake:Dots", "Dots = 5", ": expected a Loss class, got 5"),
        ("fake:Dots", "def Dots(): return 5", "made a int, expected a neural_style.Loss"),
    ],
    ids=[
        "raises",
        "exits",
        "import",
        "syntax",
        "attribute",
        "value",
        "taken",
        "neighbor",
        "callable",
        "loss",
    ],
)
def test_a_broken_plugin_is_named_and_breaks_no_other(
    install: Install, value: str, source: str, reason: str
) -> None:
    install("broken", value, source)
    with pytest.raises(RegistryError, match=rf"the loss 'dots' \({value} of package broken\)") as e:
        create("dots")
    assert reason in str(e.value)
    assert "dots" in names()
    assert create("total_variation").name == "total_variation"


def test_a_name_that_two_packages_give_belongs_to_neither(install: Install) -> None:
    install("one", "first:Dots")
    install("two", "second:Dots")
    message = "'dots' is used by second:Dots of package two and first:Dots of package one; uninst"
    with pytest.raises(RegistryError, match=message):
        create("dots")
    assert names().count("dots") == 1
    assert create("total_variation").name == "total_variation"


def test_one_class_that_two_distributions_give_is_no_collision(install: Install) -> None:
    install("fake")
    install("fork")
    assert type(create("dots", PICTURE)).__module__ == "fake"


def test_of_metadata_found_twice_the_first_counts(install: Install) -> None:
    install("fake", "stale:Dots")
    install("fake")
    assert type(create("dots", PICTURE)).__module__ == "fake"


@pytest.mark.parametrize("module", ["fake", "fake.losses"], ids=["itself", "re-exported"])
def test_a_packaged_class_may_register_its_own_name(install: Install, module: str) -> None:
    install("fake", source=f"{DECORATED}    __module__ = {module!r}")
    assert type(create("dots", PICTURE)) is type(create("dots", PICTURE))
