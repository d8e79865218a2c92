"""python -m benchmarks smoke | full [--feast PYTHON] [--only TEXT]: Repast, the raw limit and Feast side by side.

``--feast`` names an interpreter that has Feast and the clients of its online stores installed; without it only the
raw limits are compared. ``scripts/install_servers.sh`` makes one, ``.servers/feast/bin/python``; so does ``python -m
venv feast && feast/bin/pip install 'feast[duckdb,mysql,postgres,redis]'``. The script also installs the servers that
"Online stores" starts, and wrk, which loads the "HTTP server"; without wrk a client in Python does. Rows say which.
``full`` keeps what it measures in docs/benchmarks.json and makes docs/benchmarks.md of it; with ``--only`` other rows
stay as they are.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.case import full, smoke
from benchmarks.report import machine, row_of, save_row, text
from benchmarks.runner import compare


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("size", choices=["smoke", "full"])
    parser.add_argument("--feast", help="path of a python that has feast installed")
    parser.add_argument("--only", default="", help="run only the cases whose group or label contains this text")
    parser.add_argument("--rounds", type=int, help="how often every contender runs, instead of what the case says")
    parser.add_argument("--data", help="folder that keeps the generated data between runs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.data or temporary).resolve()
        cases = smoke(folder) if options.size == "smoke" else full(folder, options.feast)
        rival = f", {rival_version(options.feast)}" if options.feast else ""
        rounds = f", --rounds {options.rounds}" if options.rounds else ""
        done, regressed = 0, 0
        for case in cases:
            if options.only.lower() not in f"{case.group} {case.label}".lower():
                continue
            results = compare(case.contenders, case.arguments, rounds=options.rounds or case.rounds)
            row = row_of(case, results, made=machine() + rival + rounds)
            done, regressed = done + 1, regressed + row.regressed(case)
            print(f"{case.group}: {text(row, regressed=row.regressed(case))}", flush=True)
            if options.size == "full":  # after every case: a run that is stopped leaves what it measured
                save_row(row, cases)
    print(f"{done - regressed} passed, {regressed} failed")
    return 1 if regressed else 0


def rival_version(python: str) -> str:
    code = "from importlib.metadata import version; print('feast', version('feast'))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


sys.exit(main())
