"""Every type, key, zone and file layout goes from the source to the online store and back unchanged."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from load_project import NOW, LoadProject, at, counts, rides

from repast.core.codec.row import RowCodec
from repast.core.manifest import FieldSpec
from repast.core.oracle import latest
from repast.core.plan.offline import CREATED, EVENT
from repast.testing.strategy import ALL_TYPES, KEY_TYPES, ZONES, Frame, frames, key_values, values, wall_times
from repast.types import Date, Int32, Int64, String, UnixTimestamp

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FEWER = settings(max_examples=max(12, settings().max_examples // 3))


@pytest.fixture
def project(tmp_path: Path):
    project = LoadProject(tmp_path)
    yield project
    project.close()


def decoded(project: LoadProject, rows: pa.Table) -> list[dict]:
    """Rows as the online store gives them back, in no order."""
    spec = project.spec()
    stored = project.stored(list(project.values(rows)))
    columns = RowCodec(spec.layouts[-1]).decode_columns(list(stored.values()))
    names = [name for name, _ in spec.layouts[-1].features]
    return [dict(zip(names, row, strict=True)) for row in zip(*(c.to_pylist() for c in columns), strict=True)]


# -- types --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ALL_TYPES, ids=str)
def test_every_type_is_the_same_online_null_and_all(tmp_path, dtype):
    @settings(max_examples=4)
    @given(st.lists(values(dtype), min_size=1, max_size=6))
    def law(items):
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            project = LoadProject(Path(folder))
            rows = rides(*[(i, -1, 0) for i in range(len(items))])
            rows = rows.set_column(2, "trips", pa.array(items, dtype.arrow))
            project.write(rows)
            project.apply(project.view(features={"trips": dtype}))
            project.store.materialize_incremental()
            project.check(rows)
            found = sorted(repr(row["trips"]) for row in decoded(project, rows))
            assert found == sorted(repr(item) for item in rows.column("trips").to_pylist())
            project.close()

    law()


@pytest.mark.parametrize(
    ("source", "dtype", "expected"),
    [
        (pa.array([1, None], pa.int8()), Int32, [1, None]),
        (pa.array([2.0, None], pa.float64()), Int64, [2, None]),
        (pa.array(["a", None]).dictionary_encode(), String, ["a", None]),
        (pa.array(["a", None], pa.large_string()), String, ["a", None]),
        (pa.array([1_999, None], pa.timestamp("ns")), UnixTimestamp, [EPOCH + timedelta(microseconds=1), None]),
        (pa.nulls(2), Int64, [None, None]),
    ],
    ids=["int8", "float", "dictionary", "large", "nanoseconds", "all null"],
)  # fmt: skip
def test_what_fits_is_widened(project, source, dtype, expected):
    rows = rides((1, -1, 0), (2, -1, 0))
    project.write(rows.set_column(2, "trips", source))
    project.apply(project.view(features={"trips": dtype}))
    project.store.materialize_incremental()
    declared = rows.set_column(2, "trips", pa.array(expected, dtype.arrow))
    project.check(declared)


def test_dictionaries_that_differ_between_files_are_not_mixed_up(project):
    one = rides((1, -1, 0), (2, -1, 0)).set_column(2, "trips", pa.array(["a", "b"]).dictionary_encode())
    other = rides((3, -1, 0), (4, -1, 0)).set_column(2, "trips", pa.array(["b", "c"]).dictionary_encode())
    project.write(one, "rides/1.parquet")
    project.write(other, "rides/2.parquet")
    project.apply(project.view(features={"trips": String}))
    project.store.materialize_incremental()
    plain = [table.set_column(2, "trips", table.column("trips").cast(pa.string())) for table in (one, other)]
    project.check(pa.concat_tables(plain))


# -- keys ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", KEY_TYPES, ids=str)
def test_every_key_type_finds_its_rows(tmp_path, dtype):
    @settings(max_examples=3)
    @given(st.lists(st.tuples(key_values(dtype), st.integers(0, 5)), min_size=1, max_size=8))
    def law(pairs):
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            project = LoadProject(Path(folder))
            rows = rides(*[(0, -hours, i) for i, (_, hours) in enumerate(pairs)])
            rows = rows.set_column(0, "driver_id", pa.array([key for key, _ in pairs], dtype.arrow))
            project.write(rows)
            project.apply(project.view(keys={"driver_id": dtype}))
            project.store.materialize_incremental()
            project.check(rows)
            project.close()

    law()


def oracle_check(project: LoadProject, frame: Frame) -> None:
    """Compare with the brute-force oracle: the same number of keys, and each with the same row."""
    spec = project.spec()
    codec = RowCodec(spec.layouts[-1])

    def value(row) -> bytes:
        columns = [pa.array([row[f.name]], f.type.arrow) for f in sorted(spec.features, key=lambda f: f.name)]
        times = [pa.array([row[name]], pa.int64()) for name in (EVENT, CREATED)]
        return codec.encode(columns, *times)[0]

    winners = latest(frame.rows, keys=frame.key_names, content=value)
    assert project.online.count(project.table()) == len(winners)
    stored = project.stored(list(project.values(frame.table())))
    assert sorted(stored.values()) == sorted(value(row) for row in winners.values())


@FEWER
@given(frames())
def test_law_composite_and_entityless_views_hold_what_the_oracle_says(frame):
    with tempfile.TemporaryDirectory() as folder:
        project = LoadProject(Path(folder))
        project.write(frame.table())
        project.apply(
            project.view(
                keys=dict(frame.keys),
                features=dict(frame.features),
                source={"created_timestamp_column": "created"},
            )
        )
        report = project.store.materialize_incremental()
        rejected = sum(row[EVENT] is None or None in [row[name] for name in frame.key_names] for row in frame.rows)
        assert (report.rejected, report.read) == (rejected, len(frame.rows) - rejected)
        oracle_check(project, frame)
        project.close()


def test_keys_that_collide_when_concatenated_stay_apart(project):
    rows = rides((0, -1, 1), (0, -1, 2), (0, -1, 3))
    rows = rows.append_column("a", pa.array(["1", "11", ""])).append_column("b", pa.array(["11", "1", "111"]))
    project.write(rows)
    project.apply(project.view(keys={"b": String, "a": String}))
    project.store.materialize_incremental()
    project.check(rows)
    assert project.online.count(project.table()) == 3


def test_an_entityless_view_has_one_row(project):
    rows = rides((1, -3, 1), (2, -1, 9), (None, -1, 8), (3, 5, 7))
    project.write(rows)
    project.apply(project.view(keys={}))
    assert counts(project.store.materialize_incremental()) == {"read": 3, "written": 1}
    project.check(rows, end=NOW)


# -- times --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", sorted(ZONES))
def test_naive_times_are_in_the_zone_of_the_source_also_when_clocks_change(tmp_path, zone):
    @settings(max_examples=5)
    @given(st.lists(wall_times(zone), min_size=1, max_size=6))
    def law(walls):
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            project = LoadProject(Path(folder))
            project.clock.set(datetime(2030, 1, 1, tzinfo=UTC))
            naive = rides(*[(i, 0, i) for i in range(len(walls))])
            naive = naive.set_column(1, "event_timestamp", pa.array(walls, pa.timestamp("us")))
            project.write(naive)
            project.apply(project.view(source={"timezone": zone}))
            project.store.materialize_incremental()
            instants = [wall.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC) for wall in walls]
            expected = naive.set_column(1, "event_timestamp", pa.array(instants, UnixTimestamp.arrow))
            project.check(expected)
            project.close()

    law()


def test_naive_times_among_the_features_are_in_the_zone_of_the_source_too(project):
    rows = rides((1, -1, 0))
    project.write(rows.set_column(2, "trips", pa.array([datetime(2024, 6, 1, 2)], pa.timestamp("us"))))  # noqa: DTZ001
    project.apply(project.view(features={"trips": UnixTimestamp}, source={"timezone": "Europe/Paris"}))
    project.store.materialize_incremental()
    project.check(rows.set_column(2, "trips", pa.array([datetime(2024, 6, 1, tzinfo=UTC)], UnixTimestamp.arrow)))


def test_nanoseconds_as_pandas_writes_them(project):
    frame = pd.DataFrame(
        {
            "driver_id": [1, 1, 2],
            "event_timestamp": pd.to_datetime(
                ["2024-06-01T11:00:00.000000999", "2024-06-01T11:00:00.000000001", "2024-06-01T12:00:00.000000999"],
                utc=True,
            ).as_unit("ns"),
            "trips": [1, 2, 3],
        }
    )
    target = project.path / "rides/a.parquet"
    target.parent.mkdir()
    frame.to_parquet(target, index=False)
    project.apply(project.view())
    assert counts(project.store.materialize_incremental()) == {"read": 3, "written": 2}
    rows = rides((1, -1, 1), (1, -1, 2), (2, 0, 3))  # both rows of 1 are at the same microsecond: a tie
    project.check(rows)


def test_dates_are_midnight(project):
    rows = rides((1, -12, 1))
    midnight = rows.set_column(1, "event_timestamp", pa.array([NOW.date()], Date.arrow))
    project.write(midnight)
    project.apply(project.view())
    project.store.materialize_incremental()
    project.check(rows)


def test_far_past_and_future_times(project):
    times = [datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)]
    rows = rides((1, 0, 1), (2, 0, 2)).set_column(1, "event_timestamp", pa.array(times, UnixTimestamp.arrow))
    project.write(rows)
    project.apply(project.view())
    project.store.materialize_incremental()
    project.check(rows, end=NOW)
    project.store.materialize_incremental(datetime(9000, 1, 1, tzinfo=UTC))
    project.check(rows)


# -- files --------------------------------------------------------------------------------------------------


def test_csv_files_are_loaded(project):
    rows = rides((1, -1, 1), (2, -2, 2))
    project.write(rows, "rides/a.csv")
    project.apply(project.view(source={"file_format": "csv"}))
    project.store.materialize_incremental()
    project.check(rows)


def test_many_files_are_loaded_and_only_the_new_one_is_read_next(project):
    tables = [rides((i, -1 - i / 1000, i)) for i in range(400)]
    for i, table in enumerate(tables):
        project.write(table, f"rides/day={i:03d}/part.parquet")
    project.apply(project.view())
    assert counts(project.store.materialize_incremental()) == {"read": 400, "written": 400}
    late = rides((1000, -2000, 1))
    project.write(late, "rides/day=400/part.parquet")
    assert counts(project.store.materialize_incremental()) == {"read": 1, "written": 1}
    project.check(pa.concat_tables([*tables, late]))
    assert counts(project.store.materialize_incremental()) == {}


def test_rows_are_mapped_and_pushed_rows_meet_loaded_ones(project):
    rows = rides((1, -2, 1), (2, -1, 2))
    project.write(rows.rename_columns(["id", "at", "n"]))
    project.apply(
        project.view(
            source={"timestamp_field": "at", "field_mapping": {"id": "driver_id", "n": "trips"}},
            ttl=timedelta(days=1),
        )
    )
    pushed = rides((1, -1, 10), (2, -1.5, 20))
    project.store.write_to_online_store("stats", pushed.rename_columns(["driver_id", "at", "trips"]))
    assert counts(project.store.materialize_incremental()) == {"read": 2, "written": 1, "late": 1}
    project.check(pa.concat_tables([rows, pushed]))
    response = project.store.get_online_features(
        ["stats:trips"], [{"driver_id": 1}, {"driver_id": 2}, {"driver_id": 3}], now=at(1)
    )
    assert response.to_dict()["trips"] == [10, 2, None]
    assert FieldSpec(name="trips", dtype="int64") in project.spec().features
