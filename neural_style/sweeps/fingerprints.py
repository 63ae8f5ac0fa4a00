"""Digests of all that a function's results depend on; in one file, since each calls the others.

A digest is the same in every process.

    fingerprints(run, [{"seed": 0}])     # -> [{"its code": "3f…", "photo": "a0…", …}]

The digest of a function includes its bytecode, with its nested functions; its defaults, its closure
and its attributes; and the globals that it reads, with their functions and classes. It does not
include file names, line numbers, comments, docstrings, memory addresses or the order of a set.
Values that the function reads are included as follows:

- arrays, tensors and variables: their numbers; Keras' layers, optimizers and losses: their config
  and variables; a `FeatureModel`: its network, options and weights;
- functions, classes and modules of an installed package: their name and the package's version; all
  others: their code; of a module, also the attributes that the function names;
- a text or path that names a file: also the bytes of the file; a text that is the name of a loss:
  also that loss;
- a `Result`: its picture and numbers, but not its times;
- any other object: its class and its pickled state.

Some values have no digest, such as a lock, an open file or a generator. An error names such a
value unless a ``version`` represents it. Not included are names that are built while the function
runs, the environment, the network and the clock.
"""

from __future__ import annotations

import copyreg
import dis
import functools
import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import re
import sys
import sysconfig
import types
import weakref
from collections.abc import Callable, Iterable, Sequence, Set
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from neural_style.errors import OptionError, RegistryError
from neural_style.losses import registry
from neural_style.runs.result import Result
from neural_style.utils.files import open_file

# A description of a value, and its parts, with their names for messages.
_Parts: TypeAlias = tuple[str | bytes, list[tuple[str, Any]]]

_READS = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
# Names that Python sets: they say where an object is, not what it is.
_PLACES = {
    *("__name__", "__qualname__", "__module__", "__file__", "__doc__", "__package__", "__spec__"),
    *("__loader__", "__path__", "__cached__", "__builtins__", "__firstlineno__", "__annotations__"),
    *("__static_attributes__", "__dict__", "__weakref__", "__dataclass_fields__", "_abc_impl"),
    *("__dataclass_params__", "__slotnames__"),
}
# Values that pickle refuses or takes only in part, and the attributes that they are made of.
_ATTRIBUTES: dict[type, tuple[str, ...]] = {
    types.MethodType: ("__func__", "__self__"),
    types.ClassMethodDescriptorType: ("__objclass__", "__name__"),
    types.GetSetDescriptorType: ("__objclass__", "__name__"),
    types.MemberDescriptorType: ("__objclass__", "__name__"),
    staticmethod: ("__func__",),
    classmethod: ("__func__",),
    property: ("fget", "fset", "fdel"),
    functools.cached_property: ("func",),
    functools._lru_cache_wrapper: ("__wrapped__",),
    **dict.fromkeys((weakref.WeakKeyDictionary, weakref.WeakValueDictionary, weakref.WeakSet), ()),
}
_FLAGS = 0x3FF  # of a code object: its kinds of arguments, and generator; not its docstring


class _NoDigestError(Exception):
    """A value has no digest."""


class _Read(NamedTuple):
    """A module, and the names of its attributes that are read."""

    module: types.ModuleType
    names: frozenset[str]


def fingerprints(
    run: Callable[..., Any], settings: Sequence[Any], version: str | None = None
) -> list[dict[str, str]]:
    """For each of the ``settings``, the named digests that the result of ``run`` depends on.

    Raises
    ------
    OptionError
        A value has no digest, and there is no ``version`` to represent it.
    """
    from neural_style.utils import environment

    if version is not None and not isinstance(version, str):
        raise OptionError(f"version: expected a text or None, got {version!r}.")
    losses = frozenset(registry.names())
    versions = {"python": platform.python_version(), **environment.versions(), "": _own_code()}
    parts: list[tuple[str, Any]] = [("the versions", versions), ("version=", version)]
    if isinstance(run, types.FunctionType) and _origin(run) is None:
        parts += _of_function(run)[1]
    else:
        parts.append(("run", run))

    def digest(value: Any, name: str) -> str:
        walk = _Walk(version, losses, () if value is run else (id(run),))
        try:
            walk.add(value, (name,))
        except RecursionError as error:
            raise OptionError(f"run: {name} is nested too deeply for a digest.") from error
        return walk.digest()

    same = {name: digest(value, name) for name, value in parts}
    return [{**same, "its settings": digest(each, "its settings")} for each in settings]


class _Walk:
    """A hash of a value and of all its parts, each once."""

    def __init__(self, version: str | None, losses: Set[str], known: Iterable[Any]) -> None:
        self._hash = hashlib.sha256()
        self._version, self._losses = version, losses
        self._known = {key: number for number, key in enumerate(known)}
        self._within = list(self._known)
        self._kept: list[Any] = []  # kept alive, so that no address is used twice

    def digest(self) -> str:
        return self._hash.hexdigest()

    def add(self, value: Any, where: tuple[str, ...]) -> None:
        if _is_plain(value):
            self._put(_plain(value))
            if type(value) is str and os.path.isfile(value):
                self._put(_bytes_of(value))
            elif type(value) is str and value in self._losses:
                with suppress(RegistryError):  # the run raises it, too
                    self.add(registry.factory(value), where)
            return
        if isinstance(value, set | frozenset):
            self._put(type(value).__name__, *sorted(self._alone(each, where) for each in value))
            return
        key: Any = (id(value.module), value.names) if isinstance(value, _Read) else id(value)
        # Equal immutable values have the same digest, whether they are one object or two.
        if type(value) is not tuple and not isinstance(value, types.CodeType | np.ndarray):
            if key in self._known:
                self._put("again", str(self._known[key]))
                return
            self._known[key] = len(self._known)
        self._kept.append(value)
        try:
            text, parts = _taken_apart(value)
        except (_NoDigestError, OSError):
            if self._version is None:
                raise OptionError(
                    f"run: {' → '.join(where)}, of the type {type(value).__name__}, has no digest, "
                    f"so a result in the folder cannot be checked against it; do not read it in "
                    f"run, or pass version='…' to represent it, and change the version whenever "
                    f"the value changes."
                ) from None
            text, parts = "no digest", []
        self._put(text, str(len(parts)))
        self._within.append(key)
        for name, each in parts:
            self.add(each, (*where, name) if name else where)
        self._within.pop()

    def _alone(self, value: Any, where: tuple[str, ...]) -> str:
        """The digest of a set's member, independent of what was added before it."""
        walk = _Walk(self._version, self._losses, self._within)
        walk.add(value, where)
        return walk.digest()

    def _put(self, *texts: str | bytes) -> None:
        for text in texts:
            data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
            self._hash.update(f"{len(data)}:".encode() + data)


def _is_plain(value: Any) -> bool:
    kinds = (str, bytes, bool, int, float, complex, type(None), type(...), type(NotImplemented))
    return type(value) in kinds or isinstance(value, np.generic)


def _plain(value: Any) -> str:
    kind = type(value).__name__
    if isinstance(value, np.generic) and not value.dtype.hasobject:
        return f"{value.dtype.str} {value.tobytes()!r}"
    if isinstance(value, str) and os.path.isfile(value):
        return f"{kind} {os.path.basename(value)}"  # its bytes are added, too
    return f"{kind} {value:x}" if type(value) is int else f"{kind} {value!r}"


def _bytes_of(path: str | os.PathLike[str]) -> str:
    try:
        with open_file(Path(path)) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"not readable, {error.errno}"


def _taken_apart(value: Any) -> _Parts:
    """The description and the parts of a value, or a `_NoDigestError`."""
    kind = type(value)
    if kind in (tuple, list):
        return kind.__name__, [(f"[{i}]", each) for i, each in enumerate(value)]
    if kind in (dict, types.MappingProxyType):
        return "dict", _pairs(value.items())
    if kind is np.ndarray and not value.dtype.hasobject:
        data = np.ascontiguousarray(value).reshape(-1).view(np.uint8).data  # not a copy
        return f"{value.dtype.descr} {value.shape} {hashlib.sha256(data).hexdigest()}", []
    if isinstance(value, PurePath):
        exists = os.path.isfile(value)
        return f"path {value.name if exists else value}", [("", _bytes_of(value))] * exists
    for kinds, apart in _KINDS:
        if isinstance(value, kinds):
            return apart(value)
    return _of_library(value) or _reduced(value)


def _pairs(items: Iterable[tuple[Any, Any]], name: str = "[{!r}]") -> list[tuple[str, Any]]:
    return [part for key, each in items for part in (("", key), (name.format(key), each))]


def _of_code(code: types.CodeType) -> _Parts:
    """Instructions as text, because a docstring changes the numbers of constants."""
    flags = code.co_flags & _FLAGS
    counts = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, flags
    lines = [repr((code.co_name, counts, code.co_varnames[: sum(counts[:3])]))]
    constants: list[tuple[str, Any]] = []
    instructions = [each for each in dis.get_instructions(code) if each.opname != "EXTENDED_ARG"]
    for each, after in zip(instructions, [*instructions[1:], None], strict=True):
        constant = each.opcode in dis.hasconst
        lines.append(f"{each.opname} {'' if constant else each.argrepr or each.arg}")
        place = after and after.opname == "STORE_NAME" and after.argval in _PLACES
        if constant and not place:
            constants.append(("", each.argval))
    return b"code " + "\n".join(lines).encode() + code.co_exceptiontable, constants


def _of_function(function: types.FunctionType) -> _Parts:
    if name := _origin(function):
        return name, []
    code = function.__code__
    reads, names, imports = _reads(code)
    parts: list[tuple[str, Any]] = [("its code", code)]
    arguments = code.co_varnames[: code.co_argcount]
    defaults = function.__defaults__ or ()
    parts += zip(arguments[len(arguments) - len(defaults) :], defaults, strict=True)
    parts += (function.__kwdefaults__ or {}).items()
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            parts.append((name, cell.cell_contents))
        except ValueError:  # not assigned yet
            parts.append((name, "unassigned"))
    given = function.__globals__
    parts += [(name, given[name]) for name in sorted(reads) if name in given]
    parts += [(f"import {each[0]}", _imported(*each, given)) for each in sorted(imports)]
    parts += [(f".{name}", each) for name, each in vars(function).items()]
    return "function", [
        (name, _Read(each, names) if isinstance(each, types.ModuleType) else each)
        for name, each in parts
    ]


def _reads(code: types.CodeType) -> tuple[set[str], frozenset[str], set[tuple[str, int]]]:
    """The globals that a code object reads, all its names, and the modules that it imports."""
    reads: set[str] = set()
    names = set(code.co_names)
    imports: set[tuple[str, int]] = set()
    constants: list[Any] = []
    for each in dis.get_instructions(code):
        if each.opname in _READS and each.argval not in _PLACES:
            reads.add(each.argval)
        elif each.opname == "IMPORT_NAME":
            imports.add((each.argval, constants[-2]))
        elif each.opcode in dis.hasconst:
            constants.append(each.argval)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            below = _reads(constant)
            reads |= below[0]
            names |= below[1]
            imports |= below[2]
    return reads, frozenset(names), imports


def _imported(name: str, level: int, given: dict[str, Any]) -> Any:
    """A module that a function imports, or only its name if it is a package's or cannot load."""
    try:
        if level:
            name = importlib.util.resolve_name("." * level + name, given["__package__"])
        return _version(name) or importlib.import_module(name)
    except Exception:  # a module can raise any exception, and will raise it in the run
        return name


def _of_module(module: types.ModuleType | _Read) -> _Parts:
    names: frozenset[str] = frozenset()
    if isinstance(module, _Read):
        module, names = module
    if version := _version(module.__name__):
        return f"module {module.__name__} {version}", []
    try:
        code = module.__loader__.get_code(module.__name__)  # type: ignore[union-attr]
    except (AttributeError, ImportError, OSError):  # of a notebook, or not written in Python
        code = None
    parts = [(name, vars(module)[name]) for name in sorted(names & vars(module).keys() - _PLACES)]
    return "module", [
        ("its code", code or _bytes_of(getattr(module, "__file__", None) or os.devnull)),
        *((n, _Read(v, names) if isinstance(v, types.ModuleType) else v) for n, v in parts),
    ]


def _of_class(kind: type) -> _Parts:
    if name := _origin(kind):
        return name, []
    members = [(name, each) for name, each in vars(kind).items() if name not in _PLACES]
    slots = (types.GetSetDescriptorType, types.MemberDescriptorType)
    members = [(name, each) for name, each in members if not isinstance(each, slots)]
    bases: list[tuple[str, Any]] = [("", each) for each in (type(kind), *kind.__bases__)]
    return f"class {kind.__name__}", bases + _pairs(sorted(members), ".{}")


def _of_builtin(value: types.BuiltinFunctionType) -> _Parts:
    text, parts = _reduced(value)
    module = sys.modules.get(value.__module__ or "")
    if module is not None and _version(module.__name__) is None:  # compiled, and not installed
        parts.append(("", module))
    return text, parts


def _of_result(result: Result) -> _Parts:
    history = tuple(replace(entry, seconds=0.0) for entry in result.history)
    untimed = replace(result, seconds=0.0, history=history, record={})
    return "result", _pairs(vars(untimed).items(), ".{}")


def _of_attributes(names: Sequence[str], value: Any) -> _Parts:
    return type(value).__name__, [("", getattr(value, name)) for name in names]


# Functions that return the parts of each kind of value. The order matters.
_KINDS: list[tuple[Any, Callable[[Any], _Parts]]] = [
    (types.CodeType, _of_code),
    (types.FunctionType, _of_function),
    (types.BuiltinFunctionType, _of_builtin),
    ((types.ModuleType, _Read), _of_module),
    (type, _of_class),
    (Result, _of_result),
    *((kind, functools.partial(_of_attributes, names)) for kind, names in _ATTRIBUTES.items()),
]


def _of_library(value: Any) -> _Parts | None:
    """The parts of a value of Keras, TensorFlow or this library; None for other values."""
    keras, tf = sys.modules.get("keras"), sys.modules.get("tensorflow")
    if keras is None or tf is None:
        return None
    from neural_style.features.model import FeatureModel

    if isinstance(value, FeatureModel):
        config = value.get_config()
        options = [config[name] for name in ("pooling", "preprocess", "padding", "winograd")]
        made = (type(value), options, value._network, value.preprocess)
        return "features", [("", each) for each in made]
    if isinstance(value, tf.Tensor | tf.Variable | keras.Variable):
        try:
            return "tensor", [("", value.numpy())]
        except Exception as error:  # a symbolic tensor of a graph
            raise _NoDigestError from error
    if type(value).__module__.startswith("tensorflow.") and hasattr(value, "python_function"):
        return "tf.function", [("", value.python_function)]
    described = (
        *(keras.Layer, keras.optimizers.Optimizer, keras.optimizers.schedules.LearningRateSchedule),
        *(keras.metrics.Metric, keras.random.SeedGenerator),
        *(keras.initializers.Initializer, keras.regularizers.Regularizer),
    )
    if isinstance(value, keras.losses.Loss):  # its config may lack options
        config = vars(value)
    elif not isinstance(value, described):
        return None
    else:
        try:
            config = value.get_config()
        except Exception as error:  # a user's class without a config
            raise _NoDigestError from error
    config = _renamed(config, type(value).__name__, {})
    variables = list(getattr(value, "variables", []))
    return "keras", [("", type(value)), *_pairs(config.items(), ".{}"), ("", variables)]


def _renamed(config: Any, kind: Any, names: dict[str, str]) -> Any:
    """A config in which the names that Keras numbers by class in a process are numbered anew."""
    if isinstance(config, str):
        return names.get(config, config)
    if isinstance(config, list | tuple):
        return [_renamed(each, None, names) for each in config]
    if not isinstance(config, dict):
        return config
    name = config.get("name")
    if isinstance(name, str) and isinstance(kind, str) and _stem(name) == _stem(kind):
        names.setdefault(name, f"{kind} {len(names)}")
    return {key: _renamed(each, config.get("class_name"), names) for key, each in config.items()}


def _stem(name: str) -> str:
    return re.sub(r"[\d_]", "", name).lower()


def _reduced(value: Any) -> _Parts:
    """The parts of an object that a pickle would contain."""
    reduce = copyreg.dispatch_table.get(type(value))
    try:
        found = value.__reduce_ex__(4) if reduce is None else reduce(value)
        if isinstance(found, str):
            module = getattr(value, "__module__", None) or type(value).__module__
            return f"{module}.{found} {_version(module)}", [("", type(value))]
        make, arguments, state, items, pairs = (*found, None, None, None)[:5]
        parts: list[tuple[str, Any]] = [("", make), ("", arguments)]
        parts += _pairs(state.items(), ".{}") if isinstance(state, dict) else [("", state)]
        parts += [(f"[{i}]", each) for i, each in enumerate(items or ())]
        return "object", parts + _pairs(pairs or ())
    except Exception as error:  # an object can raise any exception
        raise _NoDigestError from error


def _origin(value: Any) -> str | None:
    """The name and version of a function or class in a package, or None."""
    module, name = value.__module__, value.__qualname__
    version = _version(module) if isinstance(module, str) else None
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return f"{module}.{name} {version}" if version and found is value else None


@functools.cache
def _version(module: str) -> str | None:
    """The version of a module's package, or None if the module is not in an installed package."""
    top = module.partition(".")[0]
    if top == "neural_style":
        return "its own"  # the versions include it
    if top == "__main__":
        return None
    files = [Path(place).resolve() for place in _places(top) if place and os.path.exists(place)]
    if not files:  # compiled into Python
        return platform.python_version() if top in sys.stdlib_module_names else None
    found = []
    for name in sorted(set(_distributions().get(top, ()))):
        package = importlib.metadata.distribution(name)
        home = Path(str(package.locate_file(""))).resolve()
        if any(file.is_relative_to(home) for file in files):  # not an editable install
            found.append(f"{name} {package.version}")
    if found:
        return ", ".join(found)
    library = [Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")]
    inside = any(file.is_relative_to(home) for file in files for home in library)
    packages = {"site-packages", "dist-packages"}.intersection(*(file.parts for file in files))
    return platform.python_version() if inside and not packages else None


def _places(top: str) -> list[str | None]:
    """The file and folders of a module, loaded or not."""
    if (module := sys.modules.get(top)) is not None:
        return [*getattr(module, "__path__", ()), getattr(module, "__file__", None)]
    spec = importlib.util.find_spec(top)
    return [*(spec.submodule_search_locations or ()), spec.origin] if spec else []


_distributions = functools.cache(importlib.metadata.packages_distributions)


@functools.cache
def _own_code() -> str:
    """A digest of this library's sources, because not every edit changes its version."""
    found = hashlib.sha256()
    for package in ("neural_style", "neural_style.extensions"):
        spec = importlib.util.find_spec(package)
        for folder in (spec and spec.submodule_search_locations) or ():
            for path in sorted(Path(folder).rglob("*.py")):
                found.update(path.read_bytes())
    return found.hexdigest()
