"""The report of a run: one HTML file, with nothing in it from elsewhere.

    report = callbacks.report("run.html", content=photo, style=painting, loss=loss)
    result = minimise(loss, features, photo, callbacks=[report])
    report.finish(result)                      # says why it stopped, too

    write(result, "run.html", content=photo, style=painting)      # of any result, afterwards

It has the picture against the content with a slider, the styles, the picture along the way, the
curves of the loss and its terms, the settings, the time and the memory, and what it takes to
repeat the run. While the run goes on the file is replaced now and then, whole, and a browser
that shows it loads it again by itself. `serve` shows it over HTTP, to this machine alone.

Pictures are JPEGs of bounded size, texts are cut where they are endless, and all of them are
escaped: a file is under 5 MB, whatever the run.
"""

from __future__ import annotations

import base64
import hashlib
import io
import logging
import os
import platform
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any, Self

import numpy as np
import PIL.Image

from neural_style import curves, environment, images
from neural_style.errors import OptionError, check_count
from neural_style.files import as_path, atomic
from neural_style.images import Image
from neural_style.losses import Loss, WeightedSum, digest
from neural_style.markup import Markup, element, escaped, joined
from neural_style.result import Entry, Picture, Result, Step
from neural_style.serving import Server as Server
from neural_style.serving import serve as serve

_log = logging.getLogger(__name__)

_TEMPLATE = Template(resources.files("neural_style").joinpath("report.html").read_text("utf-8"))
_SCRIPT = re.findall(r"<script>(.*?)</script>", _TEMPLATE.template, re.DOTALL)[0]
_SCRIPT_HASH = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    f"script-src 'sha256-{_SCRIPT_HASH}'; base-uri 'none'; form-action 'none'"
)
_RELOAD = 5  # seconds between two looks at a run that goes on
_LARGE, _SMALL = 1000, 260  # long sides in pixels
_LARGE_BYTES, _SMALL_BYTES = 600_000, 40_000
_MOST_STYLES, _MOST_ALONG, _MOST_ROWS = 16, 12, 100
_MOST_TEXT = 4000


class Report:
    """The callback that `callbacks.report` makes."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        content: Picture | None,
        style: Picture | Sequence[Picture],
        loss: Loss | WeightedSum | None,
        settings: Mapping[str, Any] | None,
        every: int,
    ) -> None:
        self._path = _checked(path)
        self._page = _Page(self._path.name, content, style, loss, settings)
        self._every = check_count("every", every)
        self._history: list[Entry] = []
        self._along: list[tuple[int, Markup]] = []
        self._step: Step | None = None
        self._due = self._written = 0
        self._stride = 1  # every how many writings a picture is kept

    def __enter__(self) -> Self:
        self._history, self._along, self._step = [], [], None
        self._due, self._written, self._stride = 0, 0, 1
        return self

    def __call__(self, step: Step) -> None:
        """Take note of an iterate, and write the page where that is due."""
        self._history.append(Entry(**{f.name: getattr(step, f.name) for f in fields(Entry)}))
        self._step = step
        if step.evaluation < self._due:
            return
        self._due = (step.evaluation // self._every + 1) * self._every
        if self._written % self._stride == 0:
            self._along.append((step.evaluation, _jpeg(step.image, _SMALL, _SMALL_BYTES)))
        self._written += 1
        if len(self._along) > _MOST_ALONG:  # every second one stays, and every second is to come
            del self._along[1::2]
            self._stride *= 2
        self._write(step, "Running", _RELOAD)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        broken = f"Broken off by {type(error).__name__}: {error}"
        if self._step is not None:
            self._write(self._step, "The run is over" if error is None else broken)

    def finish(self, result: Result) -> None:
        """Write the page again, with the result's picture, its loss and why the run stopped."""
        _replace(self._path, self._page.of_result(result, self._along))

    def _write(self, step: Step, why: str, reload: int | None = None) -> None:
        spent = f"evaluation {step.evaluation} of {step.evaluations}"
        page = self._page.html(
            image=step.image,
            heading=f"The picture at evaluation {step.evaluation}",
            status=f"{why}; {spent}, loss {step.loss:.6g}.",
            history=self._history,
            along=self._along,
            facts={"budget of evaluations": step.evaluations},
            last=step,
            reload=reload,
        )
        try:
            _replace(self._path, page)
        except OSError as error:  # the run is worth more than its report
            _log.warning("The report %s could not be written: %s", self._path, error)


def write(
    result: Result,
    path: str | os.PathLike[str],
    *,
    content: Picture | None = None,
    style: Picture | Sequence[Picture] = (),
    loss: Loss | WeightedSum | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Path:
    """Write the report of a run that has ended.

    Parameters
    ----------
    result
        What `minimise` or `transfer` returned.
    path
        The file, HTML.
    content, style
        Paths, or arrays H×W×3, RGB, 0–255; of styles a list, too. They are shown beside the result.
    loss
        What was minimised, shown as Python to paste.
    settings
        Whatever else is to be told of the run, by name, as ``{"optimiser": "Adam(0.1)"}``.

    Returns
    -------
    Path
        The file, under 5 MB.

    Raises
    ------
    ImageError
        A picture is none.
    OptionError
        The file cannot be written: the folder is missing, or one of them is protected.

    Examples
    --------
    >>> import tempfile
    >>> from neural_style import FeatureModel, minimise
    >>> from neural_style.extensions import TotalVariation
    >>> result = minimise(TotalVariation(), FeatureModel(weights=None), images.noise((8, 8)),
    ...                   evaluations=3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(result, f"{folder}/run.html").stat().st_size < 5e6
    True
    """
    file = _checked(path)
    page = _Page(file.name, content, style, loss, settings)
    _replace(file, page.of_result(result))
    return file


class _Page:
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
        loaded = [_loaded(each, f"style {n}") for n, each in enumerate(styles, 1)]
        if not isinstance(settings, Mapping | None):
            raise OptionError(f"settings: expected a dict, got {settings!r}.")
        self._settings = dict(settings or {})
        self._loss = None if loss is None else str(loss)
        self._digests: dict[str, str] = {}
        self._content: Markup | None = None
        if content is not None:
            picture = _loaded(content, "content")
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
        """The page, with ``reload`` seconds until it is loaded again, None: never."""
        spent = last.evaluations if isinstance(last, Result) else last.evaluation
        budget = 1 if isinstance(last, Result) else last.evaluations
        told: dict[str, object] = {
            "evaluations": spent,
            **facts,
            "picture": f"{image.shape[1]}×{image.shape[0]} pixels",
            "time": f"{last.seconds:.1f} s",
            "evaluations per second": f"{spent / last.seconds:.3g}" if last.seconds > 0 else "–",
        }
        if last.scale:
            told["scale"] = f"{last.scale + 1}, from coarse to fine"
        peak = environment.peak_memory()
        if peak is not None:
            told["peak memory of the process"] = f"{peak / 1e6:.0f} MB"
        refresh = element("meta", http_equiv="refresh", content=reload) if reload else ""
        filling = {
            "policy": _POLICY,
            "refresh": refresh,
            "title": f"Style transfer: {self._name}",
            "status": status,
            "written": datetime.now().astimezone().isoformat(" ", "seconds"),
            "heading": heading,
            "comparison": self._comparison(_jpeg(image, _LARGE, _LARGE_BYTES), image),
            "styles": self._style_section(),
            "along": _along_section(along),
            "curves": curves.drawing(history, budget),
            "terms": _terms(history, last),
            "facts": _table("What it took", told),
            "settings": _table("Settings", self._settings),
            "repeat": self._repeat(facts),
        }
        return _TEMPLATE.substitute({k: escaped(_cut(v)) for k, v in filling.items()})

    def _comparison(self, result: Markup, image: Image) -> Markup:
        caption = f"{image.shape[1]}×{image.shape[0]} pixels"
        figures = [_figure(result, "The picture that the run made", f"Result, {caption}")]
        if self._content is None:
            return element("div", *figures, class_="grid-of medium")
        figures.append(_figure(self._content, "The content picture", "Content", class_="over"))
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
            _figure(jpeg, f"Style picture {n}", f"Style {n}" if several else "Style")
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
                "The same pictures, loss, settings and seed, with the same versions on the same "
                "machine, give the same picture, bit for bit.",
            ),
            _table("What to repeat it with", needed),
        ]
        if self._loss is not None:
            parts += [
                element("p", "The loss as Python, with names in place of pictures:"),
                element("pre", _cut(self._loss)),
            ]
        return joined(parts)


def _along_section(along: Sequence[tuple[int, Markup]]) -> Markup:
    if not along:
        return Markup()
    figures = [
        _figure(jpeg, f"The picture at evaluation {number}", f"evaluation {number}")
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
            element("th", _cut(name, 200), scope="row"),
            *(element("td", f"{value:.5g}", class_="number") for value in values),
        )
        for number, (name, *values) in enumerate(rows[:_MOST_ROWS])
    ]
    head = element("tr", *(element("th", text, scope="col") for text in heads))
    return _wide("Losses by term", element("thead", head), element("tbody", *body))


def _table(caption: str, values: Mapping[str, object]) -> Markup:
    if not values:
        return Markup()
    rows = [
        element(
            "tr",
            element("th", _cut(str(name), 200), scope="row"),
            element("td", element("pre", _cut(str(value)))),
        )
        for name, value in list(values.items())[:_MOST_ROWS]
    ]
    return _wide(caption, element("tbody", *rows))


def _wide(caption: str, *parts: Markup) -> Markup:
    """A table that scrolls by itself where the screen is narrow."""
    table = element("table", element("caption", caption), *parts)
    return element("div", table, class_="wide", role="region", aria_label=caption, tabindex=0)


def _figure(jpeg: Markup, alt: str, caption: str, **attributes: object) -> Markup:
    picture = element("img", src=jpeg, alt=alt)
    return element("figure", picture, element("figcaption", caption), **attributes)


def _cut(text: str, most: int = _MOST_TEXT) -> str:
    if isinstance(text, Markup) or len(text) <= most:
        return text
    return f"{text[:most]}… ({len(text) - most} more characters)"


def _loaded(picture: Picture, name: str) -> Image:
    if isinstance(picture, str | os.PathLike):
        return images.load(picture)
    return images.as_image(picture, name)


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


def _checked(path: str | os.PathLike[str]) -> Path:
    """The path, if a file can be written there."""
    path = as_path(path, "report", OptionError).absolute()
    try:
        if path.exists() and not path.is_file():
            raise OSError("it is no file, but a folder, a pipe or a device")
        if not os.access(path, os.W_OK) and path.exists():
            raise PermissionError("the file is write-protected")
        with tempfile.TemporaryFile(dir=path.parent):
            return path
    except (OSError, ValueError) as error:
        raise OptionError(
            f"{path}: the report cannot be written ({error}); create its folder, or choose another."
        ) from error


def _replace(path: Path, page: str) -> None:
    with atomic(path) as part:
        part.write_text(page, encoding="utf-8", errors="replace")
