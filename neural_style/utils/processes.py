"""Run Python in another process that imports nothing from the current folder."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from typing import Any


def python(*arguments: Any, timeout: float) -> subprocess.CompletedProcess[str]:
    """Run this Python with arguments, and return its exit code and output.

    The arguments must not have relative paths. Python does not search the current folder for
    modules. Its working folder is another one, because an empty entry of PYTHONPATH means the
    working folder. Absolute entries of PYTHONPATH are used.

    Raises
    ------
    OSError, TypeError, subprocess.TimeoutExpired
        Python cannot be run, or runs for more than ``timeout`` seconds.
    """
    with tempfile.TemporaryDirectory() as empty:
        return subprocess.run(
            [sys.executable, "-P", *arguments],
            cwd=empty,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=timeout,
        )
