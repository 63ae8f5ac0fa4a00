"""The command line, in this process with the tiny network, and as real processes."""

from __future__ import annotations

import inspect
import json
import logging
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

import neural_style as ns
from neural_style import FeatureModel, errors, images
from neural_style.cli import checks, main, options
from neural_style.extensions import Laplacian
from neural_style.features import weights
from neural_style.losses import registry
from neural_style.objective import tiled
from neural_style.recipes import draft
from neural_style.recipes import score as scoring
from neural_style.recipes import transfer as styling
from neural_style.runs.checkpoint import Checkpoints, Continued
from neural_style.sweeps import workers
from neural_style.utils import startup

SMALL = ("--size", "32", "--evaluations", "3")


pytestmark = pytest.mark.usefixtures("no_search")


@pytest.fixture(autouse=True)
def network(tiny: FeatureModel, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (draft, scoring):
        monkeypatch.setattr(module, "pretrained", lambda *network: tiny)


class Here(Executor):
    """In place of the processes of `Workers`: calls in this one."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        call: Future[Any] = Future()
        try:
            call.set_result(function(*args, **kwargs))
        except BaseException as error:
            call.set_exception(error)
        return call

    def interrupt(self, number: int) -> None: ...


@pytest.fixture(autouse=True)
def batches_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "Workers", Here)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with photo.png, painting.png and other.png."""
    for seed, name in enumerate(("photo", "painting", "other"), 1):
        images.save(images.noise((24, 32), seed=seed), tmp_path / f"{name}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == code, result.output + repr(result.exception)
    assert "Traceback" not in result.output
    return result


def paint(*arguments: str, code: int = 0) -> Result:
    return run(
        "transfer", "photo.png", "painting.png", "-o", "out.png", *SMALL, *arguments, code=code
    )


@pytest.mark.parametrize(
    ("command", "function", "names"),
    [
        ("transfer", styling.transfer, ["seed", "tile"]),
        ("score", scoring.score, ["directions", "positions", "seed"]),
    ],
    ids=["transfer", "score"],
)
def test_the_help_has_the_defaults_of_the_function(
    command: str, function: Callable[..., Any], names: list[str]
) -> None:
    helps = {each.name: getattr(each, "help", "") for each in main.commands[command].params}
    for name in names:
        default = inspect.signature(function).parameters[name].default
        assert helps[name].endswith(f"; {default}.")


def test_every_keyword_of_transfer_is_an_option_or_comes_by_another() -> None:
    others = {
        "style_weights": "--style",
        "content_mask": "--content-mask",
        "style_mask": "--style-mask",
        "loss": "--loss",
        "features": "--network",
        "callbacks": "--csv",
        "verbose": "--quiet",
        "output": "--output",
        "checkpoint": "--checkpoint",
        "checkpoint_every": "--checkpoint-every",
    }
    python_only = {"optimizer"}
    parameters = inspect.signature(styling.transfer).parameters.values()
    keywords = [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]
    assert {*options.KEYWORDS, *others, *python_only} == {*keywords}
    given = {name for p in main.commands["transfer"].params for name in p.opts}
    assert {*others.values()} <= given
    assert {f"--{name.replace('_', '-')}" for name in options.KEYWORDS} <= given


def test_transfer_paints_what_the_function_does(folder: Path) -> None:
    result = paint("--json", "--seed", "3")
    own = ns.transfer("photo.png", "painting.png", size=32, evaluations=3, seed=3)
    found = json.loads(result.stdout)
    assert found["loss"] == own.loss
    assert found["terms"] == own.terms
    assert (found["seed"], found["evaluations"], found["reason"]) == (3, 3, own.reason)
    np.testing.assert_array_equal(images.load("out.png"), np.rint(own.image))


@pytest.mark.slow
def test_losses_layers_options_and_references(folder: Path) -> None:
    result = paint(
        *("--json", "--loss", "content=1", "--loss", "gram=1e3", "--loss", "histogram=0.01"),
        *("--layers", "gram=block1_conv1,block2_conv1:0.5"),
        *("--option", "histogram.refresh_every=2", "--reference", "histogram=content"),
        *("--loss", "total_variation=2", "--loss", "laplacian=1"),
    )

    def loss(photo: Any, painting: Any) -> Any:
        return (
            ns.create("content", photo)
            + 1e3 * ns.create("gram", painting, layers={"block1_conv1": 1, "block2_conv1": 0.5})
            + 0.01 * ns.create("histogram", photo, refresh_every=2)
            + 2 * ns.create("total_variation")
            + ns.create("laplacian", photo)
        )

    own = ns.transfer("photo.png", "painting.png", loss=loss, size=32, evaluations=3)
    assert json.loads(result.stdout)["weighted"] == own.weighted
    np.testing.assert_array_equal(images.load("out.png"), np.rint(own.image))


@pytest.mark.slow
def test_several_styles_scales_a_start_and_colors(folder: Path) -> None:
    paint(
        "--style", "other.png=0.5", "--scales", "16,32", "--start", "other.png", "--color", "match"
    )
    own = ns.transfer(
        "photo.png",
        ["painting.png", "other.png"],
        style_weights=[1, 0.5],
        size=32,
        scales=[16, 32],
        start=images.load("other.png"),
        color="match",
        evaluations=3,
    )
    np.testing.assert_array_equal(images.load("out.png"), np.rint(own.image))


@pytest.mark.slow
def test_masks_guide_the_losses_of_the_style(folder: Path) -> None:
    mask = np.zeros((24, 32, 3))
    mask[:12] = 255
    images.save(mask, "mask.png")
    found = {}
    for name, masks in {"all": (), "part": ("--mask", "mask.png=mask.png")}.items():
        result = paint("--json", "--loss", "content=1", "--loss", "gram=1", *masks)
        found[name] = json.loads(result.stdout)["loss"]
    assert found["all"] != found["part"]
    assert (
        "no loss given here supports masks" in paint("--loss", "content=1", *masks, code=2).stderr
    )


@pytest.mark.slow
def test_a_style_for_each_region_and_a_larger_style(folder: Path) -> None:
    mask = np.zeros((24, 32, 3))
    mask[:12] = 255
    images.save(mask, "top.png")
    images.save(255 - mask, "bottom.png")
    regions = ("--content-mask", "top.png", "--content-mask", "bottom.png")
    paint("--style", "other.png", *regions, "--style-mask", "none", "--style-mask", "top.png",
          "--style-size", "40")  # fmt: skip
    own = ns.transfer(
        "photo.png",
        ["painting.png", "other.png"],
        content_mask=["top.png", "bottom.png"],
        style_mask=[None, "top.png"],
        size=32,
        style_size=40,
        evaluations=3,
    )
    np.testing.assert_array_equal(images.load("out.png"), np.rint(own.image))


@pytest.mark.slow
def test_the_default_objective_with_a_mask_and_with_another_loss(folder: Path) -> None:
    mask = np.zeros((24, 32, 3))
    mask[:12] = 255
    images.save(mask, "mask.png")

    def masked(photo: Any, painting: Any) -> Any:
        neighbors, moments, content = ns.default_loss(photo, painting)
        white = np.full((2, 2), 255, np.uint8)  # the photo is a reference of the neighbors, too
        own = ns.guided(neighbors.loss, [(mask, (white, mask))])
        own += moments.weight * ns.guided(moments.loss, [(mask, mask)])
        return own + content.weight * content.loss

    def more(photo: Any, painting: Any) -> Any:
        return 2 * ns.default_loss(photo, painting) + 3 * ns.create("moments", painting)

    lines = [(masked, ("--mask", "mask.png=mask.png")),
             (more, ("--loss", "default=2", "--loss", "moments=3"))]  # fmt: skip
    for loss, line in lines:
        paint(*line)
        own = ns.transfer("photo.png", "painting.png", loss=loss, size=32, evaluations=3)
        np.testing.assert_array_equal(images.load("out.png"), np.rint(own.image))
    told = paint("--loss", "default=1", "--layers", "default=block1_conv1", code=2).stderr
    assert "'default' is a sum of losses and has no options" in told


@pytest.mark.slow
@pytest.mark.parametrize(
    ("losses", "whole"),
    [
        (("content=1", "gram=1", "mrf=1"), "mrf."),
        (("content=1", "gram=1", "moments=1", "total_variation=1"), ""),
    ],
    ids=["some", "all"],
)
def test_what_no_mask_guides_is_said_once(
    folder: Path, losses: tuple[str, ...], whole: str
) -> None:
    given = [word for each in losses for word in ("--loss", each)]
    given += ["--mask", "photo.png=painting.png", "--style", "other.png"]
    result = paint(*given, "--json")
    assert result.stderr.count("These losses use the whole picture: " + whole) == bool(whole)
    assert result.stderr.count("--mask applies to gram.") == bool(whole)
    assert paint(*given, "--quiet").output == ""


@pytest.mark.slow
def test_a_preset_a_table_and_a_report(folder: Path) -> None:
    result = paint(
        "--preset", "gatys", "--csv", "run.csv", "--report", "run.html", "--tile", "none"
    )
    assert "out.png: loss" in result.stdout
    assert Path("run.csv").read_text().startswith("evaluation,")
    assert "<html" in Path("run.html").read_text()


def print_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have warnings in the log printed, as where nothing handles them; pytest does in a test."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])


@pytest.mark.slow
def test_quiet_says_nothing_but_errors(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    print_the_log(monkeypatch)
    evaluate = ns.Objective.__call__

    def warns(self: Any, image: Any) -> Any:
        warnings.warn("of Python", stacklevel=1)
        return evaluate(self, image)

    monkeypatch.setattr(ns.Objective, "__call__", warns)
    monkeypatch.setattr(warnings, "showwarning", lambda *_: click.echo("a warning", err=True))
    images.save(np.zeros((24, 32, 3)), "black.png")
    masks = ("--mask", "photo.png=painting.png", "--mask", "black.png=painting.png")
    told = ("--loss", "gram=1", *masks, "--report", "run.html", "--serve")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        loud = paint(*told).stderr
        assert "region 2 is skipped" in loud
        assert "The report is at" in loud
        assert "a warning" in loud
        assert paint(*told, "--quiet").output == ""
        assert "region 2 is skipped" in paint(*told).stderr
    assert (
        "'--size': expected a whole number from 2" in paint("--quiet", "--size", "0", code=2).stderr
    )


@pytest.mark.slow
def test_an_option_is_json_and_never_evaluated(folder: Path) -> None:
    text = "__import__('pathlib').Path('made').touch()"
    paint("--loss", "gram=1", "--option", f"gram.name={text}")
    assert not Path("made").exists()


def test_a_picture_that_cannot_be_read_or_written_has_code_1(folder: Path) -> None:
    Path("bad.png").write_bytes(b"no picture")
    assert "bad.png" in run("transfer", "bad.png", "painting.png", "-o", "out.png", code=1).stderr
    assert "out.xyz" in run("transfer", "photo.png", "other.png", "-o", "out.xyz", code=1).stderr


def test_a_file_that_may_not_be_read_is_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(path: Path) -> Any:
        raise PermissionError(13, "Permission denied")

    allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.R_OK and allowed(path, mode))
    monkeypatch.setattr(images.sources, "open_file", refuses)
    assert "Permission denied" in paint(code=1).stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("batch", "painting.png", "photo.png", "none.png"),
        ("sweep", "photo.png", "painting.png", "--grid", "seed=1,2"),
    ],
    ids=lambda arguments: arguments[0],
)
@pytest.mark.parametrize(
    ("mistake", "message"),
    [("gram.layers=3", "Error: gram: "), ("shifted_gram.shifts=[999]", ": LossError: ")],
    ids=["told at once", "told of each"],
)
def test_many_pictures_of_one_mistake_have_its_code(
    folder: Path, arguments: tuple[str, ...], mistake: str, message: str
) -> None:
    given = ("--loss", f"{mistake.partition('.')[0]}=1", "--option", mistake)
    assert message in run(*arguments, "-o", "out", *given, code=2).stderr
    Path("photo.png").write_bytes(b"no picture")
    run(*arguments, "-o", "out", code=1)


def ctrl_c() -> None:
    raise KeyboardInterrupt


def interrupt(
    after: int, monkeypatch: pytest.MonkeyPatch, how: Callable[[], object] = ctrl_c
) -> None:
    """Raise KeyboardInterrupt in the n-th evaluation of every run, or do something else."""
    evaluate = ns.Objective.__call__
    calls = 0

    def broken(self: Any, image: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > after:
            how()
        return evaluate(self, image)

    monkeypatch.setattr(ns.Objective, "__call__", broken)


def test_an_interrupted_run_saves_its_picture(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt(2, monkeypatch)
    result = paint(code=130)
    assert "out.png is the best picture so far" in result.stderr
    assert images.load("out.png").shape == (24, 32, 3)


@pytest.mark.slow
def test_a_terminated_command_saves_its_picture(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt(2, monkeypatch, lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert "Terminated; out.png is the best picture so far" in paint(code=143).stderr
    assert images.load("out.png").shape == (24, 32, 3)
    assert run("sweep", "photo.png", "painting.png", "-o", "sw", "--grid", "seed=1,2", code=143)
    interrupt(0, monkeypatch, lambda: os.kill(os.getpid(), signal.SIGTERM))
    paint(code=143)


def test_interrupted_before_there_is_a_picture(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt(0, monkeypatch)
    assert "before the first picture" in paint(code=130).stderr
    assert not Path("out.png").exists()


@pytest.mark.slow
@pytest.mark.parametrize("of", ["content", "style"])
def test_reconstruct_starts_from_noise(folder: Path, of: str) -> None:
    result = run("reconstruct", "photo.png", "-o", "out.png", "--of", of, "--json", *SMALL)
    name = {"content": "content", "style": "gram"}[of]
    assert list(json.loads(result.stdout)["terms"]) == [name]
    own = ns.transfer(
        "photo.png",
        "photo.png",
        loss=lambda photo, painting: ns.create(name, photo),
        start="noise",
        size=32,
        evaluations=3,
    )
    np.testing.assert_array_equal(images.load("out.png"), np.rint(own.image))


def test_the_help_of_reconstruct_has_its_own_defaults(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = " ".join(run("reconstruct", "--help").stdout.split())
    assert "preset" not in text
    assert "The optimizer's variables; pixels." in text
    found = {}

    def stop(self: Any, **_: Any) -> None:
        found.update(vars(self))
        raise KeyboardInterrupt

    monkeypatch.setattr(draft.Preset, "run", stop)
    run("reconstruct", "photo.png", "-o", "out.png", code=130)
    size = max(found["start"].shape)
    assert f"Longer side in pixels; {size}." in text
    assert f"one for each scale; {found['evaluations']}." in text
    assert f"variables; {found['parameterization']}." in text
    assert "or pixels with --loss or --preset" in " ".join(run("transfer", "--help").stdout.split())


@pytest.mark.slow
def test_a_name_cannot_command_the_terminal(folder: Path) -> None:
    hostile = "\x1b]0;title\x07\x9b2J.png"
    (folder / hostile).write_bytes(b"no picture")
    failed = run("transfer", hostile, "painting.png", "-o", "out.png", *SMALL, code=1)
    assert "\\u001b]0;title\\u0007\\u009b2J.png" in failed.stderr
    (folder / hostile).write_bytes((folder / "photo.png").read_bytes())
    for more in ((), ("--json",)):
        done = run("batch", "painting.png", hostile, "-o", "out", *SMALL, *more)
        assert not set("\x1b\x07\x9b") & set(done.output)


@pytest.mark.slow
def test_a_batch_goes_on_after_a_failure(folder: Path) -> None:
    Path("bad.png").write_bytes(b"no picture")
    arguments = ("batch", "painting.png", "photo.png", "bad.png", "other.png", "-o", "out")
    result = run(*arguments, *SMALL, "--json", code=3)
    found = json.loads(result.stdout)
    assert [each["photo"] for each in found["done"]] == ["photo.png", "other.png"]
    assert [each["photo"] for each in found["failed"]] == ["bad.png"]
    assert "bad.png" in result.stderr
    own = ns.transfer("other.png", "painting.png", size=32, evaluations=3)
    np.testing.assert_array_equal(images.load("out/other.png"), np.rint(own.image))
    assert (
        "2 done, 0 failed"
        in run("batch", "painting.png", "photo.png", "other.png", "-o", "out", *SMALL).stdout
    )
    assert "1 failed" in run("batch", "painting.png", "bad.png", "-o", "out", *SMALL, code=1).stdout
    unknown = ("batch", "painting.png", "photo.png", "-o", "out", "--loss", "grma=1")
    assert "did you mean 'gram'" in run(*unknown, code=2).stderr


@pytest.mark.slow
def test_a_batch_goes_on_after_an_error_that_is_not_the_librarys(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = ns.transfer

    def breaks(photo: Path, *pictures: Any, **options: Any) -> ns.Result:
        if photo.name == "photo.png":
            raise ZeroDivisionError("a plugin's")
        return own(photo, *pictures, **options)

    monkeypatch.setattr(ns, "transfer", breaks)
    result = run("batch", "painting.png", "photo.png", "other.png", "-o", "out", *SMALL, code=3)
    assert "photo.png: ZeroDivisionError: a plugin's" in result.stderr
    assert Path("out/other.png").is_file()


@pytest.mark.slow
def test_an_interrupted_batch_lists_what_failed_before(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("bad.png").write_bytes(b"no picture")
    interrupt(2, monkeypatch)
    arguments = ("batch", "painting.png", "bad.png", "photo.png", "other.png", "-o", "out")
    result = run(*arguments, *SMALL, code=130)
    assert "bad.png: " in result.stderr
    assert "1 done, 1 failed" in result.stdout
    assert Path("out/photo.png").is_file()
    assert not Path("out/other.png").exists()


@pytest.mark.slow
def test_a_batch_goes_on_after_a_process_that_was_killed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = Here.submit

    def killed(self: Here, function: Any, /, *args: Any) -> Future[Any]:
        if Path("photo.png") not in args:
            return submit(self, function, *args)
        lost: Future[Any] = Future()
        lost.set_exception(errors.WorkerError("it was killed"))
        return lost

    monkeypatch.setattr(Here, "submit", killed)
    arguments = ("batch", "painting.png", "photo.png", "other.png", "-o", "out", *SMALL)
    result = run(*arguments, code=3)
    assert result.stderr.endswith("photo.png: WorkerError: it was killed\n")
    assert result.stdout.endswith("1 done, 1 failed\n")
    assert Path("out/other.png").is_file()


def test_a_batch_says_at_once_what_all_of_it_needs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*given: Any) -> FeatureModel:
        raise errors.WeightsError("no weights")

    monkeypatch.setattr(draft, "pretrained", broken)
    model = ("--network", "vgg16", "--pooling", "average")
    monkeypatch.setattr(checks, "check_weights", lambda *given: None)
    arguments = ("batch", "painting.png", "photo.png", "other.png", "-o", "out", *SMALL, *model)
    result = run(*arguments, code=1)
    assert (result.stdout, result.stderr) == ("", "Error: no weights\n")


@pytest.mark.slow
def test_a_batch_remarks_once(folder: Path) -> None:
    white = images.save(np.full((24, 32, 3), 255, np.float32), "white.png")
    masked = ["--mask", f"{white}={white}"]
    for name in ("gram", "mrf"):
        masked += ["--loss", f"{name}=1", "--layers", f"{name}=block1_conv1"]
    arguments = ("batch", "painting.png", "photo.png", "other.png", "-o", "out", *SMALL, *masked)
    assert run(*arguments).stderr.count("use the whole picture") == 1
    assert "use the whole picture" not in run(*arguments, "--quiet").stderr


@pytest.mark.slow
def test_ctrl_c_ends_a_batch_with_the_best_picture_so_far(folder: Path) -> None:
    arguments = ("batch", "painting.png", "photo.png", "other.png", "-o", "out", "--size", "32")
    with subprocess.Popen(
        [sys.executable, "-m", "neural_style", *arguments, "--evaluations", "100000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        assert process.stderr.readline().startswith("evaluation 1/100000")
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the worker has it, too
        told, remarked = process.stdout.read(), process.stderr.read()
    assert process.returncode == 130
    assert "interrupted (Ctrl-C)" in told
    assert told.endswith("1 done, 0 failed\n")
    assert "out/photo.png is the best picture so far" in remarked
    assert images.load("out/photo.png").shape == (24, 32, 3)
    assert not Path("out/other.png").exists()


@pytest.mark.slow
def test_an_interrupted_sweep_says_where_the_finished_runs_are(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt(2, monkeypatch)
    arguments = ("sweep", "photo.png", "painting.png", "-o", "out", *SMALL, "--grid", "seed=1,2")
    assert "finished runs are in out" in run(*arguments, code=130).stderr


def test_photos_of_one_name_are_refused(folder: Path) -> None:
    arguments = ("batch", "painting.png", "photo.png", "a/photo.jpg", "-o", "out")
    assert "the same name" in run(*arguments, code=2).stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ("batch", "painting.png", "photo.png", "--preset", "gatys"),
        ("sweep", "photo.png", "painting.png", "--preset", "gatys", "--grid", "seed=1"),
        ("sweep", "photo.png", "painting.png", "--grid", "preset=null,gatys"),
    ],
    ids=["batch", "sweep", "grid"],
)
def test_many_pictures_of_a_preset_have_its_network(
    folder: Path, arguments: tuple[str, ...]
) -> None:
    refused = run(*arguments, *SMALL, "-o", "out", "--network", "vgg19", code=2)
    assert "has its own network" in refused.stderr
    assert run(*arguments, *SMALL, "-o", "out").stdout.endswith(" done, 0 failed\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("painting.png", "photo.png", "-o", "."),
        ("painting.png", "photo.png", "-o", "link"),
        ("link/photo.png", "photos/photo.png", "-o", "."),
        ("painting.png", "photos/photo.png", "--style", "photo.png=2", "-o", "."),
    ],
    ids=["photo", "through a link", "painting", "style"],
)
def test_a_batch_never_replaces_what_it_reads(folder: Path, arguments: tuple[str, ...]) -> None:
    Path("photos").mkdir()
    images.save(images.noise((24, 32), seed=4), "photos/photo.png")
    Path("link").symlink_to(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*.png")}
    assert "photo.png is also an input" in run("batch", *arguments, *SMALL, code=2).stderr
    assert {path: path.read_bytes() for path in folder.rglob("*.png")} == before


@pytest.mark.slow
def test_a_sweep_of_weights_and_settings(folder: Path) -> None:
    arguments = ("sweep", "photo.png", "painting.png", "-o", "out", *SMALL, "--json")
    losses = ("--loss", "content=1", "--loss", "gram=1")
    grid = ("--grid", "loss.gram=1,100", "--grid", "start=content,noise")
    found = json.loads(run(*arguments, *losses, *grid).stdout)
    assert [each["settings"] for each in found["outcomes"]] == [
        {"loss.gram": weight, "start": start}
        for weight in (1, 100)
        for start in ("content", "noise")
    ]
    assert len({each["loss"] for each in found["outcomes"]}) == 4
    assert Path(found["sheet"]).is_file()
    assert "expected one of" in run(*arguments, "--grid", "loss.gram=1", code=2).stderr


@pytest.mark.slow
def test_a_sweep_is_made_again_where_anything_is_another(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []

    def transfer(*arguments: Any, **_: Any) -> ns.Result:
        calls.append(arguments)
        return ns.Result(images.noise((4, 4)), 1.0, {}, {}, (), 1, 1, 0.0, 0, "done")

    monkeypatch.setattr(ns, "transfer", transfer)

    def runs(*options: str, losses: tuple[str, ...] = ("gram=1",)) -> int:
        calls.clear()
        given = [text for loss in losses for text in ("--loss", loss)]
        run("sweep", "photo.png", "painting.png", "-o", "out", *given, "--grid", "seed=1", *options)
        return len(calls)

    images.save(np.full((24, 32, 3), 255.0), "mask.png")
    masked = ("--size", "32", "--mask", "mask.png=mask.png", "--evaluations")
    for given in (SMALL, ("--size", "24", "--evaluations", "3"), (*masked, "3"), (*masked, "2")):
        assert [runs(*given), runs(*given)] == [1, 0]
    for change, seed in (("photo.png", 7), ("painting.png", 8), ("mask.png", 9)):
        images.save(images.noise((24, 32), seed=seed), change)
        assert [runs(*masked, "2"), runs(*masked, "2")] == [1, 0]
    own: Any
    for own in (1, 2):
        kind = type("Own", (ns.Loss,), {"layers": ("image",), "strength": own})
        monkeypatch.setitem(registry._registered, "own_of_mine", kind)
        losses = ("gram=1", "own_of_mine=1")
        assert [runs(*SMALL, losses=losses), runs(*SMALL, losses=losses)] == [1, 0]


@pytest.mark.slow
def test_a_grid_takes_what_the_options_take(folder: Path) -> None:
    arguments = ("sweep", "photo.png", "painting.png", "-o", "out", "--json", "--size", "32")
    given: dict[str, tuple[str, list[Any]]] = {
        "tile": ("none,auto,null", ["none", "auto", None]),
        "start": ("other.png,noise", ["other.png", "noise"]),
        "evaluations": ("2,3", [2, 3]),
    }
    for name, (values, settings) in given.items():
        budget = () if name == "evaluations" else ("--evaluations", "3")
        found = json.loads(run(*arguments, *budget, "--grid", f"{name}={values}").stdout)
        assert [each["settings"] for each in found["outcomes"]] == [{name: v} for v in settings]
        for value, outcome in zip(values.split(","), found["outcomes"], strict=True):
            option = () if value == "null" else (f"--{name}", value)
            one = paint("--json", *budget, *option)
            assert outcome["loss"] == json.loads(one.stdout)["loss"]
    scales = ("--scales", "16,32", "--grid", "evaluations=[[1,2],3]")
    found = json.loads(run(*arguments, *scales).stdout)
    assert [each["settings"]["evaluations"] for each in found["outcomes"]] == [[1, 2], 3]


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ("tile=none,big", "expected a positive whole number, 'auto' or 'none', got 'big'"),
        ("start=noise,none.png", "File 'none.png' does not exist"),
        ("size=16,16.5", "expected a whole number from 2, got '16.5'"),
        ("seed=true", "expected a whole number from 0, got 'True'"),
        ("color=match,red", "'red' is not one of 'match', 'luminance', 'oklab'"),
        ("evaluations=[[1,2],{}]", "expected whole numbers"),
        ("size=32,0", "expected a whole number from 2, got '0'"),
        ("preset=null,gatis", "did you mean 'gatys'"),
        ("seed=1,1", "--grid seed: 1 is given twice"),
    ],
)
def test_a_grid_is_refused_before_the_first_run(folder: Path, grid: str, message: str) -> None:
    arguments = ("sweep", "photo.png", "painting.png", "-o", "out", *SMALL, "--grid", grid)
    assert message in run(*arguments, code=2).stderr
    assert not Path("out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("option", [(), ("--json",), ("--quiet",)], ids=str)
def test_a_sweep_says_once_what_fails(
    folder: Path, monkeypatch: pytest.MonkeyPatch, option: tuple[str, ...]
) -> None:
    print_the_log(monkeypatch)
    grid = ("--grid", "size=32,16", "--scales", "20", "--evaluations", "3")
    arguments = ("sweep", "photo.png", "painting.png", "-o", "out", *grid)
    partly = run(*arguments, *option, code=3)
    assert partly.stderr.count("at most the start's 16 pixels") == 1
    assert partly.stdout.count("at most the start's") == (option == ("--json",))
    assert partly.stdout.count("size=32: loss") == (option == ())


@pytest.mark.slow
def test_an_estimate(folder: Path) -> None:
    arguments = ("estimate", "photo.png", "painting.png", "--size", "32")
    found = json.loads(run(*arguments, "--json").stdout)
    assert found["size"] == [24, 32]
    assert found["memory"] == sum(found["parts"].values()) > 0
    assert "s per evaluation" in run(*arguments, "--preset", "gatys").stdout
    both = run(*arguments, "--preset", "gatys", "--loss", "gram=1", code=2)
    assert "use a preset or a loss" in both.stderr
    network = run(*arguments, "--preset", "gatys", "--pooling", "max", code=2)
    assert "has its own network" in network.stderr
    two = json.loads(run(*arguments, "--style", "other.png=0.5", "--json").stdout)
    assert two["parts"]["targets"] > found["parts"]["targets"]


def test_evaluate_has_the_figures_of_the_function(
    folder: Path, tiny: FeatureModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, layers = ns.score, {"style_layers": ["block1_conv1"], "content_layer": "block4_conv2"}
    monkeypatch.setattr(ns, "score", lambda *a, **k: own(*a, **{**k, **layers}))
    found = run("score", "photo.png", "other.png", "painting.png", "--json").stdout
    pictures = [images.load(f"{name}.png") for name in ("photo", "other", "painting")]
    assert json.loads(found) == ns.score(*pictures).as_dict()
    own_size = ("score", "photo.png", "other.png", "painting.png", "--style-size")
    assert "expected a whole number from 2" in run(*own_size, "0", code=2).stderr


def test_losses_and_presets_are_listed() -> None:
    found = json.loads(run("losses", "--json").stdout)
    assert list(found) == [*ns.names(), "default"]
    assert "50" in found["histogram"]["options"]["refresh_every"]
    assert found["default"]["owner"] == "neural_style:default_loss"
    assert "G_l = F_lᵀ F_l / M_l" in run("losses", "gram").stdout
    assert "--loss NAME=WEIGHT" in run("transfer", "--help").stdout
    assert "default=1" in run("transfer", "--help").stdout
    assert "did you mean 'gram'" in run("losses", "grma", code=2).stderr
    found = json.loads(run("presets", "--json").stdout)
    assert found == {name: inspect.getdoc(ns.presets.find(name)) for name in ns.presets.names()}
    assert "520 evaluations" in run("presets", "gatys").stdout


@pytest.mark.slow
def test_quiet_leaves_answers(folder: Path) -> None:
    for command in (("losses", "gram"), ("presets",), ("estimate", "photo.png", "painting.png")):
        loud = run(*command)
        assert run(*command, "--quiet").stdout == loud.stdout != ""
    assert "vgg19" in run("weights", "--quiet").stdout
    assert "python" in run("doctor", "--quiet").stdout


def test_weights_say_where_they_are_and_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    found = json.loads(run("weights", "vgg16", "--json", code=1).stdout)
    path = Path(found["path"])
    assert (found["state"], path.is_relative_to(tmp_path)) == ("missing", True)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"none")
    assert "damaged" in run("weights", "vgg16", code=1).stdout
    path.unlink()
    path.mkdir()
    assert "damaged: cannot be read" in run("weights", "vgg16", code=1).stdout
    path.rmdir()
    path.parent.rmdir()
    path.parent.write_bytes(b"no folder")
    assert "Not a directory" in run("weights", "vgg16", code=1).stdout
    assert "did you mean 'vgg19'" in run("weights", "vg19", code=2).stderr


def test_doctor_runs_an_evaluation() -> None:
    found = json.loads(run("doctor", "--json").stdout)
    assert found["evaluation of 64×64, s"] >= 0
    assert found["devices"]
    assert found["keras"]


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_help_imports_no_tensorflow() -> None:
    code = (
        "import sys\nfrom neural_style.cli import main\n"
        "for name in ['', *main.commands]:\n"
        "    main([*([name] if name else []), '--help'], standalone_mode=False)\n"
        "found = {'tensorflow', 'keras', 'numpy'} & set(sys.modules)\nassert not found, found"
    )
    done = python("-W", "error", "-c", code)
    assert done.returncode == 0, done.stderr
    assert "Exit codes" in done.stdout


@pytest.mark.slow
def test_a_process_has_clean_output_and_the_exit_codes(folder: Path) -> None:
    found = python("-m", "neural_style", "losses", "gram")
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.startswith("gram (neural_style.extensions.gram:Gram")
    wrong = python("-m", "neural_style", "transfer", "photo.png", "painting.png", "-o", "out.gif")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert wrong.stderr.startswith("Error: out.gif")
    assert len(wrong.stderr.splitlines()) <= 2


def test_only_errors_pass_while_tensorflow_starts(capfd: pytest.CaptureFixture[str]) -> None:
    with startup.without_messages(2):
        os.write(2, b"I0000 started\nE0000 failed call to cuInit\nE0000 broken\nno message\n")
    assert capfd.readouterr().err == "E0000 broken\nno message\n"
    with pytest.raises(ImportError), startup.without_messages(2):  # noqa: PT012
        os.write(2, b"W0000 all is told\n")
        raise ImportError
    assert capfd.readouterr().err == "W0000 all is told\n"


def test_shell_completion() -> None:
    done = python("-m", "neural_style", _NEURAL_STYLE_COMPLETE="bash_source")
    assert "_NEURAL_STYLE_COMPLETE=bash_complete" in done.stdout


@pytest.mark.slow
def test_a_record_is_repeated_and_a_run_is_gone_on_with(
    folder: Path, tiny: FeatureModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        FeatureModel, "from_config", lambda config: tiny.with_padding(config["padding"])
    )
    options = ("--checkpoint", "run", "--checkpoint-every", "2", "--record", "record")
    painted = images.load((paint(*options), folder / "out.png")[1])
    again = json.loads(run("rerun", "record", "-o", "again.png", "--json").stdout)
    assert again["same"] is True
    assert again["differences"] == []
    np.testing.assert_array_equal(images.load("again.png"), painted)
    run("resume", "run", "-o", "resumed.png")
    np.testing.assert_array_equal(images.load("resumed.png"), painted)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["rerun", "resume"])
def test_what_repeats_a_run_ends_as_it_does_at_an_interruption(
    folder: Path, tiny: FeatureModel, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(
        FeatureModel, "from_config", lambda config: tiny.with_padding(config["padding"])
    )
    with monkeypatch.context() as first:
        interrupt(3, first)
        paint("--checkpoint", "run", "--checkpoint-every", "1", "--evaluations", "9", code=130)
    interrupt(2, monkeypatch)
    result = run(command, "run", "-o", "again.png", code=130)
    assert "again.png is the best picture so far" in result.stderr
    assert images.load("again.png").shape == (24, 32, 3)


def test_a_folder_without_a_run_is_a_message(folder: Path) -> None:
    (folder / "empty").mkdir()
    assert "no run to resume" in run("resume", "empty", "-o", "out.png", code=1).stderr
    assert "record.json" in run("rerun", "empty", "-o", "out.png", code=1).stderr


def test_a_report_is_served_while_it_runs(folder: Path) -> None:
    done = paint("--report", "run.html", "--serve")
    url = re.findall(r"http://127\.0\.0\.1:\d+/", done.stderr)[0]
    with pytest.raises(urllib.error.URLError):  # no longer
        urllib.request.urlopen(url, timeout=5)
    assert "add --report" in paint("--serve", code=2).stderr


def test_layers_are_known_without_the_network() -> None:
    for network in ("vgg16", "vgg19"):
        model = FeatureModel(network, weights=None)
        assert sorted(checks.layers(network)) == sorted((*model.layers, "image"))


MISSING = "File 'none.png' does not exist"
PAINT = "transfer photo.png painting.png -o out.png"
# Mistakes that are told without TensorFlow, with the exit code and a part of the message.
MISTAKES = [
    (f"{PAINT} --loss gram", 2, "expected NAME=VALUE"),
    (f"{PAINT} --loss gram=much", 2, "expected a number"),
    (f"{PAINT} --loss gram=nan", 2, "expected a number"),
    (f"{PAINT} --loss gram=1 --loss gram=2", 2, "given twice"),
    (f"{PAINT} --loss gram=1 --layers gram=conv9", 2, "has no layer 'conv9'"),
    (f"{PAINT} --loss gram=1 --option gram.depth=1", 2, "no option 'depth'"),
    (f"{PAINT} --loss gram=1 --option depth=1", 2, "expected LOSS.NAME=VALUE"),
    (f"{PAINT} --loss gram=1 --option histogram.refresh_every=9", 2, "add --loss histogram=1"),
    (f"{PAINT} --loss gram=1 --reference gram=both", 2, "expected one of content, style, none"),
    (f"{PAINT} --layers gram=block1_conv1", 2, "add --loss"),
    (f"{PAINT} --preset gatys --loss gram=1", 2, "has its own loss"),
    (f"{PAINT} --preset gatys --network vgg16", 2, "has its own network"),
    (f"{PAINT} --preset gatys --pooling average", 2, "has its own network"),
    (f"{PAINT} --preset gatys --weights photo.png", 2, "has its own network"),
    (f"{PAINT} --size 0", 2, "expected a whole number from 2, got '0'"),
    (f"{PAINT} --scales a,b", 2, "expected whole numbers"),
    (f"{PAINT} --scales 64,32", 2, "expected increasing sides"),
    (f"{PAINT} --tile big", 2, "expected a positive whole number, 'auto' or 'none'"),
    (f"{PAINT} --style other.png=-1", 2, "expected a positive number"),
    (f"{PAINT} --nothing", 2, "No such option"),
    ("transfer none.png painting.png -o o.png", 2, MISSING),
    (f"{PAINT} --start none.png", 2, MISSING),
    (f"{PAINT} --style none.png", 2, MISSING),
    (f"{PAINT} --style none.png=2", 2, MISSING),
    (f"{PAINT} --weights none.png", 2, MISSING),
    ("estimate photo.png painting.png --loss gram=1 --mask=none.png=photo.png", 2, MISSING),
    ("estimate photo.png painting.png --loss gram=1 --mask=photo.png=none.png", 2, MISSING),
    ("reconstruct none.png -o o.png", 2, MISSING),
    ("batch painting.png none.png -o out", 2, MISSING),
    ("batch painting.png photo.png -o out --style none.png", 2, MISSING),
    ("sweep photo.png none.png -o out --grid seed=1", 2, MISSING),
    (f"{PAINT} --preset gatis", 2, "did you mean 'gatys'"),
    (f"{PAINT} --loss grma=1", 2, "did you mean 'gram'"),
    (f"{PAINT} --loss gram=1 --option gram.layer=1", 2, "layers"),
    (f"{PAINT} --loss mmd=1 --option mmd.kernel=box", 2, "linear"),
    (f"{PAINT} --loss gram=1 --layers gram=block9", 2, "no layer"),
    (f"{PAINT} --loss gram=1 --mask a.png=b.png", 2, "not exist"),
    (f"{PAINT} --content-mask a.png", 2, "not exist"),
    (f"{PAINT} --style-mask bad.png", 1, "not a picture"),
    (
        f"{PAINT} --style other.png --content-mask photo.png",
        2,
        "--content-mask: expected one for each of 2 styles, or none, got 1",
    ),
    (
        f"{PAINT} --mask other.png=other.png --style-mask other.png",
        2,
        "--style-mask and --mask cannot be combined",
    ),
    ("transfer photo.png painting.png -o other.png --content-mask other.png", 2, "also an input"),
    (f"{PAINT} --style bad.png=2", 1, "not a picture"),
    (f"{PAINT} --style other.png=0", 2, "a positive number"),
    (f"{PAINT} --start bad.png", 1, "not a picture"),
    (f"{PAINT} --evaluations 0", 2, "from 1"),
    (f"{PAINT} --seed -1", 2, "number from 0"),
    (f"{PAINT} --weights bad.png", 1, "complete HDF5 file"),
    (f"{PAINT} --network vgg16", 1, "was not found"),
    (f"{PAINT} --checkpoint run", 2, "neural-style resume run"),
    (f"{PAINT} --csv bad.png/a.csv", 2, "--csv bad.png/a.csv"),
    (f"{PAINT} --report .", 2, "is a directory"),
    (f"{PAINT} --record bad.png", 2, "is a file"),
    ("transfer photo.png painting.png -o out.bmpp", 1, "is not a format"),
    ("transfer photo.png painting.png -o bad.png/out.png", 1, "cannot be written"),
    ("transfer photo.png painting.png -o photo.png", 2, "--output: photo.png is also an input"),
    ("transfer photo.png painting.png -o ./painting.png", 2, "painting.png is also an input"),
    ("transfer photo.png painting.png -o other.png --style other.png", 2, "is also an input"),
    ("transfer photo.png painting.png -o other.png --start other.png", 2, "is also an input"),
    (
        f"{PAINT} --loss gram=1 --mask other.png=photo.png --csv other.png",
        2,
        "--csv: other.png is also an input",
    ),
    (f"{PAINT} --report photo.png", 2, "--report: photo.png"),
    (f"{PAINT} --csv a --report ./a", 2, "are the same file"),
    ("reconstruct photo.png -o photo.png", 2, "is also an input"),
    ("transfer bad.png painting.png -o out.png", 1, "not a picture"),
    ("transfer photo.png painting.png -o ./run/../painting.png", 2, "is also an input"),
    (f"{PAINT} --csv other.png --style other.png", 2, "--csv"),
    (f"{PAINT} --report out.png", 2, "are the same file"),
    (f"{PAINT} --start nois", 2, "content, noise or a picture"),
    (f"{PAINT} --scales 1024", 2, "at most the picture's 512"),
    (f"{PAINT} --evaluations 1,2", 2, "one number, or one for"),
    (f"{PAINT} --loss gram=1 --layers gram=conv1_1", 2, "did you"),
    (f"{PAINT} --loss gram=1 --mask photo.png", 2, "FILE=FILE"),
    ("transfer https://example.org/a.png painting.png -o out.png", 2, "https://example.org/a.png"),
    ("reconstruct bad.png -o out.png", 1, "not a picture"),
    ("reconstruct photo.png -o o.png --loss gram=1 --of style", 2, "use either --of or --loss"),
    ("estimate photo.png bad.png", 1, "not a picture"),
    ("estimate photo.png painting.png --preset gatys --pooling max", 2, "its own network"),
    ("score photo.png bad.png painting.png", 1, "not a picture"),
    ("score photo.png photo.png painting.png --directions 0", 2, "number from 1"),
    ("batch bad.png photo.png -o out", 1, "not a picture"),
    ("batch painting.png bad.png -o out", 1, "0 done, 1 failed"),
    ("batch painting.png photo.png -o bad.png", 2, "is a file"),
    ("batch painting.png photo.png -o bad.png/out", 2, "cannot create or write"),
    ("batch painting.png photo.png -o . --preset gatys", 2, "photo.png is also an input"),
    ("sweep photo.png painting.png -o out --grid sed=1", 2, "expected one of"),
    ("sweep photo.png painting.png -o out --grid preset=gatis", 2, "did you mean 'gatys'"),
    ("sweep photo.png painting.png -o out --grid size=32,1", 2, "number from 2"),
    ("sweep photo.png painting.png -o out --grid start=noise,bad.png", 1, "not a picture"),
    ("sweep photo.png painting.png -o out --seed 1 --grid seed=1,2", 2, "--seed is also in --grid"),
    ("resume . -o out.png", 1, "no run to resume"),
    ("rerun . -o out.png", 1, "no run to repeat"),
    ("losses grma", 2, "did you mean 'gram'"),
    ("presets gatis", 2, "did you mean 'gatys'"),
    ("weights vgg17", 2, "did you mean"),
    ("doctor --weights bad.png", 1, "complete HDF5 file"),
]


def test_a_mistake_is_told_before_tensorflow_starts(folder: Path) -> None:
    (folder / "bad.png").write_bytes(b"no picture")
    (folder / "run").mkdir()
    (folder / "run" / "record.json").touch()
    code = (
        "import json, sys\n"
        "from click.testing import CliRunner\n"
        "from neural_style.features import weights\nfrom neural_style.utils import download\n"
        "from neural_style.cli import main\n"
        "weights.obtain = lambda *given: ['nowhere']\n"
        "weights.has_digest = lambda *given: True\n"
        "def ends(line):\n"
        "    done = CliRunner().invoke(main, line.split())\n"
        "    started = sorted({'tensorflow', 'keras'} & set(sys.modules))\n"
        "    return done.exit_code, done.output, repr(done.exception), started\n"
        "print(json.dumps([ends(line) for line in json.load(sys.stdin)]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        input=json.dumps([line for line, _, _ in MISTAKES]),
        env={**os.environ, "KERAS_HOME": str(folder / "keras")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    for (line, exit_code, message), (own, told, exception, started) in zip(
        MISTAKES, json.loads(done.stdout), strict=True
    ):
        assert (own, started) == (exit_code, []), (line, told, exception)
        assert message in " ".join(told.split()), (line, told)
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        ["bad.png", "other.png", "painting.png", "photo.png", "run"]
    )


OTHER = {"network": "vgg19", "weights": "own.h5", "preprocess": "caffe"}


@pytest.mark.parametrize(
    ("fails", "python", "command"),
    [
        (lambda: Continued("."), "checkpoint=…", "--checkpoint"),
        (lambda: Checkpoints("run", 1), "neural_style.resume('run')", "neural-style resume run"),
        (lambda: FeatureModel.from_config(OTHER), "pass it again as features=…", "its --weights"),
        (lambda: weights.find("vgg16"), "FeatureModel('vgg16', weights=", "--weights …/vgg16"),
        (
            lambda: tiled.check(Laplacian(images.noise((8, 8))), (8, 8), 4),
            "tile=None",
            "--tile none",
        ),
    ],
)
def test_an_error_advises_what_can_be_done_where_it_is_read(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    fails: Callable[[], Any],
    python: str,
    command: str,
) -> None:
    monkeypatch.setattr(weights, "obtain", lambda *given: ["nowhere"])
    (folder / "run").mkdir()
    (folder / "run" / "record.json").touch()
    with pytest.raises(errors.StyleError) as here:
        fails()
    with errors.command_line(), pytest.raises(errors.StyleError) as there:
        fails()
    assert python in str(here.value)
    assert command not in str(here.value)
    assert command in str(there.value)
    assert python not in str(there.value)
    assert not errors._at_command_line
