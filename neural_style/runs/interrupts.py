"""Ctrl-C and SIGTERM: once to end a run with what it has, twice to leave at once.

    with Interrupts() as interrupts:
        interrupts.ready = True         # from here on there is something to lose
        …
        if interrupts.asked: …          # an `Ending`, of the signal that came first

``Interrupts(forward)`` also calls ``forward`` with the number of a signal that is only noted, to
pass it on to another process.

SIGTERM is what ``docker stop``, a batch system or ``timeout`` ends a process with.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

from neural_style.runs.result import Ending

# The handlers that Python starts with, and what a run that such a signal ends has come to.
_SIGNALS: dict[int, tuple[Any, Ending]] = {
    signal.SIGINT: (signal.default_int_handler, Ending.INTERRUPTED),
    signal.SIGTERM: (signal.SIG_DFL, Ending.TERMINATED),
}


class Interrupts:
    """Within it, the first signal is only noted, as ``asked``; the next leaves at once.

    Until ``ready`` is set the first leaves at once, too: by `KeyboardInterrupt` or, for SIGTERM,
    by `SystemExit` with the status that a shell has for it. A signal asks all that are entered in
    one another, a run and one that its callback began. A program's own handler of a signal stays
    in place, and so does any outside the main thread, where Python has none.
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
    """Whether a run, or what has runs, goes on in the main thread."""
    return bool(_entered)


_entered: list[Interrupts] = []  # in the main thread, the innermost last


def _note(number: int, frame: FrameType | None) -> None:
    ending = _SIGNALS[number][1]
    again = any(each.asked for each in _entered)
    at_once = again or not _entered[-1].ready
    for each in _entered:
        each.twice = again
        each.asked = each.asked or ending
    if at_once:
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(ending.exit_code)
    for each in _entered:
        if each.forward is not None:
            each.forward(number)
