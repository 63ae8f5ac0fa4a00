"""The check that no other package has overwritten this library's files."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from neural_style.errors import InstallationError


def check_installation() -> None:
    """Raise an error if two distributions share the folder of the package `neural_style`.

    On PyPI, neural-style is another project with the same import name and the same command.

    Raises
    ------
    InstallationError
        neural-style is installed in the folder of this library.
    """
    try:
        other = metadata.distribution("neural-style")
    except metadata.PackageNotFoundError:
        return
    home = Path(str(other.locate_file("neural_style"))).resolve()
    installed = other.read_text("RECORD")  # which the metadata that a build leaves do not have
    if installed and home == Path(__file__).resolve().parents[1]:
        raise InstallationError(
            f"neural-style {other.version} is another package, and it is installed in the same "
            f"folder as neural-style-keras: {home}. Each overwrites files of the other. Run "
            f"'pip uninstall neural-style', then "
            f"'pip install --force-reinstall --no-deps neural-style-keras'."
        )
