"""Neural style transfer in Keras, with losses as plugins.

Images are float32 arrays H×W×3, RGB, 0–255. Importing this package imports neither
TensorFlow nor Keras; the first name that needs them does.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
