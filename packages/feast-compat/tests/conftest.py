"""Every test hears what is said once per process, in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from feast.adapter.notice import forget_warnings


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    forget_warnings()
    yield
    forget_warnings()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
