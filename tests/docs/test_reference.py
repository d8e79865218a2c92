"""The reference says what the code says: tables are current, examples work, links lead somewhere."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import document
import pytest

import repast
import repast.errors
import repast.types
from repast.app.config import FILE_VARIABLES
from repast.app.config_resolver import KEYS
from repast.cli.exit import BY_ERROR
from repast.core.definitions.entity import KEY_TYPES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted((DOCS / "reference").glob("*.md"))


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "scripts/make_reference.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_reference"] = module
    spec.loader.exec_module(module)
    return module


def test_pages_are_what_the_script_makes(script: ModuleType) -> None:
    pages = script.pages()
    assert len(pages) >= 4
    for path, text in pages.items():
        assert path.read_text(encoding="utf-8") == text, "run: python scripts/make_reference.py"


def test_every_public_name_is_on_the_page_on_python() -> None:
    text = (DOCS / "reference/python.md").read_text()
    missing = [name for name in repast.__all__ if f"### {name}\n" not in text]
    assert set(missing) == {"RepastError", "__version__"}
    methods = [name for name in vars(repast.FeatureStore) if not name.startswith("_")]
    assert [m for m in methods if f"#### FeatureStore.{m}\n" not in text and f"- `{m}`: " not in text] == []


def test_every_error_is_on_its_page_with_its_exit_code() -> None:
    rows = dict(
        re.findall(r"^\| `(\w+)` \| (`\w+` \| \d+ \| \w+) \|", (DOCS / "reference/errors.md").read_text(), re.M)
    )
    classes = [getattr(repast.errors, name) for name in repast.errors.__all__]
    errors = [c for c in classes if isinstance(c, type) and issubclass(c, repast.RepastError)]
    expected = {
        c.__name__: f"`{c.code}` | {BY_ERROR[c.code]} | {'yes' if c.retryable else 'no'}"
        for c in errors
        if c is not repast.RepastError
    }
    assert rows == expected


def test_every_type_is_on_its_page() -> None:
    text = (DOCS / "reference/types.md").read_text()
    names = [name for name in repast.types.__all__ if name[0].isupper() and name not in ("DataType", "Primitive")]
    assert [name for name in names if f"`{name}" not in text] == []
    said = re.search(r"Join keys may be ([^:]*):", text)
    assert said
    assert set(re.findall(r"`(\w+)`", said[1])) == {str(t) for t in KEY_TYPES}


def test_every_key_and_variable_is_on_the_page_on_configuration() -> None:
    text = (DOCS / "reference/configuration.md").read_text()
    assert re.findall(r"^\| `(\w+)` \| .* \| .* \|$", text.partition("## Keys")[2].partition("##")[0], re.M) == list(
        KEYS
    )
    assert all(f"`{name}`" in text for name in FILE_VARIABLES)


@pytest.mark.parametrize("name", ["types.md", "files.md", "errors.md"])
def test_examples_work(name: str, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    real = bool(pytestconfig.getoption("--slow"))
    assert document.follow(DOCS / "reference" / name, tmp_path, real_processes=real) > 0


def test_the_example_of_a_configuration_is_right(tmp_path: Path) -> None:
    example = document.read_blocks((DOCS / "reference/configuration.md").read_text())[0]
    (tmp_path / "feature_store.yaml").write_text(example.text)
    with repast.FeatureStore(tmp_path) as store:
        store.apply([])
        assert [project.name for project in store.list_projects()] == ["flights"]
    assert set(repast.FeatureStore(tmp_path).config.to_public_dict()) == set(KEYS)


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: str(page.relative_to(DOCS)))
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)]*))?\)", page.read_text()):
        path = page.parent / target if target else page
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", path.read_text(), re.M)
            assert anchor in {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}, anchor


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "README.md").read_text()
    pages = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")} - {"README.md"}
    assert sorted(page for page in pages if f"]({page})" not in index) == [], "name them in docs/README.md"
