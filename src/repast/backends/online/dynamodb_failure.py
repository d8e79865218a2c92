"""What errors of DynamoDB and of AWS's client mean for the user."""

from __future__ import annotations

from collections.abc import Mapping

from botocore import exceptions as botocore

from repast.errors import InvalidConfigError, InvalidRequestError, NotFoundError, RepastError, UnavailableError

EXPLAINED: tuple[type[Exception], ...] = (botocore.ClientError, botocore.BotoCoreError)
"""What :func:`explain` explains."""

_AGAIN = "what was written stays; write the batch again"
_LOGIN = "see that AWS's client finds valid credentials: environment, ~/.aws, or the role of this machine"
_RIGHTS = (
    "allow dynamodb:BatchGetItem to readers, and PutItem, BatchWriteItem, Scan, CreateTable, DeleteTable,"
    " DescribeTable, UpdateTimeToLive, DescribeTimeToLive, TagResource to who loads and applies"
)
_SLOWER = "lower online_store.write_concurrency, or raise the capacity of the table; " + _AGAIN
_CONNECT = "check online_store.region, online_store.endpoint_url and the network; " + _AGAIN

_MEANINGS: Mapping[str, tuple[str, str, bool]] = {
    **dict.fromkeys(
        (
            *("UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException"),
            *("MissingAuthenticationTokenException", "MissingAuthenticationToken", "IncompleteSignatureException"),
            *("ExpiredTokenException", "ExpiredToken", "SignatureDoesNotMatch", "InvalidAccessKeyId"),
        ),
        ("refuses the credentials", _LOGIN, False),
    ),
    **dict.fromkeys(("AccessDeniedException", "AccessDenied"), ("does not permit that to this user", _RIGHTS, False)),
    **dict.fromkeys(
        (
            *("ProvisionedThroughputExceededException", "ThrottlingException", "Throttling"),
            *("RequestLimitExceeded", "LimitExceededException"),
        ),
        ("asks for fewer requests", _SLOWER, True),
    ),
    **dict.fromkeys(
        ("InternalServerError", "InternalFailure", "ServiceUnavailable", "ServiceUnavailableException"),
        ("has an error of its own", _AGAIN, True),
    ),
    "ResourceInUseException": ("is making or deleting that table", "wait a minute, then do it again", True),
}


def code_of(error: Exception) -> str:
    """Return the name that AWS gives an error; nothing for errors of the client."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, botocore.ClientError) else ""


def explain(error: Exception, address: str) -> RepastError:
    """Return what an error means, with what to do about it."""
    code, where = code_of(error), f"The online store dynamodb at {address}"
    told = error.response.get("Error", {}).get("Message") if isinstance(error, botocore.ClientError) else None
    text = str(told or error).rstrip(".")
    if code == "ResourceNotFoundException":
        return NotFoundError(f"{where} has no such table: {text}.", hint="run: repast apply")
    if code == "ValidationException" and "tem size" in text:
        return InvalidRequestError(f"{where} cannot keep a value this large: {text}.", hint="an item holds 400 KB")
    if code in _MEANINGS:
        return _unavailable(where, address, text, *_MEANINGS[code])
    return _of_client(error, where, address, text)


def throttled(address: str) -> RepastError:
    """Return the error for a batch of which DynamoDB does nothing, however often it is asked."""
    where = f"The online store dynamodb at {address}"
    return _unavailable(where, address, "it leaves the batch undone", "asks for fewer requests", _SLOWER, True)


def _of_client(error: Exception, where: str, address: str, text: str) -> RepastError:
    if isinstance(error, botocore.NoRegionError):
        return InvalidConfigError("The online store dynamodb has no region.", hint="set online_store.region")
    if isinstance(error, botocore.ProfileNotFound):
        return InvalidConfigError(f"The online store dynamodb: {text}.", hint=_LOGIN)
    credentials = (botocore.NoCredentialsError, botocore.PartialCredentialsError, botocore.CredentialRetrievalError)
    if isinstance(error, credentials):
        return _unavailable(where, address, text, "wants credentials", _LOGIN, False)
    if isinstance(error, botocore.ReadTimeoutError):
        hint = "try again, or raise online_store.read_timeout"
        return _unavailable(where, address, text, "did not answer in time", hint, True)
    if isinstance(error, botocore.SSLError):
        return _unavailable(where, address, text, "cannot be reached by TLS", _CONNECT, False)
    if isinstance(error, (botocore.HTTPClientError, botocore.ConnectionError)):
        return _unavailable(where, address, text, "cannot be reached", _CONNECT, True)
    return _unavailable(where, address, text, "cannot be used", "check online_store in feature_store.yaml", False)


def _unavailable(where: str, address: str, text: str, say: str, hint: str, retryable: bool) -> UnavailableError:
    error = UnavailableError(f"{where} {say}: {text}.", hint=hint, context={"address": address})
    error.retryable = retryable
    return error
