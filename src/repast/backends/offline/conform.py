"""Rows that are to be appended, in the columns and types of their source."""

from __future__ import annotations

import pyarrow as pa

from repast.core.manifest import SourceSpec
from repast.errors import InvalidRequestError, did_you_mean


def conform(source: SourceSpec, rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return rows with the source's columns, in its order and types; nothing is lost on the way."""
    check_names(source, rows.column_names, schema.names)
    columns = []
    for field in schema:
        try:
            columns.append(rows.column(field.name).cast(field.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise InvalidRequestError(
                f"Source {source.name!r}: column {field.name!r} is {field.type} there; "
                f"{rows.schema.field(field.name).type} does not fit: {error}",
                context={"source": source.name, "column": field.name},
            ) from error
    return pa.table(columns, schema=schema)


def check_names(source: SourceSpec, found: list[str], expected: list[str]) -> None:
    """Refuse rows that lack columns of the source or have others."""
    absent = [name for name in expected if name not in found]
    unknown = [name for name in found if name not in expected]
    if not absent and not unknown:
        return
    parts = [f"lack {', '.join(map(repr, absent))}"] if absent else []
    parts += [f"have {', '.join(map(repr, unknown))}, which it does not"] if unknown else []
    raise InvalidRequestError(
        f"Source {source.name!r} cannot take these rows: they {' and '.join(parts)}.",
        hint=did_you_mean(unknown[0], absent) if unknown and absent else "its columns are: " + ", ".join(expected),
        context={"source": source.name, "columns": absent + unknown},
    )
