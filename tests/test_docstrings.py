"""What the docstrings show is true, and every public name has one and a type."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import re
from importlib.metadata import EntryPoint, entry_points

import keras
import pytest

import neural_style
from neural_style.losses.registry import GROUP

MODULES = ["neural_style"] + [
    module.name for module in pkgutil.walk_packages(neural_style.__path__, "neural_style.")
]
PUBLIC_MODULES = [
    name
    for name in neural_style.__all__
    if inspect.ismodule(getattr(neural_style, name)) and name != "ops"
]
LOSSES = [p for p in entry_points(group=GROUP) if p.dist and p.dist.name == "neural-style-keras"]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_are_true(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
    assert doctest.testmod(module, optionflags=doctest.ELLIPSIS).failed == 0


@pytest.mark.parametrize("name", neural_style.__all__)
def test_a_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(neural_style, name)
    assert value.__doc__
    assert not value.__doc__.startswith(f"{name}(")  # what a dataclass writes for itself


@pytest.mark.parametrize("loss", LOSSES, ids=lambda point: point.name)
def test_a_packaged_loss_has_its_source_and_an_example(loss: EntryPoint) -> None:
    documentation = loss.load().__doc__ or ""
    assert re.search("Sources?:", documentation)
    assert ">>>" in documentation


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_completion_shows_the_names_of_a_public_module_alone(name: str) -> None:
    module = getattr(neural_style, name)
    assert dir(module) == sorted(module.__all__)
    for public in module.__all__:
        value = getattr(module, public)
        if inspect.isroutine(value) or inspect.isclass(value):
            assert value.__module__.startswith("neural_style")
            assert value.__doc__


def test_completion_shows_the_operations_of_keras() -> None:
    assert dir(neural_style.ops) == [n for n in dir(keras.ops) if not n.startswith("_")]
    assert neural_style.ops.mean is keras.ops.mean


def test_completion_shows_the_names_of_the_package_alone() -> None:
    names = {name for name in dir(neural_style) if not name.startswith("__")}
    assert names == set(neural_style.__all__)


def test_a_name_that_is_none_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="No neural_style attribute minimise"):
        neural_style.minimise  # type: ignore[attr-defined]  # noqa: B018
