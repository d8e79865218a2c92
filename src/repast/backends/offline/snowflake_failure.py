"""Snowflake's errors in Repast's words."""

from __future__ import annotations

import re
from typing import Any

from repast.errors import ConflictError, InvalidRequestError, NotFoundError, RepastError, UnavailableError, require

_MISSING = (2003, 2043)
"""Snowflake does not say whether a table does not exist or may not be seen."""
_NO_WAREHOUSE = 606
_TAKEN = (2002,)
_DENIED = (3001,)
_STOPPED = (604, 630, 90073)
"""Cancelled, out of time, warehouse suspended by a resource monitor."""
_PREFIX = re.compile(r"^\d{6} \(\w{5}\): (?:\d{6} \(\w{5}\): )?(?:SQL compilation error:\s*)?")


def explain_failure(error: BaseException, subject: str) -> RepastError:
    """Return the error that users see, by Snowflake's number of it."""
    errors: Any = require("snowflake.connector.errors", extra="snowflake", purpose="The snowflake offline store")
    number = int(getattr(error, "errno", None) or 0)
    first = " ".join(_PREFIX.sub("", str(error).strip()).split("\n")[:2]).strip()
    if number in _MISSING:
        return NotFoundError(
            f"{subject} is not there: {first}", hint="check its name, database and schema, and what role may see"
        )
    if number in _TAKEN:
        return ConflictError(f"{subject}: {first}", hint="choose another name, or pass allow_overwrite=True")
    if number in _DENIED:
        return UnavailableError(f"{subject} may not be read or written: {first}", hint="grant the role its rights")
    if number == _NO_WAREHOUSE:
        return InvalidRequestError(f"{subject}: {first}", hint="set warehouse of offline_store")
    if 390_000 <= number < 400_000:
        return UnavailableError(
            f"{subject}: Snowflake refuses the login: {first}", hint="check account, user and password or key"
        )
    transient = isinstance(error, errors.OperationalError | errors.InterfaceError | errors.InternalError)
    if number in _STOPPED or 250_000 <= number < 300_000 or transient or not isinstance(error, errors.Error):
        return UnavailableError(
            f"{subject}: Snowflake cannot answer: {first}", hint="check account and host, try again"
        )
    return InvalidRequestError(f"{subject}: {first}")
