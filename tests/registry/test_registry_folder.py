"""Local registries when things go wrong: crashes, full disks, missing rights, alien files."""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from repast.backends.registry.folder import Folder
from repast.backends.registry.object_store import ObjectStoreRegistry
from repast.errors import ConflictError, InvalidConfigError, UnavailableError

OLD, NEW = b"old " * 10_000, b"new " * 20_000


def open_folder(path: Path) -> ObjectStoreRegistry:
    return ObjectStoreRegistry(repo_path=path, path="registry")


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process of its own, which may be killed or lose its rights."""
    prelude = """
        import os, signal, sys
        from pathlib import Path
        from repast.backends.registry.object_store import ObjectStoreRegistry
        folder = Path(sys.argv[1])
        store = ObjectStoreRegistry(repo_path=folder, path="registry")
    """
    code = textwrap.dedent(prelude) + textwrap.dedent(script)
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=False
    )


WITHOUT_RIGHTS = """
    store.names()  # everything is imported by now
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
"""

CRASH = """
    real = getattr(os, sys.argv[2])
    def crash(*arguments, **options):
        if sys.argv[3] == "after":
            real(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(os, sys.argv[2], crash)
    found = store.load("p.json")
    store.swap("p.json", eval(sys.argv[4]), found.version if found else None)
"""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["makedirs", "open", "fsync", "utime", "replace", "close"])
def test_a_swap_killed_at_any_step_leaves_the_old_or_the_new(tmp_path: Path, step: str, when: str) -> None:
    first = open_folder(tmp_path).swap("p.json", OLD, None)
    killed = run(CRASH, tmp_path, step, when, "b'new ' * 20_000")
    assert killed.returncode == -signal.SIGKILL
    store = open_folder(tmp_path)
    found = store.load("p.json")
    assert found is not None
    replaced = (step, when) in {("replace", "after"), ("close", "before"), ("close", "after")}
    assert found.data == (NEW if replaced else OLD)
    assert (found == first) != replaced
    assert list(store.names()) == ["p.json"]
    again = store.swap("p.json", b"next", found.version)  # no lock was left behind
    assert store.load("p.json") == again


@pytest.mark.parametrize("step", ["unlink", "fsync", "rmdir"])
def test_a_removal_killed_at_any_step_can_be_repeated(tmp_path: Path, step: str) -> None:
    open_folder(tmp_path).swap("history/p/1.json", OLD, None)
    script = CRASH.replace('"p.json"', '"history/p/1.json"')
    assert run(script, tmp_path, step, "before", "None").returncode == -signal.SIGKILL
    store = open_folder(tmp_path)
    found = store.load("history/p/1.json")
    assert (found is not None) == (step == "unlink")
    store.swap("history/p/1.json", None, found.version if found else None)
    assert store.load("history/p/1.json") is None


def test_swaps_that_were_confirmed_survive_a_kill(tmp_path: Path) -> None:
    script = """
        found = store.load("p.json")
        number, version = (int(found.data), found.version) if found else (0, None)
        while True:
            number += 1
            version = store.swap("p.json", b"%d" % number, version).version
            print(number, flush=True)
    """
    code = (
        "import sys\nfrom pathlib import Path\nfrom repast.backends.registry.object_store import ObjectStoreRegistry\n"
    )
    code += "store = ObjectStoreRegistry(repo_path=Path(sys.argv[1]), path='registry')\n" + textwrap.dedent(script)
    for lines in (1, 4, 9, 16):
        with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            confirmed = [int(writer.stdout.readline()) for _ in range(lines)]
            writer.kill()
            confirmed += [int(line) for line in writer.stdout.read().split()]
        found = open_folder(tmp_path).load("p.json")
        assert found is not None
        assert int(found.data) in (confirmed[-1], confirmed[-1] + 1)


def test_a_full_disk_changes_nothing_and_says_so(tmp_path: Path) -> None:
    first = open_folder(tmp_path).swap("p.json", OLD, None)
    script = """
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            store.swap("p.json", b"new" * 1000, store.load("p.json").version)
        except Exception as error:
            print(type(error).__name__, error)
    """
    said = run(script, tmp_path).stdout
    assert said.startswith(f"UnavailableError Cannot write {tmp_path}/registry/p.json: File too large; nothing was")
    assert "ulimit -f" in said
    store = open_folder(tmp_path)
    assert store.load("p.json") == first
    assert list(store.names()) == ["p.json"]
    assert first is not None
    store.swap("p.json", NEW, first.version)


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A folder that other users can reach."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize("exists", [True, False], ids=["changing", "creating"])
def test_a_read_only_folder(open_path: Path, exists: bool) -> None:
    if exists:
        open_folder(open_path).swap("p.json", OLD, None)
        (open_path / "registry").chmod(0o555)
    open_path.chmod(0o555)
    script = """
        found = store.load("p.json")
        print(len(found.data) if found else None)
        try:
            store.swap("p.json", b"new", found.version if found else None)
        except Exception as error:
            print(type(error).__name__, error)
    """
    said = run(textwrap.dedent(WITHOUT_RIGHTS) + textwrap.dedent(script), open_path).stdout.splitlines()
    assert said[0] == ("40000" if exists else "None")
    assert said[1].startswith(f"UnavailableError Cannot write {open_path}/registry/p.json: Permission denied;")
    assert "right to read and write" in said[2]
    if exists:
        (open_path / "registry").chmod(0o755)
    open_path.chmod(0o755)


def test_a_document_that_may_not_be_read(open_path: Path) -> None:
    open_folder(open_path).swap("p.json", OLD, None)
    (open_path / "registry" / "p.json").chmod(0o200)
    script = """
        try:
            store.load("p.json")
        except Exception as error:
            print(type(error).__name__, error)
    """
    said = run(textwrap.dedent(WITHOUT_RIGHTS) + textwrap.dedent(script), open_path).stdout
    assert said.startswith(f"UnavailableError Cannot read {open_path}/registry/p.json: Permission denied")


def test_a_lock_that_is_held_for_long_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "registry"
    ticks = iter(range(0, 1000, 7))
    waits: list[float] = []
    store = Folder(folder, monotonic=lambda: float(next(ticks)), sleep=waits.append)
    folder.mkdir()
    with (folder / ".lock").open("w") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        with pytest.raises(UnavailableError, match="has been held by another process for 30 seconds"):
            store.swap("p.json", b"one", None)
    assert waits
    assert all(0 < wait < 0.1 for wait in waits)
    assert store.swap("p.json", b"one", None) is not None


def test_readers_do_not_wait_for_the_lock(tmp_path: Path) -> None:
    store = open_folder(tmp_path)
    first = store.swap("p.json", OLD, None)
    with (tmp_path / "registry" / ".lock").open("w") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        assert store.load("p.json") == first
        assert list(store.names()) == ["p.json"]


def test_a_folder_that_was_removed_meanwhile_is_made_again(tmp_path: Path) -> None:
    store = open_folder(tmp_path)
    store.swap("history/p/1.json", b"one", None)
    for path in sorted((tmp_path / "registry").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (tmp_path / "registry").rmdir()
    assert list(store.names()) == []
    again = store.swap("history/p/1.json", b"two", None)
    assert store.load("history/p/1.json") == again


def test_removing_the_last_document_removes_its_folders(tmp_path: Path) -> None:
    store = open_folder(tmp_path)
    one = store.swap("history/p/1.json", b"one", None)
    two = store.swap("history/p/2.json", b"two", None)
    assert one is not None
    assert two is not None
    store.swap("history/p/1.json", None, one.version)
    assert (tmp_path / "registry" / "history" / "p").is_dir()
    store.swap("history/p/2.json", None, two.version)
    assert [path.name for path in (tmp_path / "registry").iterdir()] == [".lock"]


def test_a_change_by_hand_is_noticed(tmp_path: Path) -> None:
    store = open_folder(tmp_path)
    first = store.swap("p.json", b"one", None)
    stamp = store.stamp("p.json")
    (tmp_path / "registry" / "p.json").write_bytes(b"by hand")
    assert store.stamp("p.json") != stamp
    assert first is not None
    with pytest.raises(ConflictError):
        store.swap("p.json", b"two", first.version)
    assert (tmp_path / "registry" / "p.json").read_bytes() == b"by hand"


def test_change_times_grow_even_when_the_clock_does_not(tmp_path: Path) -> None:
    store = open_folder(tmp_path)
    document = store.swap("p.json", b"one", None)
    path = tmp_path / "registry" / "p.json"
    future = path.stat().st_mtime_ns + 3600 * 10**9
    os.utime(path, ns=(future, future))
    assert document is not None
    store.swap("p.json", b"two", document.version)
    assert path.stat().st_mtime_ns > future


def test_documents_are_as_readable_as_other_files_of_their_folder(tmp_path: Path) -> None:
    previous = os.umask(0o027)
    try:
        open_folder(tmp_path).swap("p.json", b"one", None)
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "registry" / "p.json").stat().st_mode) == 0o640


@pytest.mark.parametrize("name", ["registry", "data", "data/registry"])
def test_a_file_where_the_folder_should_be(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"a Feast registry, say")
    store = ObjectStoreRegistry(repo_path=tmp_path, path=name if name == "registry" else "data/registry")
    for call in (lambda: store.load("p.json"), lambda: store.swap("p.json", b"x", None)):
        with pytest.raises(InvalidConfigError, match=r"folder of documents, but .* is a file"):
            call()
    assert (tmp_path / name).read_bytes() == b"a Feast registry, say"


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("data/registry.db", "data/registry"),
        ("data/registry.PB", "data/registry"),
        ("registry.json", "registry"),
        ("data/registry", "data/registry"),
        ("data/registry/", "data/registry"),
        ("data/registry.v2", "data/registry.v2"),
        ("data/.db", "data/.db"),
        ("s3://bucket/feast/registry.db", "s3://bucket/feast/registry"),
        ("s3://bucket.db", "s3://bucket.db"),
        ("gs://bucket/registry.pb", "gs://bucket/registry"),
        ("memory://", "memory://"),
    ],
)
def test_a_path_named_like_a_file_means_the_folder_beside_it(tmp_path: Path, path: str, folder: str) -> None:
    assert ObjectStoreRegistry(repo_path=tmp_path, path=path).path == folder


def test_a_feast_registry_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    feast = tmp_path / "data" / "registry.db"
    feast.write_bytes(b"\n\x05proto")
    store = ObjectStoreRegistry(repo_path=tmp_path, path="data/registry.db")
    store.swap("p.json", b"{}", None)
    assert feast.read_bytes() == b"\n\x05proto"
    assert (tmp_path / "data" / "registry" / "p.json").read_bytes() == b"{}"


@pytest.mark.parametrize("path", ["absolute", "file", "relative"])
def test_where_paths_start(tmp_path: Path, path: str) -> None:
    spelling = {"absolute": f"{tmp_path}/x/r", "file": f"file://{tmp_path}/x/r", "relative": "x/r"}[path]
    ObjectStoreRegistry(repo_path=tmp_path, path=spelling).swap("p.json", b"{}", None)
    assert (tmp_path / "x" / "r" / "p.json").exists()


@pytest.mark.parametrize("path", ["hdfs://host/registry", "postgresql://host/db", "http://host/registry"])
def test_addresses_that_cannot_be_registries(tmp_path: Path, path: str) -> None:
    with pytest.raises(InvalidConfigError, match=r"A registry cannot be at a (hdfs|postgresql|http):// address"):
        ObjectStoreRegistry(repo_path=tmp_path, path=path)


def test_an_empty_path_and_options_that_do_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError, match=r"registry\.path is empty"):
        ObjectStoreRegistry(repo_path=tmp_path, path=" ")
    with pytest.raises(InvalidConfigError, match="storage_options are for object stores"):
        ObjectStoreRegistry(repo_path=tmp_path, storage_options={"region": "x"})


def test_memory_is_shared_by_name_only(tmp_path: Path) -> None:
    def opened(path: str) -> ObjectStoreRegistry:
        return ObjectStoreRegistry(repo_path=tmp_path, path=path)

    opened(f"memory://{tmp_path}/a").swap("p.json", b"one", None)
    assert list(opened(f"memory://{tmp_path}/a").names()) == ["p.json"]
    assert list(opened(f"memory://{tmp_path}/b").names()) == []
    private = opened("memory://")
    private.swap("p.json", b"one", None)
    assert list(private.names()) == ["p.json"]
    assert list(opened("memory://").names()) == []
