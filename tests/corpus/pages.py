"""Texts that would be something else in a report than text."""

from __future__ import annotations

import functools
import html.parser
import os
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import neural_style as ns
from corpus.cases import Case, World
from neural_style import callbacks, images
from neural_style.extensions import Content
from neural_style.report import report
from neural_style.runs.result import Entry

TEXTS: dict[str, str] = {
    "a script": "<script>alert(1)</script>",
    "a script's end": "</script><script>alert(1)</script>",
    "a title's end": "</title></head><body onload=alert(1)>",
    "a style's end": "</style><style>*{display:none}",
    "a table's end": "</pre></td></tr></table><iframe src='http://a.b/'>",
    "an image": "<img src=x onerror=alert(1)>",
    "a drawing": "<svg onload=alert(1)><foreignObject>",
    "a drawing's end": "</title></path></svg><svg/onload=alert(1)>",
    "a link": "<a href='javascript:alert(1)'>a</a>",
    "a meta": "<meta http-equiv=refresh content='0;url=http://a.b/'>",
    "a base": "<base href=http://a.b/>",
    "a form": "<form action=http://a.b/><input name=a autofocus onfocus=alert(1)>",
    "a quote and an attribute": "\" onmouseover=\"alert(1)\" x=\"",
    "a single quote": "' onmouseover='alert(1)' x='",
    "a backtick": "`onmouseover=alert(1)`",
    "a comment": "<!-- ",
    "a comment's end": "--> <b>b</b> <!-->",
    "character data": "<![CDATA[ <b>b</b> ]]>",
    "character data's end": "]]><b>",
    "a declaration": "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>&b;",
    "an instruction": "<?xml version='1.0'?><?php echo 1 ?>",
    "entities": "&lt;b&gt; &#60;b&#62; &#x3c;b &amp;lt; &unknown;",
    "an open tag": "<",
    "an open tag of a name": "<b",
    "an end tag": "</b>",
    "braces": "{{ 7 * 7 }} {% raw %} ${7*7} #{7*7} {0} {title}",
    "placeholders": "$title $policy ${terms} $$ $",
    "percent": "%s %(title)s %n %%",
    "null bytes": "a\0b\0",
    "control characters": "".join(map(chr, range(1, 32))) + "\x7f\x85\x9b",
    "escape sequences": "\x1b[31m\x1b]0;title\x07",
    "lines": "a\r\nb\rc\u2028d\u2029e",
    "lone surrogates": "\ud800 \udfff \udcff",
    "no characters": "\ufffe\uffff\U0010ffff",
    "right to left": "\u202egnp.exe\u202c \u2067a\u2069",
    "no width": "a\u200b\u200d\ufeffb",
    "combining": "a" + "\u0301" * 3000,
    "full width": "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e",
    "UTF-7": "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    "a policy": "default-src *; script-src 'unsafe-inline'",
    "style": "x;background:url(http://a.b/);--cut:0%",
    "long": "x" * 10**6,
    "long of quotes": '"' * 10**6,
    "long of markup": "<b>" * 400_000,
    "long of four bytes": "\U0001f3a8" * 10**6,
    "many lines": "\n" * 10**6,
    "nothing": "",
    "a space": " ",
}  # fmt: skip


class Page(html.parser.HTMLParser):
    """The elements of a page and their attributes, in order, but for when it was written."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.found: list[Any] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, [(n, "" if n == "datetime" else value) for n, value in attrs]))

    def handle_endtag(self, tag: str) -> None:
        self.found.append(f"/{tag}")

    def handle_comment(self, data: str) -> None:
        self.found.append("a comment")

    def handle_decl(self, decl: str) -> None:
        self.found.append(decl)

    def handle_pi(self, data: str) -> None:
        self.found.append("an instruction")

    def unknown_decl(self, data: str) -> None:
        self.found.append("an unknown declaration")


class Written(NamedTuple):
    """What a page has, and its bytes."""

    found: list[Any]
    size: int


def page(text: str, world: World, *, many: int = 1) -> list[Written]:
    """The pages of a run that ended, and of one that broke, with a text wherever one may be."""
    name = f"page {text[:60]}".replace("/", "∕").replace("\0", "")
    try:
        os.fsencode(name)
    except UnicodeError:  # a surrogate that stands for no byte
        name = "page"
    picture = images.noise((8, 10), seed=1)
    names = [text, *(f"{text}{n}" for n in range(1, many))]
    values = dict.fromkeys(names, 1.0)
    history = tuple(Entry(n, 0, 2.0, values, values, n / 4, 0) for n in (1, 2))
    result = ns.Result(picture, 2.0, values, values, history, 2, 1, 0.5, 7, text)
    given: dict[str, Any] = {
        "content": picture,
        "style": [picture, picture],
        "loss": Content(picture, name=text or "x"),
        "settings": {each: each for each in names},
    }
    written = []
    path = world.outputs / f"{name}.html"
    report.write(result, path, **given)
    written.append(Written(Page(path).found, path.stat().st_size))
    try:
        with callbacks.report(path, **given) as running:
            running(ns.Step(**vars(history[0]), evaluations=9, image=picture))
            raise RuntimeError(text)
    except RuntimeError:
        written.append(Written(Page(path).found, path.stat().st_size))
    return written


def is_text(written: list[Written], many: int = 1) -> bool:
    """Whether the pages have the elements that they have with a harmless text."""
    return all(
        each.found == plain and each.size < 5e6
        for each, plain in zip(written, _plain(many), strict=True)
    )


@functools.cache
def _plain(many: int) -> list[Any]:
    with tempfile.TemporaryDirectory() as folder:
        world: Any = type("Outputs", (), {"outputs": Path(folder)})
        return [each.found for each in page("harmless", world, many=many)]


def texts() -> Iterator[Case]:
    """Reports with hostile texts."""
    for name, text in TEXTS.items():
        yield Case("report text", name, partial(page, text), sound=is_text)
    for name in ("long of quotes", "long of four bytes", "a script's end", "lone surrogates"):
        attempt = partial(page, TEXTS[name], many=120)
        yield Case("report text", f"{name}, 120 times", attempt, sound=partial(is_text, many=120))
    yield Case("report text", "large pictures, long texts", _large, sound=_is_bounded)


def _large(world: World) -> int:
    """The bytes of a page of noise and of texts as long and as costly as there can be."""
    noise = images.noise((1400, 1400))
    names = ['"' * 5000 + str(n) for n in range(120)]
    values = dict.fromkeys(names, 1.0)
    history = tuple(Entry(n, 0, 2.0, values, values, n / 4, 0) for n in range(1, 9))
    result = ns.Result(noise, 2.0, values, values, history, 8, 1, 0.5, 7, '"' * 10**5)
    path = report.write(
        result, world.outputs / "page.html", content=noise, style=[noise[:500, :500]] * 16,
        settings=dict.fromkeys(names, '"' * 10 ** 5),
    )  # fmt: skip
    return path.stat().st_size


def _is_bounded(size: int) -> bool:
    return size < 5e6
