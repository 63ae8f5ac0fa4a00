"""TensorFlow's start: the settings that it reads then, and without its messages."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from neural_style.tuning import tune_tensorflow


def start(*, verbose: bool) -> None:
    """Import TensorFlow, if it is not yet; what it prints is dropped unless it is an error."""
    if "tensorflow" in sys.modules:
        return
    tune_tensorflow(log_level=None if verbose else 2)
    if verbose:
        import neural_style.backend  # noqa: F401
    else:
        with _errors_only():
            from neural_style.backend import tf

            tf.config.list_physical_devices()  # looks for a GPU, and says what it finds


@contextmanager
def _errors_only() -> Iterator[None]:
    """Hold back file descriptor 2, where C++ writes; then write the lines that are errors."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        failed = True
        try:
            yield
            failed = False
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            held.seek(0)
            for line in held:
                error = line[:1] in (b"E", b"F") and line[1:2].isdigit()
                if failed or (error and b"cuInit" not in line):  # there is no GPU
                    os.write(2, line)
