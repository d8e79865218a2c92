"""The manifest: one project as canonical, versioned JSON. The contract between apply, registry and readers.

Specs are what definitions become once everything is known: names instead of objects, every type
resolved, every default filled in. They are frozen values; two projects are the same if their bytes are.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeAlias, TypeVar

import msgspec

from repast.errors import CorruptDataError, NotFoundError, UnsupportedError, did_you_mean
from repast.types import DataType, from_json

FORMAT = 1
"""Version of the JSON layout. Readers refuse a newer one."""


class _Spec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    pass


class FieldSpec(_Spec, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    dtype: str | dict[str, Any]
    description: str = ""
    tags: dict[str, str] = {}

    @property
    def type(self) -> DataType:
        return from_json(self.dtype)


class Named(_Spec, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    description: str = ""
    tags: dict[str, str] = {}
    owner: str = ""


class ProjectSpec(Named, frozen=True, kw_only=True, omit_defaults=True):
    pass


class EntitySpec(Named, frozen=True, kw_only=True, omit_defaults=True):
    join_keys: tuple[FieldSpec, ...]
    """Sorted by name. The dtype is "" as long as neither the entity nor a view says it."""


class SourceSpec(Named, frozen=True, kw_only=True, omit_defaults=True):
    """A source. ``source_type`` says who can read it; ``options`` are that kind's own."""

    source_type: str
    options: dict[str, Any] = {}
    timestamp_field: str = ""
    created_timestamp_column: str | None = None
    field_mapping: dict[str, str] = {}
    timezone: str = "UTC"
    lateness_us: int = 0
    batch_source: str | None = None
    """Of a push source: the name of its batch source."""
    schema: tuple[FieldSpec, ...] = ()
    """Of a request source: its fields."""

    @property
    def lateness(self) -> timedelta:
        """How much later than its time a row may still arrive."""
        return timedelta(microseconds=self.lateness_us)

    @property
    def reverse_mapping(self) -> dict[str, str]:
        """Name used in views -> column of the source, for the mapped columns."""
        return {name: column for column, name in self.field_mapping.items()}

    def column(self, name: str) -> str:
        """The source's column that a view calls ``name``."""
        return self.reverse_mapping.get(name, name)


class LayoutSpec(_Spec, frozen=True, kw_only=True, omit_defaults=True):
    """How rows written under one version of a view are laid out; see core.codec."""

    version: int
    features: tuple[tuple[str, str | dict[str, Any]], ...]
    """(name, type) in the order of the codec: sorted by name."""


class FeatureViewSpec(Named, frozen=True, kw_only=True, omit_defaults=True):
    entities: tuple[str, ...] = ()
    join_keys: tuple[FieldSpec, ...] = ()
    """All key columns of all its entities with their types, sorted by name."""
    features: tuple[FieldSpec, ...] = ()
    source: str = ""
    """Name of the batch source."""
    push_source: str | None = None
    ttl_us: int | None = None
    online: bool = True
    offline: bool = False
    layouts: tuple[LayoutSpec, ...] = ()
    """Layouts that rows in the online table may have, oldest first; the last one is written."""
    incarnation: int = 1
    """Names the online table: the generation that started it. A type change or a changed key starts a
    new one; no table's name is ever used again, not even after the view was deleted."""

    @property
    def ttl(self) -> timedelta | None:
        return None if self.ttl_us is None else timedelta(microseconds=self.ttl_us)


class ProjectionSpec(_Spec, frozen=True, kw_only=True, omit_defaults=True):
    view: str
    features: tuple[str, ...] | None = None
    name_alias: str | None = None
    join_key_map: dict[str, str] = {}

    @property
    def name(self) -> str:
        return self.name_alias or self.view


class FunctionSpec(_Spec, frozen=True, kw_only=True, omit_defaults=True):
    reference: str
    source: str
    sha256: str


class OnDemandFeatureViewSpec(Named, frozen=True, kw_only=True, omit_defaults=True):
    sources: tuple[ProjectionSpec, ...] = ()
    request_sources: tuple[str, ...] = ()
    features: tuple[FieldSpec, ...] = ()
    function: FunctionSpec
    mode: str
    singleton: bool = False


class FeatureServiceSpec(Named, frozen=True, kw_only=True, omit_defaults=True):
    features: tuple[ProjectionSpec, ...] = ()


class SavedDatasetSpec(Named, frozen=True, kw_only=True, omit_defaults=True):
    path: str = ""
    table: str = ""
    features: tuple[str, ...] = ()
    join_keys: tuple[str, ...] = ()
    full_feature_names: bool = False
    feature_service: str | None = None
    rows: int = 0


ObjectSpec: TypeAlias = (
    EntitySpec | SourceSpec | FeatureViewSpec | OnDemandFeatureViewSpec | FeatureServiceSpec | SavedDatasetSpec
)

KINDS: dict[str, str] = {
    "entities": "entity",
    "data_sources": "data source",
    "feature_views": "feature view",
    "on_demand_feature_views": "on demand feature view",
    "feature_services": "feature service",
    "saved_datasets": "saved dataset",
}
"""Collections of a manifest, in the order of dependency, and the word for one member."""


# Documents say their format and show their empty parts; specs inside leave defaults out.
class Manifest(_Spec, frozen=True, kw_only=True, omit_defaults=False):
    """Everything that is registered for one project."""

    format: int = FORMAT
    project: ProjectSpec
    generation: int = 0
    """Grows by one with every change; 0: never applied."""
    entities: dict[str, EntitySpec] = {}
    data_sources: dict[str, SourceSpec] = {}
    feature_views: dict[str, FeatureViewSpec] = {}
    on_demand_feature_views: dict[str, OnDemandFeatureViewSpec] = {}
    feature_services: dict[str, FeatureServiceSpec] = {}
    saved_datasets: dict[str, SavedDatasetSpec] = {}

    def collection(self, kind: str) -> dict[str, ObjectSpec]:
        """The members of one collection of :data:`KINDS`, by name."""
        members: dict[str, ObjectSpec] = getattr(self, kind)
        return members

    def get(self, kind: str, name: str) -> ObjectSpec:
        """Return one object.

        Raises:
            NotFoundError: There is none of that name; the hint names the closest.

        """
        members = self.collection(kind)
        if name in members:
            return members[name]
        known = ", ".join(sorted(members)[:10]) + (", ..." if len(members) > 10 else "")
        raise NotFoundError(
            f"There is no {KINDS[kind]} {name!r} in project {self.project.name!r}.",
            hint=did_you_mean(name, members) or (f"there are: {known}" if members else "run: repast apply"),
            context={"kind": KINDS[kind], "name": name, "project": self.project.name},
        )


class FileRange(_Spec, frozen=True, kw_only=True, omit_defaults=True):
    """The files whose paths sort between ``first`` and ``last``, both included, as one digest of their fingerprints."""

    first: str
    last: str
    digest: str


class ViewState(_Spec, frozen=True, kw_only=True, omit_defaults=True):
    """What loads know of one view: a bounded summary, never a growing list."""

    incarnation: int = 1
    basis: str = ""
    """Digest of what the loads read and wrote (source, columns, types, layout); another one voids the rest."""
    loaded_from_us: int | None = None
    loaded_to_us: int | None = None
    """Event times covered by loads so far, inclusive, microseconds UTC."""
    created_watermark_us: int | None = None
    """The greatest created time that has been read, never later than the clock of that load."""
    files: dict[str, str] = {}
    """Fingerprint of each file as it was read (path -> size and change time or etag)."""
    file_ranges: tuple[FileRange, ...] = ()
    """The older files of a source with too many to list; see core.plan.watermark."""
    last_load_us: int | None = None
    rows_written: int = 0


class ProjectState(_Spec, frozen=True, kw_only=True, omit_defaults=False):
    """Bookkeeping of loads for one project; swapped apart from the manifest, so loads never conflict with applies."""

    format: int = FORMAT
    views: dict[str, ViewState] = {}
    retired: tuple[tuple[str, int], ...] = ()
    """Online tables (view, incarnation) that an apply replaces or deletes; each leaves when it was dropped."""


def encode_manifest(value: Manifest | ProjectState) -> bytes:
    """Return the canonical, readable JSON of a manifest or state: sorted, indented, newline at the end."""
    return msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=1) + b"\n"


def decode_manifest(data: bytes, *, where: str) -> Manifest:
    """Read a manifest.

    Raises:
        CorruptDataError: The bytes are not a manifest; ``where`` tells the reader which document.
        UnsupportedError: It was written by a newer Repast.

    """
    return _decode(data, _manifests, where)


def decode_state(data: bytes, *, where: str) -> ProjectState:
    """Read a project's load bookkeeping; errors as in :func:`decode_manifest`."""
    return _decode(data, _states, where)


class _Head(msgspec.Struct):
    format: int


# Made now, under the lock of the import: threads that are the first to decode a type at once crash msgspec.
_decode_head = msgspec.json.Decoder(_Head).decode
_manifests = msgspec.json.Decoder(Manifest)
_states = msgspec.json.Decoder(ProjectState)

_Decoded = TypeVar("_Decoded", Manifest, ProjectState)


def _decode(data: bytes, decoder: msgspec.json.Decoder[_Decoded], where: str) -> _Decoded:
    try:
        found = _decode_head(data).format
        if found > FORMAT:
            raise UnsupportedError(
                f"{where} has format {found}; this version of Repast reads up to {FORMAT}.",
                hint="pip install -U repast",
            )
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CorruptDataError(
            f"{where} is not a Repast registry document: {error}.",
            hint="it was left untouched; restore it from the history folder beside it, or from a backup",
        ) from error
