"""Ctrl-C and SIGTERM: the first one ends a run and keeps its result, the second stops at once.

    with Interrupts() as interrupts:
        interrupts.ready = True         # from here on the run has a result to keep
        …
        if interrupts.asked: …          # an `Ending`, after the first signal

``Interrupts(forward)`` also calls ``forward`` with the number of the first signal, to send it to
another process.

``docker stop``, batch systems and ``timeout`` send SIGTERM to end a process.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

from neural_style.runs.result import Ending

# Python's default handler of each signal, and the ending of a run that the signal stops.
_SIGNALS: dict[int, tuple[Any, Ending]] = {
    signal.SIGINT: (signal.default_int_handler, Ending.INTERRUPTED),
    signal.SIGTERM: (signal.SIG_DFL, Ending.TERMINATED),
}


class Interrupts:
    """Within this context, the first signal only sets ``asked``; the next one stops at once.

    Before ``ready`` is set, the first signal stops at once, too. It raises `KeyboardInterrupt` or,
    for SIGTERM, `SystemExit` with the usual exit code of a shell. Contexts can be nested, as when
    a callback starts another run; a signal then stops all of them. Handlers that the program
    installed are not replaced, and no handler is replaced outside the main thread.
    """

    def __init__(self, forward: Callable[[int], object] | None = None) -> None:
        self.forward = forward
        self.asked: Ending | None = None
        self.twice = False
        self.ready = False
        self._replaced: list[int] = []

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            if _entered:
                self.asked = _entered[-1].asked
            _entered.append(self)
            for number, (usual, _) in _SIGNALS.items():
                if signal.getsignal(number) is usual:
                    signal.signal(number, _note)
                    self._replaced.append(number)
        return self

    def __exit__(self, *exception: object) -> None:
        if self in _entered:
            _entered.remove(self)
        for number in self._replaced:
            if signal.getsignal(number) is _note:
                signal.signal(number, _SIGNALS[number][0])


def entered() -> bool:
    """Whether an `Interrupts` context is active in the main thread."""
    return bool(_entered)


_entered: list[Interrupts] = []  # in the main thread, the innermost last


def _note(number: int, frame: FrameType | None) -> None:
    ending = _SIGNALS[number][1]
    again = any(context.asked for context in _entered)
    at_once = again or not _entered[-1].ready
    for context in _entered:
        context.twice = again
        context.asked = context.asked or ending
    if at_once:
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(ending.exit_code)
    for context in _entered:
        if context.forward is not None:
            context.forward(number)
