"""Settings shared by all tests: how many random examples, and which tests are too long for every run."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

# Examples are derived from the test, not drawn anew: a run that fails today fails tomorrow.
# For fresh examples: HYPOTHESIS_PROFILE=explore.
_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}
settings.register_profile("default", max_examples=40, derandomize=True, **_COMMON)
settings.register_profile("ci", max_examples=60, derandomize=True, **_COMMON)
settings.register_profile("explore", max_examples=2000, **_COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run the tests marked slow")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "short: the same as a slow test, with fewer turns; not run beside it")


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
