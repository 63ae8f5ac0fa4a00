"""Calls in a process of their own, which is replaced before it has grown too much.

    with Workers() as workers:
        workers.submit(run, seed=0).result()        # of concurrent.futures

TensorFlow keeps what XLA compiles for each new picture size until its process ends. Python's own
pool replaces a process after so many calls, whatever they keep, and breaks where one is killed.
"""

from __future__ import annotations

import _thread
import atexit
import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

from neural_style.errors import WorkerError, advice, check_count, shown
from neural_style.runs import interrupts
from neural_style.utils.memory import peak_memory

GROWTH = 250 * 10**6  # bytes, of half a dozen sizes
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SPAWN = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork


class Workers(Executor):
    """An executor that makes one call after the other, in another process than this one.

    The process is spawned for the first call, and keeps what its calls keep, as a feature model
    and its compiled functions. Once its peak of memory is ``growth`` bytes above that after its
    first call, another takes its place for the next. Left by an exception, as that of Ctrl-C, it
    ends the process at once; if this process ends in any way, so does that one.

    SIGINT and SIGTERM do not reach the process but by `interrupt`, since a terminal sends the
    one to both.

    Parameters
    ----------
    growth
        In bytes.

    Raises
    ------
    WorkerError
        From a future: the process of the call has ended, as the system has it where memory is
        short; or what the call returned or raised cannot be pickled. The next call has another
        process. What a call raises else is its own exception, with the traceback as a note.
    Exception
        By `submit`, what pickle raises of a call that cannot be sent to another process.

    Examples
    --------
    >>> with Workers() as workers:
    ...     workers.submit(pow, 2, 5).result()
    32
    """

    def __init__(self, *, growth: int = GROWTH) -> None:
        self._growth = check_count("growth", growth)
        self._queue = ThreadPoolExecutor(1, "workers")
        self._process: Any = None
        self._first: int | None = None  # peak, in bytes
        self._killed = False
        self._heard, self._said = multiprocessing.Pipe(duplex=False)
        atexit.register(self.kill)  # before multiprocessing waits for it

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """A future of ``function(*args, **kwargs)``."""
        return self._queue.submit(self._call, pickle.dumps((function, args, kwargs)))

    def interrupt(self, number: int) -> None:
        """Pass a signal on to the call that is made now, or else to the next.

        A run takes it as its own, as `interrupts` has it; what is no run ends with its process.
        """
        if hasattr(signal, "pthread_sigmask"):  # elsewhere a terminal's reaches both
            self._said.send(number)

    def kill(self) -> None:
        """End the process, and the call that it makes, at once; there is no other after it."""
        self._killed = True
        if (process := self._process) is not None:
            process.kill()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the process end after its calls, of which those that wait may be canceled."""
        with suppress(RuntimeError):  # it is shut down already
            self._queue.submit(self._stop)
        self._queue.shutdown(wait, cancel_futures=cancel_futures)
        if wait:
            self._stop()
            atexit.unregister(self.kill)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self.kill()
        self.shutdown(cancel_futures=error is not None)

    def _call(self, call: bytes) -> Any:
        """What a pickled call returns, of the process."""
        if self._process is None:
            self._start()
        try:
            self._connection.send_bytes(call)
            answer, peak = self._connection.recv()
        except (EOFError, OSError):
            raise _ended(self._stop()) from None
        self._first = self._first or peak
        if peak - self._first > self._growth:
            self._stop()
        returned, value = pickle.loads(answer)
        if returned:
            return value
        raise value

    def _start(self) -> None:
        self._connection, theirs = _SPAWN.Pipe()
        self._first = None
        process = _SPAWN.Process(target=_serve, args=(theirs, self._heard), name="worker")
        with _safe_path(), _blocked_signals():
            process.start()
        theirs.close()  # so that its end is an EOFError here
        self._process = process
        if self._killed:
            process.kill()

    def _stop(self) -> int:
        """Let the process end, now that it waits for a call, and return its exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        self._connection.close()
        process.join(10)
        process.kill()
        process.join()
        return int(process.exitcode)


def _ended(code: int) -> WorkerError:
    if code < 0:
        why = (
            f"by {signal.Signals(-code).name}, as the system has it where memory is short: take "
            f"{advice('a smaller size or tile', 'a smaller --size or --tile')}."
        )
    else:
        why = (
            f"with exit code {code}: what it runs has ended it, or it cannot start, for which a "
            f'script has to be a file, with what it does under if __name__ == "__main__".'
        )
    return WorkerError(f"the process of this call has ended {why}")


@contextmanager
def _blocked_signals() -> Iterator[None]:
    """A process that is started begins, as all its threads, with signals blocked."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # its start, which may be a part of the other, unblocks them
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _safe_path() -> Iterator[None]:
    """Python that is started looks for no modules in the current folder, as spawn's would."""
    name = "PYTHONSAFEPATH"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _serve(connection: Connection, heard: Connection) -> None:
    """Of the process: make the calls that come, until there are no more."""
    threading.Thread(target=_follow, args=(heard,), daemon=True).start()
    with suppress(EOFError):
        while True:
            call = connection.recv_bytes()
            try:
                function, args, kwargs = pickle.loads(call)
                answer = _pickled(True, function(*args, **kwargs))
            except BaseException as error:  # of Ctrl-C, too, which is the caller's
                with suppress(Exception):  # some can have no notes
                    error.add_note(f"In the worker:\n{traceback.format_exc()}")
                answer = _pickled(False, error)
            connection.send((answer, peak_memory()))


def _pickled(returned: bool, value: Any) -> bytes:
    try:
        answer = pickle.dumps((returned, value))
        if not returned:
            pickle.loads(answer)  # of an exception with arguments of its own it may fail
    except Exception as error:
        instead = WorkerError(
            f"what the call {'returned' if returned else 'raised'} cannot be sent from its process "
            f"({error}): {shown(value)}"
        )
        return pickle.dumps((False, instead))
    return answer


def _follow(heard: Connection) -> None:
    """Of the process: take the parent's signals, and end with it."""
    try:
        while True:
            number = heard.recv()
            if not interrupts.entered():  # nothing is to be lost
                os._exit(128 + number)
            _thread.interrupt_main(number)
    except (EOFError, OSError):
        os._exit(1)
