"""Aggregates over windows of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from feast.adapter.notice import refused_function


@dataclass
class Aggregation:
    """One aggregate of one column over the last ``time_window``."""

    column: str = ""
    function: str = ""
    time_window: timedelta | None = None
    slide_interval: timedelta | None = None
    name: str | None = None

    def __init__(
        self,
        column: str | None = "",
        function: str | None = "",
        time_window: timedelta | None = None,
        slide_interval: timedelta | None = None,
        name: str | None = None,
    ) -> None:
        self.column, self.function, self.time_window = column or "", function or "", time_window
        self.slide_interval = slide_interval or time_window
        self.name = name or None

    def __hash__(self) -> int:
        return hash((self.column, self.function, self.time_window))

    def resolved_name(self, time_window: timedelta | None = None) -> str:
        """Return the name of the feature: its own, or made of function, column and window in seconds."""
        if self.name:
            return self.name
        window = time_window or self.time_window
        base = f"{self.function}_{self.column}"
        return f"{base}_{int(window.total_seconds())}s" if window else base

    def _plain(self) -> dict[str, Any]:
        window, slide = self.time_window, self.slide_interval
        return {
            "column": self.column,
            "function": self.function,
            "time_window": window.total_seconds() if window else None,
            "slide_interval": slide.total_seconds() if slide else None,
            "name": self.name,
        }

    @classmethod
    def _restore(cls, plain: dict[str, Any]) -> Aggregation:
        spans = {
            k: None if plain[k] is None else timedelta(seconds=plain[k]) for k in ("time_window", "slide_interval")
        }
        return cls(**(plain | spans))

    def to_proto(self) -> Any:
        """Refuse: Repast's registry is JSON."""
        return refused_function("Aggregation.to_proto", hint="the registry is JSON: feast registry-dump")()


aggregation_specs_to_agg_ops = refused_function(
    "feast.aggregation.aggregation_specs_to_agg_ops", hint="windowed aggregates are not computed yet"
)
