"""Whatever a person gets wrong, they are told what is wrong, where, and what to do; nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_misuse import MISUSES, Misuse, read_golden, run_misuse


@pytest.mark.parametrize("misuse", MISUSES, ids=lambda misuse: misuse.name)
def test_misuse_is_explained(misuse: Misuse, served: Path, tmp_path: Path) -> None:
    before = registry(served)
    told = run_misuse(misuse, served, tmp_path)
    assert told == read_golden()[misuse.name], "if this is better: python tests/cli/command_misuse.py"
    assert told.startswith("error: ")
    assert "Traceback" not in told
    assert not told.endswith(("exit code 0\n", "exit code 1\n"))
    assert registry(served) == before
    if misuse.change is not None and (tmp_path / "flights/data/registry").exists():
        assert registry(tmp_path / "flights") == before


def test_table_has_no_line_too_many() -> None:
    assert list(read_golden()) == [misuse.name for misuse in MISUSES]


def registry(project: Path) -> dict[str, bytes]:
    folder = project / "data/registry"
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
