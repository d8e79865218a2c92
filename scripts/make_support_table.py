"""Write docs/reference/support.md from the suites in tests/: what each backend was held to, on what, and its gaps.

    python scripts/make_support_table.py            # write it
    python scripts/make_support_table.py --check    # exit with 1 if it is not up to date

Suites are found in the tests. Only what a suite runs on is said here, in RUNS_ON: a class name cannot tell an
emulator from a server.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "support.md"
FOLDERS = ("online_store", "engine", "spark", "registry")
PLANTED = ("test_planted_bug", "test_online_suite", "test_registry_planted_bug", "test_portable_suite")
"""Suites that test the suites, or a form of statements, and no backend."""

REAL, INSIDE, EMULATOR, DOUBLE = "real server", "in process", "emulator", "double"

RUNS_ON = {
    "TestMemoryOnlineStore": ("memory", "memory of the process", INSIDE),
    "TestSqliteOnlineStore": ("sqlite", "SQLite 3 files", INSIDE),
    "TestLMDBOnlineStore": ("lmdb", "LMDB files", INSIDE),
    "TestRedisOnlineStore": ("redis", "Redis 7", REAL),
    "TestRedisClusterOnlineStore": ("redis", "Redis 7, a cluster of 6 nodes", REAL),
    "TestPostgresOnlineStore": ("postgres", "PostgreSQL 15", REAL),
    "TestMysqlOnlineStore": ("mysql", "MariaDB 10.11", REAL),
    "TestDynamoDBOnlineStore": ("dynamodb", "dynalite", EMULATOR),
    "TestDatastoreOnlineStore": ("datastore", "Google's Firestore emulator in Datastore mode", EMULATOR),
    "TestRemoteOnlineStore": ("remote", "Repast's feature server", REAL),
    "TestDuckDBEngine": ("duckdb", "DuckDB 2 on Parquet files", INSIDE),
    "TestPostgresEngine": ("postgres", "PostgreSQL 15", REAL),
    "TestClickHouseEngine": ("clickhouse", "ClickHouse, as chdb", INSIDE),
    "TestBigQueryEngine": ("bigquery", "bqemulator", EMULATOR),
    "TestSnowflakeEngine": ("snowflake", "fakesnow", EMULATOR),
    "TestSparkEngine": ("spark", "Spark 4, a local session", REAL),
    "TestLocalFolder": ("object_store", "a local folder", INSIDE),
    "TestMemory": ("object_store", "memory of the process", INSIDE),
    "TestS3": ("object_store", "S3, as moto", EMULATOR),
    "TestGoogleCloudStorage": ("object_store", "GCS, as tests/server/gcs.py", DOUBLE),
    "TestAzureBlobStorage": ("object_store", "Azure Blob, as Azurite", EMULATOR),
    "TestSqlite": ("sql", "SQLite 3 files", INSIDE),
    "TestPostgres": ("sql", "PostgreSQL 15", REAL),
    "TestMariadb": ("sql", "MariaDB 10.11", REAL),
}
"""Suite -> the backend's name in feature_store.yaml, what the suite runs on, of which kind that is."""

HEAD = """\
# Support

What each backend was held to, made from the suites of the tests by `scripts/make_support_table.py`; do not edit it.
All of them run in CI with the real client libraries. What the other end is differs:

- **real server**: the database itself, started by the tests. **in process**: a library, nothing to start.
- **emulator**: somebody else's program that answers as the service does. **double**: ours, where no emulator answers
  the calls that are made; what it has to keep is tested first.
- **statements only**: the SQL is pinned in `tests/engine/sql/` and parsed back; no server of that kind ran it.

A number is how many rules a suite has; `-1` says that one is not kept, or not in all of its cases, for the reason given
under [gaps](#gaps).
A gap is a test that must fail: the day it does not, the build breaks until the gap is removed.
"""


@dataclass(frozen=True)
class Suite:
    """A class of tests that holds one backend to the rules."""

    name: str
    test: type
    backend: str
    place: str
    kind: str


def main(arguments: Sequence[str]) -> int:
    text = page()
    if "--check" not in arguments:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    print("docs/reference/support.md is not up to date; run: python scripts/make_support_table.py", file=sys.stderr)
    return 1


def page() -> str:
    from repast.testing.engine import EngineSuite
    from repast.testing.online import OnlineStoreSuite
    from repast.testing.registry import RegistrySuite

    sys.path[:0] = [str(ROOT / "tests"), *(str(ROOT / "tests" / folder) for folder in FOLDERS)]
    modules = list(test_modules())
    online, engines, registries = (
        sorted(find_suites(modules, suite), key=lambda found: list(RUNS_ON).index(found.name))
        for suite in (OnlineStoreSuite, EngineSuite, RegistrySuite)
    )
    parts = [
        HEAD,
        "## Online stores\n\n" + online_table(online),
        "## Offline engines\n\n" + engine_table(engines),
        "## Registries\n\n" + registry_table(registries),
        "## Providers\n\n" + provider_table(),
        "## Gaps\n\n" + gap_list([*online, *engines, *registries]),
    ]
    return "\n".join(parts)


def test_modules() -> Iterator[object]:
    for folder in FOLDERS:
        for path in sorted((ROOT / "tests" / folder).glob("test_*.py")):
            if path.stem not in PLANTED and re.search(r"Suite\b", path.read_text(encoding="utf-8")):
                yield importlib.import_module(path.stem)


def find_suites(modules: Iterable[object], suite: type) -> Iterator[Suite]:
    for module in modules:
        for name, found in inspect.getmembers(module, inspect.isclass):
            if name.startswith("Test") and issubclass(found, suite) and found.__module__ == module.__name__:  # type: ignore[attr-defined]
                if name not in RUNS_ON:
                    raise SystemExit(f"{found.__module__}.{name}: say in RUNS_ON of {__file__} what it runs on")
                yield Suite(name, found, *RUNS_ON[name])


def entry_points(group: str) -> dict[str, str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return dict(project["entry-points"][f"repast.{group}"])


def load(target: str) -> type:
    module, _, name = target.partition(":")
    found: type = getattr(importlib.import_module(module), name)
    return found


# -- tables ---------------------------------------------------------------------------------------


def online_table(suites: Sequence[Suite]) -> str:
    from repast.ports.online import OnlineStore, SupportsExpiry, SupportsFlush
    from repast.testing.online import LifeRules, RaceRules, ReadRules, TableRules, WriteRules

    groups = {"tables": TableRules, "writes": WriteRules, "reads": ReadRules, "races": RaceRules, "life": LifeRules}
    classes = {name: load(target) for name, target in entry_points("online_stores").items()}
    rows = []
    for suite in suites:
        store = classes.pop(suite.backend, None) or load(entry_points("online_stores")[suite.backend])
        abilities = [
            "native" if store.aread is not OnlineStore.aread else "in a thread",  # type: ignore[attr-defined]
            "yes" if issubclass(store, SupportsExpiry) else "",
            "yes" if issubclass(store, SupportsFlush) else "",
        ]
        rows.append([f"`{suite.backend}`", suite.place, suite.kind, *kept(suite, groups.values()), *abilities])
    rows += [[f"`{name}`", "not run here", *[""] * (len(groups) + 4)] for name in classes]
    return table(["store", "on", "which is", *groups, "async reads", "rows expire", "flushes"], rows)


def engine_table(suites: Sequence[Suite]) -> str:
    from repast.ports.table import SupportsObjects, SupportsTables
    from repast.ports.worker import SupportsFrames, SupportsWorkers
    from repast.testing.engine import JoinRules, LifeRules, ReadRules, TableRules, TimeRules, TypeRules

    groups = {"joins": JoinRules, "reads": ReadRules, "times": TimeRules, "types": TypeRules, "life": LifeRules}
    targets = entry_points("offline_stores")
    rows = []
    for suite in suites:
        engine = load(targets.pop(suite.backend))
        if issubclass(engine, SupportsTables) and not issubclass(suite.test, TableRules):
            raise SystemExit(f"{suite.name}: an engine that writes tables keeps TableRules")
        abilities = [
            kept(suite, [TableRules])[0] if issubclass(engine, SupportsTables) else "",
            "yes" if issubclass(engine, SupportsObjects) else "",
            "yes" if issubclass(engine, SupportsWorkers) else "",
            "yes" if issubclass(engine, SupportsFrames) else "",
        ]
        rows.append([f"`{suite.backend}`", suite.place, suite.kind, *kept(suite, groups.values()), *abilities])
    for name in targets:
        pinned = (ROOT / "tests" / "engine" / "sql" / f"{name}.sql").exists()
        tables = "statements only" if pinned and issubclass(load(targets[name]), SupportsTables) else ""
        kind = "statements only" if pinned else ""
        rows.append([f"`{name}`", "not run here", kind, *[""] * len(groups), tables, *[""] * 3])
    abilities = ["tables of results", "results to a bucket"]
    return table(["engine", "on", "which is", *groups, *abilities, "loads from its workers", "frames of its own"], rows)


def registry_table(suites: Sequence[Suite]) -> str:
    from repast.ports.registry import RegistryStore
    from repast.testing.registry import RegistrySuite

    rows = [[f"`{suite.backend}`", suite.place, suite.kind, *kept(suite, [RegistrySuite])] for suite in suites]
    assert issubclass(load(entry_points("registries")["object_store"]), RegistryStore)
    return table(["registry", "on", "which is", "rules"], rows)


def provider_table() -> str:
    rows = [["`local`", "`object_store`", "`duckdb`", "`sqlite`"]]
    for name, target in entry_points("providers").items():
        defaults = load(target).defaults  # type: ignore[attr-defined]
        rows.append(
            [f"`{name}`", *(f"`{defaults[part]['type']}`" for part in ("registry", "offline_store", "online_store"))]
        )
    return table(["provider", "registry", "offline store", "online store"], rows)


def gap_list(suites: Iterable[Suite]) -> str:
    lines = []
    for suite in suites:
        reasons: dict[str, list[str]] = {}
        for rule, reason in sorted(gaps(suite).items()):
            reasons.setdefault(reason, []).append(rule.removeprefix("test_"))
        if reasons:
            lines.append(f"**{suite.backend}** on {suite.place}\n")
            lines += [f"- {reason}: {', '.join(grouped(rules))}" for reason, rules in reasons.items()]
            lines.append("")
    return "\n".join(lines or ["None.\n"])


def grouped(rules: Iterable[str]) -> list[str]:
    """Name each rule once, with the cases that are not kept."""
    cases: dict[str, list[str]] = {}
    for rule in rules:
        name, _, case = rule.partition("[")
        cases.setdefault(name, []).extend([f"`{case[:-1]}`"] if case else [])
    return [f"`{name}`" + (f" of {', '.join(found)}" if found else "") for name, found in cases.items()]


def gaps(suite: Suite) -> dict[str, str]:
    return dict(suite.test.gaps)  # type: ignore[attr-defined]


def kept(suite: Suite, groups: Iterable[type]) -> list[str]:
    """How many rules of each group a suite keeps."""
    missing = {rule.partition("[")[0] for rule in gaps(suite)}
    cells = []
    for group in groups:
        rules = {name for name in dir(group) if name.startswith("test_")}
        lost = len(rules & missing)
        cells.append(f"{len(rules)}" + (f" -{lost}" if lost else ""))
    return cells


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
