"""``feast plan``, ``apply``, ``delete`` and ``teardown``: from definition files to the registry, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from feast.adapter.base import split_tags
from feast.adapter.notice import refuse
from feast.cli.session import Session, pass_session, say_option
from repast.cli.changes import migration_lines
from repast.errors import RepastError

if TYPE_CHECKING:
    from feast.feature_store import FeatureStore
    from repast.core.diff import Change
    from repast.core.plan.apply import ApplyPlan


def _validation_options(command: Any) -> Any:
    for name in ("--skip-feature-view-validation", "--skip-source-validation"):
        command = click.option(name, is_flag=True, help="Without effect: definitions are always checked.")(command)
    return command


def _say_options(*, sources: bool, views: bool) -> None:
    if sources:
        say_option("--skip-source-validation", "only sources whose types are not declared are looked at")
    if views:
        say_option("--skip-feature-view-validation", "definitions are always checked")


@click.command("plan")
@_validation_options
@pass_session
def plan(session: Session, skip_source_validation: bool, skip_feature_view_validation: bool) -> None:
    """Show what 'feast apply' would do, and change nothing."""
    _say_options(sources=skip_source_validation, views=skip_feature_view_validation)
    with session.open_store(encoded=False) as store:
        print_plan(store, store._repast.plan())


@click.command("apply")
@_validation_options
@click.option("--no-progress", is_flag=True, help="Show no progress; there is none.")
@click.option("--no-promote", is_flag=True, help="Not supported: every generation is kept.")
@pass_session
def apply(
    session: Session,
    skip_source_validation: bool,
    skip_feature_view_validation: bool,
    no_progress: bool,  # an apply is one transaction, and shows none
    no_promote: bool,
) -> None:
    """Register the definitions in one transaction and make their online tables."""
    if no_promote:
        refuse("feast apply --no-promote", hint="every generation of the registry is kept: repast log, repast rollback")
    _say_options(sources=skip_source_validation, views=skip_feature_view_validation)
    with session.open_store(encoded=False) as store:
        made = store._repast.plan()
        click.echo(f"Applying changes for project {made.project}")
        print_plan(store, made)
        store._repast.apply(made, allow_migration=True)


def print_plan(store: FeatureStore, plan: ApplyPlan) -> None:
    """Print changes of the registry, then of the online store; what is dropped goes to stderr."""
    for change in plan.changes:
        click.echo(_line(plan, change))
    if not plan.changes:
        click.echo("No changes to registry")
    lines = list(_table_lines(store, plan))
    click.echo("\n".join(["", *lines]) if lines else "No changes to infrastructure")
    for line in migration_lines(plan):
        click.echo(f"warning: {line.lstrip('! ')}", err=True)


def _line(plan: ApplyPlan, change: Change) -> str:
    """Return a change with Feast's word for the kind of view."""
    text = str(change)
    if change.kind != "feature_views":
        return text
    manifest = plan.base if change.action == "delete" else plan.target
    _, extra = split_tags(manifest.feature_views[change.name].tags)
    word = {"StreamFeatureView": "stream feature view", "LabelView": "label view"}.get(extra.get("class", ""))
    return text.replace(" feature view ", f" {word} ", 1) if word else text


def _table_lines(store: FeatureStore, plan: ApplyPlan) -> Iterator[str]:
    online = store._repast.config.online_store
    for done, deployed, tables in (
        ("Deleted", "Removing", plan.drop_tables),
        ("Created", "Deploying", plan.create_tables),
    ):
        for view in sorted({view for view, _ in tables}):
            if online is not None and online.type == "sqlite":
                yield f"{done} sqlite table {plan.project}_{view}"
            else:
                yield f"{deployed} infrastructure for {view}"


@click.command("teardown")
@pass_session
def teardown(session: Session) -> None:
    """Remove this project: its online tables and its registry entry. Feast does not ask either."""
    with session.open_store(encoded=False) as store:
        store.teardown()


@click.command("delete")
@click.argument("object_id")
@pass_session
def delete(session: Session, object_id: str) -> None:
    """Delete the first object of this name: an entity, a view, a service, a source."""
    with session.open_store() as store:
        getters: dict[str, Callable[[str], Any]] = {
            "Entity": store.get_entity,
            "FeatureView": store.get_feature_view,
            "FeatureService": store.get_feature_service,
            "DataSource": store.get_data_source,
            "SavedDataset": store.get_saved_dataset,
            "OnDemandFeatureView": store.get_on_demand_feature_view,
        }
        for kind, getter in getters.items():
            try:
                found = getter(object_id)
            except RepastError:
                continue
            if kind == "SavedDataset":
                refuse("Deleting a saved dataset", hint="replace it: create_saved_dataset(..., allow_overwrite=True)")
            store._delete([(type(found).__name__, object_id)])
            click.echo(f"Deleted {kind} {object_id} from {store.project}.")
            return
        click.echo("Object not found. Deletion skipped.")
