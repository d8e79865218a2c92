"""Files that are truncated or damaged: an error of ours that names the file, and nothing is changed."""

from __future__ import annotations

import random
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest
from fault_project import KEYS, at, contents, historical_turns, make_sources, online_turns, opened, rows, view, views

from repast import FeatureStore
from repast.cli.main import run
from repast.errors import CorruptDataError, RepastError

Damage = Callable[[bytes], bytes]
TRUNCATED: dict[str, Damage] = {
    "empty": lambda data: b"",
    "one byte": lambda data: data[:1],
    "half": lambda data: data[: len(data) // 2],
    "most": lambda data: data[: -len(data) // 5],
    "zeros": lambda data: bytes(len(data)),
    "noise": lambda data: random.Random(1).randbytes(len(data)),
}


def damage(file: Path, how: Damage) -> bytes:
    before = file.read_bytes()
    file.write_bytes(how(before))
    return before


def scattered(seed: int, times: int = 3) -> Damage:
    """Some bytes somewhere become others."""

    def change(data: bytes) -> bytes:
        random_, changed = random.Random(seed), bytearray(data)
        for _ in range(times):
            start = random_.randrange(len(changed))
            changed[start : start + 8] = random_.randbytes(len(changed[start : start + 8]))
        return bytes(changed)

    return change


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that is applied and loaded. Shared: tests copy it."""
    folder = tmp_path_factory.mktemp("loaded")
    make_sources(folder, range(5))
    with opened(folder) as store:
        store.apply(views())
        store.materialize(at(0), at(3))
    # All of it in the one file that is damaged: of two connections that close at once, none may fold the log back.
    with closing(sqlite3.connect(folder / "data/online_store.db")) as connection:
        assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)
    return folder


@pytest.fixture
def project(loaded: Path, tmp_path: Path):
    """A copy of that project, and its store."""
    folder = shutil.copytree(loaded, tmp_path / "project")
    with opened(folder) as store:
        yield folder, store


def refused(call: Callable[[], object], file: Path) -> RepastError:
    with pytest.raises(CorruptDataError, match=re.escape(file.name)) as caught:
        call()
    return caught.value


# -- sources ------------------------------------------------------------------------------------------------

FILES = {"table": "table.parquet", "parts": "parts/second.parquet"}


@pytest.mark.parametrize("how", TRUNCATED)
@pytest.mark.parametrize("name", FILES)
def test_parquet(project, name, how):
    folder, store = project
    file = folder / FILES[name]
    file.write_bytes((folder / "table.parquet").read_bytes())
    damage(file, TRUNCATED[how])
    before = sources(folder)
    refused(lambda: historical_turns(store, name, 4), folder / FILES[name].split("/")[0])
    refused(lambda: store.materialize_incremental(feature_views=[name]), folder / FILES[name].split("/")[0])
    if name == "table":
        refused(lambda: store.write_to_offline_store(name, rows([9])), file)
    assert sources(folder) == before
    assert online_turns(store, name) == [3] * KEYS
    store.materialize_incremental(feature_views=["text"])
    assert online_turns(store, "text") == [4] * KEYS


def sources(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in contents(folder).items() if not name.startswith("data/")}


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(s, marks=pytest.mark.slow) for s in range(3, 40))])
def test_parquet_with_some_other_bytes(project, seed):
    """Not every damage can be told: pages carry no checksums. But what fails, fails in our words."""
    folder, store = project
    damage(folder / "table.parquet", scattered(seed))
    before = sources(folder)
    for call in (
        lambda: historical_turns(store, "table", 4),
        lambda: store.materialize_incremental(feature_views=["table"]),
    ):
        try:
            call()
        except RepastError as error:
            assert "table" in str(error)  # noqa: PT017
    assert sources(folder) == before


def test_csv(project):
    folder, store = project
    file = folder / "text.csv"
    whole = file.read_bytes()
    for changed in (b"", whole.replace(b"turn 3 of", b'"turn" 3 of'), whole + b'9,"nine', bytes(len(whole))):
        file.write_bytes(changed)
        with pytest.raises(RepastError, match=r"text\.csv"):
            historical_turns(store, "text", 4)
        with pytest.raises(RepastError, match=r"text\.csv"):
            store.materialize_incremental(feature_views=["text"])
        assert file.read_bytes() == changed
    file.write_bytes(whole)
    assert historical_turns(store, "text", 4) == [4] * KEYS


# -- the registry -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", TRUNCATED)
@pytest.mark.parametrize("document", ["fault.json", "fault.state.json", "history/fault/00000001.json"])
def test_registry(project, document, how, monkeypatch):
    folder, store = project
    assert online_turns(store) == [3] * KEYS
    registry = folder / "data/registry"
    whole = damage(registry / document, TRUNCATED[how])
    before = contents(registry)
    use: dict[str, Callable[[FeatureStore], object]] = {
        "fault.json": lambda store: store.apply(view("new", "table.parquet")),
        "fault.state.json": lambda store: store.materialize_incremental(),
        "history/fault/00000001.json": lambda store: store.log(),
    }
    refused(lambda: use[document](store), registry / document)
    assert online_turns(store) == [3] * KEYS, "a store that is open serves on"
    with opened(folder) as other:
        refused(lambda: use[document](other), registry / document)
        if document == "fault.json":
            refused(lambda: online_turns(other), registry / document)
            refused(lambda: other.materialize_incremental(), registry / document)
    assert contents(registry) == before
    (registry / document).write_bytes(whole)
    store.materialize_incremental()
    assert online_turns(store) == [4] * KEYS
    assert store.log(1)


# -- the online store ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", TRUNCATED)
def test_online_store(project, how):
    folder, store = project
    store.close()
    file = folder / "data/online_store.db"
    damage(file, TRUNCATED[how])
    before = file.read_bytes()
    with opened(folder) as other:
        if how in ("empty", "one byte"):  # to SQLite, that is an empty database
            assert online_turns(other) == [None] * KEYS
            other.materialize_incremental()
            assert online_turns(other) == [4] * KEYS
            return
        refused(lambda: online_turns(other), file)
        refused(lambda: other.push("table_push", rows([9])), file)
        refused(lambda: other.materialize_incremental(), file)
        refused(lambda: other.apply(views(tags={"a": "b"})), file)
        assert file.read_bytes() == before
        file.rename(file.with_suffix(".damaged"))
        other.apply(views())
        other.materialize_incremental()
        assert online_turns(other) == [4] * KEYS


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(s, marks=pytest.mark.slow) for s in range(3, 20))])
def test_online_store_with_some_other_bytes(project, seed):
    folder, store = project
    store.close()
    file = folder / "data/online_store.db"
    damage(file, scattered(seed, times=40))
    for call in (
        lambda store: store.get_online_features(["table:turn", "table:note"], {"key": list(range(KEYS))}).to_dict(),
        lambda store: store.push("table_push", rows([9])),
        lambda store: store.materialize_incremental(),
    ):
        with opened(folder) as other:
            try:
                call(other)
            except RepastError as error:
                assert "online" in str(error) or "view 'table'" in str(error)  # noqa: PT017


# -- saved datasets -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", TRUNCATED)
def test_saved_dataset(project, how):
    folder, store = project
    spine = pa.table({"key": [1, 2], "event_timestamp": pa.array([at(4)] * 2)})
    file = folder / "sets/train.parquet"
    made = store.create_saved_dataset(store.get_historical_features(spine, ["table:turn"]), "train", file)
    damage(file, TRUNCATED[how])
    before = file.read_bytes()
    dataset = store.get_saved_dataset("train")
    for call in (dataset.to_arrow, dataset.to_pandas, dataset.to_polars):
        refused(call, file)
    assert file.read_bytes() == before
    job = store.get_historical_features(spine, ["table:turn"])
    store.create_saved_dataset(job, "train", file, allow_overwrite=True)
    assert made.to_arrow().column("turn").to_pylist() == [4, 4]


# -- the command line ---------------------------------------------------------------------------------------

REPO = """\
from fault_project import views
made = views()
"""


def test_command_line(tmp_path, monkeypatch, capsys):
    make_sources(tmp_path)
    (tmp_path / "feature_store.yaml").write_text("project: fault\nregistry: data/registry\n")
    (tmp_path / "features.py").write_text(REPO)
    monkeypatch.chdir(tmp_path)
    assert run(["apply"]) == 0, capsys.readouterr().err
    assert run(["materialize-incremental"]) == 0, capsys.readouterr().err
    for name, command in (
        ("table.parquet", ["materialize", "2020-01-01", "2030-01-01"]),
        ("data/online_store.db", ["materialize", "2020-01-01", "2030-01-01"]),
        ("data/registry/fault.json", ["plan"]),
    ):
        whole = damage(tmp_path / name, TRUNCATED["half"])
        capsys.readouterr()
        assert run(command) == 9, name
        shown = capsys.readouterr().err
        assert Path(name).name in shown
        assert "Traceback" not in shown
        (tmp_path / name).write_bytes(whole)
    assert run(["plan"]) == 0
