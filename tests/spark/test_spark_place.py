"""The same tests in other places: on a standalone cluster, and through a Spark Connect server.

Each place has a process of its own: a process has one Spark. By hand:
``SPARK_TEST_PLACE=standalone pytest --slow tests/spark``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
pytestmark = pytest.mark.slow


def run(place: str, *tests: str, passes: int) -> None:
    command = [sys.executable, "-m", "pytest", "--slow", "-x", "-p", "no:cacheprovider", "-o", "addopts="]
    environ = os.environ | {"SPARK_TEST_PLACE": place, "SPARK_TEST_EXAMPLES": "1"}
    ran = subprocess.run(
        [*command, *(str(HERE / test) for test in tests)],
        cwd=HERE.parents[1],
        env=environ,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    said = ran.stdout[-6000:] + ran.stderr[-2000:]
    assert ran.returncode == 0, said
    counts = re.search(r"(\d+) passed(.*) in ", ran.stdout)
    assert counts is not None, said
    assert int(counts[1]) >= passes, said
    assert "skipped" not in counts[2], said


def test_standalone_cluster() -> None:
    """The engine suite, retrievals and loads with a master and two workers; one of them dies in the last test."""
    run("standalone", "test_spark_suite.py", "test_spark_retrieval.py", "on_cluster.py", passes=50)


def test_connect_server() -> None:
    """Retrievals and loads through a Spark Connect server, from frames of Connect."""
    run("connect", "test_spark_retrieval.py", "test_spark_load.py", passes=9)
