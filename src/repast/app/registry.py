"""One project's registry: its manifest as readers see it, its load bookkeeping, its history."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from repast.core.clock import Clock, system_clock, to_us
from repast.core.history import Change, HistoryEntry, changes_between, decode_entry, encode_entry
from repast.core.manifest import (
    Manifest,
    ProjectSpec,
    ProjectState,
    decode_manifest,
    decode_state,
    encode_manifest,
)
from repast.errors import ConflictError, CorruptDataError, InvalidRequestError, NotFoundError, UnavailableError

if TYPE_CHECKING:
    from repast.core.definitions import Project
    from repast.ports.registry import Document, RegistryStore

__all__ = ["Change", "LogEntry", "Registry"]

HISTORY_LENGTH = 100
"""Generations that are kept."""

REMOTE_TTL = timedelta(seconds=10)
"""How old a manifest may be when only a network request can tell whether it changed."""

_ATTEMPTS = 50
_NEVER = (-1,)
"""A stamp that no document has: the next look reads it."""

_logger = logging.getLogger("repast.registry")


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One generation of a project: when it was registered and what it changed."""

    generation: int
    time: datetime
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class _Cached:
    manifest: Manifest
    version: str | None
    stamp: tuple[int, ...] | None
    checked: datetime


class Registry:
    """A project in a registry store.

    :meth:`manifest` is made for the serving path. Where the store can tell cheaply whether a document
    changed (files), it asks each time, so a change is seen at once. Where it can't (object stores), the
    manifest served is never older than the ttl: from half of it on it is read anew in the background, and
    only who comes after that has to wait. Should reading fail while an earlier manifest is at hand, that
    one is served on and the failure is logged; :meth:`refresh` and :meth:`load_manifest` raise it.

    Args:
        store: Where the documents are.
        project: Name of the project.
        clock: Returns the present.
        ttl: How old the manifest may be; None: the default described above. Zero: it is read once.
        sleep: Waits between attempts when another process was faster.

    """

    def __init__(
        self,
        store: RegistryStore,
        project: str,
        *,
        clock: Clock = system_clock,
        ttl: timedelta | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._project = project
        self._clock = clock
        self._ttl = ttl
        self._sleep = sleep
        self._document = f"{project}.json"
        self._state_document = f"{project}.state.json"
        self._cached: _Cached | None = None
        self._lock = threading.Lock()
        self._refresher: threading.Thread | None = None
        self._failure = ""

    # -- the manifest -----------------------------------------------------------------------------

    def manifest(self) -> Manifest:
        """Return the manifest, read anew when it is due; an empty one of generation 0 if never applied.

        As long as nothing changes it is the same object each time.

        Raises:
            UnavailableError: The store can't be reached, and there is no earlier manifest.
            CorruptDataError: What is there is no manifest, and there is no earlier one.

        """
        cached = self._cached
        if cached is None:
            self.refresh()
            cached = self._cached
            assert cached is not None  # refresh sets it or raises
            return cached.manifest
        if self._ttl is None and cached.stamp is not None:
            if self._store.stamp(self._document) != cached.stamp:
                self._refresh_or_keep(cached)
        elif self._ttl is None or self._ttl:
            self._refresh_when_due(cached, self._ttl or REMOTE_TTL)
        current = self._cached
        return current.manifest if current else cached.manifest

    def refresh(self) -> None:
        """Read the manifest now. Raises what :meth:`load_manifest` raises."""
        with self._lock:
            self._cached = self._read()
            self._failure = ""

    def load_manifest(self) -> tuple[Manifest, str | None]:
        """Read the manifest as it is now, with the version that :meth:`swap_manifest` has to name.

        Raises:
            UnavailableError: The store can't be reached.
            CorruptDataError: What is there is no manifest of this project; it is left untouched.
            UnsupportedError: A newer Repast wrote it.

        """
        self.refresh()
        cached = self._cached
        assert cached is not None
        return cached.manifest, cached.version

    def swap_manifest(self, new: Manifest, expected: str | None) -> None:
        """Register a new manifest if nobody has registered another one since ``expected`` was loaded.

        The generation is added to the history, which keeps the last 100.

        Raises:
            ConflictError: The manifest is another one now; nothing was changed.
            UnavailableError: The store can't be reached; the swap may or may not have happened.

        """
        old = self._manifest_of(expected)
        if new.project.name != self._project or new.generation <= old.generation:
            raise InvalidRequestError(
                f"A manifest of project {self._project!r} must have a generation above {old.generation}, not "
                f"{new.generation} (project {new.project.name!r})."
            )
        known = self._store.names(self._history())
        remains = [] if expected else [(name, self._store.load(name)) for name in known]
        if expected and self._entry_name(old.generation) not in known:
            self._record(old, self._before(old))  # whoever registered it was stopped, or is about to
        written = self._store.swap(self._document, encode_manifest(new), expected)
        for name, document in remains:  # of a project of this name whose removal was interrupted
            self._forget(name, document)
        self._remember(new, written)
        self._record(new, old)
        self._prune(known, new.generation)

    # -- load bookkeeping -------------------------------------------------------------------------

    def state(self) -> ProjectState:
        """Return what loads have noted, as it is now."""
        return self._load_state()[0]

    def update_state(self, change: Callable[[ProjectState], ProjectState]) -> ProjectState:
        """Change what loads have noted; return it. ``change`` is called again whenever somebody was faster.

        Raises:
            ConflictError: Somebody else was faster dozens of times in a row.

        """
        for attempt in range(_ATTEMPTS):
            state, version = self._load_state()
            changed = change(state)
            if changed == state:
                return state
            try:
                self._store.swap(self._state_document, encode_manifest(changed), version)
            except ConflictError:
                self._sleep(min(0.5, 0.002 * 2**attempt) * random.random())  # noqa: S311 - spreads the writers
            else:
                return changed
        raise ConflictError(
            f"The load bookkeeping of project {self._project!r} could not be updated: others were faster "
            f"{_ATTEMPTS} times in a row.",
            hint="run the load again",
        )

    # -- history ----------------------------------------------------------------------------------

    def log(self, limit: int = 20) -> list[LogEntry]:
        """Return the latest generations, newest first."""
        if limit < 0:
            raise InvalidRequestError(f"limit must be 0 or more, not {limit}.")
        names = sorted(self._store.names(self._history()), reverse=True)[:limit]
        entries = [entry for name in names if (entry := self._load_entry(name)) is not None]
        return [LogEntry(entry.generation, entry.time, entry.changes) for entry in entries]

    def history(self, generation: int) -> Manifest:
        """Return the manifest of an earlier generation.

        Raises:
            NotFoundError: There was none, or it is older than the history.

        """
        name = self._entry_name(generation)
        entry = self._load_entry(name)
        if entry is not None:
            return decode_manifest(bytes(entry.manifest), where=f"the manifest in registry document {name!r}")
        kept = [int(name.rpartition("/")[2].removesuffix(".json")) for name in self._store.names(self._history())]
        raise NotFoundError(
            f"There is no generation {generation} of project {self._project!r} in the history.",
            hint=f"it has {min(kept)} to {max(kept)}: see repast log" if kept else "nothing was ever applied",
            context={"generation": generation, "project": self._project},
        )

    # -- projects ---------------------------------------------------------------------------------

    def projects(self) -> list[Project]:
        """Return all projects in the store, by name."""
        from repast.core.definitions import Project

        found = []
        for name in self._store.names():
            if "/" in name or not name.endswith(".json") or name.endswith(".state.json"):
                continue
            document = self._store.load(name)
            if document is not None:
                spec = decode_manifest(document.data, where=f"registry document {name!r}").project
                found.append(Project(name=spec.name, description=spec.description, tags=spec.tags, owner=spec.owner))
        return sorted(found, key=lambda project: project.name)

    def remove(self) -> None:
        """Remove this project's manifest, bookkeeping and history; nothing of any other project.

        Should it be interrupted, calling it again finishes the work.
        """
        try:
            for name in (self._document, self._state_document, *self._store.names(self._history())):
                self._remove(name)
        finally:
            with self._lock:
                self._cached = None

    def close(self) -> None:
        """Release the store. Idempotent."""
        refresher = self._refresher
        if refresher is not None and refresher is not threading.current_thread():
            refresher.join()
        self._store.close()

    # -- inside -----------------------------------------------------------------------------------

    def _decode(self, document: Document | None) -> Manifest:
        if document is None:
            return Manifest(project=ProjectSpec(name=self._project))
        manifest = decode_manifest(document.data, where=f"registry document {self._document!r}")
        if manifest.project.name != self._project:
            raise CorruptDataError(
                f"Registry document {self._document!r} is of project {manifest.project.name!r}.",
                hint="it was left untouched; put the right document back",
            )
        return manifest

    def _manifest_of(self, version: str | None) -> Manifest:
        """The manifest that was loaded under a version; a conflict if it is no longer the one."""
        cached = self._cached
        if version is None or cached is None or cached.version != version:
            manifest, current = self.load_manifest()
            if current != version:
                raise ConflictError(f"Project {self._project!r} was changed by somebody else; nothing was written.")
            return manifest
        return cached.manifest

    def _read(self) -> _Cached:
        checked = self._clock()
        stamp = self._store.stamp(self._document)  # before reading: a change meanwhile is then seen next time
        found = self._store.load(self._document)
        version = found.version if found else None
        cached = self._cached
        if cached is not None and cached.version == version:
            return replace(cached, stamp=stamp, checked=checked)
        return _Cached(self._decode(found), version, stamp, checked)

    def _remember(self, manifest: Manifest, written: Document | None) -> None:
        """Keep what was just registered, unless something newer was read already."""
        stamp = None if self._store.stamp(self._document) is None else _NEVER
        with self._lock:
            if self._cached is None or self._cached.manifest.generation < manifest.generation:
                self._cached = _Cached(manifest, written.version if written else None, stamp, self._clock())

    def _refresh_when_due(self, cached: _Cached, ttl: timedelta) -> None:
        age = self._clock() - cached.checked
        if age >= ttl or age < timedelta(0):
            self._refresh_or_keep(cached)
        elif age * 2 >= ttl and (self._refresher is None or not self._refresher.is_alive()):
            self._refresher = threading.Thread(
                target=self._refresh_or_keep, args=(cached,), name="repast-registry", daemon=True
            )
            self._refresher.start()

    def _refresh_or_keep(self, seen: _Cached) -> None:
        """Read the manifest unless that was done since ``seen``; keep the one there is if that fails."""
        with self._lock:
            if self._cached is not seen:
                return
            try:
                self._cached = self._read()
                self._failure = ""
            except (UnavailableError, CorruptDataError) as error:
                self._cached = replace(seen, checked=self._clock())  # asks again after the ttl, not at every call
                if str(error) != self._failure:
                    self._failure = str(error)
                    _logger.warning("serving on with the last registry that could be read: %s", error)

    def _load_state(self) -> tuple[ProjectState, str | None]:
        document = self._store.load(self._state_document)
        if document is None:
            return ProjectState(), None
        where = f"registry document {self._state_document!r}"
        return decode_state(document.data, where=where), document.version

    def _history(self) -> str:
        return f"history/{self._project}/"

    def _entry_name(self, generation: int) -> str:
        return f"{self._history()}{generation:08d}.json"

    def _load_entry(self, name: str) -> HistoryEntry | None:
        document = self._store.load(name)
        return decode_entry(document.data, where=f"registry document {name!r}") if document else None

    def _before(self, manifest: Manifest) -> Manifest | None:
        """The generation before a manifest's, if the history has it."""
        if manifest.generation == 1:
            return Manifest(project=manifest.project)
        entry = self._load_entry(self._entry_name(manifest.generation - 1))
        return decode_manifest(bytes(entry.manifest), where="a history entry") if entry else None

    def _record(self, manifest: Manifest, old: Manifest | None) -> None:
        """Add a generation to the history. The manifest is registered already, so failing must not undo that."""
        import msgspec

        entry = HistoryEntry(
            generation=manifest.generation,
            time_us=to_us(self._clock()),
            changes=changes_between(old, manifest) if old is not None else (),
            manifest=msgspec.Raw(encode_manifest(manifest)),
        )
        try:
            self._store.swap(self._entry_name(manifest.generation), encode_entry(entry), None)
        except ConflictError:
            return  # whoever came next found it missing and wrote it
        except UnavailableError as error:
            _logger.warning("generation %s is registered but not yet in the history: %s", manifest.generation, error)

    def _prune(self, known: Sequence[str], newest: int) -> None:
        oldest_kept = self._entry_name(max(0, newest - HISTORY_LENGTH + 1))
        for name in known:
            if name < oldest_kept:
                self._forget(name, self._store.load(name))

    def _forget(self, name: str, document: Document | None) -> None:
        """Remove a document of the history unless it has changed or is gone."""
        if document is None:
            return
        try:
            self._store.swap(name, None, document.version)
        except ConflictError:
            return
        except UnavailableError as error:
            _logger.warning("%s could not be removed from the history: %s", name, error)

    def _remove(self, name: str) -> None:
        for attempt in range(_ATTEMPTS):
            document = self._store.load(name)
            if document is None:
                return
            try:
                self._store.swap(name, None, document.version)
            except ConflictError:
                self._sleep(min(0.5, 0.002 * 2**attempt) * random.random())  # noqa: S311
            else:
                return
        raise ConflictError(f"Registry document {name!r} could not be removed: others keep changing it.")
