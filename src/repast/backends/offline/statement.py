"""SQL of users and names of tables, as parts of statements of ours."""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers

from repast.core.manifest import SourceSpec
from repast.core.sql.instant import REFUSAL
from repast.errors import InvalidRequestError, InvalidValueError

_REFUSED = re.compile(r"(\W?)" + re.escape(REFUSAL) + r"(.*)", re.DOTALL)
_CHANGES = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Alter, exp.Into, exp.Command)


def source_table(source: SourceSpec, dialect: str, *, levels: tuple[str, str]) -> exp.Expr:
    """Return what a source is selected from: a table, or its query in parentheses.

    ``levels`` are the options of the source with the database and the schema of its table.

    Raises:
        InvalidRequestError: The name or the query cannot be read.

    """
    query = source.options.get("query")
    if query:
        # Word for word: names that are not quoted in it must not become quoted.
        text = check_select(str(query), dialect, subject=f"The query of source {source.name!r}")
        return exp.Subquery(this=exp.Var(this=f"{text}\n"))
    table = _parsed(str(source.options["table"]), dialect, subject=f"Source {source.name!r}")
    for part, option in zip(("catalog", "db"), levels, strict=True):
        value = source.options.get(option)
        if value and not table.args.get(part):
            table.set(part, exp.parse_identifier(str(value), dialect=dialect))
    return normalize_identifiers(table, dialect=dialect)


def named_table(name: str, dialect: str, *, subject: str) -> exp.Table:
    """Return the table of a name.

    Raises:
        InvalidRequestError: It cannot be read.

    """
    table = _parsed(name, dialect, subject=subject)
    if not isinstance(table.this, exp.Identifier):
        raise _no_name(name, subject)
    return normalize_identifiers(table, dialect=dialect)


def _parsed(name: str, dialect: str, *, subject: str) -> exp.Table:
    try:
        return exp.to_table(name, dialect=dialect)
    except SqlglotError as error:
        raise _no_name(name, subject) from error


def _no_name(name: str, subject: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"{subject}: {name!r} cannot be read as the name of a table.",
        hint="separate its parts with dots, and quote those with odd characters",
    )


def check_select(statement: str, dialect: str, *, subject: str) -> str:
    """Return a statement without a semicolon at its end, if it is one SELECT.

    Raises:
        InvalidRequestError: It is something else, or cannot be read.

    """
    try:
        parsed = [tree for tree in sqlglot.parse(statement, read=dialect) if tree is not None]
    except SqlglotError as error:
        first = str(error).split("\n")[0]
        raise InvalidRequestError(f"{subject} cannot be read as SQL: {first}") from error
    if len(parsed) != 1 or not isinstance(parsed[0], exp.Query) or parsed[0].find(*_CHANGES) is not None:
        raise InvalidRequestError(f"{subject} must be one SELECT.", hint='for example "SELECT ... FROM drivers"')
    return statement.strip().rstrip(";").rstrip()


def refusal_in(text: str) -> InvalidValueError | None:
    """Return the error that a statement of ours has raised on purpose, if an error's text holds one."""
    found = _REFUSED.search(text)
    if found is None:
        return None
    quote, words = found.groups()
    line = words.split("\n")[0]
    if quote in ("'", '"', "`"):  # the driver quotes the value; what follows the quote is its own
        quoted = re.split(re.escape(quote) + r" as \w+", line)[0]
        line = (line.rpartition(quote)[0] or line) if quoted == line else quoted
        line = line.replace("\\" + quote, quote)
    return as_refused(line.strip())


def as_refused(words: str) -> InvalidValueError:
    """Return the error for the words with which a statement of ours refuses a value."""
    hint = "correct the value in the source, or the type in the definition"
    if "that is not a time: " in words:
        hint = "write times in the source as ISO 8601 does: 2024-05-31T12:00:00Z"
    return InvalidValueError(f"{words}.", hint=hint)


def subject_of(source: SourceSpec) -> str:
    """Return the words for a source in error messages."""
    return f"Source {source.name!r} ({source.options.get('table') or source.source_type + ' query'})"
