"""Run calls in a separate process, which is replaced before it uses too much memory.

    with Workers() as workers:
        workers.submit(run, seed=0).result()        # a future of concurrent.futures

TensorFlow keeps everything that XLA compiles for a picture size until its process ends. Python's
own pool replaces a process after a fixed number of calls, and breaks if a process is killed.
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

GROWTH = 250 * 10**6  # bytes, for about six sizes
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SPAWN = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork


class Workers(Executor):
    """An executor that runs calls in a separate process, one after the other.

    The process is spawned for the first call. Between calls, it keeps objects such as a feature
    model and its compiled functions. When its peak memory is ``growth`` bytes above the peak after
    the first call, a new process replaces it. If the ``with`` block ends by an exception, such as
    Ctrl-C, the process is ended at once. It also ends with this process.

    SIGINT and SIGTERM reach the process only by `interrupt`, because a terminal sends SIGINT to
    both processes.

    Parameters
    ----------
    growth
        The largest growth of the peak memory, in bytes.

    Raises
    ------
    WorkerError
        By a future: the process ended during the call, for example because the system was short
        of memory; or the result or exception of the call cannot be pickled. The next call gets a
        new process. Any other exception of the call is raised unchanged, with the traceback as a
        note.
    Exception
        By `submit`: pickle's error if the call cannot be sent to another process.

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
        """Return a future of ``function(*args, **kwargs)``."""
        return self._queue.submit(self._call, pickle.dumps((function, args, kwargs)))

    def interrupt(self, number: int) -> None:
        """Send a signal to the current call, or else to the next one.

        A run handles it as described in `interrupts`. Any other call ends with its process.
        """
        if hasattr(signal, "pthread_sigmask"):  # otherwise a terminal's signal reaches both
            self._said.send(number)

    def kill(self) -> None:
        """End the process and its call at once. No new process is started."""
        self._killed = True
        if (process := self._process) is not None:
            process.kill()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the process after its calls. ``cancel_futures`` cancels those not yet started."""
        with suppress(RuntimeError):  # it was shut down before
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
        """Run a pickled call in the process, and return its result."""
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
        """End the idle process, and return its exit code."""
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
            f"by {signal.Signals(-code).name}, perhaps because the system was short of memory: "
            f"use {advice('a smaller size or tile', 'a smaller --size or --tile')}."
        )
    else:
        why = (
            f"with exit code {code}: the call ended it, or it could not start. A script must be "
            f'a file, with its code under if __name__ == "__main__".'
        )
    return WorkerError(f"the process of this call has ended {why}")


@contextmanager
def _blocked_signals() -> Iterator[None]:
    """Within this context, a new process and its threads start with signals blocked."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # otherwise its start, within the other, unblocks them
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _safe_path() -> Iterator[None]:
    """Within this context, a new Python does not search the current folder for modules."""
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
    """In the process: run calls until the connection is closed."""
    threading.Thread(target=_follow, args=(heard,), daemon=True).start()
    with suppress(EOFError):
        while True:
            call = connection.recv_bytes()
            try:
                function, args, kwargs = pickle.loads(call)
                answer = _pickled(True, function(*args, **kwargs))
            except BaseException as error:  # also KeyboardInterrupt, which the caller handles
                with suppress(Exception):  # some exceptions do not accept notes
                    error.add_note(f"In the worker:\n{traceback.format_exc()}")
                answer = _pickled(False, error)
            connection.send((answer, peak_memory()))


def _pickled(returned: bool, value: Any) -> bytes:
    try:
        answer = pickle.dumps((returned, value))
        if not returned:
            pickle.loads(answer)  # may fail for an exception with its own arguments
    except Exception as error:
        instead = WorkerError(
            f"the {'result' if returned else 'exception'} of the call cannot be sent from its "
            f"process ({error}): {shown(value)}"
        )
        return pickle.dumps((False, instead))
    return answer


def _follow(heard: Connection) -> None:
    """In the process: handle the parent's signals, and end with the parent."""
    try:
        while True:
            number = heard.recv()
            if not interrupts.entered():  # no run has a result to save
                os._exit(128 + number)
            _thread.interrupt_main(number)
    except (EOFError, OSError):
        os._exit(1)
