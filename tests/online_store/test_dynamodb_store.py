"""The DynamoDB store with AWS's client on emulators: the shipped suite, and what only this store does."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import boto3
import pytest

from repast.backends.online import dynamodb_batch
from repast.backends.online.dynamodb import DynamoDBOnlineStore
from repast.errors import InvalidConfigError, InvalidRequestError, UnavailableError
from repast.ports.online import OnlineStore, OnlineTable, WriteResult
from repast.testing.online import OnlineStoreSuite
from server.dynamodb import CREDENTIALS, DynamodbServer, run_dynalite, run_moto

TABLE = OnlineTable("project", "view")
OTHER = OnlineTable("project", "other")


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def server() -> Iterator[DynamodbServer]:
    with run_dynalite() as server:
        yield server


@pytest.fixture(scope="module")
def moto() -> Iterator[DynamodbServer]:
    with run_moto() as server:
        yield server


def open_store(server: DynamodbServer, folder: Path, **options: Any) -> DynamoDBOnlineStore:
    """A store whose tables are the folder's."""
    prefix = "t" + hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    template = prefix + ".{project}.{table_name}"
    return DynamoDBOnlineStore(
        **{"repo_path": folder, "endpoint_url": server.url, "table_name_template": template, **options}
    )


@pytest.fixture
def store(server: DynamodbServer, tmp_path: Path) -> Iterator[DynamoDBOnlineStore]:
    store = open_store(server, tmp_path)
    store.create([TABLE])
    yield store
    store.close()


class TestDynamoDBOnlineStore(OnlineStoreSuite):
    longest_value: ClassVar[int] = 400_000
    many: ClassVar[int] = 500

    @pytest.fixture(autouse=True)
    def _server(self, server: DynamodbServer, moto: DynamodbServer) -> None:
        self.server, self.moto = server, moto

    def make_store(self, tmp_path: Path) -> OnlineStore:
        return open_store(self.server, tmp_path)

    def make_expiring_store(self, tmp_path: Path) -> OnlineStore:
        return open_store(self.moto, tmp_path, expire_rows=True)  # dynalite knows of no time to live

    def ends_us(self, store: OnlineStore, table: OnlineTable, keys: Sequence[bytes]) -> list[int | None]:
        assert isinstance(store, DynamoDBOnlineStore)
        ends = {item["k"]["B"]: item.get("t") for item in items(self.moto, store._tables.name(table))}
        return [int(end["N"]) * 1_000_000 if (end := ends[key]) else None for key in keys]

    # These ask an emulator for thousands of things; the others of the suite run every time.

    @pytest.mark.slow
    def test_batches_in_any_key_order_do_not_block_each_other(self, store: OnlineStore) -> None:
        super().test_batches_in_any_key_order_do_not_block_each_other(store)

    @pytest.mark.slow
    def test_drop_and_erase_leave_other_tables_alone(self, store: OnlineStore) -> None:
        super().test_drop_and_erase_leave_other_tables_alone(store)

    @pytest.mark.slow
    def test_a_cancelled_aread_spoils_no_later_one(self, store: OnlineStore) -> None:
        super().test_a_cancelled_aread_spoils_no_later_one(store)

    @pytest.mark.slow
    def test_values_come_in_the_order_of_the_keys(self, store: OnlineStore) -> None:
        super().test_values_come_in_the_order_of_the_keys(store)

    @pytest.mark.slow
    def test_readers_see_whole_rows_that_never_go_back(self, store: OnlineStore) -> None:
        super().test_readers_see_whole_rows_that_never_go_back(store)

    @pytest.mark.slow
    def test_a_read_may_be_larger_than_any_limit(self, store: OnlineStore) -> None:
        super().test_a_read_may_be_larger_than_any_limit(store)

    @pytest.mark.slow
    def test_counts_are_exact(self, store: OnlineStore) -> None:
        super().test_counts_are_exact(store)


# -- calls ----------------------------------------------------------------------------------------


def listen(store: DynamoDBOnlineStore) -> list[str]:
    """The operations that the store calls from now on."""
    called: list[str] = []
    client = store._link._opened().client
    client.meta.events.register("before-call.dynamodb", lambda model, **_: called.append(model.name))
    return called


def test_a_read_of_many_views_is_one_call(store: DynamoDBOnlineStore) -> None:
    tables = [OnlineTable("project", f"view{number}") for number in range(20)]
    store.create(tables)
    for table in tables:
        store.write(table, [b"a", b"b"], [table.view.encode()] * 2)
    called = listen(store)
    assert store.read([(table, [b"a", b"?", b"b"]) for table in tables]) == [
        [table.view.encode(), None, table.view.encode()] for table in tables
    ]
    assert called == ["BatchGetItem"]
    store.read([(table, [b"%d" % number for number in range(15)]) for table in tables])  # 300 keys
    assert called == ["BatchGetItem"] * 4


def test_rows_that_do_not_change_are_not_written(store: DynamoDBOnlineStore) -> None:
    keys = [b"%d" % number for number in range(120)]
    store.write(TABLE, keys, [b"5"] * 120)
    called = listen(store)
    assert store.write(TABLE, keys, [b"5"] * 120) == WriteResult(unchanged=120)
    assert store.write(TABLE, keys, [b"4"] * 120) == WriteResult(late=120)
    assert set(called) == {"BatchGetItem"}
    assert store.write(TABLE, keys, [b"6"] + [b"5"] * 119) == WriteResult(written=1, unchanged=119)
    assert called.count("PutItem") == 1


@pytest.mark.slow
def test_what_does_not_fit_in_an_answer_is_asked_for_again(store: DynamoDBOnlineStore) -> None:
    keys = [b"%d" % number for number in range(60)]
    values = [key * 150_000 for key in keys]
    store.write(TABLE, keys, values)
    called = listen(store)
    assert store.read([(TABLE, keys)]) == [values]
    assert len(called) > 1
    assert asyncio.run(store.aread([(TABLE, keys)])) == [values]


def test_who_is_throttled_waits_longer_each_time_and_then_gives_up() -> None:
    steps = dynamodb_batch._read_steps("here", {"t": {"Keys": [1, 2]}})
    undone = {"Responses": {}, "UnprocessedKeys": {"t": {"Keys": [2]}}}
    assert next(steps) == (0.0, {"t": {"Keys": [1, 2]}})
    pauses = [steps.send(undone)[0] for _ in range(8)]
    assert all(pause >= 0.5 * min(0.05 * 2**turn, 2.0) for turn, pause in enumerate(pauses))
    assert sum(pauses) < 10
    with pytest.raises(UnavailableError, match="asks for fewer requests") as caught:
        steps.send(undone)
    assert caught.value.retryable


def test_a_row_that_is_too_large_is_named_and_none_is_written(store: DynamoDBOnlineStore) -> None:
    with pytest.raises(InvalidRequestError, match=r"A row of view 'view' takes 409601 bytes") as caught:
        store.write(TABLE, [b"a", b"b"], [b"1", b"x" * 409_598])
    assert "split the view" in caught.value.hint
    assert store.read([(TABLE, [b"a", b"b"])]) == [[None, None]]
    assert store.write(TABLE, [b"b"], [b"x" * 409_597]) == WriteResult(written=1)


def test_long_keys_are_told_apart(store: DynamoDBOnlineStore) -> None:
    start = bytes(range(256)) * 40
    keys = [start[:999], start[:1000], start[:1001], start, start + b"a", start + b"b"]
    values = [b"%d" % number for number in range(len(keys))]
    assert store.write(TABLE, keys, values) == WriteResult(written=len(keys))
    assert store.read([(TABLE, keys)]) == [values]
    assert store.erase(TABLE, keys[2:]) == 4
    assert store.read([(TABLE, keys)]) == [[*values[:2], None, None, None, None]]


def test_large_tables_are_counted_in_part(store: DynamoDBOnlineStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("repast.backends.online.dynamodb._COUNTED_PAGES", 2)
    store.write(TABLE, [b"%d" % number for number in range(12)], [b"v" * 300_000] * 12)
    called = listen(store)
    assert 6 <= store.count(TABLE) <= 12
    assert called == ["Scan", "Scan", "DescribeTable"]


# -- names, tags, expiry --------------------------------------------------------------------------


def test_names_are_valid_readable_and_differ() -> None:
    store = DynamoDBOnlineStore(repo_path=".", region="eu-west-1", table_name_template="prod-{project}-{table_name}")
    tables = [OnlineTable("p " * 100, "v\u00e9" * 200 + end, number) for end in ("a", "b") for number in (1, 2)]
    names = {store._tables.name(table) for table in tables}
    assert len(names) == 4
    assert max(map(len, names)) <= 255
    assert store._tables.name(OnlineTable("rides", "driver stats", 2)).startswith("prod-rides-driver_stats.2-")


@pytest.mark.parametrize("template", ["{project}", "{table_name}{table_name}", "{view}.{table_name}", "{table_name}/x"])
def test_templates_that_cannot_be_names_are_refused(template: str) -> None:
    with pytest.raises(InvalidConfigError, match=r"online_store\.table_name_template cannot be"):
        DynamoDBOnlineStore(repo_path=".", region="eu-west-1", table_name_template=template)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 101}, "online_store.batch_size must be 1 to 100, not 101"),
        ({"write_concurrency": 0}, "online_store.write_concurrency must be 1 to 1000, not 0"),
        ({"read_timeout": 0}, "online_store.read_timeout must be 0.001 to 3600, not 0"),
    ],
)
def test_numbers_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidConfigError, match=message):
        DynamoDBOnlineStore(repo_path=".", region="eu-west-1", **options)


def items(server: DynamodbServer, table: str) -> list[dict[str, Any]]:
    """Everything in a table."""
    client = boto3.client("dynamodb", endpoint_url=server.url)
    found: list[dict[str, Any]] = sorted(client.scan(TableName=table)["Items"], key=lambda item: item["k"]["B"])
    client.close()
    return found


def test_rows_are_told_when_they_may_go(moto: DynamodbServer, tmp_path: Path) -> None:
    store = open_store(moto, tmp_path, expire_rows=True, tags={"team": "rides"})
    store.create([TABLE])
    store.create([TABLE])
    assert store.expires
    name = store._tables.name(TABLE)
    client = store._link._opened().client
    assert client.describe_time_to_live(TableName=name)["TimeToLiveDescription"] == {
        "TimeToLiveStatus": "ENABLED",
        "AttributeName": "t",
    }
    arn = client.describe_table(TableName=name)["Table"]["TableArn"]
    assert client.list_tags_of_resource(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "rides"}]

    second = 1_000_000
    keys = [b"a", b"b", b"c"]
    assert store.write_until(TABLE, keys, [b"5"] * 3, [10 * second, 10 * second + 1, 11 * second - 1]).written == 3
    assert [item["t"]["N"] for item in items(moto, name)] == ["11", "11", "11"]
    again = store.write_until(TABLE, keys, [b"4", b"5", b"6"], [20 * second] * 3)
    assert again == WriteResult(written=1, unchanged=1, late=1)
    assert [item["t"]["N"] for item in items(moto, name)] == ["11", "21", "21"]
    assert store.write(TABLE, [b"a"], [b"6"]) == WriteResult(written=1)
    assert "t" not in items(moto, name)[0]
    assert store.read([(TABLE, keys)]) == [[b"6", b"5", b"6"]]
    store.drop([TABLE])
    store.close()


# -- processes and event loops --------------------------------------------------------------------


def test_event_loops_may_come_and_go(store: DynamoDBOnlineStore) -> None:
    store.write(TABLE, [b"k"], [b"v"])
    for _ in range(3):
        assert asyncio.run(store.aread([(TABLE, [b"k"]), (OTHER, [b"k"])])) == [[b"v"], [None]]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_fork_does_not_share_connections(store: DynamoDBOnlineStore) -> None:
    keys = [b"%d" % number for number in range(50)]
    store.write(TABLE, keys, [b"1"] * 50)
    child = os.fork()
    if child == 0:
        ok = store.read([(TABLE, keys)]) == [[b"1"] * 50] and store.write(TABLE, keys, [b"2"] * 50).written == 50
        store.close()
        os._exit(0 if ok else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert store.read([(TABLE, keys)]) == [[b"2"] * 50]
    assert store.write(TABLE, keys, [b"3"] * 50) == WriteResult(written=50)
