"""The notebook of the 2022 tutorial runs from its first cell to its last, in a fresh folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[2] / "examples/feast_tutorial.ipynb"


def test_no_outputs_are_kept() -> None:
    import nbformat

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) > 10
    assert [cell.source for cell in code if cell.outputs or cell.execution_count is not None] == []


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of Jupyter, in this process; cells run in one of their own
def test_the_notebook_runs(tmp_path: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": tmp_path}})
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    client.execute(env={**os.environ, "PATH": path, "IPYTHONDIR": str(tmp_path / "ipython")})
    said = {
        cell.source.splitlines()[0]: "".join(output.get("text", "") for output in cell.outputs)
        for cell in notebook.cells
        if cell.cell_type == "code"
    }
    assert "feature_store.yaml" in said["!ls -R"]
    assert "feature view driver_hourly_stats" in said["!feast apply"]
    assert "is an old spelling of Feast" in said["!feast apply"]
    repo = tmp_path / "feature_repo"
    assert (repo / ".ipynb_checkpoints/example-checkpoint.py").exists()
    assert (repo / "data/registry").is_dir()
