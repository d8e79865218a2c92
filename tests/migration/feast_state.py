"""What the real Feast did in the repo of the tests before it was compared. Its own interpreter runs this file."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pandas as pd
from feast.repo_operations import apply_total

from feast import FeatureStore
from feast.repo_config import load_repo_config


def main(folder: str) -> None:
    """Apply and load the repo; then rows arrive late, and it is loaded again."""
    repo = Path(folder)
    sys.path.insert(0, folder)
    apply_total(load_repo_config(repo, repo / "feature_store.yaml"), repo, True)
    store = FeatureStore(folder)
    now = datetime.now(timezone.utc)  # noqa: UP017 - as older interpreters have it
    store.materialize(datetime(2000, 1, 1, tzinfo=timezone.utc), now, feature_views=["late"])  # noqa: UP017
    path = repo / "data/late.parquet"
    frame = pd.read_parquet(path)
    more = pd.DataFrame(
        {
            "driver_id": [1, 9],
            "value": [11, 99],
            "event_timestamp": [now - timedelta(hours=1)] * 2,
            "created": [now] * 2,
        }
    )
    more["event_timestamp"] = more["event_timestamp"].astype(frame["event_timestamp"].dtype)
    more["created"] = more["created"].astype(frame["created"].dtype)
    pd.concat([frame, more]).to_parquet(path)
    store.materialize_incremental(datetime.now(timezone.utc), feature_views=["late"])  # noqa: UP017


if __name__ == "__main__":
    main(sys.argv[1])
    print(json.dumps("done"))
