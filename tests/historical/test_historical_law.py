"""Training data is what the oracle says, for any rows, spine, ttl, as_of, alias and choice of features."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repast.app.historical import retrieve
from repast.backends.offline.duckdb import DuckDBEngine
from repast.core.cast import cast_array
from repast.core.clock import from_us
from repast.core.codec.row import RowCodec
from repast.core.manifest import (
    FeatureViewSpec,
    FieldSpec,
    LayoutSpec,
    Manifest,
    ProjectionSpec,
    ProjectSpec,
    SourceSpec,
)
from repast.core.oracle import EVENT, TIME, Row, is_candidate, point_in_time
from repast.testing.strategy import ALL_TYPES, BASE, HOUR, Frame, frames, spines, ttls
from repast.types import Float32, Float64, UnixTimestamp


class World:
    """Frames as sources and views of a workspace that only training data needs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.engine = DuckDBEngine(repo_path=folder, threads=2)
        self.files = 0

    def job(self, views: dict[str, tuple[Frame, int | None]], spine: Any, features: list[Any], **options: Any) -> Any:
        """Retrieve from views of these frames and ttls."""
        sources = {name: self.source(name, frame.table()) for name, (frame, _) in views.items()}
        return self.job_on(sources, views, spine, features, **options)

    def job_on(
        self,
        sources: dict[str, SourceSpec],
        views: dict[str, tuple[Frame, int | None]],
        spine: Any,
        features: list[Any],
        **options: Any,
    ) -> Any:
        """Retrieve from views on sources that are there already."""
        manifest = Manifest(
            project=ProjectSpec(name="shop"),
            feature_views={name: view_spec(name, frame, ttl_us) for name, (frame, ttl_us) in views.items()},
            data_sources=sources,
            generation=1,
        )
        registry = SimpleNamespace(manifest=lambda: manifest)
        workspace: Any = SimpleNamespace(
            registry=registry, engine=self.engine, functions=None, config=SimpleNamespace(repo_path=self.folder)
        )
        return retrieve(workspace, spine, features, **options)

    def source(self, name: str, rows: pa.Table) -> SourceSpec:
        """Write rows to a file of their own."""
        self.files += 1
        path = f"{name}_{self.files}.parquet"
        pq.write_table(rows, self.folder / path)
        return SourceSpec(
            name=name,
            source_type="file",
            options={"path": path, "file_format": "parquet"},
            timestamp_field="event_timestamp",
            created_timestamp_column="created",
        )


def view_spec(name: str, frame: Frame, ttl_us: int | None) -> FeatureViewSpec:
    return FeatureViewSpec(
        name=name,
        join_keys=tuple(FieldSpec(name=k, dtype=t.to_json()) for k, t in frame.keys),
        features=tuple(FieldSpec(name=f, dtype=t.to_json()) for f, t in frame.features),
        source=name,
        ttl_us=ttl_us,
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("world"))
    yield world
    world.engine.close()


def content_of(frame: Frame) -> Any:
    """The content that breaks ties: the encoded row of all features."""
    types = dict(frame.features)
    codec = RowCodec(LayoutSpec(version=1, features=tuple((name, types[name].to_json()) for name in sorted(types))))
    none = pa.nulls(1, pa.int64())

    def content(row: Row) -> bytes:
        columns = [cast_array(pa.array([row[n]], types[n].arrow), types[n], subject=n) for n in sorted(types)]
        return codec.encode(columns, pa.array([0]), none)[0]

    return content


def spine_table(frame: Frame, spine: list[Row]) -> pa.Table:
    columns = {name: pa.array([row[name] for row in spine], dtype.arrow) for name, dtype in frame.keys}
    columns["label"] = pa.array(range(len(spine)))
    columns["event_timestamp"] = pa.array([row[TIME] for row in spine], UnixTimestamp.arrow)
    return pa.table(columns)


def typed(frame: Frame, answers: list[Row | None], name: str) -> list[Any]:
    dtype = dict(frame.features)[name]
    array = pa.array([None if answer is None else answer[name] for answer in answers], dtype.arrow)
    return cast_array(array, dtype, subject=name).to_pylist()


as_ofs = st.sampled_from(("event", "available"))


@given(frames(), ttls(), as_ofs, st.data())
def test_every_value_is_what_the_oracle_says(world, frame, ttl_us, as_of, data):
    spine = data.draw(spines(frame))
    names = data.draw(st.lists(st.sampled_from([n for n, _ in frame.features]), min_size=1, unique=True))
    table = spine_table(frame, spine)
    result = world.job({"v": (frame, ttl_us)}, table, [f"v:{name}" for name in names], as_of=as_of).to_arrow()
    answers = point_in_time(
        frame.rows, spine, keys=frame.key_names, content=content_of(frame), ttl_us=ttl_us, as_of=as_of
    )
    assert result.select(table.column_names).equals(table)
    assert result.column_names == [*table.column_names, *names]
    for name in names:
        assert result.schema.field(name).type == dict(frame.features)[name].arrow
        assert repr(result[name].to_pylist()) == repr(typed(frame, answers, name))


@given(st.sampled_from(ALL_TYPES), st.data())
def test_every_type_comes_back_as_it_was_declared(world, dtype, data):
    frame = data.draw(frames(features=[("f", dtype), ("z", dtype)], max_rows=8))
    spine = data.draw(spines(frame))
    job = world.job({"v": (frame, None)}, spine_table(frame, spine), ["v:f"])
    result = job.to_arrow()
    written = pq.read_table(job.to_parquet(world.folder / "out" / "types.parquet"))
    answers = point_in_time(frame.rows, spine, keys=frame.key_names, content=content_of(frame))
    expected = repr(typed(frame, answers, "f"))
    assert result.schema.field("f").type == written.schema.field("f").type == dtype.arrow
    assert repr(result["f"].to_pylist()) == repr(written["f"].to_pylist()) == expected
    nulls = [value is None for value in result["f"].to_pylist()]
    assert job.to_polars()["f"].is_null().to_list() == nulls
    if dtype not in (Float32, Float64):  # pandas has one missing value, and NaN is it
        assert job.to_pandas()["f"].isna().tolist() == nulls


@given(frames(), st.randoms(use_true_random=False), st.data())
def test_the_order_of_the_sources_rows_and_of_the_spines_changes_nothing(world, frame, random, data):
    spine = data.draw(spines(frame))
    order = list(range(len(spine)))
    random.shuffle(order)
    shuffled = list(frame.rows)
    random.shuffle(shuffled)
    views, table = {"v": (frame, None)}, spine_table(frame, spine)
    before = world.job(views, table, ["v:n", "v:x"]).to_arrow().take(pa.array(order, pa.int64()))
    sources = {"v": world.source("v", frame.table(shuffled))}
    after = world.job_on(sources, views, table.take(pa.array(order, pa.int64())), ["v:n", "v:x"]).to_arrow()
    assert repr(before.to_pylist()) == repr(after.to_pylist())


@given(frames(), ttls(), st.data())
def test_the_future_changes_nothing(world, frame, ttl_us, data):
    spine = data.draw(spines(frame))
    latest = max((row[TIME] for row in spine), default=0)
    past = [row for row in frame.rows if row[EVENT] is None or row[EVENT] <= latest]
    views, table = {"v": (frame, ttl_us)}, spine_table(frame, spine)
    whole = world.job(views, table, ["v:n"]).to_arrow()
    known = world.job_on({"v": world.source("v", frame.table(past))}, views, table, ["v:n"]).to_arrow()
    assert repr(known.to_pylist()) == repr(whole.to_pylist())


@given(frames(), ttls(), st.integers(1, 4), st.data())
def test_asking_in_parts_is_asking_at_once(world, frame, ttl_us, size, data):
    spine = data.draw(spines(frame))
    views, table = {"v": (frame, ttl_us)}, spine_table(frame, spine)
    sources = {"v": world.source("v", frame.table())}
    whole = world.job_on(sources, views, table, ["v:n", "v:s"]).to_arrow().to_pylist()
    slices = [table.slice(i, size) for i in range(0, table.num_rows, size)]
    parts = [world.job_on(sources, views, part, ["v:n", "v:s"]).to_arrow() for part in slices]
    batches = list(world.job_on(sources, views, table, ["v:n", "v:s"]).to_batches(size))
    assert repr([row for part in parts for row in part.to_pylist()]) == repr(whole)
    assert repr([row for batch in batches for row in batch.to_pylist()]) == repr(whole)
    assert [batch.num_rows for batch in batches[:-1]] == [size] * (len(batches) - 1)


@given(frames(), frames(keys=()), as_ofs, st.data())
def test_views_do_not_see_each_other(world, frame, other, as_of, data):
    """Two views, one without an entity, and an alias of the first through other columns, all at once."""
    spine = data.draw(spines(frame))
    twin = data.draw(st.permutations(range(len(spine))))
    table = spine_table(frame, spine)
    for name in frame.key_names:
        table = table.append_column(f"other_{name}", table[name].take(pa.array(twin, pa.int64())))
    asked = [
        ProjectionSpec(view="v", features=("n",)),
        ProjectionSpec(view="w", features=("n", "x")),
        ProjectionSpec(
            view="v", features=("n",), name_alias="o", join_key_map={k: f"other_{k}" for k in frame.key_names}
        ),
    ]
    views = {"v": (frame, None), "w": (other, None)}
    result = world.job(views, table, asked, full_feature_names=True, as_of=as_of).to_arrow()
    aliased = [{**row, **{k: spine[j][k] for k in frame.key_names}} for row, j in zip(spine, twin, strict=True)]
    for column, source, rows in (("v__n", frame, spine), ("w__n", other, spine), ("o__n", frame, aliased)):
        answers = point_in_time(source.rows, rows, keys=source.key_names, content=content_of(source), as_of=as_of)
        assert repr(result[column].to_pylist()) == repr(typed(source, answers, "n"))


def moments_of(
    frame: Frame, start_us: int | None, end_us: int | None, last_n: int | None
) -> list[tuple[tuple[Any, ...], int]]:
    """The distinct (keys, event time) in a range, sorted; of each key the last n."""
    found = {
        (tuple(row[k] for k in frame.key_names), row[EVENT])
        for row in frame.rows
        if is_candidate(row, frame.key_names)
        and (start_us is None or row[EVENT] >= start_us)
        and (end_us is None or row[EVENT] <= end_us)
    }
    later = {m: sum(o[0] == m[0] and o[1] > m[1] for o in found) for m in found}
    return sorted(m for m in found if last_n is None or later[m] < last_n)


hours = st.one_of(st.none(), st.integers(0, 4))


@given(frames(), hours, hours, st.one_of(st.none(), st.integers(1, 3)), ttls(), as_ofs)
def test_without_a_spine_the_rows_themselves_are_one(world, frame, first, length, last_n, ttl_us, as_of):
    start = None if first is None else BASE + first * HOUR
    end = None if length is None else (start or BASE) + length * HOUR
    if start is None and end is None and last_n is None:
        start = BASE - HOUR
    moments = moments_of(frame, start, end, last_n)
    spine = [{**dict(zip(frame.key_names, keys, strict=True)), TIME: us} for keys, us in moments]
    result = world.job(
        {"v": (frame, ttl_us)},
        None,
        ["v:n", "v:s"],
        as_of=as_of,
        last_n=last_n,
        start_date=None if start is None else from_us(start),
        end_date=None if end is None else from_us(end),
    ).to_arrow()
    answers = point_in_time(
        frame.rows, spine, keys=frame.key_names, content=content_of(frame), ttl_us=ttl_us, as_of=as_of
    )
    assert result.column_names == [*frame.key_names, "event_timestamp", "n", "s"]
    assert result["event_timestamp"].cast(pa.int64()).to_pylist() == [us for _, us in moments]
    for place, key in enumerate(frame.key_names):
        assert result[key].to_pylist() == [keys[place] for keys, _ in moments]
    for name in ("n", "s"):
        assert repr(result[name].to_pylist()) == repr(typed(frame, answers, name))
