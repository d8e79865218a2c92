"""Starts the BigQuery emulator without DuckDB's extension for GEOGRAPHY, which it would download."""

import os
import sys

from bqemulator.cli import main
from bqemulator.storage.engine import DuckDBEngine

DuckDBEngine._load_spatial = lambda self: None  # type: ignore[method-assign]

if __name__ == "__main__":
    rest, grpc, buckets = sys.argv[1:]
    os.environ["BQEMU_GCS_LOCAL_ROOT"] = buckets
    main(["start", "--rest-port", rest, "--grpc-port", grpc, "--ephemeral", "--log-level", "error"])
