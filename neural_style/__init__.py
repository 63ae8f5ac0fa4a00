"""Neural style transfer in Keras, with losses as plugins.

Images are float32 arrays H×W×3, RGB, 0–255. Importing this package does not import TensorFlow
or Keras; the first name that needs them does.
"""

from typing import Any

import lazy_loader

__version__ = "0.1.0"

_public_name, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    try:
        return _public_name(name)
    except ModuleNotFoundError as error:
        if f"{error.name}.".startswith("neural_style."):
            from neural_style.utils.installation import check_installation

            check_installation()
        raise
