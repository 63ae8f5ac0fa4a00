"""Start TensorFlow, with its settings and without its messages."""

from __future__ import annotations

import sys

from neural_style.utils.startup import without_messages
from neural_style.utils.tuning import tune_tensorflow


def start(*, verbose: bool) -> None:
    """Import TensorFlow if necessary. Without ``verbose``, only its errors are printed."""
    if "tensorflow" in sys.modules:
        return
    level = None if verbose else 2
    tune_tensorflow(log_level=level)
    from neural_style.utils.backend import tf

    with without_messages(level):
        tf.config.list_physical_devices()  # searches for a GPU and prints messages
