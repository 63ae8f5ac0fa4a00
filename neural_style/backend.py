"""TensorFlow and Keras, imported once it is certain that they fit together.

Gradients come from ``tf.GradientTape``, so Keras must run on TensorFlow, in
float32 and with channels last. Anything else ends in a `BackendError` here
rather than in a wrong picture later.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

from neural_style.errors import BackendError

__all__ = ["check_float32", "keras", "tf"]


@contextmanager
def _without_collection() -> Iterator[None]:
    """Python's collector goes through all that an import makes, again and again: 0.5 s of 2.8."""
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
except Exception as error:  # ImportError or ValueError, by the backend that is missing
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


def check_float32() -> None:
    """Raise `BackendError` unless Keras' global settings are float32 and channels last."""
    # The policy last: asking for it fixes it at the floatx of the moment.
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
