"""All verbs of the ``feast`` command: where each one lives, and one line about it."""

from __future__ import annotations

from collections.abc import Mapping

from repast.cli.catalog import Entry


def _entry(module: str, attribute: str, text: str) -> Entry:
    return Entry(f"feast.cli.{module}:{attribute}", text)


KINDS = (
    *("data-sources", "entities", "feature-services", "feature-views", "features", "label-views"),
    *("on-demand-feature-views", "projects", "saved-datasets", "stream-feature-views"),
)
"""What can be listed and described."""

REFUSED: Mapping[str, str] = {
    "dbt": "write dbt's tables as sources and views: a source per table, a view per set of features",
    "demo-notebooks": "repast demo shows everything on real data",
    "listen": "push over HTTP: feast serve, then POST /push",
    "mcp": "there is no MCP server yet",
    "mlflow": "log what get_historical_features returns with mlflow itself",
    "monitor": "there is no monitoring yet",
    "permissions": "there is no access control by object; feature_server.token guards the server",
    "serve_lineage": "lineage is not exported yet",
    "serve_offline": "use the engine where the training runs: FeatureStore.get_historical_features",
    "serve_registry": "share the registry itself: a bucket or a database",
    "serve_transformations": "functions run where features are read",
    "ui": "there is no web page yet: feast feature-views list, or the registry as JSON: feast registry-dump",
    "validate": "there is no data validation yet",
    "validation-references": "there is no data validation yet",
}
"""Verbs that Repast has nothing for, with what to do instead."""

SECTIONS: Mapping[str, Mapping[str, Entry]] = {
    "Commands": {
        "init": _entry("init", "init", "Make a repo with definitions and data."),
        "plan": _entry("apply", "plan", "Show what apply would do."),
        "apply": _entry("apply", "apply", "Register the definitions, make online tables."),
        "delete": _entry("apply", "delete", "Delete one registered object."),
        "teardown": _entry("apply", "teardown", "Remove the project and its online tables."),
        "materialize": _entry("load", "materialize", "Load a time range into the online store."),
        "materialize-incremental": _entry("load", "materialize_incremental", "Load what is new since the last load."),
        "get-online-features": _entry("read", "get_online_features", "Read the newest values of some keys."),
        "get-historical-features": _entry("read", "get_historical_features", "Read values as they were."),
        "serve": _entry("serve", "serve", "Answer Feast's HTTP API."),
        "registry": _entry("about", "registry", "Manage the registry."),
        "registry-dump": _entry("about", "registry_dump", "Print the registry as JSON."),
        "configuration": _entry("about", "configuration", "Show the configuration, secrets masked."),
        "endpoint": _entry("about", "endpoint", "Show where a deployed server is: there is none."),
        "version": _entry("about", "version", "Show whose interface this is, and whose answers."),
    },
    "List and describe": {
        kind: _entry("listing", kind.replace("-", "_"), f"List or describe {kind.replace('-', ' ')}.") for kind in KINDS
    },
    "Not supported": {name: _entry("refused", name.replace("-", "_"), hint) for name, hint in REFUSED.items()},
}
"""Verbs by section of ``feast --help``."""
