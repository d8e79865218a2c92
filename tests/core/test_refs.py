"""References and services become views, features and output columns."""

from __future__ import annotations

import pytest

from repast.core.manifest import (
    FeatureViewSpec,
    FieldSpec,
    FunctionSpec,
    Manifest,
    OnDemandFeatureViewSpec,
    ProjectionSpec,
    ProjectSpec,
    SourceSpec,
)
from repast.core.refs import InputColumn, parse_ref, resolve_selection
from repast.errors import InvalidRequestError, NotFoundError


def fields(**types: str) -> tuple[FieldSpec, ...]:
    return tuple(FieldSpec(name=name, dtype=dtype) for name, dtype in types.items())


def view(name: str, keys: dict[str, str], **features: str) -> FeatureViewSpec:
    return FeatureViewSpec(name=name, join_keys=fields(**keys), features=fields(**features), source="events")


def on_demand(name: str, *sources: ProjectionSpec, request: tuple[str, ...] = (), **features: str) -> object:
    return OnDemandFeatureViewSpec(
        name=name,
        sources=sources,
        request_sources=request,
        features=fields(**features),
        function=FunctionSpec(reference="m:f", source="", sha256=""),
        mode="python",
    )


DRIVER = view("driver_stats", {"driver_id": "int64"}, trips="int64", rating="float64")
CUSTOMER = view("customer_stats", {"customer_id": "string"}, trips="int64", city="string")
ORDER = SourceSpec(name="order", source_type="request", schema=fields(amount="float64"))
COUPON = SourceSpec(name="coupon", source_type="request", schema=fields(amount="int64", code="string"))
SCORE = on_demand(
    "score",
    ProjectionSpec(view="driver_stats"),
    ProjectionSpec(view="customer_stats", features=("trips",)),
    request=("order",),
    total="float64",
    share="float64",
)
DISTANCE = on_demand(
    "distance",
    ProjectionSpec(view="driver_stats", name_alias="first", join_key_map={"driver_id": "first_id"}),
    ProjectionSpec(view="driver_stats", name_alias="second", join_key_map={"driver_id": "second_id"}),
    gap="float64",
)
PLAIN = on_demand("plain", ProjectionSpec(view="driver_stats", features=("trips",)), request=("coupon",), y="int64")

MANIFEST = Manifest(
    project=ProjectSpec(name="shop"),
    feature_views={v.name: v for v in (DRIVER, CUSTOMER)},
    on_demand_feature_views={v.name: v for v in (SCORE, DISTANCE, PLAIN)},
    data_sources={s.name: s for s in (ORDER, COUPON)},
)


def resolve(*features, **options):
    return resolve_selection(MANIFEST, list(features), **options)


def summary(selection):
    return [(v.name, dict(v.join_key_map), [(f.field.name, f.output) for f in v.features]) for v in selection.views]


def test_a_reference_is_split_at_the_first_colon():
    assert parse_ref("driver_stats:trips") == ("driver_stats", "trips")
    assert parse_ref("a:b:c") == ("a", "b:c")


@pytest.mark.parametrize("ref", ["trips", "", ":", ":trips", "driver_stats:", None, 7, b"a:b"])
def test_what_is_no_reference_is_refused_with_an_example(ref):
    with pytest.raises(InvalidRequestError, match=r'"view:feature"') as caught:
        parse_ref(ref)
    assert repr(ref) in caught.value.message


def test_columns_are_named_by_feature_and_kept_in_the_order_asked_for():
    selection = resolve("driver_stats:rating", "customer_stats:city", "driver_stats:trips")
    assert selection.outputs == ("rating", "city", "trips")
    assert selection.references == ("driver_stats:rating", "customer_stats:city", "driver_stats:trips")
    assert summary(selection) == [
        ("driver_stats", {}, [("rating", "rating"), ("trips", "trips")]),
        ("customer_stats", {}, [("city", "city")]),
    ]


def test_full_names_start_with_the_view_or_its_alias():
    selection = resolve(
        ProjectionSpec(view="driver_stats", features=("trips",)),
        ProjectionSpec(view="driver_stats", name_alias="other", join_key_map={"driver_id": "other_id"}),
        full_feature_names=True,
    )
    assert selection.outputs == ("driver_stats__trips", "other__trips", "other__rating")
    assert selection.references[1] == "other:trips"
    assert [view.keys[0][1] for view in selection.views] == ["driver_id", "other_id"]


def test_keys_are_the_views_join_keys_through_the_map():
    (selected,) = resolve(ProjectionSpec(view="driver_stats", join_key_map={"driver_id": "who"})).views
    assert [(key.name, column) for key, column in selected.keys] == [("driver_id", "who")]


@pytest.mark.parametrize(
    ("features", "options", "message"),
    [
        (["driver_stats:trips", "customer_stats:trips"], {}, "would both fill the column 'trips'"),
        (["driver_stats:trips", "driver_stats:trips"], {}, "'driver_stats:trips' is asked for twice"),
        (["driver_stats:trips", "driver_stats:trips"], {"full_feature_names": True}, "asked for twice"),
        (
            [
                ProjectionSpec(view="driver_stats", join_key_map={"driver_id": "a"}),
                ProjectionSpec(view="driver_stats", join_key_map={"driver_id": "b"}),
            ],
            {"full_feature_names": True},
            "'driver_stats:trips' is asked for twice",
        ),
        ([], {}, "No features are asked for"),
        (
            [ProjectionSpec(view="customer_stats", join_key_map={"customer_id": "rating"}), "driver_stats:rating"],
            {},
            "also a key column",
        ),
    ],
)
def test_two_columns_never_have_one_name(features, options, message):
    with pytest.raises(InvalidRequestError, match=message) as caught:
        resolve(*features, **options)
    assert caught.value.hint


def test_a_string_is_no_list_of_features():
    with pytest.raises(InvalidRequestError, match="must be a list"):
        resolve_selection(MANIFEST, "driver_stats:trips")


@pytest.mark.parametrize(
    ("ref", "hint"),
    [
        ("drivr_stats:trips", "did you mean 'driver_stats'?"),
        ("scor:total", "did you mean 'score'?"),
        ("driver_stats:tripz", "did you mean 'trips'?"),
        ("driver_stats:zzzzzz", "it has trips, rating"),
        ("score:totl", "did you mean 'total'?"),
    ],
)
def test_what_does_not_exist_is_named_with_the_nearest_that_does(ref, hint):
    with pytest.raises(NotFoundError) as caught:
        resolve(ref)
    assert caught.value.hint == hint


def test_nothing_applied_says_so():
    with pytest.raises(NotFoundError, match="no feature view 'a'") as caught:
        resolve_selection(Manifest(project=ProjectSpec(name="shop")), ["a:b"])
    assert "apply" in caught.value.hint


def test_an_on_demand_view_brings_its_inputs_which_fill_no_column():
    selection = resolve("score:share", "driver_stats:rating")
    assert selection.outputs == ("share", "rating")
    assert summary(selection) == [
        ("driver_stats", {}, [("rating", "rating"), ("trips", None)]),
        ("customer_stats", {}, [("trips", None)]),
    ]
    (score,) = selection.on_demand
    assert [f.output for f in score.features] == ["share"]
    assert score.inputs == (
        InputColumn(0, 1, "trips", "driver_stats__trips"),
        InputColumn(0, 0, "rating", "driver_stats__rating"),
        InputColumn(1, 0, "trips", "customer_stats__trips"),
    )
    assert score.keys == ("driver_id", "customer_id")
    assert [f.name for f in selection.request_fields] == ["amount"]


def test_hidden_inputs_do_not_collide_with_what_is_asked_for():
    # customer_stats:trips and driver_stats:trips are both read; only one of them is asked for.
    assert resolve("score:total", "customer_stats:trips").outputs == ("total", "trips")


def test_one_view_may_be_an_input_under_several_names_and_keys():
    selection = resolve("distance:gap", "driver_stats:trips")
    assert [(view.name, dict(view.join_key_map)) for view in selection.views] == [
        ("driver_stats", {}),
        ("first", {"driver_id": "first_id"}),
        ("second", {"driver_id": "second_id"}),
    ]
    assert selection.on_demand[0].keys == ("first_id", "second_id")
    assert {column.full_name for column in selection.on_demand[0].inputs} >= {"first__trips", "second__trips"}


def test_the_order_of_asking_does_not_change_what_is_shown():
    first, last = resolve("score:share", "driver_stats:rating"), resolve("driver_stats:rating", "score:share")
    assert {f.output for v in first.views for f in v.features} == {f.output for v in last.views for f in v.features}


def test_a_request_field_has_one_type():
    with pytest.raises(InvalidRequestError, match=r"'amount' is Float64 for .*'score' and Int64 for 'plain'"):
        resolve("score:total", "plain:y")


def test_a_service_selects_whole_views_and_parts():
    selection = resolve(
        ProjectionSpec(view="driver_stats"), ProjectionSpec(view="customer_stats", features=("city",), name_alias="c")
    )
    assert selection.outputs == ("trips", "rating", "city")
    assert selection.references == ("driver_stats:trips", "driver_stats:rating", "c:city")
