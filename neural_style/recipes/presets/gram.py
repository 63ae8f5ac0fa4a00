"""Presets whose style is Gram matrices at five layers, as in the paper."""

from __future__ import annotations

import functools
from typing import Unpack

from neural_style import images
from neural_style.errors import OptionError, check_count
from neural_style.features.arguments import IMAGE
from neural_style.images import Picture
from neural_style.losses.registry import create
from neural_style.recipes.draft import Draft, Options, Preset, gray_noise
from neural_style.recipes.preset_losses import SummedVariation
from neural_style.utils.backend import keras

Adam = keras.optimizers.Adam

_CONV1 = {f"block{block}_conv1": 1.0 for block in range(1, 6)}


def gatys(content: Picture, style: Picture, **options: Unpack[Options]) -> Preset:
    """The notebook of the method's first author.

        m(ΔF²) at conv4_2 + Σ_l 1e3/N² · m(Δ(G/M)²) at conv1_1 … conv5_1

    Shorter sides of 512, from the content, L-BFGS, 520 evaluations: a step has 20 evaluations,
    and the loop starts another step at 500. The second stage (arXiv 1611.07865), 220 evaluations
    at 800, is ``gatys(…, short_side=800, evaluations=220, start=first.image)``. The noise, a
    comment in the source, is normal around the mean color with deviation 1. The notebook's VGG19
    has the activations of Keras' weights; only the papers rescale them to a mean of 1.
    Source: leongatys/PytorchNeuralStyleTransfer, NeuralStyleTransfer.ipynb.
    """
    noise = functools.partial(gray_noise, normal=(0.0, 1.0))
    draft = Draft(content, style, options, "short_side", 512, evaluations=520, noise=noise)
    layers = draft.layers(_CONV1, lambda n, m: 4e3 / n**2)
    return draft.preset(
        create("content", draft.photo) + create("gram", draft.painting, layers=layers)
    )


def neural_style(content: Picture, style: Picture, **options: Unpack[Options]) -> Preset:
    """The command line that made the method popular, in its PyTorch version.

        5 m(ΔF²) at conv4_2 + 100 Σ_l m(Δ(G/NM)²) at conv1_1 … conv5_1
        + 1e-3 (Σ|dx| + Σ|dy|) over pixels

    Longer sides of 512, from normal noise of deviation 1e-3 around the mean color,
    L-BFGS, 1000 evaluations. The source scales pixels by 256, this preset by 255. In the source,
    a rounding error makes the longer side 511 for one picture in eight. The Lua original has the
    same numbers, but the gradient of a squared total variation. Sources:
    ProGamerGov/neural-style-pt, jcjohnson/neural-style.
    """
    noise = functools.partial(gray_noise, normal=(0.0, 1e-3))
    draft = Draft(
        content, style, options, "long_side", 512, evaluations=1000, start="noise", noise=noise
    )
    layers = draft.layers(_CONV1, lambda n, m: 4 / n**2)
    return draft.preset(
        5 * create("content", draft.photo)
        + 100 * create("gram", draft.painting, layers=layers)
        + 1e-3 * SummedVariation(name="total_variation")
    )


def keras_example(content: Picture, style: Picture, **options: Unpack[Options]) -> Preset:
    """The example on keras.io.

        2.5e-8 ΣΔF² at conv5_2 + 1e-6/5 Σ_l ΣΔG² / (4 · 3² · (rows · columns)²)
        at conv1_1 … conv5_1 + 1e-6 Σ(dx² + dy²)^1.25 over pixels

    400 rows, the style squashed to the content's size, from the content, SGD with a learning rate
    of 100, times 0.96 every 100 steps, 4000 steps. Bug of the source, reproduced: 3 and
    rows · columns are those of the picture. The paper has the layer's N and M, so a layer's weight
    is (NM / (3 · rows · columns))² times the right one. Content and variation are sums, so
    their weight grows with the picture. The learning rate is for 400 rows. The pixels of a small
    picture have larger gradients; a run with 85 rows diverged. Pass an ``optimizer`` with such
    a size. Source: keras-team/keras-io, examples/generative/neural_style_transfer.py.
    """
    rate = keras.optimizers.schedules.ExponentialDecay(100.0, decay_steps=100, decay_rate=0.96)
    sgd = keras.optimizers.SGD(rate)
    draft = Draft(
        content, style, options, "rows", 400, evaluations=4000, optimizer=sgd, squash=True
    )
    rows, columns = draft.size
    gram = draft.layers(_CONV1, lambda n, m: (n * m / (3 * rows * columns)) ** 2)
    sums = draft.layers({"block5_conv2": 1}, lambda n, m: n * m)
    cropped = {IMAGE: 3 * (rows - 1) * (columns - 1)}
    return draft.preset(
        2.5e-8 * create("content", draft.photo, layers=sums)
        + 1e-6 / 5 * create("gram", draft.painting, layers=gram)
        + 1e-6 * create("total_variation", 1.25, layers=cropped)
    )


def tensorflow_tutorial(content: Picture, style: Picture, **options: Unpack[Options]) -> Preset:
    """TensorFlow's tutorial, with its total variation.

        1e4 m(ΔF²) at conv5_2 + 1e-2/5 Σ_l m(Δ(G/M)²) at conv1_1 … conv5_1
        + 30 (Σ|dx| + Σ|dy|) over pixels in 0–1

    Longer sides of 512, from the content, Adam(0.02, β₁ = 0.99, ε = 0.1), 1000 steps, each
    followed by clipping (not with L-BFGS as the optimizer). In the source, a rounding
    error makes the longer side 511 for one picture in seven. Its variable is in 0–1. Here it is in
    0–255: 255 times the learning rate and ε/255 give the same steps, and the weight of the
    variation is 30/255. Source: tensorflow/docs, site/en/tutorials/generative/
    style_transfer.ipynb.
    """
    adam = Adam(0.02 * 255, beta_1=0.99, epsilon=0.1 / 255)
    draft = Draft(
        content, style, options, "long_side", 512, evaluations=1000, optimizer=adam, clip="step"
    )
    layers = draft.layers(_CONV1, lambda n, m: 4)
    return draft.preset(
        1e4 * create("content", draft.photo, layers=["block5_conv2"])
        + 1e-2 / 5 * create("gram", draft.painting, layers=layers)
        + 30 / 255 * SummedVariation(name="total_variation")
    )


def udacity(content: Picture, style: Picture, **options: Unpack[Options]) -> Preset:
    """The notebook of Udacity's deep learning course.

        m(ΔF²) at conv4_2 + 1e6 Σ_l w_l m(ΔG²) / (NM) at conv1_1 … conv5_1

    w = 1, .75, .2, .2, .2. Shorter side of 400 (the meaning of its ``max_size`` in torchvision's
    Resize; in the source, if no side of the content is above 400, its longer side becomes the
    shorter), the style squashed to the content's size, from the content, Adam(0.003), 2000 steps
    (the source also mentions 5000). Its variable is in units of torchvision's deviations, .229,
    .224 and .225 of 255 pixels. This preset uses one learning rate, that of their mean, which is
    at most 1.3 % off.

    Bug of the source, reproduced: G is not divided by M, so a layer's weight is proportional to
    its M, and the style's weight grows with the picture. Not reproduced: torchvision's VGG19 has
    different weights. Keras' weights expect BGR and 0–255, but get torchvision's input here.
    The source's ReLUs work in place, so its convolutions are read after the ReLU, as here. Source:
    udacity/deep-learning-v2-pytorch, style-transfer: the exercise, in which w = 1, .8, .5,
    .3, .1, and the solution, in the copy of the fork AmmarJawad/deep-learning-v2-pytorch.
    """
    unit = 255 * (0.229 + 0.224 + 0.225) / 3
    draft = Draft(
        content,
        style,
        options,
        "short_side",
        400,
        evaluations=2000,
        optimizer=Adam(0.003 * unit, epsilon=1e-8 / unit),
        network=("vgg19", "max", "torch"),
        squash=True,
    )
    weights = dict(zip(_CONV1, (1, 0.75, 0.2, 0.2, 0.2), strict=True))
    layers = draft.layers(weights, lambda n, m: 4 * m / n)
    return draft.preset(
        create("content", draft.photo) + 1e6 * create("gram", draft.painting, layers=layers)
    )


def ashwindcruz(
    content: Picture,
    style: Picture,
    *,
    depth: int = 2,
    content_layer: str = "block2_conv2",
    **options: Unpack[Options],
) -> Preset:
    """The shallow recipe of ashwindcruz/style-transfer.

        m(ΔF²) at conv2_2 + 1/8e-4 · ½ Σ_l ΣΔG² / (4 N² M²) at conv1_1 and conv2_1

    Pictures squashed to 224×224, from noise uniform in 0–255, Adam(0.1), 10000 steps.
    ``depth=5, content_layer="block4_conv2"`` gives the objective of his notebook, the mean over
    conv1_1 … conv5_1 (there with 5,000,000 steps). His blog's pictures used 100 instead of
    1/8e-4. Bugs of the source, reproduced: VGG's training means are not subtracted, and
    the pictures are squashed. His checkpoint, TF-Slim's, expects RGB; Keras' gets the same
    pixels as BGR. Source: ashwindcruz/style-transfer, config.py, train.py and
    style_transfer.ipynb, with the loss as in style_recs.py.
    """
    if check_count("depth", depth) > len(_CONV1):
        raise OptionError(f"depth: expected 1 to {len(_CONV1)} layers, got {depth}.")
    draft = Draft(
        content,
        style,
        options,
        "square",
        224,
        evaluations=10000,
        start="noise",
        noise=functools.partial(images.noise, uniform=(0.0, 255.0)),
        optimizer=Adam(0.1, epsilon=1e-8),
        network=("vgg19", "max", "bgr"),
    )
    return draft.preset(
        create("content", draft.photo, layers=[content_layer])
        + 1 / 8e-4 * create("gram", draft.painting, layers=list(_CONV1)[:depth])
    )
