"""The feature model, from an image to activations: one class, since its caches belong together.

    FeatureModel(network, …)(image, layers) -> {layer: activation}

``image`` is a tensor (1, H, W, 3) or an array (H, W, 3), RGB, 0–255. An activation is
(1, h, w, channels). The layer name ``"image"`` means the pixels themselves. The model
applies the network's preprocessing (color order, means), so losses and users need not. The
network runs only up to the deepest requested layer.
"""

from __future__ import annotations

import copy
import functools
import math
import os
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Self, TypeAlias

from neural_style.errors import (
    LayerError,
    OptionError,
    advice,
    described,
    layer_suggestion,
)
from neural_style.features import networks, receptive_field
from neural_style.features.arguments import IMAGE, as_names, as_tensor, of_network
from neural_style.features.networks import Preprocess
from neural_style.features.padding import NO_HALO, Extension, Padding
from neural_style.images import Size
from neural_style.kernels.layers import (
    accelerated,
    by_winograd,
    compared,
    has_static_gradient,
    is_joined,
    joined,
    kept_kernels,
    replacement,
)
from neural_style.kernels.padding import Margins
from neural_style.utils.backend import check_process, check_state, keras, tf
from neural_style.utils.programs import Programs

Tensor: TypeAlias = Any
Features: TypeAlias = dict[str, Tensor]
_How: TypeAlias = Literal[True, False, "compared"] | None

# Pixels. Below this size, compilation takes longer than it saves. From about 900×900 pixels,
# TensorFlow's own convolutions take minutes without AVX-512, where oneDNN has no fast ones.
_COMPILED = 256 * 256
# Up to this size, transformed kernels are kept (208 MB for VGG19). Computing them again takes
# about 6 % of an evaluation at 256×256 pixels, and 1 to 3 % at 512×512.
_KERNELS_KEPT = 256 * 256


class FeatureModel:
    """Activations of a frozen convolutional network.

    Parameters
    ----------
    network
        ``"vgg19"``, ``"vgg16"``, or any built `keras.Model` whose input is one picture
        (1, H, W, 3). Every layer of such a model that has one output can be read.
    pooling
        ``"max"`` (as trained) or ``"average"`` (Gatys et al. 2016, section 2); only for VGG.
    weights
        ``"imagenet"``, the path of a weights file without the top layers, or None for random
        values from Keras' global seed; only for VGG.
    preprocess
        How RGB, 0–255, becomes the network's input: ``"caffe"`` (BGR minus the ImageNet
        means; the default for VGG), ``"torch"`` (0–1, torchvision's mean and
        deviation), ``"tf"`` (−1 to 1), ``"bgr"`` (the channels in that order, nothing
        subtracted), ``"raw"`` (unchanged), or a function of a tensor. A wrapped model has no
        default.
    padding
        What the network reads outside the picture: ``"zero"`` (as trained; sides that do not
        divide by the poolings lose rows and columns there), ``"symmetric"`` (the picture is
        extended by its mirror image until they divide, and features of the added part are
        dropped: no pale frame), ``"periodic"`` (every convolution reads the other side: seamless
        textures; sides must divide by the poolings), or ``"replicate"`` (the first convolution
        repeats the border's pixels). See `neural_style.features.padding`.
    winograd
        Whether compiled objectives use the fast layers of `neural_style.kernels.layers` if no
        GPU is visible. Features and gradients then differ by about 1e-5.

    Raises
    ------
    OptionError, WeightsError, BackendError
        An option is unknown, the weights cannot be used, or the state of TensorFlow or Keras is
        not supported, for example if Keras' default type is not float32.

    Examples
    --------
    >>> import numpy as np
    >>> features = FeatureModel("vgg19", weights=None)
    >>> activations = features(np.zeros((32, 48, 3)), ["block2_conv1", "image"])
    >>> {name: tuple(value.shape) for name, value in activations.items()}
    {'block2_conv1': (1, 16, 24, 128), 'image': (1, 32, 48, 3)}
    """

    def __init__(
        self,
        network: str | keras.Model = "vgg19",
        *,
        pooling: str | None = None,
        weights: str | os.PathLike[str] | None = "imagenet",
        preprocess: str | Preprocess | None = None,
        padding: str = "zero",
        winograd: bool = True,
    ) -> None:
        check_state()
        if isinstance(network, keras.Model):
            if pooling is not None or weights != "imagenet":
                raise OptionError("pooling and weights are for VGG; a wrapped model has its own.")
            if preprocess is None:
                raise OptionError(
                    f"{network.name}: a wrapped model needs preprocess=…, from RGB 0–255 to its "
                    f"input: one of {', '.join(networks.MODES)}, or a function of a tensor."
                )
            self._network = networks.checked(network)
        else:
            pooling = "max" if pooling is None else pooling
            preprocess = "caffe" if preprocess is None else preprocess
            self._network = networks.vgg(network, pooling, weights)
        self.name: str = self._network.name
        known = not isinstance(network, keras.Model)
        self._config = {
            "network": self.name,
            "pooling": pooling,
            "weights": "imagenet" if known and weights == "imagenet" else "other",
            "preprocess": None if callable(preprocess) else preprocess,
            "padding": padding,
            "winograd": winograd,
        }
        self.preprocess = networks.preprocessing(preprocess)
        self._padding = Padding(padding, self._network)
        self.layers: tuple[str, ...] = tuple(
            layer.name
            for layer in self._network.layers
            if not isinstance(layer, keras.layers.InputLayer)
        )
        # By layer names: the network as it is; and what computes it, also by whether the padding
        # is zero, and by `_How`: original (None), fast with kernels kept or not, `compared`.
        self._plain_cuts: dict[tuple[str, ...], keras.Model] = {}
        self._cuts: dict[tuple[tuple[str, ...], bool, _How], keras.Model] = {}
        self._on_cpu = not tf.config.list_physical_devices("GPU")
        self._accelerated = winograd and self._on_cpu
        self._begin()

    def _begin(self) -> None:
        """Discard everything that depends on the weights."""
        self._weights = networks.Weights(self._network)
        # One replacement for each layer, so that all cuts share its transformed kernel.
        self._replaced: dict[tuple[keras.Layer, bool], keras.Layer] = {}
        self._cuts = {key: cut for key, cut in self._cuts.items() if key[-1] is None}
        # One function of the network for each shape: TensorFlow warns if one has many traces,
        # and never frees a trace of a custom gradient.
        self._functions: dict[tuple[Any, ...], Any] = {}
        # Functions that objectives compile for this model; they are freed with the model.
        self.compiled = Programs(self._own)

    def _notice(self) -> None:
        if not self._weights.are_current():
            self._begin()

    def with_padding(self, padding: str) -> FeatureModel:
        """The same network with another padding; the model itself if it has this one already.

        Raises `OptionError` as the class.
        """
        if padding == self.padding:
            return self
        other = copy.copy(self)
        other._padding = Padding(padding, self._network)
        other._config = {**self._config, "padding": padding}
        other._cuts = {}
        other._begin()
        return other

    @property
    def padding(self) -> str:
        """The name of the padding."""
        return self._padding.mode

    @property
    def weights(self) -> networks.Weights:
        """The network's weights. The object is the same until the weights change."""
        self._notice()
        return self._weights

    @property
    def sha256(self) -> str:
        """A hash of the network: its layers, their options and the values of their weights."""
        return self.weights.sha256

    def get_config(self) -> dict[str, Any]:
        """The options and the `sha256` as JSON values.

        ``weights`` is ``"imagenet"`` or ``"other"``. ``preprocess`` is None if it is a function;
        the hash does not include such a function.
        """
        return {**self._config, "sha256": self.sha256}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Build a VGG with ImageNet's weights from the result of `get_config`.

        The hash is not compared. Raises `OptionError` for any other model, and as the class.
        """
        options = {name: value for name, value in config.items() if name != "sha256"}
        if options["weights"] != "imagenet" or options["preprocess"] is None:
            remedy = advice("pass it again as features=…", "give its --weights again")
            raise OptionError(
                f"the feature model {options['network']!r} has custom weights or a custom "
                f"preprocessing, which its config does not contain: {remedy}"
            )
        return cls(options.pop("network"), **options)

    def __repr__(self) -> str:
        return f"FeatureModel({self.name!r}, {len(self.layers)} layers)"

    def __call__(
        self, image: Tensor, layers: Iterable[str], *, compiled: bool = False, window: bool = False
    ) -> Features:
        """The activations of ``layers``, in that order, for one image, RGB, 0–255.

        Set ``compiled`` if the call is traced for XLA, with an image of a static size. It may then
        use the fast layers. On a CPU, a call that is not traced also uses XLA for a large image,
        compiled once for each size. Set ``window`` if the image is a part of a picture that was
        extended before (`extension`): it is not extended again, and its sides do not wrap.

        Raises
        ------
        LayerError
            As `check`.
        ImageError
            ``image`` is not a valid image.
        """
        check_process()
        layers = as_names(layers)
        image = as_tensor(image)
        size = tuple(image.shape[1:3])
        if not window:
            self.check(layers, size)
        names = of_network(layers)
        if not names:
            return dict.fromkeys(layers, image)
        extension = Extension() if window else self.extension(size)
        inputs = self.preprocess(extension.tensor(image))
        activations = self._run(names, inputs, compiled, window)
        if extension:
            shapes = self.shapes(names, size)
            for name, (height, width, _) in shapes.items():
                activations[name] = activations[name][:, :height, :width]
        return {name: image if name == IMAGE else activations[name] for name in layers}

    def extension(self, size: Size, halo: tuple[Margins, Margins] = NO_HALO) -> Extension:
        """How a picture of (height, width) is extended; `Padding.extension`."""
        return self._padding.extension(size, halo)

    def is_compiled(self, size: Size) -> bool:
        """Whether a call that is not traced uses XLA at (height, width)."""
        return self._on_cpu and size[0] * size[1] >= _COMPILED

    def check(self, layers: Iterable[str], size: Size | None = None) -> None:
        """Raise `LayerError` for an unknown layer or a (height, width) that is too small."""
        layers = as_names(layers)
        names = of_network(layers)
        for name in names:
            if name not in self.layers:
                raise LayerError(f"{self.name} has no layer {name!r}: {self._suggest(name)}.")
        if size is None or not names:
            return
        if self._fits(names, size):
            self._padding.check(self._plain(names), size)
            return
        fixed = self._network.input_shape[1:3]
        if None not in fixed:
            raise LayerError(
                f"{self.name} takes pictures of {fixed[0]}×{fixed[1]} only, got "
                f"{size[0]}×{size[1]}: resize them with neural_style.images.resize."
            )
        small = next(name for name in names if not self._fits((name,), size))
        least = next((n for n in range(1, 4096) if self._fits((small,), (n, n))), None)
        raise LayerError(
            f"a picture of {size[0]}×{size[1]} is too small for {small!r} of {self.name}: "
            f"expected at least {least}×{least}; enlarge it or use shallower layers."
        )

    def shapes(
        self, layers: Iterable[str], size: Size, *, window: bool = False
    ) -> dict[str, tuple[int, int, int]]:
        """(height, width, channels) of ``layers`` for a picture, or a window, of (height, width).

        In an extended picture, a position counts if its first pixel is in the picture. The
        network is not run. Raises `LayerError` as `check`.
        """
        layers = as_names(layers)
        if not window:
            self.check(layers, size)
        names = of_network(layers)
        extension = Extension() if window else self.extension(size)
        outputs = self._output_shapes(names, extension.size(size))
        if names and extension:
            for name, (y, x) in receptive_field.fields(self._plain(names)).items():
                if name in outputs:
                    _, height, width, channels = outputs[name]
                    rows, columns = math.ceil(size[0] / y.stride), math.ceil(size[1] / x.stride)
                    outputs[name] = (1, min(height, rows), min(width, columns), channels)
        return {name: (*size, 3) if name == IMAGE else outputs[name][1:] for name in layers}

    def operations(
        self, layers: Iterable[str], size: tuple[int, int]
    ) -> list[tuple[keras.Layer, tuple[int, ...]]]:
        """The operations that compute ``layers``, in order, with the shapes of their activations.

        The picture is extended if the padding does so. The network is not run. Raises `LayerError`
        as `check`.
        """
        layers = as_names(layers)
        self.check(layers, size)
        names = of_network(layers)
        if not names:
            return []
        operations = self._plain(names).operations
        run = {op.name: op for op in operations if not isinstance(op, keras.layers.InputLayer)}
        shapes = self._output_shapes(tuple(run), self.extension(size).size(size))
        return [(run[name], tuple(shapes[name][1:])) for name in run]

    def is_fast(self, layer: keras.Layer, shape: tuple[int, ...]) -> bool:
        """Whether a convolution uses Winograd's algorithm for an activation of ``shape``."""
        return self._accelerated and by_winograd(layer, shape)

    def keeps_kernels(self, size: Size) -> bool:
        """Whether transformed kernels stay in memory for a picture of (height, width)."""
        return size[0] * size[1] <= _KERNELS_KEPT

    def joined(self, layers: Iterable[str], size: Size) -> set[str]:
        """The convolutions that are joined with a pooling, for a picture of (height, width).

        Their activations are never in memory. Raises `LayerError` as `check`.
        """
        layers = as_names(layers)
        shapes = {operation.name: shape for operation, shape in self.operations(layers, size)}
        if not shapes or not self._accelerated:
            return set()
        convolutions = joined(self._plain(of_network(layers))).values()
        return {name for name in convolutions if is_joined(shapes[name])}

    def receptive_fields(self, layers: Iterable[str]) -> dict[str, receptive_field.Fields]:
        """The pixels that a position of each of ``layers`` reads, along y and x.

        The preprocessing must treat every pixel independently; this is not checked. Raises
        `LayerError` as `check`, or if the receptive field of a layer is unknown.
        """
        layers = as_names(layers)
        self.check(layers)
        names = of_network(layers)
        fields = receptive_field.fields(self._plain(names)) if names else {}
        fields[IMAGE] = (receptive_field.Field(), receptive_field.Field())
        return {name: fields[name] for name in layers}

    def _run(self, names: tuple[str, ...], image: Tensor, compiled: bool, window: bool) -> Features:
        size = image.shape[1], image.shape[2]
        how: _How = None
        if compiled:
            self._notice()
            how = self.keeps_kernels(size) if self._accelerated else "compared"
        cut = self._cut(names, window, how)
        alone = functools.partial(cut, training=False)
        eager = tf.executing_eagerly()
        # A function of its own has a forward and a backward half. If shapes pass between them as
        # values, XLA compiles both anew for every picture.
        if not (self.is_compiled(size) if eager else all(map(has_static_gradient, cut.layers))):
            return dict(alone(image))
        key = names, size, window, how, eager
        if key not in self._functions:
            function = tf.function(alone, autograph=False, jit_compile=eager or None)
            self._functions[key] = function
        return dict(self._functions[key](image))

    def _plain(self, names: tuple[str, ...]) -> keras.Model:
        """The network up to these layers, as it is."""
        if names not in self._plain_cuts:
            outputs = {name: self._network.get_layer(name).output for name in names}
            self._plain_cuts[names] = keras.Model(self._network.inputs[0], outputs)
        return self._plain_cuts[names]

    def _cut(self, names: tuple[str, ...], window: bool, how: _How) -> keras.Model:
        """The network up to these layers, with its padding; ``how`` chooses what computes it.

        In a window, nothing wraps.
        """
        window = window and self.padding == "periodic"
        if (names, window, how) not in self._cuts:
            cut = self._plain(names) if window else self._padding.network(self._plain(names))
            if how == "compared":
                cut = keras.models.clone_model(cut, clone_function=compared)
            elif how is not None:
                cut = accelerated(cut, functools.partial(self._replacement, kept=how))
            self._cuts[names, window, how] = cut
        return self._cuts[names, window, how]

    def _output_shapes(self, names: tuple[str, ...], size: Size) -> dict[str, Any]:
        """The shapes of these layers for an input of (height, width)."""
        if not names:
            return {}
        return dict(self._plain(names).compute_output_shape((1, *size, 3)))

    def _replacement(self, layer: keras.Layer, *, kept: bool) -> keras.Layer:
        if (layer, kept) not in self._replaced:
            self._replaced[layer, kept] = replacement(layer, kept=kept)
        return self._replaced[layer, kept]

    def _own(self) -> set[int]:
        """The ids of the tensors of the network that compiled functions capture."""
        variables = [weight.value.handle for weight in self._network.weights]
        return set(map(id, (*variables, *kept_kernels(self._replaced.values()))))

    def _fits(self, names: tuple[str, ...], size: Size) -> bool:
        fixed = self._network.input_shape[1:3]
        if any(limit not in (None, side) for limit, side in zip(fixed, size, strict=True)):
            return False
        try:
            shapes = self._output_shapes(names, self.extension(size).size(size))
        except ValueError:
            return False
        return all(side > 0 for shape in shapes.values() for side in shape[1:3])  # Keras 3.6

    def _suggest(self, name: str) -> str:
        return layer_suggestion(str(name), (*self.layers, IMAGE))


def check_model(features: object) -> FeatureModel:
    """Return ``features``, or raise an `OptionError` if it is not a feature model.

    Raises as `check_state`, too.
    """
    check_state()
    if isinstance(features, FeatureModel):
        return features
    remedy = "FeatureModel('vgg19')"
    if isinstance(features, str):
        remedy = f"FeatureModel({features!r})"
    elif isinstance(features, keras.Model):
        remedy = "FeatureModel(model, preprocess=…)"
    raise OptionError(
        f"features: expected a FeatureModel, got {described(features)}; write {remedy}."
    )
