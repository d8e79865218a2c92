"""Starting Repast: wall time of a fresh process."""

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.contender.clock import arguments, finish, measure

args = arguments()
command = [str(Path(sys.executable).with_name("repast"))]
with tempfile.TemporaryDirectory() as folder:
    if args["what"] == "import":
        command = [sys.executable, "-c", "import repast"]
    elif args["what"] == "help":
        command += ["--help"]
    else:
        subprocess.run([*command, "init", "project"], cwd=folder, check=True, capture_output=True)
        command += ["-c", f"{folder}/project", "apply"]
        subprocess.run(command, check=True, capture_output=True)

    def work() -> None:
        subprocess.run(command, check=True, capture_output=True)

    finish(measure(work, repeat=args["repeat"]))
