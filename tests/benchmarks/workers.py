"""The side of the parent: the peers' environment, and the workers' processes."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from neural_style.utils import tuning

# pystiche 1.0.1 is not among them: it does not import beside today's torchvision.
REQUIREMENTS = ("torch==2.13.0", "pastiche==1.6.0", "numpy", "scipy", "h5py")
FOLDER = Path(__file__).parent
ENVIRONMENT = {  # of the parent, so that workers inherit it
    **tuning.settings(),
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "CUDA_VISIBLE_DEVICES": "-1",
}


def peers(cache: Path) -> Path:
    """The Python of an environment with the other libraries, made where it is not there yet.

    pip's own settings say which build of PyTorch comes; on Linux it may be one for CUDA, of
    several gigabytes.
    """
    folder = cache / "peers"
    python = folder / "bin" / "python"
    installed, wanted = folder / "requirements.txt", "\n".join(REQUIREMENTS)
    if not (installed.exists() and installed.read_text() == wanted):
        print(f"making an environment of {', '.join(REQUIREMENTS)} in {folder}", file=sys.stderr)
        venv.create(folder, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
        installed.write_text(wanted)
    return python


class Process:
    """A worker: `protocol` tells what it is asked and answers."""

    def __init__(self, python: Path, script: str, options: dict[str, Any], log: Path) -> None:
        self.log = log
        with open(log, "a") as errors:
            self._process = subprocess.Popen(
                [python, FOLDER / script, json.dumps(options)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        started = self._answer()
        self.name: str = started["name"]
        self.imported: int = started["imported"]

    def ask(self, **request: Any) -> dict[str, Any]:
        """Its answer to a request."""
        assert self._process.stdin is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            tail = self.log.read_text().splitlines()[-10:]
            raise RuntimeError("\n".join([f"{self.log.stem} ended:", *tail]))
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.communicate()  # closes its input, at which it ends
