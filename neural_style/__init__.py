"""Neural style transfer in Keras, with losses as plugins.

Images are float32 arrays H×W×3, RGB, 0–255. Importing this package imports neither
TensorFlow nor Keras; the first name that needs them does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

# Every public name and the module it is in; of the modules themselves, nothing.
_HOMES = {
    "Custom": "custom",
    "Estimate": "estimates",
    "FeatureModel": "features",
    "LBFGS": "lbfgs",
    "Loss": "losses",
    "Objective": "objective",
    "Outcome": "sweeps",
    "Result": "result",
    "Scores": "scoring",
    "SciPyLBFGS": "optimisers",
    "Step": "result",
    "WeightedSum": "sums",
    "Workers": "workers",
    "balance": "balancing",
    "callbacks": "",
    "color": "",
    "contact_sheet": "sheets",
    "create": "registry",
    "default_loss": "styling",
    "datasets": "",
    "errors": "",
    "estimate": "estimates",
    "evaluate": "scoring",
    "extensions": "",
    "guided": "guidance",
    "images": "",
    "minimise": "optimise",
    "names": "registry",
    "parameterisation": "",
    "presets": "",
    "register": "registry",
    "report": "",
    "rerun": "repeating",
    "resume": "repeating",
    "sweep": "sweeps",
    "testing": "",
    "transfer": "styling",
    "tune_tensorflow": "tuning",
}
__all__ = list(_HOMES)

if TYPE_CHECKING:  # the same for tools that do not run this
    from neural_style import callbacks as callbacks
    from neural_style import color as color
    from neural_style import datasets as datasets
    from neural_style import errors as errors
    from neural_style import extensions as extensions
    from neural_style import images as images
    from neural_style import parameterisation as parameterisation
    from neural_style import presets as presets
    from neural_style import report as report
    from neural_style import testing as testing
    from neural_style.balancing import balance as balance
    from neural_style.custom import Custom as Custom
    from neural_style.estimates import Estimate as Estimate
    from neural_style.estimates import estimate as estimate
    from neural_style.features import FeatureModel as FeatureModel
    from neural_style.guidance import guided as guided
    from neural_style.lbfgs import LBFGS as LBFGS
    from neural_style.losses import Loss as Loss
    from neural_style.objective import Objective as Objective
    from neural_style.optimise import minimise as minimise
    from neural_style.optimisers import SciPyLBFGS as SciPyLBFGS
    from neural_style.registry import create as create
    from neural_style.registry import names as names
    from neural_style.registry import register as register
    from neural_style.repeating import rerun as rerun
    from neural_style.repeating import resume as resume
    from neural_style.result import Result as Result
    from neural_style.result import Step as Step
    from neural_style.scoring import Scores as Scores
    from neural_style.scoring import evaluate as evaluate
    from neural_style.sheets import contact_sheet as contact_sheet
    from neural_style.styling import default_loss as default_loss
    from neural_style.styling import transfer as transfer
    from neural_style.sums import WeightedSum as WeightedSum
    from neural_style.sweeps import Outcome as Outcome
    from neural_style.sweeps import sweep as sweep
    from neural_style.tuning import tune_tensorflow as tune_tensorflow
    from neural_style.workers import Workers as Workers
else:

    def __getattr__(name):
        if name not in _HOMES:
            raise AttributeError(f"module 'neural_style' has no attribute {name!r}")
        module = importlib.import_module(f"neural_style.{_HOMES[name] or name}")
        value = getattr(module, name) if _HOMES[name] else module
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return [*__all__, *(name for name in globals() if name.startswith("__"))]
