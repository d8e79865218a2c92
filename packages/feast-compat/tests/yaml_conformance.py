"""Write every key of Feast's feature_store.yaml into one, and see what happens: it works, warns, or is refused.

A key works when the backend's class takes it and its value. That the class then does what it says is the matter of
the backend's own tests.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from conformance import inventory
from feast.adapter.notice import FeastCompatibilityWarning, forget_warnings
from feast.repo_config import load_repo_config
from repast.app.plugin import check_backends, find_class
from repast.errors import InvalidConfigError, MissingDependencyError, Problem, RepastError, UnsupportedError

Row = tuple[str, str]
"""A section ("online_store redis", "" for the top) and one of its keys; "" stands for the section alone."""

TOP: Mapping[str, object] = {
    "auth": {"type": "no_auth"},
    "batch_engine": {"type": "local"},
    "coerce_tz_aware": False,
    "data_quality_monitoring": {"auto_baseline": False},
    "embedding_model": {"model": "m"},
    "entity_key_serialization_version": 3,
    "feature_server": {"type": "local"},
    "flags": {"a": True},
    "materialization": {"pull_latest_features": True},
    "mlflow": {"enabled": True},
    "offline_store": {"type": "duckdb"},
    "online_store": {"type": "sqlite", "path": "data/online.db"},
    "openlineage": {"enabled": True},
    "project": "p",
    "project_description": "words",
    "provider": "local",
    "registry": "data/registry.db",
    "repo_path": ".",
}
"""A value of each key at the top."""

VALUES: Mapping[str, object] = {
    "additional_client_args": {"a": 1},
    "batch_size": 100,
    "blob_export_location": "s3://b/x",
    "cache_ttl_seconds": 60,
    "connector": {"type": "hive", "file_format": "parquet"},
    "enabled": True,
    "extra_credential": {"a": "b"},
    "keepalives_idle": 30,
    "key_ttl_seconds": 60,
    "max_file_size": 1000,
    "max_batched_result_rows": 100,
    "mcp": {"enabled": True},
    "metrics": {"enabled": True},
    "path": "data/file",
    "partitions": 8,
    "port": 1234,
    "s3_additional_kwargs": {"a": "b"},
    "spark_conf": {"spark.master": "local[1]"},
    "sqlalchemy_config_kwargs": {"echo": False},
    "tags": {"a": "b"},
    "token_refresh_margin_seconds": 30,
    "ssl-verify": True,
    "verify": True,
    "write_batch_size": 10,
    "write_concurrency": 2,
}
"""Values of keys whose default is none, by name; others get the text "text"."""

OWN_VALUES: Mapping[str, object] = {
    "offline_store trino auth": {"type": "jwt", "config": {"token": "t"}},
    "online_store redis redis_type": "redis_cluster",
    "online_store remote path": "http://localhost:6566",
    "registry sql path": "sqlite:///registry.sqlite",
    "registry sql read_path": "sqlite:///replica.sqlite",
}


def rows() -> Iterator[Row]:
    for section, keys in inventory()["yaml"].items():
        yield from ((section, key) for key in (("", *keys) if section else keys))


def name_of(row: Row) -> str:
    return " ".join(row).strip()


def _defaults() -> dict[str, dict[str, Any]]:
    """The defaults of Feast's configurations, by the type that they say they are of."""
    found: dict[str, dict[str, Any]] = {}
    for names in inventory()["modules"].values():
        for facts in names.values():
            defaults = facts.get("defaults", {})
            kind = defaults.get("type") or defaults.get("registry_type")
            if isinstance(kind, str):
                found.setdefault(kind, {}).update({k: v for k, v in defaults.items() if v not in (None, "")})
    return found


DEFAULTS = _defaults()


def value_of(section: str, kind: str, key: str) -> object:
    own = OWN_VALUES.get(f"{section} {kind} {key}")
    if own is not None:
        return own
    return VALUES.get(key, DEFAULTS.get(kind, {}).get(key, "text"))


def document_of(row: Row) -> dict[str, object]:
    """The smallest feature_store.yaml with a key in it."""
    base: dict[str, object] = {"project": "p", "registry": "data/registry.db"}
    place, key = row
    section, _, kind = place.partition(" ")
    if not section:
        return base | {key: TOP[key]}
    head = {"registry_type" if section == "registry" else "type": kind} if kind else {}
    body = dict(head)
    if key and key not in head:
        body[key] = value_of(section, kind, key)  # type: ignore[assignment]
    return base | _nested(section.split("."), body)


def _nested(path: list[str], body: object) -> dict[str, object]:
    """Put a body below its keys; an empty one is what switches the section on."""
    for name in reversed(path):
        body = {name: body or {"enabled": True}}
    assert isinstance(body, dict)
    return body


def observe(row: Row, folder: Path) -> tuple[str, str]:
    """Load a configuration with a key in it; return "works", "warning" or "refused", and in a line what happens."""
    forget_warnings()
    (folder / "feature_store.yaml").write_text(yaml.safe_dump(document_of(row)))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            config = load_repo_config(folder, folder / "feature_store.yaml")._config
        except (InvalidConfigError, UnsupportedError) as error:
            return "refused", _told(error.problems[0] if error.problems else error, folder)
        refusal = _refusal(row, config, folder)
    if refusal:
        return "refused", refusal
    keys = _keys(row)
    told = [str(w.message) for w in said if w.category is FeastCompatibilityWarning]
    about = [text for text in told if any(f"feature_store.yaml: {key} " in text for key in keys)]
    return ("warning", about[0]) if about else ("works", "")


def _keys(row: Row) -> list[str]:
    """The keys whose warning is one about this row: itself and all that it is in; the type, of a section alone."""
    section, _, kind = row[0].partition(" ")
    path = section.split(".") if section else []
    if row[1] or kind:
        path = [*path, row[1] or ("registry_type" if section == "registry" else "type")]
    return [".".join(path[: end + 1]) for end in range(len(path))]


def _refusal(row: Row, config: Any, folder: Path) -> str:
    """Say why the section's backend does not take a key, if it does not: what else it needs is another matter."""
    section = row[0].partition(" ")[0].partition(".")[0] or row[1]
    backend = getattr(config, section, None) if section in ("registry", "online_store", "offline_store") else None
    backend = config.batch_engine if section == "batch_engine" else backend
    if backend is None or (section, backend.type) == ("batch_engine", "local"):
        return ""
    try:
        found = find_class(config, backend)
    except MissingDependencyError:
        return ""
    if isinstance(found, Problem):
        return _told(found, folder)
    about = [
        p for p in check_backends(config) if not row[1] or f"{row[1]!r}" in p.message or f".{row[1]} " in p.message
    ]
    return _told(about[0], folder) if row[1] and about else ""


def _told(problem: Problem | RepastError, folder: Path) -> str:
    text = f"{problem.message} {problem.hint}".strip()
    return text.replace(f"{folder}/", "").replace(str(folder), ".")
