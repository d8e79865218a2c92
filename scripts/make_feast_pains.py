"""Write docs/reference/feast-pains.md from the index of tests/pains.

Run it with ``python scripts/make_feast_pains.py`` after changing the index; a test compares the file.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/reference/feast-pains.md"

INTRODUCTION = """# What hurts in Feast, and what happens here

*Made by `scripts/make_feast_pains.py` from `tests/pains/pain.py`; change that, not this page.*

Defects that users of Feast reported, or that were reproduced with Feast 0.67.0. Each has tests that show what Repast
does instead; run one with `pytest TEST`. Numbers with # are issues of feast-dev/feast. Whether your own project's
values are affected is what `repast migrate shadow` tells: [migrate from Feast](../how-to/migrate-from-feast.md).
"""


def page() -> str:
    """Return the text of the page."""
    return "\n".join([INTRODUCTION, *_areas(_load())])


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pain", ROOT / "tests/pains/pain.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["pain"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def _areas(index: ModuleType) -> Iterator[str]:
    for area, pains in index.AREAS.items():
        yield f"## {area}\n"
        yield "| | in Feast | in Repast | shown by |"
        yield "|---|---|---|---|"
        for pain in pains:
            threads = "".join(f" #{thread}" for thread in pain.threads)
            tests = "<br>".join(f"`{test}`" for test in pain.tests)
            yield f"| {pain.number} | {pain.feast}{threads} | {pain.repast} | {tests} |"
        yield ""


def main() -> None:
    PAGE.write_text(page())
    print(f"wrote {PAGE.name}")


if __name__ == "__main__":
    main()
