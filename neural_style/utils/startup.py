"""TensorFlow's start: what it finds in the environment, and what it says, for that time alone.

lend({"XLA_FLAGS": "…"})     # before
restore()                    # after: child processes inherit nothing
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

_lent: dict[str, str] = {}  # variables that are in the environment until TensorFlow has started


def lend(variables: Mapping[str, str]) -> None:
    """Put variables into the environment until `restore`."""
    _lent.update(variables)
    os.environ.update(variables)


def restore() -> None:
    """Take the variables out of the environment that `lend` put there."""
    while _lent:
        name, value = _lent.popitem()
        if os.environ.get(name) == value:
            del os.environ[name]


@contextmanager
def without_messages(log_level: int | None) -> Iterator[None]:
    """Drop what TensorFlow writes to file descriptor 2 before it reads ``TF_CPP_MIN_LOG_LEVEL``.

    All else that is written there is held back till the end, and all of it stays where the body
    fails.
    """
    try:
        kept = os.dup(2) if log_level else None
    except OSError:  # it is closed
        kept = None
    if kept is None:
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
            os.dup2(kept, 2)
            os.close(kept)
            held.seek(0)
            for line in held:
                message = _MESSAGE.match(line)
                known = message and (message[1] is None or message[1] in dropped)
                if failed or not (known or b"cuInit" in line):  # there is no GPU
                    os.write(2, line)
