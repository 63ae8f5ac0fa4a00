"""The objective of the benchmarks of optimizers."""

from __future__ import annotations

from neural_style.extensions import Content, Gram, TotalVariation
from neural_style.images import Image
from neural_style.losses.weighted_sum import WeightedSum


def gram_loss(photo: Image, painting: Image) -> WeightedSum:
    """Content at conv4_2, Gram at conv1_1 … conv5_1, and a small total variation.

        mean (F−P)² + 0.3 · Σ_l 1e3/N_l² · mean (ΔG_l)² + 1e3 · (mean|dx| + mean|dy|)

    The layers and their weights are those of Gatys' notebook, leongatys/PytorchNeuralStyleTransfer,
    NeuralStyleTransfer.ipynb. The factor 0.3 was chosen by eye.
    """
    channels = (64, 128, 256, 512, 512)
    # `Gram` has 1/4 of the mean squared difference, as in the paper.
    layers = {f"block{i}_conv1": 4e3 / n**2 for i, n in enumerate(channels, 1)}
    return Content(photo) + 0.3 * Gram(painting, layers=layers) + 1e3 * TotalVariation()
