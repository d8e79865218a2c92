"""A whole project on the Snowflake emulator: its tables are the sources; how one logs in, and what is said when not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from repast import Entity, FeatureStore, FeatureView, Field, PushSource, SnowflakeSource
from repast.backends.offline.snowflake import SnowflakeEngine
from repast.core.manifest import SourceSpec
from repast.errors import InvalidConfigError, InvalidRequestError, NotFoundError, UnavailableError, UnsupportedError
from repast.types import Decimal, Int64, Json
from server.snowflake import SnowflakeServer, run_snowflake

NOON = datetime(2024, 7, 1, 12, tzinfo=UTC)
CONFIG = """
project: rides
registry: data/registry
offline_store:
  type: snowflake.offline
  account: repast
  user: repast
  password: not checked
  database: FEATURES
  schema: PUBLIC
  host: 127.0.0.1
  port: {port}
  protocol: http
online_store: {{type: sqlite, path: data/online.db}}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[SnowflakeServer]:
    with run_snowflake() as started:
        started.run(
            'CREATE TABLE TRIPS ("driver_id" INTEGER, "ended_at" TIMESTAMP_TZ, "stored_at" TIMESTAMP_TZ,'
            ' "fare" NUMBER(9, 2), "tags" VARIANT)'
        )
        for driver, hour, fare in ((1, 0, 10), (1, 1, 11), (2, 0, 20)):
            moment = f"'{NOON + timedelta(hours=hour)}'::TIMESTAMP_TZ"
            started.run(f"""INSERT INTO TRIPS SELECT {driver}, {moment}, {moment}, {fare}, PARSE_JSON('["a", null]')""")
        yield started


def engine(server: SnowflakeServer, folder: Path = Path(), **changes: Any) -> SnowflakeEngine:
    options = {name: value for name, value in (server.options | changes).items() if value is not None}
    return SnowflakeEngine(repo_path=folder, **options)


def source(**options: str) -> SourceSpec:
    return SourceSpec(name="s", source_type="snowflake", options=options, timestamp_field="ended_at")


def test_training_loads_and_pushes(server: SnowflakeServer, tmp_path: Path) -> None:
    (tmp_path / "feature_store.yaml").write_text(CONFIG.format(port=server.options["port"]))
    trips = SnowflakeSource(
        table="TRIPS", schema="PUBLIC", timestamp_field="ended_at", created_timestamp_column="stored_at"
    )
    pushed = PushSource(name="pushed", batch_source=trips)
    driver = Entity(name="driver", join_keys={"driver_id": Int64})
    schema = [Field(name="fare", dtype=Decimal(9, 2)), Field(name="tags", dtype=Json)]
    view = FeatureView(
        name="fares", entities=[driver], source=pushed, schema=schema, ttl=timedelta(days=1), offline=True
    )
    with FeatureStore(repo_path=tmp_path) as store:
        assert "not checked" not in repr(store.config)
        store.apply([pushed, view])
        times = [NOON + timedelta(minutes=m) for m in (-1, 59, 60, 60)]
        spine = pa.table({"driver_id": [1, 1, 2, 3], "event_timestamp": times})
        job = store.get_historical_features(spine, ["fares:fare", "fares:tags"])
        assert [f and float(f) for f in job.to_arrow().column("fare").to_pylist()] == [None, 10, 20, None]
        assert job.to_arrow().column("tags").to_pylist()[1].replace(" ", "") == '["a",null]'
        assert "DATEDIFF" in job.to_sql()

        written = 'SELECT 1 AS "driver_id", \'2024-07-01 14:00:00 +00:00\'::TIMESTAMP_TZ AS "event_timestamp"'
        answer = store.get_historical_features(written, ["fares:fare"]).to_arrow()
        assert [float(f) for f in answer.column("fare").to_pylist()] == [11]

        store.materialize(NOON - timedelta(days=1), NOON + timedelta(minutes=30))
        now = NOON + timedelta(hours=6)
        rows = [{"driver_id": driver_id} for driver_id in (1, 2, 3)]
        served = store.get_online_features(["fares:fare"], rows, now=now).to_dict()["fare"]
        assert [f and float(f) for f in served] == [10, 20, None]
        store.materialize_incremental(NOON + timedelta(hours=2))
        assert float(store.get_online_features(["fares:fare"], rows, now=now).to_dict()["fare"][0]) == 11

        row = {
            "driver_id": [3],
            "ended_at": [NOON],
            "stored_at": [NOON],
            "fare": pa.array([30], pa.decimal128(9, 2)),
            "tags": ['{"new": true}'],
        }
        store.push("pushed", pa.table(row), to="online_and_offline")
        assert float(store.get_online_features(["fares:fare"], rows, now=now).to_dict()["fare"][2]) == 30
        again = store.get_historical_features(spine, ["fares:fare"]).to_arrow()
        assert [f and float(f) for f in again.column("fare").to_pylist()] == [None, 10, 20, 30]


def test_a_query_is_a_source(server: SnowflakeServer) -> None:
    made = engine(server)
    schema = made.inspect(source(query='SELECT *, "fare" * 2 AS "double" FROM TRIPS -- as it was written\n;'))
    assert schema.names == ["driver_id", "ended_at", "stored_at", "fare", "tags", "double"]
    assert schema.field("fare").type == pa.decimal128(9, 2)
    rows = made.query("SELECT 1 AS k0, 'x' AS \"label\"").read_all().to_pylist()
    assert rows == [{"K0": 1, "label": "x"}]
    made.close()


def test_failures_are_told_apart(server: SnowflakeServer) -> None:
    made = engine(server)
    with pytest.raises(NotFoundError, match="'s'"):
        made.inspect(source(table="TRIPZ"))
    with pytest.raises(InvalidRequestError, match="one SELECT"):
        made.query("DROP TABLE TRIPS")
    with pytest.raises(UnsupportedError, match="query"):
        made.append(source(query="SELECT * FROM TRIPS"), pa.table({"a": [1]}))
    made.close()
    with pytest.raises(UnavailableError) as caught:
        engine(server, port=1, password="wrong-secret", timeout=1).inspect(source(table="TRIPS"))
    assert "wrong-secret" not in str(caught.value)


def test_a_file_of_connections_is_read(server: SnowflakeServer, tmp_path: Path) -> None:
    lines = "".join(f"{name} = {server.options[name]}\n" for name in ("account", "user", "password", "port", "host"))
    (tmp_path / "config").write_text(f"[connections.feast_offline_store]\n{lines}schema = ELSEWHERE\n")
    missing = dict.fromkeys(("account", "user", "password", "port", "host"))
    made = engine(server, tmp_path, config_path="config", **missing)
    assert made.inspect(source(table="TRIPS")).names[0] == "driver_id"
    made.close()
    with pytest.raises(InvalidConfigError, match="does not exist"):
        engine(server, tmp_path, config_path="gone")
    (tmp_path / "config").write_text("[connections.feast_offline_store]\npasswort = geheim\n")
    with pytest.raises(InvalidConfigError, match="passwort") as caught:
        engine(server, tmp_path, config_path="config")
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("option", ["private_key", "private_key_content"])
def test_a_key_logs_in(server: SnowflakeServer, tmp_path: Path, option: str) -> None:
    """The emulator does not check the token that the connector signs; without a key it could not be signed."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encryption = serialization.BestAvailableEncryption(b"open sesame")
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    (tmp_path / "key.p8").write_bytes(pem)
    given = {option: "key.p8" if option == "private_key" else pem.decode(), "private_key_passphrase": "open sesame"}
    made = engine(server, tmp_path, password=None, authenticator="SNOWFLAKE_JWT", **given)
    assert made.inspect(source(table="TRIPS")).names[0] == "driver_id"
    made.close()
    with pytest.raises(InvalidConfigError, match=option) as caught:
        engine(server, tmp_path, **given | {"private_key_passphrase": "wrong"})
    assert "BEGIN" not in str(caught.value)


def test_an_account_is_needed(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError, match="account"):
        SnowflakeEngine(repo_path=tmp_path, user="u", password="p", database="d")
