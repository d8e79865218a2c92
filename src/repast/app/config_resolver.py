"""From what feature_store.yaml says to what a configuration is: every rule, every problem at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from repast.app.document import Document, config_error
from repast.app.feast_key import (
    BACKEND_ALIASES,
    BATCH_ENGINES,
    IGNORED_KEYS,
    IGNORED_OPTIONS,
    OPTION_NAMES,
    REGISTRY_OPTIONS,
)
from repast.app.section import BackendConfig
from repast.errors import Problem, did_you_mean

FILE_NAME = "feature_store.yaml"

PROJECT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
KEYS = (
    *("project", "project_description", "provider"),
    *("registry", "offline_store", "online_store", "batch_engine", "feature_server"),
)
"""The keys that mean something to Repast, in the order they are shown."""

LOCAL: Mapping[str, Mapping[str, object]] = {
    "registry": {"type": "object_store"},
    "offline_store": {"type": "duckdb"},
    "online_store": {"type": "sqlite"},
    "batch_engine": {"type": "local"},
}
"""What provider "local" stands for."""


class ConfigResolver:
    """Turns written values into a configuration, collecting every problem on the way."""

    def __init__(self, values: Mapping[str, object], origin: Document | None, repo_path: Path) -> None:
        self.values = values
        self.origin = origin
        self.repo_path = repo_path
        self.problems: list[Problem] = []
        self.ignored: dict[str, str] = {}

    def resolve(self) -> dict[str, Any]:
        self.keys()
        self.auth()
        resolved: dict[str, Any] = {
            "project": self.project(),
            "project_description": self.text("project_description", ""),
            "provider": self.text("provider", "local"),
            "registry_ttl": self.registry_ttl(),
        }
        defaults = self.defaults(resolved["provider"])
        resolved["registry"] = self.registry(defaults)
        resolved["offline_store"] = self.backend("offline_store", defaults)
        resolved["online_store"] = None if self.without_online() else self.backend("online_store", defaults)
        resolved["batch_engine"] = self.batch_engine(defaults)
        resolved["feature_server"] = self.feature_server()
        if self.problems:
            raise config_error(self.problems)
        return resolved

    def report(self, message: str, *path: str, hint: str = "") -> None:
        location = self.origin.location(*path) if self.origin else None
        self.problems.append(Problem(message, location=location, hint=hint))

    def keys(self) -> None:
        for key in self.values:
            if key in IGNORED_KEYS:
                self.ignored[key] = IGNORED_KEYS[key]
            elif key not in KEYS and key != "auth":
                hint = did_you_mean(key, (*KEYS, *IGNORED_KEYS)) or f"the keys are: {', '.join(KEYS)}"
                self.report(f"{key!r} is not a key of {FILE_NAME}.", key, hint=hint)

    def auth(self) -> None:
        """Ignoring a demand for access control would leave a door open, so it is refused."""
        auth = self.values.get("auth")
        kind = auth.get("type", "no_auth") if isinstance(auth, Mapping) else auth or "no_auth"
        if kind != "no_auth":
            self.report(
                f"auth.type {kind!r} is not supported: nothing would check who asks.", "auth", hint="type: no_auth"
            )
        elif isinstance(auth, Mapping):
            for option in sorted(set(map(str, auth)) - {"type"}):
                self.report(f"auth.{option} is not supported: nothing would check who asks.", "auth", option)

    def project(self) -> str:
        project = self.values.get("project")
        if project is None:
            self.report("project is missing.", "project", hint="add a line like: project: my_project")
        elif not isinstance(project, str):
            self.report(f"project must be text, not {project!r}.", "project", hint="put it in quotes")
        elif not PROJECT_NAME.fullmatch(project):
            self.report(
                f"{project!r} is not a valid project name.",
                "project",
                hint="use letters, digits, '_' and '-'; start with a letter or digit; at most 100 long",
            )
        else:
            return str(project)
        return ""

    def text(self, key: str, default: str) -> str:
        value = self.values.get(key)
        if value is not None and not isinstance(value, str):
            self.report(f"{key} must be text, not {value!r}.", key, hint="put it in quotes")
        return str(value) if isinstance(value, str) else default

    def defaults(self, provider: str) -> Mapping[str, Mapping[str, object]]:
        if provider == "local":
            return LOCAL
        from repast.app.provider import find_provider

        location = self.origin.location("provider") if self.origin else None
        return {**LOCAL, **find_provider(provider, self.repo_path, location).defaults}

    def without_online(self) -> bool:
        if "online_store" not in self.values:
            return False
        value = self.values["online_store"]
        return value is None or (isinstance(value, str) and value.lower() in ("null", "none"))

    def registry(self, defaults: Mapping[str, Mapping[str, object]]) -> BackendConfig:
        written = self.values.get("registry")
        if isinstance(written, str):
            if not written.strip():
                self.report("registry is empty.", "registry", hint="registry: data/registry")
            return BackendConfig("registry", str(defaults["registry"]["type"]), {"path": written}, self.origin)
        return self.backend("registry", defaults)

    def backend(self, section: str, defaults: Mapping[str, Mapping[str, object]]) -> BackendConfig:
        written = self.values.get(section)
        if written is None:
            written = defaults[section]
        elif isinstance(written, str):
            written = {"type": written}
        elif not isinstance(written, Mapping):
            what, example = ("path", "data/registry") if section == "registry" else ("name", defaults[section]["type"])
            self.report(
                f"{section} must be a {what} or a mapping, not {written!r}.", section, hint=f"{section}: {example}"
            )
            written = {}
        kind = self.type_of(section, written, str(defaults[section]["type"]))
        return BackendConfig(section, kind, self.options(section, kind, written), self.origin)

    def batch_engine(self, defaults: Mapping[str, Mapping[str, object]]) -> BackendConfig | None:
        """Return the engine for loads; of those that Feast runs elsewhere, the offline store's does the work."""
        if self.values.get("batch_engine") is None and defaults["batch_engine"] == LOCAL["batch_engine"]:
            return None
        config = self.backend("batch_engine", defaults)
        if config.type in BATCH_ENGINES:
            self.ignored["batch_engine"] = BATCH_ENGINES[config.type]
            return None
        return config

    def feature_server(self) -> BackendConfig | None:
        written = self.values.get("feature_server")
        if written is None:
            return None
        if not isinstance(written, Mapping):
            self.report(f"feature_server must be a mapping, not {written!r}.", "feature_server", hint="port: 6566")
            return None
        kind = written.get("type", "local")
        if kind == "mcp":
            self.ignored["feature_server.type"] = "there is no MCP server yet"
        elif kind != "local":
            self.report(f"feature_server.type must be 'local', not {kind!r}.", "feature_server", "type")
        metrics = written.get("metrics")
        for option in metrics if isinstance(metrics, Mapping) else ():
            if option != "enabled":
                self.ignored[f"feature_server.metrics.{option}"] = "all metrics are offered, or none"
        return BackendConfig("feature_server", "local", self.options("feature_server", "local", written), self.origin)

    def type_of(self, section: str, written: Mapping[str, object], default: str) -> str:
        key = "registry_type" if section == "registry" and "registry_type" in written else "type"
        kind = written.get(key, default)
        if not isinstance(kind, str) or not kind:
            self.report(f"{section}.{key} must be the name of a backend, not {kind!r}.", section, key)
            return default
        alias = BACKEND_ALIASES[section].get(kind)
        if alias is not None and kind != alias:
            self.ignored[f"{section}.{key}"] = f"{kind!r} is read as {alias!r}"
        return str(alias or kind)

    def options(self, section: str, kind: str, written: Mapping[str, object]) -> dict[str, object]:
        reasons = IGNORED_OPTIONS.get((section, kind), {})
        names = OPTION_NAMES.get((section, kind), {})
        kept: dict[str, object] = {}
        for option, value in written.items():
            if option in reasons:
                self.ignored[f"{section}.{option}"] = reasons[option]
            elif option != "type" and not (section == "registry" and option in REGISTRY_OPTIONS):
                kept[names.get(option, option)] = value
        return kept

    def registry_ttl(self) -> timedelta | None:
        written = self.values.get("registry")
        value = written.get("cache_ttl_seconds") if isinstance(written, Mapping) else None
        if isinstance(value, str) and value.isdecimal():
            value = int(value)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 10**9:
            self.report(
                f"registry.cache_ttl_seconds must be a number of seconds, not {value!r}.",
                "registry",
                "cache_ttl_seconds",
                hint="0 means: read it once and keep it",
            )
            return None
        return timedelta(seconds=value)
