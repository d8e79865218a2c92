"""What the DuckDB engine reads: formats, folders, patterns, object stores."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fake_s3 import FakeS3, serve_s3

from repast.backends.offline.duckdb import DuckDBEngine
from repast.core.manifest import SourceSpec
from repast.core.plan.offline import (
    EVENT,
    ROW,
    TIME,
    Changed,
    CountRows,
    FeatureColumn,
    KeyColumn,
    PointInTimeJoin,
    ReadRows,
)
from repast.errors import CorruptDataError, InvalidRequestError, NotFoundError, UnavailableError, UnsupportedError
from repast.types import DataType, Float64, Int64, String, Uuid

HOUR = 3_600_000_000
T0 = 1_700_000_000_000_000


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDBEngine]:
    engine = DuckDBEngine(repo_path=tmp_path)
    yield engine
    engine.close()


def source(path: str, file_format: str = "parquet", **changes: object) -> SourceSpec:
    options = {"path": path, "file_format": file_format}
    options |= {name: changes.pop(name) for name in ("s3_endpoint_override",) if name in changes}
    return SourceSpec(name="trips", source_type="file", options=options, timestamp_field="t", **changes)


def rows(ids: list[int], *, start: int = T0) -> pa.Table:
    times = pa.array([start + i for i in range(len(ids))], pa.timestamp("us", "UTC"))
    return pa.table({"id": pa.array(ids, pa.int64()), "t": times, "f": pa.array([i / 2 for i in ids], pa.float64())})


def read(
    engine: DuckDBEngine,
    spec: SourceSpec,
    *,
    key: DataType = Int64,
    column: str = "id",
    dtype: DataType = Float64,
    **changes: object,
) -> list[dict[str, object]]:
    plan = ReadRows(
        view="view",
        source=spec,
        keys=(KeyColumn("k", column, key),),
        features=(FeatureColumn("f", "f", dtype),),
        **changes,
    )
    return sorted(engine.run(plan).read_all().to_pylist(), key=lambda row: (str(row["k"]), row[EVENT]))


def join(engine: DuckDBEngine, spec: SourceSpec, keys: list[int], time: int) -> dict[int, object]:
    plan = PointInTimeJoin(
        view="view", source=spec, keys=(KeyColumn("k", "id", Int64),), features=(FeatureColumn("f", "f", Float64),)
    )
    spine = pa.table({ROW: pa.array(range(len(keys))), TIME: pa.array([time] * len(keys)), "k": pa.array(keys)})
    return {row[ROW]: row["f"] for row in engine.run(plan, spine).read_all().to_pylist()}


# -- CSV ----------------------------------------------------------------------------------------------


def test_csv(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,t,f\n1,2024-01-01T00:00:00Z,0.5\n2,2024-01-01 01:00:00+01:00,\n,2024-01-01,1\n")
    found = read(engine, source("a.csv", "csv"))
    assert [(row["k"], row[EVENT], row["f"]) for row in found] == [
        (1, 1_704_067_200_000_000, 0.5),
        (2, 1_704_067_200_000_000, None),
    ]
    assert engine.inspect(source("a.csv", "csv")).names == ["id", "t", "f"]


def test_csv_keeps_text_as_text(engine: DuckDBEngine, tmp_path: Path) -> None:
    """Where an entity or a field is declared as text, digits are not made a number."""
    (tmp_path / "a.csv").write_text("id,t,f\n7,2024-01-01,1.50\n42,2024-01-01,2\n")
    found = read(engine, source("a.csv", "csv"), key=String, dtype=String)
    assert [(row["k"], row["f"]) for row in found] == [("42", "2"), ("7", "1.50")]


def test_csv_types_are_told_from_all_rows(engine: DuckDBEngine, tmp_path: Path) -> None:
    lines = [f"{i},2024-01-01,{i}" for i in range(30_000)] + ["30000,2024-01-01,0.5"]
    (tmp_path / "a.csv").write_text("id,t,f\n" + "\n".join(lines))
    assert read(engine, source("a.csv", "csv"), start_us=0)[-1]["f"] is not None
    assert engine.inspect(source("a.csv", "csv")).field("f").type == pa.float64()


def test_csv_zone_of_naive_times(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,t,f\n1,2024-07-01 12:00:00,1\n")
    found = read(engine, source("a.csv", "csv", timezone="Europe/Paris"))
    assert found[0][EVENT] == 1_719_828_000_000_000  # 10:00 UTC


def test_csv_mixed_times_are_text(engine: DuckDBEngine, tmp_path: Path) -> None:
    """A column with offsets here and none there is read value by value; what is no time is refused."""
    lines = ["1,2024-07-01T12:00:00,1", "2,2024-07-01T12:00:00+02:00,2", "3,2024-07-01,3", "4,hello,4"]
    (tmp_path / "a.csv").write_text("id,t,f\n" + "\n".join(lines[:3]))
    found = read(engine, source("a.csv", "csv", timezone="Europe/Paris"))
    noon = 1_719_828_000_000_000
    assert [row[EVENT] for row in found] == [noon, noon, noon - 12 * HOUR]
    (tmp_path / "a.csv").write_text("id,t,f\n" + "\n".join(lines))
    with pytest.raises(InvalidRequestError, match=r"'t'.*hello"):
        read(engine, source("a.csv", "csv"))


@pytest.mark.parametrize("written", ["03/04/2024", "03/04/2024 10:00:00", "03-04-2024", "3.4.2024"])
def test_csv_days_in_an_order_that_is_a_guess_are_text(engine: DuckDBEngine, tmp_path: Path, written: str) -> None:
    """The third of April, or the fourth of March: a guess would be right for one half of the world."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.csv").write_text("id,t,f\n1,2024-01-01,0.5\n")
    spec = source("d", "csv")
    assert pa.types.is_date(engine.inspect(spec).field("t").type)
    (tmp_path / "d" / "b.csv").write_text(f"id,t,f\n2,{written},1.5\n")
    assert engine.inspect(spec).field("t").type == pa.string()
    with pytest.raises(InvalidRequestError, match=rf"'t'.*{written}"):
        read(engine, spec)


def test_csv_days_whose_order_is_clear_are_times(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,t,f\n1,2024/01/02,0.5\n")
    assert [row[EVENT] for row in read(engine, source("a.csv", "csv"))] == [1_704_153_600_000_000]


@pytest.mark.parametrize("name", ["a.tsv", "a.csv.gz", "semicolon.csv"])
def test_csv_spellings(engine: DuckDBEngine, tmp_path: Path, name: str) -> None:
    separator = {"a.tsv": "\t", "semicolon.csv": ";"}.get(name, ",")
    text = "id,t,f\n1,2024-01-01,0.5\n2,2024-01-02,1.5\n".replace(",", separator).encode()
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    assert [row["f"] for row in read(engine, source(name, "csv"))] == [0.5, 1.5]


def test_csv_folder(engine: DuckDBEngine, tmp_path: Path) -> None:
    """Files of one folder may differ in what can be guessed of them; changed files are told apart."""
    (tmp_path / "d" / "day=01").mkdir(parents=True)
    (tmp_path / "d" / "day=01" / "a.csv").write_text("id,t,f\n1,2024-01-01,1\n")
    (tmp_path / "d" / "day=01" / "b.csv").write_text("id,t,f\n2,2024-01-02,2.5\n")
    spec = source("d", "csv")
    assert [row["f"] for row in read(engine, spec)] == [1.0, 2.5]
    files = tuple(engine.files(spec))
    assert [row["k"] for row in read(engine, spec, changed=Changed(files=files[1:]))] == [2]
    days = read(engine, spec, column="day", key=String)
    assert [row["k"] for row in days] == ["01", "01"]


def test_types_of_other_tools(engine: DuckDBEngine, tmp_path: Path) -> None:
    """UUIDs, categories, JSON and huge integers of Parquet are read as what they hold."""
    duckdb.sql(
        """COPY (SELECT 'AAAAAAAA-0000-4000-8000-000000000001'::UUID AS id, TIMESTAMP '2024-01-01' AS t,
        'x'::ENUM('x', 'y') AS category, '{}'::JSON AS j, 1::HUGEINT AS h) TO '"""
        + str(tmp_path / "a.parquet")
        + "'"
    )
    spec = source("a.parquet")
    for key in (String, Uuid):
        plan = PointInTimeJoin(
            view="view",
            source=spec,
            keys=(KeyColumn("k", "id", key),),
            features=tuple(FeatureColumn(name, name, String) for name in ("category", "j")),
        )
        wanted = "aaaaaaaa-0000-4000-8000-000000000001"
        spine = pa.table({ROW: [0], TIME: pa.array([2 * T0]), "k": [wanted]})
        (found,) = engine.run(plan, spine).read_all().to_pylist()
        assert (found["category"], found["j"]) == ("x", "{}")


# -- folders and patterns -----------------------------------------------------------------------------


def test_folder_of_files(engine: DuckDBEngine, tmp_path: Path) -> None:
    """All data files of a folder and its folders are read; bookkeeping of other programs is not."""
    for name, ids in {"a.parquet": [1], "deep/er/b.parquet": [2], "_tmp/c.parquet": [3], ".d.parquet": [4]}.items():
        (tmp_path / "trips" / name).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows(ids), tmp_path / "trips" / name)
    (tmp_path / "trips" / "_SUCCESS").touch()
    (tmp_path / "trips" / "readme.txt").touch()
    assert [row["k"] for row in read(engine, source("trips"))] == [1, 2]
    assert join(engine, source("trips/"), [1, 2, 3], T0) == {0: 0.5, 1: 1.0}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [("p/*.parquet", [1, 2]), ("p/a*.parquet", [1]), ("p/**/*.parquet", [1, 2, 3]), ("p/*/c.parquet", [3])],
)
def test_patterns(engine: DuckDBEngine, tmp_path: Path, pattern: str, expected: list[int]) -> None:
    (tmp_path / "p" / "sub").mkdir(parents=True)
    for name, number in {"a.parquet": 1, "b.parquet": 2, "sub/c.parquet": 3}.items():
        pq.write_table(rows([number]), tmp_path / "p" / name)
    assert [row["k"] for row in read(engine, source(pattern))] == expected


def test_odd_names(engine: DuckDBEngine, tmp_path: Path) -> None:
    """A name is a name, whatever it looks like; a file that exists beats the pattern it spells."""
    folder = tmp_path / 'it\'s [1] "q" ünï'
    folder.mkdir()
    pq.write_table(rows([1]), folder / "a*.parquet")
    pq.write_table(rows([2]), folder / "ab.parquet")
    assert [row["k"] for row in read(engine, source(f"{folder.name}/a*.parquet"))] == [1]
    assert [row["k"] for row in read(engine, source(folder.name))] == [1, 2]
    assert [row["k"] for row in read(engine, source(str(folder / "ab.parquet")))] == [2]
    assert [row["k"] for row in read(engine, source(f"file://{folder}/ab.parquet"))] == [2]


def test_partitioned_folder(engine: DuckDBEngine, tmp_path: Path) -> None:
    """What folders say (year=2024) is a column; declared as text it stays text."""
    for month, number in (("01", 1), ("02", 2)):
        folder = tmp_path / "trips" / f"month={month}"
        folder.mkdir(parents=True)
        pq.write_table(rows([number]).drop_columns(["f"]), folder / "a.parquet")
    spec = source("trips")
    assert engine.inspect(spec).names == ["id", "t", "month"]
    plan = ReadRows(
        view="view", source=spec, keys=(KeyColumn("m", "month", String),), features=(FeatureColumn("f", "id", Int64),)
    )
    found = engine.run(plan).read_all().to_pylist()
    assert sorted((row["m"], row["f"]) for row in found) == [("01", 1), ("02", 2)]


def test_files_with_different_columns(engine: DuckDBEngine, tmp_path: Path) -> None:
    """A column that came later is null in older files; a wider type holds a narrower one."""
    (tmp_path / "trips").mkdir()
    pq.write_table(rows([1]).drop_columns(["f"]), tmp_path / "trips" / "a.parquet")
    narrow = rows([2]).set_column(0, "id", pa.array([2], pa.int32()))
    pq.write_table(narrow.select(["f", "t", "id"]), tmp_path / "trips" / "b.parquet")
    assert [(row["k"], row["f"]) for row in read(engine, source("trips"))] == [(1, None), (2, 1.0)]


def test_rows_of_changed_files(engine: DuckDBEngine, tmp_path: Path) -> None:
    """files() names what Changed can ask for."""
    (tmp_path / "trips").mkdir()
    for number in (1, 2, 3):
        pq.write_table(rows([number], start=T0 + number), tmp_path / "trips" / f"{number}.parquet")
    spec = source("trips")
    files = engine.files(spec)
    second = next(path for path in files if path.endswith("2.parquet"))
    assert [row["k"] for row in read(engine, spec, changed=Changed(files=(second,)))] == [2]
    assert [row["k"] for row in read(engine, spec, changed=Changed(files=(second,)), last_n=1)] == [2]
    changed = Changed(files=(second,), event_after_us=T0 + 2)
    assert [row["k"] for row in read(engine, spec, changed=changed)] == [2, 3]
    reads = ReadRows(view="view", source=spec, keys=(), features=(), changed=changed)
    assert engine.run(CountRows(rows=reads)).read_all().to_pylist()[0]["read"] == 2
    pq.write_table(rows([2, 9]), second)
    assert {path for path, mark in engine.files(spec).items() if files[path] != mark} == {second}


# -- Delta and Iceberg --------------------------------------------------------------------------------


@pytest.mark.parametrize("partition_by", [None, ["f"]])
def test_delta(engine: DuckDBEngine, tmp_path: Path, partition_by: list[str] | None) -> None:
    deltalake = pytest.importorskip("deltalake")
    path = tmp_path / "trips"
    deltalake.write_deltalake(path, rows([1, 2]), partition_by=partition_by)
    spec = source("trips", "delta")
    before = engine.files(spec)
    deltalake.write_deltalake(path, rows([3], start=T0 + HOUR), mode="append")
    assert engine.inspect(spec).names == ["id", "t", "f"]
    assert [(row["k"], row["f"]) for row in read(engine, spec)] == [(1, 0.5), (2, 1.0), (3, 1.5)]
    assert join(engine, spec, [1, 3], T0) == {0: 0.5}
    assert join(engine, spec, [1, 3], T0 + HOUR) == {0: 0.5, 1: 1.5}
    new = tuple(set(engine.files(spec)) - set(before))
    assert [row["k"] for row in read(engine, spec, changed=Changed(files=new))] == [3]
    deltalake.DeltaTable(path).delete("id = 1")
    assert [row["k"] for row in read(engine, spec)] == [2, 3]
    engine.append(spec, rows([4]))
    assert [row["k"] for row in read(engine, spec)] == [2, 3, 4]
    with pytest.raises(InvalidRequestError, match="lack 'f'"):
        engine.append(spec, rows([4]).drop_columns(["f"]))


def test_delta_that_is_none(engine: DuckDBEngine, tmp_path: Path) -> None:
    pytest.importorskip("deltalake")
    (tmp_path / "trips").mkdir()
    for path in ("trips", "trops"):
        with pytest.raises(NotFoundError, match=r"'trips'.*tr[io]ps"):
            engine.inspect(source(path, "delta"))


@pytest.mark.filterwarnings("ignore")  # of pyiceberg and sqlalchemy, about themselves
def test_iceberg(engine: DuckDBEngine, tmp_path: Path) -> None:
    sql = pytest.importorskip("pyiceberg.catalog.sql")
    catalog = sql.SqlCatalog("c", uri=f"sqlite:///{tmp_path}/c.db", warehouse=f"file://{tmp_path}/warehouse")
    catalog.create_namespace("n")
    table = catalog.create_table("n.trips", rows([]).schema)
    table.append(rows([1, 2]))
    spec = source("warehouse/n/trips", "iceberg")
    before = engine.files(spec)
    table.append(rows([3], start=T0 + HOUR))
    assert engine.inspect(spec).names == ["id", "t", "f"]
    assert [(row["k"], row["f"]) for row in read(engine, spec)] == [(1, 0.5), (2, 1.0), (3, 1.5)]
    assert join(engine, spec, [1, 3], T0) == {0: 0.5}
    new = tuple(set(engine.files(spec)) - set(before))
    assert [row["k"] for row in read(engine, spec, changed=Changed(files=new))] == [3]
    by_file = source(table.metadata_location, "iceberg")
    assert [row["k"] for row in read(engine, by_file)] == [1, 2, 3]
    table.delete("id = 1")
    assert [row["k"] for row in read(engine, spec)] == [2, 3]
    with pytest.raises(UnsupportedError, match="catalog"):
        engine.append(spec, rows([4]))
    catalog.engine.dispose()


# -- object stores ------------------------------------------------------------------------------------


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeS3]:
    for name, value in {"ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret-word", "REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with serve_s3() as server:
        yield server


def put(server: FakeS3, key: str, table: pa.Table) -> None:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    server.objects[key] = buffer.getvalue()


def test_s3(engine: DuckDBEngine, s3: FakeS3) -> None:
    put(s3, "data/trips/a.parquet", rows([1]))
    put(s3, "data/trips/sub/b.parquet", rows([2], start=T0 + HOUR))
    put(s3, "data/trips/_tmp/c.parquet", rows([3]))
    put(s3, "data/trips2/d.parquet", rows([4]))
    s3.objects["data/trips/e.csv"] = b"id,t,f\n5,2024-01-01,2.5\n"
    for path, expected in {
        "s3://bucket/data/trips": [1, 2],
        "s3://bucket/data/trips/": [1, 2],
        "s3://bucket/data/trips/a.parquet": [1],
        "s3://bucket/data/trips/*.parquet": [1],
        "s3a://bucket/data/trips/sub/*.parquet": [2],
        "s3://bucket/**/d.parquet": [4],
    }.items():
        assert [row["k"] for row in read(engine, source(path, s3_endpoint_override=s3.endpoint))] == expected
    spec = source("s3://bucket/data/trips", s3_endpoint_override=s3.endpoint)
    assert join(engine, spec, [2, 1], T0 + 1) == {1: 0.5}
    csv = source("s3://bucket/data/trips/e.csv", "csv", s3_endpoint_override=s3.endpoint)
    assert [row["f"] for row in read(engine, csv)] == [2.5]


def test_s3_changed_files(engine: DuckDBEngine, s3: FakeS3) -> None:
    put(s3, "trips/a.parquet", rows([1]))
    put(s3, "trips/b.parquet", rows([2]))
    spec = source("s3://bucket/trips", s3_endpoint_override=s3.endpoint)
    before = engine.files(spec)
    put(s3, "trips/b.parquet", rows([2, 3]))
    changed = tuple(path for path, mark in engine.files(spec).items() if before.get(path) != mark)
    assert len(changed) == 1
    assert [row["k"] for row in read(engine, spec, changed=Changed(files=changed))] == [2, 3]


def test_s3_two_endpoints(engine: DuckDBEngine, s3: FakeS3) -> None:
    """The same bucket and key on two servers are two sources."""
    put(s3, "trips.parquet", rows([1]))
    with serve_s3() as other:
        put(other, "trips.parquet", rows([2]))
        for server, expected in ((s3, 1), (other, 2), (s3, 1)):
            spec = source("s3://bucket/trips.parquet", s3_endpoint_override=server.endpoint)
            assert [row["k"] for row in read(engine, spec)] == [expected]


def test_s3_reads_only_what_it_needs(engine: DuckDBEngine, s3: FakeS3) -> None:
    put(s3, "trips.parquet", rows(list(range(1000))))
    spec = source("s3://bucket/trips.parquet", s3_endpoint_override=s3.endpoint)
    assert len(read(engine, spec)) == 1000
    assert sum(command == "HEAD" for command, _ in s3.requests) <= 1


def test_s3_append(engine: DuckDBEngine, s3: FakeS3) -> None:
    """A folder gets one more object; a single object is left alone."""
    put(s3, "trips/a.parquet", rows([1]))
    spec = source("s3://bucket/trips", s3_endpoint_override=s3.endpoint)
    engine.append(spec, rows([2, 3]))
    engine.append(source("s3://bucket/trips/*.parquet", s3_endpoint_override=s3.endpoint), rows([4]))
    assert [row["k"] for row in read(engine, spec)] == [1, 2, 3, 4]
    assert len(s3.objects) == 3
    with pytest.raises(InvalidRequestError, match="lack 'f'"):
        engine.append(spec, rows([5]).drop_columns(["f"]))
    with pytest.raises(UnsupportedError, match=r"a\.parquet"):
        engine.append(source("s3://bucket/trips/a.parquet", s3_endpoint_override=s3.endpoint), rows([5]))
    assert len(s3.objects) == 3


def test_s3_delta(engine: DuckDBEngine, s3: FakeS3, tmp_path: Path) -> None:
    deltalake = pytest.importorskip("deltalake")
    deltalake.write_deltalake(tmp_path / "t", rows([1, 2]))
    deltalake.write_deltalake(tmp_path / "t", rows([3]), mode="append")
    for file in (tmp_path / "t").rglob("*"):
        if file.is_file():
            s3.objects[f"delta/{file.relative_to(tmp_path / 't')}"] = file.read_bytes()
    spec = source("s3://bucket/delta", "delta", s3_endpoint_override=s3.endpoint)
    assert [row["k"] for row in read(engine, spec)] == [1, 2, 3]
    files = tuple(engine.files(spec))
    assert len(files) == 2
    assert len(read(engine, spec, changed=Changed(files=files[:1]))) in (1, 2)


def test_s3_errors(engine: DuckDBEngine, s3: FakeS3) -> None:
    spec = source("s3://bucket/trips", s3_endpoint_override=s3.endpoint)
    with pytest.raises(NotFoundError, match=r"'trips'.*s3://bucket/trips"):
        engine.inspect(spec)
    s3.objects["trips/a.parquet"] = b"PAR1 not really"
    with pytest.raises(CorruptDataError, match="'trips'"):
        engine.inspect(spec)
    s3.denied = True
    with pytest.raises(UnavailableError, match="'trips'") as caught:
        engine.inspect(spec)
    assert "secret-word" not in str(caught.value)


def test_unknown_scheme(engine: DuckDBEngine) -> None:
    with pytest.raises(UnsupportedError, match="ftp://"):
        engine.inspect(source("ftp://host/a.parquet"))
