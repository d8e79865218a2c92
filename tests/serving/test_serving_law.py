"""Whatever is written, in whatever order: online reads are what the oracle says."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from serving_project import Shop, open_shop, view_spec

from repast.app.write import write_to_online_store
from repast.core import oracle
from repast.core.clock import from_us
from repast.core.codec.row import RowCodec
from repast.core.plan.offline import CREATED, EVENT
from repast.testing.strategy import ALL_TYPES, BASE, HOUR, KEY_TYPES, Frame, frames, key_values, moments, ttls, values
from repast.types import DataType, Int64

MISSES = {"NOT_FOUND", "OUTSIDE_MAX_AGE"}


@st.composite
def cases(draw: st.DrawFn) -> tuple[Frame, list[tuple[Any, ...]], int | None, int]:
    """A history, the keys that are asked for, a ttl and the moment."""
    keys = draw(st.lists(st.sampled_from(KEY_TYPES), max_size=2))
    types = draw(st.lists(st.sampled_from(ALL_TYPES), min_size=1, max_size=4))
    frame = draw(frames(keys=keys, features=[(f"f{i}", dtype) for i, dtype in enumerate(types)]))
    asked = draw(st.lists(st.tuples(*(st.none() | key_values(dtype) for dtype in keys)), max_size=5))
    return frame, asked, draw(ttls()), draw(st.one_of(moments(), st.just(BASE + 9 * HOUR)))


def plain(value: Any) -> Any:
    """Return a value such that equal ones have equal reprs: NaN equals itself, 0.0 is not -0.0, zones do not matter."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def same(one: Any, other: Any) -> bool:
    return repr(plain(one)) == repr(plain(other))


def shop_for(frame: Frame, ttl_us: int | None) -> Shop:
    return open_shop(view_spec("v", keys=dict(frame.keys), features=dict(frame.features), ttl_us=ttl_us))


def push_in_pieces(shop: Shop, frame: Frame, order: list[int], cut: int) -> None:
    rows = [frame.rows[i] for i in order]
    for piece in (rows[:cut], rows[cut:]):
        write_to_online_store(shop.workspace, "v", frame.table(piece))


def content_of(frame: Frame) -> Any:
    spec = view_spec(keys=dict(frame.keys), features=dict(frame.features))
    codec, types = RowCodec(spec.layouts[0]), dict(frame.features)

    def content(row: oracle.Row) -> bytes:
        columns = [pa.array([row[name]], types[name].arrow) for name in sorted(types)]
        (value,) = codec.encode(columns, pa.array([0], pa.int64()), pa.array([0], pa.int64()))
        return value

    return content


def read(shop: Shop, frame: Frame, asked: list[tuple[Any, ...]], now_us: int) -> Any:
    features = [f"v:{name}" for name, _ in reversed(frame.features)]
    rows = [dict(zip(frame.key_names, key, strict=True)) for key in asked]
    return shop.reader.read(features, rows, now=from_us(now_us))


@given(cases(), st.data())
def test_online_values_are_the_oracles_latest(
    case: tuple[Frame, list[tuple[Any, ...]], int | None, int], data: st.DataObject
) -> None:
    frame, asked, ttl_us, now_us = case
    order = data.draw(st.permutations(range(len(frame.rows))))
    shop = shop_for(frame, ttl_us)
    push_in_pieces(shop, frame, order, data.draw(st.integers(0, len(order))))

    response = read(shop, frame, asked, now_us)
    served, statuses, times = response.to_dict(), response.statuses, response.event_timestamps

    latest = oracle.latest(frame.rows, keys=frame.key_names, content=content_of(frame))
    for i, key in enumerate(asked):
        found = None if None in key else latest.get(key)
        status, row = oracle.serve(found, now_us=now_us, ttl_us=ttl_us)
        for name, dtype in frame.features:
            expected = pa.array([row[name] if row else None], dtype.arrow).to_pylist()[0]
            assert same(served[name][i], expected)
            assert statuses[name][i].name == ("NULL_VALUE" if status not in MISSES and expected is None else status)
            assert times[name][i] == (from_us(found[EVENT]) if found else None)


@given(cases())
def test_every_form_has_the_same_values(case: tuple[Frame, list[tuple[Any, ...]], int | None, int]) -> None:
    frame, asked, ttl_us, now_us = case
    shop = shop_for(frame, ttl_us)
    push_in_pieces(shop, frame, list(range(len(frame.rows))), 0)
    response = read(shop, frame, asked, now_us)

    table = response.to_arrow()
    assert same(table.to_pydict(), response.to_dict())
    types = dict(frame.keys) | dict(frame.features)
    assert table.schema == pa.schema([(name, types[name].arrow) for name in response.columns])
    arrays = response.to_numpy()
    assert {name: len(array) for name, array in arrays.items()} == dict.fromkeys(response.columns, len(asked))
    assert same(asyncio.run(_aread(shop, frame, asked, now_us)).to_dict(), response.to_dict())


async def _aread(shop: Shop, frame: Frame, asked: list[tuple[Any, ...]], now_us: int) -> Any:
    features = [f"v:{name}" for name, _ in reversed(frame.features)]
    rows = [dict(zip(frame.key_names, key, strict=True)) for key in asked]
    return await shop.reader.aread(features, rows, now=from_us(now_us))


@pytest.mark.parametrize("dtype", ALL_TYPES, ids=str)
@given(st.data())
@settings(max_examples=8)
def test_every_type_comes_back(dtype: DataType, data: st.DataObject) -> None:
    column = data.draw(st.lists(values(dtype), min_size=1, max_size=4))
    frame = Frame(
        (("k0", Int64),),
        (("f0", dtype),),
        [{"k0": i, "f0": value, EVENT: BASE, CREATED: None} for i, value in enumerate(column)],
    )
    shop = shop_for(frame, None)
    push_in_pieces(shop, frame, list(range(len(column))), 0)

    response = read(shop, frame, [(i,) for i in range(len(column))], BASE)

    assert same(response.to_dict()["f0"], pa.array(column, dtype.arrow).to_pylist())
    assert same(response.to_arrow()["f0"].to_pylist(), response.to_dict()["f0"])
    assert [status.name for status in response.statuses["f0"]] == [
        "NULL_VALUE" if value is None else "PRESENT" for value in column
    ]


@given(cases(), st.data())
def test_writing_again_changes_nothing(
    case: tuple[Frame, list[tuple[Any, ...]], int | None, int], data: st.DataObject
) -> None:
    frame, asked, ttl_us, now_us = case
    shop = shop_for(frame, ttl_us)
    push_in_pieces(shop, frame, list(range(len(frame.rows))), 0)
    before = read(shop, frame, asked, now_us).to_dict()

    order = data.draw(st.permutations(range(len(frame.rows))))
    report = write_to_online_store(shop.workspace, "v", frame.table([frame.rows[i] for i in order]))

    candidates = [row for row in frame.rows if oracle.is_candidate(row, frame.key_names)]
    assert (report.written, report.unchanged + report.late) == (0, len(candidates))
    assert report.rejected == len(frame.rows) - len(candidates)
    assert same(read(shop, frame, asked, now_us).to_dict(), before)
