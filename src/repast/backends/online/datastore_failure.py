"""What errors of Datastore and of Google's client mean for the user."""

from __future__ import annotations

from google.api_core import exceptions as google
from google.auth import exceptions as auth

from repast.errors import InvalidRequestError, RepastError, UnavailableError

EXPLAINED: tuple[type[Exception], ...] = (google.GoogleAPIError, auth.GoogleAuthError)
"""What :func:`explain` explains."""

_TRANSIENT = (
    *(google.ServiceUnavailable, google.Aborted, google.InternalServerError, google.TooManyRequests, google.Unknown),
    auth.TransportError,
)
_AGAIN = "what was written stays; write the batch again"
_LOGIN = "see that Google's client finds valid credentials: GOOGLE_APPLICATION_CREDENTIALS, or those of this machine"


def is_transient(error: Exception) -> bool:
    """Whether trying again soon may help."""
    return isinstance(error, _TRANSIENT)


def explain(error: Exception, address: str) -> RepastError:
    """Return what an error means, with what to do about it."""
    where = f"The online store datastore at {address}"
    text = str(getattr(error, "message", None) or error).partition("\n")[0].strip().rstrip(".")
    if isinstance(error, google.InvalidArgument) and (
        "longer than" in text or "too large" in text or "too big" in text
    ):
        hint = "an entity holds a megabyte: split the view, or keep it in another online store"
        return InvalidRequestError(f"{where} cannot keep a value this large: {text}.", hint=hint)
    for kinds, say, hint, retryable in _MEANINGS:
        if isinstance(error, kinds):
            return _unavailable(f"{where} {say}: {text}.", hint, address, retryable)
    return _unavailable(f"{where} cannot be used: {text}.", "check online_store in feature_store.yaml", address, False)


def _unavailable(message: str, hint: str, address: str, retryable: bool) -> UnavailableError:
    error = UnavailableError(message, hint=hint, context={"address": address})
    error.retryable = retryable
    return error


_MEANINGS: tuple[tuple[tuple[type[Exception], ...], str, str, bool], ...] = (
    (
        (google.Unauthenticated, auth.DefaultCredentialsError, auth.RefreshError),
        "refuses the credentials",
        _LOGIN,
        False,
    ),
    ((google.PermissionDenied,), "does not permit that", "give this account the role roles/datastore.user", False),
    ((google.NotFound,), "has no such database", "check online_store.project_id and online_store.database", False),
    ((google.Aborted,), "has the rows locked for somebody else", _AGAIN, True),
    ((google.TooManyRequests,), "asks for fewer requests", "lower online_store.write_concurrency; " + _AGAIN, True),
    ((google.DeadlineExceeded,), "did not answer in time", "try again, or raise online_store.timeout", True),
    (
        (google.ServiceUnavailable, google.RetryError, auth.TransportError),
        "cannot be reached",
        "check the network, and DATASTORE_EMULATOR_HOST if there is one; " + _AGAIN,
        True,
    ),
    ((google.InternalServerError, google.Unknown), "has an error of its own", _AGAIN, True),
)
