"""What Keras must run on, and what importing the library leaves alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import pytest
import tensorflow as tf

from neural_style import FeatureModel, Objective, estimate, minimize
from neural_style.errors import BackendError
from neural_style.extensions import TotalVariation
from neural_style.images import Image

# A module of that name is enough for what fails before TensorFlow is used.
PRETEND = "import sys, types; sys.modules['tensorflow'] = types.ModuleType('tensorflow')"
BLOCK = "import sys; sys.modules['tensorflow'] = None"


@pytest.fixture
def settings() -> Iterator[None]:
    """Keras' global settings, put back."""
    config = keras.config
    before = config.floatx(), config.dtype_policy(), config.image_data_format()
    yield
    config.set_floatx(before[0])
    config.set_dtype_policy(before[1])
    config.set_image_data_format(before[2])


def run(code: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a new interpreter whose home, Keras' home and folder are ``home``."""
    environment = {
        **{name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"},
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(home),
        "KERAS_HOME": str(home),
        **environment,
    }
    return subprocess.run(
        [sys.executable, "-c", code], cwd=home, env=environment, capture_output=True, text=True
    )


@pytest.mark.slow
@pytest.mark.parametrize("before", ["enable", "disable"])
def test_an_import_leaves_the_collector_as_it_was(before: str, tmp_path: Path) -> None:
    code = f"import gc; gc.{before}(); import neural_style.utils.backend; print(gc.isenabled())"
    done = run(code, tmp_path)
    assert (done.returncode, done.stdout) == (0, f"{before == 'enable'}\n"), done.stderr


def test_an_import_brings_no_tensorflow_writes_no_file_and_prints_nothing(tmp_path: Path) -> None:
    code = """if True:
        import sys
        import neural_style
        neural_style.images.noise((8, 8), uniform=(0, 255))
        assert "gram" in neural_style.names()
        heavy = {"tensorflow", "keras", "neural_style.extensions"} & set(sys.modules)
        assert not heavy, heavy
    """
    done = run(code, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "use",
    [
        "from neural_style.ops import mean",
        "import neural_style; neural_style.FeatureModel",
        "from neural_style import minimize",
    ],
)
@pytest.mark.parametrize(
    ("before", "backend", "sentence"),
    [
        ("", "jax", "so Keras must run on TensorFlow, but KERAS_BACKEND is 'jax': unset it, or "),
        (BLOCK, "", "neural_style needs TensorFlow, which cannot be imported ("),
    ],
    ids=["jax", "missing"],
)
def test_without_tensorflow_every_way_in_ends_in_one_sentence(
    tmp_path: Path, before: str, backend: str, sentence: str, use: str
) -> None:
    error = run(f"{before}\n{use}", tmp_path, KERAS_BACKEND=backend).stderr.splitlines()[-1]
    assert error.startswith("neural_style.errors.BackendError: neural_style ")
    assert sentence in error
    assert error.endswith(".")


@pytest.mark.parametrize("backend", ["jax", "theano"])
def test_another_backend_in_the_file_of_keras_ends_in_one_sentence(
    tmp_path: Path, backend: str
) -> None:
    (tmp_path / "keras.json").write_text(f'{{"backend": "{backend}"}}')
    done = run(f"{PRETEND}\nfrom neural_style import FeatureModel", tmp_path)
    error = done.stderr.splitlines()[-1]
    assert error.startswith("neural_style.errors.BackendError: Keras cannot be imported (")
    assert backend in error
    assert error.endswith(
        "set its backend to 'tensorflow' in ~/.keras/keras.json or by KERAS_BACKEND."
    )


def test_a_keras_that_runs_on_something_else_is_refused(tmp_path: Path) -> None:
    code = f"""{PRETEND}
keras = sys.modules["keras"] = types.ModuleType("keras")
keras.config = types.SimpleNamespace(backend=lambda: "torch")
from neural_style import FeatureModel
"""
    error = run(code, tmp_path).stderr.splitlines()[-1]
    assert "so Keras must run on TensorFlow, but its backend is 'torch': set 'tensorflow'" in error


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize(
    ("setting", "value", "wanted"),
    [
        ("dtype_policy", "mixed_float16", "float32"),
        ("dtype_policy", "float64", "float32"),
        ("floatx", "float64", "float32"),
        ("image_data_format", "channels_first", "channels_last"),
    ],
)
@pytest.mark.parametrize("what", ["features", "objective"])
def test_settings_that_would_spoil_the_picture_are_refused_with_the_remedy(
    tiny_network: keras.Model, tiny: FeatureModel, setting: str, value: str, wanted: str, what: str
) -> None:
    def use() -> object:
        if what == "features":
            return FeatureModel(tiny_network, preprocess="raw")
        return Objective(TotalVariation(), tiny, (8, 8))

    change = getattr(keras.config, f"set_{setting}")
    change(value)
    message = f"{setting} is {value!r}: call keras.config.set_{setting}({wanted!r}) first."
    with pytest.raises(BackendError, match=re.escape(message)):
        use()
    change(wanted)
    use()


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("own", [True, False], ids=["of-a-layer", "left-on"])
def test_a_wrapped_model_of_mixed_precision_is_refused(own: bool) -> None:
    keras.config.set_dtype_policy("float32" if own else "mixed_float16")
    half = keras.layers.Conv2D(2, 3, name="half", dtype="mixed_float16" if own else None)
    model = keras.Sequential([keras.Input((None, None, 3)), half], name="mine")
    keras.config.set_dtype_policy("float32")
    with pytest.raises(BackendError, match="layer 'half' of mine computes in float16: build it"):
        FeatureModel(model, preprocess="raw")


def within(scope: Any, use: Callable[[], object]) -> None:
    with scope:
        use()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda use: tf.function(use, autograph=False)(), "does not run eagerly here: call this"),
        (lambda use: within(tf.Graph().as_default(), use), "does not run eagerly here: call this"),
        (
            lambda use: within(tf.init_scope(), use),
            "does not record gradients here: call this library",
        ),
    ],
    ids=["function", "graph", "init-scope"],
)
@pytest.mark.parametrize("what", ["features", "objective", "refresh", "estimate"])
def test_where_tensorflow_cannot_be_used_is_said(
    tiny_network: keras.Model, tiny: FeatureModel, photo: Image, call: Any, sentence: str, what: str
) -> None:
    objective = Objective(TotalVariation(), tiny, (24, 32))
    use = {
        "features": lambda: FeatureModel(tiny_network, preprocess="raw"),
        "objective": lambda: Objective(TotalVariation(), tiny, (24, 32)),
        "refresh": lambda: objective.refresh(photo, round=0),
        "estimate": lambda: estimate(TotalVariation(), tiny, (24, 32)),
    }[what]
    with pytest.raises(BackendError, match=sentence):
        call(use)


def test_what_debugging_adds_to_operations_is_refused(tiny: FeatureModel) -> None:
    tf.debugging.enable_check_numerics()
    try:
        with pytest.raises(BackendError, match=r"tf.debugging.disable_check_numerics\(\) or"):
            Objective(TotalVariation(), tiny, (24, 32))
    finally:
        tf.debugging.disable_check_numerics()
    Objective(TotalVariation(), tiny, (24, 32))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("what", ["features", "objective", "refresh", "call", "estimate", "run"])
def test_a_forked_process_says_that_it_would_hang(
    tiny: FeatureModel, photo: Image, what: str
) -> None:
    objective = Objective(TotalVariation(), tiny, (24, 32))
    objective.refresh(photo, round=0)
    use: Any = {
        "features": lambda: tiny(photo, ["pool"]),
        "objective": lambda: Objective(TotalVariation(), tiny, (24, 32)),
        "refresh": lambda: objective.refresh(photo, round=0),
        "call": lambda: objective(photo),
        "estimate": lambda: estimate(TotalVariation(), tiny, (24, 32), tile="auto"),
        "run": lambda: minimize(TotalVariation(), tiny, photo),
    }[what]
    child = os.fork()
    if child == 0:
        try:
            use()
        except BackendError as error:
            os._exit(0 if "by multiprocessing.get_context('spawn'), or" in str(error) else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
