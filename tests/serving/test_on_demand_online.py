"""On-demand features of online reads: every mode gives the same, and a function sees only what it declared."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from serving_project import NOW, Shop, at, fields, open_shop, view_spec

from repast import Entity, FeatureView, Field, FileSource, OnDemandFeatureView, RequestSource
from repast.app.function import FunctionLoader
from repast.app.write import write_to_online_store
from repast.core.manifest import FeatureServiceSpec, ProjectionSpec, SourceSpec
from repast.core.response import FieldStatus
from repast.core.spec import on_demand_spec
from repast.errors import InvalidDefinitionError, InvalidRequestError, InvalidValueError, NotFoundError
from repast.types import Array, Float64, Int64, String

STATS = FeatureView(
    name="driver_stats",
    entities=[Entity(name="driver", join_keys={"driver_id": Int64})],
    schema=[Field(name="trips", dtype=Int64), Field(name="rating", dtype=Float64)],
    source=FileSource(path="x.parquet", timestamp_field="event_timestamp"),
)
ORDER = RequestSource(name="order", schema=[Field(name="amount", dtype=Int64), Field(name="note", dtype=String)])
SCHEMA = [Field(name="total", dtype=Int64), Field(name="label", dtype=String)]


def add(trips: int | None, amount: int | None) -> int | None:
    return None if trips is None or amount is None else trips + amount


def python(inputs: dict[str, Any]) -> dict[str, Any]:
    totals = [add(*pair) for pair in zip(inputs["trips"], inputs["amount"], strict=True)]
    return {"total": totals, "label": [note and note.upper() for note in inputs["note"]]}


def singleton(inputs: dict[str, Any]) -> dict[str, Any]:
    note = inputs["note"]
    return {"total": add(inputs["driver_stats__trips"], inputs["amount"]), "label": note and note.upper()}


def pandas(frame: Any) -> Any:
    frame["total"] = frame["trips"] + frame["amount"]
    frame["label"] = frame["note"].str.upper()
    return frame


def arrow(table: pa.Table) -> pa.Table:
    import pyarrow.compute as pc

    return pa.table({"total": pc.add(table["trips"], table["amount"]), "label": pc.utf8_upper(table["note"])})


def polars(frame: Any) -> Any:
    import polars as pl

    return frame.select(total=pl.col("trips") + pl.col("amount"), label=pl.col("note").str.to_uppercase())


def view(function: Any, mode: str, **options: Any) -> OnDemandFeatureView:
    options = {"sources": [STATS, ORDER], "schema": SCHEMA, "name": "totals", **options}
    return OnDemandFeatureView(function=function, mode=mode, **options)


MODES = {
    "python": view(python, "python"),
    "singleton": view(singleton, "python", singleton=True),
    "pandas": view(pandas, "pandas"),
    "arrow": view(arrow, "arrow"),
    "polars": view(polars, "polars"),
}


def shop_with(*views: OnDemandFeatureView, specs: Any = ()) -> Shop:
    functions = FunctionLoader(Path())
    for on_demand in views:
        functions.remember(on_demand.function)
    stats = view_spec(features={"trips": Int64, "rating": Float64}, ttl_us=3_600_000_000)
    order = SourceSpec(name="order", source_type="request", schema=fields({"amount": Int64, "note": String}))
    shop = open_shop(stats, order, *map(on_demand_spec, views), *specs, functions=functions)
    rows = {"driver_id": [1, 2], "event_timestamp": [NOW] * 2, "trips": [2**53 + 1, None], "rating": [1.5, 2.5]}
    write_to_online_store(shop.workspace, "driver_stats", rows)
    return shop


ROWS = [
    {"driver_id": 1, "amount": 1, "note": "a"},
    {"driver_id": 2, "amount": 1, "note": None},
    {"driver_id": 3, "amount": None, "note": "c"},
]
REFS = ["totals:label", "driver_stats:trips", "totals:total"]
EXPECTED = {
    "driver_id": [1, 2, 3],
    "label": ["A", None, "C"],
    "trips": [2**53 + 1, None, None],
    "total": [2**53 + 2, None, None],
}


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_gives_the_same(mode: str) -> None:
    response = shop_with(MODES[mode]).reader.read(REFS, ROWS)
    assert response.to_dict() == EXPECTED
    table = response.to_arrow()
    assert table.to_pydict() == EXPECTED
    assert table.schema.field("total").type == pa.int64()
    assert response.to_numpy()["total"].tolist() == EXPECTED["total"]
    assert response.statuses["total"] == [FieldStatus.PRESENT, FieldStatus.NULL_VALUE, FieldStatus.NULL_VALUE]
    assert response.event_timestamps["total"] == [None, None, None]
    assert response.event_timestamps["trips"] == [NOW, NOW, None]


@pytest.mark.parametrize("mode", MODES)
def test_columns_and_rows_of_a_request_are_the_same(mode: str) -> None:
    columns = {name: [row[name] for row in ROWS] for name in ROWS[0]}
    reader = shop_with(MODES[mode]).reader
    assert reader.read(REFS, columns).to_dict() == EXPECTED
    assert reader.read(REFS, pa.table(columns)).to_dict() == EXPECTED
    assert reader.read(REFS, []).to_dict() == {name: [] for name in EXPECTED}


@pytest.mark.parametrize("mode", MODES)
def test_inputs_that_are_too_old_are_null(mode: str) -> None:
    response = shop_with(MODES[mode]).reader.read(REFS, ROWS, now=at(1) + timedelta(microseconds=1))
    assert response.to_dict()["total"] == [None, None, None]
    assert response.to_dict()["label"] == ["A", None, "C"]


@pytest.mark.parametrize("full", [False, True])
def test_inputs_are_not_in_the_answer_unless_asked_for(full: bool) -> None:
    answer = shop_with(MODES["python"]).reader.read(["totals:total"], ROWS[:1], full).to_dict()
    assert answer == {"driver_id": [1], "totals__total" if full else "total": [2**53 + 2]}


def test_a_function_sees_its_own_inputs_only() -> None:
    seen: list[dict[str, Any]] = []

    def spy(inputs: dict[str, Any]) -> dict[str, Any]:
        seen.append({name: list(values) for name, values in inputs.items()})
        for values in inputs.values():
            values.clear()  # its lists are its own
        return {"n": [0]}

    one = view(spy, "python", name="one", sources=[STATS[["trips"]]], schema=[Field(name="n", dtype=Int64)])
    clash = view_spec("clash", features={"trips": Int64})
    service = FeatureServiceSpec(
        name="model",
        features=(
            ProjectionSpec(view="clash", features=("trips",)),
            ProjectionSpec(view="driver_stats", features=("rating",)),
            ProjectionSpec(view="one"),
        ),
    )
    shop = shop_with(one, specs=[clash, service])
    write_to_online_store(shop.workspace, "clash", {"driver_id": [1], "event_timestamp": [NOW], "trips": [-1]})
    answer = shop.reader.read("model", [{"driver_id": 1}]).to_dict()
    assert answer == {"driver_id": [1], "trips": [-1], "rating": [1.5], "n": [0]}
    assert seen == [{"driver_id": [1], "trips": [2**53 + 1], "driver_stats__trips": [2**53 + 1]}]


def test_a_function_is_called_when_the_values_are_read_and_once() -> None:
    calls: list[int] = []

    def count(inputs: dict[str, Any]) -> dict[str, Any]:
        calls.append(len(inputs["amount"]))
        return {"n": inputs["amount"]}

    counting = view(count, "python", sources=[ORDER], schema=[Field(name="n", dtype=Int64)])
    response = shop_with(counting).reader.read(["totals:n"], [{"amount": 3, "note": "x"}] * 2)
    response.to_dict()
    response.to_arrow()
    assert response.to_dict() == {"n": [3, 3]}
    assert calls == [2]


def test_answers_are_the_callers_own() -> None:
    response = shop_with(MODES["python"]).reader.read(REFS, ROWS)
    for values in response.to_dict().values():
        values.clear()
    assert response.to_dict() == EXPECTED


def test_an_answer_that_is_not_of_the_declared_type_is_refused() -> None:
    wrong = view(lambda inputs: {"n": [1.5]}, "python", sources=[ORDER], schema=[Field(name="n", dtype=Int64)])
    with pytest.raises(InvalidValueError, match="totals:n"):
        shop_with(wrong).reader.read(["totals:n"], [{"amount": 1, "note": "x"}])


def test_a_function_that_raises_is_named() -> None:
    def broken(inputs: dict[str, Any]) -> dict[str, Any]:
        raise KeyError("nope")

    with pytest.raises(InvalidDefinitionError, match=r"'totals': its function raised KeyError.*test_on_demand_online"):
        shop_with(view(broken, "python")).reader.read(REFS, ROWS)


def test_somebody_elses_broken_function_breaks_nothing() -> None:
    broken = on_demand_spec(view(pandas, "pandas", name="broken"))
    shop = shop_with(MODES["python"], specs=[broken])
    functions = FunctionLoader(Path())
    functions.remember(MODES["python"].function)
    shop.workspace.functions = functions  # type: ignore[misc]
    assert shop.reader.read(REFS, ROWS).to_dict() == EXPECTED


@pytest.mark.parametrize(
    ("row", "error", "message"),
    [
        ({"driver_id": 1, "note": "a"}, InvalidRequestError, r"entity_rows\[0\] lacks 'amount' \(request field of"),
        ({"driver_id": 1, "amount": 1.5, "note": "a"}, InvalidValueError, r"request field 'amount'.*1\.5"),
        ({"driver_id": 1, "amount": "1", "note": "a"}, InvalidValueError, r"request field 'amount'.*'1'"),
        ({"driver_id": 1, "amount": True, "note": "a"}, InvalidValueError, r"request field 'amount'.*True"),
        (
            {"driver_id": 1, "amount": 2**63, "note": "a"},
            InvalidValueError,
            r"request field 'amount'.*9223372036854775808",
        ),
        ({"driver_id": 1, "amount": 1, "note": 5}, InvalidValueError, r"request field 'note'.*5"),
    ],
)
@pytest.mark.parametrize("mode", ["python", "arrow"])
def test_request_fields_are_checked(mode: str, row: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        shop_with(MODES[mode]).reader.read(REFS, [row])


def test_request_fields_are_cast() -> None:
    rows = [{"driver_id": 1, "amount": 1.0, "note": "a"}]
    assert shop_with(MODES["python"]).reader.read(REFS, rows).to_dict()["total"] == [2**53 + 2]


def test_nested_request_fields() -> None:
    basket = RequestSource(name="basket", schema=[Field(name="prices", dtype=Array(Float64))])
    lengths = view(
        lambda inputs: {"n": [None if p is None else len(p) for p in inputs["prices"]]},
        "python",
        sources=[basket],
        schema=[Field(name="n", dtype=Int64)],
    )
    spec = SourceSpec(name="basket", source_type="request", schema=fields({"prices": Array(Float64)}))
    shop = shop_with(lengths, specs=[spec])
    assert shop.reader.read(["totals:n"], [{"prices": [1, 2.5]}, {"prices": None}]).to_dict() == {"n": [2, None]}


def test_a_function_whose_code_is_not_here(tmp_path: Path) -> None:
    shop = shop_with(MODES["python"])
    shop.workspace.functions = FunctionLoader(tmp_path)  # type: ignore[misc]
    here = sys.modules.pop(__name__)
    try:
        with pytest.raises(NotFoundError, match="python"):
            shop.reader.read(REFS, ROWS)
    finally:
        sys.modules[__name__] = here


def test_python_mode_loads_no_frames() -> None:
    program = (
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import test_on_demand_online as t\n"
        "shop = t.shop_with(t.MODES['python'])\n"
        "import pyarrow\n"
        "def refuse(*args, **options): raise AssertionError('Arrow is not needed')\n"
        "for name in ('array', 'table', 'chunked_array'): setattr(pyarrow, name, refuse)\n"
        "print(shop.reader.read(t.REFS, t.ROWS).to_dict() == t.EXPECTED)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "True"
