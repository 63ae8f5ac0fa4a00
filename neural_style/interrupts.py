"""Ctrl-C: once to end a run with what it has, twice to leave at once."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, Self


class Interrupts:
    """Within it, the first Ctrl-C is only noted, as ``asked``; the next is `KeyboardInterrupt`.

    Until ``ready`` is set, when there is something to lose, the first is that, too. A program's
    own handler of the signal stays in place, and so does any outside the main thread, where
    Python has none.
    """

    asked = False
    ready = False

    def __enter__(self) -> Self:
        self._usual: Any = signal.getsignal(signal.SIGINT)
        self._ours = (
            self._usual is signal.default_int_handler
            and threading.current_thread() is threading.main_thread()
        )
        if self._ours:
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._ours:
            signal.signal(signal.SIGINT, self._usual)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked or not self.ready:
            raise KeyboardInterrupt
        self.asked = True
