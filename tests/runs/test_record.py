"""Records: what is in them, what is refused, and runs that are repeated from them."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import neural_style as ns
from neural_style import LBFGS, FeatureModel, Loss, minimize
from neural_style.errors import OptionError, RecordError
from neural_style.extensions import Content, Gram
from neural_style.images import Image, digest
from neural_style.optimizers import drivers
from neural_style.optimizers import parameterization as parameterizations
from neural_style.runs.schema import Record, check
from neural_style.utils import environment

pytestmark = pytest.mark.slow


@pytest.fixture
def result(tiny: FeatureModel, photo: Image, painting: Image) -> ns.Result:
    loss = Content(photo) + 10 * Gram(painting)
    return minimize(loss, tiny, 255 - photo, evaluations=6, seed=3, scales=[16])


def test_a_record_has_everything(
    result: ns.Result, tiny: FeatureModel, photo: Image, painting: Image
) -> None:
    record = json.loads(json.dumps(result.record))
    assert record == result.record
    assert check(record, Record, "record") == record
    assert record["loss"] == (Content(photo) + 10 * Gram(painting)).get_config()
    assert record["features"]["sha256"] == tiny.sha256
    assert record["start"] == digest(255 - photo)
    assert record["pictures"][digest(painting)] == [20, 28, 3]
    settings = record["settings"]
    assert settings["evaluations"] == 6
    assert (settings["seed"], settings["scales"], settings["tile"]) == (3, [16], None)
    assert settings["optimizer"] == {"class_name": "LBFGS", "config": {"history": 20}}
    outcome = record["outcome"]
    assert outcome["picture"] == digest(result.image)
    assert outcome["evaluations"] == result.evaluations == 12
    assert outcome["reason"] == result.reason
    assert outcome["evaluations_per_second"] == pytest.approx(12 / result.seconds)
    assert record["environment"]["packages"]["numpy"] == np.__version__


def test_a_run_is_repeated_from_its_record(
    result: ns.Result, tiny: FeatureModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = result.save_record(tmp_path / "record")
    assert sorted(os.listdir(path)) == ["pictures.npz", "record.json"]
    again = ns.rerun(path, features=tiny)
    assert again.same
    assert again.differences == ()
    assert str(again) == "the recorded picture, bit for bit"
    here = environment.describe()
    monkeypatch.setattr(environment, "describe", lambda: {**here, "processor": "abacus"})
    content, gram = ns.WeightedSum.from_config(result.record["loss"], result.pictures)
    loss = 1 * content.loss + 20 * gram.loss
    other = ns.rerun(path, features=tiny, loss=loss)
    assert other.same is False
    assert other.differences == (
        "loss.terms[1].weight: 10.0, here 20.0",
        f"environment.processor: {here['processor']}, here abacus",
    )


def test_what_tensorflow_started_with_is_a_difference(
    result: ns.Result, tiny: FeatureModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {"XLA_FLAGS": "--xla_cpu_a=1", "TF_XLA_FLAGS": "--tf_xla_persistent_cache_directory=c"}
    monkeypatch.setattr(environment, "started_with", lambda: own)
    here = environment.describe()
    assert here["variables"] == {"XLA_FLAGS": "--xla_cpu_a=1"}  # the same bits, kept or not
    was = result.record["environment"]["variables"].get("XLA_FLAGS")
    path = result.save_record(tmp_path)
    differences = ns.rerun(path, features=tiny).differences
    assert f"environment.variables.XLA_FLAGS: {was}, here --xla_cpu_a=1"[:60] in str(differences)


class Towards(Loss):
    """A loss that is not registered, whose options are what it is given."""

    layers = ("image",)

    def __init__(self, *references: Any, **options: Any) -> None:
        super().__init__(*references)
        vars(self).update(options)


def test_options_that_are_another_are_differences(
    tiny: FeatureModel, photo: Image, tmp_path: Path
) -> None:
    def unlike(strength: float) -> Loss:
        return Towards(
            photo, strength=strength, of=None, shares=(np.float32(0.5), 1), nan=math.nan,
            table=np.ones(3), kind=Towards, bytes=b"", keys={1: 2}, digits=10**5000, text="\ud800",
            many=10**99, deep=json.loads("[" * 60 + "]" * 60),
        )  # fmt: skip

    result = minimize(unlike(1.0), tiny, 255 - photo, evaluations=3)
    (term,) = result.record["loss"]["terms"]
    assert term["config"] is None
    own = {"strength": 1.0, "of": None, "shares": [0.5, 1]}
    assert term["options"] == {**own, "name": "towards", "layers": ["image"]}
    check(result.record, Record, "record")
    result.save_record(tmp_path)
    assert ns.rerun(tmp_path, features=tiny, loss=unlike(1.0)).differences == ()
    other = ns.rerun(tmp_path, features=tiny, loss=unlike(7.0))
    assert other.differences == ("loss.terms[0].options.strength: 1.0, here 7.0",)
    wrong: Any
    for wrong in (None, [], "strength"):
        term["options"] = wrong
        with pytest.raises(RecordError, match=r"terms\[0\].options should be a valid dictionary"):
            check(result.record, Record, "record")


def changed(record: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    copy: Any = json.loads(json.dumps(record))
    *parents, last = path.split(".")
    place = copy
    for name in parents:
        place = place[name]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return dict(copy)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("schema", 1, "schema should be 2, got 1; .* the version of neural-style-keras that"),
        ("schema", ..., "schema is missing"),
        ("schema", True, "schema should be 2, got True"),
        ("settings", ..., "settings is missing"),
        ("settings.seed", ..., "settings.seed is missing"),
        ("settings.seed", "0", "settings.seed should be a valid integer, got '0'"),
        ("settings.seed", True, "settings.seed should be a valid integer, got True"),
        ("settings.scales", [16, "32"], r"settings.scales\[1\] should be a valid integer"),
        ("settings.evaluations", "6", "settings.evaluations should be a valid integer, got '6'"),
        ("settings.color", "red", "settings.color is not a known field"),
        ("features", [], r"features should be a valid dictionary, got \[\]"),
        ("features.winograd", 1, "features.winograd should be a valid boolean, got 1"),
        ("loss.terms", {}, "loss.terms should be a valid list"),
        ("pictures", {"x": 3}, "pictures.x should be a valid list"),
        ("outcome.loss", "low", "outcome.loss should be a valid number, got 'low'"),
        ("settings.evaluations", 10**12, "settings.evaluations should be less than or equal to 1"),
        ("settings.evaluations", [5, 0], r"settings.evaluations\[1\] should be greater .* 1, got"),
        ("settings.evaluations", 10**4000, "settings.evaluations should be less .* to 10{9}, got"),
        ("settings.seed", -1, "settings.seed should be greater than or equal to 0, got -1"),
        ("settings.seed", 10**4000, "settings.seed should be less than or equal to 34028236692093"),
        ("settings.tile", 0, "settings.tile should be greater than or equal to 1, got 0"),
        (
            "settings.scales",
            [10**20],
            r"settings.scales\[0\] should be less than or equal to 10{9},",
        ),
        (
            "settings.restart_every",
            -5,
            "settings.restart_every should be greater than or equal to 1",
        ),
        ("settings.optimizer.config.history", 10**4000, "config should have .* for 'history'"),
        ("settings.optimizer.config.history", [[10**99]], "config should have .*, got 1000"),
        ("environment.cores", -1, "environment.cores should be greater than or equal to 0, got -1"),
        ("outcome.seconds", -1.0, "outcome.seconds should be greater than or equal to 0, got -1"),
        ("outcome.loss", 10**4000, "outcome.loss should be a valid number, got 1000"),
        (
            "outcome.evaluations",
            10**99,
            "outcome.evaluations should be less than or equal to 10{18}",
        ),
        ("settings.scales", ["a"] * 10**6, r"settings.scales\[0\] should be a valid integer"),
        ("pictures", {"x": [-1, 4, 3]}, r"pictures.x\[0\] should be greater than or equal to 1"),
    ],
)
def test_what_is_no_record_is_refused(
    result: ns.Result, tmp_path: Path, path: str, value: Any, message: str
) -> None:
    result.save_record(tmp_path)
    (tmp_path / "record.json").write_text(json.dumps(changed(result.record, path, value)))
    with pytest.raises(RecordError, match=message):
        ns.rerun(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ('"weight": 1e999', r"loss.terms\[0\].weight should be a finite number, got inf"),
        ('"weight": -1e999', "weight should be a finite number, got -inf"),
        ('"weight": NaN', "weight should be a finite number, got nan"),
        ('"weight": 1.0, "weight": 2.0', "an object has a field twice"),
        (f'"weight": {"9" * 5000}', "expected JSON in UTF-8, got none"),
        (f'"weight": 1.0, "options": {{"a": {"[" * 300}{"]" * 300}}}', "options should be nested"),
        (f'"weight": [{"1, " * 10**6}1]', "weight should be a valid number, got .1, 1"),
        ('"weight": {' + ", ".join(f'"{i}": 1' for i in range(10**5 + 1)) + "}", "100,000 fields"),
    ],
    ids=["inf", "-inf", "NaN", "twice", "digits", "depth", "list", "fields"],
)
def test_what_json_alone_can_say_is_refused(
    result: ns.Result, tmp_path: Path, change: str, message: str
) -> None:
    text = json.dumps(result.record)
    assert '"weight": 1.0' in text
    (tmp_path / "record.json").write_text(text.replace('"weight": 1.0', change, 1))
    with pytest.raises(RecordError, match=message):
        ns.rerun(tmp_path)


def test_a_record_is_no_file_without_end(tmp_path: Path) -> None:
    with (tmp_path / "record.json").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(RecordError, match="it is larger than 67,108,864 bytes"):
        ns.rerun(tmp_path)


def test_what_a_record_would_refuse_no_run_takes(tiny: FeatureModel, photo: Image) -> None:
    refused: Any
    for refused, message in (
        ({"evaluations": 10**12}, "evaluations: expected at most 1,000,000,000, got 1000000000000"),
        ({"evaluations": 10**5000}, "evaluations: expected at most .* more than 4300 digits"),
        ({"restart_every": 10**12}, "restart_every: expected at most"),
        ({"seed": 2**128}, r"seed: expected at most 2\*\*128 - 1"),
    ):
        with pytest.raises(OptionError, match=message):
            minimize(Content(photo), tiny, photo, **{"evaluations": 2, **refused})


@pytest.mark.parametrize(
    "text", ["", "[" * 100_000, '{"schema": NaN}', "\x80", "null", "[1]", "import os"]
)
def test_what_is_no_json_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "record.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(RecordError, match=r"record"):
        ns.rerun(tmp_path)


def test_nothing_that_a_record_names_is_imported(result: ns.Result, tmp_path: Path) -> None:
    config = {"learning_rate": {"class_name": "Popen", "module": "subprocess", "config": {}}}
    for path, value in (
        ("settings.optimizer", {"class_name": "os.system", "config": {}}),
        ("settings.optimizer", {"class_name": "Adam", "config": config}),
        ("loss.terms", [{**result.record["loss"]["terms"][0], "loss": "os.system"}]),
        ("features.network", "os.system"),
    ):
        result.save_record(tmp_path)
        (tmp_path / "record.json").write_text(json.dumps(changed(result.record, path, value)))
        with pytest.raises(RecordError):
            ns.rerun(tmp_path)
    np.savez(tmp_path / "pictures.npz", picture=np.array([os.system], object))
    with pytest.raises(RecordError, match="pictures cannot be read"):
        ns.rerun(tmp_path)


def test_a_record_is_not_written_where_it_cannot_be(
    result: ns.Result, tiny: FeatureModel, photo: Image, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match="could not be written"):
        result.save_record(tmp_path / "file")
    folder = tmp_path / "run"
    minimize(
        Content(photo), tiny, 255 - photo, evaluations=3, checkpoint=folder, checkpoint_every=1
    )
    with pytest.raises(RecordError, match="checkpoints of a run"):
        result.save_record(folder)
    with pytest.raises(RecordError, match=r"the record cannot be read .*; check the path"):
        ns.rerun(tmp_path)


SCHEDULE = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)


@pytest.mark.parametrize(
    "optimizer",
    [LBFGS(7), "L-BFGS-B", keras.optimizers.Adam(0.1), keras.optimizers.SGD(SCHEDULE)],
    ids=lambda optimizer: type(optimizer).__name__,
)
def test_optimizers_are_made_again(optimizer: Any) -> None:
    config = drivers.config_of(optimizer)
    again = drivers.from_config(json.loads(json.dumps(config)))
    assert type(again) is type(optimizer)
    assert drivers.config_of(again) == config


def test_what_is_ones_own_is_given_again() -> None:
    class Adam(keras.optimizers.Adam):
        pass

    class Own(parameterizations.Pixels):
        pass

    config = drivers.config_of(Adam(0.1))
    assert config["config"] is None
    with pytest.raises(OptionError, match="pass it again as optimizer="):
        drivers.from_config(config)
    with pytest.raises(OptionError, match="pass it again as parameterization="):
        parameterizations.from_config(parameterizations.config_of(Own()))


def test_parameterizations_are_made_again() -> None:
    for each in (parameterizations.Pixels(), parameterizations.Frequencies(floor=0.5)):
        config = json.loads(json.dumps(parameterizations.config_of(each)))
        again = parameterizations.from_config(config)
        assert parameterizations.config_of(again) == parameterizations.config_of(each)
    assert again == each
