"""Check a Feast repo: load it through the feast package of Repast, apply nothing, say what becomes of it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from repast.app.config import FILE_NAME, RepoConfig
from repast.app.document import Document, decode_document
from repast.app.migration.compat import Notice, hearing, require_compat
from repast.app.migration.difference import differences
from repast.app.migration.finding import CheckedObject, CheckReport, Finding
from repast.core.definitions import Definition
from repast.core.manifest import Manifest, ProjectSpec, SourceSpec
from repast.errors import (
    InvalidConfigError,
    InvalidDefinitionError,
    Location,
    MissingDependencyError,
    NotFoundError,
    Problem,
    RepastError,
    UnavailableError,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from repast.app.loading import LoadedRepo
    from repast.ports.offline import OfflineEngine

NOT_SEEN = (UnavailableError, MissingDependencyError)
"""Why a source could not be looked at here and now; that says nothing about the definitions."""


def check_repo(repo: Path, *, look: bool = True) -> CheckReport:
    """Return what Repast makes of a Feast repo. Its files are imported; nothing is written, no store is opened.

    Args:
        repo: The folder with feature_store.yaml.
        look: Look at the columns of the sources, where they can be reached.

    Raises:
        MissingDependencyError: ``import feast`` is not Repast's package.
        NotFoundError: There is no feature_store.yaml.

    """
    require_compat()
    from repast.app.migration.tolerant import load_tolerantly

    document, config, others = _configuration(repo)
    with hearing() as heard:
        loaded = load_tolerantly(repo)
    sources = _Sources(config if look else None, "feature_store.yaml is refused" if look else "--no-sources was given")
    project = str(document.values.get("project", "")) if document else ""
    manifest, problems = _resolve(loaded, project, sources)
    found = [*others, *(_said(notice) for notice in heard), *_as_findings(problems, sources)]
    return _report(project, loaded.definitions, found, manifest, sources.columns)


# -- feature_store.yaml ---------------------------------------------------------------------------


def _configuration(repo: Path) -> tuple[Document | None, RepoConfig | None, list[Finding]]:
    from repast.app.plugin import check_backends

    path = repo.absolute() / FILE_NAME
    if not path.is_file():
        raise NotFoundError(f"There is no {FILE_NAME} in {repo}.", hint="name the folder of the Feast repo")
    document = None
    try:
        document = decode_document(path.read_bytes(), file=str(path), environ=os.environ)
        config = RepoConfig.of(document, repo_path=repo.absolute())
        problems = check_backends(config)
    except InvalidConfigError as error:
        return document, None, [Finding.refused(problem) for problem in error.problems]
    except RepastError as error:
        return document, None, [Finding("refused", error.message, error.hint, Location(str(path), 1))]
    ignored = [
        Finding("ignored", f"{key}: {reason}", location=document.location(*key.split(".")))
        for key, reason in config.ignored.items()
    ]
    return document, config, [*ignored, *(Finding.refused(problem) for problem in problems)]


# -- definitions ----------------------------------------------------------------------------------


class _Sources:
    """Looks at sources through the engine of the configuration, and remembers what it saw and what it could not."""

    def __init__(self, config: RepoConfig | None, why_not: str) -> None:
        self._config = config
        self._why_not = why_not
        self.columns: dict[str, pa.Schema] = {}
        self.unseen: dict[str, str] = {}
        """Message -> hint, of sources that were not looked at."""

    def inspect(self, sources: Sequence[SourceSpec]) -> Mapping[str, pa.Schema | RepastError]:
        """Return the columns of sources, or why they cannot be read."""
        try:
            engine = self._open()
        except RepastError as error:
            return {source.name: self._note(source, error) for source in sources}
        try:
            return {source.name: self._inspect(engine, source) for source in sources}
        finally:
            engine.close()

    def _open(self) -> OfflineEngine:
        from repast.app.plugin import open_offline_engine

        if self._config is None:
            raise UnavailableError(f"{self._why_not}.")
        return open_offline_engine(self._config)

    def _inspect(self, engine: OfflineEngine, source: SourceSpec) -> pa.Schema | RepastError:
        try:
            self.columns[source.name] = engine.inspect(source)
        except NOT_SEEN as error:
            return self._note(source, error)
        except RepastError as error:
            return error
        return self.columns[source.name]

    def _note(self, source: SourceSpec, error: RepastError) -> RepastError:
        """Return an error that is told from a real problem by its message."""
        noted = UnavailableError(f"{source.name} was not looked at: {error.message}", hint=error.hint)
        self.unseen[noted.message] = noted.hint
        return noted


def _resolve(loaded: LoadedRepo, project: str, sources: _Sources) -> tuple[Manifest | None, Sequence[Problem]]:
    from repast.core.resolve import resolve_definitions

    try:
        manifest = resolve_definitions(
            loaded.definitions,
            base=Manifest(project=ProjectSpec(name=project)),
            inspect=sources.inspect,
            partial=False,
            problems=loaded.problems,
        )
    except InvalidDefinitionError as error:
        return None, error.problems
    return manifest, ()


def _as_findings(problems: Iterable[Problem], sources: _Sources) -> list[Finding]:
    return [
        Finding("unknown", problem.message, problem.hint, problem.location, subject=problem.subject)
        if problem.message in sources.unseen
        else Finding.refused(problem)
        for problem in problems
    ]


def _said(notice: Notice) -> Finding:
    legacy = " is an old spelling " in notice.message
    return Finding("legacy" if legacy else "ignored", notice.message, location=notice.location)


# -- report ---------------------------------------------------------------------------------------


def _report(
    project: str,
    definitions: Iterable[Definition],
    found: Iterable[Finding],
    manifest: Manifest | None,
    columns: Mapping[str, pa.Schema],
) -> CheckReport:
    """Give every finding to the object that it names or that was written at its place; the rest is about the repo."""
    listed = sorted(definitions, key=lambda d: (d.location.file, d.location.line) if d.location else ("", 0))
    by_subject: dict[str, list[Finding]] = {f"{d.kind} {d.name!r}": [] for d in listed}
    by_place = {d.location: by_subject[f"{d.kind} {d.name!r}"] for d in reversed(listed) if d.location}
    others: list[Finding] = []
    for finding in dict.fromkeys(found):
        nearest = by_place.get(finding.location, others) if finding.location else others
        by_subject.get(finding.subject, nearest).append(finding)
    objects = [
        CheckedObject(
            definition.kind,
            definition.name,
            definition.location,
            (*by_subject[f"{definition.kind} {definition.name!r}"], *differences(definition, manifest, columns)),
        )
        for definition in listed
    ]
    return CheckReport(project, objects, others)
