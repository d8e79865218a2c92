"""The limit: the same server with an application that decodes a request and encodes an answer of that size."""

import sys

from benchmarks.contender.clock import arguments
from benchmarks.contender.server_clock import free_port, measure_server

args = arguments()
port = free_port()
command = [sys.executable, "-m", "granian", "--interface", "asginl", "--no-ws", "--port", str(port)]
refs = [f"view:f{j}" for j in range(args["features"])]
measure_server([*command, "benchmarks.json_echo:app"], f"http://127.0.0.1:{port}", refs, 10_000, args)
