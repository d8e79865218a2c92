"""The BigQuery emulator on free ports of this machine, with the real client."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from server.emulator import run_emulator
from server.port import free_port

PROJECT = "features"


class BigQueryServer:
    """A running emulator; what it holds is in its memory."""

    def __init__(self, rest: int, grpc: int, buckets: Path) -> None:
        self.buckets = buckets
        """A folder with a folder for each bucket of Cloud Storage."""
        self.options: dict[str, Any] = {
            "project_id": PROJECT,
            "dataset": "repast",
            "location": "US",
            "timeout": 5,
            "api_endpoint": f"http://127.0.0.1:{rest}",
        }
        """What feature_store.yaml would say. Of the Storage API the emulator has tables, and no results of queries."""
        self.storage_endpoint = f"http://127.0.0.1:{grpc}"
        self.client = bigquery.Client(
            project=PROJECT,
            credentials=AnonymousCredentials(),
            location="US",
            client_options={"api_endpoint": self.options["api_endpoint"]},
        )

    def run(self, statement: str) -> None:
        """Run a statement to its end."""
        self.client.query(statement, retry=None, job_retry=None).result(retry=None)


@contextmanager
def run_bigquery() -> Iterator[BigQueryServer]:
    """Run an emulator until the test is done with it."""
    rest, grpc = free_port(), free_port()
    with ExitStack() as stack:
        buckets = stack.enter_context(TemporaryDirectory(prefix="buckets-"))
        arguments = [str(rest), str(grpc), buckets]
        stack.enter_context(run_emulator("bigquery", arguments, url=f"http://127.0.0.1:{rest}/healthz"))
        server = BigQueryServer(rest, grpc, Path(buckets))
        stack.callback(server.client.close)
        yield server
