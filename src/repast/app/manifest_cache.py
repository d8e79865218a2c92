"""The manifest as readers see it: kept in memory, read anew when it is due."""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from weakref import WeakSet

from repast.app.poller import Poller
from repast.core.clock import Clock
from repast.core.manifest import Manifest, ProjectSpec, decode_manifest
from repast.errors import ClosedError, CorruptDataError, RepastError
from repast.ports.registry import Document, RegistryStore

REMOTE_TTL = timedelta(seconds=10)
"""How old a manifest may be when only a network request can tell whether it changed."""

_NEVER = (-1,)
"""A stamp that no document has: the next look reads it."""

_logger = logging.getLogger("repast.registry")


@dataclass(frozen=True, slots=True)
class Cached:
    """A manifest, where it came from, and when that was last known to be so."""

    manifest: Manifest
    version: str | None
    stamp: tuple[int, ...] | None
    checked: datetime


class ManifestCache:
    """One project's manifest, shared by all threads.

    Where the store can tell cheaply whether the document changed (files), it is asked each time, so a
    change is seen at once. Where it can't (databases, object stores), a thread asks for its version twice
    per ttl and reads it when that changed, so who wants the manifest never waits for the network. After
    minutes of silence the thread ends, and the next to ask waits for a look of its own if the last is
    older than the ttl. Should looking fail while an earlier manifest is at hand, that one is served on and
    the failure is logged, once per failure.

    Args:
        store: Where the document is.
        project: Name of the project.
        clock: Returns the present.
        ttl: How old the manifest may be; None: the default described above. Zero: it is read once.

    """

    def __init__(self, store: RegistryStore, project: str, *, clock: Clock, ttl: timedelta | None) -> None:
        self.document = f"{project}.json"
        self._store = store
        self._project = project
        self._clock = clock
        self._ttl = ttl
        self._cached: Cached | None = None
        self._failure = ""
        self._begin()
        _caches.add(self)

    def get(self) -> Manifest:
        """Return the manifest, read anew if it is due; the same object as long as nothing changed."""
        cached = self._cached
        if cached is None:
            found = self.refresh()
            if self._ttl or (self._ttl is None and found.stamp is None):
                self._poller.ask()
            return found.manifest
        if self._ttl is None and cached.stamp is not None:
            if self._store.stamp(self.document) != cached.stamp:
                self._refresh_or_keep(cached)
        elif self._ttl is None or self._ttl:
            self._look_when_due(cached)
        return (self._cached or cached).manifest

    def refresh(self) -> Cached:
        """Read the manifest now.

        Raises:
            UnavailableError, CorruptDataError, UnsupportedError: It can't be read; what is kept stays.

        """
        with self._lock:
            self._cached = self._read()
            self._failure = ""
            return self._cached

    def peek(self) -> Manifest | None:
        """Return the manifest as it was last seen or registered here, without looking for a newer one."""
        cached = self._cached
        return None if cached is None else cached.manifest

    def find(self, version: str | None) -> Manifest | None:
        """Return the kept manifest if it is the one of this version."""
        cached = self._cached
        return cached.manifest if cached is not None and version is not None and cached.version == version else None

    def remember(self, manifest: Manifest, written: Document | None) -> None:
        """Keep what was just registered, unless something newer was read already."""
        stamp = None if self._store.stamp(self.document) is None else _NEVER
        with self._lock:
            if self._cached is None or self._cached.manifest.generation < manifest.generation:
                self._cached = Cached(manifest, written.version if written else None, stamp, self._clock())

    def forget(self) -> None:
        """Read the manifest at the next use."""
        with self._lock:
            self._cached = None

    def close(self) -> None:
        """Look no more, and wait for a look that is under way."""
        self._poller.stop()

    def _begin(self) -> None:
        """Make what a forked process cannot share with its parent."""
        self._lock = threading.Lock()
        self._poller = Poller(self._look, (self._ttl or REMOTE_TTL) / 2)

    def _look_when_due(self, cached: Cached) -> None:
        ttl = self._ttl or REMOTE_TTL
        age = self._clock() - cached.checked
        is_looked_after = self._poller.ask()
        if timedelta(0) <= age < ttl / 2:
            return
        if is_looked_after:
            self._poller.wake()  # it is late, or the clock was set
        elif not timedelta(0) <= age < ttl:
            self._refresh_or_keep(cached)

    def _look(self) -> None:
        cached = self._cached
        if cached is not None:
            self._refresh_or_keep(cached)

    def _refresh_or_keep(self, seen: Cached) -> None:
        """Read the manifest unless that was done since ``seen``; keep the one there is if that fails."""
        with self._lock:
            if self._cached is not seen:
                return
            try:
                self._cached = self._read()
                self._failure = ""
            except ClosedError:
                return
            except RepastError as error:
                self._cached = replace(seen, checked=self._clock())  # asks again after the ttl, not at every call
                if str(error) != self._failure:
                    self._failure = str(error)
                    _logger.warning("serving on with the last registry that could be read: %s", error)

    def _read(self) -> Cached:
        checked = self._clock()
        stamp = self._store.stamp(self.document)  # before reading: a change meanwhile is then seen next time
        cached = self._cached
        if cached is not None and stamp is None and self._store.find_version(self.document) == cached.version:
            return replace(cached, stamp=None, checked=checked)
        found = self._store.load(self.document)
        version = found.version if found else None
        if cached is not None and cached.version == version:
            return replace(cached, stamp=stamp, checked=checked)
        return Cached(self._decode(found), version, stamp, checked)

    def _decode(self, document: Document | None) -> Manifest:
        if document is None:
            return Manifest(project=ProjectSpec(name=self._project))
        manifest = decode_manifest(document.data, where=f"registry document {self.document!r}")
        if manifest.project.name != self._project:
            raise CorruptDataError(
                f"Registry document {self.document!r} is of project {manifest.project.name!r}.",
                hint="it was left untouched; put the right document back",
            )
        return manifest


_caches: WeakSet[ManifestCache] = WeakSet()


def _begin_anew() -> None:
    """In a forked process a lock may be held for ever by a thread that is not there."""
    for cache in list(_caches):
        cache._begin()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
