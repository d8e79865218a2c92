"""A spine may be anything tabular; it comes back as it was given, with the features beside it."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from historical_project import BIG, DRIVER_FEATURES, at, driver_rows

from repast.app.spine import to_arrow
from repast.errors import CorruptDataError, InvalidRequestError, InvalidValueError, NotFoundError
from repast.types import Float64, Int64, Json, Map, String, UnixTimestamp

COLUMNS = {"driver_id": [2, 1, 9], "event_timestamp": [at(1), at(5), at(1)], "label": ["x", None, "z"]}
TABLE = pa.table(COLUMNS)
EXPECTED = [BIG, 50, None]


@pytest.fixture
def drivers(shop):
    return shop.apply(shop.view("stats", driver_rows(), features=DRIVER_FEATURES))


class Stream:
    """Anything of another library that speaks Arrow."""

    def __arrow_c_stream__(self, requested_schema=None):
        return TABLE.__arrow_c_stream__(requested_schema)


KINDS = {
    "arrow": lambda: TABLE,
    "batch": lambda: TABLE.to_batches()[0],
    "reader": lambda: TABLE.to_reader(),
    "chunks": lambda: pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1)]),
    "stream": Stream,
    "pandas": lambda: pd.DataFrame(COLUMNS),
    "nullable": lambda: pd.DataFrame(COLUMNS).convert_dtypes(),
    "pandas on arrow": lambda: pd.DataFrame(COLUMNS).convert_dtypes(dtype_backend="pyarrow"),
    "polars": lambda: pl.DataFrame(COLUMNS),
    "lazy": lambda: pl.DataFrame(COLUMNS).lazy(),
    "duckdb": lambda: duckdb.from_arrow(TABLE),
    "columns": lambda: COLUMNS,
    "numpy": lambda: {
        "driver_id": np.array([2, 1, 9]),
        "event_timestamp": np.array([t.replace(tzinfo=None) for t in COLUMNS["event_timestamp"]], "datetime64[ns]"),
        "label": pd.Series(COLUMNS["label"]),
    },
    "rows": lambda: TABLE.to_pylist(),
    "text times": lambda: {**COLUMNS, "event_timestamp": [t.isoformat() for t in COLUMNS["event_timestamp"]]},
}


@pytest.mark.parametrize("kind", KINDS)
def test_any_table_is_a_spine(drivers, kind):
    job = drivers.get(KINDS[kind](), ["stats:trips"])
    table = job.to_arrow()
    assert table.column_names == ["driver_id", "event_timestamp", "label", "trips"]
    assert table["trips"].to_pylist() == EXPECTED
    assert table["label"].to_pylist() == COLUMNS["label"]
    assert job.to_df()["trips"].tolist() == [BIG, 50, pd.NA]
    assert job.to_polars()["trips"].to_list() == EXPECTED


def test_sql_is_a_spine(drivers):
    drivers.rows("orders", TABLE)
    sql = "SELECT driver_id, event_timestamp AS ts, label FROM 'orders.parquet' ORDER BY label NULLS FIRST"
    table = drivers.get(sql, ["stats:trips"]).to_arrow()
    assert table.column_names == ["driver_id", "ts", "label", "trips"]
    assert table["trips"].to_pylist() == [50, BIG, None]


@pytest.mark.parametrize("kind", [str, Path])
def test_a_file_is_a_spine(drivers, tmp_path, kind):
    pq.write_table(TABLE, tmp_path / "orders.parquet")
    pa.csv.write_csv(TABLE.select(["driver_id", "event_timestamp"]), tmp_path / "my orders.csv")
    for name in ("orders.parquet", "my orders.csv"):
        assert drivers.values(kind(tmp_path / name), ["stats:trips"]) == EXPECTED


def test_paths_start_here_or_else_at_the_repo(drivers, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path_factory.mktemp("here"))
    pq.write_table(TABLE.slice(1, 1), drivers.path / "orders.parquet")
    for spine in ("orders.parquet", "SELECT * FROM 'orders.parquet'"):
        assert drivers.values(spine, ["stats:trips"]) == [50]
    pq.write_table(TABLE, "orders.parquet")
    for spine in ("orders.parquet", "SELECT * FROM 'orders.parquet'"):
        assert drivers.values(spine, ["stats:trips"]) == EXPECTED


@pytest.mark.parametrize(
    ("spine", "error", "message"),
    [
        ("orders", InvalidRequestError, "neither SQL nor a path"),
        ("nowhere.parquet", NotFoundError, r"there is no file '.*/nowhere\.parquet'"),
        (Path("nowhere.csv"), NotFoundError, r"there is no file '.*/nowhere\.csv'"),
        ("", InvalidRequestError, "neither SQL nor a path"),
        (5, InvalidRequestError, "must be a pandas or polars DataFrame"),
        ([1, 2], InvalidRequestError, "Row 0 of entity_df must be a mapping"),
        ({"driver_id": 1}, InvalidRequestError, "is no list of values"),
        ({"driver_id": [1], "event_timestamp": []}, InvalidRequestError, "differ in length"),
        ({"driver_id": [1, "a"], "event_timestamp": [at(1)] * 2}, InvalidRequestError, "holds int, str"),
    ],
)
def test_what_is_no_spine_says_why(drivers, spine, error, message):
    with pytest.raises(error, match=message):
        drivers.get(spine, ["stats:trips"])


def test_a_broken_file_says_so(drivers, tmp_path):
    (tmp_path / "orders.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(CorruptDataError, match="cannot be read"):
        drivers.get(str(tmp_path / "orders.parquet"), ["stats:trips"])


# -- pandas ---------------------------------------------------------------------------------------


def odd_frame():
    return pd.DataFrame(
        {
            "driver_id": [1, 2, 2, 9],
            "event_timestamp": [at(5)] * 4,
            "money": [1.5, None, 2.5, 3.5],
            "any": [{"a": 1}, "text", None, 5],
            "kind": pd.Categorical(["a", "b", "a", None]),
            "count": pd.array([1, None, 3, 4], dtype="Int64"),
            "when": pd.period_range("2024-01", periods=4, freq="M"),
            3: [1, 2, 3, 4],
        },
        index=pd.MultiIndex.from_tuples([("a", 1), ("a", 1), (None, 2), ("b", 0)], names=["x", "y"]),
    )


def test_a_pandas_spine_is_untouched(drivers):
    frame = odd_frame()
    result = drivers.get(frame, ["stats:trips", "stats:rating"]).to_df()
    pd.testing.assert_frame_equal(frame, odd_frame())
    pd.testing.assert_frame_equal(result[frame.columns], frame)
    assert result.index.equals(frame.index)
    assert result.index.names == ["x", "y"]
    assert result["trips"].tolist() == [50, BIG, BIG, pd.NA]
    assert [str(result.dtypes[c]) for c in ("trips", "rating")] == ["Int64", "Float64"]


def test_a_key_in_the_index_is_no_column(drivers):
    with pytest.raises(InvalidRequestError, match="no column 'driver_id'"):
        drivers.get(pd.DataFrame(COLUMNS).set_index("driver_id"), ["stats:trips"])


def test_columns_that_cannot_be_arrow_matter_only_when_arrow_is_asked_for(drivers):
    job = drivers.get(odd_frame(), ["stats:trips"])
    assert len(job.to_df()) == 4
    with pytest.raises(InvalidRequestError, match="names must be text"):
        job.to_arrow()


def test_a_missing_key_of_pandas_is_null(drivers):
    frame = pd.DataFrame({"driver_id": [1, None], "event_timestamp": [at(5), at(5)]})
    assert str(frame.dtypes["driver_id"]) == "float64"
    assert drivers.get(frame, ["stats:trips"]).to_df()["trips"].tolist() == [50, pd.NA]


def test_changing_the_frame_afterwards_does_not_change_the_answer(drivers):
    frame = pd.DataFrame(COLUMNS)
    job = drivers.get(frame, ["stats:trips"])
    frame.loc[0, "driver_id"] = 1
    frame["extra"] = 1
    result = job.to_df()
    assert result["driver_id"].tolist() == [2, 1, 9]
    assert result["trips"].tolist() == [BIG, 50, pd.NA]
    assert "extra" not in result


def test_a_polars_spine_keeps_its_own_types(drivers):
    frame = pl.DataFrame(COLUMNS).with_columns(
        pl.col("label").cast(pl.Categorical), pl.col("driver_id").cast(pl.Int16), odd=pl.Series([{"a": 1}] * 3)
    )
    result = drivers.get(frame, ["stats:trips"]).to_polars()
    assert result.drop("trips").equals(frame)
    assert result.drop("trips").schema == frame.schema
    assert result["trips"].to_list() == EXPECTED


# -- time -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "times",
    [
        pa.array([at(5)], pa.timestamp("s", "UTC")),
        pa.array([at(5)], pa.timestamp("ns", "Asia/Tokyo")),
        pa.array([at(5).replace(tzinfo=None)], pa.timestamp("ms")),
        pa.array(["2024-06-01T07:00:00+02:00"]),
        pa.array([date(2024, 6, 2)]),
    ],
    ids=str,
)
def test_times_of_any_kind_will_do(drivers, times):
    assert drivers.values(pa.table({"driver_id": [1], "event_timestamp": times}), ["stats:trips"]) == [50]


def test_the_only_timestamp_is_the_time(drivers):
    asked = pa.table({"driver_id": [1], "seen": [at(5)], "born": [date(2000, 1, 1)]})
    assert drivers.get(asked, ["stats:trips"]).metadata.time_column == "seen"


def test_several_timestamps_need_a_name(drivers):
    asked = pa.table({"driver_id": [1], "seen": [at(5)], "sold": [at(0)]})
    with pytest.raises(InvalidRequestError, match="several timestamp columns: 'seen', 'sold'") as caught:
        drivers.get(asked, ["stats:trips"])
    assert "timestamp_column" in caught.value.hint
    assert drivers.values(asked, ["stats:trips"], timestamp_column="sold") == [10]
    assert drivers.values(asked.rename_columns(["driver_id", "event_timestamp", "sold"]), ["stats:trips"]) == [50]


def test_a_null_time_finds_nothing(drivers):
    asked = pa.table({"driver_id": [1, 1], "event_timestamp": pa.array([None, at(5)], pa.timestamp("us", "UTC"))})
    assert drivers.values(asked, ["stats:trips"]) == [None, 50]
    nothing = pa.table({"driver_id": [1], "event_timestamp": pa.nulls(1, pa.timestamp("us"))})
    assert drivers.values(nothing, ["stats:trips"]) == [None]


# -- keys -----------------------------------------------------------------------------------------


def test_keys_are_cast_without_loss(drivers):
    for keys in (pa.array([1], pa.int8()), pa.array([1.0]), pa.array([1], pa.uint64())):
        assert drivers.values(pa.table({"driver_id": keys, "event_timestamp": [at(5)]}), ["stats:trips"]) == [50]


@pytest.mark.parametrize("key", [1.9, True, float("nan"), "1", 2.0**60])
def test_keys_that_would_change_are_refused_at_the_call(drivers, key):
    asked = pa.table({"driver_id": [key], "event_timestamp": [at(5)]})
    with pytest.raises(InvalidValueError) as caught:
        drivers.get(asked, ["stats:trips"])
    assert "spine column 'driver_id' (join key of feature view 'stats')" in caught.value.message
    assert repr(key) in caught.value.message
    assert "Int64" in caught.value.message


def test_what_lies_under_a_null_key_is_no_key(drivers):
    keys = pa.array([1, 2, 1], mask=np.array([True, False, False]))
    asked = pa.table({"driver_id": keys, "event_timestamp": [at(5)] * 3})
    assert drivers.values(asked, ["stats:trips"]) == [None, BIG, 50]


# -- tables of any kind, as pushes and requests use them too ----------------------------------------


def test_only_the_columns_asked_for_are_looked_at():
    table = to_arrow(odd_frame(), columns=["event_timestamp", "driver_id", "nope"])
    assert table.column_names == ["driver_id", "event_timestamp"]
    assert to_arrow({"a": [1], "b": [object()]}, columns=["a"]).column_names == ["a"]


def test_declared_types_say_what_python_objects_are():
    rows = [{"m": {"a": 1}, "j": {"x": [1]}}, {"m": {"b": None}, "j": None}]
    table = to_arrow(rows, types={"m": Map(String, Int64), "j": Json})
    assert table["m"].to_pylist() == [[("a", 1)], [("b", None)]]
    assert table["j"].to_pylist() == ['{"x":[1]}', None]
    frame = pd.DataFrame({"m": [{"a": 1}, None]})
    assert to_arrow(frame, types={"m": Map(String, Int64)})["m"].to_pylist() == [[("a", 1)], None]


def test_rows_may_lack_columns():
    assert to_arrow([{"a": 1}, {"b": "x"}]).to_pylist() == [{"a": 1, "b": None}, {"a": None, "b": "x"}]
    assert to_arrow([]).num_rows == to_arrow({}).num_rows == 0
    assert to_arrow([{}, {}]).num_rows == 2


def test_nan_is_null_in_pandas_and_a_value_elsewhere():
    nan = float("nan")
    assert to_arrow(pd.DataFrame({"a": [1.0, nan]}))["a"].null_count == 1
    assert to_arrow(pl.DataFrame({"a": [1.0, nan]}))["a"].null_count == 0
    assert to_arrow({"a": [1.0, nan]}, types={"a": Float64})["a"].null_count == 0
    assert to_arrow({"a": np.array([1.0, nan])})["a"].null_count == 0


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns named 'a'"),
        (pd.DataFrame([[1]], columns=[0]), "names must be text"),
        (pd.DataFrame({"a": [1, "x"]}), "column 'a' of the table holds int, str"),
        (pd.Series([1]), "must be a pandas or polars DataFrame|no stream of record batches"),
        ("text", "must be a pandas or polars DataFrame"),
        ([{"a": 1}, 5], "Row 1 of the table must be a mapping"),
        ({"a": "abc"}, "is no list of values"),
        ({"a": [{1}, object()]}, "not of one type"),
    ],
)
def test_what_is_no_table_is_refused(frame, message):
    with pytest.raises(InvalidRequestError, match=message):
        to_arrow(frame)


def test_reading_a_frame_imports_no_other_library():
    import subprocess
    import sys

    program = (
        "import sys; from repast.app.spine import to_arrow; to_arrow([{'a': 1}]); to_arrow({'a': [1]});"
        "assert not {'polars', 'duckdb'} & set(sys.modules)"  # pyarrow itself may load pandas
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_typed_times_of_rows_keep_their_zone():
    noon = datetime.fromisoformat("2024-06-01T12:00:00+02:00")
    table = to_arrow([{"t": noon}, {"t": "2024-06-01T10:00:00Z"}], types={"t": UnixTimestamp})
    assert table["t"].to_pylist() == [noon, noon]
