"""The content of a report's page.

    page = Page("run.html", content, style, loss, settings)    # what does not change in a run
    page.html(image=…, history=…, last=step, …)                # one state of the run
    page.of_result(result)                                     # or its end

The templates beside this module define its appearance, and escape every text. The content policy
allows only the page's own script, by its hash.
"""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import platform
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import jinja2
import numpy as np
import PIL.Image

from neural_style.errors import OptionError
from neural_style.images import Image, Picture, digest, picture_of
from neural_style.losses.base import Loss
from neural_style.losses.weighted_sum import WeightedSum
from neural_style.report import curves
from neural_style.runs.result import Entry, Result, Step
from neural_style.utils import environment
from neural_style.utils.memory import peak_memory

_LARGE, _SMALL = 1000, 260  # long sides in pixels
_LARGE_BYTES, _SMALL_BYTES = 600_000, 40_000
_MOST_STYLES, _MOST_ROWS = 16, 100


def cut(text: object, most: int = 4000) -> str:
    """The text of a value, cut if it is long; the page escapes it even if it is HTML.

    >>> cut("endless", 3)
    'end… (4 more characters)'
    """
    text = str(text)
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most} more characters)"


def _sha256(text: str) -> str:
    """A hash in the format of a content policy."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("neural_style.report"),
    autoescape=True,
    auto_reload=False,  # an upgrade of the library must not reach a run that goes on
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters |= {"cut": cut, "sha256": _sha256}


class Term(NamedTuple):
    """A row of the table of losses, and the attributes of its curve's line."""

    name: str
    first: float
    last: float
    unweighted: float
    stroke: dict[str, str]


class Page:
    """The parts of the page that do not change during a run, and the page of each state."""

    def __init__(
        self,
        name: str,
        content: Picture | None,
        style: Picture | Sequence[Picture],
        loss: Loss | WeightedSum | None,
        settings: Mapping[str, Any] | None,
    ) -> None:
        self._name = name
        styles: Any = style if isinstance(style, list | tuple) else [style]
        loaded = [picture_of(each, f"style {n}") for n, each in enumerate(styles, 1)]
        if not isinstance(settings, Mapping | None):
            raise OptionError(f"settings: expected a dict, got {settings!r}.")
        self._settings = dict(itertools.islice((settings or {}).items(), _MOST_ROWS))
        self._loss = None if loss is None else str(loss)
        self._digests: dict[str, str] = {}
        self._content: str | None = None
        if content is not None:
            picture = picture_of(content, "content")
            self._content = _jpeg(picture, _LARGE, _LARGE_BYTES)
            self._digests["content"] = _identity(picture)
        for number, picture in enumerate(loaded[:_MOST_STYLES], 1):
            name = "style" if len(loaded) == 1 else f"style {number}"
            self._digests[name] = _identity(picture)
        shown = loaded[:_MOST_STYLES]
        each = _LARGE_BYTES // max(1, len(shown))
        self._styles = [_jpeg(picture, _LARGE // 2, each) for picture in shown]
        self._more_styles = len(loaded) - len(shown)

    def of_result(self, result: Result, along: Sequence[tuple[int, str]] = ()) -> str:
        """The page of a finished run."""
        facts = {"reason it stopped": result.reason, "rounds": result.rounds, "seed": result.seed}
        return self.html(
            image=result.image,
            heading="The result",
            status=str(result),
            history=result.history,
            along=along,
            facts=facts,
            last=result,
        )

    def html(
        self,
        *,
        image: Image,
        heading: str,
        status: str,
        history: Sequence[Entry],
        along: Sequence[tuple[int, str]],
        facts: Mapping[str, object],
        last: Step | Result,
        reload: int | None = None,
    ) -> str:
        """The page. A browser reloads it after ``reload`` seconds; None: never.

        The script waits longer if nothing new is written for long, because a killed run cannot
        switch reloading off.
        """
        if isinstance(last, Result):
            spent, budget = last.evaluations, 1
        else:
            spent, budget = last.evaluation, last.evaluations
        size = f"{image.shape[1]}×{image.shape[0]} pixels"
        told: dict[str, object] = {
            "evaluations": spent,
            **facts,
            "picture": size,
            "time": f"{last.seconds:.1f} s",
            "evaluations per second": f"{spent / last.seconds:.3g}" if last.seconds > 0 else "–",
        }
        if last.scale:
            told["scale"] = f"{last.scale + 1}, from coarse to fine"
        told["peak memory of the process"] = f"{peak_memory() / 1e6:.0f} MB"
        return TEMPLATES.get_template("page.html").render(
            name=self._name,
            status=status,
            heading=heading,
            now=datetime.now().astimezone(),
            reload=reload,
            size=size,
            aspect=image.shape[1] / image.shape[0],
            result=_jpeg(image, _LARGE, _LARGE_BYTES),
            content=self._content,
            styles=self._styles,
            more_styles=self._more_styles,
            along=along,
            chart=curves.chart(history, budget),
            terms=_terms(history, last),
            facts=told,
            settings=self._settings,
            needed=self._needed(facts),
            loss=self._loss,
        )

    def _needed(self, facts: Mapping[str, object]) -> dict[str, object]:
        """What is needed to repeat the run."""
        versions = [f"{name} {version}" for name, version in environment.versions().items()]
        versions += [f"Python {platform.python_version()}", platform.platform()]
        needed: dict[str, object] = {"versions": ", ".join(versions)}
        needed |= {f"{name} (SHA-256 of the pixels)": key for name, key in self._digests.items()}
        if "seed" in facts:
            needed["seed"] = facts["seed"]
        return needed


def thumbnail(image: Image) -> str:
    """A small picture, for ``along`` of `Page.html`."""
    return _jpeg(image, _SMALL, _SMALL_BYTES)


def _terms(history: Sequence[Entry], last: Step | Result) -> list[Term]:
    """The legend of the curves, with their first and last values."""
    first = history[0] if history else last
    terms = [("loss", first.loss, last.loss, last.loss)]
    terms += [(n, first.weighted[n], last.weighted[n], last.terms[n]) for n in last.weighted]
    return [Term(*term, curves.stroke(n)) for n, term in enumerate(terms[:_MOST_ROWS])]


def _identity(picture: Image) -> str:
    return f"{digest(picture)}, {picture.shape[1]}×{picture.shape[0]}"


def _jpeg(image: Image, side: int, most: int) -> str:
    """A data URI of a picture: at most ``side`` pixels on the longer side and ``most`` bytes."""
    picture = PIL.Image.fromarray(np.rint(image).astype(np.uint8))
    for quality in (90, 75, 60, 40, 20):
        picture.thumbnail((side, side), PIL.Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        picture.save(buffer, format="JPEG", quality=quality)
        if buffer.tell() <= most:
            break
        side = side * 4 // 5
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
