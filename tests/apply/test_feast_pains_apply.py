"""What Feast's users suffer with definitions and the registry; the numbers are those of the list of pains.

25 (lost concurrent applies) is in test_concurrent_apply, 26 (other projects' objects) also in test_apply.
"""

from __future__ import annotations

import pytest
from apply_repo import DEFINITIONS, existing_tables, view, write_file, write_repo

from repast import FeatureService, FeatureStore, Field
from repast.app.function import FunctionLoader
from repast.errors import InvalidDefinitionError, InvalidRequestError
from repast.types import Float64

ON_DEMAND = """
from repast import Field, RequestSource, on_demand_feature_view
from repast.types import Float64

order = RequestSource(name="order", schema=[Field(name="amount", dtype=Float64)])

def rate():
    return 0.2

@on_demand_feature_view(sources=[order], schema=[Field(name="vat", dtype=Float64)], mode="python", singleton=True)
def tax(inputs):
    return {"vat": inputs["amount"] * rate()}
"""


@pytest.fixture
def repo(tmp_path):
    return write_repo(tmp_path / "repo", features=DEFINITIONS)


def test_26_teardown_and_apply_keep_to_their_project(tmp_path):
    shared = {"registry": str(tmp_path / "registry"), "online": str(tmp_path / "online.db")}
    with (
        FeatureStore(write_repo(tmp_path / "a", project="a", features=DEFINITIONS, **shared)) as a,
        FeatureStore(write_repo(tmp_path / "b", project="b", features=DEFINITIONS, **shared)) as b,
    ):
        a.apply()
        b.apply()
        a.apply([], partial=False)
        a.teardown()
        assert [v.name for v in b.list_feature_views()] == ["stats"]
        assert existing_tables(b) == {("stats", 1)}


def test_27_what_one_process_applies_another_sees_at_once(repo):
    with FeatureStore(repo) as reader, FeatureStore(repo) as writer:
        assert reader.list_feature_views() == []
        writer.apply()
        assert [v.name for v in reader.list_feature_views()] == ["stats"]
        writer.apply(view("more"))
        assert [v.name for v in reader.list_feature_views()] == ["more", "stats"]


def test_28_the_registry_holds_text_that_is_never_run(repo):
    write_file(repo / "pricing.py", ON_DEMAND)
    with FeatureStore(repo) as store:
        store.apply()
    write_file(repo / "pricing.py", "raise RuntimeError('imported')")  # listing and other features go on
    with FeatureStore(repo) as store:
        assert [v.name for v in store.list_on_demand_feature_views()] == ["tax"]
        assert "def tax(inputs):" in store.get_on_demand_feature_view("tax").function.source
        spec = store._workspace.registry.manifest().on_demand_feature_views["tax"].function
        with pytest.raises(InvalidDefinitionError, match="RuntimeError: imported"):
            store._workspace.functions.load(spec)


def test_28_helpers_of_the_same_module_are_found(repo):
    write_file(repo / "pricing.py", ON_DEMAND)
    with FeatureStore(repo) as store:
        store.apply()
        spec = store._workspace.registry.manifest().on_demand_feature_views["tax"].function
        for loader in (store._workspace.functions, FunctionLoader(repo)):
            assert loader.load(spec)({"amount": 10.0}) == {"vat": 2.0}


def test_29_a_column_that_does_not_exist_is_refused_by_plan_and_apply(repo):
    with FeatureStore(repo) as store:
        for step in (store.plan, store.apply):
            with pytest.raises(InvalidDefinitionError, match="did you mean 'trips'"):
                step(view(schema=[Field(name="tripz", dtype=Float64)]))
        with pytest.raises(InvalidRequestError, match="did you mean 'trips'"):
            store.apply(FeatureService(name="s", features=[view()[["tripz"]]]))


def test_31_notebook_checkpoints_and_broken_files(repo, monkeypatch):
    write_file(repo / ".ipynb_checkpoints" / "features-checkpoint.py", "this is no python")
    monkeypatch.chdir(repo)
    with FeatureStore(repo) as store:
        assert "Created feature view stats" in str(store.apply())
        write_file(repo / "broken.py", "this is no python")
        with pytest.raises(InvalidDefinitionError, match=r"broken\.py:1: SyntaxError"):
            store.apply()
        assert [v.name for v in store.list_feature_views()] == ["stats"]
