"""The tables, in Markdown with columns of fixed width, from what was measured at each size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from measure import Course, Measured, deviations
from operations import PRODUCT, direct, done

Found = Mapping[int, Mapping[str, Measured]]  # by size and key


def agreement(found: Found) -> str:
    """The losses, and how far they and the gradients are from PyTorch's."""
    rows = []
    for size, one, others in each(found):
        off = one.off(others["torch"])
        rows.append((size, one.label, f"{one.loss:.7g}", *(f"{x:.0e}" for x in off)))
    header = "size|library|loss|off PyTorch's|gradient off|99 % of its pixels"
    return table("The same objective", header, rows)


def evaluation(found: Found) -> str:
    """Seconds an evaluation."""
    rows = []
    for size, one, others in each(found):
        times = spread(one.seconds / others["ours"].seconds)
        rows.append((size, one.label, f"{one.median:.3f}", times, f"{one.first:.1f}"))
    return table("Loss and gradient", "size|library|evaluation, s|times ours|first call, s", rows)


def memory(found: Found) -> str:
    """Peaks of resident memory."""
    rows = []
    for size, one, others in each(found):
        megabytes = (f"{n / 1e6:.0f}" for n in (one.imported, one.peak, one.growth))
        rows.append((size, one.label, *megabytes, f"{one.growth / others['ours'].growth:.2f}"))
    header = "size|library|imported, MB|peak, MB|growth, MB|growth, times ours"
    return table("Peak of resident memory", header, rows)


def scaling(found: Found) -> str:
    """The time of a pixel, and how far the times are from a straight line."""
    columns = []
    for key in ("ours", "torch"):
        seconds = [one[key].median for one in found.values()]
        off = deviations([size**2 for size in found], seconds)
        columns.append([f"{1e6 * t / n**2:.2f}" for t, n in zip(seconds, found, strict=True)])
        columns.append([f"{d:+.1%}" for d in off])
    header = "size|ours, µs a pixel|off the line|PyTorch, µs a pixel|off the line"
    return table("Time against a + b · pixels", header, [*zip(found, *columns, strict=True)])


def peak(found: Found) -> str:
    """The rate of operations against that of a large matrix product."""
    rows: list[Sequence[object]] = []
    for size, one, others in each(found):
        if one.label not in (others["ours"].label, others["torch"].label):
            continue
        rate = 2 * PRODUCT**3 / others["product"].seconds
        really = done(size) if one is others["ours"] else direct(size)
        cells = [
            text
            for n in (direct(size), really)
            for text in (f"{n / 1e9:.0f}", spread(100 * n / one.seconds / rate, 0))
        ]
        rows.append((size, one.label, *cells))
    rates = [2 * PRODUCT**3 / one["product"].seconds / 1e9 for one in found.values()]
    title = f"Share of {spread(np.concatenate(rates), 0)} GFLOP/s, a float32 product of {PRODUCT}²"
    header = "size|library|direct, GFLOP|% of the product's|done, GFLOP|% of the product's"
    return table(title, header, rows)


def loss(runs: Mapping[tuple[str, str], Sequence[Course]], until: float) -> str:
    """Seconds to a given loss, of (library, optimizer), the first of which is ours."""
    ours = [run[-1][1] for run in next(iter(runs.values()))]
    rows = []
    for (library, optimizer), repeats in runs.items():
        first, last = repeats[0][0], repeats[0][-1]
        seconds = [run[-1][1] for run in repeats]
        reached = all(run[-1][2] <= until for run in repeats)
        rows.append(
            (
                library,
                optimizer,
                f"{first[2]:.7g}",
                last[0] if reached else f"not in {last[0]}",
                f"{np.median(seconds):.1f}",
                spread(np.divide(seconds, ours)),
                f"{first[1]:.1f}",
            )
        )
    header = "library|optimizer|first loss|evaluations|s|times ours|of them to the first loss, s"
    return table(f"Time to a loss of {until:.5g}", header, rows)


def tiles(rows: Sequence[tuple[int, Measured, Measured]], whole: int, tile: int) -> str:
    """Tiled evaluations (size, tiled, whole) beside those of ``whole`` pixels without tiles."""
    lines = []
    for size, tiled, untiled in rows:
        a_pixel = tiled.seconds / size**2 / (untiled.seconds / whole**2)
        megabytes = (f"{n / 1e6:.0f}" for n in (tiled.peak, tiled.growth))
        more = f"{tiled.growth / untiled.growth:.2f}"
        lines.append((size, f"{tiled.median:.2f}", spread(a_pixel), *megabytes, more))
    header = (
        f"size|evaluation, s|a pixel, times {whole} untiled|peak, MB|growth, MB"
        f"|growth, times {whole} untiled"
    )
    return table(f"Tiles of {tile}", header, lines)


def table(title: str, header: str, rows: Sequence[Sequence[object]]) -> str:
    """Text to the left, numbers to the right; bars part the columns of the header."""
    lines = [header.split("|"), *([str(cell) for cell in row] for row in rows)]
    to_left = [name in ("library", "optimizer") for name in lines[0]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rule = [
        "-" * width if left else "-" * (width - 1) + ":"
        for width, left in zip(widths, to_left, strict=True)
    ]
    text = [f"\n**{title}**\n"]
    for line in (lines[0], rule, *lines[1:]):
        cells = [
            cell.ljust(width) if left else cell.rjust(width)
            for cell, width, left in zip(line, widths, to_left, strict=True)
        ]
        text.append(f"| {' | '.join(cells)} |")
    return "\n".join(text)


def spread(values: Any, digits: int = 2) -> str:
    """The median, with the least and the greatest."""
    middle, least, most = np.median(values), np.min(values), np.max(values)
    return f"{middle:.{digits}f} [{least:.{digits}f}–{most:.{digits}f}]"


def each(found: Found) -> Iterator[tuple[int, Measured, Mapping[str, Measured]]]:
    """(size, library, all libraries of that size), but for the matrix product."""
    for size, libraries in found.items():
        for key, one in libraries.items():
            if key != "product":
                yield size, one, libraries
