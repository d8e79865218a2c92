"""Remove a project: its online tables and its registry documents, nobody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from repast.core.plan.apply import online_tables
from repast.ports.online import OnlineTable

if TYPE_CHECKING:
    from repast.app.workspace import Workspace


def teardown(workspace: Workspace) -> None:
    """Remove the project of this workspace; doing it again does nothing.

    The registry goes last: until then a teardown that was interrupted can be repeated.
    """
    with workspace.provider.tearing_down():
        _remove(workspace)


def _remove(workspace: Workspace) -> None:
    if workspace.config.online_store is not None:
        manifest, _ = workspace.registry.load_manifest()
        tables = sorted({*online_tables(manifest), *workspace.registry.state().retired})
        workspace.online.drop([OnlineTable(workspace.project, view, incarnation) for view, incarnation in tables])
    workspace.registry.remove()
