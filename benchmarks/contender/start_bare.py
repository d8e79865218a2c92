"""The raw limit of starting up: an interpreter that does nothing (imports click, for a command)."""

import subprocess
import sys

from benchmarks.contender.clock import arguments, finish, measure

args = arguments()
code = "pass" if args["what"] == "import" else "import click"


def work() -> None:
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


finish(measure(work, repeat=args["repeat"]))
