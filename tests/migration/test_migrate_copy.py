"""What a shadow run works on: copies. And how it says that there is no Feast to compare with."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from feast_repo import FEATURES, fingerprint, write_repo, write_rows

from repast.app.migration.repo_copy import copy_for_feast, copy_for_repast
from repast.app.migration.retrieval import ShadowRequest
from repast.app.migration.shadow import shadow
from repast.cli.main import run
from repast.errors import (
    InvalidConfigError,
    InvalidDefinitionError,
    InvalidRequestError,
    MissingDependencyError,
    UnavailableError,
)

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
YAML = """\
project: shop
registry: {path: data/registry.db, registry_type: file}
provider: gcp
online_store: {type: sqlite, path: data/online_store.db}
offline_store: {type: file, secret: "${SECRET}"}
batch_engine: spark.engine
openlineage: {enabled: true, transport_url: "http://elsewhere"}
entity_key_serialization_version: 3
"""


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    made = write_repo(tmp_path / "repo", yaml=YAML, features=FEATURES)
    (made / "data/registry.db").write_bytes(b"the registry")
    (made / "data/online_store.db").write_bytes(b"the store")
    (made / ".git").mkdir()
    (made / ".git/config").write_text("[core]")
    (made / ".feastignore").write_text("scratch\n")
    write_rows(
        made / "data/trips.parquet", driver_id=[1], count=[1], city=["A"], event_timestamp=[NOON], created=[NOON]
    )
    return made


def test_copies_have_a_registry_and_a_store_of_their_own(repo: Path, tmp_path: Path) -> None:
    before = fingerprint(repo)
    feasts = copy_for_feast(repo, tmp_path / "feast", loaded=False)
    ours = copy_for_repast(repo, tmp_path / "repast")
    for copy in (feasts, ours):
        assert {str(p.relative_to(copy)) for p in copy.rglob("*") if p.is_file()} == {
            ".feastignore",
            "feature_store.yaml",
            "features.py",
            "data/trips.parquet",
        }
    said = yaml.safe_load((feasts / "feature_store.yaml").read_text())
    assert said["registry"]["path"] == str(feasts / "shadow/registry.db")
    assert said["online_store"] == {"type": "sqlite", "path": str(feasts / "shadow/online.db")}
    assert said["offline_store"] == {"type": "file", "secret": "${SECRET}"}
    assert said["provider"] == "local"
    assert not {"batch_engine", "openlineage"} & set(said)
    said = yaml.safe_load((ours / "feature_store.yaml").read_text())
    assert said["registry"] == str(ours / "shadow/registry")
    assert fingerprint(repo) == before


def test_what_is_loaded_is_copied_if_it_is_wanted(repo: Path, tmp_path: Path) -> None:
    copy = copy_for_feast(repo, tmp_path / "feast", loaded=True)
    assert (copy / "shadow/registry.db").read_bytes() == b"the registry"
    assert (copy / "shadow/online.db").read_bytes() == b"the store"
    (repo / "data/online_store.db").unlink()
    with pytest.raises(InvalidRequestError, match="not in a local registry file"):
        copy_for_feast(repo, tmp_path / "again", loaded=True)


def test_a_provider_stands_for_its_offline_store(repo: Path, tmp_path: Path) -> None:
    (repo / "feature_store.yaml").write_text("project: shop\nprovider: gcp\nregistry: gs://bucket/registry\n")
    copy = copy_for_feast(repo, tmp_path / "feast", loaded=False)
    assert yaml.safe_load((copy / "feature_store.yaml").read_text())["offline_store"] == {"type": "bigquery"}


@pytest.mark.parametrize("text", [None, "a: [", "just text"])
def test_what_is_no_configuration_is_told(repo: Path, tmp_path: Path, text: str | None) -> None:
    (repo / "feature_store.yaml").unlink()
    if text is not None:
        (repo / "feature_store.yaml").write_text(text)
    with pytest.raises(InvalidConfigError):
        copy_for_repast(repo, tmp_path / "copy")


def request(repo: Path, python: str) -> ShadowRequest:
    (repo / "feature_store.yaml").write_text("project: shop\nprovider: local\n")
    return ShadowRequest(repo=repo, python=python)


def test_an_interpreter_with_our_feast_is_none_with_feast(repo: Path) -> None:
    with pytest.raises(MissingDependencyError, match="the one of repast-feast"):
        shadow(request(repo, sys.executable))


def test_an_interpreter_without_feast_or_none_at_all(repo: Path, tmp_path: Path) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    bare.chmod(0o755)
    with pytest.raises(MissingDependencyError, match="no module 'feast'"):
        shadow(request(repo, str(bare)))
    with pytest.raises(MissingDependencyError, match="No such file"):
        shadow(request(repo, str(tmp_path / "nowhere")))


def test_a_feast_that_fails_is_told_with_its_last_words(repo: Path, tmp_path: Path) -> None:
    bad = tmp_path / "python"
    bad.write_text("#!/bin/sh\necho 'at first' >&2\necho 'RegistryError: no' >&2\nexit 1\n")
    bad.chmod(0o755)
    with pytest.raises(UnavailableError, match="Feast failed: RegistryError: no"):
        shadow(request(repo, str(bad)))


def test_features_and_a_service_at_once(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["migrate", "shadow", str(repo), "--feast", sys.executable, "-f", "trips:count", "-s", "model"]
    (repo / "feature_store.yaml").write_text("project: shop\nprovider: local\n")
    assert run(command) == 6
    assert "Both features and a service" in capsys.readouterr().err


def test_definitions_that_are_refused_are_told_with_the_users_path(repo: Path) -> None:
    (repo / "features.py").write_text(FEATURES.replace('name="city"', 'name="citty"'))
    with pytest.raises(InvalidDefinitionError, match="did you mean 'city'") as caught:
        shadow(request(repo, sys.executable))
    assert f"{repo}/features.py:" in caught.value.message
    assert "repast migrate check" in caught.value.hint


def test_rows_that_are_not_there_are_told_with_the_users_path(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["migrate", "shadow", str(repo), "--feast", sys.executable, "-f", "trips:count"]
    for option in ("--spine", "--keys"):
        assert run([*command, option, "nowhere.parquet"]) == 3
        assert "There is no file 'nowhere.parquet'" in capsys.readouterr().err
