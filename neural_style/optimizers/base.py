"""What moves the picture within a round.

An optimizer makes a driver for one run; a driver is called once a round:

    driver = drivers.driver(optimizer)
    reason = driver(evaluate, accept, image)

``evaluate(image) -> (loss, gradient)`` may raise `RoundOver`, which passes through the
driver; where the loss or the gradient is not finite, it returns infinity and zeros, and the
driver shortens its step. ``accept()`` says that the picture evaluated last, of a finite loss, is
an iterate. A driver that stops by itself returns why. `RoundOver` carries the picture that was
not evaluated any more; a driver with ``resumes_there`` goes on from it, any other from the
round's best.

What a driver knows is a value, to be had within ``accept()``:

    state = driver.state()          # numbers and arrays by name, which it shares with no one
    other.restore(state, shape)     # the shape of the image; a ValueError for what is no state
    other(evaluate, accept, image)  # goes on after that iterate, to the same bits

A driver without ``keeps_state`` has none to give, and nothing to lose between two rounds.

The first call after `restore` neither evaluates nor accepts that iterate again, and of
``image`` it takes the shape alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from neural_style.images import Image

Evaluate: TypeAlias = Callable[[Image], tuple[float, Image]]
Accept: TypeAlias = Callable[[], None]
State: TypeAlias = dict[str, Any]


class RoundOver(Exception):
    """The evaluations of a round are used up; ``x`` was to be the next."""

    def __init__(self, x: Image) -> None:
        super().__init__("the round is over")
        self.x = x


class Driver(Protocol):
    """An optimizer at work on one run."""

    resumes_there: bool
    keeps_state: bool

    def __call__(self, evaluate: Evaluate, accept: Accept, image: Image) -> str:
        """Move from ``image`` until `RoundOver` passes through; or return why not."""
        ...

    def state(self) -> State:
        """All that it knows at the last accepted iterate."""
        ...

    def restore(self, state: State, shape: tuple[int, ...]) -> None:
        """Go on, in the next call, from what `state` returned for images of a shape."""
        ...
