"""`keras.ops`, imported when it is used: losses are defined and made without TensorFlow.

from neural_style import ops

ops.mean(f)
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'neural_style.ops' has no attribute {name!r}")
    from neural_style.utils.backend import keras  # takes seconds: not before it is used

    value = globals()[name] = getattr(keras.ops, name)
    return value


def __dir__() -> list[str]:
    from neural_style.utils.backend import keras

    return [name for name in dir(keras.ops) if not name.startswith("_")]
