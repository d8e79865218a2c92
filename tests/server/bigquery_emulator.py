"""Starts the BigQuery emulator without DuckDB's extension for GEOGRAPHY, which it would download."""

import sys

from bqemulator.cli import main
from bqemulator.storage.engine import DuckDBEngine

DuckDBEngine._load_spatial = lambda self: None  # type: ignore[method-assign]

if __name__ == "__main__":
    rest, grpc = sys.argv[1:]
    main(["start", "--rest-port", rest, "--grpc-port", grpc, "--ephemeral", "--log-level", "error"])
