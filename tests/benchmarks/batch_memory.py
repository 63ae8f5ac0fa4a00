"""The memory of ``neural-style batch`` over pictures that all have another size.

Thirty pictures of 96×(64 + 4i), two evaluations each, VGG19 and the default losses. Memory is that
of the command and the processes that it has begun, together, at its most so far; Linux alone.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tables import table

from neural_style import images

PICTURES = 30
TOLD = (1, 5, 10, 20, PICTURES)
ALLOWED = 1.3  # times the memory after five


def processes(pid: int) -> Iterator[int]:
    """A process and all that come from it."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from processes(int(child))


def resident(pid: int) -> int:
    """The bytes that a process and all that come from it have in memory."""
    total = 0
    try:
        for each in processes(pid):
            status = Path(f"/proc/{each}/status").read_text()
            total += 1024 * int(status.partition("VmRSS:")[2].split()[0])
    except (OSError, IndexError):  # one has ended since
        pass
    return total


def main() -> None:
    """Paint the pictures, and print the table."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        painting = images.save(images.noise((96, 96), seed=0), home / "painting.png")
        photos = [
            images.save(images.noise((96, 64 + 4 * i), seed=i), home / f"{i:02d}.png")
            for i in range(PICTURES)
        ]
        options = ["--size", "96", "--evaluations", "2", "-o", str(home / "out")]
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "neural_style",
            "batch",
            painting,
            *photos,
            *options,
        ]
        peak = 0

        def watch(pid: int) -> None:
            nonlocal peak
            while process.poll() is None:
                peak = max(peak, resident(pid))
                time.sleep(0.05)

        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            threading.Thread(target=watch, args=(process.pid,), daemon=True).start()
            assert process.stdout is not None
            peaks = [peak for line in process.stdout if "evaluations in" in line]
    rows = [(n, f"{peaks[n - 1] / 1e6:.0f}", f"{peaks[n - 1] / peaks[4]:.2f}") for n in TOLD]
    header = f"sizes|peak, MB|times that after 5; at most {ALLOWED}"
    print(table("Peak of resident memory", header, rows))


if __name__ == "__main__":
    main()
