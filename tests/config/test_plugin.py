"""Backends of other people: by entry point, by dotted path, with options checked against their own signature."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from repast.app import entry_point
from repast.app.config import RepoConfig
from repast.app.document import EnvText
from repast.app.entry_point import installed
from repast.app.option import check_options, convert
from repast.app.plugin import check_backends, open_offline_engine, open_online_store, open_registry
from repast.app.section import BackendConfig
from repast.errors import InvalidConfigError, MissingDependencyError, UnsupportedError

STORE = """
from pathlib import Path
from repast.backends.online.memory import MemoryOnlineStore

class Shelf(MemoryOnlineStore):
    def __init__(self, *, repo_path: Path, size: int, colour: str = "red") -> None:
        super().__init__(repo_path=repo_path)
        self.given = (repo_path, size, colour)
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages, first on the import path."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    yield folder
    for name, module in list(sys.modules.items()):
        paths = [getattr(module, "__file__", None) or "", *getattr(module, "__path__", [])]
        if any(path.startswith(str(tmp_path)) for path in paths):
            del sys.modules[name]


def install(site: Path, name: str, entry_points: str, code: str = STORE) -> None:
    (site / f"{name}.py").write_text(code)
    info = site / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry_points)


# -- entry points ---------------------------------------------------------------------------------


def test_our_own_come_through_the_same_door() -> None:
    assert installed("repast.online_stores")["sqlite"] == "repast.backends.online.sqlite:SqliteOnlineStore"
    assert set(installed("repast.registries")) >= {"object_store"}
    assert set(installed("repast.offline_stores")) >= {"duckdb"}


def test_somebody_elses_store(site: Path, tmp_path: Path) -> None:
    install(site, "shelf_store", "[console_scripts]\nx = y:z\n\n[repast.online_stores]\nshelf = shelf_store:Shelf\n")
    config = RepoConfig(project="demo", online_store={"type": "shelf", "size": 5}, repo_path=tmp_path)
    store = open_online_store(config)
    assert store.given == (tmp_path, 5, "red")  # type: ignore[attr-defined]
    assert check_backends(config) == []


def test_all_that_is_wrong_with_its_options(site: Path, tmp_path: Path) -> None:
    install(site, "shelf_store2", "[repast.online_stores]\nshelf2 = shelf_store2:Shelf [extra]\n")
    online_store = {"type": "shelf2", "color": "blue", "colour": 5, "repo_path": "x"}
    config = RepoConfig(project="demo", online_store=online_store, repo_path=tmp_path)
    with pytest.raises(InvalidConfigError) as caught:
        open_online_store(config)
    assert [problem.message for problem in caught.value.problems] == [
        "online_store of type 'shelf2' has no option 'color'.",
        "online_store.colour must be text, not 5.",
        "online_store of type 'shelf2' has no option 'repo_path'.",
        "online_store of type 'shelf2' needs the option 'size'.",
    ]
    assert list(caught.value.problems) == check_backends(config)


def test_a_secret_of_the_wrong_type_is_not_shown() -> None:
    class Store:
        def __init__(self, *, repo_path: Path, token: str) -> None: ...

    _, (problem,) = check_options(Store, BackendConfig("online_store", "store", {"token": 123456}))
    assert "must be text" in problem.message
    assert "123456" not in str(problem)
    assert problem.hint == "put it in quotes"


def test_a_store_whose_package_is_not_installed(site: Path) -> None:
    install(site, "far_store", "[repast.online_stores]\nfar = far_store:Far\n", "import a_client_nobody_has.api\n")
    with pytest.raises(MissingDependencyError) as caught:
        open_online_store(RepoConfig(project="demo", online_store="far"))
    assert caught.value.message == (
        "online_store.type 'far' needs the package 'a_client_nobody_has', which is not installed."
    )


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("class Broken(: pass", "module 'broken_store' cannot be imported: invalid syntax"),
        ("from os import no_such_thing", "module 'broken_store' cannot be imported: cannot import name"),
        ("", "module 'broken_store' has no class 'Broken'"),
        ("class Broken: pass", "it is no OnlineStore"),
    ],
)
def test_a_store_that_is_broken(site: Path, code: str, message: str) -> None:
    install(site, "broken_store", "[repast.online_stores]\nbroken = broken_store:Broken\n", code)
    with pytest.raises(InvalidConfigError, match=f"online_store.type 'broken': {message}"):
        open_online_store(RepoConfig(project="demo", online_store="broken"))


def test_a_store_whose_module_is_gone(site: Path) -> None:
    install(site, "gone_store", "[repast.online_stores]\ngone = gone_store.inside:Gone\n")
    (site / "gone_store.py").unlink()
    with pytest.raises(InvalidConfigError, match=r"it is installed, but its module 'gone_store\.inside' is not there"):
        open_online_store(RepoConfig(project="demo", online_store="gone"))


@pytest.mark.parametrize(
    "init",
    [
        "def __init__(self, *, size: int = 1) -> None: ...",
        "def __init__(self, repo_path, size) -> None: ...",
        "def __init__(self, host, *, repo_path) -> None: ...",
    ],
)
def test_a_store_that_cannot_be_made_like_others(site: Path, init: str) -> None:
    code = f"from repast.backends.online.memory import MemoryOnlineStore\nclass Odd(MemoryOnlineStore):\n    {init}\n"
    install(site, "odd_store", "[repast.online_stores]\nodd = odd_store:Odd\n", code)
    with pytest.raises(InvalidConfigError, match="Odd cannot be made with keyword-only options"):
        open_online_store(RepoConfig(project="demo", online_store="odd"))


def test_a_store_that_takes_anything(site: Path, tmp_path: Path) -> None:
    code = (
        "from repast.backends.online.memory import MemoryOnlineStore\n"
        "class Any(MemoryOnlineStore):\n"
        "    def __init__(self, *, repo_path, **options):\n"
        "        super().__init__(repo_path=repo_path)\n"
        "        self.options = options\n"
    )
    install(site, "any_store", "[repast.online_stores]\nany = any_store:Any\n", code)
    config = RepoConfig(project="demo", online_store={"type": "any", "a": 1}, repo_path=tmp_path)
    assert open_online_store(config).options == {"a": 1}  # type: ignore[attr-defined]


def test_annotations_for_type_checkers_only(site: Path, tmp_path: Path) -> None:
    code = "from __future__ import annotations\n" + STORE.replace("size: int", "size: Nowhere")
    install(site, "lazy_store", "[repast.online_stores]\nlazy = lazy_store:Shelf\n", code)
    config = RepoConfig(project="demo", online_store={"type": "lazy", "size": "any"}, repo_path=tmp_path)
    assert open_online_store(config).given == (tmp_path, "any", "red")  # type: ignore[attr-defined]


def test_a_class_in_the_users_own_repo(tmp_path: Path, site: Path) -> None:
    repo = tmp_path / "repo"
    (repo / "stores").mkdir(parents=True)
    (repo / "stores" / "shelf_here.py").write_text(STORE)
    config = RepoConfig(project="demo", online_store={"type": "stores.shelf_here.Shelf", "size": 3}, repo_path=repo)
    assert open_online_store(config).given == (repo, 3, "red")  # type: ignore[attr-defined]


def test_a_project_without_an_online_store() -> None:
    with pytest.raises(UnsupportedError, match="Project 'demo' has no online store"):
        open_online_store(RepoConfig(project="demo", online_store=None))


CLOUD_PROVIDER = """
from contextlib import contextmanager
from repast.ports.provider import Provider

class Cloud(Provider):
    defaults = {"online_store": {"type": "memory"}, "registry": {"type": "object_store", "path": "memory://p"}}

not_a_provider = 1
"""


def test_a_provider_is_a_set_of_defaults(site: Path, tmp_path: Path) -> None:
    install(site, "cloud_provider", "[repast.providers]\ncloud = cloud_provider:Cloud\n", CLOUD_PROVIDER)
    config = RepoConfig(project="demo", provider="cloud", repo_path=tmp_path)
    assert config.registry.options == {"path": "memory://p"}
    assert config.online_store is not None
    assert config.online_store.type == "memory"
    assert config.offline_store.type == "duckdb"
    config = RepoConfig(project="demo", provider="cloud", online_store=None, registry="r", repo_path=tmp_path)
    assert (config.online_store, config.registry.options) == (None, {"path": "r"})
    with pytest.raises(UnsupportedError, match="provider 'clod' is not installed; there is: aws, azure, cloud"):
        RepoConfig(project="demo", provider="clod")


def test_a_provider_may_be_a_class_of_the_repo(tmp_path: Path) -> None:
    (tmp_path / "our_cloud.py").write_text(CLOUD_PROVIDER)
    config = RepoConfig(project="demo", provider="our_cloud.Cloud", repo_path=tmp_path)
    assert config.online_store is not None
    assert config.online_store.type == "memory"
    with pytest.raises(UnsupportedError, match=r"'our_cloud\.not_a_provider' is no provider"):
        RepoConfig(project="demo", provider="our_cloud.not_a_provider", repo_path=tmp_path)
    with pytest.raises(UnsupportedError, match="there is no module 'their_cloud'"):
        RepoConfig(project="demo", provider="their_cloud.Cloud", repo_path=tmp_path)


@pytest.mark.parametrize(
    ("provider", "offline", "online"),
    [("gcp", "bigquery", "datastore"), ("aws", "redshift", "dynamodb"), ("azure", "duckdb", "redis")],
)
def test_the_clouds(provider: str, offline: str, online: str) -> None:
    config = RepoConfig(project="demo", provider=provider, registry="memory://r")
    assert config.online_store is not None
    assert (config.offline_store.type, config.online_store.type) == (offline, online)
    config = RepoConfig(project="demo", provider=provider, registry="memory://r", online_store="sqlite")
    assert config.online_store is not None
    assert (config.offline_store.type, config.online_store.type) == (offline, "sqlite")


def test_all_three_open_and_close(tmp_path: Path) -> None:
    config = RepoConfig(project="demo", repo_path=tmp_path)
    for backend in (open_registry(config), open_offline_engine(config), open_online_store(config)):
        backend.close()
    assert list(tmp_path.iterdir()) == []


def test_the_fast_scan_finds_what_importlib_finds(site: Path) -> None:
    install(
        site,
        "odd-format",
        "# comment\n[repast.online_stores]\n\n one=a:B  # here\ntwo = c.d : E [x,y]\n[other]\none = x:y\n",
        "",
    )
    fast = installed("repast.online_stores")
    assert fast["one"] == "a:B"
    assert fast["two"] == "c.d:E"
    assert set(fast) == set(entry_point._slowly("repast.online_stores"))


def test_packages_that_the_scan_cannot_see(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry_point, "_texts", lambda folder: ())
    entry_point._installed.cache_clear()
    try:
        assert "sqlite" in installed("repast.online_stores")
    finally:
        entry_point._installed.cache_clear()


# -- options --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "annotation", "converted"),
    [
        ("a", str, "a"),
        (5, int, 5),
        (5, float, 5.0),
        (True, bool, True),
        ("a/b", Path, Path("a/b")),
        ("a", str | Path, "a"),
        (None, int | None, None),
        (5, int | str, 5),
        ("5", int | str, "5"),
        ("lru", Literal["lru", "fifo"], "lru"),
        ([1, 2], tuple[int, ...], (1, 2)),
        ([1, 2], list[int], [1, 2]),
        (["a"], Sequence[str], ["a"]),
        ({"a": 1}, dict[str, float], {"a": 1.0}),
        ({"a": {"b": [1]}}, Mapping[str, Any], {"a": {"b": [1]}}),
        ({"a": 1}, dict, {"a": 1}),
        (EnvText("5"), int, 5),
        (EnvText("0.5"), float, 0.5),
        (EnvText("on"), bool, True),
        (EnvText("False"), bool, False),
        (EnvText("5"), str, "5"),
        (EnvText("5"), int | None, 5),
        (object, object, object),
    ],
    ids=repr,
)
def test_values_become_what_the_class_wants(value: object, annotation: object, converted: object) -> None:
    found = convert(value, annotation)
    assert found == converted
    assert type(found) is type(converted)


@pytest.mark.parametrize(
    ("value", "annotation", "said"),
    [
        (5, str, "must be text, not 5."),
        (True, int, "must be a whole number, not True."),
        (1.0, int, "must be a whole number, not 1.0."),
        ("1", float, "must be a number, not '1'."),
        ("true", bool, "must be true or false, not 'true'."),
        (1, bool, "must be true or false, not 1."),
        (None, str, "must be text, not None."),
        ("l", list[str], "must be a list, not 'l'."),
        ([1, "a"], tuple[int, ...], "must be a whole number, not [1, 'a']."),
        ([], dict[str, str], "must be a mapping, not []."),
        ({"a": 1}, dict[str, str], "must be a mapping whose 'a' is text, not {'a': 1}."),
        ("lur", Literal["lru", "fifo"], "must be 'lru' or 'fifo', not 'lur'."),
        (True, Literal[1, 2], "must be 1 or 2, not True."),
        ([], int | str, "must be a whole number or text, not []."),
        (EnvText("x"), int, "must be a whole number, not 'x'."),
        (EnvText("maybe"), bool, "must be true or false, not 'maybe'."),
    ],
    ids=repr,
)
def test_values_that_do_not_fit(value: object, annotation: object, said: str) -> None:
    class Store:
        def __init__(self, *, repo_path: Path, option: object) -> None: ...

    Store.__init__.__annotations__["option"] = annotation
    options, problems = check_options(Store, BackendConfig("online_store", "store", {"option": value}))
    assert options == {}
    assert [problem.message for problem in problems] == [f"online_store.option {said}"]
