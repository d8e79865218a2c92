"""What goes wrong with files, and what the DuckDB engine says about it."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from repast.backends.offline.duckdb import DuckDBEngine
from repast.backends.offline.failure import translate
from repast.core.manifest import SourceSpec
from repast.core.plan.offline import EVENT, ROW, TIME, FeatureColumn, KeyColumn, PointInTimeJoin, ReadRows
from repast.errors import (
    ClosedError,
    CorruptDataError,
    InvalidConfigError,
    InvalidRequestError,
    InvalidValueError,
    NotFoundError,
    RepastError,
    UnavailableError,
    UnsupportedError,
)
from repast.types import Float64, Int64

T0 = 1_700_000_000_000_000


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDBEngine]:
    engine = DuckDBEngine(repo_path=tmp_path)
    yield engine
    engine.close()


def source(path: str, file_format: str = "parquet") -> SourceSpec:
    options = {"path": path, "file_format": file_format}
    return SourceSpec(name="trips", source_type="file", options=options, timestamp_field="t")


def rows(count: int) -> pa.Table:
    times = pa.array([T0 + i for i in range(count)], pa.timestamp("us", "UTC"))
    return pa.table({"id": pa.array(range(count), pa.int64()), "t": times, "f": pa.array([0.5] * count)})


def read_plan(spec: SourceSpec) -> ReadRows:
    return ReadRows(
        view="view", source=spec, keys=(KeyColumn("k", "id", Int64),), features=(FeatureColumn("f", "f", Float64),)
    )


def test_nothing_there(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    pq.write_table(rows(1), tmp_path / "data" / "trips.parquet")
    with pytest.raises(NotFoundError) as caught:
        engine.inspect(source("data/tripz.parquet"))
    assert f"there is nothing at {tmp_path}/data/tripz.parquet" in str(caught.value)
    assert f"did you mean 'trips.parquet' in {tmp_path}/data?" in str(caught.value)
    with pytest.raises(NotFoundError, match=f"did you mean 'data' in {tmp_path}"):
        engine.inspect(source("dota/trips.parquet"))
    with pytest.raises(NotFoundError, match=r"no file matches .*\*\.parquet"):
        engine.inspect(source("elsewhere/*.parquet"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFoundError, match="has no parquet files"):
        engine.inspect(source("empty"))


@pytest.mark.parametrize("what", ["truncated", "empty", "text", "flipped"])
def test_corrupt_parquet(engine: DuckDBEngine, tmp_path: Path, what: str) -> None:
    pq.write_table(rows(50_000), tmp_path / "a.parquet", compression="zstd")
    whole = (tmp_path / "a.parquet").read_bytes()
    middle = len(whole) // 3
    spoilt = {
        "truncated": whole[: len(whole) // 2],
        "empty": b"",
        "text": b"id,t,f\n1,2024-01-01,2\n",
        "flipped": whole[:middle]
        + bytes(255 - byte for byte in whole[middle : middle + 2000])
        + whole[middle + 2000 :],
    }[what]
    (tmp_path / "a.parquet").write_bytes(spoilt)
    with pytest.raises(CorruptDataError, match=r"'trips' \(a\.parquet\)"):
        engine.run(read_plan(source("a.parquet"))).read_all()


def test_one_corrupt_file_of_many_is_named(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    pq.write_table(rows(1), tmp_path / "d" / "good.parquet")
    (tmp_path / "d" / "bad.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(CorruptDataError, match=r"bad\.parquet"):
        engine.inspect(source("d"))


def test_error_in_the_middle_of_a_stream(engine: DuckDBEngine, tmp_path: Path) -> None:
    """A value that is refused after many batches is still one of our errors."""
    ids = pa.array([float(i) for i in range(400_000)] + [1.5])
    table = rows(400_001).set_column(0, "id", ids)
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=50_000)
    plan = PointInTimeJoin(view="view", source=source("a.parquet"), keys=(KeyColumn("k", "id", Int64),), features=())
    spine = pa.table({ROW: [0], TIME: pa.array([T0 * 2]), "k": [1]})
    with pytest.raises(InvalidValueError, match=r"'view', column 'id' of source 'trips'.*1\.5"):
        engine.run(plan, spine).read_all()


@pytest.mark.parametrize(
    ("error", "category"),
    [
        (PermissionError(13, "Permission denied", "/data/a.parquet"), UnavailableError),
        (duckdb.IOException('IO Error: Cannot open file "/data/a.parquet": Permission denied'), UnavailableError),
        (duckdb.IOException('IO Error: Could not read from file "a.parquet": Input/output error'), UnavailableError),
        (duckdb.OutOfMemoryException("Out of Memory Error: failed to allocate data of size 1 MiB"), UnavailableError),
        (OSError("Out of Memory Error: failed to pin block"), UnavailableError),
        (duckdb.ConnectionException("Connection Error: Connection already closed!"), ClosedError),
        (pa.ArrowInvalid("Not a Parquet file: invalid magic bytes"), CorruptDataError),
        (FileNotFoundError(2, "No such file or directory"), NotFoundError),
        (duckdb.BinderException("Binder Error: something new"), InvalidRequestError),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_errors_of_libraries(error: Exception, category: type[RepastError]) -> None:
    translated = translate(error, "Source 'trips' (a.parquet)")
    assert type(translated) is category
    assert "Source 'trips' (a.parquet)" in str(translated)


@pytest.mark.parametrize(
    "options", [{"memory_limit": "lots"}, {"threads": 0}, {"threads": "many"}, {"memory_limit": 3.5}], ids=str
)
def test_wrong_options(tmp_path: Path, options: dict[str, object]) -> None:
    pq.write_table(rows(1), tmp_path / "a.parquet")
    engine = DuckDBEngine(repo_path=tmp_path, **options)
    with pytest.raises(InvalidConfigError, match="offline_store"):
        engine.inspect(source("a.parquet"))


def test_query_sees_files_and_nothing_else(engine: DuckDBEngine, tmp_path: Path) -> None:
    """Relative paths in a spine's SQL start at the repo; variables of the program are not tables."""
    pq.write_table(rows(3), tmp_path / "spine.parquet")
    assert engine.query("SELECT max(id) AS m FROM 'spine.parquet'").read_all().to_pylist() == [{"m": 2}]
    spine = rows(1)
    assert spine.num_rows == 1
    with pytest.raises(InvalidRequestError, match="spine"):
        engine.query("SELECT * FROM spine").read_all()
    with pytest.raises(InvalidRequestError, match="SQL of the spine"):
        engine.query("COPY (SELECT 1) TO 'out.csv'").read_all()
    assert not (tmp_path / "out.csv").exists()


def test_statements_quote_what_they_are_given(engine: DuckDBEngine, tmp_path: Path) -> None:
    """Names of columns and paths never become SQL."""
    nasty = 'id" FROM x; DROP TABLE y; --'
    pq.write_table(rows(1).rename_columns([nasty, "t", "f"]), tmp_path / "it's.parquet")
    plan = ReadRows(
        view="v'iew",
        source=source("it's.parquet"),
        keys=(KeyColumn(nasty, nasty, Int64),),
        features=(FeatureColumn("'; --", "f", Float64),),
        last_n=2,
    )
    found = engine.run(plan).read_all().to_pylist()
    assert found == [{nasty: 0, EVENT: T0, "__created": None, "'; --": 0.5}]


def test_explain_shows_the_statement(engine: DuckDBEngine, tmp_path: Path) -> None:
    """The keys of a small spine are pushed into the scan, those of a large one are not."""
    pq.write_table(rows(1000), tmp_path / "a.parquet")
    plan = PointInTimeJoin(
        view="view",
        source=source("a.parquet"),
        keys=(KeyColumn("k", "id", Int64),),
        features=(FeatureColumn("f", "f", Float64),),
        ttl_us=5,
    )
    small = pa.table({ROW: [0], TIME: pa.array([T0]), "k": [0]})
    large = pa.table({ROW: range(1001), TIME: pa.array([T0] * 1001), "k": [0] * 1001})
    text = engine.explain(plan, small)
    assert "ASOF JOIN" in text
    assert f"MAKE_TIMESTAMPTZ({T0 - 5})" in text
    assert " IN (" in text
    assert " IN (" not in engine.explain(plan, large)


def test_close_while_reading(tmp_path: Path) -> None:
    """A reader of a closed engine ends or fails as closed; nothing crashes."""
    pq.write_table(rows(500_000), tmp_path / "a.parquet")
    engine = DuckDBEngine(repo_path=tmp_path)
    reader = engine.run(read_plan(source("a.parquet")))
    reader.read_next_batch()
    engine.close()
    with contextlib.suppress(ClosedError, UnavailableError):
        assert sum(batch.num_rows for batch in reader) > 0


# -- append -------------------------------------------------------------------------------------------


def test_append_to_a_folder_adds_a_file(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    pq.write_table(rows(1), tmp_path / "d" / "a.parquet")
    before = (tmp_path / "d" / "a.parquet").read_bytes()
    engine.append(source("d"), rows(2))
    engine.append(source("d/*.parquet"), rows(3))
    assert engine.run(read_plan(source("d"))).read_all().num_rows == 6
    assert len(engine.files(source("d"))) == 3
    assert (tmp_path / "d" / "a.parquet").read_bytes() == before


def test_append_to_a_partitioned_folder(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "d" / "year=2024").mkdir(parents=True)
    pq.write_table(rows(1), tmp_path / "d" / "year=2024" / "a.parquet")
    with pytest.raises(UnsupportedError, match="partitioned"):
        engine.append(source("d"), rows(1))


def test_append_keeps_types(engine: DuckDBEngine, tmp_path: Path) -> None:
    """Rows take the source's types where nothing is lost, else all of them are refused."""
    table = rows(1).set_column(0, "id", pa.array([1], pa.int32()))
    pq.write_table(table, tmp_path / "a.parquet")
    engine.append(source("a.parquet"), rows(2))
    assert pq.read_schema(tmp_path / "a.parquet").field("id").type == pa.int32()
    with pytest.raises(InvalidRequestError, match=r"'id'.*int32"):
        engine.append(source("a.parquet"), rows(1).set_column(0, "id", pa.array([2**40])))
    assert pq.read_metadata(tmp_path / "a.parquet").num_rows == 3


@pytest.mark.parametrize("text", ["id,t,f\n1,2024-01-01 00:00:00Z,0.5", "f;t;id\n0.5;2024-01-01 00:00:00Z;1\n"])
def test_append_to_csv(engine: DuckDBEngine, tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    more = pa.table(
        {
            "id": pa.array([2, 3]),
            "t": pa.array([T0, T0 + 1], pa.timestamp("us", "UTC")),
            "f": pa.array([None, 0.25]),
        }
    )
    engine.append(source("a.csv", "csv"), more)
    found = engine.run(read_plan(source("a.csv", "csv"))).read_all().sort_by("k").to_pylist()
    assert [(row["k"], row["f"]) for row in found] == [(1, 0.5), (2, None), (3, 0.25)]
    assert [row[EVENT] for row in found][1:] == [T0, T0 + 1]


def test_append_from_many_threads_loses_nothing(engine: DuckDBEngine, tmp_path: Path) -> None:
    pq.write_table(rows(1), tmp_path / "a.parquet")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: engine.append(source("a.parquet"), rows(10)), range(16)))
    assert pq.read_metadata(tmp_path / "a.parquet").num_rows == 161
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


def test_append_while_others_read(engine: DuckDBEngine, tmp_path: Path) -> None:
    """A reader sees the rows before or after an append, never a part of them."""
    pq.write_table(rows(100), tmp_path / "a.parquet")
    done = threading.Event()
    counts: set[int] = set()

    def read() -> None:
        while not done.is_set():
            counts.add(engine.run(read_plan(source("a.parquet"))).read_all().num_rows)

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        for _ in range(5):
            engine.append(source("a.parquet"), rows(100))
        done.set()
        for reader in readers:
            reader.result()
    assert counts <= {100, 200, 300, 400, 500, 600}


def test_file_replaced_while_it_is_read(engine: DuckDBEngine, tmp_path: Path) -> None:
    """A result is of the file that was there when it was asked for, to the last batch."""
    pq.write_table(rows(300_000), tmp_path / "a.parquet")
    reader = engine.run(read_plan(source("a.parquet")))
    pq.write_table(rows(7).append_column("g", pa.array(range(7))), tmp_path / "b.parquet")
    (tmp_path / "b.parquet").replace(tmp_path / "a.parquet")
    assert reader.read_all().num_rows == 300_000
    assert engine.run(read_plan(source("a.parquet"))).read_all().num_rows == 7


def test_readers_leave_no_files_open(engine: DuckDBEngine, tmp_path: Path) -> None:
    """Results read to the end, in part, or not at all hold nothing once they are dropped."""
    pq.write_table(rows(300_000), tmp_path / "a.parquet")
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("this system does not list open files")

    def count_open() -> int:
        gc.collect()
        entries = [entry for entry in descriptors.iterdir() if entry.exists()]
        return sum(1 for entry in entries if str(entry.readlink()).endswith("a.parquet"))

    engine.run(read_plan(source("a.parquet"))).read_all()
    engine.run(read_plan(source("a.parquet"))).read_next_batch()
    engine.run(read_plan(source("a.parquet")))
    engine.inspect(source("a.parquet"))
    engine.explain(read_plan(source("a.parquet")))
    with pytest.raises(NotFoundError):
        engine.run(dataclasses.replace(read_plan(source("a.parquet")), keys=(KeyColumn("k", "none", Int64),)))
    assert count_open() == 0


# -- memory -------------------------------------------------------------------------------------------


def test_source_larger_than_memory(tmp_path: Path) -> None:
    """With a memory limit well under the data, joins, windows and the newest rows still come out right."""
    count, keys = 600_000, 200_000
    ids = pa.array(range(count), pa.int64())
    table = pa.table(
        {
            "id": pa.array([i % keys for i in range(count)], pa.int64()),
            "t": pa.array([T0 + i for i in range(count)], pa.timestamp("us", "UTC")),
            "f": ids.cast(pa.float64()),
            **{f"text_{i}": pa.array([f"{n}-{i}-{'x' * 40}" for n in range(count // 100)] * 100) for i in range(3)},
        }
    )
    assert table.nbytes > 100_000_000
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=20_000)
    engine = DuckDBEngine(repo_path=tmp_path, memory_limit="90MB", threads=2)
    features = tuple(FeatureColumn(name, name, Float64) for name in ("f", "text_0", "text_1", "text_2"))
    key = (KeyColumn("k", "id", Int64),)
    spine = pa.table({ROW: pa.array(range(keys)), TIME: pa.array([T0 + count // 2] * keys), "k": pa.array(range(keys))})
    plan = PointInTimeJoin(view="view", source=source("a.parquet"), keys=key, features=features)
    found = 0
    for batch in engine.run(plan, spine):
        found += batch.num_rows
        assert batch.column("__event").to_pylist()[0] == T0 + batch.column("f").to_pylist()[0]
    assert found == keys
    newest = ReadRows(view="view", source=source("a.parquet"), keys=key, features=features, last_n=1)
    assert sum(batch.num_rows for batch in engine.run(newest)) == keys
    engine.close()
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]
