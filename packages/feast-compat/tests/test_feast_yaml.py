"""feature_store.yaml in Feast's spellings: read as Repast's backends and options, or refused with what to do."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import feast
from feast.adapter.notice import FeastCompatibilityWarning
from feast.repo_config import load_repo_config
from feast.types import Int64
from repast.app.config import RepoConfig
from repast.app.plugin import check_backends
from repast.errors import InvalidConfigError

HEAD = "project: p\nregistry: data/registry.db\n"

pytestmark = pytest.mark.filterwarnings("ignore::feast.adapter.notice.FeastCompatibilityWarning")


def load(folder: Path, text: str) -> RepoConfig:
    (folder / "feature_store.yaml").write_text(HEAD + text)
    return load_repo_config(folder, folder / "feature_store.yaml")._config


@pytest.mark.parametrize(
    ("section", "path", "name"),
    [
        ("online_store", "redis.RedisOnlineStore", "redis"),
        ("online_store", "postgres_online_store.postgres.PostgreSQLOnlineStore", "postgres"),
        ("online_store", "sqlite.SqliteOnlineStore", "sqlite"),
        ("offline_store", "dask.DaskOfflineStore", "duckdb"),
        ("offline_store", "bigquery.BigQueryOfflineStore", "bigquery"),
        ("offline_store", "contrib.spark_offline_store.spark.SparkOfflineStore", "spark"),
    ],
)
def test_feasts_classes_are_known_by_their_paths(folder: Path, section: str, path: str, name: str) -> None:
    with pytest.warns(FeastCompatibilityWarning, match=f"is read as '{name}'"):
        config = load(folder, f"{section}:\n  type: feast.infra.{section}s.{path}\n")
    assert getattr(config, section).type == name


def test_options_with_other_names(folder: Path) -> None:
    trino = "{type: trino, host: h, port: 8080, catalog: c, user: u, http-scheme: https, ssl-verify: false}"
    config = load(folder, f"offline_store: {trino}\n")
    assert config.offline_store.options["http_scheme"] == "https"
    assert config.offline_store.options["ssl_verify"] is False


@pytest.mark.parametrize("name", ["cassandra", "snowflake.online", "feast.infra.online_stores.faiss.FaissOnlineStore"])
def test_a_backend_without_code_is_refused_with_what_there_is(folder: Path, name: str) -> None:
    config = load(folder, f"online_store: {{type: {name}, hosts: [a]}}\n")
    [problem] = check_backends(config)
    assert problem.message == f"online_store.type {name!r} is Feast's, and Repast has no code for it."
    assert "redis" in problem.hint
    assert "write-an-online-store.md" in problem.hint
    assert problem.location is not None
    rows = {"driver": [1], "x": [1], "t": [datetime.now(UTC)]}
    (folder / "data").mkdir()
    pq.write_table(pa.table(rows), folder / "data" / "rows.parquet")
    driver = feast.Entity(name="driver", value_type=feast.ValueType.INT64)
    source = feast.FileSource(name="rows", path="data/rows.parquet", timestamp_field="t")
    view = feast.FeatureView(name="v", entities=[driver], schema=[feast.Field(name="x", dtype=Int64)], source=source)
    store = feast.FeatureStore(str(folder))
    with pytest.raises(InvalidConfigError, match="has no code for it"):
        store.apply([view])


def test_each_ignored_key_is_said_once_with_its_line(folder: Path) -> None:
    text = "flags: {alpha: true}\nmaterialization: {pull_latest_features: true}\n"
    text += "feature_server:\n  metrics:\n    push: false\n"
    with pytest.warns(FeastCompatibilityWarning) as said:
        load(folder, text)
    told = {(Path(w.filename).name, w.lineno, str(w.message).split(" is accepted")[0]) for w in said}
    assert told == {
        ("feature_store.yaml", 3, "feature_store.yaml: flags"),
        ("feature_store.yaml", 4, "feature_store.yaml: materialization"),
        ("feature_store.yaml", 7, "feature_store.yaml: feature_server.metrics.push"),
    }


def test_access_control_is_never_ignored(folder: Path) -> None:
    for auth in ("{type: oidc, client_id: me}", "{type: kubernetes}", "{type: no_auth, client_secret: s}"):
        with pytest.raises(InvalidConfigError, match="nothing would check who asks"):
            load(folder, f"auth: {auth}\n")
    load(folder, "auth: {type: no_auth}\n")
