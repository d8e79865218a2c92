"""The generations of one project, each a document beside its manifest; the last hundred are kept."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from repast.core.clock import Clock, to_us
from repast.core.history import Change, HistoryEntry, changes_between, decode_entry, encode_entry
from repast.core.manifest import Manifest, decode_manifest, encode_manifest
from repast.errors import ConflictError, InvalidRequestError, NotFoundError, UnavailableError
from repast.ports.registry import Document, RegistryStore

HISTORY_LENGTH = 100
"""Generations that are kept."""

_logger = logging.getLogger("repast.registry")


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One generation of a project: when it was registered and what it changed."""

    generation: int
    time: datetime
    changes: tuple[Change, ...]


class History:
    """What was registered for a project before, and when.

    The manifest is swapped first and its history entry written after it. Whoever is stopped between the
    two leaves a gap, which the next writer fills before it replaces the manifest: nothing is lost.

    Args:
        store: Where the documents are.
        project: Name of the project.
        clock: Returns the present.

    """

    def __init__(self, store: RegistryStore, project: str, *, clock: Clock) -> None:
        self._store = store
        self._project = project
        self._clock = clock
        self._folder = f"history/{project}/"

    def names(self) -> Sequence[str]:
        """Return the documents of the history, oldest first."""
        return self._store.names(self._folder)

    def log(self, limit: int) -> list[LogEntry]:
        """Return the latest generations, newest first."""
        if limit < 0:
            raise InvalidRequestError(f"limit must be 0 or more, not {limit}.")
        names = sorted(self.names(), reverse=True)[:limit]
        entries = [entry for name in names if (entry := self._find(name)) is not None]
        return [LogEntry(entry.generation, entry.time, entry.changes) for entry in entries]

    def get(self, generation: int) -> Manifest:
        """Return the manifest of a generation.

        Raises:
            NotFoundError: There was none, or it is older than the history.

        """
        if not isinstance(generation, int) or isinstance(generation, bool):
            raise InvalidRequestError(
                f"generation must be a whole number, not {generation!r}.", hint="store.log() lists the generations"
            )
        manifest = self._find_manifest(generation)
        if manifest is not None:
            return manifest
        kept = [int(name.rpartition("/")[2].removesuffix(".json")) for name in self.names()]
        raise NotFoundError(
            f"There is no generation {generation} of project {self._project!r} in the history.",
            hint=f"it has {min(kept)} to {max(kept)}: see repast log" if kept else "nothing was ever applied",
            context={"generation": generation, "project": self._project},
        )

    def fill_gap(self, manifest: Manifest) -> None:
        """Add a manifest that is about to be replaced, if whoever registered it did not (or not yet)."""
        if self._store.find_version(self._name(manifest.generation)) is not None:  # a list costs more, and grows
            return
        first = manifest.generation == 1
        before = Manifest(project=manifest.project) if first else self._find_manifest(manifest.generation - 1)
        self.add(manifest, before)

    def add(self, manifest: Manifest, before: Manifest | None) -> None:
        """Add a generation. It is registered already, so failing here must not look as if it were not."""
        entry = HistoryEntry(
            generation=manifest.generation,
            time_us=to_us(self._clock()),
            changes=changes_between(before, manifest) if before is not None else (),
            manifest=msgspec.Raw(encode_manifest(manifest)),
        )
        try:
            self._store.swap(self._name(manifest.generation), encode_entry(entry), None)
        except ConflictError:
            return  # whoever came next found it missing and wrote it
        except UnavailableError as error:
            _logger.warning("generation %s is registered but not yet in the history: %s", manifest.generation, error)

    def prune(self, newest: int) -> None:
        """Remove the generations that are too old to be kept; what can't be removed now is the next time."""
        if newest <= HISTORY_LENGTH:  # nothing is too old yet: a list of it costs more than all else here
            return
        oldest = self._name(newest - HISTORY_LENGTH + 1)
        try:
            self.forget({name: self._store.load(name) for name in self.names() if name < oldest})
        except UnavailableError as error:
            _logger.warning("the history was not shortened: %s", error)

    def load_all(self) -> dict[str, Document | None]:
        """Return every document of the history as it is now."""
        return {name: self._store.load(name) for name in self.names()}

    def forget(self, documents: dict[str, Document | None]) -> None:
        """Remove these documents, unless they have changed or are gone."""
        for name, document in documents.items():
            if document is None:
                continue
            try:
                self._store.swap(name, None, document.version)
            except ConflictError:
                continue
            except UnavailableError as error:
                _logger.warning("%s could not be removed from the history: %s", name, error)

    def _name(self, generation: int) -> str:
        return f"{self._folder}{generation:08d}.json"

    def _find(self, name: str) -> HistoryEntry | None:
        document = self._store.load(name)
        return decode_entry(document.data, where=f"registry document {name!r}") if document else None

    def _find_manifest(self, generation: int) -> Manifest | None:
        name = self._name(generation)
        entry = self._find(name)
        where = f"the manifest in registry document {name!r}"
        return decode_manifest(bytes(entry.manifest), where=where) if entry else None
