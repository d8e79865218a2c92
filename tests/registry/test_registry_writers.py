"""Sixteen writers of twenty applies each on every registry that runs here, and writers that are killed."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from registry_writer import apply_many, open_project, watch

from server.bucket import run_azure, run_gcs, run_s3
from server.mariadb import run_mariadb
from server.postgres import run_postgres

WRITERS, TIMES, PROCESSES = 16, 20, 4
Section = Mapping[str, Any]


@contextmanager
def folder(_: Path) -> Iterator[Section]:
    yield {"path": "data/registry"}


@contextmanager
def memory(root: Path) -> Iterator[Section]:
    yield {"path": f"memory://{root}"}


@contextmanager
def sqlite(_: Path) -> Iterator[Section]:
    yield {"type": "sql", "path": "sqlite:///data/registry.db"}


@contextmanager
def postgres(_: Path) -> Iterator[Section]:
    with run_postgres() as server:
        yield {"type": "sql", "path": server.url}


@contextmanager
def mariadb(_: Path) -> Iterator[Section]:
    with run_mariadb() as server:
        yield {"type": "sql", "path": server.url}


def bucket(run: Callable[[], Any]) -> Callable[[Path], Any]:
    @contextmanager
    def place(_: Path) -> Iterator[Section]:
        with run() as server:
            yield {"path": f"{server.url}/writers", "storage_options": server.options}

    return place


PLACES = {
    "folder": folder,
    "memory": memory,
    "s3": bucket(run_s3),
    "gcs": bucket(run_gcs),
    "azure": bucket(run_azure),
    "sqlite": sqlite,
    "postgres": postgres,
    "mariadb": mariadb,
}
SLOW = {"sqlite", "s3", "gcs", "azure", "postgres", "mariadb"}


def params(*, shared: bool = False) -> list[Any]:
    names = [name for name in PLACES if not (shared and name == "memory")]
    return [pytest.param(PLACES[name], marks=[pytest.mark.slow] if name in SLOW else [], id=name) for name in names]


def start_writers(root: Path, section: Section, processes: int) -> None:
    context = multiprocessing.get_context("spawn")
    each = WRITERS // processes
    parts = [range(number * each, (number + 1) * each) for number in range(processes)]
    workers = [context.Process(target=apply_many, args=(root, section, part, TIMES)) for part in parts]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(400)
    assert [worker.exitcode for worker in workers] == [0] * processes


@pytest.mark.parametrize("place", params())
def test_all_applies_of_sixteen_writers_survive(place: Callable[[Path], Any], tmp_path: Path) -> None:
    done = threading.Event()
    with place(tmp_path) as section, ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch, tmp_path, section, done)
        try:
            if place is memory:
                apply_many(tmp_path, section, range(WRITERS), TIMES)
            else:
                start_writers(tmp_path, section, PROCESSES)
        finally:
            done.set()
        seen = watching.result()
        assert seen == sorted(seen)
        assert seen[-1] == WRITERS * TIMES
        with open_project(tmp_path, section) as store:
            expected = {f"e{writer}_{turn}" for writer in range(WRITERS) for turn in range(TIMES)}
            assert {entity.name for entity in store.list_entities()} == expected
            entries = store.log(100)
            assert [entry.generation for entry in entries] == list(range(WRITERS * TIMES, WRITERS * TIMES - 100, -1))


@pytest.mark.parametrize("place", params(shared=True))
def test_a_killed_writer_loses_nothing_that_was_confirmed(place: Callable[[Path], Any], tmp_path: Path) -> None:
    code = "import json, sys; from pathlib import Path; from registry_writer import apply_for_ever\n"
    code += "apply_for_ever(Path(sys.argv[1]), json.loads(sys.argv[2]))"
    with place(tmp_path) as section:
        confirmed = 0
        for lines in (1, 2, 5):
            command = [sys.executable, "-c", code, str(tmp_path), json.dumps(dict(section), default=dict)]
            environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
            writer = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
            assert writer.stdout is not None
            with writer.stdout:
                told = [int(writer.stdout.readline()) for _ in range(lines)]
                writer.send_signal(signal.SIGKILL)
                told += [int(line) for line in writer.stdout.read().split("\n")[:-1]]
            writer.wait(60)
            with open_project(tmp_path, section) as store:
                manifest = store._workspace.registry.load_manifest()[0]
            assert told[-1] <= manifest.generation <= told[-1] + 1
            assert set(manifest.entities) == {f"e_{turn}" for turn in range(manifest.generation)}
            assert manifest.generation > confirmed
            confirmed = told[-1]
