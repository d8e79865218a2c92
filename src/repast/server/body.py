"""Requests as JSON has them: Feast's field names and defaults. Fields that Feast's server ignores are absent."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

Name = Annotated[str, msgspec.Meta(max_length=1024)]
"""A name or a reference. What is longer names nothing, and looking for what it is like would take seconds."""
Columns = Annotated[dict[Name, list[Any]], msgspec.Meta(max_length=10_000)]
"""Columns by name."""


class GetOnlineFeatures(msgspec.Struct, kw_only=True):
    """Read the newest values of some keys: ``features``, or those of ``feature_service``."""

    entities: Columns
    """Key columns and request fields by name; all of one length."""
    feature_service: Name | None = None
    features: list[Name] = []
    """References ``view:feature``."""
    full_feature_names: bool = False
    include_feature_view_version_metadata: bool = False


class Push(msgspec.Struct, kw_only=True):
    """Write rows to every view of a push source."""

    push_source_name: Name
    df: Columns
    to: Literal["online", "offline", "online_and_offline"] = "online"
    allow_registry_cache: bool = True
    transform_on_write: bool = True


class WriteToOnlineStore(msgspec.Struct, kw_only=True):
    """Write rows of one view to the online store."""

    feature_view_name: Name
    df: Columns
    allow_registry_cache: bool = True
    transform_on_write: bool = True


class Materialize(msgspec.Struct, kw_only=True):
    """Load a time range's newest values into the online store."""

    start_ts: str | None = None
    end_ts: str | None = None
    feature_views: list[Name] | None = None
    disable_event_timestamp: bool = False
    full_feature_names: bool = False
    version: str | None = None


class MaterializeIncremental(msgspec.Struct, kw_only=True):
    """Load what earlier loads have not read."""

    end_ts: str
    feature_views: list[Name] | None = None
    full_feature_names: bool = False
    version: str | None = None
