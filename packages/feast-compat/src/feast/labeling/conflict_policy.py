"""Which of several labels counts."""

from __future__ import annotations

from enum import Enum


class ConflictPolicy(Enum):
    """Which of several labels counts. Repast knows the last one."""

    LAST_WRITE_WINS = "last_write_wins"
    LABELER_PRIORITY = "labeler_priority"
    MAJORITY_VOTE = "majority_vote"
