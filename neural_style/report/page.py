"""The page of a report: what is on it, and where.

    page = Page("run.html", content, style, loss, settings)    # what does not change in a run
    page.html(image=…, history=…, last=step, …)                # one state of it
    page.of_result(result)                                     # or its end

The frame, with its styles and its script, is ``page.html`` beside this module; the script is
allowed by its hash, and nothing else is.
"""

from __future__ import annotations

import base64
import hashlib
import io
import platform
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import resources
from string import Template
from typing import Any

import numpy as np
import PIL.Image

from neural_style.errors import OptionError
from neural_style.images import Image, Picture, digest, picture_of
from neural_style.losses.base import Loss
from neural_style.losses.weighted_sum import WeightedSum
from neural_style.report import curves
from neural_style.report.markup import Markup, cut, element, escaped, figure, joined, table
from neural_style.runs.result import Entry, Result, Step
from neural_style.utils import environment
from neural_style.utils.memory import peak_memory

_TEMPLATE = Template(resources.files(__package__).joinpath("page.html").read_text("utf-8"))
_SCRIPT = re.findall(r"<script>(.*?)</script>", _TEMPLATE.template, re.DOTALL)[0]
_SCRIPT_HASH = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    f"script-src 'sha256-{_SCRIPT_HASH}'; base-uri 'none'; form-action 'none'"
)
_LARGE, _SMALL = 1000, 260  # long sides in pixels
_LARGE_BYTES, _SMALL_BYTES = 600_000, 40_000
_MOST_STYLES, _MOST_ROWS = 16, 100


class Page:
    """What does not change from one state of a run to the next."""

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
        self._settings = dict(settings or {})
        self._loss = None if loss is None else str(loss)
        self._digests: dict[str, str] = {}
        self._content: Markup | None = None
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

    def of_result(self, result: Result, along: Sequence[tuple[int, Markup]] = ()) -> str:
        """The page of a run that has ended."""
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
        along: Sequence[tuple[int, Markup]],
        facts: Mapping[str, object],
        last: Step | Result,
        reload: int | None = None,
    ) -> str:
        """The page, with ``reload`` seconds until it is loaded again, None: never.

        The script waits longer the longer nothing was written, since a run that was killed
        cannot take it back.
        """
        if isinstance(last, Result):
            spent, budget = last.evaluations, 1
        else:
            spent, budget = last.evaluation, last.evaluations
        told: dict[str, object] = {
            "evaluations": spent,
            **facts,
            "picture": f"{image.shape[1]}×{image.shape[0]} pixels",
            "time": f"{last.seconds:.1f} s",
            "evaluations per second": f"{spent / last.seconds:.3g}" if last.seconds > 0 else "–",
        }
        if last.scale:
            told["scale"] = f"{last.scale + 1}, from coarse to fine"
        peak = peak_memory()
        if peak is not None:
            told["peak memory of the process"] = f"{peak / 1e6:.0f} MB"
        now = datetime.now().astimezone()
        written: dict[str, object] = {"datetime": now.isoformat(timespec="milliseconds")}
        refresh = Markup()
        if reload:
            written["data_reload"] = reload
            refresh = element("noscript", element("meta", http_equiv="refresh", content=reload))
        filling = {
            "policy": _POLICY,
            "refresh": refresh,
            "title": f"Style transfer: {self._name}",
            "status": status,
            "written": element("time", now.isoformat(" ", "seconds"), **written),
            "heading": heading,
            "comparison": self._comparison(_jpeg(image, _LARGE, _LARGE_BYTES), image),
            "styles": self._style_section(),
            "along": _along_section(along),
            "curves": curves.drawing(history, budget),
            "terms": _terms(history, last),
            "facts": _listed("What it took", told),
            "settings": _listed("Settings", self._settings),
            "repeat": self._repeat(facts),
        }
        return _TEMPLATE.substitute({k: escaped(cut(v)) for k, v in filling.items()})

    def _comparison(self, result: Markup, image: Image) -> Markup:
        caption = f"{image.shape[1]}×{image.shape[0]} pixels"
        figures = [figure(result, "The picture that the run made", f"Result, {caption}")]
        if self._content is None:
            return element("div", *figures, class_="grid-of medium")
        figures.append(figure(self._content, "The content picture", "Content", class_="over"))
        aspect = f"--aspect: {image.shape[1] / image.shape[0]:.4f}"
        slider = element(
            "div",
            element(
                "label", "Content against result: how much of the content is shown", for_="cut"
            ),
            Markup('<input type="range" id="cut" min="0" max="100" value="50">'),
            class_="slider",
            style=aspect,
            hidden=True,
        )
        pictures = element("div", *figures, class_="grid-of large", id="pictures", style=aspect)
        return joined([slider, pictures])

    def _style_section(self) -> Markup:
        if not self._styles:
            return Markup()
        several = len(self._styles) > 1
        figures = [
            figure(jpeg, f"Style picture {n}", f"Style {n}" if several else "Style")
            for n, jpeg in enumerate(self._styles, 1)
        ]
        more = f"{self._more_styles} more are not shown." if self._more_styles else ""
        return joined(
            [
                element("h2", "Styles" if several else "Style"),
                element("div", *figures, class_="grid-of medium"),
                element("p", more, class_="note") if more else "",
            ]
        )

    def _repeat(self, facts: Mapping[str, object]) -> Markup:
        versions = ", ".join(
            f"{name} {version}" for name, version in environment.versions().items()
        )
        needed = {
            "versions": f"{versions}, Python {platform.python_version()}, {platform.platform()}",
            **{f"{name} (SHA-256 of the pixels)": key for name, key in self._digests.items()},
        }
        if "seed" in facts:
            needed["seed"] = str(facts["seed"])
        parts = [
            element(
                "p",
                "The same pictures, loss, settings and seed, with the same versions, environment "
                "variables and numbers of threads on the same machine, give the same picture, bit "
                "for bit.",
            ),
            _listed("What to repeat it with", needed),
        ]
        if self._loss is not None:
            parts += [
                element("p", "The loss as Python, with names in place of pictures:"),
                element("pre", cut(self._loss)),
            ]
        return joined(parts)


def thumbnail(image: Image) -> Markup:
    """A small picture, as `Page.html` takes those along the way."""
    return _jpeg(image, _SMALL, _SMALL_BYTES)


def _along_section(along: Sequence[tuple[int, Markup]]) -> Markup:
    if not along:
        return Markup()
    figures = [
        figure(jpeg, f"The picture at evaluation {number}", f"evaluation {number}")
        for number, jpeg in along
    ]
    return joined(
        [element("h2", "Along the way"), element("div", *figures, class_="grid-of small")]
    )


def _terms(history: Sequence[Entry], last: Step | Result) -> Markup:
    """The legend of the curves, with the numbers they end with."""
    first = history[0] if history else last
    rows: list[tuple[str, float, float, float]] = [("loss", first.loss, last.loss, last.loss)]
    rows += [(n, first.weighted[n], last.weighted[n], last.terms[n]) for n in last.weighted]
    heads = ("line", "term", "weighted, first", "weighted, last", "unweighted, last")
    body = [
        element(
            "tr",
            element("td", curves.swatch(number), class_="swatched"),
            element("th", cut(name, 200), scope="row"),
            *(element("td", f"{value:.5g}", class_="number") for value in values),
        )
        for number, (name, *values) in enumerate(rows[:_MOST_ROWS])
    ]
    head = element("tr", *(element("th", text, scope="col") for text in heads))
    return table("Losses by term", element("thead", head), element("tbody", *body))


def _listed(caption: str, values: Mapping[str, object]) -> Markup:
    if not values:
        return Markup()
    rows = [
        element(
            "tr",
            element("th", cut(str(name), 200), scope="row"),
            element("td", element("pre", cut(str(value)))),
        )
        for name, value in list(values.items())[:_MOST_ROWS]
    ]
    return table(caption, element("tbody", *rows))


def _identity(picture: Image) -> str:
    return f"{digest(picture)}, {picture.shape[1]}×{picture.shape[0]}"


def _jpeg(image: Image, side: int, most: int) -> Markup:
    """A data URI of a picture, its longer side ``side`` at most, in ``most`` bytes at most."""
    picture = PIL.Image.fromarray(np.rint(image).astype(np.uint8))
    for quality in (90, 75, 60, 40, 20):
        picture.thumbnail((side, side), PIL.Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        picture.save(buffer, format="JPEG", quality=quality)
        if buffer.tell() <= most:
            break
        side = side * 4 // 5
    return Markup(f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}")
