"""Set environment variables, and drop messages, only while TensorFlow starts.

lend({"XLA_FLAGS": "…"})     # before
restore()                    # after, so that child processes do not inherit them
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

_MESSAGE = re.compile(
    rb"([IWEF])\d{4} |WARNING: All log messages before absl|To enable the following"
)

_lent: dict[str, str] = {}  # variables that are set until TensorFlow has started


def lend(variables: Mapping[str, str]) -> None:
    """Set environment variables until `restore`."""
    _lent.update(variables)
    os.environ.update(variables)


def restore() -> None:
    """Remove the environment variables that `lend` set."""
    while _lent:
        name, value = _lent.popitem()
        if os.environ.get(name) == value:
            del os.environ[name]


@contextmanager
def without_messages(log_level: int | None) -> Iterator[None]:
    """Drop messages that TensorFlow writes before it reads ``TF_CPP_MIN_LOG_LEVEL``.

    Everything else written to file descriptor 2 is held back until the block ends. If the block
    fails, nothing is dropped.
    """
    try:
        stderr_copy = os.dup(2) if log_level else None
    except OSError:  # it is closed
        stderr_copy = None
    if stderr_copy is None:
        yield
        return
    if sys.stderr is not None:
        sys.stderr.flush()
    dropped = "IWE"[:log_level].encode()
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        failed = True
        try:
            yield
            failed = False
        finally:
            if sys.stderr is not None:
                sys.stderr.flush()
            os.dup2(stderr_copy, 2)
            os.close(stderr_copy)
            held.seek(0)
            for line in held:
                message = _MESSAGE.match(line)
                known = message and (message[1] is None or message[1] in dropped)
                if failed or not (known or b"cuInit" in line):  # cuInit fails without a GPU
                    os.write(2, line)
