"""What definitions mean once sources are known, and everything that is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest

from repast import (
    Entity,
    FeatureService,
    FeatureView,
    Field,
    FileSource,
    OnDemandFeatureView,
    Project,
    PushSource,
    RequestSource,
)
from repast.core.definitions import Definition, UserFunction
from repast.core.describe import get_definition, list_definitions
from repast.core.manifest import Manifest, ProjectSpec, SourceSpec
from repast.core.plan.apply import plan_changes
from repast.core.resolve import resolve_definitions
from repast.errors import InvalidDefinitionError, NotFoundError
from repast.types import Float64, Int32, Int64, Json, String

EMPTY = Manifest(project=ProjectSpec(name="p"))
TS = pa.timestamp("us", tz="UTC")
STATS = {"driver_id": pa.int64(), "ts": TS, "created": TS, "trips": pa.int32(), "rate": pa.float64()}


class Sources:
    """Schemas by source name; counts what is looked at."""

    def __init__(self, **schemas: dict[str, pa.DataType] | Exception) -> None:
        self.schemas = schemas
        self.inspected: list[str] = []

    def __call__(self, sources: Sequence[SourceSpec]):
        self.inspected += [source.name for source in sources]
        found = {s.name: self.schemas[s.name] for s in sources}
        return {n: s if isinstance(s, Exception) else pa.schema(list(s.items())) for n, s in found.items()}


def resolve(*definitions, base: Manifest = EMPTY, partial: bool = True, **schemas) -> Manifest:
    sources = Sources(**({"stats": STATS} | schemas))
    manifest = resolve_definitions(definitions, base=base, inspect=sources, partial=partial)
    assert len(sources.inspected) == len(set(sources.inspected)), "each source is looked at once"
    return plan_changes(base, manifest).target


def problems(*definitions, base: Manifest = EMPTY, partial: bool = True, **schemas) -> list[str]:
    with pytest.raises(InvalidDefinitionError) as caught:
        resolve(*definitions, base=base, partial=partial, **schemas)
    return [f"{p.subject}: {p.message} {p.hint}" for p in caught.value.problems]


def source(name: str = "stats", **options) -> FileSource:
    defaults = {"timestamp_field": "ts", "created_timestamp_column": "created"}
    return FileSource(name=name, path=f"{name}.parquet", **defaults | options)


DRIVER = Entity(name="driver", join_keys=["driver_id"])


def view(name: str = "v", **options) -> FeatureView:
    return FeatureView(**{"name": name, "entities": [DRIVER], "source": source()} | options)


# -- inference ------------------------------------------------------------------------------------


def test_everything_left_out_is_inferred():
    manifest = resolve(view(source=source(timestamp_field=None, created_timestamp_column="created")))
    assert manifest.data_sources["stats"].timestamp_field == "ts"
    assert {k.name: k.type for k in manifest.entities["driver"].join_keys} == {"driver_id": Int64}
    spec = manifest.feature_views["v"]
    assert {k.name: k.type for k in spec.join_keys} == {"driver_id": Int64}
    assert {f.name: f.type for f in spec.features} == {"trips": Int32, "rate": Float64}


def test_a_declared_schema_is_kept_as_it_is():
    features = [Field(name="rate", dtype=Float64, description="per day", tags={"unit": "1/d"})]
    (feature,) = resolve(view(schema=features)).feature_views["v"].features
    assert (feature.name, feature.description, feature.tags) == ("rate", "per day", {"unit": "1/d"})


def test_a_schema_of_keys_types_the_keys_and_infers_the_features():
    spec = resolve(view(schema=[Field(name="driver_id", dtype=Int64, description="who")])).feature_views["v"]
    assert spec.join_keys[0].description == "who"
    assert [f.name for f in spec.features] == ["trips", "rate"]


def test_mapped_columns_have_their_new_names():
    mapped = source(field_mapping={"trips": "rides", "driver_id": "id", "ts": "when"})
    driver = Entity(name="driver", join_keys=["id"])
    spec = resolve(view(entities=[driver], source=mapped)).feature_views["v"]
    assert [k.name for k in spec.join_keys] == ["id"]
    assert [f.name for f in spec.features] == ["rides", "rate"]


def test_key_types_come_from_entity_then_schema_then_source():
    plain = {"stats": STATS | {"driver_id": pa.int32()}}
    typed = Entity(name="driver", join_keys={"driver_id": Int64})
    declared = view(schema=[Field(name="driver_id", dtype=Int64), Field(name="rate", dtype=Float64)])
    assert resolve(view(entities=[typed]), **plain).feature_views["v"].join_keys[0].type == Int64
    assert resolve(declared, **plain).feature_views["v"].join_keys[0].type == Int64
    assert resolve(view(), **plain).feature_views["v"].join_keys[0].type == Int32


def test_a_view_follows_the_key_type_that_another_view_of_the_entity_declares():
    one = view("one", schema=[Field(name="driver_id", dtype=Int64), Field(name="rate", dtype=Float64)])
    other = view("other", source=source("small"))
    manifest = resolve(one, other, small=STATS | {"driver_id": pa.int32()})
    assert manifest.feature_views["other"].join_keys[0].type == Int64


def test_an_entity_that_no_view_uses_has_no_type_until_one_does():
    alone = resolve(DRIVER)
    assert alone.entities["driver"].join_keys[0].dtype == ""
    assert get_definition(alone, "entities", "driver").join_keys[0].dtype is None
    used = resolve(view(), base=alone)
    assert used.entities["driver"].join_keys[0].type == Int64
    assert plan_changes(used, resolve(DRIVER, base=used)).is_empty


def test_what_is_referred_to_is_registered_too():
    push = PushSource(name="push", batch_source=source())
    request = RequestSource(name="request", schema=[Field(name="amount", dtype=Float64)])
    on_demand = OnDemandFeatureView(
        name="o", sources=[view(source=push), request], schema=[Field(name="x", dtype=Int64)], function=FUNCTION
    )
    manifest = resolve(FeatureService(name="s", features=[on_demand]))
    assert set(manifest.entities) == {"driver"}
    assert set(manifest.data_sources) == {"push", "stats", "request"}
    assert manifest.feature_views["v"].push_source == "push"
    assert manifest.feature_views["v"].source == "stats"
    assert set(manifest.on_demand_feature_views) == {"o"}


def test_entityless_views_have_no_keys():
    spec = resolve(view(entities=[], schema=[Field(name="rate", dtype=Float64)])).feature_views["v"]
    assert spec.join_keys == ()


def test_names_with_underscores_around_are_no_features():
    spec = resolve(view(), stats=STATS | {"__index_level_0__": pa.int64()}).feature_views["v"]
    assert [f.name for f in spec.features] == ["trips", "rate"]


def test_a_time_may_be_a_date_or_text():
    for found in (pa.date32(), pa.string()):
        assert resolve(view(), stats=STATS | {"ts": found}).data_sources["stats"].timestamp_field == "ts"


def test_an_expensive_schema_is_asked_once_for_many_views():
    resolve(*[view(f"v{n}") for n in range(5)])  # the assertion is in resolve


FUNCTION = UserFunction("m:f", "def f(x): ...", "0" * 64)


# -- problems -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("definitions", "schemas", "expected"),
    [
        (
            [view(schema=[Field(name="trps", dtype=Int64)])],
            {},
            "'trps' is not a column of source 'stats'. did you mean 'trips'?",
        ),
        ([view(schema=[Field(name="zzz", dtype=Int64)])], {}, "its columns are created, driver_id, rate, trips, ts"),
        (
            [view(schema=[Field(name="rate", dtype=String)])],
            {},
            "declared String, but its column in source 'stats' is double",
        ),
        ([view(schema=[Field(name="rate", dtype=Json)])], {}, "declare it Float64"),
        (
            [view(entities=[Entity(name="driver", join_keys=["drivr_id"])])],
            {},
            "join key 'drivr_id' of entity 'driver' is not a column",
        ),
        (
            [view(entities=[Entity(name="driver", join_keys={"driver_id": String})])],
            {},
            "join key 'driver_id' is declared String",
        ),
        ([view(entities=[Entity(name="rate")])], {}, "join key 'rate' cannot be Float64"),
        (
            [view(source=source(timestamp_field="t"))],
            {},
            "timestamp_field 't' is not a column of the source. did you mean 'ts'?",
        ),
        (
            [view(source=source(timestamp_field="rate"))],
            {},
            "timestamp_field 'rate' is double, not a time. its time columns are created, ts",
        ),
        (
            [view(source=source(created_timestamp_column="rate"))],
            {},
            "created_timestamp_column 'rate' is double, not a time",
        ),
        (
            [view(source=source(timestamp_field=None, created_timestamp_column=None))],
            {},
            "several timestamp columns: created, ts",
        ),
        ([view(source=source(timestamp_field=None))], {"stats": {"driver_id": pa.int64()}}, "no column is a timestamp"),
        (
            [view(source=source(timestamp_field="when", field_mapping={"ts": "when"}))],
            {},
            "the source's own column: timestamp_field='ts'",
        ),
        ([view(source=source(field_mapping={"trps": "t"}))], {}, "field_mapping names column 'trps'"),
        ([view(source=source(field_mapping={"trips": "rate"}))], {}, "there is another column of that name"),
        (
            [view(source=source(field_mapping={"trips": "t"}), schema=[Field(name="trips", dtype=Int64)])],
            {},
            "views call that column 't'",
        ),
        (
            [view()],
            {"stats": STATS | {"x": pa.duration("s")}},
            "column 'x' of source 'stats' is duration[s], which no feature type holds",
        ),
        (
            [view()],
            {"stats": {"driver_id": pa.int64(), "ts": TS, "created": TS}},
            "has no column that could be a feature",
        ),
        ([view()], {"stats": STATS | {"Trips": pa.int64()}}, "columns 'trips' and 'Trips' differ only in case"),
        (
            [view()],
            {"stats": NotFoundError("There is nothing at 'stats.parquet'.", hint="check it")},
            "There is nothing at 'stats.parquet'. check it",
        ),
        ([view("a"), view("A")], {}, "differ only in case"),
        (
            [
                view(),
                OnDemandFeatureView(
                    name="V", sources=[view()], schema=[Field(name="x", dtype=Int64)], function=FUNCTION
                ),
            ],
            {},
            "differ only in case",
        ),
        (
            [
                view("x"),
                OnDemandFeatureView(
                    name="x", sources=[view()], schema=[Field(name="x", dtype=Int64)], function=FUNCTION
                ),
            ],
            {},
            "a feature view has that name too",
        ),
        (
            [FeatureService(name="s", features=[view()[["trps"]]])],
            {},
            "feature view 'v' has no feature 'trps'. did you mean 'trips'?",
        ),
        ([FeatureService(name="s", features=[view().with_name("a:b")])], {}, "'a:b' is not a valid name"),
        ([Project(name="q")], {}, "feature_store.yaml says project 'p'"),
        ([Project(name="p"), Project(name="p", owner="x")], {}, "there is another project"),
        ([view()[["trips"]]], {}, "a selection of feature view 'v' cannot be applied by itself"),
        (["view"], {}, "'view' is not a definition"),
        ([view(ttl=None), view(ttl=timedelta(1))], {}, "is defined twice; the other is feature view 'v' at"),
        ([source(), PushSource(name="stats", batch_source=source("other"))], {"other": STATS}, "differs in its class"),
    ],
)
def test_what_cannot_work_is_refused_with_a_way_out(definitions, schemas, expected):
    found = problems(*definitions, **schemas)
    assert [p for p in found if expected in p], found


def test_request_fields_may_not_be_features_too():
    def on_demand(*fields):
        sources = [view(), *(RequestSource(name=f"r{n}", schema=[f]) for n, f in enumerate(fields))]
        return OnDemandFeatureView(name="o", sources=sources, schema=[Field(name="x", dtype=Int64)], function=FUNCTION)

    assert (
        "field 'trips' of request source 'r0' is also a feature of 'v'"
        in problems(on_demand(Field(name="trips", dtype=Int32)))[0]
    )
    two = on_demand(Field(name="amount", dtype=Int32), Field(name="amount", dtype=Int64))
    assert "field 'amount' of request source 'r1' is also a field of request source 'r0'" in problems(two)[0]
    assert "the join key of that name is Int64" in problems(on_demand(Field(name="driver_id", dtype=String)))[0]
    resolve(on_demand(Field(name="driver_id", dtype=Int64), Field(name="amount", dtype=Int64)))


def test_views_that_disagree_on_a_key_are_named_with_their_places():
    other = {"driver_id": pa.string(), "ts": TS, "created": TS, "x": pa.int64()}
    one, two = view("one"), view("two", source=source("other"))
    (found,) = problems(one, two, other=other)
    assert "join key 'driver_id' is Int64 in source 'stats' of feature view 'one'" in found
    assert "but String in source 'other' of feature view 'two'" in found
    assert found.count("test_resolve.py:") == 2


def test_problems_point_at_the_field():
    with pytest.raises(InvalidDefinitionError) as caught:
        resolve(
            view(
                schema=[
                    Field(name="rate", dtype=Float64),
                    Field(name="trps", dtype=Int64),  # this line
                ]
            )
        )
    (problem,) = caught.value.problems
    lines = Path(__file__).read_text().splitlines()
    assert "# this line" in lines[problem.location.line - 1]


def test_one_broken_source_is_reported_once_and_hides_nothing_else():
    broken = {"broken": NotFoundError("There is nothing at 'broken.parquet'.")}
    views = [view("a", source=source("broken")), view("b", source=source("broken"))]
    service = FeatureService(name="s", features=[views[0], view("c", schema=[Field(name="trps", dtype=Int64)])])
    found = problems(*views, service, **broken)
    assert len(found) == 2
    assert any("nothing at 'broken.parquet'" in p for p in found)
    assert any("trps" in p for p in found)


# -- on top of what is registered -------------------------------------------------------------------


def test_partial_keeps_what_is_not_named_and_complete_does_not():
    base = resolve(view("a"), view("b"))
    assert set(resolve(view("c"), base=base).feature_views) == {"a", "b", "c"}
    assert set(resolve(view("c"), base=base, partial=False).feature_views) == {"c"}


def test_partial_needs_to_look_only_at_its_own_sources():
    base = resolve(view("a", source=source("far")), far=STATS)
    resolve(view("b"), base=base)  # "far" has no schema here: asking for it would raise


def test_registered_views_follow_an_entity_that_changes():
    base = resolve(view("a"), view("b"))
    typed = Entity(name="driver", join_keys={"driver_id": Int64})
    assert plan_changes(base, resolve(typed, base=base)).is_empty
    manifest = resolve(Entity(name="driver", join_keys={"driver_id": Int32}), base=base)
    plan = plan_changes(base, manifest)
    assert {v.join_keys[0].type for v in manifest.feature_views.values()} == {Int32}
    assert [m.view for m in plan.migrations] == ["a", "b"]
    assert "the key changes from (driver_id Int64) to (driver_id Int32)" in str(plan)


def test_registered_views_are_checked_against_a_source_that_changes():
    base = resolve(view("a", schema=[Field(name="trips", dtype=Int32)]))
    found = problems(moved(), base=base, stats={"ts": TS, "created": TS})
    assert any("feature 'trips' is not a column" in p for p in found)
    assert any("join key 'driver_id'" in p for p in found)


def moved() -> FileSource:
    return FileSource(name="stats", path="moved.parquet", timestamp_field="ts", created_timestamp_column="created")


def test_a_view_must_fit_the_key_type_that_is_registered():
    base = resolve(view("a"))
    text = view("b", entities=[Entity(name="driver", join_keys=["driver_id"])], source=source("text"))
    (found,) = problems(text, base=base, text=STATS | {"driver_id": pa.string()})
    assert "join key 'driver_id' is declared Int64, but its column in source 'text' is string" in found


RATE = [Field(name="rate", dtype=Float64)]
"""A declared feature, so that the source is not looked at for others."""


def test_a_view_that_moves_to_a_registered_source_is_checked_against_it():
    base = resolve(view("a", schema=RATE), view("b", source=source("other"), schema=[TRIPS]), other=OTHER)
    found = problems(view("a", source=source("other"), schema=RATE), base=base, other=OTHER)
    assert any("feature 'rate' is not a column of source 'other'" in p for p in found)


TRIPS = Field(name="trips", dtype=Int32)
OTHER = {name: found for name, found in STATS.items() if name != "rate"}


def test_an_unchanged_view_is_checked_when_its_entity_changes():
    base = resolve(view(schema=RATE))
    text = Entity(name="driver", join_keys={"driver_id": String})
    assert "is declared String" in problems(view(entities=[text], schema=RATE), base=base)[0]


def test_an_inferred_key_type_stays_until_a_definition_changes():
    base = resolve(view("a", schema=RATE))
    small = {"driver_id": pa.int32(), "ts": TS, "created": TS, "rate": pa.float64()}
    assert plan_changes(base, resolve(view("a", schema=RATE), base=base, partial=False, stats=small)).is_empty
    new = view("b", source=source("small"), schema=RATE)
    (found,) = problems(view("a", schema=RATE), new, base=base, partial=False, small=small)
    assert "is Int64 in the registered feature view 'a', but Int32 in source 'small'" in found


def on_demand(**options) -> OnDemandFeatureView:
    defaults = {"sources": [view(schema=RATE)], "schema": [Field(name="x", dtype=Int64)], "function": FUNCTION}
    return OnDemandFeatureView(**{"name": "o", **defaults, **options})


OPTIONS: list[tuple[Callable[..., Definition], dict[str, object]]] = [
    (
        partial(FileSource, name="stats", path="a.parquet", timestamp_field="ts"),
        {
            "path": "b.parquet",
            "timestamp_field": "created",
            "created_timestamp_column": "created",
            "file_format": "csv",
            "field_mapping": {"trips": "rides"},
            "timezone": "Europe/Paris",
            "lateness": timedelta(hours=1),
            "s3_endpoint_override": "http://localhost:9000",
        },
    ),
    (partial(Entity, name="e", join_keys=["a"]), {"join_keys": ["b"], "value_type": Int64}),
    (
        partial(view, schema=RATE),
        {
            "entities": [],
            "source": source("other"),
            "schema": [TRIPS],
            "ttl": timedelta(1),
            "online": False,
            "offline": True,
        },
    ),
    (partial(PushSource, name="push", batch_source=source()), {"batch_source": source("other")}),
    (partial(RequestSource, name="r", schema=RATE), {"schema": [Field(name="rate", dtype=Int64)]}),
    (
        on_demand,
        {
            "sources": [view(schema=RATE).with_name("alias")],
            "schema": [Field(name="y", dtype=Int64)],
            "function": UserFunction("m:f", "def f(y): ...", "1" * 64),
            "mode": "polars",
        },
    ),
    (
        partial(FeatureService, name="s", features=[view(schema=RATE)]),
        {"features": [view(schema=RATE).with_join_key_map({"driver_id": "other"})]},
    ),
]
COMMON = {"description": "new", "owner": "new", "tags": {"new": "1"}}


@pytest.mark.parametrize(
    ("make", "option", "value"),
    [(make, *item) for make, options in OPTIONS for item in (options | COMMON).items()],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_change_of_any_option_is_a_change_that_is_shown(make, option, value):
    base = resolve(make(), other=STATS)
    plan = plan_changes(base, resolve(make(**{option: value}), base=base, other=STATS))
    changed = [change for change in plan.changes if change.name == make().name]
    assert len(changed) == 1
    assert changed[0].properties
    assert plan_changes(plan.target, resolve(make(**{option: value}), base=plan.target, other=STATS)).is_empty


def test_the_order_of_features_is_shown_when_nothing_else_changed():
    base = resolve(view(schema=[TRIPS, *RATE]))
    plan = plan_changes(base, resolve(view(schema=[*RATE, TRIPS]), base=base))
    assert str(plan) == "Updated feature view v\n\tfeatures (order): [trips, rate] -> [rate, trips]"
    assert plan.target.feature_views["v"].layouts == base.feature_views["v"].layouts


def test_registered_definitions_can_be_used_in_new_ones():
    base = resolve(view("a"))
    driver, a = get_definition(base, "entities", "driver"), get_definition(base, "feature_views", "a")
    manifest = resolve(FeatureService(name="s", features=[a[["rate"]]]), view("b", entities=[driver]), base=base)
    assert [c.name for c in plan_changes(base, manifest).changes] == ["b", "s"]


# -- describing -------------------------------------------------------------------------------------


def test_listing_filters_by_all_tags_and_sorts_by_name():
    base = resolve(view("b", tags={"team": "x", "tier": "1"}), view("a", tags={"team": "x"}), view("c"))
    names = [v.name for v in list_definitions(base, "feature_views", {"team": "x"})]
    assert names == ["a", "b"]
    assert [v.name for v in list_definitions(base, "feature_views", {"team": "x", "tier": "1"})] == ["b"]


def test_a_misspelt_name_gets_a_suggestion():
    with pytest.raises(NotFoundError, match="did you mean 'driver'"):
        get_definition(resolve(view()), "entities", "drivr")


def test_described_functions_cannot_be_called():
    on_demand = OnDemandFeatureView(
        name="o", sources=[view()], schema=[Field(name="x", dtype=Int64)], function=lambda inputs: inputs
    )
    assert on_demand.function.call is not None
    assert get_definition(resolve(on_demand), "on_demand_feature_views", "o").function.call is None


def test_sources_of_unknown_packages_are_listed_and_kept():
    spec = SourceSpec(name="w", source_type="warehouse", options={"table": "t"}, timestamp_field="ts")
    base = Manifest(project=EMPTY.project, generation=1, data_sources={"w": spec})
    found = get_definition(base, "data_sources", "w")
    assert (found.source_type, found.options()) == ("warehouse", {"table": "t"})
    assert resolve(found, base=base, w={"ts": TS}) == base
