"""The soak, for as long as a test may take."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_twenty_seconds_of_everything_at_once():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.soak", "--minutes", "0.33"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" 0 problems") == 4
