"""Modules of Feast that Repast has no code for: their names can be imported, and say so when they are used.

``elsewhere.json`` lists them: facts of Feast's interface. Configuration classes hold their options and sources
are definitions, so that files which name them load; everything else is refused with a hint.
"""

from __future__ import annotations

import enum
import importlib.abc
import importlib.machinery
import json
import sys
from functools import cache
from importlib import resources
from types import ModuleType
from typing import Any

from feast.adapter.notice import refused_class, refused_function

HINTS = (
    ("feast.infra.online_stores", "write a Repast online store: docs/how-to/write-an-online-store.md"),
    ("feast.infra.offline_stores", "write a Repast engine: docs/how-to/write-an-engine.md"),
    ("feast.infra.registry", "write a Repast registry: docs/how-to/write-a-registry.md"),
    ("feast.infra.contrib", "Repast reads no streams: what reads them calls FeatureStore.push"),
    ("feast.infra", "Repast's backends are plugins: docs/how-to/write-an-online-store.md"),
    ("feast.dqm", "there is no data validation yet; check data with a library of your own"),
    ("feast.permissions", "there is no access control yet"),
    ("feast.transformation", 'write the function for mode="pandas" or mode="python"'),
    ("feast.credentials", "the sections of feature_store.yaml have the connections, ${VARIABLES} their secrets"),
    ("feast.dataset_job_manager", "store.create_dataset_from_retrieval runs to its end"),
    ("feast.demos", "repast demo"),
    ("feast.table_format", "tables are found by what is in their folder: repast.FileSource(file_format=...)"),
    ("feast", "there is no vector search yet"),
)
"""The first prefix of a module says what to do instead."""

INNER = (
    ("feast.protos", "Values are plain Python, pandas and Arrow; the registry is JSON: feast registry-dump."),
    ("feast.type_map", "Values are cast by the types of feast.types; what a column is, Arrow's schema tells."),
    ("feast.diff", "What apply would do: FeatureStore.plan, or feast plan."),
    ("feast.inference", "Types and schemas are inferred by apply."),
    ("feast.feature_server", "Start it: FeatureStore.serve, or feast serve."),
    ("feast.repo_operations", "FeatureStore.apply and .plan take the objects; feast apply takes a repo's files."),
)
"""Modules that are no interface of Feast, but that code of its users names -> what to do instead."""


@cache
def elsewhere() -> dict[str, dict[str, Any]]:
    """Return the names of each module that has no file here."""
    text = resources.files("feast.adapter").joinpath("elsewhere.json").read_text(encoding="utf-8")
    listed: dict[str, dict[str, Any]] = json.loads(text)
    return listed


def hint_of(module: str) -> str:
    """Return what to do instead of using a module."""
    return next(hint for prefix, hint in HINTS if module.startswith(prefix))


def make(module: str, name: str, facts: dict[str, Any]) -> Any:
    """Make what stands for a name."""
    kind, hint = facts["kind"], hint_of(module)
    if kind == "enum":
        return enum.Enum(name, facts["members"], module=module)
    if kind == "error":
        from feast.errors import FeastError

        return type(name, (FeastError,), {"__module__": module, "__doc__": "Feast's error; Repast raises none."})
    if kind == "config":
        return _config(module, name, facts)
    if kind == "source":
        from feast.adapter.table_source import TableSource, options_of

        places = options_of(facts["params"])
        unknown = tuple(
            member for member in facts["members"] if member not in places and not hasattr(TableSource, member)
        )
        body = {"_source_type": facts["type"], "_places": places, "_refused": unknown, "__module__": module}
        return type(name, (TableSource,), body | {"__doc__": "A definition, which no engine of Repast reads yet."})
    refused = refused_class if kind == "class" else refused_function
    return refused(f"{module}.{name}", hint=hint)


def _config(module: str, name: str, facts: dict[str, Any]) -> Any:
    from feast.repo_config import FeastConfigBaseModel

    body: dict[str, Any] = dict(facts["defaults"])
    body["__annotations__"] = dict.fromkeys(facts["params"], Any)
    body |= {"__module__": module, "__doc__": "Options as Feast names them; Repast checks them when the store opens."}
    return type(name, (FeastConfigBaseModel,), body)


class ElsewhereFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules of ``elsewhere.json`` and the folders above them, after all files."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if not name.startswith("feast."):
            return None
        is_package = any(module.startswith(f"{name}.") for module in elsewhere())
        if name not in elsewhere() and not is_package:
            inner = next((hint for prefix, hint in INNER if f"{name}.".startswith(f"{prefix}.")), None)
            if inner is not None:
                message = f"{name} is an inner module of Feast, and Repast has none. {inner}"
                raise ModuleNotFoundError(message, name=name)
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=is_package)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        facts = elsewhere().get(module.__name__, {})
        module.__doc__ = "A module of Feast that Repast has no code for."

        def find(name: str) -> Any:
            if name not in facts:
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
            value = make(module.__name__, name, facts[name])
            setattr(module, name, value)
            return value

        module.__getattr__ = find  # type: ignore[method-assign]
        module.__all__ = list(facts)  # type: ignore[attr-defined]


def install() -> None:
    """Let Python find these modules."""
    if not any(isinstance(finder, ElsewhereFinder) for finder in sys.meta_path):
        sys.meta_path.append(ElsewhereFinder())
