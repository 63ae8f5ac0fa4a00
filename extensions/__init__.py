"""The losses that come with the library, each a plugin like any outsider's."""

from neural_style import backend as _backend  # a clear error before Keras is imported
from neural_style.extensions.content import Content
from neural_style.extensions.gram import Gram
from neural_style.extensions.histogram import Histogram
from neural_style.extensions.mrf import MRF
from neural_style.extensions.relaxed_emd import RelaxedEMD
from neural_style.extensions.self_similarity import SelfSimilarity
from neural_style.extensions.shifted_gram import ShiftedGram
from neural_style.extensions.sliced_wasserstein import SlicedWasserstein
from neural_style.extensions.total_variation import TotalVariation

__all__ = [
    "MRF",
    "Content",
    "Gram",
    "Histogram",
    "RelaxedEMD",
    "SelfSimilarity",
    "ShiftedGram",
    "SlicedWasserstein",
    "TotalVariation",
]

del _backend
