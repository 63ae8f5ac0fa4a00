"""The types of the protocol, and the attributes of every loss.

`neural_style.losses.base` derives `Loss` from `BaseLoss`. Modules that `Loss` itself needs, such
as the registry and the distances, import `BaseLoss` instead.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neural_style.images import Image
from neural_style.images.mask import Mask as Mask

Tensor: TypeAlias = Any
Features: TypeAlias = Mapping[str, Tensor]
Statistic: TypeAlias = Mapping[str, Any]
Layers: TypeAlias = Sequence[str] | Mapping[str, float]
Array: TypeAlias = NDArray[Any]
References: TypeAlias = Sequence[Statistic]
Rng: TypeAlias = np.random.Generator


class BaseLoss:
    """The attributes of every loss; see `neural_style.losses`."""

    layers: Layers = ()
    name: str
    references: tuple[Image, ...] = ()
    role: Literal["content", "style", "none"] = "style"
    masks: tuple[Mask, tuple[Mask, ...]] | None = None
    blend_shares: tuple[float, ...] | None = None
    other_distance: Any = None
    refresh_every: int | None = None
    tiling: Literal["mean", "map"] | None = None
    anywhere: bool = False
    memory: Literal["linear", "quadratic"] = "linear"

    @property
    def layer_weights(self) -> dict[str, Any]:
        """The weight of each layer: as given, or 1 divided by the number of layers."""
        if isinstance(self.layers, Mapping):
            return dict(self.layers)
        return dict.fromkeys(self.layers, 1 / len(self.layers))

    def get_config(self) -> dict[str, Any]:
        """The options that, together with the references, make this loss again."""
        raise NotImplementedError

    def value(self, current: Statistic, target: Any, mean: Any) -> Tensor:
        """What the library adds to an objective."""
        raise NotImplementedError


@dataclass(frozen=True)
class Term:
    """One loss of a sum, its weight, and its name in reports."""

    name: str
    weight: float
    loss: Any


def default_name(kind: type[BaseLoss]) -> str:
    """The class's name in snake case."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind.__name__).lower()
