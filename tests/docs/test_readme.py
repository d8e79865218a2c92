"""The README's lines run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from repast.cli.main import run

README = Path(__file__).parents[2] / "README.md"


def test_the_readme_s_lines_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (lines,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert run(["init", "flights"]) == 0
    exec(compile(lines, "README.md", "exec"), {"__name__": "readme"})
    printed = capsys.readouterr().out
    assert "[27902 rows x 5 columns]" in printed
    assert "{'tailnum': ['N324JB'], 'last_arr_delay': [72], 'mean_arr_delay_5': [4.0]}" in printed


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) < 150
