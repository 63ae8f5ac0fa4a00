"""Losses by name.

    @register("my_loss")             # in a script or a notebook
    create("my_loss", painting)      # -> a Loss
    names()                          # -> all public names, sorted
    name_of(type(loss))              # -> its name

A package names its losses by entry points in the group ``neural_style.losses``; the built-in
losses do the same. Entry points are listed without an import and loaded on demand. A name has
one owner: registering a name twice raises an error, except for the same class, for example if
a notebook cell is run again.

The losses of `neural_style.recipes.preset_losses` have names for the records of presets, but
`names` leaves them out.
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
        ("nine_point_variation", "NinePointVariation"),
        ("coarse_self_similarity", "CoarseSelfSimilarity"),
        ("fine_relaxed_emd", "FineRelaxedEMD"),
    )
)
_registered: dict[str, Callable[..., Any]] = {}


def register(name: str) -> Callable[[Factory], Factory]:
    """A decorator that registers a loss class as ``name``.

    Raises
    ------
    RegistryError
        The name is not a non-empty string, or belongs to another class. A class with the same
        module and qualified name replaces its earlier registration.
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
                f"the loss name {name!r} is taken by {others[0]}; choose another name for {own}. "
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
        One of `names`, or the name of a loss in `neural_style.recipes.preset_losses`.
    references, options
        The arguments of its class.

    Raises
    ------
    RegistryError
        The name is unknown, two packages use it, or its plugin does not load.
    LossError
        The class does not accept these references and options, or fails.
    """
    make, owner = find(name)
    try:
        loss = make(*references, **options)
    except StyleError:
        raise
    except (Exception, SystemExit) as error:
        raise LossError(
            f"the loss {name!r} ({owner}) cannot be made: {_reason(error)}. Its signature is "
            f"{name}{_signature(make)}."
        ) from error
    if not isinstance(loss, BaseLoss):
        raise RegistryError(
            f"the loss {name!r} ({owner}) made a {type(loss).__name__}, expected a "
            f"neural_style.Loss."
        )
    return loss


def factory(name: str) -> Callable[..., Any]:
    """The class or function that makes the loss called ``name``; raises as `create`."""
    return find(name)[0]


def find(name: str) -> tuple[Callable[..., Any], str]:
    """The `factory` of the loss called ``name``, and its owner as text; raises as `create`."""
    if isinstance(name, str) and name in _registered:
        return _registered[name], _path(_registered[name])
    point = _point(name)
    owner = _owner(point)
    try:
        factory = point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin can raise anything
        raise RegistryError(
            f"the loss {name!r} ({owner}) does not load: {_reason(error)}. "
            f"The other losses are not affected."
        ) from error
    if not callable(factory):
        raise RegistryError(f"the loss {name!r} ({owner}): expected a Loss class, got {factory!r}.")
    return factory, owner


def path_of(name: str) -> str:
    """The ``module:Class`` of the loss called ``name``, without importing a plugin.

    Raises
    ------
    RegistryError
        The name is unknown, or two packages use it.
    """
    return _path(_registered[name]) if name in _registered else _point(name).value


def names() -> list[str]:
    """The public names of all losses, sorted, without importing a plugin."""
    return sorted({*_registered, *_points()} - {point.name for point in _UNLISTED})


def name_of(kind: type[BaseLoss]) -> str:
    """The name of a loss class, without importing a plugin.

    Raises
    ------
    RegistryError
        The class has no name.
    """
    own = _path(kind)
    found = [name for name, factory in _registered.items() if _path(factory) == own]
    found += [name for name, each in _points().items() if any(_names(p, own) for p in each)]
    if not found:
        raise RegistryError(
            f"the loss class {own} has no name: register it, with "
            f'@register("my_loss") above the class, or with an entry point of its package.'
        )
    return min(found)


def _point(name: object) -> EntryPoint:
    points = _points().get(name, []) if isinstance(name, str) else []
    if not points:
        raise RegistryError(f"no loss is called {name!r}: {suggestion(str(name), names())}.")
    if len(points) > 1:
        owners = " and ".join(map(_owner, points))
        raise RegistryError(f"the loss name {name!r} is used by {owners}; uninstall one of them.")
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
    except Exception:  # one package with broken metadata would hide all others
        return _legible_entry_points()


def _legible_entry_points() -> Iterable[EntryPoint]:
    seen = set()
    for package in distributions():
        try:
            name, points = package.name, package.entry_points.select(group=GROUP)
        except Exception as error:
            _log.warning("the metadata of %s cannot be read: %s", package, _reason(error))
            continue
        if name not in seen:  # if it is installed twice, the first on the path counts
            seen.add(name)
            yield from points


def _reason(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # a plugin's own error, whose text may fail too
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
    """Whether an entry point names the class at ``path``, or its re-export by a package."""
    module, _, attribute = point.value.partition(":")
    own_module, _, own_attribute = path.partition(":")
    return attribute == own_attribute and f"{own_module}.".startswith(f"{module}.")
