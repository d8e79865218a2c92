"""Where a service's answers would be logged."""

from __future__ import annotations

from typing import Any

from feast.adapter.notice import refuse, refused_class


class LoggingDestination:
    """Where logs are written."""

    _source_class: Any = None

    def to_data_source(self) -> Any:
        """Return a source that reads the logs."""
        refuse(f"{type(self).__name__}.to_data_source", hint="make a source of the place where the logs are")


class LoggingConfig:
    """That and how a service's answers are logged."""

    def __init__(self, destination: LoggingDestination, sample_rate: float = 1.0) -> None:
        self.destination, self.sample_rate = destination, sample_rate


LoggingSource = refused_class("feast.feature_logging.LoggingSource", hint="served features are not logged yet")
FeatureServiceLoggingSource = refused_class(
    "feast.feature_logging.FeatureServiceLoggingSource", hint="served features are not logged yet"
)
