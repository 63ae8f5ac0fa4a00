"""Compiled functions, shared by equal graphs.

    programs = Programs()                             # of one feature model
    function = Traced(f, programs, jit_compile=True)  # of one objective
    function(*nests)                                  # -> the result of f

A `Traced` always traces its function, which takes far less time than compiling it. Two traces
share a compiled function if their graphs are equal. They must have the same operations, constants,
functions and connections, ignoring the names that TensorFlow numbers; the same captured tensors,
by shapes, types and bytes; and the same compiler options. A function is not shared if its graph
does not show everything: a Python callback, an operation with a state, or a variable that does not
belong to the feature model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from neural_style.utils.backend import tf

try:
    from tensorflow.python.framework.ops import gradient_registry as registry
except ImportError:
    registry = None

Tensor: TypeAlias = Any
Key: TypeAlias = tuple[Any, ...]

# Attributes that TensorFlow numbers, or that it needs only to add gradients later. Here the
# gradients are already in the graph.
_NAMES = (
    "_class",
    "_gradient_op_type",
    "_user_specified_name",
    "backward_function_name",
    "forward_function_name",
)
# Stateful operations whose only state is that of the called function or of a captured variable.
_READERS = {"Case", "If", "ReadVariableOp", "StatefulPartitionedCall", "While"}
_BRANCHES = {"Case", "If", "While"}
_CALLBACKS = {"EagerPyFunc", "PyFunc", "PyFuncStateless"}


class Programs:
    """The compiled functions of a feature model, by their graphs.

    They are TensorFlow's concrete functions. Each holds its graph and the captured tensors, but no
    loss, picture or target: pictures and targets are inputs. The most recently used ones are last
    in ``_kept``, so `shared` could drop the first ones to limit their number. An objective holds
    the functions that it uses.

    Parameters
    ----------
    own
        A function that returns the ids of the feature model's variables and tensors that graphs
        capture. Their bytes are not compared, so if one changes, create new `Programs`.
    """

    def __init__(self, own: Callable[[], Collection[int]] = frozenset) -> None:
        self._own = own
        self._kept: dict[Key, Any] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def shared(self, concrete: Any, *, jit_compile: bool) -> Any:
        """The first function with an equal graph, or ``concrete`` if there is none."""
        key = _key(concrete, self._own(), jit_compile)
        if key is None:
            return concrete
        self._kept[key] = self._kept.pop(key, concrete)
        return self._kept[key]

    def forget(self, concrete: Any) -> None:
        """Drop a function that failed, because its error names the losses of its trace."""
        self._kept = {key: each for key, each in self._kept.items() if each is not concrete}


class Traced:
    """A function of nested tensors or None, traced for each combination of shapes and types.

    Errors of the function are raised unchanged. ``jit_compile`` says whether XLA compiles it.
    """

    def __init__(
        self, function: Callable[..., Any], programs: Programs, *, jit_compile: bool
    ) -> None:
        self._function, self._programs, self._jit_compile = function, programs, jit_compile
        self._found: dict[str, tuple[Any, Any]] = {}

    @property
    def trace_count(self) -> int:
        """The number of traces."""
        return len(self._found)

    def __call__(self, *arguments: Any) -> Any:
        """Call the function, and return its nest of tensors."""
        signature = repr(tf.nest.map_structure(_spec, arguments))
        if signature not in self._found:
            concrete, structure = self.trace(*arguments)
            shared = self._programs.shared(concrete, jit_compile=self._jit_compile)
            self._found[signature] = shared, structure
        concrete, structure = self._found[signature]
        try:
            results = concrete(*(x for x in tf.nest.flatten(arguments) if x is not None))
        except Exception:
            self._programs.forget(concrete)
            raise
        return tf.nest.pack_sequence_as(structure, results)

    def trace(self, *arguments: Any) -> tuple[Any, Any]:
        """A concrete function of the flat tensors of a nest, and the structure of its result."""
        structure: Any = None

        def flat(*tensors: Tensor) -> list[Tensor]:
            nonlocal structure
            left = iter(tensors)
            nests = tf.nest.map_structure(lambda x: None if x is None else next(left), arguments)
            results = self._function(*nests)
            structure = tf.nest.map_structure(lambda _: None, results)
            return list(tf.nest.flatten(results))

        specs = [_spec(x) for x in tf.nest.flatten(arguments) if x is not None]
        # Without AutoGraph, an error in a loss is raised unchanged.
        function = tf.function(flat, autograph=False, jit_compile=self._jit_compile)
        concrete = function.get_concrete_function(*specs)
        _forget_gradients(concrete.graph.as_graph_def())
        return concrete, structure


def _spec(x: Tensor) -> Any:
    return None if x is None else tf.TensorSpec(x.shape, x.dtype)


def _forget_gradients(graph: Any) -> None:
    """Make TensorFlow drop the custom gradients of a graph, which are now part of the graph.

    TensorFlow's registry would keep each of them forever, with the graph and everything that its
    function refers to. There is no public API for this. If this private one disappears, only memory
    is lost.
    """
    registered = getattr(registry, "_registry", {})
    functions = {function.signature.name: function for function in graph.library.function}
    waiting = list(graph.node)
    while waiting:
        node = waiting.pop()
        registered.pop(node.attr["_gradient_op_type"].s.decode(), None)
        if node.op.removeprefix("Stateless") in _BRANCHES:
            for value in node.attr.values():
                for called in (value.func, *value.list.func):
                    # Visit each function once. Other calls may share their functions.
                    waiting += getattr(functions.pop(called.name, None), "node_def", ())


class _HiddenError(Exception):
    """The graph does not show everything that the function depends on."""


def _key(concrete: Any, own: Collection[int], jit_compile: bool) -> Key | None:
    """A key that is equal for functions that compute the same, or None for one not to share."""
    graph = concrete.graph
    leaves = tf.nest.flatten(concrete.structured_outputs)
    try:
        captured = tuple(_captured(tensor, own) for tensor in concrete.captured_inputs)
        if sum(leaf is not None for leaf in leaves) != len(concrete.outputs):
            raise _HiddenError
        definition = graph.as_graph_def()
        names, nodes = _Canonical(graph, definition.library.function).nodes(definition.node)
    except _HiddenError:
        return None
    ends = [[(names[t.op.name], t.value_index) for t in x] for x in (graph.inputs, graph.outputs)]
    last = sorted(names[operation.name] for operation in graph.control_outputs)
    nothing = [leaf is None for leaf in leaves]
    wiring = repr((ends, last, nothing))
    precise = not tf.config.experimental.tensor_float_32_execution_enabled()
    return nodes, wiring, captured, jit_compile, precise


def _captured(tensor: Tensor, own: Collection[int]) -> Key:
    if id(tensor) in own:
        return (id(tensor),)
    values = tensor.numpy() if tensor.dtype.is_numpy_compatible else None
    if values is None or values.dtype.hasobject:
        raise _HiddenError
    return tensor.dtype.name, values.shape, hashlib.sha256(values.tobytes()).digest()


class _Canonical:
    """Digests of the nodes of a graph and of its functions, with all names replaced by numbers."""

    def __init__(self, graph: Any, library: Iterable[Any]) -> None:
        self._graph = graph
        self._functions = {function.signature.name: function for function in library}
        self._digests: dict[str, str] = {}

    def nodes(self, nodes: Sequence[Any], arguments: Iterable[Any] = ()) -> tuple[Any, str]:
        """The new names of nodes and arguments, and a digest of the nodes."""
        names = {node.name: str(i) for i, node in enumerate((*arguments, *nodes))}
        digest = hashlib.sha256()
        for node in nodes:
            self._check(node.op)
            node.name = ""
            node.ClearField("experimental_debug_info")
            # Control inputs, which come last, have no order.
            sources = [_wired(source, names) for source in node.input]
            node.input[:] = sorted(sources, key=lambda x: x if x.startswith("^") else "")
            self._rename(node.attr)
            _add(digest, node)
        return names, digest.hexdigest()

    def _check(self, operation: str) -> None:
        if operation in self._functions or operation in _CALLBACKS:
            raise _HiddenError
        if operation not in _READERS and self._graph.op_def_for_type(operation).is_stateful:
            raise _HiddenError

    def _rename(self, attributes: Any) -> None:
        for name in _NAMES:
            if name in attributes:
                del attributes[name]
        for value in attributes.values():
            for function in (*([value.func] if value.HasField("func") else ()), *value.list.func):
                self._rename(function.attr)
                function.name = self._function(function.name)

    def _function(self, name: str) -> str:
        """A digest of a function of the graph."""
        if name not in self._functions:
            raise _HiddenError
        if name not in self._digests:
            function = self._functions[name]
            signature = function.signature
            names, nodes = self.nodes(function.node_def, signature.input_arg)
            results = [_wired(function.ret[each.name], names) for each in signature.output_arg]
            last = sorted(_wired(each, names) for each in function.control_ret.values())
            found = hashlib.sha256(repr((nodes, results, last)).encode())
            self._rename(function.attr)
            for attributes in function.arg_attr.values():
                self._rename(attributes.attr)
            for each in (*signature.input_arg, *signature.output_arg):
                each.name = ""
            del function.node_def[:]
            function.ret.clear()
            function.control_ret.clear()
            signature.name = ""
            del signature.control_output[:]
            _add(found, function)
            self._digests[name] = found.hexdigest()
        return self._digests[name]


def _add(found: Any, message: Any) -> None:
    data = message.SerializeToString(deterministic=True)
    found.update(len(data).to_bytes(8, "big") + data)


def _wired(source: str, names: Mapping[str, str]) -> str:
    """Replace the node's name in ``node:output`` or ``^node``."""
    node, *output = source.removeprefix("^").split(":")
    return ("^" if source.startswith("^") else "") + ":".join((names[node], *output))
