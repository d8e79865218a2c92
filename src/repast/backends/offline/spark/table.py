"""Tables of results in the catalogs of a Spark session."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from sqlglot import exp

from repast.backends.offline.spark.arrow import schema_of, stream
from repast.backends.offline.spark.failure import translated
from repast.backends.offline.statement import named_table
from repast.core.sql.dialect.spark import SPARK

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession


def read_table(session: SparkSession, name: str) -> pa.RecordBatchReader:
    """Return the rows of a table; the driver holds one partition at a time."""
    subject = f"Table {name}"
    with translated(subject, session):
        frame = session.table(name)
        schema = schema_of(frame)
    return stream(frame, schema, subject)


def replace_table(frame: DataFrame, name: str, subject: str) -> None:
    """Write a table beside the one of that name and let them change places: no catalog can do it in one step.

    At every moment all rows of one of them are there; for a moment under another name.
    """
    session, mark = frame.sparkSession, uuid4().hex[:12]
    table = named_table(name, SPARK.name, subject="The table to write")
    for part in table.parts:
        part.set("quoted", True)
    new, old = (_beside(table, f"{role}_{mark}") for role in ("new", "old"))

    def rename(one: exp.Table, other: exp.Table) -> None:
        # In the catalog of the first, which the second must not name, and in its database, which it must.
        place = exp.Table(this=other.this, db=other.args.get("db") or _quoted(session.catalog.currentDatabase()))
        session.sql(f"ALTER TABLE {SPARK.render(one)} RENAME TO {SPARK.render(place)}")

    with translated(subject, session):
        frame.write.mode("error").saveAsTable(SPARK.render(new))
        try:
            is_there = session.catalog.tableExists(SPARK.render(table))
            if is_there:
                rename(table, old)
            try:
                rename(new, table)
            except BaseException:
                if is_there:
                    rename(old, table)
                raise
        except BaseException:
            session.sql(f"DROP TABLE IF EXISTS {SPARK.render(new)}")
            raise
        if is_there:
            session.sql(f"DROP TABLE {SPARK.render(old)}")


def _beside(table: exp.Table, suffix: str) -> exp.Table:
    found = table.copy()
    found.set("this", _quoted(f"{table.name}__{suffix}"))
    return found


def _quoted(name: str) -> exp.Identifier:
    return exp.to_identifier(name, quoted=True)
