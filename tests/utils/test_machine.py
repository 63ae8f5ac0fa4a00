"""The memory that is free, what is given back, and the machine's speed."""

from __future__ import annotations

import platform
import time
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import psutil
import pytest
import tensorflow as tf

from neural_style.utils import machine, memory


def test_free_memory_is_some_of_what_there_is() -> None:
    free = machine.available_memory()
    assert free is None or 0 < free < 2**50


def test_free_memory_is_what_a_control_group_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_left_by_groups", lambda: iter([7, 2**60]))
    assert memory.free_memory() == 7


def test_free_memory_is_not_known_where_the_system_does_not_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail() -> NoReturn:
        raise FileNotFoundError("/proc/meminfo")

    monkeypatch.setattr(psutil, "virtual_memory", fail)
    assert memory.free_memory() is None


def test_the_peak_is_no_less_than_what_there_was() -> None:
    before = memory.peak_memory()
    taken = np.ones(2 * 10**8 + before - resident(), np.uint8)
    assert memory.peak_memory() > before + 10**8
    del taken
    assert memory.peak_memory() > before + 10**8


def test_the_memory_of_a_gpu_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    assert machine.available_memory() is None


def resident() -> int:
    return psutil.Process().memory_info().rss


def pieces() -> list[Any]:
    """2,000 that glibc takes from its heap and keeps there when they are freed."""
    return [np.ones(2**16, np.uint8) for _ in range(2000)]


glibc = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="only glibc keeps what is freed"
)


@glibc
def test_freed_memory_is_given_back() -> None:
    taken = pieces()
    stay = taken[::100]  # between the others
    before = resident()
    del taken
    machine.release_memory()
    assert before - resident() > 2**16 * 1000
    assert all(piece.all() for piece in stay)


@glibc
def test_memory_is_given_back_while_something_else_runs() -> None:
    taken = pieces()
    stay = taken[::100]
    before, until = resident(), time.monotonic() + 10
    with machine.releasing_memory():
        del taken
        while before - resident() < 2**16 * 1000 and time.monotonic() < until:
            time.sleep(0.01)
        assert before - resident() > 2**16 * 1000
    assert all(piece.all() for piece in stay)


@pytest.mark.parametrize("path", ["/", "/user/job"])
def test_control_groups_of_version_2(tmp_path: Path, path: str) -> None:
    group = tmp_path / path.lstrip("/")
    group.mkdir(parents=True, exist_ok=True)
    (tmp_path / "cgroup").write_text(f"0::{path}\n")
    (group / "memory.max").write_text("1000\n")
    (group / "memory.current").write_text("700\n")
    (group / "memory.stat").write_text("anon 400\ninactive_file 50\n")
    assert list(memory._left_by_groups(tmp_path / "cgroup", tmp_path)) == [350]
    (group / "memory.max").write_text("max\n")
    assert list(memory._left_by_groups(tmp_path / "cgroup", tmp_path)) == []


def test_control_groups_of_version_1(tmp_path: Path) -> None:
    mount = tmp_path / "memory"
    mount.mkdir()
    # In a container the path is that of the host.
    (tmp_path / "cgroup").write_text("7:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n")
    (mount / "memory.limit_in_bytes").write_text("5000\n")
    (mount / "memory.usage_in_bytes").write_text("6000\n")
    (mount / "memory.stat").write_text("total_inactive_file 10\n")
    assert list(memory._left_by_groups(tmp_path / "cgroup", tmp_path)) == [0]
    assert list(memory._left_by_groups(tmp_path / "nothing", tmp_path)) == []


def test_speeds_are_measured_once() -> None:
    assert min(machine.speed()) > 1e6
    assert machine.speed() is machine.speed()
