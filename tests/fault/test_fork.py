"""Servers open a store and fork: parent and children go on as if each had opened its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fault_project import KEYS, make_sources, online_turns, opened, rows, source_turns, view

FORKING = """
import os, signal, sys
from pathlib import Path
from fault_project import KEYS, historical_turns, online_turns, opened, rows

folder, ending = Path(sys.argv[1]), sys.argv[2]
with opened(folder) as store:
    assert historical_turns(store, "table", 9) == [1] * KEYS and online_turns(store) == [1] * KEYS
    children = []
    for turn in (2, 3, 4):
        child = os.fork()
        if not child:
            signal.alarm(20)
            if turn < 4:  # the last one opens nothing
                assert historical_turns(store, "table", 1) == [1] * KEYS
                store.push("table_push", rows([turn]), to="online_and_offline")
                assert online_turns(store)[0] >= turn
                store.materialize_incremental()
                assert historical_turns(store, "table", turn) == [turn] * KEYS
            if ending == "at once":
                os._exit(0)
            sys.exit(0)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert codes == [0, 0, 0], codes
    assert online_turns(store) == [3] * KEYS
    assert historical_turns(store, "table", 3) == [3] * KEYS
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.parametrize("ending", [pytest.param("at once", marks=pytest.mark.slow), "in order"])
def test_a_store_that_is_open_may_be_forked(tmp_path, ending):
    make_sources(tmp_path, [0, 1])
    with opened(tmp_path) as store:
        store.apply([view("table", "table.parquet")])
        store.materialize_incremental()
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", FORKING, str(tmp_path), ending],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert source_turns(tmp_path, "table") == {0: KEYS, 1: KEYS, 2: KEYS, 3: KEYS}
    with opened(tmp_path) as store:
        store.push("table_push", rows([5]))
        assert online_turns(store) == [5] * KEYS
