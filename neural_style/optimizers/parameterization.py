"""The variables that an optimizer changes to change a picture.

    class Parameterization:
        def encode(self, image): ...      # -> the variables x of a picture
        def decode(self, x): ...          # -> the picture
        def pull(self, gradient): ...     # gradient of the picture -> gradient of x

All are float32 arrays H×W×3, for pictures of any size; the size changes in a run with several
scales. ``decode(encode(image))`` is the image except for rounding, and ``pull`` is the transpose
of the derivative of ``decode``. Callbacks and results always have pictures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Protocol

from neural_style.errors import OptionError, again, suggestion
from neural_style.images import Image
from neural_style.optimizers.frequencies import Frequencies
from neural_style.optimizers.wavelets import Wavelets

__all__ = [
    "Frequencies",
    "Parameterization",
    "Pixels",
    "Wavelets",
]


def __dir__() -> list[str]:
    return __all__


class Parameterization(Protocol):
    """The variables of a picture; the module's documentation defines the methods."""

    def encode(self, image: Image) -> Image:
        """The variables of a picture."""
        ...

    def decode(self, x: Image) -> Image:
        """The picture with these variables."""
        ...

    def pull(self, gradient: Image) -> Image:
        """The gradient of the variables, from the gradient of the picture."""
        ...


@dataclass(frozen=True)
class Pixels:
    """The pixels themselves."""

    def encode(self, image: Image) -> Image:
        """The same array."""
        return image

    def decode(self, x: Image) -> Image:
        """The same array."""
        return x

    def pull(self, gradient: Image) -> Image:
        """The same array."""
        return gradient


_KNOWN: dict[str, type[Pixels | Frequencies | Wavelets]] = {
    "pixels": Pixels,
    "frequencies": Frequencies,
    "wavelets": Wavelets,
}


def resolve(parameterization: str | Parameterization) -> Parameterization:
    """The parameterization with this name, or the object itself.

    Raises
    ------
    OptionError
        The name is unknown, or the object does not have the three methods.
    """
    if isinstance(parameterization, str):
        if parameterization not in _KNOWN:
            raise OptionError(
                f"no parameterization {parameterization!r}: {suggestion(parameterization, _KNOWN)}."
            )
        return _KNOWN[parameterization]()
    methods = ("encode", "decode", "pull")
    if isinstance(parameterization, type) or not all(
        hasattr(parameterization, name) for name in methods
    ):
        raise OptionError(
            f"parameterization: expected one of {', '.join(_KNOWN)}, or an object with encode, "
            f"decode and pull, got {parameterization!r}."
        )
    return parameterization


def config_of(parameterization: Parameterization) -> dict[str, Any]:
    """The name and options as JSON; the options of a user's class are None."""
    for name, kind in _KNOWN.items():
        if type(parameterization) is kind:
            options = {o.name: getattr(parameterization, o.name) for o in fields(kind)}
            plain = {o: list(v) if isinstance(v, tuple) else v for o, v in options.items()}
            return {"name": name, "config": plain}
    return {"name": type(parameterization).__qualname__, "config": None}


def from_config(config: Mapping[str, Any]) -> Parameterization:
    """Make a parameterization from its `config_of`.

    Raises
    ------
    OptionError
        The parameterization is not one of the library's, or its options are invalid.
    """
    name, options = config["name"], config["config"]
    if options is None or name not in _KNOWN:
        raise OptionError(
            f"the parameterization {name} is not one of the library's: {again('parameterization')}"
        )
    kind = _KNOWN[name]
    if options.keys() != {option.name for option in fields(kind)}:
        raise OptionError(f"invalid config of a parameterization: {config!r}.")
    return kind(**options)
