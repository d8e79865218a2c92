"""Hypothesis strategies: whole projects as definitions, with the schemas of their sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import pyarrow as pa
from hypothesis import strategies as st

from repast import (
    BatchSource,
    Entity,
    FeatureService,
    FeatureView,
    Field,
    FileSource,
    OnDemandFeatureView,
    PostgreSQLSource,
    Project,
    PushSource,
    RequestSource,
    SnowflakeSource,
    SparkSource,
)
from repast.core.definitions import Definition, FeatureViewProjection, UserFunction
from repast.core.manifest import SourceSpec
from repast.types import Array, Bool, DataType, Date, Float32, Float64, Int32, Int64, Map, String, Struct, UnixTimestamp

FEATURE_TYPES: tuple[DataType, ...] = (
    Bool,
    Int32,
    Int64,
    Float32,
    Float64,
    String,
    UnixTimestamp,
    Date,
    Array(Int64),
    Map(String, Float64),
    Struct({"b": Int64, "a": String}),
)
PLACES: tuple[tuple[type[BatchSource], dict[str, str]], ...] = (
    (FileSource, {"path": "data/x.parquet"}),
    (FileSource, {"path": "s3://bucket/y/*.parquet"}),
    (FileSource, {"path": "z.csv"}),
    (PostgreSQLSource, {"table": 'public."Odd name"'}),
    (PostgreSQLSource, {"query": "SELECT * FROM t"}),
    (SnowflakeSource, {"database": "D", "schema": "S", "table": "T"}),
    (SparkSource, {"path": "s3://bucket/z", "file_format": "csv"}),
)
KEYS: Mapping[str, DataType] = {"a_id": Int64, "b_id": String, "c_id": Int32, "d_id": Date}


@dataclass(frozen=True)
class World:
    """Definitions, and what an engine would say of their sources."""

    definitions: tuple[Definition, ...]
    schemas: Mapping[str, pa.Schema]

    def inspect(self, sources: Sequence[SourceSpec]) -> dict[str, pa.Schema]:
        return {source.name: self.schemas[source.name] for source in sources}


METADATA: tuple[dict[str, object], ...] = (
    {},
    {"description": "größer", "tags": {"team": "x", "tier": ""}},
    {"owner": "two words", "tags": {"team": "y"}},
)
FIELD_METADATA: tuple[dict[str, object], ...] = ({}, {"description": "in km", "tags": {"unit": "km"}})


def metadata() -> st.SearchStrategy[dict[str, object]]:
    return st.sampled_from(METADATA)


def _function(name: str) -> UserFunction:
    return UserFunction(f"features:{name}", f"def {name}(inputs): ...", f"{name:0<64}")


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw a project: a few entities, sources, views, on-demand views and services that fit together."""
    entities = draw(_entities())
    sources, schemas = draw(_sources())
    views = [draw(_view(f"v{n}", entities, sources, schemas)) for n in range(draw(st.integers(1, 4)))]
    on_demand = [draw(_on_demand(f"o{n}", views)) for n in range(draw(st.integers(0, 2)))]
    services = [draw(_service(f"s{n}", [*views, *on_demand])) for n in range(draw(st.integers(0, 2)))]
    project = [Project(name="p", **draw(metadata()))] if draw(st.booleans()) else []
    definitions = [*project, *entities, *sources, *views, *on_demand, *services]
    return World(tuple(draw(st.permutations(definitions))), schemas)


@st.composite
def _entities(draw: st.DrawFn) -> list[Entity]:
    groups = draw(st.sampled_from([(("a_id",), ("b_id",)), (("a_id", "c_id"), ("d_id",)), (("b_id",),)]))
    found = []
    for n, keys in enumerate(groups):
        typed = draw(st.booleans())
        found.append(Entity(name=f"e{n}", join_keys={k: KEYS[k] if typed else None for k in keys}, **draw(metadata())))
    return found


@st.composite
def _sources(draw: st.DrawFn) -> tuple[list[BatchSource], dict[str, pa.Schema]]:
    sources, schemas = [], {}
    for n in range(draw(st.integers(1, 2))):
        name = f"src{n}"
        created = draw(st.booleans())
        mapping = {"raw_f0": "f0"} if draw(st.booleans()) else {}
        columns = [(key, dtype.arrow) for key, dtype in KEYS.items()]
        columns += [("ts", pa.timestamp("ns"))] + ([("created", pa.timestamp("us", tz="UTC"))] if created else [])
        features = draw(st.lists(st.sampled_from(FEATURE_TYPES[:5] + FEATURE_TYPES[7:]), min_size=1, max_size=4))
        columns += [("raw_f0" if mapping and i == 0 else f"f{i}", dtype.arrow) for i, dtype in enumerate(features)]
        schemas[name] = pa.schema(columns)
        cls, place = draw(st.sampled_from(PLACES))
        sources.append(
            cls(
                name=name,
                **place,
                timestamp_field=draw(st.sampled_from([None, "ts"])) if not created else "ts",
                created_timestamp_column="created" if created else None,
                field_mapping=mapping,
                timezone=draw(st.sampled_from(["UTC", "Europe/Paris"])),
                lateness=draw(st.sampled_from([timedelta(0), timedelta(hours=3, microseconds=1)])),
                **draw(metadata()),
            )
        )
    return sources, schemas


@st.composite
def _view(
    draw: st.DrawFn, name: str, entities: list[Entity], sources: list[BatchSource], schemas: dict[str, pa.Schema]
) -> FeatureView:
    source = draw(st.sampled_from(sources))
    chosen = draw(st.lists(st.sampled_from(entities), unique=True, max_size=2))
    types = {source.field_mapping.get(f.name, f.name): f.type for f in schemas[source.name]}
    by_arrow = {dtype.arrow: dtype for dtype in FEATURE_TYPES}
    field_metadata = draw(st.sampled_from(FIELD_METADATA))
    features = [Field(name=n, dtype=by_arrow[t], **field_metadata) for n, t in types.items() if n.startswith("f")]
    schema = draw(st.one_of(st.just([]), st.lists(st.sampled_from(features), min_size=1, unique=True)))
    if schema and draw(st.booleans()):
        schema = [Field(name=k.name, dtype=KEYS[k.name]) for e in chosen for k in e.join_keys] + schema
    pushed = draw(st.booleans())
    return FeatureView(
        name=name,
        entities=chosen,
        source=PushSource(name=f"push_{name}", batch_source=source) if pushed else source,
        schema=schema,
        ttl=draw(st.sampled_from([None, timedelta(0), timedelta(days=1), timedelta(microseconds=1)])),
        online=draw(st.booleans()),
        offline=draw(st.booleans()),
        **draw(metadata()),
    )


@st.composite
def _projection(draw: st.DrawFn, view: FeatureView | OnDemandFeatureView) -> FeatureViewProjection:
    projection = FeatureViewProjection(view=view)
    names = [field.name for field in view.features]
    if names and draw(st.booleans()):
        projection = projection[draw(st.lists(st.sampled_from(names), min_size=1, unique=True))]
    if draw(st.booleans()):
        projection = projection.with_name(f"{view.name}_alias")
    if isinstance(view, FeatureView) and view.join_keys and draw(st.booleans()):
        projection = projection.with_join_key_map({view.join_keys[0]: "other"})
    return projection


@st.composite
def _on_demand(draw: st.DrawFn, name: str, views: list[FeatureView]) -> OnDemandFeatureView:
    inputs = draw(st.lists(st.sampled_from(views), unique=True, max_size=2))
    sources = [draw(_projection(view)) for view in inputs]
    if not sources or draw(st.booleans()):
        sources.append(RequestSource(name=f"request_{name}", schema=[Field(name=f"amount_{name}", dtype=Float64)]))
    return OnDemandFeatureView(
        name=name,
        sources=sources,
        schema=[Field(name=f"{name}_out", dtype=draw(st.sampled_from(FEATURE_TYPES)))],
        function=_function(name),
        mode=draw(st.sampled_from(["python", "pandas", "arrow", "polars"])),
        **draw(metadata()),
    )


@st.composite
def _service(draw: st.DrawFn, name: str, views: list[FeatureView | OnDemandFeatureView]) -> FeatureService:
    chosen = draw(st.lists(st.sampled_from(views), min_size=1, max_size=3, unique=True))
    return FeatureService(name=name, features=[draw(_projection(view)) for view in chosen], **draw(metadata()))
