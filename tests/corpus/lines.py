"""Command lines that are not usable, or whose files are not; none can have a null byte."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
from click.testing import CliRunner

from corpus.cases import Case, World
from corpus.pictures import FILES
from corpus.runs import kept
from neural_style import images
from neural_style.cli import main
from neural_style.recipes import draft, score

SMALL = ("--size", "16", "--evaluations", "2")
PAINT = ("transfer", "photo.png", "painting.png", "-o", "out/out.png", *SMALL)


class End(NamedTuple):
    """How a command ended, and what it left where it writes."""

    code: int
    error: BaseException | None
    stderr: str
    left: list[str]


def run(arguments: tuple[str, ...], world: World) -> End:
    """A command line, in a folder of pictures, bad files and runs."""
    for module in (draft, score):
        world.patch.setattr(module, "pretrained", lambda *network: world.features)
    os.symlink(world.outputs, world.inputs / "out")
    files = {
        "photo.png": FILES["png"],
        "painting.png": FILES["jpg"],
        "bad.png": b"no picture",
        "empty.png": b"",
        "cut.png": FILES["png"][:99],
        "gray.png": FILES["16.png"],
        "weights.h5": b"no weights",
        "run/record.json": b"{}",
        "list/record.json": b"[]",
        "nothing/notes.txt": b"",
    }
    for name, content in files.items():
        world.file(name, content)
    for name, whole in (("checkpoint", kept(world.features).checkpoint),
                        ("record", kept(world.features).record)):  # fmt: skip
        for each, content in whole.items():
            world.file(f"{name}/{each}", content)
    images.save(np.zeros((9, 9, 3)), world.inputs / "black.png")
    os.mkfifo(world.inputs / "pipe.png")
    world.patch.chdir(world.inputs)
    before = {path for path in world.inputs.rglob("*") if "/out/" not in str(path)}
    result = CliRunner().invoke(main, [*arguments])
    after = {path for path in world.inputs.rglob("*") if "/out/" not in str(path)}
    error = None if isinstance(result.exception, SystemExit) else result.exception
    left = [*world.left(), *map(str, after - before)]
    return End(result.exit_code, error, result.stderr, left)


def is_refusal(end: End, codes: tuple[int, ...] = (1, 2, 3)) -> bool:
    """Whether a command ended in an exit code, with a line or two, and wrote nothing."""
    lines = [line for line in end.stderr.splitlines() if line.strip()]
    usage = lines[:1] and lines[0].startswith("Usage:") and lines[-1].startswith("Error:")
    said = usage or (1 <= len(lines) <= 2 and lines[0].startswith("Error"))
    clean = "Traceback" not in end.stderr and all(line.isprintable() for line in lines)
    return end.code in codes and end.error is None and bool(said) and clean and not end.left


def is_partly(end: End) -> bool:
    """Whether a batch or a sweep said, a line each, what failed."""
    lines = end.stderr.splitlines()
    return (
        end.code in (1, 2, 3) and end.error is None and len(lines) > 0 and "Traceback" not in lines
    )


def is_done(end: End) -> bool:
    """Whether a command was usable after all."""
    return end.code == 0 and end.error is None


_LOSS = ("--loss", "gram=1", "--layers", "gram=block1_conv1")
TRANSFERS: dict[str, tuple[str, ...]] = {
    "size 0": ("--size", "0"),
    "size negative": ("--size", "-5"),
    "size huge": ("--size", "9" * 30),
    "size 10 to the 9": ("--size", str(10**9)),
    "size text": ("--size", "large"),
    "size empty": ("--size", ""),
    "size a fraction": ("--size", "16.5"),
    "style size 1": ("--style-size", "1"),
    "evaluations 0": ("--evaluations", "0"),
    "evaluations negative": ("--evaluations", "-1"),
    "evaluations too many": ("--evaluations", "1,2,3"),
    "evaluations empty": ("--evaluations", ""),
    "evaluations commas": ("--evaluations", ",,"),
    "evaluations digits": ("--evaluations", "1" * 5000),
    "scales decreasing": ("--scales", "16,8"),
    "scales above the size": ("--scales", "99"),
    "scales 0": ("--scales", "0"),
    "seed negative": ("--seed", "-1"),
    "seed text": ("--seed", "a"),
    "tile 0": ("--tile", "0"),
    "tile text": ("--tile", "small"),
    "tile digits": ("--tile", "9" * 5000),
    "color unknown": ("--color", "sepia"),
    "start nowhere": ("--start", "nowhere.png"),
    "start bad": ("--start", "bad.png"),
    "start a folder": ("--start", "run"),
    "start a pipe": ("--start", "pipe.png"),
    "start of 5000": ("--start", "a" * 5000),
    "start a surrogate": ("--start", "\udcff.png"),
    "preset unknown": ("--preset", "gatis"),
    "preset markup": ("--preset", "[red]\x1b[31mgatys"),
    "preset a path": ("--preset", "../gatys"),
    "preset of lines": ("--preset", "a\nb\nc\nd"),
    "parameterization unknown": ("--parameterization", "waves"),
    "network unknown": ("--network", "vgg11"),
    "pooling unknown": ("--pooling", "mean"),
    "weights bad": ("--weights", "weights.h5"),
    "weights a folder": ("--weights", "run"),
    "weights missing": ("--weights", "nowhere.h5"),
    "style nowhere": ("--style", "nowhere.png"),
    "style bad": ("--style", "bad.png=1"),
    "style weight 0": ("--style", "photo.png=0"),
    "style weight NaN": ("--style", "photo.png=nan"),
    "style weight text": ("--style", "photo.png=x"),
    "style empty": ("--style", ""),
    "style a sign": ("--style", "="),
    "loss unknown": ("--loss", "grma=1"),
    "loss a path": ("--loss", "os:system=1"),
    "loss of no weight": ("--loss", "gram="),
    "loss of no name": ("--loss", "=1"),
    "loss infinite": ("--loss", "gram=inf"),
    "loss 1e39": ("--loss", "gram=1e39"),
    "loss 1e999": ("--loss", "gram=1e999"),
    "loss a surrogate": ("--loss", "\udcff=1"),
    "loss of lines": ("--loss", "a\nb\nc\nd=1"),
    "loss an escape": ("--loss", "\x1b[2Jgram=1"),
    "loss twice": ("--loss", "gram=1", "--loss", "gram=1"),
    "layers unknown": (*_LOSS[:2], "--layers", "gram=conv9"),
    "layers empty": (*_LOSS[:2], "--layers", "gram=,"),
    "layers weight": (*_LOSS[:2], "--layers", "gram=block1_conv1:x"),
    "layers twice": (*_LOSS[:2], "--layers", "gram=a:1,a:2"),
    "option unknown": (*_LOSS, "--option", "gram.depth=1"),
    "option of no loss": (*_LOSS, "--option", "mrf.patch=1"),
    "option of no name": (*_LOSS, "--option", "gram.=1"),
    "option name 5": (*_LOSS, "--option", "gram.name=5"),
    "option layers": (*_LOSS, "--option", "gram.layers=5"),
    "option self": (*_LOSS, "--option", "gram.self=5"),
    "option of depth": (*_LOSS, "--option", "gram.name=" + "[" * 900 + "]" * 900),
    "option digits": (*_LOSS, "--option", "gram.layers=" + "9" * 4000),
    "option NaN": ("--loss", "mmd=1", "--option", "mmd.sigma=NaN"),
    "reference unknown": (*_LOSS, "--reference", "gram=both"),
    "reference none": (*_LOSS, "--reference", "gram=none"),
    "mask nowhere": (*_LOSS, "--mask", "nowhere.png=photo.png"),
    "mask bad": (*_LOSS, "--mask", "bad.png=bad.png"),
    "mask of no loss": ("--loss", "content=1", "--mask", "black.png=black.png"),
    "mask of no file": (*_LOSS, "--mask", "photo.png"),
    "checkpoint a file": ("--checkpoint", "photo.png"),
    "checkpoint there": ("--checkpoint", "checkpoint"),
    "checkpoint below a file": ("--checkpoint", "photo.png/run"),
    "checkpoint every 0": ("--checkpoint", "out/run", "--checkpoint-every", "0"),
    "checkpoint every without": ("--checkpoint-every", "0"),
    "record below a file": ("--record", "photo.png/record"),
    "record a file": ("--record", "photo.png"),
    "record of checkpoints": ("--record", "checkpoint"),
    "record where checkpoints come": ("--record", "out/run", "--checkpoint", "out/run"),
    "csv below a file": ("--csv", "photo.png/run.csv"),
    "csv a folder": ("--csv", "run"),
    "report below a file": ("--report", "photo.png/run.html"),
    "serve of no report": ("--serve",),
    "unknown option": ("--color", "red"),
    "one argument more": ("more.png",),
}
LINES: dict[str, tuple[str, ...]] = {
    "nothing known": ("paint",),
    "no photo": ("transfer",),
    "no output": ("transfer", "photo.png", "painting.png"),
    "photo missing": ("transfer", "nowhere.png", "painting.png", "-o", "out/out.png"),
    "photo a folder": ("transfer", "run", "painting.png", "-o", "out/out.png"),
    "photo bad": ("transfer", "bad.png", "painting.png", "-o", "out/out.png"),
    "photo empty": ("transfer", "empty.png", "painting.png", "-o", "out/out.png"),
    "photo a pipe": ("transfer", "pipe.png", "painting.png", "-o", "out/out.png"),
    "photo empty text": ("transfer", "", "painting.png", "-o", "out/out.png"),
    "painting cut off": ("transfer", "photo.png", "cut.png", "-o", "out/out.png"),
    "output of no format": (*PAINT[:3], "-o", "out/out.xyz", *SMALL),
    "output without a suffix": (*PAINT[:3], "-o", "out/out", *SMALL),
    "output empty": (*PAINT[:3], "-o", "", *SMALL),
    "output a folder": (*PAINT[:3], "-o", "out", *SMALL),
    "output of 5000": (*PAINT[:3], "-o", "a" * 5000 + ".png", *SMALL),
    "output below a file": (*PAINT[:3], "-o", "photo.png/out.png", *SMALL),
    "reconstruct of nothing": ("reconstruct", "photo.png", "-o", "out/a.png", "--of", "all"),
    "reconstruct bad": ("reconstruct", "bad.png", "-o", "out/a.png", *SMALL),
    "reconstruct size": ("reconstruct", "photo.png", "-o", "out/a.png", "--size", "1"),
    "estimate bad": ("estimate", "bad.png", "painting.png"),
    "estimate huge": ("estimate", "photo.png", "painting.png", "--size", str(10**9)),
    "estimate tile": ("estimate", "photo.png", "painting.png", "--tile", "-1"),
    "score bad": ("score", "photo.png", "bad.png", "painting.png"),
    "score directions": ("score", *["photo.png"] * 3, "--directions", "0"),
    "score positions": ("score", *["photo.png"] * 3, "--positions", "-1"),
    "score seed": ("score", *["photo.png"] * 3, "--seed", "-1"),
    "score style size 0": ("score", *["photo.png"] * 3, "--style-size", "0"),
    "score style size": ("score", *["photo.png"] * 3, "--style-size", "1"),
    "losses unknown": ("losses", "grma"),
    "losses of lines": ("losses", "a\nb\nc"),
    "presets unknown": ("presets", "gatis"),
    "weights unknown": ("weights", "vgg99"),
    "weights a path": ("weights", "../vgg19"),
    "resume nowhere": ("resume", "nowhere", "-o", "out/out.png"),
    "resume a file": ("resume", "photo.png", "-o", "out/out.png"),
    "resume a pipe": ("resume", "pipe.png", "-o", "out/out.png"),
    "resume of no run": ("resume", "nothing", "-o", "out/out.png"),
    "resume an empty record": ("resume", "run", "-o", "out/out.png"),
    "resume a record": ("resume", "record", "-o", "out/out.png"),
    "resume a network of one's own": ("resume", "checkpoint", "-o", "out/out.png"),
    "resume to no format": ("resume", "checkpoint", "-o", "out/out.xyz"),
    "resume below a file": ("resume", "checkpoint", "-o", "photo.png/out.png"),
    "rerun nowhere": ("rerun", "nowhere", "-o", "out/out.png"),
    "rerun a file": ("rerun", "photo.png", "-o", "out/out.png"),
    "rerun a list": ("rerun", "list", "-o", "out/out.png"),
    "rerun an empty record": ("rerun", "run", "-o", "out/out.png"),
    "rerun a network of one's own": ("rerun", "record", "-o", "out/out.png"),
    "batch of nothing": ("batch", "painting.png", "-o", "out"),
    "batch of one name": ("batch", "painting.png", "photo.png", "run/photo.png", "-o", "out"),
    "batch into a file": ("batch", "painting.png", "photo.png", "-o", "photo.png"),
    "batch below a file": ("batch", "painting.png", "photo.png", "-o", "photo.png/out"),
    "batch of a loss unknown": ("batch", "painting.png", "photo.png", "-o", "out", "--loss", "x=1"),
    "batch start nowhere": ("batch", "painting.png", "photo.png", "-o", "out", "--start", "x"),
    "sweep of no grid": ("sweep", "photo.png", "painting.png", "-o", "out"),
    **{
        f"sweep of {grid:.20}": ("sweep", "photo.png", "painting.png", "-o", "out", *SMALL,
                                 "--grid", grid)
        for grid in ("size", "=1", "size=", "depth=1", "loss.gram=1", "loss.gram=x", "size=[]",
                     "output=1", "tile=NaN,1e999", "\udcff=1", "seed=a", "color=red",
                     "size=null,{}", "start=nowhere.png", "seed=[[]]" + "[" * 2000)
    },
}  # fmt: skip
PARTLY: dict[str, tuple[str, ...]] = {
    "batch of bad photos": ("batch", "painting.png", "bad.png", "nowhere.png", "-o", "out", *SMALL),
    "batch of a bad photo": ("batch", "painting.png", "bad.png", "photo.png", "-o", "out", *SMALL),
    "batch of a pipe": ("batch", "painting.png", "pipe.png", "-o", "out", *SMALL),
    "batch of a bad painting": ("batch", "bad.png", "photo.png", "-o", "out", *SMALL),
    "batch of size 0": ("batch", "painting.png", "photo.png", "-o", "out", "--size", "0"),
    "batch of evaluations 0": ("batch", "painting.png", "photo.png", "-o", "out",
                               "--evaluations", "0"),
    **{
        f"sweep of {grid:.20}": ("sweep", "photo.png", "painting.png", "-o", "out", *SMALL,
                                 "--grid", grid)
        for grid in ("size=0,16", "seed=-1,1", "preset=gatis", "evaluations=[[1,2],0]")
    },
}  # fmt: skip


def command_lines() -> Iterator[Case]:
    """Every command with what it does not take."""
    for name, given in TRANSFERS.items():
        attempt = partial(run, (*PAINT, *given))
        yield Case("command line", f"transfer {name}", attempt, sound=is_refusal)
    for name, arguments in LINES.items():
        yield Case("command line", name, partial(run, arguments), sound=is_refusal)
    for name, arguments in PARTLY.items():
        yield Case("command line", f"{name}, partly", partial(run, arguments), sound=is_partly)
    named = "out/\udcff\x1b[31m.png"
    for option in ("--quiet", "--json", "--record=out/\udcff", "--report=out/\udcff.html"):
        attempt = partial(run, (*PAINT[:3], "-o", named, *SMALL, option))
        yield Case("command line", f"a name that is no text {option[:9]}", attempt, sound=is_done)
