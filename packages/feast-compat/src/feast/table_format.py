"""Formats of tables in files, for SparkSource."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from feast.adapter.notice import refuse


class TableFormatType(Enum):
    """Names of the formats."""

    DELTA = "delta"
    ICEBERG = "iceberg"
    HUDI = "hudi"
    LANCE = "lance"


class TableFormat:
    """A format, with properties."""

    def __init__(self, format_type: TableFormatType, properties: Mapping[str, str] | None = None) -> None:
        self.format_type, self.properties = format_type, dict(properties or {})

    def get_property(self, key: str, default: str | None = None) -> str | None:
        """Return a property."""
        return self.properties.get(key, default)

    def set_property(self, key: str, value: str) -> None:
        """Set a property."""
        self.properties[key] = value

    def to_dict(self) -> dict[str, Any]:
        """Return the format as plain values."""
        own = {k: v for k, v in vars(self).items() if v is not None and k != "format_type"}
        return {"format_type": self.format_type.value} | own

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TableFormat:
        """Return the format that plain values say."""
        return table_format_from_dict(data)

    def __str__(self) -> str:
        return self.format_type.value

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(self.format_type)


class IcebergFormat(TableFormat):
    """Iceberg."""

    def __init__(
        self, catalog: str | None = None, namespace: str | None = None, properties: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(TableFormatType.ICEBERG, properties)
        self.catalog, self.namespace = catalog, namespace


class DeltaFormat(TableFormat):
    """Delta."""

    def __init__(self, checkpoint_location: str | None = None, properties: Mapping[str, str] | None = None) -> None:
        super().__init__(TableFormatType.DELTA, properties)
        self.checkpoint_location = checkpoint_location


class HudiFormat(TableFormat):
    """Hudi."""

    def __init__(
        self,
        table_type: str | None = None,
        record_key: str | None = None,
        precombine_field: str | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(TableFormatType.HUDI, properties)
        self.table_type, self.record_key, self.precombine_field = table_type, record_key, precombine_field


class LanceFormat(TableFormat):
    """Lance."""

    def __init__(
        self,
        catalog: str | None = None,
        namespace: str | None = None,
        version: Any = None,
        tag: str | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(TableFormatType.LANCE, properties)
        self.catalog, self.namespace, self.version, self.tag = catalog, namespace, version, tag

    @property
    def is_pinned(self) -> bool:
        """Whether one version is meant."""
        return self.version is not None or self.tag is not None


_CLASSES: dict[TableFormatType, type[TableFormat]] = {
    TableFormatType.ICEBERG: IcebergFormat,
    TableFormatType.DELTA: DeltaFormat,
    TableFormatType.HUDI: HudiFormat,
    TableFormatType.LANCE: LanceFormat,
}


def create_table_format(format_type: TableFormatType, **kwargs: Any) -> TableFormat:
    """Return a format by its name."""
    return _CLASSES[format_type](**kwargs)


def table_format_from_dict(data: Mapping[str, Any]) -> TableFormat:
    """Return the format that plain values say."""
    options = dict(data)
    return create_table_format(TableFormatType(options.pop("format_type")), **options)


def table_format_from_json(json_str: str) -> TableFormat:
    """Return the format that JSON says."""
    import json

    return table_format_from_dict(json.loads(json_str))


def table_format_from_proto(proto: Any) -> TableFormat:
    """Refuse: Repast's registry is JSON."""
    refuse("table_format_from_proto", hint="table_format_from_dict")
