"""HTML and SVG in which every text is escaped.

    element("p", "a < b", class_="note")       # <p class="note">a &lt; b</p>

What is `Markup` stands as it is, and only what was made here is; any other text is escaped.
"""

from __future__ import annotations

import html
from collections.abc import Iterable


class Markup(str):
    """Text that is HTML already."""


def escaped(text: str) -> Markup:
    """A text as HTML.

    >>> escaped("<script>"), escaped(escaped("<"))
    ('&lt;script&gt;', '&lt;')
    """
    return text if isinstance(text, Markup) else Markup(html.escape(text))


def joined(parts: Iterable[str]) -> Markup:
    """The parts one after the other."""
    return Markup("".join(map(escaped, parts)))


def element(name: str, *children: str, **attributes: object) -> Markup:
    """An element with its children; one without any, and not of a kind that is void, is closed.

    An underscore at the end of an attribute's name is dropped, and any other is a hyphen;
    a value of True is an attribute without one.

    >>> element("img", alt="5 > 4", data_n=1)
    '<img alt="5 &gt; 4" data-n="1">'
    >>> element("b", "R&D")
    '<b>R&amp;D</b>'
    """
    shown = "".join(
        f" {key.rstrip('_').replace('_', '-')}"
        + ("" if value is True else f'="{html.escape(str(value))}"')
        for key, value in attributes.items()
    )
    end = "" if name in ("img", "meta") else f"{joined(children)}</{name}>"
    return Markup(f"<{name}{shown}>{end}")


def table(caption: str, *parts: Markup) -> Markup:
    """A table that scrolls by itself where the screen is narrow."""
    inner = element("table", element("caption", caption), *parts)
    return element("div", inner, class_="wide", role="region", aria_label=caption, tabindex=0)


def figure(source: str, alt: str, caption: str, **attributes: object) -> Markup:
    """A picture and its caption; ``source`` is an address, as a data URI."""
    picture = element("img", src=source, alt=alt)
    return element("figure", picture, element("figcaption", caption), **attributes)


def cut(text: str, most: int = 4000) -> str:
    """A text without its end, where it is long; what is HTML is whole."""
    if isinstance(text, Markup) or len(text) <= most:
        return text
    return f"{text[:most]}… ({len(text) - most} more characters)"
