"""Tests in a process beside pytest's own, which is replaced once it has grown.

TensorFlow keeps what it compiles, for every graph and size, until its process ends. So the pytest
that is called, and each worker of pytest-xdist, only collects the tests: a child, which collects
them, too, runs one after the other and sends the reports. Once it has had `LARGEST` bytes it runs
one more, after which it leaves all fixtures, and another child takes its place.

What needs the terminal (``-s``, ``--pdb``, ``--setup-show``) is run in pytest's own process.
"""

from __future__ import annotations

import multiprocessing
import os
import warnings
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

LARGEST = 1500 * 10**6

_TERMINAL = ("usepdb", "trace", "setupshow", "setuponly", "setupplan")


def register(config: pytest.Config) -> None:
    """Run the tests of this pytest in children, unless it is one, or none is to run here."""
    option = config.option
    if any(isinstance(plugin, Child) for plugin in config.pluginmanager.get_plugins()):
        return
    if getattr(option, "dist", "no") != "no" or option.collectonly:  # xdist's workers run them
        return
    if option.capture != "no" and not any(getattr(option, name) for name in _TERMINAL):
        config.pluginmanager.register(Parent(config))


class Parent:
    """Of the pytest that is called: asks a child for each test, and passes its reports on."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._started = 0
        self._process: Process | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        self._process = self._start()  # which imports TensorFlow while this process does

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in self._reports(item, nextitem):
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def pytest_unconfigure(self) -> None:
        if self._process is not None:
            self._process.stop()

    def _start(self) -> Process:
        self._started += 1
        # As pytest-xdist has it: pytest keeps the folders of its last runs, with those in them.
        folder = self._config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
        arguments = [*self._config.invocation_params.args]
        arguments += ["-n0"] if self._config.pluginmanager.hasplugin("xdist") else []
        return Process(arguments, folder / f"child-{self._started}")

    def _reports(self, item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[Any]:
        process = self._process = self._process or self._start()
        last = process.peak > LARGEST
        phase = "call"
        try:
            for kind, message in process.run(item, None if last else nextitem):
                if kind == "warning":
                    self._warn(message)
                else:
                    report = self._config.hook.pytest_report_from_serializable(
                        config=self._config, data=message
                    )
                    phase = "call" if report.when == "setup" else "teardown"
                    yield report
        except EOFError:
            last = True
            yield pytest.TestReport(
                nodeid=item.nodeid,
                location=item.location,
                keywords={},
                outcome="failed",
                longrepr=process.ending(),
                when=phase,  # type: ignore[arg-type]
            )
        if last:
            process.stop()
            self._process = None

    def _warn(self, found: dict[str, Any]) -> None:
        category = type(found["category"], (Warning,), {})
        message = warnings.WarningMessage(
            category(found["text"]), category, found["filename"], found["line"]
        )
        self._config.hook.pytest_warning_recorded.call_historic(
            kwargs={
                "warning_message": message,
                "when": "runtest",
                "nodeid": found["nodeid"],
                "location": found["location"],
            }
        )


class Process:
    """A child, as its parent has it."""

    def __init__(self, arguments: list[str], folder: Path) -> None:
        self.peak = 0
        self._log = folder.with_suffix(".log")
        self._busy = False
        self._connection, theirs = multiprocessing.Pipe()
        arguments = [*arguments, f"--basetemp={folder}"]
        spawn = multiprocessing.get_context("spawn")
        self._process = spawn.Process(target=_serve, args=(theirs, arguments, self._log))
        self._process.start()
        theirs.close()  # so that its end is an EOFError here

    def run(self, item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[tuple[str, Any]]:
        """Run a test; without a next one all fixtures are left after it.

        Raises
        ------
        KeyboardInterrupt, pytest.exit.Exception
            What the test has raised to end pytest.
        EOFError
            The child has ended.
        """
        self._busy = True
        try:
            self._connection.send((item.nodeid, nextitem and nextitem.nodeid))
            while (message := self._connection.recv())[0] not in ("done", "raised"):
                yield message
        except OSError as error:
            raise EOFError from error
        self._busy = False
        kind, value = message
        if kind == "raised":
            raise value
        self.peak = value

    def ending(self) -> str:
        """Why the child has ended, and the last of what it printed."""
        self._process.join(10)
        lines = self._log.read_text(errors="replace").splitlines()[-60:]
        return "\n".join([f"The process ended in this test ({self._process.exitcode}).", *lines])

    def stop(self) -> None:
        """Let the child end, or end it where it is busy."""
        self._connection.close()
        if not self._busy:
            self._process.join(20)
        self._process.terminate()
        self._process.join()


class Child:
    """Of a child's pytest: runs the tests that it is asked for, and sends their reports."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        self._config = config
        # By it, as in a worker of pytest-xdist, plugins leave caches and reports to the parent.
        config.workerinput = {"workerid": "child"}  # type: ignore[attr-defined]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        from neural_style.utils.memory import peak_memory

        items = {item.nodeid: item for item in session.items}
        try:
            while True:
                nodeid, following = self._connection.recv()
                session.config.hook.pytest_runtest_protocol(
                    item=items[nodeid], nextitem=items.get(following)
                )
                self._connection.send(("done", peak_memory()))
        except EOFError:  # the parent needs no more
            return True
        except (KeyboardInterrupt, pytest.exit.Exception) as error:
            self._connection.send(("raised", error))
            raise

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        self._connection.send(("report", data))

    def pytest_warning_recorded(
        self, warning_message: warnings.WarningMessage, when: str, nodeid: str, location: Any
    ) -> None:
        if when == "runtest":  # the others are the parent's, too
            found = {
                "text": str(warning_message.message),
                "category": warning_message.category.__name__,
                "filename": warning_message.filename,
                "line": warning_message.lineno,
                "nodeid": nodeid,
                "location": location,
            }
            self._connection.send(("warning", found))


def _serve(connection: Connection, arguments: list[str], log: Path) -> None:
    with log.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    pytest.main(arguments, plugins=[Child(connection)])
