"""A project that is initialised, applied and loaded once, and a way to run command lines in it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from command_line import MOMENT, Repast, Result, run_all, run_repast


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with everything done. Shared: tests only read it."""
    parent = tmp_path_factory.mktemp("served")
    run_all([["init", "flights"]], parent)
    project = parent / "flights"
    run_all([["apply"], ["materialize", "2013-01-01", MOMENT]], project)
    return project


@pytest.fixture
def mine(served: Path, tmp_path: Path) -> Path:
    """A copy of the served project that a test may change."""
    return Path(shutil.copytree(served, tmp_path / "flights"))


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A project that was initialised and nothing else."""
    run_all([["init", "flights"]], tmp_path)
    return tmp_path / "flights"


@pytest.fixture
def repast(served: Path) -> Repast:
    """Run a command line, by default in the shared project: ``repast("list", "features")``."""

    def call(*args: str, cwd: Path | None = None) -> Result:
        return run_repast(*args, cwd=cwd or served)

    return call
