"""The memory and the speed of the machine that a run is on.

This does not depend on style transfer; `neural_style.objective.estimate` uses it.
"""

from __future__ import annotations

import ctypes
import functools
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from neural_style.utils.backend import tf
from neural_style.utils.memory import free_memory

_PRODUCTS, _SIDE = 16, 256  # of matrices that are multiplied, and their rows and columns
_COPIED = 2**26  # bytes
_REPEATS = 30  # of each, since other processes come between
_RELEASED_EVERY = 0.05  # seconds


class Speed(NamedTuple):
    """Floating-point operations per second of products by XLA, and bytes per second of a copy."""

    products: float
    copies: float


def available_memory() -> int | None:
    """`free_memory`; None with a GPU, because TensorFlow does not tell its free memory."""
    return None if tf.config.list_physical_devices("GPU") else free_memory()


def release_memory() -> None:
    """Return freed memory to the system if the C library keeps it, as glibc does.

    glibc keeps it in pieces for each thread, so that a process grows even if it frees everything.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl, for one, has none
        if trim is not None:
            trim(0)


@contextmanager
def releasing_memory() -> Iterator[None]:
    """Release memory repeatedly: XLA compiles and runs in one call, and frees much in between."""
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


@functools.cache
def speed() -> Speed:
    """The machine's speed, measured once per process in a fraction of a second."""
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
