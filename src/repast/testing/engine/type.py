"""Rules of types: features come back as they are, keys match without loss."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repast.core.oracle import Row
from repast.core.plan.offline import CREATED, EVENT, ROW, TIME, FeatureColumn, KeyColumn, PointInTimeJoin, ReadRows
from repast.errors import InvalidValueError
from repast.testing.engine.base import Bench, by_row, check_join, fewer_examples, join_plan, spine_table
from repast.testing.strategy import ALL_TYPES, BASE, KEY_TYPES, Frame, key_values, values
from repast.types import DataType, Int32, Int64, String, Uuid

_SOME_KEY: dict[DataType, object] = {Int32: 1, Int64: 1, Uuid: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"}
_TIMES = pa.timestamp("us", "UTC")


class TypeRules:
    """Nothing is changed on the way, nothing is truncated."""

    @pytest.mark.parametrize("dtype", ALL_TYPES, ids=str)
    def test_features_come_back_as_they_are(self, bench: Bench, dtype: DataType) -> None:
        """Every type with null, empty, NaN, -0.0, extremes and all-null columns comes back equal."""
        key = (KeyColumn("id", "id", Int64),)

        def check(column: list[Any]) -> None:
            stored = pa.array(column, dtype.arrow)
            ids = pa.array(range(len(column)), pa.int64())
            rows = pa.table({"id": ids, "t": pa.array([BASE] * len(column), _TIMES), "f": stored})
            source = bench.store(rows, event="t", created=None, name="typed")
            features = (FeatureColumn("f", "f", dtype),)
            spine = pa.table({ROW: ids, TIME: pa.array([BASE] * len(column), pa.int64()), "id": ids})
            found = (
                bench.engine.run(ReadRows(view="view", source=source, keys=key, features=features)),
                bench.engine.run(PointInTimeJoin(view="view", source=source, keys=key, features=features), spine),
            )
            for reader, order in zip(found, ("id", ROW), strict=True):
                back = reader.read_all().sort_by(order).column("f").cast(dtype.arrow)
                assert repr(back.to_pylist()) == repr(stored.to_pylist())

        check([None, None])
        fewer_examples()(given(st.lists(values(dtype), max_size=30).map(bench.fit))(check))()

    @pytest.mark.parametrize("dtype", KEY_TYPES, ids=str)
    def test_keys_of_every_type_match(self, bench: Bench, dtype: DataType) -> None:
        """Each key finds its own rows and no others."""

        @fewer_examples()
        @given(st.lists(key_values(dtype), min_size=1, max_size=4, unique_by=repr).map(bench.fit))
        def check(keys: list[Any]) -> None:
            rows: list[Row] = [{"k": key, EVENT: BASE, CREATED: None, "v": i} for i, key in enumerate(keys)]
            frame = Frame((("k", dtype),), (("v", Int64),), rows)
            spine: list[Row] = [{"k": key, TIME: BASE} for key in keys]
            plan = join_plan(frame, bench.store(frame.table(), name="keyed"))
            found = bench.read(plan, spine_table(frame, spine))
            check_join(frame, spine, found)
            assert len(by_row(found)) == len(keys)

        check()

    def _join(self, bench: Bench, column: pa.Array, dtype: DataType, wanted: list[Any]) -> dict[int, list[Row]]:
        rows = pa.table({"id": column, "t": pa.array([BASE] * len(column), _TIMES)})
        plan = PointInTimeJoin(
            view="trips",
            source=bench.store(rows, event="t", created=None),
            keys=(KeyColumn("driver", "id", dtype),),
            features=(FeatureColumn("f", "id", dtype),),
        )
        spine = {ROW: pa.array(range(len(wanted)), pa.int64()), TIME: pa.array([BASE] * len(wanted), pa.int64())}
        return by_row(bench.read(plan, pa.table(spine | {"driver": pa.array(wanted, dtype.arrow)})))

    @pytest.mark.parametrize(
        ("source", "dtype"),
        [
            (pa.int8(), Int64),
            (pa.uint32(), Int64),
            (pa.uint64(), Int64),
            (pa.int64(), Int32),
            (pa.float64(), Int64),
            (pa.float32(), Int32),
        ],
        ids=str,
    )
    def test_keys_of_other_number_types_match(self, bench: Bench, source: pa.DataType, dtype: DataType) -> None:
        """A source may keep keys in another number type: 1.0 is the key 1; null is no key."""
        found = self._join(bench, pa.array([1, 2, None], source), dtype, [1, 3, 2])
        assert sorted(found) == [0, 2]

    @pytest.mark.parametrize(
        ("source", "dtype", "value", "words"),
        [
            (pa.float64(), Int64, 1.9, "1.9"),
            (pa.float64(), Int64, float("nan"), "nan"),
            (pa.float64(), Int64, 1e30, "e"),
            (pa.int64(), Int32, 2**40, str(2**40)),
            (pa.uint64(), Int64, 2**64 - 1, str(2**64 - 1)),
            (pa.string(), Uuid, "no uuid", "no uuid"),
        ],
        ids=str,
    )
    def test_keys_that_would_lose_are_refused(
        self, bench: Bench, source: pa.DataType, dtype: DataType, value: object, words: str
    ) -> None:
        """A key that does not fit the entity's type is refused by view, column and value; nothing is rounded."""
        with pytest.raises(InvalidValueError) as caught:
            self._join(bench, pa.array([value], source), dtype, [_SOME_KEY[dtype]])
        message = str(caught.value).lower()  # NaN has many spellings
        assert all(word in message for word in ("'trips'", "'id'", words)), message

    @pytest.mark.parametrize(
        ("source", "dtype"),
        [(pa.string(), Int64), (pa.int64(), String), (pa.bool_(), Int64), (pa.int64(), Uuid), (pa.binary(), String)],
        ids=str,
    )
    def test_keys_of_unrelated_types_are_refused(self, bench: Bench, source: pa.DataType, dtype: DataType) -> None:
        """A column whose type can hold no such key is refused at once: "1" is not the key 1."""
        with pytest.raises(InvalidValueError) as caught:
            self._join(bench, pa.array([None], source), dtype, [])
        assert all(word in str(caught.value) for word in ("'trips'", "'id'", str(dtype)))

    def test_uuid_keys_are_compared_canonically(self, bench: Bench) -> None:
        """Upper-case text of a uuid is the same key."""
        text = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
        assert sorted(self._join(bench, pa.array([text.upper()]), Uuid, [text])) == [0]
