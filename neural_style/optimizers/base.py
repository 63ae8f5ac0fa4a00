"""The protocol of drivers, which move the picture within a round.

A driver is made for an optimizer, and called once per round:

    driver = drivers.driver(optimizer)
    reason = driver(evaluate, accept, image)

``evaluate(image) -> (loss, gradient)`` may raise `RoundOver`, which the driver does not catch. If
the loss or the gradient is not finite, it returns infinity and zeros, and the driver shortens its
step. ``accept()`` makes the picture evaluated last an iterate; its loss must be finite. A driver
that stops by itself returns the reason. `RoundOver` carries the picture that was next but not
evaluated. A driver with ``resumes_there`` continues from it, any other driver from the round's
best picture.

The state of a driver can be read within ``accept()``:

    state = driver.state()          # copies of numbers and arrays, by name
    other.restore(state, shape)     # the shape of the image; a ValueError for an invalid state
    other(evaluate, accept, image)  # continues after that iterate, to the same bits

A driver without ``keeps_state`` has no state and loses nothing between two rounds.

The first call after `restore` neither evaluates nor accepts that iterate again, and uses only the
shape of ``image``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from neural_style.images import Image

Evaluate: TypeAlias = Callable[[Image], tuple[float, Image]]
Accept: TypeAlias = Callable[[], None]
State: TypeAlias = dict[str, Any]


class RoundOver(Exception):
    """The evaluations of a round are used up; ``x`` was the next to evaluate."""

    def __init__(self, x: Image) -> None:
        super().__init__("the round is over")
        self.x = x


class Driver(Protocol):
    """An optimizer at work on one run."""

    resumes_there: bool
    keeps_state: bool

    def __call__(self, evaluate: Evaluate, accept: Accept, image: Image) -> str:
        """Move from ``image`` until `RoundOver` is raised; or stop and return the reason."""
        ...

    def state(self) -> State:
        """The whole state at the last accepted iterate."""
        ...

    def restore(self, state: State, shape: tuple[int, ...]) -> None:
        """Make the next call continue from a `state` for images of this shape."""
        ...
