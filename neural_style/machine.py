"""The machine that a run is on: its memory, and how fast it is.

Nothing here is about style transfer; `neural_style.estimates` compares with it.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from neural_style.backend import tf

_PRODUCTS, _SIDE = 16, 256  # of matrices that are multiplied, and their rows and columns
_COPIED = 2**26  # bytes
_REPEATS = 30  # of each, since other processes come between
_RELEASED_EVERY = 0.05  # seconds


class Speed(NamedTuple):
    """Floating-point operations a second of products by XLA, and bytes a second of a copy."""

    products: float
    copies: float


def available_memory() -> int | None:
    """The bytes that this process can still take; None where it is not known.

    On Linux what the kernel says is available, or what control groups (of a container or a
    service) leave, if that is less; elsewhere free pages, where the system tells of them. With
    a GPU, whose memory TensorFlow does not tell, it is not known.
    """
    if tf.config.list_physical_devices("GPU"):
        return None
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        free = 1024 * int(fields["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        try:
            return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        except (AttributeError, OSError, ValueError):  # Windows, macOS
            return None
    return min([free, *_left_by_groups()])


def release_memory() -> None:
    """Give back to the system what is freed, where the C library keeps it; glibc does.

    It keeps it for each thread, in pieces, so that a process that frees all it takes still grows.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl, for one, has none
        if trim is not None:
            trim(0)


@contextmanager
def releasing_memory() -> Iterator[None]:
    """Release memory all the while: XLA compiles and runs in one call, and leaves much between."""
    done = threading.Event()

    def release() -> None:
        while not done.wait(_RELEASED_EVERY):
            release_memory()

    thread = threading.Thread(target=release, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _left_by_groups(
    groups: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")
) -> Iterator[int]:
    """What each of the process's control groups leaves, those that it is within included."""
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


@functools.cache
def speed() -> Speed:
    """Measured in a fraction of a second, once a process."""
    matrices = tf.ones((_PRODUCTS, _SIDE, _SIDE))
    # Compiled, since on some processors XLA's products take half as long again as TensorFlow's.
    product = tf.function(tf.matmul, autograph=False, jit_compile=True)
    source = np.ones(_COPIED, np.uint8)
    copy = np.empty_like(source)
    return Speed(
        2 * _PRODUCTS * _SIDE**3 / _least_seconds(lambda: product(matrices, matrices)[0].numpy()),
        _COPIED / _least_seconds(lambda: np.copyto(copy, source)),
    )


def _least_seconds(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds)
