"""Run an example: put its rows in place, apply its definitions, load, and print features for training and serving.

python examples/run.py local        # or team, gcp, aws, azure: the printed features are the same
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from put_rows import PUT, departures

from repast import FeatureStore

NOW = datetime(2013, 3, 1, 12, tzinfo=UTC)
"""The data is of 2013."""


def main(name: str, folder: Path) -> None:
    PUT[name](folder)
    with FeatureStore(folder) as store:
        store.apply()
        store.materialize_incremental(NOW)

        print("training:")
        training = store.get_historical_features(departures(), store.get_feature_service("delay_model")).to_arrow()
        for row in training.sort_by("flight").to_pylist():
            print("  " + " ".join(f"{column}={value}" for column, value in row.items()))

        print("serving:")
        keys = departures().select(["tailnum", "origin"]).slice(0, 5).to_pylist()
        online = store.get_online_features(store.get_feature_service("delay_model"), keys, now=NOW).to_dict()
        for column, values in online.items():
            print(f"  {column}: {values}")


if __name__ == "__main__":
    example = sys.argv[1]
    main(example, Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent / example)
