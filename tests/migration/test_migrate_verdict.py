"""Two answers side by side: Repast's from a real project, Feast's as its script would send it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from feast_repo import write_rows

from repast import Entity, FeatureStore, FeatureView, Field, FileSource, on_demand_feature_view
from repast.app.config import RepoConfig
from repast.app.migration.comparison import FeatureParity, RetrievalParity, ShadowReport
from repast.app.migration.feast_script import plain
from repast.app.migration.retrieval import Retrieval
from repast.app.migration.verdict import Judge, compare
from repast.cli.migration import print_shadow
from repast.core.clock import to_us
from repast.types import Bytes, DataType, Int64, String, UnixTimestamp

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
VIEW = ["stats:n", "double:twice"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FeatureStore]:
    """Key 1 twice at noon, and before; key 2 long ago; the keys are int32 in the source."""
    write_rows(
        tmp_path / "stats.parquet",
        driver_id=pa.array([1, 1, 1, 2, 3], pa.int32()),
        n=[10, 11, 9, 20, 30],
        event_timestamp=[NOON, NOON, NOON - 2 * HOUR, NOON - 50 * HOUR, NOON],
        created=[NOON, NOON + HOUR, NOON, NOON, NOON],
    )
    source = FileSource(path="stats.parquet", timestamp_field="event_timestamp", created_timestamp_column="created")
    entity = Entity(name="driver", join_keys={"driver_id": Int64})
    stats = FeatureView(
        name="stats",
        entities=[entity],
        ttl=timedelta(days=1),
        schema=[Field(name="n", dtype=Int64)],
        source=source,
    )

    @on_demand_feature_view(sources=[stats], schema=[Field(name="twice", dtype=Int64)], mode="python")
    def double(inputs: dict[str, list[int | None]]) -> dict[str, list[int | None]]:
        return {"twice": [None if n is None else 2 * n for n in inputs["n"]]}

    config = RepoConfig(project="shop", repo_path=tmp_path, registry="registry", online_store="memory")
    with FeatureStore(config=config) as opened:
        opened.apply([stats, double])
        opened.materialize(NOON - 100 * HOUR, NOON + HOUR)
        yield opened


def ask(store: FeatureStore, kind: str, keys: list[int]) -> Retrieval:
    spine = pa.table({"driver_id": keys})
    outputs = ["stats__n", "double__twice"]
    columns: dict[str, list[Any]]
    if kind == "historical":
        spine = spine.append_column("event_timestamp", pa.array([NOON + HOUR] * len(keys), pa.timestamp("us", "UTC")))
        table = store.get_historical_features(spine, VIEW, True).to_arrow()
        columns = {name: table[name].to_pylist() for name in outputs}
    else:
        columns = store.get_online_features(VIEW, {"driver_id": keys}, True, now=NOON + HOUR).to_dict()
    answer = {name: [plain(value) for value in columns[name]] for name in outputs}
    return Retrieval(kind=kind, name="stats", features=VIEW, spine=spine, outputs=outputs, answer=answer)


def judged(
    store: FeatureStore, asked: Retrieval, rows: list[int], n: list[Any], *, loaded_until: datetime | None = None
) -> RetrievalParity:
    until = {"stats": to_us(loaded_until) if loaded_until else None}
    columns = {"stats__n": n, "double__twice": [None if value is None else 2 * value for value in n]}
    theirs = {"rows": rows, "columns": columns, "dtypes": {"stats__n": "float64"}}
    return compare(Judge(store, until, to_us(NOON + HOUR)), asked, theirs, {})


def causes(parity: RetrievalParity) -> list[dict[str, int]]:
    return [dict(feature.causes) for feature in parity.features]


def test_the_same(store: FeatureStore) -> None:
    parity = judged(store, ask(store, "historical", [1, 2, 3]), [0, 1, 2], [11.0, None, 30.0])
    assert parity.is_same
    assert [feature.equal for feature in parity.features] == [3, 3]
    assert parity.features[0].dtype == "float64"


def test_a_tie_and_what_is_computed_from_it(store: FeatureStore) -> None:
    parity = judged(store, ask(store, "historical", [1, 3]), [0, 1], [10, 30])
    assert causes(parity) == [{"tie": 1}, {"tie": 1}]
    [example] = parity.features[0].examples
    assert (example.asked["driver_id"], example.feast, example.repast) == (1, 10, 11)


def test_ttl(store: FeatureStore) -> None:
    asked = ask(store, "online", [2, 3])
    assert causes(judged(store, asked, [0, 1], [20, 30])) == [{"ttl": 1}, {"ttl": 1}]
    assert causes(judged(store, asked, [0, 1], [21, 30])) == [{"other": 1}, {"other": 1}]


def test_a_key_without_rows(store: FeatureStore) -> None:
    assert causes(judged(store, ask(store, "online", [99]), [0], [5])) == [{"other": 1}, {"other": 1}]


@pytest.mark.parametrize(
    ("keys", "stored", "dtype"),
    [
        ([b"\x00", b"\xff"], pa.binary(), Bytes),
        ([NOON, NOON + HOUR], pa.timestamp("ms", "UTC"), UnixTimestamp),
        (["a", "b"], pa.large_string(), String),
    ],
    ids=["bytes", "instants", "text"],
)
def test_keys_of_other_types(tmp_path: Path, keys: list[Any], stored: pa.DataType, dtype: DataType) -> None:
    write_rows(
        tmp_path / "rows.parquet",
        key=pa.array([keys[0], keys[0], keys[1]], stored),
        n=[1, 2, 3],
        event_timestamp=[NOON] * 3,
    )
    view = FeatureView(
        name="rows",
        entities=[Entity(name="thing", join_keys={"key": dtype})],
        schema=[Field(name="n", dtype=Int64)],
        source=FileSource(path="rows.parquet", timestamp_field="event_timestamp"),
    )
    config = RepoConfig(project="shop", repo_path=tmp_path, registry="registry", online_store="memory")
    with FeatureStore(config=config) as store:
        store.apply(view)
        times = pa.array([NOON] * 2, pa.timestamp("us", "UTC"))
        spine = pa.table({"key": pa.array(keys), "event_timestamp": times})
        [ours, other] = store.get_historical_features(spine, ["rows:n"]).to_arrow()["n"].to_pylist()
        assert other == 3
        asked = Retrieval(
            kind="historical",
            name="rows",
            features=["rows:n"],
            spine=spine,
            outputs=["rows__n"],
            answer={"rows__n": [ours, 3]},
        )
        theirs = {"rows": [0, 1], "columns": {"rows__n": [3 - ours, 3]}, "dtypes": {}}
        parity = compare(Judge(store, {}, 0), asked, theirs, {})
    assert causes(parity) == [{"tie": 1}]


def test_late_rows_and_rows_that_were_not_loaded_yet(store: FeatureStore) -> None:
    asked = ask(store, "online", [1, 3])
    assert causes(judged(store, asked, [0, 1], [9, None], loaded_until=NOON)) == [{"late_row": 2}, {"late_row": 2}]
    found = judged(store, asked, [0, 1], [9, None], loaded_until=NOON - HOUR)
    assert causes(found) == [{"not_loaded": 2}, {"not_loaded": 2}]
    assert causes(judged(store, asked, [0, 1], [9, None])) == [{"other": 2}, {"other": 2}]


def test_rows_that_are_lost_moved_and_repeated(store: FeatureStore) -> None:
    parity = judged(store, ask(store, "historical", [1, 2, 3, 1]), [3, 0, 0], [11, 11, 11])
    assert (parity.lost_rows, parity.moved_rows) == (2, 2)
    assert causes(parity) == [{"lost_row": 2}, {"lost_row": 2}]
    assert not parity.is_same


def test_a_column_that_feast_lacks_is_lost(store: FeatureStore) -> None:
    asked = ask(store, "historical", [1])
    judge = Judge(store, {}, 0)
    parity = compare(judge, asked, {"rows": [0], "columns": {"stats__n": [11]}, "dtypes": {}}, {})
    assert causes(parity) == [{}, {"lost_row": 1}]


def test_errors_of_either_side(store: FeatureStore) -> None:
    asked = ask(store, "online", [1])
    judge = Judge(store, {}, to_us(NOON + HOUR))
    theirs = {"rows": [0], "columns": {"stats__n": [11], "double__twice": [22]}, "dtypes": {}}
    assert compare(judge, asked, {"error": "KeyError: 'n'"}, {}).feast_error == "KeyError: 'n'"
    assert compare(judge, asked, theirs, {"stats": "its load failed"}).feast_error == "its load failed"
    assert compare(judge, asked, theirs, {"other": "its load failed"}).is_same
    asked.answer, asked.error = None, "1.75 does not fit"
    parity = compare(judge, asked, theirs, {})
    assert (parity.repast_error, parity.features, parity.is_same) == ("1.75 does not fit", [], False)


def test_a_report_for_people(capsys: pytest.CaptureFixture[str], store: FeatureStore) -> None:
    tie = judged(store, ask(store, "historical", [1, 3, 2]), [1, 0], [30, 10])
    failed = RetrievalParity("online", "stats", 1, features=[FeatureParity("stats__n")], feast_error="it broke")
    report = ShadowReport("shop", "0.67.0", [tie, failed], skipped=["plus: it needs a request"])
    print_shadow(report)
    said = capsys.readouterr().out
    assert dict(report.causes) == {"tie": 2, "lost_row": 2, "order": 2, "error": 1}
    for part in (
        "Feast 0.67.0 and Repast, project shop",
        "historical  stats__n          3      1          2  lost_row 1, tie 1 (integers as float64)",
        "historical stats: Feast lost 1 of 3 rows",
        "historical stats: 2 of Feast's rows are in another place",
        "tie, for example stats__n of driver_id=1, event_timestamp=2024-05-01T13:00:00Z: Feast 10, Repast 11",
        "online stats: Feast answers with an error: it broke",
        "not compared: plus: it needs a request",
        "They differ.",
    ):
        assert part in said, said
