"""The environment of a run, which its bits depend on.

Versions, processor, cores, devices, and the variables and threads that TensorFlow started with.
"""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import re
from pathlib import Path
from typing import Any

from neural_style.utils.backend import started_with, tf

_PACKAGES = (
    "neural-style-keras",
    "tensorflow",
    "keras",
    "numpy",
    "scipy",
    "scikit-image",
    "pillow",
)

# Flags with the places of written files.
_PLACES = re.compile(r"--(tf_xla_persistent_cache|xla_dump)_\w+(=\S*)?")


def describe() -> dict[str, Any]:
    """The environment as JSON values."""
    return {
        "python": platform.python_version(),
        "packages": versions(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": _cores(),
        "devices": [f"{device.device_type} {device.name}" for device in _devices()],
        "variables": _variables(),
        "threads": {
            "intra_op": tf.config.threading.get_intra_op_parallelism_threads(),
            "inter_op": tf.config.threading.get_inter_op_parallelism_threads(),
        },
    }


def _variables() -> dict[str, str]:
    """The environment variables that TensorFlow started with, without output places."""
    variables = {name: _PLACES.sub("", value).strip() for name, value in started_with().items()}
    return {name: value for name, value in variables.items() if value}


def versions() -> dict[str, str]:
    """The versions of the packages that matter, by name."""
    return dict(_versions())


@functools.cache
def _versions() -> tuple[tuple[str, str], ...]:
    packages = []
    for package in _PACKAGES:
        try:
            packages.append((package, importlib.metadata.version(package)))
        except importlib.metadata.PackageNotFoundError:  # for example under the name tensorflow-cpu
            continue
    if "tensorflow" not in dict(packages):
        packages.append(("tensorflow", tf.__version__))
    return tuple(packages)


@functools.cache
def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or "unknown"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _devices() -> list[Any]:
    return list(tf.config.list_physical_devices())
