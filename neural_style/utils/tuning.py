"""What TensorFlow reads from the environment as it starts, as this library is best with it.

    tune_tensorflow()            # before TensorFlow is imported; this package imports it late

It is a call, not a side effect of an import, since it changes TensorFlow for the whole process.
"""

from __future__ import annotations

import importlib.metadata
import os
import sys

from neural_style.errors import BackendError
from neural_style.utils.startup import lend, without_messages

# XLA ends the process at a flag that it does not know.
_KNOWN = ("2.21.",)
# Results wait for less long, in memory, when operations run one after the other.
SEQUENTIAL = "--xla_cpu_enable_concurrency_optimized_scheduler=false"
# XLA's older code for fused loops takes less memory to compile, and is as fast here.
_OLDER_LOOPS = "--xla_cpu_use_fusion_emitters=false"
# LLVM compiles for two thirds to nine tenths of the time, and the loops are as fast.
_AS_LOOPS = "--xla_backend_extra_options=xla_cpu_disable_loop_unrolling"

_tuned = False


def settings() -> dict[str, str]:
    """The environment variables: oneDNN's products, and XLA's flags where they are known."""
    found = {"TF_ENABLE_ONEDNN_OPTS": "1"}
    try:
        version = importlib.metadata.version("tensorflow")
    except importlib.metadata.PackageNotFoundError:  # under another name, as tf-nightly
        version = ""
    if version.startswith(_KNOWN):
        found["XLA_FLAGS"] = f"{SEQUENTIAL} {_OLDER_LOOPS} {_AS_LOOPS}"
    return found


def tune_tensorflow(*, log_level: int | None = 3) -> None:
    """Import TensorFlow with its switches set, each where you have not set it yourself.

    ``TF_ENABLE_ONEDNN_OPTS`` makes evaluations on a CPU faster, ``XLA_FLAGS`` makes them smaller
    and sooner compiled (the README has figures), and ``TF_CPP_MIN_LOG_LEVEL`` is what TensorFlow
    leaves out of its messages: 3 all of them, 2 all but errors, 1 all but errors and warnings, None
    nothing. Those of XLA are set with TensorFlow 2.21 alone, since another may not have them. A
    GPU takes no notice of the first two. The variables are taken out of the environment again at
    the first use of this library, which starts TensorFlow, so that other programs that are
    started from then on do not inherit them. Further calls do nothing.

    Raises
    ------
    BackendError
        TensorFlow is imported already, and has not read them; or it cannot be used.

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
            f"TensorFlow is imported already, without {', '.join(missing)}: expected "
            f"tune_tensorflow() before the first import of tensorflow or keras, and before the "
            f"first use of this library."
        )
    lend({name: wanted[name] for name in missing})
    _tuned = True
    with without_messages(log_level):
        import neural_style.utils.backend  # noqa: F401
