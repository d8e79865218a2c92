"""An entity: what features describe, and the typed key that finds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from repast.core.definitions.base import Definition, duplicates
from repast.core.definitions.field import Field, JoinKey
from repast.errors import InvalidDefinitionError
from repast.types import Bool, Bytes, DataType, Date, Int32, Int64, String, UnixTimestamp, Uuid, as_type

KEY_TYPES: tuple[DataType, ...] = (Int32, Int64, String, Bytes, Bool, UnixTimestamp, Date, Uuid)
"""Types with one exact byte form each. Floats are not among them: NaN and -0.0 make bad keys."""


@dataclass(frozen=True, init=False, kw_only=True)
class Entity(Definition):
    """A thing that features describe: a driver, a customer, a (store, product) pair.

    Args:
        name: Name of the entity.
        join_keys: Column names, or names with types (``{"driver_id": Int64}``), or Fields. Defaults to
            the entity's name. Order does not matter: a key is a set of named values.
        value_type: The type of the only join key (Feast's spelling).
        description, tags, owner: Free metadata.

    Types that are not given are taken from the sources when the definitions are applied.

    """

    kind: ClassVar[str] = "entity"
    join_keys: tuple[JoinKey, ...] = ()

    def __init__(
        self,
        *,
        name: str,
        join_keys: Sequence[str | Field | JoinKey] | Mapping[str, object] | None = None,
        value_type: object = None,
        description: str = "",
        tags: Mapping[str, str] | None = None,
        owner: str = "",
    ) -> None:
        self._init(name=name, description=description, tags=tags, owner=owner, join_keys=())
        object.__setattr__(self, "join_keys", self._parse(name if join_keys is None else join_keys, value_type))
        self._check()
        # What is refused has been reported; without it the other definitions can be checked too.
        valid = [k if k.dtype in KEY_TYPES else JoinKey(k.name) for k in self.join_keys if isinstance(k.name, str)]
        object.__setattr__(self, "join_keys", tuple(valid))

    def _parse(self, given: object, value_type: object) -> tuple[JoinKey, ...]:
        if isinstance(given, str):
            keys: list[JoinKey] = [JoinKey(given)]
        elif isinstance(given, Mapping):
            keys = [JoinKey(str(k), self._type(t)) for k, t in given.items()]
        elif isinstance(given, Sequence):
            keys = [
                k if isinstance(k, JoinKey) else JoinKey(k.name, k.dtype) if isinstance(k, Field) else JoinKey(k)
                for k in given
            ]
        else:
            self.problem(f"join_keys must be a list of column names, not {given!r}.")
            keys = []
        if value_type is not None:
            if len(keys) != 1:
                self.problem(
                    f"value_type is for a single join key; this entity has {len(keys)}.",
                    hint='give the types with the keys: join_keys={"a": Int64, "b": String}',
                )
            else:
                keys = [JoinKey(keys[0].name, self._type(value_type))]
        return tuple(keys)

    def _type(self, value: object) -> DataType | None:
        if value is None:
            return None
        try:
            return as_type(value)
        except InvalidDefinitionError as error:
            self.problem(error.message, hint=error.hint)
            return None

    def _check(self) -> None:
        if not self.join_keys:
            self.problem("an entity needs at least one join key.", hint='join_keys=["driver_id"]')
        for key in self.join_keys:
            if not isinstance(key.name, str) or not key.name:
                self.problem(f"{key.name!r} is not a column name.")
            elif key.name.startswith("__"):
                self.problem(
                    f"join key {key.name!r} may not start with '__'.", hint="rename it with the source's field_mapping"
                )
            elif key.dtype is not None and key.dtype not in KEY_TYPES:
                self.problem(
                    f"join key {key.name!r} cannot be {key.dtype}.",
                    hint="keys are one of " + ", ".join(str(t) for t in KEY_TYPES),
                )
        for name in duplicates(str(k.name) for k in self.join_keys):
            self.problem(f"join key {name!r} is listed twice.")

    @property
    def join_key(self) -> str:
        """The name of the only join key.

        Raises:
            InvalidDefinitionError: The key has several columns.

        """
        if len(self.join_keys) != 1:
            raise InvalidDefinitionError(f"Entity {self.name!r} has {len(self.join_keys)} join keys; use join_keys.")
        return self.join_keys[0].name

    __hash__ = Definition.__hash__
