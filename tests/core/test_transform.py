"""On-demand functions: what they get, what they may return, and what they are told when they go wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from repast.core.manifest import FieldSpec, FunctionSpec, OnDemandFeatureViewSpec
from repast.core.refs import InputColumn, OnDemandSelection, SelectedFeature
from repast.core.transform import name_inputs, run_on_demand, run_on_demand_python
from repast.errors import InvalidDefinitionError, InvalidValueError, NotFoundError

BIG = 2**53 + 1


def select(mode="python", *, singleton=False, asked=None, inputs=(), request=(), keys=(), **types):
    types = types or {"y": "int64"}
    fields = tuple(FieldSpec(name=name, dtype=dtype) for name, dtype in types.items())
    view = OnDemandFeatureViewSpec(
        name="calc",
        features=fields,
        mode=mode,
        singleton=singleton,
        function=FunctionSpec(reference="features:calc", source="", sha256=""),
    )
    wanted = tuple(SelectedFeature(f, f"out_{f.name}") for f in fields if asked is None or f.name in asked)
    return OnDemandSelection(
        view=view, name="calc", features=wanted, inputs=tuple(inputs), keys=tuple(keys), request_fields=tuple(request)
    )


X = {"x": pa.array([1, None, BIG])}


def run(selection, function, inputs=X, rows=3):
    found = run_on_demand(selection, function, inputs, rows)
    for feature in selection.features:
        array = found[feature.output]
        array.validate(full=True)
        assert array.type == feature.field.type.arrow
        assert len(array) == rows
    return {name: array.to_pylist() for name, array in found.items()}


# -- inputs ---------------------------------------------------------------------------------------


def test_inputs_have_both_names_keys_and_request_fields():
    selection = select(
        inputs=[InputColumn(0, 1, "a", "v__a"), InputColumn(1, 0, "b", "w__b")],
        keys=("driver_id", "customer_id"),
        request=[FieldSpec(name="amount", dtype="float64")],
    )
    named = name_inputs(
        selection, lambda view, feature: (view, feature), keys={"driver_id": "key"}, request={"amount": "req", "z": 1}
    )
    assert named == {
        "driver_id": "key",
        "a": (0, 1),
        "v__a": (0, 1),
        "b": (1, 0),
        "w__b": (1, 0),
        "amount": "req",
    }


def test_a_name_that_two_views_have_means_neither():
    selection = select(inputs=[InputColumn(0, 0, "a", "v__a"), InputColumn(1, 0, "a", "w__a")])
    named = name_inputs(selection, lambda view, _: view, keys={}, request={})
    assert named == {"v__a": 0, "w__a": 1}


def test_a_request_field_goes_before_a_feature_and_a_feature_before_a_key():
    selection = select(
        inputs=[InputColumn(0, 0, "a", "v__a"), InputColumn(0, 1, "b", "v__b")],
        keys=("b",),
        request=[FieldSpec(name="a", dtype="int64")],
    )
    named = name_inputs(selection, lambda _, feature: feature, keys={"b": "key"}, request={"a": "req"})
    assert named == {"b": 1, "a": "req", "v__a": 0, "v__b": 1}


# -- modes ----------------------------------------------------------------------------------------


def nullable(value, default):
    return default if value is None else value + 1


MODES = {
    "python": lambda i: {"y": [nullable(x, None) for x in i["x"]]},
    "singleton": lambda i: {"y": nullable(i["x"], None)},
    "pandas": lambda i: pd.DataFrame({"y": i["x"] + 1}),
    "arrow": lambda i: pa.table({"y": pa.compute.add(i["x"], 1)}),
    "polars": lambda i: i.select(y=pl.col("x") + 1),
}


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_gives_the_same_and_no_number_becomes_a_float(mode):
    selection = select("python" if mode == "singleton" else mode, singleton=mode == "singleton")
    assert run(selection, MODES[mode]) == {"out_y": [2, None, BIG + 1]}


def test_pandas_gets_nullable_columns():
    seen = {}

    def function(inputs):
        seen.update(inputs.dtypes.astype(str))
        return pd.DataFrame({"y": [1] * len(inputs)})

    inputs = {"x": X["x"], "f": pa.array([0.5, None, 1]), "s": pa.array(["a", None, "b"]), "b": pa.nulls(3, pa.bool_())}
    run(select("pandas"), function, inputs)
    assert seen == {"x": "Int64", "f": "Float64", "s": "string", "b": "boolean"}


@pytest.mark.parametrize(
    "column",
    [
        [1, None, 3],
        (1, None, 3),
        pa.array([1, None, 3]),
        pa.chunked_array([[1], [None, 3]]),
        pd.Series([1, None, 3]),
        pd.Series([1, None, 3], dtype="Int64", index=[7, 7, 7]),
        pd.Series([1, np.nan, 3], dtype=object),
        pl.Series([1, None, 3]),
        [1.0, None, np.int64(3)],
    ],
    ids=lambda c: type(c).__module__,
)
def test_columns_of_any_kind_will_do(column):
    assert run(select(), lambda _: {"y": column}) == {"out_y": [1, None, 3]}


def test_numpy_arrays_are_columns():
    assert run(select(), lambda _: {"y": np.array([1, 2, 3])}) == {"out_y": [1, 2, 3]}


def test_only_what_is_asked_for_comes_back_and_more_may_be_returned():
    selection = select(asked=["b"], a="int64", b="string")
    assert run(selection, lambda _: {"a": [1, 2, 3], "b": ["x"] * 3, "c": object()}) == {"out_b": ["x"] * 3}


def test_a_lazy_polars_frame_is_collected():
    assert run(select("polars"), lambda i: i.lazy().select(y="x")) == {"out_y": [1, None, BIG]}


def test_no_rows_are_no_rows():
    for mode in ("python", "pandas", "arrow", "polars"):
        found = run(select(mode), MODES[mode], {"x": pa.array([], pa.int64())}, rows=0)
        assert found == {"out_y": []}


def test_singletons_without_inputs_are_called_once_per_row():
    assert run(select(singleton=True), lambda _: {"y": 1}, {}) == {"out_y": [1, 1, 1]}


def test_nested_values_come_back_typed():
    selection = select(m={"map": ["string", "int64"]}, j="json", t="timestamp")
    found = run(selection, lambda _: {"m": [{"a": 1}, None, {}], "j": [{"a": 1}, "[]", None], "t": ["2024-06-01"] * 3})
    assert found["out_m"] == [[("a", 1)], None, []]
    assert found["out_j"] == ['{"a":1}', "[]", None]


def test_lists_to_lists_is_the_same_as_through_arrow():
    selection = select(y="int64", s="string", f="float32")
    function = lambda i: {"y": i["x"], "s": ["a", None, "b"], "f": [0.5, None, 1]}  # noqa: E731
    found = run_on_demand_python(selection, function, {"x": [1, None, BIG]}, 3)
    assert found == run(selection, function)
    assert [type(v) for v in found["out_f"]] == [float, type(None), float]


def test_lists_to_lists_refuses_the_same():
    for bad in ([1, 2], [1, 2, 3.5], [1, 2, True], [1, 2, 2**70]):
        for call in (run_on_demand, run_on_demand_python):
            with pytest.raises((InvalidDefinitionError, InvalidValueError), match=r"calc"):
                call(select(), lambda _, bad=bad: {"y": bad}, {}, 3)


# -- what goes wrong ------------------------------------------------------------------------------


def test_an_exception_names_the_function_and_the_line_and_is_kept():
    def calc(inputs):
        values = inputs["x"]
        return {"y": [v + 1 for v in values]}

    with pytest.raises(InvalidDefinitionError) as caught:
        run(select(), calc)
    line = calc.__code__.co_firstlineno + 2
    assert f"On demand feature view 'calc': its function raised TypeError: " in caught.value.message  # noqa: F541
    assert f"{Path(__file__)}:{line}" in caught.value.message
    assert isinstance(caught.value.__cause__, TypeError)
    assert "null" in caught.value.hint


def test_errors_of_ours_pass_through():
    def calc(_):
        raise NotFoundError("gone")

    with pytest.raises(NotFoundError, match="gone"):
        run(select(), calc)


@pytest.mark.parametrize(
    ("mode", "returned", "message"),
    [
        ("python", None, "returned None, not a dict"),
        ("python", [1, 2, 3], "returned a list, not a dict"),
        ("python", {"z": [1, 2, 3]}, "does not return the declared feature 'y'; it returns 'z'"),
        ("python", {}, "it returns nothing"),
        ("python", {"y": [1, 2]}, "returns 2 values for 'y', not 3"),
        ("python", {"y": 5}, "returns an int for 'y', not a list of 3 values"),
        ("python", {"y": "abc"}, "returns a str for 'y'"),
        ("pandas", None, "returned None, not a pandas DataFrame"),
        ("pandas", pd.Series([1, 2, 3]), "returned a Series, not a pandas DataFrame"),
        ("pandas", pd.DataFrame({"y": [1]}), "returns 1 values for 'y', not 3"),
        ("arrow", 5, "returned an int, not a pyarrow Table"),
        ("polars", "x", "returned a str, not a polars DataFrame"),
        ("polars", pl.DataFrame({"Y": [1, 2, 3]}), "does not return the declared feature 'y'"),
    ],
)
def test_what_does_not_fit_the_declaration_is_refused(mode, returned, message):
    with pytest.raises(InvalidDefinitionError) as caught:
        run(select(mode), lambda _: returned)
    assert message in caught.value.message
    assert f"{Path(__file__)}:" in caught.value.message
    assert caught.value.context == {"view": "calc", "function": "features:calc"}


def test_a_misspelt_feature_gets_a_suggestion():
    with pytest.raises(InvalidDefinitionError) as caught:
        run(select(total="int64"), lambda _: {"totl": [1, 2, 3]})
    assert caught.value.hint == "did you mean 'totl'?"


@pytest.mark.parametrize("mode", ["python", "pandas", "arrow", "polars"])
def test_values_that_would_change_are_refused_with_view_and_feature(mode):
    frames = {"python": dict, "pandas": pd.DataFrame, "arrow": pa.table, "polars": pl.DataFrame}
    with pytest.raises(InvalidValueError, match=r"on demand feature calc:y: 1\.5 .*Int64") as caught:
        run(select(mode), lambda _: frames[mode]({"y": [1.0, 1.5, 2.0]}))
    assert caught.value.context["row"] == 1


def test_a_callable_without_code_has_a_name():
    class Calc:
        def __call__(self, inputs):
            raise KeyError("x")

    with pytest.raises(InvalidDefinitionError, match="Calc"):
        run(select(), Calc())
