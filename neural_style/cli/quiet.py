"""TensorFlow's start: the settings that it reads then, and without its messages."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

# In this process alone, and only what the user has not set: faster convolutions, half the
# memory of a tile, and no messages but errors.
_SETTINGS = {
    "TF_ENABLE_ONEDNN_OPTS": "1",
    "XLA_FLAGS": "--xla_cpu_enable_concurrency_optimized_scheduler=false",
    "TF_CPP_MIN_LOG_LEVEL": "2",
}


def start(*, verbose: bool) -> None:
    """Import TensorFlow, if it is not yet; what it prints is dropped unless it is an error."""
    if "tensorflow" in sys.modules:
        return
    for name, value in _SETTINGS.items():
        if not (verbose and name == "TF_CPP_MIN_LOG_LEVEL"):
            os.environ.setdefault(name, value)
    if verbose:
        import neural_style.backend
    else:
        with _errors_only():
            import neural_style.backend  # noqa: F401


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
                if failed or (line[:1] in (b"E", b"F") and line[1:2].isdigit()):
                    os.write(2, line)
