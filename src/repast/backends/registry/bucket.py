"""Documents as objects of S3, Google Cloud Storage, Azure or memory, swapped by conditional writes."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotSupportedError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
    UnknownConfigurationKeyError,
)
from obstore.store import MemoryStore, from_url

from repast.errors import (
    ConflictError,
    InvalidConfigError,
    InvalidRequestError,
    RepastError,
    UnavailableError,
    UnsupportedError,
)
from repast.ports.registry import Document

if TYPE_CHECKING:
    from obstore import ObjectMeta, PutMode, PutResult
    from obstore.store import ObjectStore

TOMBSTONE = b"\x00repast: removed\n"
"""What an object holds between the decision to remove it and its removal."""

TOMBSTONE_AGE = timedelta(minutes=2)
"""A removal takes one request; after this long, whoever began it is gone, and the name is free again."""

MARK = "repastswap"
"""Name of an object's metadata; of letters only, which all stores take."""

_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound", "bucket does not exist")
"""What S3, Azure and Google Cloud Storage say where an object of a bucket that is not there was asked for."""

_DENIED = re.compile(r"status code: 40[13]\b")
"""What the client says of a list that was denied; of other requests it raises a class of its own."""

_RETRIES: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}
_CLIENT: Any = {
    "connect_timeout": timedelta(seconds=5),
    "timeout": timedelta(seconds=15),
    "allow_http": True,  # an endpoint that says http:// means it; all default endpoints say https://
}

_shared: dict[str, MemoryStore] = {}
_sharing = threading.Lock()


class Bucket:
    """Compare-and-swap by the store's own preconditions (If-Match, If-None-Match, generations).

    Object stores remove without a precondition, so a removal first swaps the document for a tombstone,
    which readers take for nothing there and which nobody may write over for two minutes, and then
    removes the object: it can only ever hit the tombstone.

    An answer may be lost after the store has written, and the client asks again and is refused: by its
    own write. Each write therefore carries a mark, by which a writer that failed knows what is there as its own.

    Args:
        url: Where the folder is.
        options: Settings of the client.
        now: Returns the present; tests pass their own.

    """

    def __init__(
        self,
        url: str,
        options: Mapping[str, str | int | float | bool],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._url = url.rstrip("/")
        self._options = dict(options)
        self._now = now
        self._opened: ObjectStore | None = None
        self._opening = threading.Lock()

    def load(self, name: str) -> Document | None:
        found = self._get(name)
        if found is None or found[0] == TOMBSTONE:
            return None
        return Document(found[0], _version(found[1]))

    def find_version(self, name: str) -> str | None:
        try:
            meta = obstore.head(self._store, name)
        except FileNotFoundError:
            return None
        except (BaseError, OSError) as error:
            raise self._failure(error, f"read {name!r}") from error
        return None if self._is_tombstone(meta) else _version(meta)

    def stamp(self, name: str) -> tuple[int, ...] | None:  # noqa: ARG002 - only a request could tell
        return None

    def swap(self, name: str, data: bytes | None, expected: str | None) -> Document | None:
        if data == TOMBSTONE:
            raise InvalidRequestError("These bytes mark a removed document; they cannot be one.")
        if data is None and expected is None:
            if self.load(name) is not None:
                raise self._conflict(name)
            return None
        mode = self._mode(name, expected)
        put = self._put(name, TOMBSTONE if data is None else data, mode)
        if data is None:
            self._delete(name)
            return None
        return Document(data, _version(put))

    def names(self, prefix: str) -> list[str]:
        folder = prefix.rpartition("/")[0]
        found: list[str] = []
        try:
            for page in obstore.list(self._store, folder or None):
                found += [meta["path"] for meta in page if not self._is_tombstone(meta)]
        except (BaseError, OSError) as error:
            raise self._failure(error, "list") from error
        return sorted(name for name in found if name.startswith(prefix))

    @property
    def _store(self) -> ObjectStore:
        with self._opening:
            if self._opened is None:
                self._opened = _open(self._url, self._options)
            return self._opened

    def _get(self, name: str) -> tuple[bytes, ObjectMeta] | None:
        try:
            result = obstore.get(self._store, name)
            return bytes(result.bytes()), result.meta
        except (BaseError, OSError) as error:
            if _is_gone(error):
                return None
            raise self._failure(error, f"read {name!r}") from error

    def _mode(self, name: str, expected: str | None) -> PutMode:
        if expected is not None:
            return cast("PutMode", _conditions(expected))
        found = self._get(name)
        if found is None:
            return "create"
        if found[0] != TOMBSTONE or self._now() - found[1]["last_modified"] < TOMBSTONE_AGE:
            raise self._conflict(name)
        return cast("PutMode", _conditions(_version(found[1])))

    def _put(self, name: str, data: bytes, mode: PutMode) -> ObjectMeta | PutResult:
        mark = secrets.token_hex(8)
        try:
            return obstore.put(self._store, name, data, mode=mode, use_multipart=False, attributes={MARK: mark})
        except (BaseError, OSError, NotImplementedError) as error:
            written = self._find_marked(name, mark)
            if written is not None:
                return written
            # S3 answers "not found", not "precondition failed", when there is no object to replace any more.
            if isinstance(error, AlreadyExistsError | PreconditionError) or _is_gone(error):
                raise self._conflict(name) from error
            raise self._failure(error, f"write {name!r}") from error

    def _find_marked(self, name: str, mark: str) -> ObjectMeta | None:
        try:
            found = obstore.get(self._store, name)
        except (BaseError, OSError):  # the write's own error says more
            return None
        return found.meta if found.attributes.get(MARK) == mark else None

    def _delete(self, name: str) -> None:
        try:
            obstore.delete(self._store, name)
        except FileNotFoundError:
            return
        except (BaseError, OSError) as error:
            raise self._failure(error, f"remove {name!r}") from error

    def _is_tombstone(self, meta: ObjectMeta) -> bool:
        if meta["size"] != len(TOMBSTONE):
            return False
        found = self._get(meta["path"])
        return found is None or found[0] == TOMBSTONE

    def _conflict(self, name: str) -> ConflictError:
        return ConflictError(
            f"{self._url}/{name} was changed by somebody else meanwhile; nothing was written.",
            context={"document": name},
        )

    def _failure(self, error: Exception, action: str) -> RepastError:
        """Say what a client's error means for a registry; its own text is long and about HTTP."""
        subject = f"Cannot {action} in the registry {self._url}"
        if isinstance(error, FileNotFoundError) or any(code in str(error) for code in _NO_BUCKET):
            return UnavailableError(f"{subject}: there is no such bucket.", hint="create the bucket, or name another")
        if isinstance(error, PermissionDeniedError | UnauthenticatedError) or _DENIED.search(str(error)):
            return UnavailableError(f"{subject}: permission denied.", hint="check the credentials and their rights")
        if isinstance(error, NotSupportedError | NotImplementedError):
            return UnsupportedError(
                f"{subject}: this store has no conditional writes.", hint="use one that has: S3, GCS, Azure, MinIO"
            )
        return UnavailableError(
            f"{subject}: {_reason(error)}", hint="check the address, the network and the credentials"
        )


def _open(url: str, options: Mapping[str, str | int | float | bool]) -> ObjectStore:
    if url.startswith("memory:"):
        return _memory(url)
    settings = {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in options.items()}
    try:
        # Its overloads tell the settings of S3, GCS and Azure apart, which here only the url does.
        store: ObjectStore = cast(Any, from_url)(url, config=settings, client_options=_CLIENT, retry_config=_RETRIES)
        return store
    except UnknownConfigurationKeyError as error:
        raise InvalidConfigError(f"registry.storage_options: {_reason(error)}") from error
    except (BaseError, ValueError) as error:
        raise InvalidConfigError(
            f"The registry {url} cannot be opened: {_reason(error)}",
            hint="check the address, and registry.storage_options or the cloud's environment variables",
        ) from error


def _memory(url: str) -> MemoryStore:
    if url in ("memory:", "memory:/", "memory://"):
        return MemoryStore()
    with _sharing:
        return _shared.setdefault(url, MemoryStore())


def _is_gone(error: Exception) -> bool:
    """Whether there is no such object, in a bucket that is there."""
    return isinstance(error, FileNotFoundError) and not any(code in str(error) for code in _NO_BUCKET)


def _reason(error: Exception) -> str:
    """The first line of a client's message, without the queries of addresses, which may be signed."""
    return re.sub(r": <\?xml.*|\?\S*", "", str(error).partition("\n")[0]).rstrip(". ") + "."


def _version(found: ObjectMeta | PutResult) -> str:
    """Both marks a store may give an object, since which of them it checks depends on the store."""
    return f"{found.get('e_tag') or ''}\n{found.get('version') or ''}"


def _conditions(version: str) -> dict[str, str]:
    e_tag, _, number = version.partition("\n")
    return {key: value for key, value in (("e_tag", e_tag), ("version", number)) if value}
