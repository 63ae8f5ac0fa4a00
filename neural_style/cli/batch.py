"""`batch`: paint many photos in the style of one painting, in a worker process."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import click

from neural_style.cli import options
from neural_style.cli.checks import begin, check_picture
from neural_style.cli.group import (
    INTERRUPTED,
    TERMINATED,
    failure,
    hush,
    output_options,
    say,
    start,
    tell,
)
from neural_style.cli.many import end_runs
from neural_style.cli.transfer import interrupted, summary
from neural_style.cli.types import FILE, FOLDER, Place, existing
from neural_style.errors import OptionError, StyleError, WorkerError, command_line

if TYPE_CHECKING:
    from neural_style.runs.interrupts import Interrupts
    from neural_style.runs.result import Ending


@click.command()
@click.argument("painting", type=FILE)
@click.argument("photos", type=Place(), nargs=-1, required=True)
@click.option("-o", "--output", type=FOLDER, required=True, help="The folder to write to.")
@click.option("--style", "others", multiple=True, metavar="FILE[=W]", help="Another painting.")
@options.mask_options
@options.loss_options
@options.keyword_options()
@options.model_options
@output_options
def batch(**given: Any) -> None:
    """Paint all PHOTOS in the style of PAINTING.

    Every result is a PNG with the name of its photo. If a photo fails, the others continue, and it
    is listed at the end. Ctrl-C or SIGTERM ends the whole batch. A separate process paints the
    photos. It is replaced after it has grown by 250 MB, because TensorFlow keeps memory for every
    new size.
    """
    folder = given["output"]
    painted, _ = options.styles(given["painting"], given["others"])
    outputs = [folder / f"{photo.stem}.png" for photo in given["photos"]]
    if len(set(outputs)) < len(outputs):
        raise OptionError(
            "batch: two photos have the same name, so the second would replace the first; rename "
            "one of them."
        )
    silent, as_json = given["quiet"], given["as_json"]
    failed = _unreadable_at_first(given["photos"])
    if len(failed) == len(given["photos"]):
        _end_batch([], failed, silent, as_json)
    begin(given, *painted, outputs=outputs, folders=[folder], start=False)
    from neural_style.runs.interrupts import Interrupts
    from neural_style.sweeps.workers import Workers

    context = click.get_current_context()
    given |= context.find_root().params
    done: list[dict[str, Any]] = []
    failed = []
    stopped = 0
    try:
        with Workers() as workers, Interrupts(workers.interrupt) as interrupts:
            interrupts.ready = True
            _result(workers.submit(_prepare, given), interrupts)
            for photo, output in zip(given["photos"], outputs, strict=True):
                call = workers.submit(_paint, given, dict(context.meta), photo, output)
                try:
                    outcome, said = _result(call, interrupts)
                except WorkerError as error:
                    _end_progress(given)
                    failed.append(_Failed.of(photo, error))
                    continue
                context.meta.update(said)
                if isinstance(outcome, _Failed):
                    failed.append(outcome)
                else:
                    done.append({"photo": str(photo), **outcome.summary})
                    say(outcome.text, None, silent=silent or as_json)
                    stopped = interrupted(outcome.ending, output)
                if stopped := stopped or (interrupts.asked.exit_code if interrupts.asked else 0):
                    break
    except (KeyboardInterrupt, SystemExit) as end:  # before the run, or the second signal
        _end_progress(given)
        if isinstance(end, SystemExit) and end.code != TERMINATED:
            raise
        stopped = TERMINATED if isinstance(end, SystemExit) else INTERRUPTED
    _end_batch(done, failed, silent, as_json, stopped=stopped)


@dataclass(frozen=True)
class _Painted:
    """The result of a painted photo, as a worker sends it."""

    text: str
    summary: dict[str, Any]
    ending: Ending


@dataclass(frozen=True)
class _Failed:
    """A photo that could not be painted, with text because a plugin's error may not pickle."""

    photo: Path
    text: str
    code: int

    @classmethod
    def of(cls, photo: Path, error: Exception) -> Self:
        return cls(photo, f"{type(error).__name__}: {error}", failure([error]))


def _result(call: Future[Any], interrupts: Interrupts) -> Any:
    """Return a worker's result. If a signal ended the worker, raise that signal's exception."""
    try:
        return call.result()
    except WorkerError as error:
        if interrupts.asked is None:
            raise
        if interrupts.asked.exit_code == INTERRUPTED:
            raise KeyboardInterrupt from error
        raise SystemExit(interrupts.asked.exit_code) from error


@contextmanager
def _working(given: dict[str, Any], said: dict[str, Any]) -> Iterator[click.Context]:
    """In a worker: the command's context, with TensorFlow started."""
    with command_line(), click.Context(batch) as context:
        context.params.update(given)
        context.meta.update(said)
        hush(context, None, given["quiet"])
        start()
        yield context


def _end_progress(given: dict[str, Any]) -> None:
    """Restore the terminal after a worker ended during its run."""
    from rich.console import Console

    console = Console(stderr=True)
    if console.is_terminal and not (given["quiet"] or given["as_json"]):
        console.show_cursor()
        console.print()


def _prepare(given: dict[str, Any]) -> None:
    """In a worker: raise errors of options that only the library can check."""
    given = dict(given)
    with _working(given, {}):
        options.recipe(given)
        _features(*(given[name] for name in options.MODEL))
        options.keywords(given)


def _paint(
    given: dict[str, Any], said: dict[str, Any], photo: Path, output: Path
) -> tuple[_Painted | _Failed, dict[str, Any]]:
    """In a worker: paint a photo, and return the result and the remarks of the command."""
    given = dict(given)
    with _working(given, said) as context:
        import neural_style as ns

        try:
            painted, weights = options.styles(given["painting"], given["others"])
            result = ns.transfer(
                existing(photo, "PHOTOS"),
                painted,
                style_weights=weights,
                loss=options.recipe(given),
                features=_features(*(given[name] for name in options.MODEL)),
                callbacks=options.progress(given),
                verbose=False,
                output=output,
                **options.keywords(given),
            )
        except Exception as error:  # a plugin can raise any exception
            return _Failed.of(photo, error), dict(context.meta)
        assert result.ending is not None  # every finished run has an ending
        done = _Painted(f"{output}: {result}", summary(result, output), result.ending)
        return done, dict(context.meta)


@functools.cache
def _features(*model: Any) -> Any:
    """The feature model of the options, loaded once in each worker."""
    return options.features(dict(zip(options.MODEL, model, strict=True)))


def _unreadable_at_first(photos: Iterable[Path]) -> list[_Failed]:
    """The photos before the first readable one, with their errors."""
    failed: list[_Failed] = []
    for photo in photos:
        try:
            check_picture(existing(photo, "PHOTOS"))
        except StyleError as error:
            failed.append(_Failed.of(photo, error))
        else:
            break
    return failed


def _end_batch(
    done: list[dict[str, Any]],
    failed: list[_Failed],
    silent: bool,
    as_json: bool,
    *,
    stopped: int = 0,
) -> None:
    told = [{"photo": str(each.photo), "error": each.text} for each in failed]
    for each in told:
        tell(f"{each['photo']}: {each['error']}", err=True)
    found = {"done": done, "failed": told}
    codes = [each.code for each in failed]
    end_runs(len(done), codes, found, silent, as_json, stopped=stopped)
