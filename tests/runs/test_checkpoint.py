"""Runs that end early and are gone on with: to the same bits, or with a clear refusal."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import neural_style as ns
from neural_style import FeatureModel, Loss, Step, images, minimize
from neural_style.errors import CheckpointError, OptionError, RecordError
from neural_style.extensions import Content, Gram
from neural_style.images import Image
from neural_style.optimizers.parameterization import Pixels
from neural_style.runs import checkpoint, storage
from neural_style.utils import environment
from neural_style.utils.files import write_durably

pytestmark = pytest.mark.slow


class Broken(Exception):
    """What a callback raises."""


class Unnamed(Loss):
    """A loss that is not registered."""

    layers = ("image",)


class Towards(Loss):
    """A loss that is not registered, with options, and one that JSON does not have."""

    layers = ("image",)

    def __init__(self, *references: Any, strength: float = 1.0, **options: Any) -> None:
        super().__init__(*references, **options)
        self.strength = strength
        self.function = abs

    def distance(self, current: Any, target: Any) -> Any:
        return self.strength * super().distance(current, target)


class Halved(Pixels):
    """A parameterization of one's own."""

    def __init__(self, factor: float = 0.5) -> None:
        self.factor = factor


class Slower(keras.optimizers.SGD):
    """An optimizer of one's own."""


def stop(at: int) -> Any:
    def callback(step: Step) -> None:
        if step.evaluation >= at:
            raise Broken

    return callback


def stopped(folder: Path, loss: Any, features: FeatureModel, start: Image, at: int = 14) -> Path:
    """The folder of a run of 20 evaluations that ended early."""
    with pytest.raises(Broken):
        minimize(
            loss,
            features,
            start,
            evaluations=20,
            checkpoint=folder,
            checkpoint_every=5,
            callbacks=[stop(at)],
        )
    return folder


@pytest.fixture
def folder(tiny: FeatureModel, photo: Image, painting: Image, tmp_path: Path) -> Path:
    return stopped(tmp_path / "run", Content(photo) + Gram(painting), tiny, 255 - photo)


@pytest.fixture
def whole(tiny: FeatureModel, photo: Image, painting: Image) -> Image:
    return minimize(Content(photo) + Gram(painting), tiny, 255 - photo, evaluations=20).image


def test_runs_that_are_killed_come_to_the_same_bits(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("killed.py"), tmp_path],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},  # of conftest
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    cases = [json.loads(line) for line in done.stdout.splitlines()]
    assert {case["case"]: case["same"] for case in cases} == dict.fromkeys(
        ["lbfgs", "scales", "adam", "scipy", "tiles"], True
    )
    ends = [case["ends"] for case in cases]
    assert all(first == last == 0 for first, *_, last in ends)
    killed = [end for _, *between, _ in ends for end in between]
    assert len(killed) >= 25
    assert set(killed) == {-9}


def test_writing_checkpoints_or_not_gives_the_same_bits(
    tiny: FeatureModel, photo: Image, painting: Image, whole: Image, tmp_path: Path
) -> None:
    loss = Content(photo) + Gram(painting)
    options: dict[str, Any] = {"checkpoint": tmp_path / "run", "checkpoint_every": 1}
    written = minimize(loss, tiny, 255 - photo, evaluations=20, **options)
    np.testing.assert_array_equal(written.image, whole)
    # A run that is done comes to its picture again.
    np.testing.assert_array_equal(ns.resume(tmp_path / "run", features=tiny).image, whole)


def test_callbacks_are_told_of_what_comes_after_the_state(
    tiny: FeatureModel, whole: Image, folder: Path
) -> None:
    steps: list[Step] = []
    result = ns.resume(folder, features=tiny, callbacks=[steps.append])
    np.testing.assert_array_equal(result.image, whole)
    assert steps[0].evaluation > 5
    assert [s.evaluation for s in steps] == [e.evaluation for e in result.history][-len(steps) :]
    assert [e.seconds for e in result.history] == sorted(e.seconds for e in result.history)


@pytest.mark.parametrize("damage", ["cut", "altered", "emptied"])
def test_the_last_good_state_counts(
    tiny: FeatureModel, whole: Image, folder: Path, damage: str
) -> None:
    states = sorted(folder.glob("state-*.npz"), key=lambda path: path.stat().st_mtime_ns)
    assert len(states) == 2

    def spoil(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        damaged = {"cut": data[:-100], "altered": data, "emptied": bytearray()}
        path.write_bytes(damaged[damage])

    spoil(states[1])
    again = shutil.copytree(folder, folder.with_name("again"))
    np.testing.assert_array_equal(ns.resume(again, features=tiny).image, whole)
    spoil(states[0])
    with pytest.raises(CheckpointError, match=r"no state of the run is usable: .*state-0\.npz"):
        ns.resume(folder, features=tiny)


def test_a_state_of_another_run_does_not_count(
    tiny: FeatureModel, photo: Image, painting: Image, folder: Path, tmp_path: Path
) -> None:
    other = stopped(tmp_path / "other", Content(photo) + Gram(painting), tiny, photo)
    for name in ("state-0.npz", "state-1.npz"):
        shutil.copy(other / name, folder / name)
    with pytest.raises(CheckpointError, match="belongs to another run"):
        ns.resume(folder, features=tiny)


def test_a_folder_has_one_run(tiny: FeatureModel, photo: Image, folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(CheckpointError, match=r"there is a run in this folder.*resume\("):
        minimize(Content(photo), tiny, photo, checkpoint=folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    with pytest.raises(OptionError, match="checkpoint_every: expected"):
        minimize(Content(photo), tiny, photo, checkpoint=folder / "new", checkpoint_every=0)


def test_a_folder_without_a_run_is_refused(
    tiny: FeatureModel, photo: Image, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match="no run to resume"):
        ns.resume(tmp_path)
    minimize(Content(photo), tiny, photo, evaluations=2).save_record(tmp_path)
    with pytest.raises(CheckpointError, match="without checkpoints"):
        ns.resume(tmp_path)
    (tmp_path / "record.json").write_text("{}")
    with pytest.raises(RecordError, match="schema is missing"):
        ns.resume(tmp_path)


@pytest.mark.parametrize("where", ["callback", "thread", "process"])
def test_a_folder_belongs_to_one_run_at_a_time(
    tiny: FeatureModel, photo: Image, painting: Image, whole: Image, tmp_path: Path, where: str
) -> None:
    folder = tmp_path / "run"
    refused: list[str] = []

    def others() -> None:
        with pytest.raises(CheckpointError, match="is at work there") as error:
            ns.resume(folder, features=tiny)
        refused.append(str(error.value))
        with pytest.raises(CheckpointError, match="there is a run in this folder"):
            minimize(Content(photo), tiny, photo, checkpoint=folder)
        with pytest.raises(RecordError, match="the checkpoints of a run"):
            result.save_record(folder)
        assert ns.rerun(folder, features=tiny).same is None  # which reads alone

    def begin(step: Step) -> None:
        if step.evaluation != 1:
            return
        if where == "callback":
            others()
        elif where == "thread":
            with ThreadPoolExecutor() as pool:
                pool.submit(others).result()
        else:
            code = (
                "import pathlib, neural_style.utils.files as f;"
                f"f.owned(pathlib.Path({str(folder)!r}))"
            )
            done = subprocess.run(
                [sys.executable, "-c", f"{code}.__enter__()"], capture_output=True, text=True
            )
            refused.append(done.stderr)

    result = minimize(Content(photo), tiny, photo, evaluations=1)
    ran = minimize(
        Content(photo) + Gram(painting),
        tiny,
        255 - photo,
        evaluations=20,
        checkpoint=folder,
        checkpoint_every=5,
        callbacks=[begin],
    )
    assert "is at work there" in "".join(refused)
    np.testing.assert_array_equal(ran.image, whole)
    np.testing.assert_array_equal(ns.resume(folder, features=tiny).image, whole)


def test_two_runs_that_begin_at_once_are_one(
    tiny: FeatureModel, photo: Image, tmp_path: Path
) -> None:
    first, second = (checkpoint.Checkpoints(tmp_path, 5) for _ in range(2))
    record = minimize(Content(photo), tiny, photo, evaluations=1).record
    with first, second:
        first.begin(record, {})
        with pytest.raises(CheckpointError, match="is at work there"):
            second.begin(record, {})
    with second, pytest.raises(CheckpointError, match="there is a run in this folder"):
        second.begin(record, {})


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_disk_that_refuses_leaves_the_last_good_state(
    tiny: FeatureModel,
    photo: Image,
    painting: Image,
    whole: Image,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
) -> None:
    writes = 0

    def failing(path: Path, content: Any) -> None:
        nonlocal writes
        writes += path.name.startswith("state")
        if writes == 2:

            def half(file: Any) -> None:
                file.write(b"half")
                raise OSError(code, "the disk refuses")

            write_durably(path, half)
        write_durably(path, content)

    monkeypatch.setattr(storage, "write_durably", failing)
    loss, output = Content(photo) + Gram(painting), tmp_path / "out.png"
    options: dict[str, Any] = {"checkpoint": tmp_path / "run", "checkpoint_every": 5}
    with pytest.raises(CheckpointError, match=r"the disk refuses.*last good one is.* [56] ev") as e:
        minimize(loss, tiny, 255 - photo, evaluations=20, output=output, **options)
    result: Any = e.value
    np.testing.assert_array_equal(images.load(output), np.rint(result.result.image))
    assert not list((tmp_path / "run").glob("*part*"))
    resumed = ns.resume(tmp_path / "run", features=tiny)
    np.testing.assert_array_equal(resumed.image, whole)
    np.testing.assert_array_equal(images.load(output), np.rint(whole))


def test_a_folder_that_cannot_be_made_is_refused(
    tiny: FeatureModel, photo: Image, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match="no checkpoints can be written there"):
        minimize(Content(photo), tiny, photo, checkpoint=tmp_path / "file" / "run")


def test_what_is_another_than_it_was_is_named(
    tiny: FeatureModel,
    tiny_network: keras.Model,
    photo: Image,
    painting: Image,
    whole: Image,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(CheckpointError, match=r"pass it again as features="):
        ns.resume(folder)
    network = keras.models.clone_model(tiny_network)
    network.set_weights([2 * each for each in network.get_weights()])
    with pytest.raises(CheckpointError, match=r"features.sha256: .*, here "):
        ns.resume(folder, features=FeatureModel(network, preprocess=lambda image: image))
    with pytest.raises(CheckpointError, match=r"loss.terms\[1\].weight: 1.0, here 2.0"):
        ns.resume(folder, features=tiny, loss=Content(photo) + 2 * Gram(painting))
    with pytest.raises(CheckpointError, match=r"loss.terms\[1\].references\[0\]: "):
        ns.resume(folder, features=tiny, loss=Content(photo) + Gram(255 - painting))
    same = ns.resume(folder, features=tiny, loss=Content(photo) + Gram(painting))
    np.testing.assert_array_equal(same.image, whole)
    here = environment.describe()
    there = {**here, "packages": {**here["packages"], "numpy": "9.9"}}
    monkeypatch.setattr(environment, "describe", lambda: there)
    with pytest.raises(CheckpointError, match=r"environment.packages.numpy: .*, here 9.9.*strict"):
        ns.resume(folder, features=tiny)
    with pytest.warns(UserWarning, match="the picture may differ"):
        np.testing.assert_array_equal(ns.resume(folder, features=tiny, strict=False).image, whole)


def test_pictures_that_were_changed_are_noticed(tiny: FeatureModel, folder: Path) -> None:
    with np.load(folder / "pictures.npz") as file:
        pictures = {key: np.clip(file[key] + 1, 0, 255) for key in file.files}
    np.savez(folder / "pictures.npz", **pictures)
    with pytest.raises(CheckpointError, match=r"start: .*, here "):
        ns.resume(folder, features=tiny)
    (folder / "pictures.npz").write_bytes(b"PK")
    with pytest.raises(RecordError, match="pictures cannot be read"):
        ns.resume(folder, features=tiny)


def test_a_loss_without_a_name_is_given_again(
    tiny: FeatureModel, photo: Image, tmp_path: Path
) -> None:
    folder = stopped(tmp_path / "run", Unnamed(photo), tiny, 255 - photo, at=1)
    with pytest.raises(CheckpointError, match=r"Unnamed is not registered.*pass it again as loss="):
        ns.resume(folder, features=tiny)
    with pytest.raises(CheckpointError, match=r"loss.terms\[0\].references\[0\]"):
        ns.resume(folder, features=tiny, loss=Unnamed(255 - photo))
    result = ns.resume(folder, features=tiny, loss=Unnamed(photo))
    whole = minimize(Unnamed(photo), tiny, 255 - photo, evaluations=20)
    np.testing.assert_array_equal(result.image, whole.image)


def test_options_of_a_loss_without_a_name_are_compared(
    tiny: FeatureModel, photo: Image, tmp_path: Path
) -> None:
    loss = Towards(photo, strength=2.0)
    folder = stopped(tmp_path / "run", loss, tiny, 255 - photo, at=1)
    for other in (Towards(photo, strength=7.0), Towards(photo, strength=2.0, name="other")):
        with pytest.raises(
            CheckpointError, match=r"loss.terms\[0\].options.(strength|name): .*, h"
        ):
            ns.resume(folder, features=tiny, loss=other)
    options = json.loads((folder / "record.json").read_text())["loss"]["terms"][0]["options"]
    assert (options["strength"], options["layers"], options["name"]) == (2, ["image"], "towards")
    assert not {"function", "references", "masks"} & options.keys()
    again = ns.resume(folder, features=tiny, loss=Towards(photo, strength=2.0))
    np.testing.assert_array_equal(
        again.image, minimize(loss, tiny, 255 - photo, evaluations=20).image
    )


@pytest.mark.parametrize(
    ("name", "same", "other", "message"),
    [
        ("optimizer", Slower(0.5), Slower(0.25), "options.learning_rate: 0.5, here 0.25"),
        ("parameterization", Halved(0.5), Halved(0.25), "options.factor: 0.5, here 0.25"),
    ],
)
def test_options_of_what_is_one_s_own_are_compared(
    tiny: FeatureModel, photo: Image, tmp_path: Path, name: str, same: Any, other: Any, message: str
) -> None:
    arguments: dict[str, Any] = {name: same, "checkpoint": tmp_path, "checkpoint_every": 1}
    minimize(Content(photo), tiny, 255 - photo, evaluations=3, **arguments)
    with pytest.raises(CheckpointError, match=f"settings.{name}.{message}"):
        ns.resume(tmp_path, features=tiny, **{name: other})
    assert ns.resume(tmp_path, features=tiny, **{name: same}).evaluations == 3


@pytest.mark.usefixtures("no_search")
@pytest.mark.parametrize("color", ["luminance", "oklab"])
def test_colors_are_put_back_after_going_on(
    color: str, tiny: FeatureModel, photo: Image, painting: Image, tmp_path: Path
) -> None:
    options: dict[str, Any] = {
        "size": 32,
        "color": color,
        "features": tiny,
        "evaluations": 8,
    }
    whole = ns.transfer(photo, painting, **options)
    with pytest.raises(Broken):
        ns.transfer(
            photo,
            painting,
            **options,
            callbacks=[stop(5)],
            checkpoint=tmp_path / "run",
            checkpoint_every=2,
        )
    np.testing.assert_array_equal(ns.resume(tmp_path / "run", features=tiny).image, whole.image)
    assert ns.rerun(whole.save_record(tmp_path / "again"), features=tiny).same
