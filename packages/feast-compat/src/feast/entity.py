"""What features describe, and the key that finds it."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import repast
from feast.adapter.base import FeastObject, split_tags
from feast.adapter.notice import legacy, refuse
from feast.types import feast_type, from_value_type, repast_type
from feast.value_type import ValueType
from repast import types as repast_types
from repast.core.definitions import JoinKey

_entities: weakref.WeakSet[Entity] = weakref.WeakSet()
"""All entities of the process: views of 2022 name them instead of holding them."""
_numbers = itertools.count(1)


class Entity(FeastObject):
    """A thing that features describe. Feast's entities have one join key; Repast's may have several."""

    _kind = "entity"
    _keys: tuple[JoinKey, ...] = ()
    _number = 0

    def __init__(
        self,
        *args: Any,
        name: str | None = None,
        join_keys: Sequence[str] | None = None,
        value_type: ValueType | None = None,
        description: str = "",
        tags: Mapping[str, str] | None = None,
        owner: str = "",
        join_key: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        if args:
            legacy("Entity('name', ...)", "Entity(name='name', ...)")
            name, value_type = (*args, value_type)[:2] if name is None else (name, args[0])
        if name is None:
            raise TypeError("Entity needs a name: Entity(name='driver', join_keys=['driver_id'])")
        self._start(name=name, description=description, tags=tags, owner=owner, labels=labels)
        if join_key is not None:
            legacy("Entity(join_key='x')", "join_keys=['x']")
            join_keys = [join_key]
        self.join_keys = list(join_keys) if join_keys else [name]
        self.value_type = value_type or ValueType.UNKNOWN
        self.__repast_definition__()
        self._number = next(_numbers)
        _entities.add(self)

    @property
    def join_key(self) -> str:
        """The name of its key column."""
        return self.join_keys[0]

    def is_valid(self) -> None:
        """Check that its type can be a key."""
        self.__repast_definition__()

    def _key_type(self) -> repast_types.DataType | None:
        if self.value_type in (None, ValueType.UNKNOWN):
            return None
        return repast_type(
            from_value_type(self.value_type) if isinstance(self.value_type, ValueType) else self.value_type
        )

    def _build(self) -> repast.Entity:
        if self._keys:
            return repast.Entity(**self._named(), join_keys=self._keys)
        return repast.Entity(**self._named(), join_keys=self.join_keys, value_type=self._key_type())

    @classmethod
    def _restore(cls, entity: repast.Entity) -> Entity:
        restored = cls.__new__(cls)
        restored.name, restored.description, restored.owner = entity.name, entity.description, entity.owner
        restored.tags, _ = split_tags(entity.tags)
        restored.join_keys = [key.name for key in entity.join_keys]
        dtypes = [key.dtype for key in entity.join_keys]
        known = len(dtypes) == 1 and dtypes[0] is not None and hasattr(feast_type(dtypes[0]), "to_value_type")
        restored.value_type = feast_type(dtypes[0]).to_value_type() if known else ValueType.UNKNOWN
        if len(entity.join_keys) > 1:  # Feast has no word for them
            restored._keys = entity.join_keys
        return restored

    def to_proto(self) -> Any:
        refuse("Entity.to_proto", hint="the registry is JSON: feast registry-dump, or FeatureStore.list_entities()")


def find_entity(name: str, near: Any) -> Entity | None:
    """Return the entity of that name that was written nearest to a definition: in its file, else anywhere."""
    known = [entity for entity in _entities if entity.name == name]
    file = near.file if near is not None else None
    in_file = [e for e in known if file is not None and e._location is not None and e._location.file == file]
    return next(iter(sorted(in_file or known, key=lambda e: -e._number)), None)
