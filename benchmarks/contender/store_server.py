"""The servers of the online stores, started for one contender and gone with it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[2] / "tests"))  # they start the same servers


@contextmanager
def run_store(name: str, folder: str) -> Iterator[dict[str, Any]]:
    """Run the server of a store; yield the options of its section of feature_store.yaml."""
    if name == "redis":
        from server.redis import run_redis

        with run_redis() as redis:
            yield {"type": "redis", "connection_string": redis.address}
    elif name == "postgres":
        from server.postgres import run_postgres

        with run_postgres(fast=False) as postgres:
            yield {"type": "postgres", **postgres.options}
    elif name == "mysql":
        from server.mariadb import run_mariadb

        with run_mariadb() as mariadb:
            yield {"type": "mysql", **mariadb.options}
    else:
        yield {"type": "lmdb", "path": str(Path(folder) / "online.lmdb")}


@contextmanager
def loading(what: str, load: Any, *arguments: Any) -> Iterator[None]:
    """Repeat a load in another process, if reads are to be measured during one."""
    if what != "read during a load":
        yield
        return
    from multiprocessing import get_context

    context = get_context("spawn")
    begun = context.Event()
    process = context.Process(target=load, args=(begun, *arguments), daemon=True)
    process.start()
    try:
        if not begun.wait(120):
            raise RuntimeError("the load did not begin")
        yield
        if not process.is_alive():
            raise RuntimeError("the load ended")
    finally:
        process.kill()
        process.join()
