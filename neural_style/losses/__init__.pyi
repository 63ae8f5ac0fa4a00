from .base import Loss as Loss
from .base import weighted_mean as weighted_mean
from .weighted_sum import Term as Term
from .weighted_sum import WeightedSum as WeightedSum
