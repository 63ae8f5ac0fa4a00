"""The losses that come with the library, each a plugin like any outsider's."""

from neural_style.extensions.activation_shifted_gram import ActivationShiftedGram
from neural_style.extensions.content import Content
from neural_style.extensions.gram import Gram
from neural_style.extensions.gram_chain import GramChain
from neural_style.extensions.histogram import Histogram
from neural_style.extensions.laplacian import Laplacian
from neural_style.extensions.mmd import MMD
from neural_style.extensions.moments import Moments
from neural_style.extensions.mrf import MRF
from neural_style.extensions.relaxed_emd import RelaxedEMD
from neural_style.extensions.self_similarity import SelfSimilarity
from neural_style.extensions.shifted_gram import ShiftedGram
from neural_style.extensions.sliced_wasserstein import SlicedWasserstein
from neural_style.extensions.total_variation import TotalVariation
from neural_style.extensions.wasserstein2 import Wasserstein2
from neural_style.utils import backend as _backend  # a clear error before Keras is imported

__all__ = [
    "MMD",
    "MRF",
    "ActivationShiftedGram",
    "Content",
    "Gram",
    "GramChain",
    "Histogram",
    "Laplacian",
    "Moments",
    "RelaxedEMD",
    "SelfSimilarity",
    "ShiftedGram",
    "SlicedWasserstein",
    "TotalVariation",
    "Wasserstein2",
]

del _backend


def __dir__() -> list[str]:
    return __all__
