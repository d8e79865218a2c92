"""Use every verb and option of the ``feast`` command, and see what happens: it works, warns, or is refused."""

from __future__ import annotations

import base64
import contextlib
import io
import os
import socket
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from conformance import NOW, REFS, inventory, spine, storage
from feast.adapter.notice import FeastCompatibilityWarning, forget_warnings
from feast.cli.cli import cli
from repast.cli.main import invoke
from repast.errors import UnavailableError, UnsupportedError

Row = tuple[str, str]
"""A verb and one of its options or arguments; "" stands for the verb alone."""

DEFINITIONS = """\
from datetime import timedelta
from feast import Entity, FeatureService, FeatureView, Field, FileSource, LabelView, PushSource, StreamFeatureView
from feast import RequestSource, ValueType
from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import Float32, Float64

driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64, tags={"a": "b"})
stats = FileSource(name="stats", path="data/stats.parquet", timestamp_field="event_timestamp")
rate = Field(name="rate", dtype=Float32)
view = FeatureView(name="stats_view", entities=[driver], schema=[rate], source=stats, ttl=timedelta(days=9))
live = PushSource(name="live", batch_source=stats)
streamed = StreamFeatureView(name="streamed", entities=[driver], schema=[rate], source=live)
labels = LabelView(name="labels", entities=[driver], schema=[rate], source=stats)
unused = FeatureService(name="unused", features=[view])

@on_demand_feature_view(sources=[view], schema=[Field(name="half", dtype=Float64)], mode="python")
def halves(inputs):
    return {"half": [None if rate is None else rate / 2 for rate in inputs["rate"]]}
"""

SPINE = '[{"event_timestamp": "2021-04-12T10:59:42", "driver_id": 1}]'
END = NOW.isoformat()

ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "feast": ("version",),
    "feast data-sources describe": ("stats",),
    "feast delete": ("unused",),
    "feast entities describe": ("driver",),
    "feast feature-services describe": ("unused",),
    "feast feature-views describe": ("stats_view",),
    "feast feature-views disable": ("stats_view",),
    "feast feature-views enable": ("stats_view",),
    "feast feature-views list-versions": ("stats_view",),
    "feast feature-views set-state": ("stats_view", "CREATED"),
    "feast features describe": ("rate",),
    "feast get-historical-features": ("--dataframe", SPINE, "--features", "stats_view:rate"),
    "feast get-online-features": ("--entities", "driver_id=1", "--features", "stats_view:rate"),
    "feast init": ("made",),
    "feast label-views describe": ("labels",),
    "feast materialize": ("2021-01-01", END),
    "feast materialize-incremental": (END,),
    "feast on-demand-feature-views describe": ("halves",),
    "feast projects describe": ("p",),
    "feast projects delete": ("p", "--yes"),
    "feast saved-datasets describe": ("kept",),
    "feast serve": ("--port", "PORT"),
    "feast stream-feature-views describe": ("streamed",),
}
"""What a verb is called with; what is refused is called with nothing."""

OPTIONS: Mapping[str, tuple[str, ...]] = {
    "feast --chdir": ("--chdir", "."),
    "feast --log-level": ("--log-level", "INFO"),
    "feast --feature-store-yaml": ("--feature-store-yaml", "feature_store.yaml"),
    "feast features list --output": ("--output", "json"),
    "feast get-historical-features --start-date": ("--start-date", "2021-01-01 00:00:00"),
    "feast get-historical-features --end-date": ("--end-date", END),
    "feast init --template": ("--template", "postgres"),
    "feast init --repo-path": ("--repo-path", "elsewhere"),
    "feast materialize --views": ("--views", "stats_view"),
    "feast materialize --version": ("--version", "v2"),
    "feast materialize-incremental --views": ("--views", "stats_view"),
    "feast materialize-incremental --version": ("--version", "v2"),
    "feast serve --host": ("--host", "127.0.0.1"),
    "feast serve --type": ("--type", "http"),
    "feast serve --workers": ("--workers", "2"),
    "feast serve --worker-connections": ("--worker-connections", "10"),
    "feast serve --max-requests": ("--max-requests", "10"),
    "feast serve --max-requests-jitter": ("--max-requests-jitter", "10"),
    "feast serve --keep-alive-timeout": ("--keep-alive-timeout", "5"),
    "feast serve --registry_ttl_sec": ("--registry_ttl_sec", "5"),
    "feast serve --key": ("--key", "k.pem", "--cert", "c.pem"),
    "feast serve --cert": ("--key", "k.pem", "--cert", "c.pem"),
}
"""An option with a value; flags and arguments need no entry, ``--tags`` is the same everywhere."""

ALONE: Mapping[str, tuple[str, ...]] = {
    "feast get-historical-features --start-date": ("-f", "stats_view:rate", "--end-date", END),
    "feast get-historical-features --end-date": ("-f", "stats_view:rate", "--start-date", "2021-01-01 00:00:00"),
    "feast materialize --disable-event-timestamp": (),
}
"""Options that do not go with what the verb is called with otherwise."""

CHANGING = ("apply", "delete", "init", "materialize", "projects delete", "teardown")
"""Verbs that change a project: each gets one of its own."""


def rows() -> Iterator[Row]:
    for verb, keys in inventory()["cli"].items():
        yield from ((verb, key) for key in ("", *keys))


def name_of(row: Row) -> str:
    return " ".join(row).strip()


def changes(row: Row) -> bool:
    return row[0].removeprefix("feast ").startswith(CHANGING)


def prepare(folder: Path) -> None:
    """Make a repo that is applied and loaded."""
    import feast

    (folder / "feature_store.yaml").write_text("project: p\nregistry: data/registry.db\nonline_store: sqlite\n")
    (folder / "definitions.py").write_text(DEFINITIONS)
    _write_rows(folder)
    run(folder, "apply")
    store = feast.FeatureStore(str(folder))
    store.create_saved_dataset(store.get_historical_features(spine(), REFS), "kept", storage("data/kept.parquet"))
    run(folder, "materialize", "2021-01-01", END)


def _write_rows(folder: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    (folder / "data").mkdir(exist_ok=True)
    columns = {"driver_id": [1], "rate": pa.array([0.25], pa.float32()), "event_timestamp": [NOW]}
    pq.write_table(pa.table(columns), folder / "data" / "stats.parquet")


def run(folder: Path, *args: str) -> str:
    """Run one command line in a folder; return what it prints, raise what goes wrong."""
    out = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        invoke(list(args), cli, "feast")
    return out.getvalue()


def command_line(row: Row) -> list[str]:
    verb, key = row
    words = verb.split()[1:]
    base = [*ALONE.get(name_of(row), ARGUMENTS.get(verb, ()))]
    is_flag = key.startswith("-") and key not in base
    given = list(OPTIONS.get(name_of(row), (key,) if is_flag else ()))
    if key == "--tags":
        given = ["--tags", "a:b, a:b"]
    return [*given, *base] if verb == "feast" else [*words, *base, *given]


def observe(row: Row, folder: Path) -> tuple[str, str]:
    """Use a verb or an option; return "works", "warning" or "refused", and in a line what happens."""
    forget_warnings()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            _run_row(row, folder)
        except UnsupportedError as error:
            return "refused", f"{error.message} {error.hint}".strip()
    option = row[1] or row[0]
    told = [str(w.message) for w in said if w.category is FeastCompatibilityWarning and option in str(w.message)]
    return ("warning", told[0]) if told else ("works", "")


def _run_row(row: Row, folder: Path) -> None:
    line = command_line(row)
    if row[0] == "feast registry create-schema":
        text = base64.b64encode(b"project: p\nregistry: {registry_type: sql, path: 'sqlite:///x.db'}\n").decode()
        with _environment("FEATURE_STORE_YAML_BASE64", text):
            run(folder, *line)
    elif row[0] == "feast serve":
        _serve(line, folder)
    else:
        run(folder, *line)


def _serve(line: list[str], folder: Path) -> None:
    """Serve at a port that is taken: all options were understood when that is what is said.

    ``test_feast_cli.py`` serves with them, in a process of its own.
    """
    for name in ("k.pem", "c.pem"):
        (folder / name).touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with pytest.raises(UnavailableError, match=port):
            run(folder, *(port if word == "PORT" else word for word in line))


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
        if before is not None:
            os.environ[name] = before
