"""Files of writers that were killed are removed by the next writer; those of writers at work are not."""

from __future__ import annotations

import multiprocessing
import signal
from pathlib import Path

import pytest

from repast.temporary_file import temporary_file

CONTEXT = multiprocessing.get_context("spawn")


def write_for_ever(path: Path, started) -> None:
    with temporary_file(path) as target:
        target.write_text("half of it")
        started.send(target.name)
        signal.pause()


@pytest.fixture
def writer(tmp_path: Path):
    """A process in the midst of writing."""
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=write_for_ever, args=(tmp_path / "a", theirs), daemon=True)
    process.start()
    process.left = tmp_path / ours.recv()
    yield process
    process.kill()
    process.join()


def test_a_file_that_is_not_moved_is_removed_and_one_that_is_stays(tmp_path):
    with temporary_file(tmp_path / "a") as target:
        target.write_text("new")
    assert list(tmp_path.iterdir()) == []
    with temporary_file(tmp_path / "a") as target:
        target.write_text("new")
        target.replace(tmp_path / "a")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a", "new")]


def test_files_of_killed_writers_are_removed_and_those_of_others_are_not(tmp_path, writer):
    foreign = tmp_path / ".a.part"
    foreign.write_text("somebody else's")
    with temporary_file(tmp_path / "b") as mine, temporary_file(tmp_path / "b"):
        assert mine.exists(), "a writer removed what another of its process writes"
        assert writer.left.read_text() == "half of it"
    writer.kill()
    writer.join()
    assert writer.left.exists()
    with temporary_file(tmp_path / "b"):
        assert not writer.left.exists()
    assert list(tmp_path.iterdir()) == [foreign]
