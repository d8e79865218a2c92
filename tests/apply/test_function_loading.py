"""Functions of on-demand views are found in the user's own code, or not at all."""

from __future__ import annotations

import sys
import types

import pytest
from apply_repo import write_file

from repast import Field, OnDemandFeatureView, RequestSource
from repast.app.function import FunctionLoader
from repast.app.loading import load_definitions
from repast.core.definitions import UserFunction
from repast.core.spec import function_spec
from repast.errors import InvalidDefinitionError, NotFoundError
from repast.types import Float64

FILE = """
from functools import partial

from repast import Field, OnDemandFeatureView, RequestSource, on_demand_feature_view
from repast.types import Float64

order = RequestSource(name="order", schema=[Field(name="amount", dtype=Float64)])
out = [Field(name="total", dtype=Float64)]
FACTOR = 2


def helper(x):
    return x * FACTOR


@on_demand_feature_view(sources=[order], schema=out, mode="python", singleton=True)
def decorated(inputs):
    return {"total": helper(inputs["amount"])}


def plain(inputs):
    return {"total": helper(inputs["amount"]) + 1}


class Functions:
    @staticmethod
    def method(inputs):
        return {"total": 7.0}


def make(name, add):
    def inner(inputs):
        return {"total": inputs["amount"] + add}

    return OnDemandFeatureView(name=name, sources=[order], schema=out, function=inner, mode="python", singleton=True)


class Scaler:
    def __init__(self, factor):
        self.factor = factor

    def scale(self, inputs):
        return {"total": inputs["amount"] * self.factor}

    __call__ = scale


def add(n, inputs):
    return {"total": inputs["amount"] + n}


def view(name, function):
    return OnDemandFeatureView(name=name, sources=[order], schema=out, function=function, mode="python", singleton=True)


bound = [view("bound3", Scaler(3).scale), view("bound4", Scaler(4).scale)]
called = [view("called3", Scaler(3)), view("called4", Scaler(4))]
partials = [view("partial3", partial(add, 3)), view("partial4", partial(add, 4))]
views = [
    OnDemandFeatureView(name="plain", sources=[order], schema=out, function=plain, mode="python"),
    OnDemandFeatureView(name="method", sources=[order], schema=out, function=Functions.method, mode="python"),
    OnDemandFeatureView(name="anonymous", sources=[order], schema=out, function=lambda i: {"total": 9.0}),
    make("one", 1),
]
two = make("two", 2)
three = make("three", 3)
"""


@pytest.fixture
def repo(tmp_path):
    write_file(tmp_path / "repo" / "odd" / "features.py", FILE)
    return tmp_path / "repo"


def specs(repo):
    definitions = load_definitions(repo)
    return {d.name: function_spec(d.function) for d in definitions if isinstance(d, OnDemandFeatureView)}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("decorated", 10.0),
        ("plain", 11.0),
        ("method", 7.0),
        ("anonymous", 9.0),
        ("one", 6.0),
        ("two", 7.0),
        ("three", 8.0),
        ("bound3", 15.0),
        ("bound4", 20.0),
        ("called3", 15.0),
        ("called4", 20.0),
        ("partial3", 8.0),
        ("partial4", 9.0),
    ],
)
def test_every_way_to_write_a_function_is_found_again(repo, name, expected):
    function = FunctionLoader(repo).load(specs(repo)[name])
    assert function({"amount": 5.0}) == {"total": expected}


def test_functions_of_one_process_are_not_mistaken_for_each_other(repo):
    loader = FunctionLoader(repo)
    views = [d for d in load_definitions(repo) if isinstance(d, OnDemandFeatureView)]
    for view in views:
        loader.remember(view.function)
    for view in views:
        assert loader.load(function_spec(view.function)) is view.function.call


def test_what_the_process_defined_needs_no_file(tmp_path):
    def local(inputs):
        return inputs

    view = OnDemandFeatureView(
        name="v",
        sources=[RequestSource(name="r", schema=[Field(name="a", dtype=Float64)])],
        schema=[Field(name="b", dtype=Float64)],
        function=local,
    )
    loader = FunctionLoader(tmp_path)
    loader.remember(view.function)
    assert loader.load(function_spec(view.function)) is local


def test_a_function_that_changed_since_it_was_applied_is_refused(repo):
    spec = specs(repo)["plain"]
    loader = FunctionLoader(repo)
    write_file(repo / "odd" / "features.py", FILE.replace("+ 1", "+ 2"))
    with pytest.raises(InvalidDefinitionError, match="is not what was applied") as caught:
        loader.load(spec)
    assert "repast apply" in caught.value.hint
    assert loader.load(specs(repo)["plain"])({"amount": 1.0}) == {"total": 4.0}  # applied again
    assert FunctionLoader(repo).load(specs(repo)["decorated"])({"amount": 1.0}) == {"total": 2.0}


def test_formatting_decorators_and_other_code_may_change(repo):
    spec = specs(repo)["decorated"]
    write_file(
        repo / "odd" / "features.py",
        FILE.replace("FACTOR = 2", "FACTOR = 3").replace("singleton=True", "singleton=False"),
    )
    assert FunctionLoader(repo).load(spec)({"amount": 1.0}) == {"total": 3.0}


def test_only_the_file_of_the_function_is_imported(repo):
    spec = specs(repo)["decorated"]
    write_file(repo / "broken.py", "raise RuntimeError('somebody else')")
    assert FunctionLoader(repo).load(spec)({"amount": 1.0}) == {"total": 2.0}


def test_a_file_that_broke_is_reported_with_its_line(repo, monkeypatch):
    spec = specs(repo)["decorated"]
    write_file(repo / "odd" / "features.py", "\n1 / 0")
    monkeypatch.chdir(repo)
    with pytest.raises(InvalidDefinitionError, match=r"odd/features\.py:2: ZeroDivisionError"):
        FunctionLoader(repo).load(spec)


def test_a_function_that_is_gone_says_where_it_was_sought(repo):
    spec = specs(repo)["plain"]
    (repo / "odd" / "features.py").unlink()
    with pytest.raises(NotFoundError, match=r"'odd.features:plain' is not in the code below"):
        FunctionLoader(repo).load(spec)


def test_functions_of_notebooks_are_only_here_while_they_run(tmp_path, monkeypatch):
    function = UserFunction("__main__:total", "def total(i): ...", "0" * 64)
    with pytest.raises(NotFoundError, match="a script or a notebook") as caught:
        FunctionLoader(tmp_path).load(function_spec(function))
    assert "move the on-demand view to a file" in caught.value.hint


def test_functions_of_libraries_are_found_through_the_repo(repo, tmp_path, monkeypatch):
    write_file(tmp_path / "library" / "shared_transforms.py", "def ratio(inputs):\n    return {'total': 0.25}\n")
    monkeypatch.syspath_prepend(tmp_path / "library")
    view = 'v = OnDemandFeatureView(name="lib", sources=[order], schema=out, function=ratio, mode="python")\n'
    imports = "from shared_transforms import ratio\nfrom odd.features import *\n"
    write_file(repo / "uses.py", imports + view)
    spec = specs(repo)["lib"]
    assert spec.reference == "shared_transforms:ratio"
    assert FunctionLoader(repo).load(spec)({}) == {"total": 0.25}
    del sys.modules["shared_transforms"]
    assert FunctionLoader(repo).load(spec)({}) == {"total": 0.25}
    (repo / "uses.py").unlink()
    del sys.modules["shared_transforms"]
    with pytest.raises(NotFoundError):  # importable, but nothing in the user's code names it
        FunctionLoader(repo).load(spec)
    assert "shared_transforms" not in sys.modules


@pytest.mark.parametrize(
    "reference", ["os:system", "subprocess:call", "builtins:eval", "../evil:f", "x:y:z", "", "a..b:c"]
)
def test_the_registry_cannot_name_code_that_the_user_did_not_write(repo, tmp_path, reference):
    write_file(tmp_path / "evil.py", "raise SystemExit('imported')")
    module, _, name = reference.partition(":")
    target = getattr(sys.modules.get(module, types), name, None)
    sha256 = UserFunction.of(target).sha256 if callable(target) else "0" * 64
    spec = function_spec(UserFunction(reference, "import os; os.abort()", sha256))
    with pytest.raises((NotFoundError, InvalidDefinitionError)):
        FunctionLoader(repo).load(spec)
