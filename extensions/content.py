"""The content loss of Gatys, Ecker & Bethge."""

from __future__ import annotations

from neural_style.losses import FeatureLoss


class Content(FeatureLoss):
    """Keep the features of a photo where they are.

        L = Σ_l w_l · mean((F_l − P_l)²)

    over all positions and channels of layer l. F (1, h, w, channels) are the features of the
    picture and P the features of the reference. Their shapes must be equal.

    Parameters
    ----------
    reference
        The photo, H×W×3, RGB, 0–255, of the same size as the picture.
    layers
        By default ``block4_conv2`` (conv4_2), Gatys' choice.

    Raises
    ------
    LossError
        At the first evaluation, if the shapes differ.

    Notes
    -----
    The paper's loss is ½ Σ(F−P)², which grows with the size of the picture. The mean does not,
    and the authors' own code uses it, with the weight 1. With N channels and M positions,
    ``layers={layer: N * M / 2}`` gives the paper's loss. Source: Gatys, Ecker & Bethge, *Image
    Style Transfer Using Convolutional Neural Networks*, CVPR 2016; its equations were read in
    public transcripts, not in the paper itself. The authors' code was read:
    leongatys/PytorchNeuralStyleTransfer, the notebook, and leongatys/NeuralImageSynthesis,
    LossLayers.lua.

    Examples
    --------
    >>> import numpy as np
    >>> loss = Content(np.zeros((32, 32, 3)), layers=["image"])
    >>> loss.distance(np.ones((1, 1, 1, 3)), np.full((1, 1, 1, 3), 3)).numpy().ravel().tolist()
    [4.0, 4.0, 4.0]
    """

    role = "content"
    layers = ("block4_conv2",)
