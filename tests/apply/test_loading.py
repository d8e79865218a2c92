"""Loading a repo's definition files, whatever else lies in the folder."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest
from apply_repo import write_file

from repast.app.loading import find_files, load_definitions, load_repo
from repast.errors import InvalidDefinitionError

HEADER = "from repast import Entity, FeatureView, FileSource, Field, OnDemandFeatureView, RequestSource\n"


def names(path) -> list[str]:
    return [definition.name for definition in load_definitions(path)]


@pytest.fixture
def repo(tmp_path):
    root = tmp_path / "repo"
    root.mkdir()
    return root


def write(repo, **files: str) -> None:
    for name, text in files.items():
        write_file(repo / (name.replace("__", "/") + ".py"), HEADER + textwrap.dedent(text))


def test_files_are_loaded_in_order_with_their_folders(repo):
    write(repo, b='b = Entity(name="b")', a__z='z = Entity(name="z")', a__deep__x='x = Entity(name="x")')
    assert names(repo) == ["x", "z", "b"]


def test_files_import_each_other_and_each_object_is_one(repo):
    write(
        repo,
        entities='driver = Entity(name="driver")',
        views__a="from entities import driver\n"
        'v = FeatureView(name="a", entities=[driver], source=FileSource(path="a"))',
        views__b="from views.a import v\nfrom entities import driver as d\nimport views.a as m",
        views__c="from .a import v as again",
    )
    definitions = load_definitions(repo)
    assert [d.name for d in definitions] == ["driver", "a"]
    assert definitions[1].entities[0] is definitions[0]


def test_packages_run_their_init_once_before_their_files(repo):
    write(repo, pkg__a="from pkg import shared\nassert shared.name == 'shared'")
    write_file(repo / "pkg" / "__init__.py", HEADER + 'shared = Entity(name="shared")')
    write_file(repo / "__init__.py", "raise RuntimeError('the repo is no package of itself')")
    assert names(repo) == ["shared"]


def test_definitions_in_lists_and_dicts_count(repo):
    write(repo, a='all = [Entity(name="x"), 5]\nby_name = {"y": Entity(name="y")}\npair = (all[0], Entity(name="z"))')
    assert names(repo) == ["x", "y", "z"]


def test_scripts_do_not_run(repo):
    write(repo, a='e = Entity(name="e")\nif __name__ == "__main__":\n    raise SystemExit(1)')
    assert names(repo) == ["e"]


def test_what_is_no_definition_file_is_ignored(repo):
    broken = "raise RuntimeError('imported')"
    folders = (
        ".ipynb_checkpoints",
        ".venv",
        "venv",
        "__pycache__",
        "node_modules",
        ".git",
        ".hidden",
        "lib/site-packages",
    )
    for folder in folders:
        write_file(repo / folder / "x.py", broken)
    write_file(repo / "environment" / "lib" / "x.py", broken)
    (repo / "environment" / "pyvenv.cfg").touch()
    write_file(repo / "another" / "x.py", broken)
    (repo / "another" / "feature_store.yaml").touch()
    write_file(repo / ".hidden.py", broken)
    (repo / "notebook.ipynb").touch()
    write(repo, a='e = Entity(name="e")')
    assert names(repo) == ["e"]


def test_ignore_files_name_globs_relative_to_the_repo(repo):
    write(
        repo, **dict.fromkeys(["a", "skip", "tests__a", "tests__b__c", "x__old__d", "x__e", "y__f_test", "f_test"], "")
    )
    (repo / ".repastignore").write_text("# tests\ntests\n\n*_test.py  # at the top only\n")
    (repo / ".feastignore").write_text("**/old\nskip.py\n")
    found = [file.relative_to(repo).as_posix() for file in find_files(repo)]
    assert found == ["a.py", "x/e.py", "y/f_test.py"]


def test_all_problems_of_all_files_are_reported_with_the_users_lines(repo, monkeypatch):
    write(
        repo,
        a_syntax="\n\nx = (",
        b_raises="def helper():\n    return 1 / 0\n\nhelper()",
        c_imports_b="import b_raises",
        d_wrong='e = Entity(name="a b")\nf = Field(name="x", dtype=int)',
        e_missing="import numpyy",
        f_exit="import sys\nsys.exit(3)",
        g_argument='v = FeatureView(name="v", entites=[], source=FileSource(path="x"))',
        h_selection='f = [Field(name="a", dtype=None)]\n'
        'FeatureView(name="v", source=FileSource(path="x"), schema=f)[["b"]]',
        i_fine='e = Entity(name="fine")',
        j_relative="from .i_fine import e",
    )
    monkeypatch.chdir(repo)
    with pytest.raises(InvalidDefinitionError) as caught:
        load_definitions(repo)
    assert [str(p) for p in caught.value.problems] == EXPECTED
    assert [d.name for d in load_repo(repo).definitions] == ["a b", "fine"]


EXPECTED = [
    "a_syntax.py:4: SyntaxError: '(' was never closed",
    "b_raises.py:3: ZeroDivisionError: division by zero",
    "d_wrong.py:2: entity 'a b': 'a b' is not a valid name.\n"
    "    hint: use letters, digits, '_', '-', '.'; start with a letter or '_'; at most 200 long",
    "d_wrong.py:3: field 'x': <class 'int'> is not a feature type.\n    hint: use repast.types.Int64",
    "e_missing.py:2: ModuleNotFoundError: No module named 'numpyy'\n"
    "    hint: install the package that has 'numpyy', or check the name",
    "f_exit.py:3: the file ends the process when imported.\n"
    '    hint: put what a script does below: if __name__ == "__main__":',
    "g_argument.py:2: TypeError: FeatureView.__init__() got an unexpected keyword argument 'entites'\n"
    "    hint: did you mean 'entities'?",
    "h_selection.py:2: field 'a': None is not a feature type.\n"
    "    hint: use one of repast.types, for example Int64, String or Array(Float32)",
    "h_selection.py:3: feature view 'v' has no feature 'b'.\n    hint: it has a",
    "j_relative.py:2: ImportError: attempted relative import with no known parent package\n"
    "    hint: import from the repo's folder: from entities import driver",
]


def test_an_empty_repo_defines_nothing(repo):
    assert load_definitions(repo) == []


# -- the process stays as it was ---------------------------------------------------------------------


def test_two_repos_with_the_same_module_names_do_not_meet(tmp_path):
    for name in ("one", "two"):
        write(
            tmp_path / name,
            entities=f'e = Entity(name="{name}")',
            features__a="from entities import e\nfrom features.b import f",
            features__b=f'f = Entity(name="{name}_b")',
        )
    assert names(tmp_path / "one") == ["one", "one_b"]
    assert names(tmp_path / "two") == ["two", "two_b"]
    assert names(tmp_path / "one") == ["one", "one_b"]


def test_sys_path_and_modules_are_restored(repo):
    import email.mime.text  # a module of the standard library with the name of a folder of the repo

    write(repo, features='e = Entity(name="e")', email__mime__text="x = 1", pkg__a="y = 2", broken="1 / 0")
    marker = type(sys)("features")
    sys.modules["features"] = marker
    path, modules, bytecode = list(sys.path), dict(sys.modules), sys.dont_write_bytecode
    try:
        load_repo(repo)
        assert sys.path == path
        assert sys.modules["features"] is marker
        assert sys.modules["email.mime.text"] is email.mime.text
        assert not {"pkg", "pkg.a", "broken"} & sys.modules.keys()
        assert {n: m for n, m in sys.modules.items() if n in modules} == modules
        assert sys.dont_write_bytecode == bytecode
    finally:
        del sys.modules["features"]
    assert not list(repo.rglob("*.pyc"))


def test_files_named_like_the_standard_library_are_loaded_as_themselves(repo):
    write(
        repo,
        types='e = Entity(name="mine")',
        string='f = Entity(name="other")',
        a="import types, string\ntypes.ModuleType",
    )
    assert names(repo) == ["other", "mine"]


def test_odd_names_and_links_are_loaded(repo, tmp_path, monkeypatch):
    write_file(repo / "a.v2.py", HEADER + 'e = Entity(name="dots")')
    write_file(repo / "my-features" / "2024.01" / "b.py", HEADER + 'e = Entity(name="dashes")')
    elsewhere = write_file(tmp_path / "elsewhere.py", HEADER + 'e = Entity(name="linked")')
    (repo / "link.py").symlink_to(elsewhere)
    (tmp_path / "linked_repo").symlink_to(repo)
    expected = ["dots", "linked", "dashes"]
    assert names(repo) == expected
    assert names(tmp_path / "linked_repo") == expected
    monkeypatch.chdir(repo)
    assert names(Path()) == expected
    assert names(Path("my-features/..")) == expected


def test_changes_between_two_loads_are_seen(repo):
    for n in range(3):
        write(repo, a=f'e = Entity(name="e{n}")')
        assert names(repo) == [f"e{n}"]


def test_libraries_inside_the_repo_stay_imported(repo, monkeypatch):
    library = repo / ".venv" / "lib" / "site-packages"
    write_file(library / "some_library.py", "x = 1")
    monkeypatch.syspath_prepend(library)
    write(repo, a="import some_library")
    (repo / "some_library").mkdir()  # a folder of data, say
    load_definitions(repo)
    try:
        assert "some_library" in sys.modules
    finally:
        sys.modules.pop("some_library", None)


def test_locations_name_the_users_file_even_in_a_repo_named_like_ours(tmp_path):
    root = tmp_path / "repast"
    write(root, a='\n\ne = Entity(name="e")')
    (definition,) = load_definitions(root)
    assert definition.location is not None
    assert (definition.location.file, definition.location.line) == (str(root / "a.py"), 4)
