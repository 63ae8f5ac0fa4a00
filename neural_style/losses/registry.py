"""Losses by name.

    @register("my_loss")             # in a script or a notebook
    create("my_loss", painting)      # -> a Loss
    names()                          # -> every name that is offered, sorted
    name_of(type(loss))              # -> its name

A packaged loss is named by an entry point in the group ``neural_style.losses``, the
built-in ones no differently from an outsider's; entry points are listed without being
imported and loaded when they are asked for. A name has one owner: registering one that
is taken raises, unless by the same class, as when a notebook's cell is run again.

The losses of `neural_style.recipes.preset_losses` have names, for the records of presets, but are
not offered: `names` leaves them out.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint, distributions, entry_points
from typing import Any, TypeVar

from neural_style.errors import LossError, RegistryError, StyleError, suggestion
from neural_style.losses.types import BaseLoss

Factory = TypeVar("Factory", bound=Callable[..., Any])

_log = logging.getLogger(__name__)

GROUP = "neural_style.losses"
_UNLISTED = tuple(
    EntryPoint(name, f"neural_style.recipes.preset_losses:{kind}", GROUP)
    for name, kind in (
        ("joint_histogram", "JointHistogram"),
        ("summed_variation", "SummedVariation"),
    )
)
_registered: dict[str, Callable[..., Any]] = {}


def register(name: str) -> Callable[[Factory], Factory]:
    """A decorator that makes a loss class known as ``name``.

    Raises
    ------
    RegistryError
        The name is none, or belongs to something else. The same module and qualified name
        replaces its own earlier registration.
    """
    if not isinstance(name, str) or not name:
        raise RegistryError(f'expected a name, as in @register("my_loss"), got {name!r}.')

    def add(factory: Factory) -> Factory:
        if not callable(factory):
            raise RegistryError(f"the loss {name!r}: expected a Loss class, got {factory!r}.")
        own = _path(factory)
        others = [_owner(point) for point in _points().get(name, []) if not _names(point, own)]
        if name in _registered and _path(_registered[name]) != own:
            others.append(_path(_registered[name]))
        if others:
            raise RegistryError(
                f"the loss name {name!r} is taken by {others[0]}; choose another for {own}. "
                f"Taken: {', '.join(names())}."
            )
        _registered[name] = factory
        return factory

    return add


def create(name: str, /, *references: Any, **options: Any) -> Any:
    """Make the loss called ``name``.

    Parameters
    ----------
    name
        One of `names`, or of a loss of a preset's own.
    references, options
        What its class takes.

    Raises
    ------
    RegistryError
        The name is unknown, given by two packages, or its plugin does not load.
    LossError
        Its class does not take these references and options, or breaks.
    """
    make, owner = find(name)
    try:
        loss = make(*references, **options)
    except StyleError:
        raise
    except (Exception, SystemExit) as error:
        raise LossError(
            f"the loss {name!r} ({owner}) cannot be made so: {_reason(error)}. It is made as "
            f"{name}{_signature(make)}."
        ) from error
    if not isinstance(loss, BaseLoss):
        raise RegistryError(
            f"the loss {name!r} ({owner}) made a {type(loss).__name__}, expected a "
            f"neural_style.Loss."
        )
    return loss


def factory(name: str) -> Callable[..., Any]:
    """The class, or what else makes it, of the loss called ``name``; raises as `create`."""
    return find(name)[0]


def find(name: str) -> tuple[Callable[..., Any], str]:
    """The `factory` of the loss called ``name``, and whose it is in words; raises as `create`."""
    if isinstance(name, str) and name in _registered:
        return _registered[name], _path(_registered[name])
    point = _point(name)
    owner = _owner(point)
    try:
        factory = point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin breaks in any way it likes
        raise RegistryError(
            f"the loss {name!r} ({owner}) does not load: {_reason(error)}. "
            f"The other losses are not affected."
        ) from error
    if not callable(factory):
        raise RegistryError(f"the loss {name!r} ({owner}): expected a Loss class, got {factory!r}.")
    return factory, owner


def path_of(name: str) -> str:
    """The ``module:Class`` of the loss called ``name``; no plugin is imported for it.

    Raises
    ------
    RegistryError
        The name is unknown, or given by two packages.
    """
    return _path(_registered[name]) if name in _registered else _point(name).value


def names() -> list[str]:
    """The name of every loss that is offered, sorted; no plugin is imported for it."""
    return sorted({*_registered, *_points()} - {point.name for point in _UNLISTED})


def name_of(kind: type[BaseLoss]) -> str:
    """The name of a loss class; no plugin is imported for it.

    Raises
    ------
    RegistryError
        It has none.
    """
    own = _path(kind)
    found = [name for name, factory in _registered.items() if _path(factory) == own]
    found += [name for name, each in _points().items() if any(_names(p, own) for p in each)]
    if not found:
        raise RegistryError(
            f"the loss class {own} has no name: register it, "
            f'@register("my_loss") above the class, or with an entry point of its package.'
        )
    return min(found)


def _point(name: object) -> EntryPoint:
    points = _points().get(name, []) if isinstance(name, str) else []
    if not points:
        raise RegistryError(f"no loss is called {name!r}: {suggestion(str(name), names())}.")
    if len(points) > 1:
        owners = " and ".join(map(_owner, points))
        raise RegistryError(f"the loss name {name!r} is given by {owners}; uninstall one.")
    return points[0]


def _points() -> dict[str, list[EntryPoint]]:
    found: dict[str, list[EntryPoint]] = {}
    for point in (*_entry_points(), *_UNLISTED):
        if point not in found.setdefault(point.name, []):
            found[point.name].append(point)
    return found


def _entry_points() -> Iterable[EntryPoint]:
    try:
        return entry_points(group=GROUP)
    except Exception:  # the metadata of one package, perhaps of no loss at all, hide all others
        return _legible_entry_points()


def _legible_entry_points() -> Iterable[EntryPoint]:
    seen = set()
    for package in distributions():
        try:
            name, points = package.name, package.entry_points.select(group=GROUP)
        except Exception as error:
            _log.warning("the metadata of %s are not legible: %s", package, _reason(error))
            continue
        if name not in seen:  # of one installed twice, the first on the path counts
            seen.add(name)
            yield from points


def _reason(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # it is a plugin's own, whose text may break, too
        return type(error).__name__


def _signature(factory: Callable[..., Any]) -> str:
    try:
        return str(inspect.signature(factory))
    except (TypeError, ValueError):
        return "(…)"


def _owner(point: EntryPoint) -> str:
    return f"{point.value} of package {point.dist.name if point.dist else 'neural-style-keras'}"


def _path(factory: Callable[..., Any]) -> str:
    return f"{factory.__module__}:{getattr(factory, '__qualname__', type(factory).__qualname__)}"


def _names(point: EntryPoint, path: str) -> bool:
    """Whether an entry point names the class at ``path``, or a package's re-export of it."""
    module, _, attribute = point.value.partition(":")
    own_module, _, own_attribute = path.partition(":")
    return attribute == own_attribute and f"{own_module}.".startswith(f"{module}.")
