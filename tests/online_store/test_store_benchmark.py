"""The benchmark of online stores runs: what it measures is read by people, at full size and on a quiet machine."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("store", ["redis", "lmdb"])
def test_each_contender_measures_something(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    from benchmarks.runner import compare
    from benchmarks.store_case import store_cases

    for case in store_cases(tiny=True):
        if case.arguments["store"] == store:
            results = compare(case.contenders, case.arguments, rounds=1)
            assert [measured.error for measured in results.values()] == ["", ""]
            assert all(len(measured.seconds) == case.arguments["repeat"] for measured in results.values())
