"""The report of a run: one HTML file that loads nothing from elsewhere.

    report = callbacks.report("run.html", content=photo, style=painting, loss=loss)
    result = minimize(loss, features, photo, callbacks=[report])
    report.finish(result)                      # adds why the run stopped

    write(result, "run.html", content=photo, style=painting)      # for any finished run

A slider compares the picture with the content. The report also has the styles, earlier pictures of
the run, the curves of the loss and its terms, the settings, the time and the memory, and what is
needed to repeat the run. During the run the file is replaced from time to time, never half
written, and a browser reloads it automatically. `serve` shows it over HTTP, to this machine only.

Pictures are JPEGs of bounded size, long texts are cut, and all texts are escaped. A file is always
under 5 MB.
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
