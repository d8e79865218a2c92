"""One project's registry: its manifest, its load bookkeeping, its history."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from repast.app.history import HISTORY_LENGTH, History, LogEntry
from repast.app.manifest_cache import REMOTE_TTL, ManifestCache
from repast.core.clock import Clock, system_clock
from repast.core.history import Change
from repast.core.manifest import Manifest, ProjectState, decode_manifest, decode_state, encode_manifest
from repast.errors import ConflictError, InvalidRequestError

if TYPE_CHECKING:
    from repast.core.definitions import Project
    from repast.ports.registry import RegistryStore

__all__ = ["HISTORY_LENGTH", "REMOTE_TTL", "Change", "LogEntry", "Registry"]

_ATTEMPTS = 50


class Registry:
    """A project in a registry store: ``<project>.json``, ``<project>.state.json``, ``history/<project>/``.

    Args:
        store: Where the documents are.
        project: Name of the project.
        clock: Returns the present.
        ttl: How old the manifest of :meth:`manifest` may be. None: files are checked at every call, what
            is behind a network is at most ten seconds old. Zero: it is read once.
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
        self._sleep = sleep
        self._state_document = f"{project}.state.json"
        self._cache = ManifestCache(store, project, clock=clock, ttl=ttl)
        self._history = History(store, project, clock=clock)

    # -- the manifest -----------------------------------------------------------------------------

    def manifest(self) -> Manifest:
        """Return the manifest, read anew when it is due; an empty one of generation 0 if never applied.

        Made for the serving path: as long as nothing changes it is the same object, and a failure to read
        it anew is logged, not raised.

        Raises:
            UnavailableError: The store can't be reached, and there is no earlier manifest.
            CorruptDataError: What is there is no manifest, and there is no earlier one.

        """
        return self._cache.get()

    def peek(self) -> Manifest | None:
        """Return the manifest as it was last seen or registered in this process, without looking at the store."""
        return self._cache.peek()

    def refresh(self) -> None:
        """Read the manifest now. Raises what :meth:`load_manifest` raises."""
        self._cache.refresh()

    def load_manifest(self) -> tuple[Manifest, str | None]:
        """Read the manifest as it is now, with the version that :meth:`swap_manifest` has to name.

        Raises:
            UnavailableError: The store can't be reached.
            CorruptDataError: What is there is no manifest of this project; it is left untouched.
            UnsupportedError: A newer Repast wrote it.

        """
        cached = self._cache.refresh()
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
        # A new project may find the history of one of its name whose removal was interrupted.
        remains = {} if expected else self._history.load_all()
        if expected:
            self._history.fill_gap(old)
        written = self._store.swap(self._cache.document, encode_manifest(new), expected)
        self._history.forget(remains)
        self._cache.remember(new, written)
        self._history.add(new, old)
        self._history.prune(new.generation)

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
                self._wait(attempt)
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
        return self._history.log(limit)

    def history(self, generation: int) -> Manifest:
        """Return the manifest of an earlier generation.

        Raises:
            NotFoundError: There was none, or it is older than the history.

        """
        return self._history.get(generation)

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
            for name in (self._cache.document, self._state_document, *self._history.names()):
                self._remove(name)
        finally:
            self._cache.forget()

    def close(self) -> None:
        """Release the store. Idempotent."""
        self._cache.close()
        self._store.close()

    # -- inside -----------------------------------------------------------------------------------

    def _manifest_of(self, version: str | None) -> Manifest:
        """The manifest that was loaded under a version; a conflict if it is no longer the one."""
        kept = self._cache.find(version)
        if kept is not None:
            return kept
        manifest, current = self.load_manifest()
        if current != version:
            raise ConflictError(f"Project {self._project!r} was changed by somebody else; nothing was written.")
        return manifest

    def _load_state(self) -> tuple[ProjectState, str | None]:
        document = self._store.load(self._state_document)
        if document is None:
            return ProjectState(), None
        where = f"registry document {self._state_document!r}"
        return decode_state(document.data, where=where), document.version

    def _remove(self, name: str) -> None:
        for attempt in range(_ATTEMPTS):
            document = self._store.load(name)
            if document is None:
                return
            try:
                self._store.swap(name, None, document.version)
            except ConflictError:
                self._wait(attempt)
            else:
                return
        raise ConflictError(f"Registry document {name!r} could not be removed: others keep changing it.")

    def _wait(self, attempt: int) -> None:
        """Wait at random, longer with each attempt, so that writers get out of each other's way."""
        import random

        self._sleep(min(0.5, 0.002 * 2**attempt) * random.random())  # noqa: S311
