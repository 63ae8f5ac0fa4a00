"""The report of a run: one HTML file, with nothing in it from elsewhere.

    report = callbacks.report("run.html", content=photo, style=painting, loss=loss)
    result = minimize(loss, features, photo, callbacks=[report])
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

from neural_style.report.report import Report, write
from neural_style.report.server import Server as Server
from neural_style.report.server import serve

__all__ = [
    "Report",
    "serve",
    "write",
]


def __dir__() -> list[str]:
    return __all__
