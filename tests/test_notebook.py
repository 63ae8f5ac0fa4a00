"""The notebook of the examples, executed in a kernel of this environment, at a small size."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import PIL.Image
import pytest
from ipykernel.kernelspec import write_kernel_spec
from nbclient import NotebookClient

pytestmark = pytest.mark.slow

NOTEBOOK = Path(__file__).parents[1] / "examples" / "notebook.ipynb"


def read() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The outputs of every code cell, by the cell's id."""
    here = tmp_path_factory.mktemp("jupyter")
    write_kernel_spec(here / "kernels" / "python3")  # runs sys.executable
    notebook = read()
    cell = notebook.cells[1]
    cell.source, found = re.subn(r"(?m)^size = \d+", "size = 48", cell.source)
    assert found == 1
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("JUPYTER_PATH", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
            patch.setenv(variable, str(here))
        NotebookClient(notebook, timeout=600, resources={"metadata": {"path": here}}).execute()
    return {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}


def pixels(png: str | bytes) -> Any:
    return np.asarray(PIL.Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB"))


def test_it_is_kept_without_outputs() -> None:
    notebook = read()
    nbformat.validate(notebook)
    assert set(notebook.metadata) == {"kernelspec"}
    for cell in notebook.cells:
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None
        assert cell.metadata == {}


def test_only_what_it_prints_is_printed(outputs: dict[str, Any]) -> None:
    assert outputs["settings"] == []
    printed = [each for each in outputs["transfer"] if each.output_type == "stream"]
    assert {each.name for each in printed} == {"stdout"}
    assert re.search(r"after \d+ evaluations", printed[-1].text)


def test_a_result_shows_its_picture_and_its_curve(outputs: dict[str, Any]) -> None:
    (shown,) = outputs["result"]
    picture, curve = re.findall(r'src="data:image/png;base64,(.+?)"', shown.data["text/html"])
    np.testing.assert_array_equal(pixels(picture), pixels(shown.data["image/png"]))
    assert max(pixels(picture).shape) == 48
    assert pixels(curve).shape == (400, 700, 3)


@pytest.mark.parametrize("cell", ["plot", "compare"])
def test_a_figure_shows_itself(outputs: dict[str, Any], cell: str) -> None:
    (shown,) = outputs[cell]
    assert pixels(shown.data["image/png"]).std() > 10
