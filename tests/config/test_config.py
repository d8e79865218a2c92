"""Where the configuration is found, configurations made in Python, and what is hidden when they are printed."""

from __future__ import annotations

import os
import pickle
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from repast.app.config import RepoConfig, load_config
from repast.app.document import decode_document
from repast.app.secret import MASK, mask, mask_text
from repast.errors import InvalidConfigError, RepastError


def write(folder: Path, project: str = "demo", name: str = "feature_store.yaml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"project: {project}\n")
    return folder / name


# -- where the file is ----------------------------------------------------------------------------


def test_the_file_is_in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)
    monkeypatch.chdir(tmp_path)
    for config in (load_config(environ={}), load_config(tmp_path, environ={}), load_config(str(tmp_path), environ={})):
        assert config.project == "demo"
        assert config.repo_path == tmp_path
        assert config.file == tmp_path / "feature_store.yaml"


def test_paths_start_at_the_file_unless_the_folder_is_named(tmp_path: Path) -> None:
    file = write(tmp_path / "conf", name="prod.yaml")
    assert load_config(file=file, environ={}).repo_path == tmp_path / "conf"
    assert load_config(tmp_path, file=file, environ={}).repo_path == tmp_path


def test_the_environment_may_name_the_file(tmp_path: Path) -> None:
    write(tmp_path, "in_folder")
    ours = str(write(tmp_path / "a", "ours"))
    feasts = str(write(tmp_path / "b", "feasts"))
    both = {"REPAST_YAML": ours, "FEAST_FS_YAML_FILE_PATH": feasts}
    assert load_config(tmp_path, environ=both).project == "ours"
    assert load_config(tmp_path, environ={"FEAST_FS_YAML_FILE_PATH": feasts}).project == "feasts"
    assert load_config(tmp_path, environ={"FEAST_FS_YAML_FILE_PATH": ""}).project == "in_folder"
    assert load_config(tmp_path, file=feasts, environ=both).project == "feasts"
    assert load_config(environ=both).repo_path == tmp_path / "a"
    assert load_config(tmp_path, environ=both).repo_path == tmp_path


def test_the_process_environment_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REPAST_YAML", raising=False)
    monkeypatch.delenv("FEAST_FS_YAML_FILE_PATH", raising=False)
    monkeypatch.setenv("THE_PROJECT", "from_environment")
    write(tmp_path, "${THE_PROJECT}")
    assert load_config(tmp_path).project == "from_environment"


@pytest.mark.parametrize(
    ("present", "hint"),
    [
        ([], "start a project with: repast init my_project"),
        (["repo/feature_store.yml"], "did you mean 'feature_store.yml'?"),
        (["feature_store.yaml"], "there is one in {tmp}: go there first"),
        (["repo/feature_repo/feature_store.yaml"], "there is one in {tmp}/repo/feature_repo: go there first"),
    ],
    ids=["nothing", "misspelt", "above", "below"],
)
def test_a_file_that_is_not_there(tmp_path: Path, present: list[str], hint: str) -> None:
    (tmp_path / "repo").mkdir()
    for name in present:
        write((tmp_path / name).parent, name=Path(name).name)
    with pytest.raises(InvalidConfigError) as caught:
        load_config(tmp_path / "repo", environ={})
    assert caught.value.message == f"There is no feature_store.yaml in {tmp_path}/repo."
    assert caught.value.hint == hint.format(tmp=tmp_path)


def test_what_is_no_file(tmp_path: Path) -> None:
    file = write(tmp_path)
    with pytest.raises(InvalidConfigError, match=r"feature_store\.yaml is a file, not a folder"):
        load_config(file, environ={})
    with pytest.raises(InvalidConfigError, match="is a folder, not a file"):
        load_config(file=tmp_path, environ={})
    with pytest.raises(InvalidConfigError, match=r"There is no feature_store\.yaml in .*nowhere"):
        load_config(tmp_path / "nowhere", environ={})


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    write(tmp_path).chmod(0)
    with pytest.raises(InvalidConfigError, match="cannot be read: Permission denied"):
        load_config(tmp_path, environ={})


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    write(tmp_path).write_bytes(b"project: demo\nregistry: \xff\n")
    with pytest.raises(InvalidConfigError, match=r"feature_store\.yaml:2: This is not UTF-8 text"):
        load_config(tmp_path, environ={})


# -- in Python ------------------------------------------------------------------------------------


def test_a_configuration_made_in_python_is_the_one_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "feature_store.yaml").write_text(
        "project: demo\nproject_description: Taxis\nregistry:\n  path: r\n  cache_ttl_seconds: 5\n"
        "online_store:\n  type: sqlite\n  path: o.db\noffline_store: dask\nflags: {}\n"
    )
    made = RepoConfig(
        project="demo",
        project_description="Taxis",
        registry={"path": "r", "cache_ttl_seconds": 5},
        online_store={"type": "sqlite", "path": "o.db"},
        offline_store="dask",
        flags={},
        repo_path=tmp_path,
    )
    assert made == load_config(tmp_path, environ={})
    assert made.registry_ttl == timedelta(seconds=5)
    assert made.file is None
    assert made.ignored["flags"]


def test_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = RepoConfig(project="demo")
    assert config.repo_path == tmp_path
    assert (config.provider, config.registry.type, config.offline_store.type) == ("local", "object_store", "duckdb")
    assert config.online_store is not None
    assert config.online_store.type == "sqlite"
    assert config.registry_ttl is None
    assert RepoConfig(project="demo", online_store=None).online_store is None
    assert RepoConfig(project="demo", registry=Path("r")).registry.options == {"path": "r"}


def test_wrong_ones_are_told_without_a_place() -> None:
    with pytest.raises(InvalidConfigError) as caught:
        RepoConfig(project="my project", onlin_store="sqlite", registry=5)  # type: ignore[arg-type]
    assert str(caught.value) == (
        "3 problems in the configuration:\n"
        "  1. 'onlin_store' is not a key of feature_store.yaml.\n    hint: did you mean 'online_store'?\n"
        "  2. 'my project' is not a valid project name.\n"
        "    hint: use letters, digits, '_' and '-'; start with a letter or digit; at most 100 long\n"
        "  3. registry must be a path or a mapping, not 5.\n    hint: registry: data/registry"
    )
    assert len(caught.value.problems) == 3


def test_configurations_are_frozen_values() -> None:
    config = RepoConfig(project="demo", repo_path="/x")
    with pytest.raises(AttributeError):
        config.project = "other"  # type: ignore[misc]
    assert config == RepoConfig(project="demo", repo_path="/x")
    assert config != RepoConfig(project="demo", repo_path="/y")
    assert pickle.loads(pickle.dumps(config)) == config


# -- secrets --------------------------------------------------------------------------------------


def test_no_secret_is_ever_printed(tmp_path: Path) -> None:
    (tmp_path / "feature_store.yaml").write_text(
        "project: demo\n"
        "registry:\n  path: s3://me:hunter2@host/r\n"
        "  storage_options: {secret_access_key: hunter2, token: '${TOKEN}'}\n"
        "online_store:\n  type: redis\n  connection_string: localhost:6379,password=hunter2,ssl=true\n"
        "  nested: {deeper: [{password: hunter2}, 'https://hunter2@host', 'postgresql://u:hunter2@h/d?sslmode=a']}\n"
        "offline_store:\n  type: duckdb\n  api_key: hunter2\n"
    )
    config = load_config(tmp_path, environ={"TOKEN": "hunter2"})
    for shown in (config, config.registry, config.online_store, config.offline_store, config.to_public_dict()):
        assert "hunter2" not in f"{shown} {shown!r}"
    assert "localhost:6379,password=***,ssl=true" in repr(config)
    assert "postgresql://u:***@h/d?sslmode=a" in repr(config)
    assert config.offline_store.options["api_key"] == "hunter2"


@pytest.mark.parametrize(
    "key",
    [
        *(
            "password",
            "Passwd",
            "db_password",
            "passphrase",
            "private_key_passphrase",
            "pwd",
            "secret",
            "client_secret",
        ),
        *("token", "aws_session_token", "credentials", "credentials_json", "api_key", "apikey", "access_key", "sas"),
        *("aws_secret_access_key", "account_key", "private_key", "private_key_content", "key", "sas_key", "auth"),
    ],
)
def test_keys_that_name_secrets(key: str) -> None:
    assert mask(key, "hunter2") == mask(key, 12345) == MASK
    assert mask(key, True) is True
    assert mask(key, None) is None


@pytest.mark.parametrize(
    "key", ["path", "host", "user", "key_ttl_seconds", "keepalives", "keyspace", "author", "monkey_business", "region"]
)
def test_keys_that_do_not(key: str) -> None:
    assert mask(key, "plain") == "plain"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://user:p@ss/w:rd@host:5432/db", "postgresql://user:***@host:5432/db"),
        ("redis://:hunter2@host:6379/0", "redis://:***@host:6379/0"),
        ("https://ghp_token@host/x", "https://***@host/x"),
        ("postgresql://user@host/db", "postgresql://user@host/db"),
        ("host=h password=hunter2 dbname=d", "host=h password=*** dbname=d"),
        ("host=h password='hunter 2' dbname=d", "host=h password=*** dbname=d"),
        ("Server=h;UID=u;PWD=hunter2;Encrypt=yes", "Server=h;UID=u;PWD=***;Encrypt=yes"),
        ("AccountName=a;AccountKey=hunter2==;Suffix=s", "AccountName=a;AccountKey=***;Suffix=s"),
        ("https://a.blob.net/c?sv=1&sig=hunter2&se=2", "https://a.blob.net/c?sv=1&sig=***&se=2"),
        ("SharedAccessKey=hunter2;x=1", "SharedAccessKey=***;x=1"),
        ("data/online_store.db", "data/online_store.db"),
        ("s3://bucket/token=5/secrets", "s3://bucket/token=***"),
    ],
)
def test_credentials_inside_addresses(text: str, shown: str) -> None:
    assert mask_text(text) == shown


def test_messages_about_secrets_do_not_tell_them(tmp_path: Path) -> None:
    (tmp_path / "feature_store.yaml").write_text(
        "project: demo\nonline_store: {type: sqlite, path: {password: hunter2}}\n"
    )
    config = load_config(tmp_path, environ={})
    from repast.app.plugin import open_online_store

    with pytest.raises(RepastError) as caught:
        open_online_store(config)
    assert "hunter2" not in str(caught.value)


@given(value=st.text(min_size=1), quote=st.sampled_from(["", "'", '"']))
def test_what_is_in_a_variable_arrives_as_it_is(value: str, quote: str) -> None:
    """Whatever it looks like: YAML, another variable, a number."""
    text = f"project: demo\nproject_description: {quote}${{V}}{quote}\nregistry: {quote}x/$V-${{W:-$V}}{quote}\n"
    document = decode_document(text.encode(), file="f", environ={"V": value})
    assert document.values == {"project": "demo", "project_description": value, "registry": f"x/{value}-$V"}


@given(
    st.binary(max_size=200)
    | st.text("pr:?${}[]&*!|>-#'\" \n\t,<", max_size=60).map(str.encode)
    | st.text("01239xb_-.:TZ+e~", max_size=12).map(lambda text: f"project: {text}\n{text}: 1\n".encode())
)
@example(b"project: 2024-13-45")
@example(b"? [a]\n: b")
@example(b"project: 0b_")
@example(b"project: " + b"[" * 100_000)
def test_any_bytes_are_a_configuration_or_an_explained_error(data: bytes) -> None:
    problems = []
    try:
        config = RepoConfig.of(decode_document(data, file="f", environ={}), repo_path=Path())
    except InvalidConfigError as error:
        problems = [*error.problems]
    assert problems or config.project
    assert all(problem.location is not None for problem in problems)
