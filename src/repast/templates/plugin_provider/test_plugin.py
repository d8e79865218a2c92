from repast import Entity, FeatureStore
from repast.app.config import RepoConfig
from repast.types import Int64


def test_changes_are_noted(tmp_path):
    with FeatureStore(config=RepoConfig(project="shop", provider="PROJECT_NAME", repo_path=tmp_path)) as store:
        store.apply(Entity(name="customer", join_keys={"customer_id": Int64}))
        store.apply(Entity(name="customer", join_keys={"customer_id": Int64}))
        store.teardown()
    applied, gone = (tmp_path / "data" / "changes.log").read_text().splitlines()
    assert applied.endswith("applied 2 changes")
    assert gone.endswith("torn down")
