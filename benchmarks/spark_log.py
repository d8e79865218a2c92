"""What Spark's event log says of shuffles."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path


def shuffled_bytes(folder: Path) -> dict[str, int]:
    """Return the bytes written to shuffles by job group, of the logs in a folder; they may still be written to."""
    totals: dict[str, int] = defaultdict(int)
    for path in folder.iterdir():
        groups: dict[int, str] = {}
        for line in path.read_text().splitlines(keepends=True):
            if not line.endswith("\n"):
                break  # the rest of it is not there yet
            event = json.loads(line)
            if event["Event"] == "SparkListenerJobStart":
                group = (event.get("Properties") or {}).get("spark.jobGroup.id")
                if group is not None:
                    for stage in event["Stage IDs"]:
                        groups.setdefault(stage, group)
            elif event["Event"] == "SparkListenerTaskEnd" and event["Stage ID"] in groups:
                written = (event.get("Task Metrics") or {}).get("Shuffle Write Metrics") or {}
                totals[groups[event["Stage ID"]]] += written.get("Shuffle Bytes Written", 0)
    return dict(totals)
