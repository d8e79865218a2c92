"""The benchmark of online stores runs: what it measures is read by people, at full size and on a quiet machine."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from server.feast import FEAST_ENVIRONMENT, feast_python

ROOT = Path(__file__).parents[2]
MEMORY = Path("/dev/shm")


@pytest.mark.slow
@pytest.mark.parametrize("store", ["redis", "postgres", "mysql", "lmdb"])
def test_each_contender_measures_something(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    for name, value in FEAST_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 2 << 30:  # servers that wait for the disk wait for others
        monkeypatch.setenv("TMPDIR", str(MEMORY))
    from benchmarks.runner import compare
    from benchmarks.store_case import store_cases

    for case in store_cases(tiny=True, feast=feast_python()):
        if case.arguments["store"] == store:
            results = compare(case.contenders, case.arguments, rounds=1)
            assert {name: measured.error for name, measured in results.items()} == dict.fromkeys(results, "")
            assert ("feast" in results) == (store != "lmdb")
            assert all(len(measured.seconds) == case.arguments["repeat"] for measured in results.values())
