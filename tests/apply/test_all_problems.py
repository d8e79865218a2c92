"""All problems of a repo in one message, word for word, and nothing applied."""

from __future__ import annotations

from pathlib import Path

import pytest
from apply_repo import write_repo

from repast import FeatureStore
from repast.errors import InvalidDefinitionError

GOLDEN = Path(__file__).parent / "golden" / "all_problems.txt"

FILES = {
    "entities": """
        from repast import Entity
        from repast.types import Float64, String

        driver = Entity(name="driver", join_keys=["driver_id"])
        shop = Entity(name="shop", join_keys={"shop_id": Float64})
        """,
    "features__driver": """
        from datetime import timedelta

        from entities import driver
        from repast import FeatureView, Field, FileSource
        from repast.types import Int32, Int64, String

        source = FileSource(path="stats.parquet", timestamp_field="event_timestamp")
        stats = FeatureView(
            name="stats",
            entities=[driver],
            source=source,
            ttl=3600,
            schema=[
                Field(name="trips", dtype=Int64),
                Field(name="ratte", dtype=Int64),
                Field(name="rate", dtype=String),
                Field(name="since", dtype=int),
            ],
        )
        again = FeatureView(name="stats", entities=[driver], source=source, ttl=timedelta(days=1))
        missing = FeatureView(
            name="missing", source=FileSource(path="data/missing.parquet"), schema=[Field(name="x", dtype=Int32)]
        )
        """,
    "features__service": """
        from entities import driver
        from features.driver import stats
        from repast import FeatureService, Project

        project = Project(name="demo2")
        service = FeatureService(name="model", features=[stats[["trips", "rate"]]])
        same = FeatureService(name="Model", features=[stats])
        """,
    "broken": """
        from repast import Entity

        driver = Entity(name="driver", join_key=["driver_id"])
        """,
}


def test_all_problems_are_reported_at_once_word_for_word(tmp_path, monkeypatch):
    repo = write_repo(tmp_path / "repo", **FILES)
    monkeypatch.chdir(repo)
    with FeatureStore(repo) as store:
        with pytest.raises(InvalidDefinitionError) as caught:
            store.apply()
        assert str(caught.value).replace(str(repo), "<repo>") + "\n" == GOLDEN.read_text()
        assert store.log() == []
        assert not (repo / "data" / "online.db").exists()
