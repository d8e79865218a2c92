"""Write docs/reference/feast-conformance.md from Feast's inventory and the status of each of its rows.

With ``--observe`` first use every name, parameter, method, verb, option and key (the conformance modules in the tests
of feast-compat) and write down what happens: the committed status is then reviewed like code.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "packages" / "feast-compat" / "tests"
PAGE = ROOT / "docs" / "reference" / "feast-conformance.md"
LABELS = {"works": "works", "warning": "accepted with warning", "refused": "refused"}

HEAD = """\
# Feast's names, and what Repast does with them

Every public name of Feast {version}, with its parameters, methods, commands and keys, as `packages/feast-compat`
(`repast-feast`) answers it. *Works*: as Feast documents it, or better ([how values
differ](../how-to/migrate-from-feast.md)). *Accepted with warning*: it runs, and one warning says what happens instead.
*Refused*: an error that says so when it is used (`UnsupportedError`; of feature_store.yaml `InvalidConfigError`), with
a hint; names can be imported, so that a file that has them loads. What belongs to a refused name is refused with it.
Everywhere: `to_proto` and `from_proto` are refused, since the registry is JSON.

Made by `scripts/make_feast_conformance.py`; each row is a test (`packages/feast-compat/tests/test_conformance.py`).
That a key of feature_store.yaml works means that the backend takes it and its value; what it does then, its own tests
show.

| | works | accepted with warning | refused |
| --- | ---: | ---: | ---: |
"""


def observe_all() -> dict[str, list[str]]:
    sys.path.insert(0, str(TESTS))
    import conformance

    warnings.simplefilter("ignore")
    found: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as place:
        base = Path(place) / "base"
        base.mkdir()
        conformance.open_store(base)
        for row in conformance.rows():
            folder = base
            if row.member.startswith(conformance.CHANGING):
                folder = Path(shutil.copytree(base, Path(place) / "copy"))
            os.chdir(folder)
            found[str(row)] = list(conformance.observe(row, folder))
            os.chdir(ROOT)
            if folder != base:
                shutil.rmtree(folder)
    return found


def observe_commands() -> dict[str, list[str]]:
    """Use every verb and option of the command, in a copy of the repo where it changes something."""
    sys.path.insert(0, str(TESTS))
    import cli_conformance

    found: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as place:
        repo = Path(place) / "repo"
        repo.mkdir()
        cli_conformance.prepare(repo)
        for number, row in enumerate(cli_conformance.rows()):
            folder = repo
            if cli_conformance.changes(row):
                folder = Path(shutil.copytree(repo, Path(place) / f"copy{number}"))
            found[cli_conformance.name_of(row)] = list(cli_conformance.observe(row, folder))
    return found


def observe_keys() -> dict[str, list[str]]:
    """Write every key of feature_store.yaml into one."""
    sys.path.insert(0, str(TESTS))
    import yaml_conformance

    with tempfile.TemporaryDirectory() as place:
        rows = yaml_conformance.rows()
        return {yaml_conformance.name_of(row): list(yaml_conformance.observe(row, Path(place))) for row in rows}


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def python_rows(module: str, names: dict[str, Any], status: dict[str, list[str]]) -> list[str]:
    """One line per name or method, its parameters with it; a line each for parameters of another status."""
    lines = []
    for name, facts in names.items():
        members = ["", *facts.get("properties", []), *facts.get("methods", {})]
        for member in members:
            row = f"{module}.{name}" + (f".{member}" if member else "")
            if row not in status:
                continue
            state, note = status[row]
            params = facts.get("methods", {}).get(member) or [] if member else facts.get("params", [])
            known = {p: status[f"{row}({p})"] for p in params if f"{row}({p})" in status}
            same = [p for p, found in known.items() if found == [state, note]]
            shown = f"`{name}`" if not member else f"`{name}.{member}`"
            given = f"({', '.join(f'`{p}`' for p in same)})" if same else ""
            lines.append(f"| {shown}{given} | {LABELS[state]} | {cell(note)} |")
            lines += [
                f"| {shown} `{p}=` | {LABELS[found[0]]} | {cell(found[1])} |"
                for p, found in known.items()
                if p not in same
            ]
    return lines


def grouped_rows(name: str, keys: list[str], status: dict[str, list[str]]) -> list[str]:
    """One line for a verb or section, and for those of its options and keys that fare alike."""
    lines: dict[tuple[str, str], list[str]] = {}
    for key in ("", *keys):
        found = status.get(f"{name} {key}".strip())
        if found is not None:
            lines.setdefault((found[0], found[1]), []).extend([f"`{key}`"] if key else [])
    return [
        f"| {f'`{name}`' if name else 'at the top'} | {' '.join(shown)} | {LABELS[state]} | {cell(note)} |"
        for (state, note), shown in lines.items()
    ]


def page(inventory: dict[str, Any], status: dict[str, Any]) -> str:
    parts = [HEAD.format(version=inventory["feast"]).rstrip()]
    for section, label in (("python", "Python"), ("cli", "`feast` command"), ("yaml", "feature_store.yaml")):
        counts = Counter(state for state, _ in status[section].values())
        numbers = " | ".join(str(counts[state]) for state in LABELS)
        parts.append(f"| {label} | {numbers} |")
    for module, names in inventory["modules"].items():
        lines = python_rows(module, names, status["python"])
        parts += ["", f"## `{module}`", "", "| name | status | what happens |", "| --- | --- | --- |", *lines]
    for section, title in (("cli", "The `feast` command"), ("yaml", "feature_store.yaml")):
        parts += ["", f"## {title}", "", "| | | status | what happens |", "| --- | --- | --- | --- |"]
        for name, keys in inventory[section].items():
            parts += grouped_rows(name, keys, status[section])
    return "\n".join(parts) + "\n"


def load() -> tuple[dict[str, Any], dict[str, Any]]:
    inventory, status = (json.loads((TESTS / f"{name}.json").read_text("utf-8")) for name in ("inventory", "status"))
    return inventory, status


def main() -> None:
    if "--observe" in sys.argv:
        status = {"python": observe_all(), "cli": observe_commands(), "yaml": observe_keys()}
        (TESTS / "status.json").write_text(json.dumps(status, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    PAGE.write_text(page(*load()), encoding="utf-8")


if __name__ == "__main__":
    main()
