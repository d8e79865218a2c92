"""Sources in databases and warehouses: all alike, but for the options that say where the rows are."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from feast.adapter.notice import refuse, without_effect
from feast.data_source import DataSource
from feast.feature_logging import LoggingDestination
from feast.saved_dataset import SavedDatasetStorage, table_of

_COMMON = (
    "name",
    "timestamp_field",
    "created_timestamp_column",
    "field_mapping",
    "date_partition_column",
    "timestamp_field_type",
    "description",
    "tags",
    "owner",
    "connection_ref",
    "event_timestamp_column",
)


def _refusal(name: str) -> property:
    """Make an attribute that says that it is not supported."""
    return property(
        lambda _: refuse(name, hint="engines read sources themselves: FeatureStore.get_historical_features")
    )


def options_of(parameters: Sequence[str]) -> tuple[str, ...]:
    """Return the parameters that not all sources have."""
    return tuple(name for name in parameters if name not in _COMMON)


class TableSource(DataSource):
    """A table, or a query that is read like one. The options of a kind are its ``_places``."""

    _places: tuple[str, ...] = ("table", "query")
    _unused: tuple[str, ...] = ()
    """Options that Feast has and Repast does without."""
    _renamed: dict[str, str] = {}  # one mapping per class, never changed
    """Feast's name of an option -> Repast's."""
    _refused: tuple[str, ...] = ()
    """Attributes that only Feast's own engines have a use for."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        options = (*_COMMON, *cls._places, *cls._unused)
        parameters = [inspect.Parameter(o, inspect.Parameter.KEYWORD_ONLY, default=None) for o in options]
        cls.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        for name in cls._refused:
            setattr(cls, name, _refusal(f"{cls.__name__}.{name}"))

    def __init__(self, **options: Any) -> None:
        places = {name: options.pop(name, None) for name in self._places}
        for name in self._unused:
            if options.pop(name, None):
                without_effect(f"{type(self).__name__}({name}=...)", "engines find out themselves")
        unknown = set(options) - set(_COMMON)
        if unknown:
            raise TypeError(f"{type(self).__name__} has no argument {sorted(unknown)[0]!r}")
        for name, value in places.items():
            setattr(self, name, value)
        named = options.pop("name", None)
        super().__init__(name=named or self._default_name(), **options)
        self._named_by_user = bool(named)
        self._lasting: dict[str, Any] = {}
        self.__repast_definition__()

    def _default_name(self) -> str:
        place = next((getattr(self, p) for p in ("table", "table_ref", "path") if getattr(self, p, None)), None)
        return str(place) if place else ""

    _named_by_user = True

    def _options(self) -> dict[str, Any]:
        given = {self._renamed.get(place, place): getattr(self, place) for place in self._places}
        return {place: _plain(value) for place, value in given.items() if value}

    def _common(self) -> dict[str, Any]:
        common = super()._common() | self._lasting
        if not self._named_by_user:  # Repast names a table's source by its last part
            from repast.core.definitions.table_source import name_of

            common["name"] = name_of(self.name) if self.name else None
        return common

    def _restore_from(self, options: dict[str, Any]) -> None:
        for place in self._places:
            setattr(self, place, options.get(self._renamed.get(place, place)))
        self.timestamp_field_type, self.connection_ref = None, None
        self._lasting = {"timezone": self._timezone, "lateness": self._lateness}

    _timezone: Any = "UTC"
    _lateness: Any = None


def _plain(value: Any) -> Any:
    """Options are kept as JSON: formats and the like by what they say."""
    return value.to_dict() if hasattr(value, "to_dict") else getattr(value, "value", value)


def _holder(name: str, base: type, places: Sequence[str], doc: str, module: str) -> Any:
    """Make a class that holds some texts."""

    def hold(self: Any, *args: Any, **options: Any) -> None:
        bound = signature.bind(*args, **options)
        for place in places:
            setattr(self, place, bound.arguments.get(place))

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature([inspect.Parameter(place, kind, default=None) for place in places])
    made: Any = type(name, (base,), {"__init__": hold, "__doc__": doc, "__module__": module})
    made.__signature__ = signature
    return made


def saved_dataset_storage(name: str, places: Sequence[str], source: type[DataSource]) -> Any:
    """Make a class of storage for data sets in tables of an offline store."""
    made = _holder(name, SavedDatasetStorage, places, "A table for data sets.", source.__module__)

    def to_data_source(self: Any) -> DataSource:
        """Return a source that reads the data set."""
        table = table_of(self)
        if table is None:
            refuse(f"{name}.to_data_source", hint="make a source of the table")
        return source(table=table)  # type: ignore[call-arg]  # what all of these sources have

    made.to_data_source = to_data_source
    return made


def logging_destination(name: str, places: Sequence[str]) -> Any:
    """Make a class of destinations for logs: a definition only."""
    return _holder(name, LoggingDestination, places, "A place for logs; features are not logged yet.", __name__)
