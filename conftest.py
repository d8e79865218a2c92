"""Settings shared by all tests: how many random examples, which tests are too long, where servers keep their files."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Examples are derived from the test, not drawn anew: a run that fails today fails tomorrow.
# For fresh examples: HYPOTHESIS_PROFILE=explore.
_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}
settings.register_profile("default", max_examples=40, derandomize=True, **_COMMON)
settings.register_profile("ci", max_examples=60, derandomize=True, **_COMMON)
settings.register_profile("explore", max_examples=2000, **_COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

_MEMORY = Path("/dev/shm")  # noqa: S108 (files below it have names of their own)
_PLENTY = 8 << 30
"""Bytes that have to be free there; a run needs two gigabytes at most."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run the tests marked slow")


def pytest_configure(config: pytest.Config) -> None:
    _put_servers_into_memory()
    config.addinivalue_line("markers", "short: the same as a slow test, with fewer turns; not run beside it")


def _put_servers_into_memory() -> None:
    """Let what makes temporary files, the servers above all, wait for no disk; who names a folder for them gets it.

    Folders of tests stay where they are: what Repast itself does with files is to be seen on a real file system.
    """
    if "TMPDIR" in os.environ or not _MEMORY.is_dir() or os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC:
        return
    if min(shutil.disk_usage(_MEMORY).free, _available_memory()) < _PLENTY:
        return
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
    os.environ["TMPDIR"] = str(_MEMORY)  # for this process and those that it starts
    tempfile.tempdir = None


def _available_memory() -> int:
    """Bytes that programs may still take; 0 where the system does not say."""
    file = Path("/proc/meminfo")
    lines = file.read_text().splitlines() if file.exists() else []
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--slow"):
        short = [item for item in items if "short" in item.keywords]
        if short:
            config.hook.pytest_deselected(items=short)
            items[:] = [item for item in items if "short" not in item.keywords]
        return
    skip = pytest.mark.skip(reason="slow: run with --slow")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)
