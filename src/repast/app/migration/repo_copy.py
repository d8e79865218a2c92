"""Copies of a Feast repo for both sides of a comparison: nothing of the user's own is ever opened for writing."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from repast.app.loading import CONFIG_FILE, IGNORED_FOLDERS
from repast.errors import InvalidConfigError, InvalidRequestError, UnavailableError

_KEPT = ("project", "offline_store", "entity_key_serialization_version", "flags", "coerce_tz_aware", "materialization")
"""Keys that decide on values. The others are about where things are kept, who may ask, and what else is told."""
_ENGINES: Mapping[str, str] = {"gcp": "bigquery", "aws": "redshift", "azure": "mssql"}
"""What offline store a provider of Feast stands for."""
REGISTRY = ("shadow/registry.db", "shadow/registry")
"""Where the copies keep their registries: Feast's, Repast's."""
ONLINE = "shadow/online.db"


def copy_for_feast(repo: Path, target: Path, *, loaded: bool) -> Path:
    """Copy a repo with a registry and an online store of its own: new ones, or copies of what Feast has loaded.

    Raises:
        InvalidRequestError: What was loaded should be compared, and is not in local files.

    """
    values = _read(repo)
    _copy_files(repo, target, values)
    if loaded:
        for source, name in zip(_loaded_files(repo, values), (REGISTRY[0], ONLINE), strict=True):
            shutil.copyfile(source, target / name)
    registry = {"registry_type": "file", "path": str(target / REGISTRY[0]), "cache_ttl_seconds": 60}
    _write(target, values, {"registry": registry})
    return target


def copy_for_repast(repo: Path, target: Path) -> Path:
    """Copy a repo with a registry and an online store of its own."""
    values = _read(repo)
    _copy_files(repo, target, values)
    _write(target, {key: values[key] for key in ("project", "offline_store", "provider") if key in values},
           {"registry": str(target / REGISTRY[1])})  # fmt: skip
    return target


def _read(repo: Path) -> dict[str, Any]:
    """Read feature_store.yaml as it is written: ``${VARIABLES}`` stay what they are in the copies."""
    import yaml

    try:
        values = yaml.safe_load((repo / CONFIG_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InvalidConfigError(f"There is no {CONFIG_FILE} in {repo}.", hint="name the Feast repo's folder") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidConfigError(f"{repo / CONFIG_FILE} cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise InvalidConfigError(f"{repo / CONFIG_FILE} says nothing.", hint="run: repast migrate check")
    return values


def _write(target: Path, values: Mapping[str, Any], places: Mapping[str, Any]) -> None:
    import yaml

    kept = {key: values[key] for key in _KEPT if key in values}
    engine = _ENGINES.get(str(values.get("provider")))
    if engine:
        kept.setdefault("offline_store", {"type": engine})
    online = {"type": "sqlite", "path": str(target / ONLINE)}
    text = yaml.safe_dump({**kept, "provider": "local", "online_store": online, **places})
    (target / CONFIG_FILE).write_text(text, encoding="utf-8")


def _copy_files(repo: Path, target: Path, values: Mapping[str, Any]) -> None:
    own = {path for path in _state_files(repo, values) if path is not None}

    def ignore(folder: str, names: list[str]) -> set[str]:
        here = Path(folder)
        return {
            name
            for name in names
            if (name.startswith(".") and name != ".feastignore")
            or name in IGNORED_FOLDERS
            or (here / name).resolve() in own
            or (here / name / "pyvenv.cfg").exists()
        }

    try:
        shutil.copytree(repo, target, ignore=ignore)
    except (OSError, shutil.Error) as error:
        raise UnavailableError(f"{repo} cannot be copied to {target}: {error}", hint="is there space left?") from error
    (target / REGISTRY[0]).parent.mkdir(exist_ok=True)


def _state_files(repo: Path, values: Mapping[str, Any]) -> tuple[Path | None, Path | None]:
    """Return the files of the registry and of the online store; None: they are elsewhere."""
    registry, online = values.get("registry"), values.get("online_store")
    if registry is None or isinstance(registry, str):
        registry = {"path": registry or "data/registry.db"}
    if online is None or isinstance(online, str):
        online = {"type": online or "sqlite"}
    in_file = registry.get("registry_type", registry.get("type", "file")) == "file"
    in_sqlite = online.get("type", "sqlite") == "sqlite"
    return (
        _local(repo, registry.get("path")) if in_file else None,
        _local(repo, online.get("path", "data/online.db")) if in_sqlite else None,
    )


def _local(repo: Path, path: object) -> Path | None:
    text = str(path or "")
    return None if not text or "://" in text or "$" in text else (repo / text).resolve()


def _loaded_files(repo: Path, values: Mapping[str, Any]) -> tuple[Path, Path]:
    registry, online = _state_files(repo, values)
    if registry is None or online is None or not registry.is_file() or not online.is_file():
        raise InvalidRequestError(
            "What Feast has loaded is not in a local registry file and a SQLite online store.",
            hint="leave --loaded out: both sides then load the sources anew",
        )
    return registry, online
