"""Start TensorFlow with the environment variables that are best for this library.

    tune_tensorflow()            # before TensorFlow is imported; this package imports it late

This is a function, not a side effect of an import, because it changes TensorFlow for the whole
process.
"""

from __future__ import annotations

import importlib.metadata
import os
import sys

from neural_style.errors import BackendError
from neural_style.utils.startup import lend, without_messages

# XLA ends the process if it does not know a flag.
_KNOWN = ("2.21.",)
# Results stay in memory for less time if operations run one after the other.
SEQUENTIAL = "--xla_cpu_enable_concurrency_optimized_scheduler=false"
# XLA's older code for fused loops needs less memory to compile, and is as fast here.
_OLDER_LOOPS = "--xla_cpu_use_fusion_emitters=false"
# LLVM needs two thirds to nine tenths of the time to compile, and the loops are as fast.
_AS_LOOPS = "--xla_backend_extra_options=xla_cpu_disable_loop_unrolling"

_tuned = False


def settings() -> dict[str, str]:
    """The environment variables: for oneDNN, and XLA's flags if this TensorFlow has them."""
    variables = {"TF_ENABLE_ONEDNN_OPTS": "1"}
    try:
        version = importlib.metadata.version("tensorflow")
    except importlib.metadata.PackageNotFoundError:  # another name, such as tf-nightly
        version = ""
    if version.startswith(_KNOWN):
        variables["XLA_FLAGS"] = f"{SEQUENTIAL} {_OLDER_LOOPS} {_AS_LOOPS}"
    return variables


def tune_tensorflow(*, log_level: int | None = 3) -> None:
    """Import TensorFlow with good settings. Variables that you have set are not changed.

    ``TF_ENABLE_ONEDNN_OPTS`` makes evaluations on a CPU faster. ``XLA_FLAGS`` reduces their memory
    and the time of compilation (`docs/speed.md` has figures); it is set only with TensorFlow 2.21,
    because other versions may not have these flags. Neither affects a GPU.
    ``TF_CPP_MIN_LOG_LEVEL`` drops messages of TensorFlow: 3 drops all, 2 all except errors, 1 all
    except errors and warnings, None drops nothing. The first use of this library starts TensorFlow
    and removes the variables, so programs that are started later do not inherit them. Further calls
    have no effect.

    Raises
    ------
    BackendError
        TensorFlow was already imported without these variables, or it cannot be used.

    Examples
    --------
    >>> import neural_style as ns
    >>> ns.tune_tensorflow()  # doctest: +SKIP
    """
    global _tuned
    wanted = settings()
    if log_level is not None:
        wanted["TF_CPP_MIN_LOG_LEVEL"] = str(log_level)
    missing = [] if _tuned else [name for name in wanted if name not in os.environ]
    if missing and "tensorflow" in sys.modules:
        raise BackendError(
            f"TensorFlow was already imported, without {', '.join(missing)}: call "
            f"tune_tensorflow() before the first import of tensorflow or keras, and before the "
            f"first use of this library."
        )
    lend({name: wanted[name] for name in missing})
    _tuned = True
    with without_messages(log_level):
        import neural_style.utils.backend  # noqa: F401
