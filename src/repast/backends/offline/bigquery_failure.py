"""BigQuery's errors in Repast's words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from repast.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    RepastError,
    UnavailableError,
    did_you_mean,
    require,
)

_PASSING = ("quotaExceeded", "rateLimitExceeded", "backendError", "internalError", "jobRateLimitExceeded")
_ABSENT = re.compile(r"Not found: Table ([^\s:]+)[:.]([^\s.]+)\.([^\s.;]+)")


def library_errors() -> tuple[type[BaseException], ...]:
    """Return what the client raises, of requests and of credentials."""
    api: Any = require("google.api_core.exceptions", extra="bigquery", purpose="The bigquery offline store")
    auth: Any = require("google.auth.exceptions", extra="bigquery", purpose="The bigquery offline store")
    return (api.GoogleAPIError, auth.GoogleAuthError)


def explain_failure(error: BaseException, subject: str, client: Any) -> RepastError:
    """Return the error that users see. ``client`` is asked what tables there are when one is missing."""
    _, auth = library_errors()
    first = str(getattr(error, "message", None) or error).split("\n")[0]
    if isinstance(error, auth):
        return UnavailableError(
            f"{subject}: no credentials for BigQuery: {first}",
            hint="run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS",
        )
    reasons = [str(entry.get("reason", "")) for entry in getattr(error, "errors", ()) if isinstance(entry, Mapping)]
    code = int(getattr(error, "code", None) or 0)
    if code == 409 or "already exists" in first.lower() or "not empty" in first.lower():
        return ConflictError(f"{subject}: {first}", hint="choose another place, or pass allow_overwrite=True")
    if code == 404:
        return NotFoundError(f"{subject} is not there: {first}", hint=_suggest(first, client))
    if "bytesBilledLimitExceeded" in reasons or "bytes billed" in first:
        return InvalidRequestError(
            f"{subject}: {first}", hint="raise maximum_bytes_billed of offline_store, or ask less"
        )
    if code == 429 or any(reason in _PASSING for reason in reasons):
        return UnavailableError(
            f"{subject}: BigQuery is asked too much: {first}", hint="try again later, or raise the quota"
        )
    if code in (401, 403):
        return UnavailableError(
            f"{subject} may not be read or written: {first}",
            hint="grant BigQuery Job User, Data Viewer of the source, and Data Editor of the dataset of offline_store",
        )
    if code == 400:
        return InvalidRequestError(f"{subject}: {first}")
    return UnavailableError(f"{subject}: BigQuery cannot answer: {first}", hint="try again")


def _suggest(message: str, client: Any) -> str:
    found = _ABSENT.search(message)
    if found and client is not None:
        project, dataset, name = found.groups()
        with suppress(*library_errors()):
            tables = [
                item.table_id for item in client.list_tables(f"{project}.{dataset}", max_results=1000, retry=None)
            ]
            if close := did_you_mean(name, tables):
                return close
    return "check the names of its project, dataset and table, and location of offline_store"
