"""Import TensorFlow and Keras, and check that the library can use them.

Gradients come from ``tf.GradientTape`` and compiled functions from XLA. So Keras must run on
TensorFlow, in float32, with channels last, eagerly, and in the process that started TensorFlow.
Anything else raises a `BackendError` here, before it can give a wrong picture.
"""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from neural_style.errors import BackendError
from neural_style.utils import startup

__all__ = ["check_eager", "check_process", "check_state", "keras", "started_with", "tf"]

# Environment variables that can change bits, by prefix. Terraform's TF_ variables are excluded.
_NUMERIC = re.compile(
    r"TF_(ENABLE|DISABLE|DETERMINISTIC|USE|NUM|XLA|CUDNN|CUBLAS|GPU|FORCE|OVERRIDE|MKL|FUNCTION)_|"
    r"(XLA|ONEDNN|DNNL|OMP|KMP|MKL|OPENBLAS|BLIS|NPY|NVIDIA_TF32)_"
)


@contextmanager
def _without_collection() -> Iterator[None]:
    """Pause garbage collection, which takes 0.5 s of an import of 2.8 s."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


_chosen = os.environ.get("KERAS_BACKEND") or "tensorflow"
if _chosen != "tensorflow":
    raise BackendError(
        f"neural_style takes its gradients from tf.GradientTape, so Keras must run on "
        f"TensorFlow, but KERAS_BACKEND is {_chosen!r}: unset it, or set it to 'tensorflow' "
        f"before Python starts."
    )
try:
    with _without_collection():
        import tensorflow as tf
except ImportError as error:
    raise BackendError(
        f"neural_style needs TensorFlow, which cannot be imported ({error}): "
        f"run 'pip install tensorflow'."
    ) from error
try:
    with _without_collection():
        import keras
except Exception as error:  # ImportError or ValueError, depending on the missing backend
    raise BackendError(
        f"Keras cannot be imported ({error}): set its backend to 'tensorflow' in "
        f"~/.keras/keras.json or by KERAS_BACKEND."
    ) from error
if keras.config.backend() != "tensorflow":
    raise BackendError(
        f"neural_style takes its gradients from tf.GradientTape, so Keras must run on "
        f"TensorFlow, but its backend is {keras.config.backend()!r}: set 'tensorflow' in "
        f"~/.keras/keras.json or by KERAS_BACKEND before Python starts."
    )


_forked = False  # from a process in which TensorFlow had started
_started = False
_variables: dict[str, str] = {}


def _note_variables() -> None:
    _variables.clear()
    _variables.update(
        (name, value) for name, value in sorted(os.environ.items()) if _NUMERIC.match(name)
    )


_note_variables()


def _note_fork() -> None:
    """Note a fork after TensorFlow's start: its threads are missing, so the child would hang."""
    global _forked
    threads = tf.config.threading
    own = threads.get_intra_op_parallelism_threads()
    try:  # raises an error if TensorFlow has started
        threads.set_intra_op_parallelism_threads(own + 1)
        threads.set_intra_op_parallelism_threads(own)
    except RuntimeError:
        _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)


def check_process() -> None:
    """Raise `BackendError` in a process that was forked after TensorFlow had started."""
    if _forked:
        raise BackendError(
            f"this process ({os.getpid()}) was forked after TensorFlow had started, and would wait "
            f"forever for its threads: start processes by "
            f"multiprocessing.get_context('spawn'), or before the first use of TensorFlow."
        )


def check_eager() -> None:
    """Raise `BackendError` if TensorFlow does not run eagerly."""
    if not tf.executing_eagerly():
        raise BackendError(
            "TensorFlow does not run eagerly here: call this library outside of tf.function and "
            "tf.Graph, without tf.compat.v1.disable_eager_execution()."
        )


def check_state() -> None:
    """Raise `BackendError` if the state of TensorFlow or Keras does not suit this library.

    The first call starts TensorFlow.
    """
    check_process()
    check_eager()
    # The policy is last, because reading it fixes it at the current floatx.
    for setting, wanted, get in (
        ("floatx", "float32", keras.config.floatx),
        ("image_data_format", "channels_last", keras.config.image_data_format),
        ("dtype_policy", "float32", lambda: keras.config.dtype_policy().name),
    ):
        if (current := get()) != wanted:
            raise BackendError(
                f"the objective is computed in {wanted}, but Keras' {setting} is {current!r}: "
                f"call keras.config.set_{setting}({wanted!r}) first."
            )
    with tf.GradientTape() as tape:
        one = tf.constant(1.0)
        tape.watch(one)
        two = one + one
    if tape.gradient(two, one) is None:
        raise BackendError(
            "TensorFlow does not record gradients here: call this library outside of tf.init_scope "
            "and tape.stop_recording."
        )
    with tf.Graph().as_default() as graph:
        tf.raw_ops.Neg(x=1.0)
        try:
            mixed = tf.constant(1) + tf.constant(1.0)
        except (TypeError, ValueError):
            mixed = None
    if any("Debug" in each.type or "Numerics" in each.type for each in graph.get_operations()):
        raise BackendError(
            "XLA cannot compile the checks that tf.debugging adds to every operation: call "
            "tf.debugging.disable_check_numerics() or "
            "tf.debugging.experimental.disable_dump_debug_info() first. This library reports "
            "which loss is not finite."
        )
    if mixed is not None and mixed.dtype == tf.float32:
        raise BackendError(
            "Keras does not work with the type promotion of TensorFlow's NumPy behavior: call "
            "tf.experimental.numpy.experimental_enable_numpy_behavior() without "
            "dtype_conversion_mode, or do not call it."
        )
    _start()


def _start() -> None:
    """Make XLA read its flags, then remove them from the environment."""
    global _started
    if not _started:
        _variables.pop("XLA_FLAGS", None)
        if "XLA_FLAGS" in os.environ:
            _variables["XLA_FLAGS"] = os.environ["XLA_FLAGS"]
        one = tf.constant(1.0)
        double = tf.function(lambda x: x + x, autograph=False, jit_compile=True)
        double.get_concrete_function(one)(one)  # compiles even if functions run eagerly
        _started = True
        startup.restore()


def started_with() -> dict[str, str]:
    """The environment variables that TensorFlow has read and that can change bits."""
    return dict(_variables)
