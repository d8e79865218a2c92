"""feature_store.yaml as a value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from feast.adapter.notice import refuse, refused_function, without_effect
from repast.app.config import RepoConfig as RepastConfig
from repast.app.config import load_config
from repast.errors import InvalidConfigError, did_you_mean

FeastConfigError = InvalidConfigError


class FeastBaseModel:
    """Options with names and defaults: the annotated attributes of a class. Further ones are kept."""

    _strict = False

    def __init__(self, **values: Any) -> None:
        options = self._options()
        for name in values:
            if self._strict and name not in options:
                raise InvalidConfigError(
                    f"{type(self).__name__} has no option {name!r}.",
                    hint=did_you_mean(name, options) or "its options are " + ", ".join(options),
                )
        missing = [name for name in options if name not in values and not hasattr(type(self), name)]
        if missing:
            raise InvalidConfigError(f"{type(self).__name__} needs {', '.join(missing)}.")
        for name in (*options, *(name for name in values if name not in options)):
            setattr(self, name, values.get(name, getattr(type(self), name, None)))

    @classmethod
    def _options(cls) -> list[str]:
        found: dict[str, None] = {}
        for base in reversed(cls.__mro__):
            found |= dict.fromkeys(n for n in vars(base).get("__annotations__", {}) if not n.startswith("_"))
        return list(found)

    def model_dump(self, **_: Any) -> dict[str, Any]:
        """Return the options as plain values."""
        return {name: _plain(value) for name, value in vars(self).items()}

    dict = model_dump

    def _given(self) -> dict[str, Any]:
        """The options that differ from their defaults, and the type."""
        absent = object()
        return {
            name: _plain(value)
            for name, value in vars(self).items()
            if name == "type" or value != getattr(type(self), name, absent)
        }

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(type(self).__name__)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(sorted(vars(self)))})"  # names only: values may be secrets


class FeastConfigBaseModel(FeastBaseModel):
    """Options, and no others."""

    _strict = True


def _plain(value: Any) -> Any:
    if isinstance(value, FeastBaseModel):
        return value.model_dump()
    return str(value) if isinstance(value, Path) else getattr(value, "value", value)


class McpRegistryConfig(FeastBaseModel):
    """MCP over the registry; there is none yet."""

    enabled: bool = False


class RegistryConfig(FeastBaseModel):
    """Where the registry is."""

    registry_type: str = "file"
    registry_store_type: str | None = None
    path: str = ""
    cache_ttl_seconds: int = 600
    cache_mode: str = "sync"
    s3_additional_kwargs: dict[str, str] | None = None  # type: ignore[valid-type]
    purge_feast_metadata: bool = False
    enable_online_feature_view_versioning: bool = False
    serve_features_while_materializing: bool = False
    mcp: McpRegistryConfig | None = None


class MaterializationConfig(FeastConfigBaseModel):
    """Options of loads, which Repast does not need."""

    pull_latest_features: bool = False
    online_write_batch_size: int | None = None


class DataQualityMonitoringConfig(FeastConfigBaseModel):
    """Monitoring; there is none yet."""

    auto_baseline: bool = True


class OpenLineageConsumerConfig(FeastBaseModel):
    """Lineage; it is not exported yet."""

    enabled: bool = False
    store_type: str = "sql"
    connection_string: str | None = None
    api_key: str | None = None
    namespace_mapping: Any = None
    retention_days: int = 30
    retention_check_interval_hours: int = 6
    standalone_server: bool = False


class OpenLineageConfig(FeastBaseModel):
    """Lineage; it is not exported yet."""

    enabled: bool = False
    transport_type: str | None = None
    transport_url: str | None = None
    transport_endpoint: str = "api/v1/lineage"
    api_key: str | None = None
    namespace: str = "feast"
    producer: str = "feast"
    emit_on_apply: bool = True
    emit_on_materialize: bool = True
    consumer: OpenLineageConsumerConfig | None = None


class EmbeddingModelConfig(FeastConfigBaseModel):
    """Embeddings; there are none yet."""

    provider: str = "sentence_transformers"
    model: str


class RepoConfig:
    """A project's configuration: Feast's arguments, Repast's meaning."""

    def __init__(self, *, repo_path: str | Path | None = None, **values: Any) -> None:
        plain = {name: value._given() if isinstance(value, FeastBaseModel) else value for name, value in values.items()}
        self._values = values
        self._config = RepastConfig(repo_path=repo_path, **plain)
        say_ignored(self._config)

    @classmethod
    def _of(cls, config: RepastConfig) -> RepoConfig:
        made = cls.__new__(cls)
        made._values, made._config = {}, config
        return made

    @property
    def project(self) -> str:
        """Name of the project."""
        return self._config.project

    @property
    def project_description(self) -> str | None:
        """What the project is."""
        return self._config.project_description or None

    @property
    def provider(self) -> str:
        """Name of the provider."""
        return self._config.provider

    @property
    def repo_path(self) -> Path:
        """The repo's folder."""
        return self._config.repo_path

    @property
    def entity_key_serialization_version(self) -> int:
        """Feast's newest; Repast has one key encoding, and versions it itself."""
        return 3

    @property
    def registry(self) -> RegistryConfig:
        """Where the registry is."""
        return RegistryConfig(**self._public("registry"))

    @property
    def online_store(self) -> Any:
        """The online store, or None."""
        section = self._public("online_store")
        return FeastBaseModel(**section) if section else None

    @property
    def offline_store(self) -> Any:
        """The offline store."""
        return FeastBaseModel(**self._public("offline_store"))

    @property
    def batch_engine(self) -> Any:
        """The engine of loads: that of the offline store."""
        return self.offline_store

    def _public(self, section: str) -> Any:
        return self._config.to_public_dict()[section]

    def to_dict(self) -> dict[str, Any]:
        """The configuration as plain values, secrets hidden."""
        return self._config.to_public_dict()

    model_dump = to_dict

    def write_to_path(self, repo_path: Path) -> None:
        """Write feature_store.yaml into a folder."""
        values = {name: _plain(value) for name, value in self._values.items()} or self.to_dict()
        (Path(repo_path) / "feature_store.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")

    def __repr__(self) -> str:
        return repr(self._config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RepoConfig) and self._config == other._config

    def __hash__(self) -> int:
        return hash(self.project)


def say_ignored(config: RepastConfig) -> None:
    """Say which keys are accepted without effect, each with the reason.

    Not the version of Feast's own key encoding: every repo has it, and no answer depends on it. What is
    accepted, it too, is told by ``repast migrate check``.
    """
    origin = config.registry.origin
    for key, reason in config.ignored.items():
        if key == "entity_key_serialization_version":
            continue
        location = origin.location(*key.split(".")) if origin is not None else None
        without_effect(f"feature_store.yaml: {key}", reason, location)


def load_repo_config(repo_path: Path, fs_yaml_file: Path) -> RepoConfig:
    """Read feature_store.yaml, and say which keys are accepted without effect."""
    config = load_config(repo_path, file=fs_yaml_file)
    say_ignored(config)
    return RepoConfig._of(config)


def as_repast(config: object) -> RepastConfig:
    """Return Repast's configuration of Feast's."""
    if isinstance(config, RepastConfig):
        return config
    if not isinstance(config, RepoConfig):
        refuse(f"A configuration of class {type(config).__name__}", hint="config=RepoConfig(project=..., registry=...)")
    return config._config


_CLASSES = "Repast finds backends by entry points: docs/how-to/write-an-online-store.md"


def _internal(name: str) -> Any:
    return refused_function(f"feast.repo_config.{name}", hint=_CLASSES)


get_data_source_class_from_type = _internal("get_data_source_class_from_type")
get_registry_config_from_type = _internal("get_registry_config_from_type")
get_batch_engine_config_from_type = _internal("get_batch_engine_config_from_type")
get_online_config_from_type = _internal("get_online_config_from_type")
get_auth_config_from_type = _internal("get_auth_config_from_type")
get_offline_store_type = _internal("get_offline_store_type")
get_offline_config_from_type = _internal("get_offline_config_from_type")
get_feature_server_config_from_type = _internal("get_feature_server_config_from_type")
