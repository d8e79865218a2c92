"""A named, typed column of a view, and the join keys of an entity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from repast.core.definitions.problem import caller_location, report
from repast.core.definitions.short_repr import short_repr
from repast.errors import InvalidDefinitionError, Location
from repast.types import DataType, String, as_type


@dataclass(frozen=True, init=False)
class Field:
    """A feature: its name, type and meaning.

    Args:
        name: Name of the column, after the source's ``field_mapping``.
        dtype: One of :mod:`repast.types`.
        description: What the value means, with its unit.
        tags: Free metadata.

    """

    name: str
    dtype: DataType
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    location: Location | None = field(default=None, compare=False, repr=False)

    def __init__(
        self, *, name: str, dtype: object, description: str = "", tags: Mapping[str, str] | None = None
    ) -> None:
        location = caller_location()
        set_ = object.__setattr__
        set_(self, "name", name)
        set_(self, "description", description)
        set_(self, "tags", dict(tags) if isinstance(tags, Mapping) else {})
        set_(self, "location", location)
        try:
            set_(self, "dtype", as_type(dtype))
        except InvalidDefinitionError as error:
            set_(self, "dtype", String)  # reported: a stand-in lets the loader find the other problems too
            report(error.message, subject=f"field {name!r}", location=location, hint=error.hint)
        if tags is not None and not isinstance(tags, Mapping):
            report(f"tags must map strings to strings, not {tags!r}.", subject=f"field {name!r}", location=location)
        if not isinstance(name, str) or not name:
            report(
                f"{name!r} is not a field name.",
                subject="field",
                location=location,
                hint="use a non-empty string",
            )
        elif ":" in name or "__" in (name[:2], name[-2:]):
            report(
                "a field name may not contain ':' nor start or end with '__'.",
                subject=f"field {name!r}",
                location=location,
                hint="rename the column with the source's field_mapping",
            )

    def __hash__(self) -> int:
        return hash((self.name, self.dtype))

    __repr__ = short_repr


@dataclass(frozen=True)
class JoinKey:
    """One column of an entity's key. ``dtype`` None means: take it from the sources at ``apply``."""

    name: str
    dtype: DataType | None = None

    __repr__ = short_repr
