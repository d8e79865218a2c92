"""``feast entities list``, ``feast entities describe NAME``, and so on for every kind of definition."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from feast.adapter.json_form import json_form
from feast.adapter.notice import refuse
from feast.cli.session import Session, pass_session
from feast.cli.table import print_document, print_json, print_table
from repast.cli.group import TaughtUsageError

if TYPE_CHECKING:
    from feast.feature_store import FeatureStore

Tags = dict[str, str] | None
Rows = list[Sequence[object]]


def read_tags(given: Sequence[str]) -> Tags:
    """Read ``--tags 'a:b, c:d'``; all have to match."""
    tags: dict[str, str] = {}
    for pair in (pair.strip() for text in given for pair in text.split(",")):
        key, colon, value = (part.strip() for part in pair.partition(":"))
        if pair and not (key and colon):
            raise TaughtUsageError(f"{pair!r} is not a tag.", hint="write --tags key:value")
        tags |= {key: value} if pair else {}
    return tags or None


def _names(method: str) -> Callable[[FeatureStore, Tags], Rows]:
    return lambda store, tags: [[one.name] for one in getattr(store, method)(tags=tags)]


def _entities(store: FeatureStore, tags: Tags) -> Rows:
    return [[one.name, one.description, one.value_type] for one in store.list_entities(tags=tags)]


def _sources(store: FeatureStore, tags: Tags) -> Rows:
    return [[one.name, type(one)] for one in store.list_data_sources(tags=tags)]


def _views(store: FeatureStore, tags: Tags) -> Rows:
    rows: Rows = []
    for view in [*store.list_batch_feature_views(tags=tags), *store.list_on_demand_feature_views(tags=tags)]:
        entities = ", ".join(repr(name) for name in sorted(_entities_of(store, view)))
        state = getattr(view, "state", None)
        shown = state.name if state is not None else "STATE_UNSPECIFIED"
        rows.append([view.name, f"{{{entities}}}" if entities else "n/a", type(view).__name__, "Yes", shown])
    return rows


def _entities_of(store: FeatureStore, view: Any) -> set[str]:
    projections = getattr(view, "source_feature_view_projections", None)
    if projections is None:
        return set(view.entities)
    return {name for p in projections.values() for name in store.get_any_feature_view(p.name).entities}


def _label_views(store: FeatureStore, tags: Tags) -> Rows:
    return [
        [view.name, ", ".join(view.entities) or "n/a", view.conflict_policy.value]
        for view in store.list_label_views(tags=tags)
    ]


def _services(store: FeatureStore, tags: Tags) -> Rows:
    rows: Rows = []
    for service in store.list_feature_services(tags=tags):
        projections = service.feature_view_projections
        rows.append([service.name, ", ".join(f"{p.name}:{field.name}" for p in projections for field in p.features)])
    return rows


def _projects(store: FeatureStore, tags: Tags) -> Rows:
    return [[one.name, one.description, one.tags, one.owner] for one in store.list_projects(tags=tags)]


LISTS: Mapping[str, tuple[Sequence[str], Callable[[FeatureStore, Tags], Rows], str]] = {
    "data-sources": (("NAME", "CLASS"), _sources, "get_data_source"),
    "entities": (("NAME", "DESCRIPTION", "TYPE"), _entities, "get_entity"),
    "feature-services": (("NAME", "FEATURES"), _services, "get_feature_service"),
    "feature-views": (("NAME", "ENTITIES", "TYPE", "ENABLED", "STATE"), _views, "get_any_feature_view"),
    "label-views": (("NAME", "ENTITIES", "CONFLICT_POLICY"), _label_views, "get_label_view"),
    "on-demand-feature-views": (("NAME",), _names("list_on_demand_feature_views"), "get_on_demand_feature_view"),
    "projects": (("NAME", "DESCRIPTION", "TAGS", "OWNER"), _projects, "get_project"),
    "saved-datasets": (("NAME",), _names("list_saved_datasets"), "get_saved_dataset"),
    "stream-feature-views": (("NAME",), _names("list_stream_feature_views"), "get_stream_feature_view"),
}
"""Kind -> columns of its list, what makes the rows, and the method that gets one."""


def _group(kind: str) -> click.Group:
    words = kind.replace("-", " ")
    headers, rows_of, getter = LISTS[kind]
    group = click.Group(kind, help=f"List or describe {words}.")

    @group.command("list", help=f"List {words}.")
    @click.option("--tags", multiple=True, help="Only with these tags: 'key:value, key:value'; repeat for more.")
    @pass_session
    def list_(session: Session, tags: tuple[str, ...]) -> None:
        with session.open_store() as store:
            print_table(headers, rows_of(store, read_tags(tags)))

    @group.command("describe", help=f"Show one of the {words} in full.")
    @click.argument("name")
    @pass_session
    def describe(session: Session, name: str) -> None:
        with session.open_store() as store:
            _print_one(getattr(store, getter)(name))

    return group


def _print_one(definition: Any) -> None:
    document = json_form(definition)
    if hasattr(definition, "enabled"):
        document |= {"enabled": definition.enabled}
    if getattr(definition, "state", None) is not None:
        document |= {"state": definition.state.name}
    print_document(document)


data_sources = _group("data-sources")
entities = _group("entities")
feature_services = _group("feature-services")
feature_views = _group("feature-views")
label_views = _group("label-views")
on_demand_feature_views = _group("on-demand-feature-views")
projects = _group("projects")
saved_datasets = _group("saved-datasets")
stream_feature_views = _group("stream-feature-views")


@feature_views.command("enable")
@click.argument("name")
@pass_session
def enable(session: Session, name: str) -> None:
    """Do nothing where the view exists: views are always enabled."""
    with session.open_store() as store:
        store.enable_feature_view(name)
    click.echo(f"Feature view '{name}' is already enabled.")


@feature_views.command("disable")
@click.argument("name")
def disable(name: str) -> None:
    """Refuse: views are always enabled."""
    refuse(f"feast feature-views disable {name}", hint="apply the view with online=False, or delete it")


@feature_views.command("set-state")
@click.argument("name")
@click.argument("state")
def set_state(name: str, state: str) -> None:  # no state can be set
    """Refuse: views have no states."""
    refuse(f"feast feature-views set-state {name}", hint="loads keep their own watermarks")


@feature_views.command("list-versions")
@click.argument("name")
@pass_session
def list_versions(session: Session, name: str) -> None:
    """List the generations of the registry, the versions that every view has."""
    with session.open_store() as store:
        versions = store.list_feature_view_versions(name)
    keys = ("version", "feature_view_type", "created_timestamp", "version_id")
    print_table(("VERSION", "TYPE", "CREATED", "VERSION_ID"), [[version[key] for key in keys] for version in versions])


@projects.command("current_project")
@pass_session
def current_project(session: Session) -> None:
    """Show this repo's project in full."""
    with session.open_store() as store:
        _print_one(store.get_project(None))


@projects.command("delete")
@click.argument("name")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@pass_session
def delete_project(session: Session, name: str, yes: bool) -> None:
    """Delete this project and everything in it."""
    with session.open_store() as store:
        store.get_project(name)
        if not yes:
            click.confirm(f"Delete project '{name}' and everything in it?", abort=True)
        store.delete_project(name)
    click.echo(f"Project '{name}' deleted successfully.")


features = click.Group("features", help="List or describe features.")


def _all_features(store: FeatureStore) -> list[tuple[Any, Any]]:
    views = [
        *store.list_batch_feature_views(),
        *store.list_on_demand_feature_views(),
        *store.list_stream_feature_views(),
    ]
    return [(view, field) for view in views for field in view.features]


@features.command("list")
@click.option("--output", type=click.Choice(["table", "json"], case_sensitive=False), default="table")
@pass_session
def list_features(session: Session, output: str) -> None:
    """List all features with their views and types."""
    with session.open_store() as store:
        found = [(field.name, view.name, str(field.dtype)) for view, field in _all_features(store)]
    if output == "json":
        print_json([dict(zip(("feature_name", "feature_view", "dtype"), row, strict=True)) for row in found])
    else:
        print_table(("Feature", "Feature View", "Data Type"), found)


@features.command("describe")
@click.argument("feature_name")
@pass_session
def describe_feature(session: Session, feature_name: str) -> None:
    """Show the features of this name, of all views."""
    with session.open_store() as store:
        found = [_feature_form(view, field) for view, field in _all_features(store) if field.name == feature_name]
    if found:
        print_json(found)
    else:
        click.echo(f"Feature '{feature_name}' not found in any feature view.")


def _feature_form(view: Any, field: Any) -> dict[str, Any]:
    source = getattr(view, "batch_source", None)
    return {
        "Feature Name": field.name,
        "Feature View": view.name,
        "Data Type": str(field.dtype),
        "Description": field.description,
        "Online Store": getattr(view, "online", "N/A"),
        "Source": json_form(source) if source is not None else "N/A",
    }
