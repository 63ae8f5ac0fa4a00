"""The built-in losses; each is a plugin, as the loss of any other package."""

from neural_style.extensions.activation_shifted_gram import (
    ActivationShiftedGram as ActivationShiftedGram,
)
from neural_style.extensions.central_moment_discrepancy import (
    CentralMomentDiscrepancy as CentralMomentDiscrepancy,
)
from neural_style.extensions.content import Content as Content
from neural_style.extensions.contextual import Contextual as Contextual
from neural_style.extensions.deep_correlation import DeepCorrelation as DeepCorrelation
from neural_style.extensions.edges import Edges as Edges
from neural_style.extensions.gram import Gram as Gram
from neural_style.extensions.gram_chain import GramChain as GramChain
from neural_style.extensions.histogram import Histogram as Histogram
from neural_style.extensions.hypercolumn_moments import HypercolumnMoments as HypercolumnMoments
from neural_style.extensions.laplacian import Laplacian as Laplacian
from neural_style.extensions.mmd import MMD as MMD
from neural_style.extensions.moments import Moments as Moments
from neural_style.extensions.mrf import MRF as MRF
from neural_style.extensions.nearest_neighbors import NearestNeighbors as NearestNeighbors
from neural_style.extensions.patch_sliced_wasserstein import (
    PatchSlicedWasserstein as PatchSlicedWasserstein,
)
from neural_style.extensions.relaxed_emd import RelaxedEMD as RelaxedEMD
from neural_style.extensions.self_similarity import SelfSimilarity as SelfSimilarity
from neural_style.extensions.shifted_gram import ShiftedGram as ShiftedGram
from neural_style.extensions.sliced_wasserstein import SlicedWasserstein as SlicedWasserstein
from neural_style.extensions.spectrum import Spectrum as Spectrum
from neural_style.extensions.total_variation import TotalVariation as TotalVariation
from neural_style.extensions.wasserstein2 import Wasserstein2 as Wasserstein2

__all__ = [name for name, each in list(globals().items()) if isinstance(each, type)]


def __dir__() -> list[str]:
    return __all__
