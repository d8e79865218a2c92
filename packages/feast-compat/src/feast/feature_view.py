"""Feature views: features of some entities, from one source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any, Self

import repast
from feast.adapter.base import FeastObject
from feast.adapter.notice import legacy, refuse, without_effect
from feast.base_feature_view import BaseFeatureView
from feast.data_source import DataSource, PushSource
from feast.entity import Entity, find_entity
from feast.feature import Feature
from feast.field import Field, as_fields
from feast.types import feast_type


class FeatureViewState(IntEnum):
    """What Feast notes of a view's life. Repast keeps watermarks instead."""

    STATE_UNSPECIFIED = 0
    CREATED = 1
    GENERATED = 2
    MATERIALIZING = 3
    AVAILABLE_ONLINE = 4


DUMMY_ENTITY_NAME = "__dummy"
DUMMY_ENTITY_ID = "__dummy_id"
DUMMY_ENTITY_VAL = ""


class FeatureView(BaseFeatureView):
    """Features of one or more entities, read from one source. Spellings of 2022 are understood."""

    _view_class = "FeatureView"
    _find_loaded: Callable[[], tuple[datetime, datetime] | None] | None = None
    """Asks the store that returned the view what its loads have read."""

    def __init__(
        self,
        *args: Any,
        name: str | None = None,
        source: DataSource | None = None,
        sink_source: DataSource | None = None,
        schema: list[Field] | None = None,
        entities: Sequence[Entity | str] | None = None,
        ttl: timedelta | None = timedelta(0),
        online: bool = True,
        offline: bool = False,
        description: str = "",
        tags: Mapping[str, str] | None = None,
        owner: str = "",
        org: str = "",
        mode: Any = None,
        enable_validation: bool = False,
        version: str = "latest",
        enabled: bool = True,
        features: list[Feature] | None = None,
        batch_source: DataSource | None = None,
        stream_source: DataSource | None = None,
        input: DataSource | None = None,  # noqa: A002  # Feast's word of 2021
        labels: Mapping[str, str] | None = None,
    ) -> None:
        if args:
            legacy(f"{type(self).__name__}('name', ...)", f"{type(self).__name__}(name='name', ...)")
            name = args[0]
        if name is None:
            raise TypeError(f"{type(self).__name__} needs a name")
        self._start(name=name, description=description, tags=tags, owner=owner, labels=labels)
        self._check_options(sink_source, mode, org, version, enabled=enabled, enable_validation=enable_validation)
        self.source = self._source_of(source, batch_source, stream_source, input)
        self._entities = list(entities or ())
        if features is not None:
            legacy(f"{type(self).__name__}(features=[Feature(...)])", "schema=[Field(...)]")
        self._schema = as_fields(self, schema if schema is not None else features, "schema")
        self.ttl = self._ttl_of(ttl)
        self.online, self.offline = online, offline
        self.org, self.mode, self.version = org, mode, version
        self.enabled, self.enable_validation = enabled, enable_validation
        self._finish()

    def _finish(self) -> None:
        if any(isinstance(entity, str) for entity in self._entities):
            legacy(f"{type(self).__name__}(entities=['driver'])", "entities=[driver]: the Entity itself")
        if None not in self._entity_objects():
            self.__repast_definition__()
        self._project()

    def _check_options(
        self, sink_source: Any, mode: Any, org: str, version: str, *, enabled: bool, enable_validation: bool
    ) -> None:
        """Say what of the arguments has no meaning for Repast, and refuse what would change values."""
        kind = type(self).__name__
        if sink_source is not None:
            refuse(f"{kind}(sink_source=...)", hint="give the transformed table as the source")
        if mode is not None and type(self) is FeatureView:
            without_effect(f"{kind}(mode=...)", "a view without a function is read as it is")
        if org:
            without_effect(f"{kind}(org=...)", "use tags or owner")
        if version not in ("latest", "", None):
            refuse(f"{kind}(version={version!r})", hint="every generation is kept: repast log, repast rollback")
        if not enabled:
            refuse(
                f"{kind}(enabled=False)", hint="online=False keeps loads away; delete the view to stop training on it"
            )
        if enable_validation:
            without_effect(f"{kind}(enable_validation=True)", "every value is checked against its type, always")

    def _source_of(self, source: Any, batch: Any, stream: Any, older: Any) -> Any:
        kind = type(self).__name__
        if isinstance(source, BaseFeatureView) or (isinstance(source, list) and source):
            refuse(f"{kind}(source=a view)", hint="give the table that the view is computed into as the source")
        if older is not None:
            legacy(f"{kind}(input=...)", "source=...")
        if batch is not None:
            legacy(f"{kind}(batch_source=...)", "source=...")
        if stream is not None:
            legacy(f"{kind}(stream_source=...)", "source=PushSource(..., batch_source=...)")
            if isinstance(stream, PushSource) and stream.batch_source is None:
                stream.batch_source = batch or older
            return stream
        return source if source is not None else batch if batch is not None else older

    def _ttl_of(self, ttl: Any) -> timedelta | None:
        if hasattr(ttl, "ToTimedelta"):
            legacy("ttl=Duration(seconds=...)", "ttl=timedelta(seconds=...)")
            return ttl.ToTimedelta()  # type: ignore[no-any-return]
        return ttl  # type: ignore[no-any-return]  # what is no timedelta is reported by the definition

    # -- as Feast's users read it -------------------------------------------------------------------

    def _entity_objects(self) -> list[Entity | None]:
        return [find_entity(e, self._location) if isinstance(e, str) else e for e in self._entities]

    @property
    def original_entities(self) -> list[Entity]:
        """The entities themselves."""
        return [entity for entity in self._entity_objects() if entity is not None]

    @property
    def entities(self) -> list[str]:
        """Names of the entities."""
        return [entity if isinstance(entity, str) else entity.name for entity in self._entities]

    @property
    def join_keys(self) -> list[str]:
        """Names of the key columns."""
        return [key for entity in self._entity_objects() if entity is not None for key in entity.join_keys]

    @property
    def entity_columns(self) -> list[Field]:
        """The key columns, with their types."""
        declared = {field.name: field for field in self._schema}
        columns = []
        for entity in self.original_entities:
            typed = {key.name: key.dtype for key in entity.__repast_definition__().join_keys}
            for key, dtype in typed.items():
                if key in declared:
                    columns.append(declared[key])
                elif dtype is not None:
                    columns.append(Field(name=key, dtype=feast_type(dtype)))
        return columns

    @property
    def schema(self) -> list[Field]:
        """Features and key columns."""
        return self._schema

    @schema.setter
    def schema(self, fields: list[Field]) -> None:
        self._schema = as_fields(self, fields, "schema")

    @property
    def features(self) -> list[Field]:  # type: ignore[override]
        """The fields that are no join keys."""
        keys = set(self.join_keys)
        return [field for field in self._schema if field.name not in keys]

    @features.setter
    def features(self, fields: list[Field]) -> None:
        keys = set(self.join_keys)
        self._schema = [field for field in self._schema if field.name in keys] + as_fields(self, fields, "features")

    @property
    def batch_source(self) -> Any:
        """The source of past rows."""
        return self.source.batch_source if isinstance(self.source, PushSource) else self.source

    @property
    def stream_source(self) -> Any:
        """The push or stream source, if the view has one."""
        return self.source if isinstance(self.source, PushSource) else None

    @property
    def materialization_intervals(self) -> list[tuple[datetime, datetime]]:
        """The one range of event times that loads have read, if a store returned this view; from 1970 if from the first
        row on. Feast keeps one per load.
        """
        loaded = self._find_loaded() if self._find_loaded is not None else None
        return [loaded] if loaded is not None else []

    @property
    def most_recent_end_time(self) -> datetime | None:
        """The end of what loads have read; None before the first."""
        return max((end for _, end in self.materialization_intervals), default=None)

    @property
    def state(self) -> FeatureViewState:
        """Unspecified: Repast's views have no states."""
        return FeatureViewState.STATE_UNSPECIFIED

    def __eq__(self, other: object) -> bool:
        """Whether two views say the same; what a store returns has key columns in its schema too."""
        return type(self) is type(other) and self._content() == other._content()  # type: ignore[attr-defined]

    __hash__ = FeastObject.__hash__

    def _content(self) -> tuple[Any, ...]:
        view: repast.FeatureView = self.__repast_definition__()
        features = sorted(view.features, key=lambda feature: feature.name)
        common = (view.name, view.description, view.tags, view.owner)
        return (*common, features, view.join_keys, self.entities, view.source, view.ttl, view.online, view.offline)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the store behind: a pickled view is a definition."""
        return {name: value for name, value in self.__dict__.items() if name != "_find_loaded"}

    def get_ttl_duration(self) -> Any:
        """Return the ttl as a protobuf duration."""
        from google.protobuf.duration_pb2 import Duration

        duration = Duration()
        duration.FromTimedelta(self.ttl or timedelta(0))
        return duration

    def update_materialization_intervals(self, existing_materialization_intervals: list[Any]) -> None:
        """Refuse: loads keep their own bookkeeping."""
        refuse("FeatureView.update_materialization_intervals", hint="loads keep their own watermarks")

    def with_join_key_map(self, join_key_map: Mapping[str, str]) -> Self:
        """Return the view joined through other columns: ``{"location_id": "origin_id"}``."""
        self._repast_projection().with_join_key_map(join_key_map)  # Repast says what is no join key
        return self._projected(join_key_map=dict(join_key_map))

    # -- as Repast takes it --------------------------------------------------------------------------

    def _extra(self) -> dict[str, Any]:
        return {"class": self._view_class} if self._view_class != "FeatureView" else {}

    def _repast_entities(self) -> list[Any]:
        entities: list[Any] = []
        for given, entity in zip(self._entities, self._entity_objects(), strict=True):
            if entity is None:
                self._problem(f"there is no entity {given!r}.", hint="give the Entity itself: entities=[driver]")
            else:
                entities.append(entity.__repast_definition__() if isinstance(entity, FeastObject) else entity)
        return entities

    def _build(self) -> repast.FeatureView:
        source = self.source.__repast_definition__() if isinstance(self.source, FeastObject) else self.source
        return repast.FeatureView(
            **self._named(),
            entities=self._repast_entities(),
            schema=[field._repast() for field in self._schema],
            source=source,
            ttl=self.ttl,
            online=self.online,
            offline=self.offline,
        )
