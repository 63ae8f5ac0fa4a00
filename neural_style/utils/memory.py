"""The memory that a process can still use, and its peak memory."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import psutil


def free_memory() -> int | None:
    """The bytes that this process can still use; None if the system does not tell.

    This is the smaller of psutil's available memory and the memory that control groups (of a
    container or a service) leave.
    """
    try:
        return min([psutil.virtual_memory().available, *_left_by_groups()])
    except OSError:  # Linux without /proc
        return None


def peak_memory() -> int:
    """The peak memory of this process, in bytes."""
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset
    import resource  # Windows has none

    try:  # Linux, of which psutil has no peak; a child's ru_maxrss has its parent's in it
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return 1024 * int(status.partition("VmHWM:")[2].split()[0])
    except (OSError, IndexError, ValueError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else 1024 * peak


def _left_by_groups(
    groups: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")
) -> Iterator[int]:
    """The bytes that each control group of the process leaves, and each group above it."""
    try:
        own = [line.split(":", 2) for line in groups.read_text().splitlines()]
    except OSError:
        return
    for _, controllers, path in own:
        if controllers == "":  # version 2
            mount, limit, used, cached = root, "memory.max", "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):
            mount, limit, used = root / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
            cached = "total_inactive_file"
        else:
            continue
        # In a container the mount is the group itself, and its path not to be seen.
        group = Path(path.lstrip("/"))
        for folder in (mount / each for each in (group, *group.parents)):
            try:
                statistics = (folder / "memory.stat").read_text().splitlines()
                freed = dict(line.split() for line in statistics).get(cached, 0)
                most, now = (int((folder / name).read_text()) for name in (limit, used))
            except (OSError, ValueError):  # no such group, or "max"
                continue
            yield max(0, most - now + int(freed))
