"""Every row of the conformance table is used, and what happens is what the table says."""

from __future__ import annotations

import importlib.util
import json
import shutil
import warnings
from pathlib import Path

import pytest

import cli_conformance
import yaml_conformance
from conformance import CHANGING, HERE, Row, observe, open_store, rows

STATUS = json.loads((HERE / "status.json").read_text(encoding="utf-8"))
ROWS = list(rows())


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conformance")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        open_store(folder)
    return folder


@pytest.fixture
def folder(project: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project, or a copy for what changes it, as the current folder. Copies are made only where they are needed."""
    row: Row = request.node.callspec.params["row"]
    chosen = project
    if row.member.startswith(CHANGING) and row.name in ("BaseRegistry", "FeatureStore", "RetrievalJob"):
        chosen = request.getfixturevalue("tmp_path") / "copy"
        shutil.copytree(project, chosen)
    monkeypatch.chdir(chosen)
    return chosen


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_row_is_what_the_table_says(row: Row, folder: Path) -> None:
    status, _ = STATUS["python"][str(row)]
    assert observe(row, folder)[0] == status


def test_no_row_is_missing_and_none_is_invented() -> None:
    assert set(STATUS["python"]) == {str(row) for row in ROWS}
    assert {status for status, _ in STATUS["python"].values()} == {"works", "warning", "refused"}
    assert all(note for status, note in STATUS["python"].values() if status != "works")


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli_conformance")
    cli_conformance.prepare(folder)
    return folder


@pytest.mark.parametrize("row", list(cli_conformance.rows()), ids=cli_conformance.name_of)
def test_a_verb_or_an_option_is_what_the_table_says(
    row: cli_conformance.Row, repo: Path, request: pytest.FixtureRequest
) -> None:
    folder = repo
    if cli_conformance.changes(row):
        folder = Path(shutil.copytree(repo, request.getfixturevalue("tmp_path") / "copy"))
    status, _ = STATUS["cli"][cli_conformance.name_of(row)]
    assert cli_conformance.observe(row, folder)[0] == status


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("yaml_conformance")


@pytest.mark.parametrize("row", list(yaml_conformance.rows()), ids=yaml_conformance.name_of)
def test_a_key_is_what_the_table_says(row: yaml_conformance.Row, place: Path) -> None:
    status, _ = STATUS["yaml"][yaml_conformance.name_of(row)]
    assert yaml_conformance.observe(row, place)[0] == status


@pytest.mark.parametrize("section", ["cli", "yaml"])
def test_no_verb_option_or_key_is_missing_and_none_is_invented(section: str) -> None:
    module = {"cli": cli_conformance, "yaml": yaml_conformance}[section]
    assert set(STATUS[section]) == {module.name_of(row) for row in module.rows()}
    assert {status for status, _ in STATUS[section].values()} <= {"works", "warning", "refused"}
    assert all(note for status, note in STATUS[section].values() if status != "works")


def test_the_page_is_made_of_the_table() -> None:
    script = HERE.parents[2] / "scripts" / "make_feast_conformance.py"
    spec = importlib.util.spec_from_file_location("make_feast_conformance", script)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    assert made.PAGE.read_text("utf-8") == made.page(*made.load()), "run scripts/make_feast_conformance.py"
