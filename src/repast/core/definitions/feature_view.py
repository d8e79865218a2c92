"""A feature view: features of some entities, from one source, with a time to live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

from repast.core.definitions.base import MAX_DURATION, Definition, duplicates, is_duration, is_list
from repast.core.definitions.entity import Entity
from repast.core.definitions.field import Field
from repast.core.definitions.source import BatchSource, DataSource, PushSource
from repast.errors import InvalidRequestError, did_you_mean


@dataclass(frozen=True, init=False, kw_only=True)
class FeatureView(Definition):
    """Features of one or more entities, read from one source.

    Args:
        name: Name of the view; the part before ":" in ``"view:feature"``.
        entities: The entities whose join keys find a row. Empty: one row history for everything.
        schema: The features (join keys may be listed too, to give their types). Without a feature: every
            column of the source that is neither a key nor a time.
        source: A batch source, or a push source that has one.
        ttl: How long a value holds after its event time, both ends included; None or 0: for ever.
        online: Whether loads write it to the online store.
        offline: Whether pushes and loads write it to the offline store.

    """

    kind: ClassVar[str] = "feature view"
    entities: tuple[Entity, ...] = ()
    schema: tuple[Field, ...] = ()
    source: DataSource | None = None
    ttl: timedelta | None = None
    online: bool = True
    offline: bool = False

    def __init__(
        self,
        *,
        name: str,
        source: DataSource,
        entities: Sequence[Entity] | None = None,
        schema: Sequence[Field] | None = None,
        ttl: timedelta | None = None,
        online: bool = True,
        offline: bool = False,
        description: str = "",
        tags: Mapping[str, str] | None = None,
        owner: str = "",
    ) -> None:
        self._init(
            name=name,
            description=description,
            tags=tags,
            owner=owner,
            entities=(),
            schema=(),
            source=source,
            ttl=ttl if ttl and is_duration(ttl) else None,
            online=online,
            offline=offline,
        )
        self._check_source(source)
        self._check_entities(entities or ())
        self._check_schema(schema or ())
        if ttl is not None and not is_duration(ttl):
            self.problem(
                f"ttl must be a timedelta between zero and {MAX_DURATION.days} days, not {ttl!r}.",
                hint="for example ttl=timedelta(days=1); leave it out for values that hold for ever",
            )
        if not isinstance(online, bool) or not isinstance(offline, bool):
            self.problem("online and offline must be True or False.")

    def _check_source(self, source: object) -> None:
        if not isinstance(source, BatchSource | PushSource):
            self.problem(
                f"source must be a FileSource, PushSource or another batch source, not {source!r}.",
                hint='source=FileSource(path="data/trips.parquet", timestamp_field="event_timestamp")',
            )
        elif isinstance(source, PushSource) and source.batch_source is None:
            self.problem(
                f"push source {source.name!r} has no batch_source, so the view has no past to train on.",
                hint="give the PushSource a batch_source",
            )

    def _check_entities(self, entities: Sequence[Entity]) -> None:
        if not is_list(entities):
            self.problem(f"entities must be a list of Entity, not {entities!r}.", hint="entities=[driver]")
            return
        for entity in entities:
            if not isinstance(entity, Entity):
                self.problem(f"entities must be Entity objects, not {entity!r}.", hint="entities=[driver]")
                return
        object.__setattr__(self, "entities", tuple(entities))
        for name in duplicates(k.name for e in entities for k in e.join_keys):
            self.problem(f"join key {name!r} belongs to two of its entities.")

    def _check_schema(self, schema: Sequence[Field]) -> None:
        if not is_list(schema) or not all(isinstance(f, Field) for f in schema):
            self.problem("schema must be a list of Field.", hint='schema=[Field(name="trips", dtype=Int64)]')
            return
        object.__setattr__(self, "schema", tuple(schema))
        for name in duplicates(f.name for f in schema):
            self.problem(f"field {name!r} is listed twice.")

    @property
    def join_keys(self) -> list[str]:
        """Names of the key columns, sorted: their order carries no meaning."""
        return sorted(k.name for e in self.entities for k in e.join_keys)

    @property
    def features(self) -> list[Field]:
        """The fields that are not join keys, as declared."""
        keys = set(self.join_keys)
        return [f for f in self.schema if f.name not in keys]

    @property
    def batch_source(self) -> BatchSource | None:
        """The source of past rows."""
        source = self.source.batch_source if isinstance(self.source, PushSource) else self.source
        return source if isinstance(source, BatchSource) else None

    def __getitem__(self, features: Sequence[str]) -> FeatureViewProjection:
        """Select some features: ``view[["trips", "rating"]]``."""
        return FeatureViewProjection(view=self)[features]

    def with_name(self, name: str) -> FeatureViewProjection:
        """Return the view under another name for one retrieval or service."""
        return FeatureViewProjection(view=self).with_name(name)

    def with_join_key_map(self, join_key_map: Mapping[str, str]) -> FeatureViewProjection:
        """Return the view joined through other columns: ``{"driver_id": "second_driver_id"}``."""
        return FeatureViewProjection(view=self).with_join_key_map(join_key_map)

    __hash__ = Definition.__hash__


@dataclass(frozen=True, kw_only=True)
class FeatureViewProjection:
    """A view as one retrieval sees it: some features, maybe another name, maybe other key columns."""

    view: Definition
    """A FeatureView or an OnDemandFeatureView."""
    features: tuple[str, ...] | None = None
    """Names of the selected features; None: all."""
    name_alias: str | None = None
    join_key_map: Mapping[str, str] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((self.view, self.features, self.name_alias))

    def __repr__(self) -> str:
        features = "" if self.features is None else f"[{list(self.features)}]"
        alias = f".with_name({self.name_alias!r})" if self.name_alias else ""
        key_map = f".with_join_key_map({dict(self.join_key_map)})" if self.join_key_map else ""
        return f"<{self.view.kind} {self.view.name}>{features}{alias}{key_map}"

    @property
    def name(self) -> str:
        """The alias if there is one, else the view's own name."""
        return self.name_alias or self.view.name

    def __getitem__(self, features: Sequence[str]) -> FeatureViewProjection:
        if isinstance(features, str):
            raise InvalidRequestError(
                f"{self.name}[{features!r}] is ambiguous.",
                hint=f"select with a list: {self.name}[[{features!r}]]",
            )
        known = [f.name for f in getattr(self.view, "features", [])]
        for name in features:
            if known and name not in known:
                raise InvalidRequestError(
                    f"{self.view.kind} {self.view.name!r} has no feature {name!r}.",
                    hint=did_you_mean(name, known) or "it has " + ", ".join(known),
                )
        return FeatureViewProjection(
            view=self.view,
            features=tuple(features),
            name_alias=self.name_alias,
            join_key_map=self.join_key_map,
        )

    def with_name(self, name: str) -> FeatureViewProjection:
        return FeatureViewProjection(
            view=self.view, features=self.features, name_alias=name, join_key_map=self.join_key_map
        )

    def with_join_key_map(self, join_key_map: Mapping[str, str]) -> FeatureViewProjection:
        known = getattr(self.view, "join_keys", [])
        for key in join_key_map:
            if key not in known:
                raise InvalidRequestError(
                    f"{self.view.kind} {self.view.name!r} has no join key {key!r}.",
                    hint=did_you_mean(key, known) or "its join keys are " + (", ".join(known) or "none"),
                )
        return FeatureViewProjection(
            view=self.view,
            features=self.features,
            name_alias=self.name_alias,
            join_key_map=dict(join_key_map),
        )
