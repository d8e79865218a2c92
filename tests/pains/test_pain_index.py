"""Every defect has a test that shows Repast right, and the page that says so is current."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pain import PAINS

ROOT = Path(__file__).parents[2]


def test_every_number_is_there_once() -> None:
    assert [pain.number for pain in PAINS] == list(range(1, 35))
    assert all(pain.tests and pain.feast.endswith((".", "?")) and pain.repast.endswith(".") for pain in PAINS)


def test_every_test_that_is_named_is_written() -> None:
    """Quickly, from the text; a rule of a suite is written in the suite that ships."""
    suites = "".join(path.read_text() for path in (ROOT / "src/repast/testing").rglob("*.py"))
    for test in sorted({test for pain in PAINS for test in pain.tests}):
        file, *classes, name = test.split("::")
        text = (ROOT / file).read_text()
        assert all(f"class {cls}(" in text for cls in classes), test
        assert f"def {name}(" in (suites if classes else text), test


@pytest.mark.slow
def test_every_test_that_is_named_is_collected() -> None:
    named = {test for pain in PAINS for test in pain.tests}
    files = sorted({test.partition("::")[0] for test in named})
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-o", "addopts=", "--collect-only", "-q", "-p", "no:cacheprovider", *files],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    collected = {line.partition("[")[0] for line in done.stdout.splitlines() if "::" in line}
    assert sorted(named - collected) == []


def test_the_page_is_what_the_script_makes() -> None:
    spec = importlib.util.spec_from_file_location("make_feast_pains", ROOT / "scripts/make_feast_pains.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "docs/reference/feast-pains.md").read_text() == module.page(), (
        "run: python scripts/make_feast_pains.py"
    )
