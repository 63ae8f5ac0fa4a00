"""TensorFlow's switches: set once, before it is imported, and never over a user's own."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys

import pytest

import neural_style as ns
from neural_style.errors import BackendError
from neural_style.utils import startup, tuning

SWITCHES = {"TF_ENABLE_ONEDNN_OPTS", "XLA_FLAGS", "TF_CPP_MIN_LOG_LEVEL"}


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process without switches, in which TensorFlow is not imported."""
    monkeypatch.setattr(tuning, "_tuned", False)
    monkeypatch.setattr(startup, "_lent", {})
    for name in SWITCHES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)


@pytest.mark.usefixtures("fresh")
def test_what_is_not_set_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "2.21.3")
    ns.tune_tensorflow()
    assert {name: os.environ[name] for name in SWITCHES} == {
        "TF_ENABLE_ONEDNN_OPTS": "1",
        "XLA_FLAGS": "--xla_cpu_enable_concurrency_optimized_scheduler=false "
        "--xla_cpu_use_fusion_emitters=false "
        "--xla_backend_extra_options=xla_cpu_disable_loop_unrolling",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "0"  # set by the user since then
    startup.restore()
    assert {name for name in SWITCHES if name in os.environ} == {"TF_CPP_MIN_LOG_LEVEL"}
    ns.tune_tensorflow()  # again, as a cell of a notebook
    assert "XLA_FLAGS" not in os.environ


@pytest.mark.usefixtures("fresh")
def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    ns.tune_tensorflow(log_level=None)
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "0"
    assert "TF_CPP_MIN_LOG_LEVEL" not in os.environ


@pytest.mark.parametrize("version", ["2.20.0", "2.22.0", "2.210.0", None])
def test_flags_of_xla_are_for_the_tensorflow_that_has_them(
    version: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(name: str) -> str:
        if version is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(importlib.metadata, "version", found)
    assert set(tuning.settings()) == {"TF_ENABLE_ONEDNN_OPTS"}


def test_it_is_too_late_when_tensorflow_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "_tuned", False)
    monkeypatch.setattr(startup, "_lent", {})
    for name in SWITCHES:
        monkeypatch.setenv(name, "1")
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS")
    with pytest.raises(BackendError, match="without TF_ENABLE_ONEDNN_OPTS: call tune_tensor"):
        ns.tune_tensorflow()
    assert "TF_ENABLE_ONEDNN_OPTS" not in os.environ
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
    ns.tune_tensorflow()  # all is set


@pytest.mark.slow
def test_this_tensorflow_knows_the_flags() -> None:
    script = "import tensorflow as tf; print(tf.function(lambda x: x + 1, jit_compile=True)(1.0))"
    found = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | tuning.settings(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr


SCRIPT = """if True:
    import os, subprocess, sys
    import neural_style as ns
    ns.tune_tensorflow()
    import keras
    assert "XLA_FLAGS" in os.environ
    keras.utils.set_random_seed(0)
    keras.config.disable_traceback_filtering()
    import tensorflow as tf
    tf.config.experimental.enable_op_determinism()
    x = inputs = keras.Input((None, None, 3))
    for kind in (2, 3):
        x = keras.layers.Conv2D(4, 3, padding="same")(x)
        x = keras.layers.MaxPooling2D(kind, 2, padding="same", name=f"pool_{kind}")(x)
    for winograd in (True, False):
        features = ns.FeatureModel(keras.Model(inputs, x), preprocess="raw", winograd=winograd)
        picture = ns.images.noise((32, 32), uniform=(0, 255))
        loss = ns.create("gram", picture, layers=["pool_2", "pool_3"])
        result = ns.minimize(loss, features, 255 - picture, evaluations=3, verbose=False)
        assert result.evaluations == 3
    from neural_style.utils import environment
    assert not {"XLA_FLAGS", "TF_ENABLE_ONEDNN_OPTS", "TF_CPP_MIN_LOG_LEVEL"} & set(os.environ)
    assert set(environment.describe()["variables"]) >= {"TF_ENABLE_ONEDNN_OPTS"}
    ns.tune_tensorflow()
    """


@pytest.mark.slow
def test_a_deterministic_run_prints_nothing_and_leaves_the_environment_alone() -> None:
    clean = {k: v for k, v in os.environ.items() if k not in SWITCHES}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=clean, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
