"""The support table is what the suites say today."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_support_table_is_up_to_date() -> None:
    """In a process of its own: the script imports the tests."""
    command = [sys.executable, "scripts/make_support_table.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
