"""Python in another process, which imports nothing from the folder that one happens to be in."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from typing import Any


def python(*arguments: Any, timeout: float) -> subprocess.CompletedProcess[str]:
    """Run this Python with arguments, among them no relative path, and return what it printed.

    It does not look for modules in the current folder, nor is that its working folder, to which an
    empty entry of PYTHONPATH would lead. The absolute entries, which are the user's choice, count.

    Raises
    ------
    OSError, TypeError, subprocess.TimeoutExpired
        It cannot be run, or runs for more than ``timeout`` seconds.
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
