"""What definitions refuse when they are written: the message says what, the problem says where."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
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
    on_demand_feature_view,
)
from repast.core.definitions import Definition
from repast.core.definitions.problem import collecting_problems, without_location
from repast.core.manifest import Manifest, ProjectSpec
from repast.core.resolve import resolve_definitions
from repast.errors import InvalidDefinitionError, InvalidRequestError
from repast.types import Array, Decimal, Float64, Int64, Map

SOURCE = FileSource(path="data/stats.parquet", timestamp_field="ts")
DRIVER = Entity(name="driver", join_keys=["driver_id"])
STATS = FeatureView(
    name="stats",
    entities=[DRIVER],
    source=SOURCE,
    schema=[Field(name="trips", dtype=Int64), Field(name="rate", dtype=Float64)],
)
REQUEST = RequestSource(name="order", schema=[Field(name="amount", dtype=Float64)])
OUT = [Field(name="total", dtype=Float64)]


def double(inputs):
    return inputs


MISUSES: list[tuple[str, Callable[[], object], str]] = [
    ("name with a space", lambda: Entity(name="my driver"), "'my driver' is not a valid name"),
    ("name with a colon", lambda: Entity(name="a:b"), "'a:b' is not a valid name"),
    ("empty name", lambda: Project(name=""), "'' is not a valid name"),
    ("name of a number", lambda: Entity(name=5, join_keys=["a"]), "5 is not a valid name"),
    ("long name", lambda: Entity(name="a" * 201), "at most 200 long"),
    ("tags as a list", lambda: Entity(name="e", tags=["a"]), "tags must map strings to strings, not ['a']"),
    ("tag of a number", lambda: Entity(name="e", tags={"tier": 1}), "not 'tier' to 1"),
    ("description of a number", lambda: Entity(name="e", description=1), "description must be a string"),
    ("no join key", lambda: Entity(name="e", join_keys=[]), "needs at least one join key"),
    ("join key twice", lambda: Entity(name="e", join_keys=["a", "a"]), "join key 'a' is listed twice"),
    ("float key", lambda: Entity(name="e", join_keys={"a": Float64}), "join key 'a' cannot be Float64"),
    ("reserved key", lambda: Entity(name="e", join_keys=["__row"]), "may not start with '__'"),
    ("key of a number", lambda: Entity(name="e", join_keys=[5]), "5 is not a column name"),
    ("join_keys as a number", lambda: Entity(name="e", join_keys=5), "join_keys must be a list"),
    ("one type for two keys", lambda: Entity(name="e", join_keys=["a", "b"], value_type=Int64), "single join key"),
    ("key type by python", lambda: Entity(name="e", join_keys={"a": int}), "use repast.types.Int64"),
    ("type by python", lambda: Field(name="x", dtype=float), "use repast.types.Float64"),
    ("type misspelt", lambda: Field(name="x", dtype="Flaot64"), "did you mean 'Float64'?"),
    ("type unhashable", lambda: Field(name="x", dtype=["Int64"]), "['Int64'] is not a feature type"),
    ("array of nothing known", lambda: Array("nothing"), "'nothing' is not a feature type"),
    ("map of python types", lambda: Map(str, int), "use repast.types.String"),
    ("decimal too wide", lambda: Decimal(39, 2), "Decimal(39, 2) is out of range"),
    ("field without a name", lambda: Field(name="", dtype=Int64), "'' is not a field name"),
    ("field with a colon", lambda: Field(name="a:b", dtype=Int64), "may not contain ':'"),
    ("field like ours", lambda: Field(name="__row", dtype=Int64), "may not contain ':' nor start or end with '__'"),
    ("field tags", lambda: Field(name="a", dtype=Int64, tags="x"), "tags must map strings to strings"),
    ("no path", lambda: FileSource(path=""), "path is ''"),
    ("path of None", lambda: FileSource(path=None), "path is None"),
    ("format not known", lambda: FileSource(path="a.xml", file_format="xml"), "file_format 'xml' is not known"),
    ("zone not known", lambda: FileSource(path="a.csv", timezone="Paris"), "'Paris' is not a time zone"),
    ("lateness of a number", lambda: FileSource(path="a.csv", lateness=5), "lateness must be a timedelta"),
    (
        "one column twice",
        lambda: FileSource(path="a.csv", timestamp_field="t", created_timestamp_column="t"),
        "timestamp_field and created_timestamp_column are both 't'",
    ),
    ("time as a list", lambda: FileSource(path="a.csv", timestamp_field=["t"]), "must be the name of a column"),
    ("one name for two", lambda: FileSource(path="a.csv", field_mapping={"a": "c", "b": "c"}), "'c' to two columns"),
    ("mapping as a list", lambda: FileSource(path="a.csv", field_mapping=["a"]), "field_mapping must map strings"),
    ("push of a path", lambda: PushSource(name="p", batch_source="a.csv"), "batch_source must be a batch source"),
    ("request of nothing", lambda: RequestSource(name="r", schema=[]), "schema is empty"),
    ("request of text", lambda: RequestSource(name="r", schema="amount"), "schema must be a list of Field"),
    ("request twice", lambda: RequestSource(name="r", schema=OUT * 2), "field 'total' is listed twice"),
    ("source as a path", lambda: FeatureView(name="v", source="a.csv"), "source must be a FileSource"),
    ("request as a source", lambda: FeatureView(name="v", source=REQUEST), "source must be a FileSource"),
    ("push without a past", lambda: FeatureView(name="v", source=PushSource(name="p")), "has no batch_source"),
    ("entity by name", lambda: FeatureView(name="v", source=SOURCE, entities=["driver"]), "must be Entity objects"),
    ("one entity, no list", lambda: FeatureView(name="v", source=SOURCE, entities=DRIVER), "must be a list of Entity"),
    (
        "two entities, one key",
        lambda: FeatureView(name="v", source=SOURCE, entities=[DRIVER, Entity(name="d", join_keys=["driver_id"])]),
        "join key 'driver_id' belongs to two of its entities",
    ),
    ("schema of names", lambda: FeatureView(name="v", source=SOURCE, schema=["a"]), "schema must be a list of Field"),
    ("schema of one", lambda: FeatureView(name="v", source=SOURCE, schema=OUT[0]), "schema must be a list of Field"),
    ("field twice", lambda: FeatureView(name="v", source=SOURCE, schema=OUT * 2), "field 'total' is listed twice"),
    ("ttl of a number", lambda: FeatureView(name="v", source=SOURCE, ttl=3600), "ttl must be a timedelta"),
    ("negative ttl", lambda: FeatureView(name="v", source=SOURCE, ttl=timedelta(-1)), "ttl must be a timedelta"),
    ("endless ttl", lambda: FeatureView(name="v", source=SOURCE, ttl=timedelta.max), "leave it out"),
    ("online of text", lambda: FeatureView(name="v", source=SOURCE, online="yes"), "must be True or False"),
    ("selection of text", lambda: STATS["trips"], "select with a list: stats[['trips']]"),
    ("selection misspelt", lambda: STATS[["trps"]], "did you mean 'trips'?"),
    ("key map misspelt", lambda: STATS.with_join_key_map({"drivr_id": "x"}), "did you mean 'driver_id'?"),
    ("service of nothing", lambda: FeatureService(name="s", features=[]), "features is empty"),
    ("service of a view", lambda: FeatureService(name="s", features=STATS), "features must be a list"),
    ("service of names", lambda: FeatureService(name="s", features=["stats:trips"]), "not 'stats:trips'"),
    ("view twice", lambda: FeatureService(name="s", features=[STATS, STATS[["trips"]]]), "'stats' is listed twice"),
    (
        "no inputs",
        lambda: OnDemandFeatureView(name="o", sources=[], schema=OUT, function=double),
        "sources is empty",
    ),
    (
        "one input, no list",
        lambda: OnDemandFeatureView(name="o", sources=STATS, schema=OUT, function=double),
        "sources must be a list",
    ),
    (
        "no outputs",
        lambda: OnDemandFeatureView(name="o", sources=[STATS], schema=[], function=double),
        "schema is empty",
    ),
    (
        "mode not known",
        lambda: OnDemandFeatureView(name="o", sources=[STATS], schema=OUT, function=double, mode="spark"),
        "mode 'spark' is not known",
    ),
    (
        "singleton of frames",
        lambda: OnDemandFeatureView(name="o", sources=[STATS], schema=OUT, function=double, singleton=True),
        "singleton needs mode='python'",
    ),
    (
        "input twice",
        lambda: on_demand_feature_view(sources=[STATS, STATS], schema=OUT)(double),
        "source 'stats' is listed twice",
    ),
    (
        "no function",
        lambda: OnDemandFeatureView(name="o", sources=[STATS], schema=OUT, function=None),
        "function must be a function",
    ),
]


@pytest.mark.parametrize(("make", "expected"), [m[1:] for m in MISUSES], ids=[m[0] for m in MISUSES])
def test_misuse_is_refused_with_what_is_wrong(make, expected):
    with pytest.raises((InvalidDefinitionError, InvalidRequestError)) as caught:
        make()
    assert expected in str(caught.value)


@pytest.mark.parametrize("make", [m[1] for m in MISUSES], ids=[m[0] for m in MISUSES])
def test_misuse_is_collected_with_its_line_while_loading(make):
    with collecting_problems() as problems:
        try:
            made = make()
        except (InvalidDefinitionError, InvalidRequestError):
            return  # a type or a selection: nothing to go on with
    assert problems
    assert made is not None
    for problem in problems:
        assert problem.location is not None
        assert Path(problem.location.file) == Path(__file__)


@pytest.mark.parametrize("make", [m[1] for m in MISUSES], ids=[m[0] for m in MISUSES])
def test_misuse_does_not_stop_the_search_for_other_problems(make):
    """While files are loaded, problems are collected and the definitions go on to be resolved."""
    schema = pa.schema([("driver_id", pa.int64()), ("ts", pa.timestamp("us")), ("trips", pa.int64())])
    with collecting_problems() as loading:
        try:
            definitions = [make(), FeatureService(name="other", features=[STATS[["rate"]]])]
        except (InvalidDefinitionError, InvalidRequestError):
            return
    with pytest.raises(InvalidDefinitionError) as caught:
        resolve_definitions(
            [d for d in definitions if isinstance(d, Definition)],
            base=Manifest(project=ProjectSpec(name="p")),
            inspect=lambda sources: dict.fromkeys((s.name for s in sources), schema),
            problems=loading,
        )
    assert "feature 'rate' is not a column of source 'stats'" in str(caught.value)
    assert len(caught.value.problems) > len(loading)


def test_definitions_are_frozen_values():
    one, other = (Entity(name="e", join_keys=["a"], tags={"x": "1"}) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert one.location != Entity(name="e", join_keys=["a"]).location
    with pytest.raises(AttributeError):
        one.name = "f"  # type: ignore[misc]


def test_what_is_handed_in_is_copied():
    tags = {"x": "1"}
    entity = Entity(name="e", tags=tags)
    tags["x"] = "2"
    assert entity.tags == {"x": "1"}


def test_location_is_the_users_line():
    entity = Entity(name="e")
    line = test_location_is_the_users_line.__code__.co_firstlineno + 1
    assert entity.location is not None
    assert (Path(entity.location.file), entity.location.line) == (Path(__file__), line)
    with without_location():
        assert Entity(name="e").location is None


def test_location_is_shown_relative_to_the_current_folder(monkeypatch):
    entity = Entity(name="e")
    monkeypatch.chdir(Path(__file__).parent)
    assert str(entity.location).startswith(f"{Path(__file__).name}:")
    monkeypatch.chdir("/")
    assert str(entity.location).startswith(str(Path(__file__))[1:])


def test_decorators_and_their_changes_are_not_part_of_a_function():
    def variant(description):
        @on_demand_feature_view(sources=[STATS], schema=OUT, description=description)
        def total(inputs):
            return inputs

        return total

    one = variant("one").function
    assert one.source.startswith("def total(inputs):")
    assert one.sha256 == variant("two").function.sha256


def test_functions_without_a_findable_name_are_named_by_their_view():
    view = OnDemandFeatureView(name="o", sources=[STATS], schema=OUT, function=lambda inputs: inputs)
    assert view.function.reference.startswith(f"{__name__}:test_functions_without")
    assert view.function.reference.endswith(".<locals>.<lambda>@o")
    plain = OnDemandFeatureView(name="o", sources=[STATS], schema=OUT, function=double)
    assert plain.function.reference == f"{__name__}:double"
