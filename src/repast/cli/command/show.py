"""``repast list`` and ``repast describe``, for every kind of thing, and Feast's spelling of both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from repast.cli.argument import json_option, tags_option
from repast.cli.catalog import KINDS
from repast.cli.group import TaughtCommand, unknown
from repast.cli.session import Session, pass_session
from repast.cli.value import dump_json

if TYPE_CHECKING:
    from repast.app.store import FeatureStore
    from repast.core.definitions import Definition, FeatureView, OnDemandFeatureView

Feature = dict[str, object]


def to_kind(text: str) -> str:
    """Read a kind: its plural, its singular, with "-" or "_"."""
    name = text.replace("_", "-").lower()
    singular = {word.replace(" ", "-"): kind for kind, word in KINDS.items()}
    kind = singular.get(name, name)
    if kind not in KINDS:
        raise unknown("kind", text, KINDS, click.get_current_context(silent=True))
    return kind


@click.command(
    "list",
    cls=TaughtCommand,
    examples=[
        ("repast list", "Everything that is registered, by kind and name"),
        ("repast list features", "Every feature with its type; these names are what -f takes"),
        ("repast list feature-views --tags team:growth", "Only what has a tag"),
        ("repast list entities --json", "For programs"),
    ],
)
@click.argument("kind", required=False, type=to_kind)
@tags_option
@json_option
@pass_session
def list_(session: Session, kind: str | None, tags: tuple[tuple[str, str], ...], as_json: bool) -> None:
    """List what is registered: everything, or one KIND.

    KIND is one of entities, data-sources, feature-views, on-demand-feature-views, feature-services, features,
    saved-datasets and projects.
    """
    _list(session, kind, dict(tags), as_json)


@click.command(
    cls=TaughtCommand,
    examples=[
        ("repast describe feature-views weather", "A view: entities, source, ttl, features"),
        ("repast describe features weather:temp", "One feature"),
    ],
)
@click.argument("kind", type=to_kind)
@click.argument("name")
@json_option
@pass_session
def describe(session: Session, kind: str, name: str, as_json: bool) -> None:
    """Show one registered thing in full: its KIND and NAME, as 'repast list' prints them."""
    _describe(session, kind, name, as_json)


def _kind_group(kind: str) -> click.Group:
    group = click.Group(kind, help=f"List or describe {kind.replace('-', ' ')}.")

    @group.command("list", cls=TaughtCommand, examples=[(f"repast {kind} list", f"The same as: repast list {kind}")])
    @tags_option
    @json_option
    @pass_session
    def list_one(session: Session, tags: tuple[tuple[str, str], ...], as_json: bool) -> None:
        _list(session, kind, dict(tags), as_json)

    list_one.help = f"List {kind.replace('-', ' ')}."

    @group.command(
        cls=TaughtCommand, examples=[(f"repast {kind} describe NAME", f"The same as: repast describe {kind} NAME")]
    )
    @click.argument("name")
    @json_option
    @pass_session
    def describe(session: Session, name: str, as_json: bool) -> None:
        _describe(session, kind, name, as_json)

    describe.help = f"Show one {KINDS[kind]} in full."
    return group


entities = _kind_group("entities")
data_sources = _kind_group("data-sources")
feature_views = _kind_group("feature-views")
on_demand_feature_views = _kind_group("on-demand-feature-views")
feature_services = _kind_group("feature-services")
features = _kind_group("features")
saved_datasets = _kind_group("saved-datasets")
projects = _kind_group("projects")


def _list(session: Session, kind: str | None, tags: Mapping[str, str], as_json: bool) -> None:
    with session.open_store() as store:
        if kind is None:
            _print_everything({kind: _members(store, kind, tags) for kind in KINDS if kind != "features"}, as_json)
        elif kind == "features":
            _print_features(_features(store, tags), as_json)
        else:
            _print_kind(kind, _members(store, kind, tags), as_json)


def _describe(session: Session, kind: str, name: str, as_json: bool) -> None:
    with session.open_store() as store:
        if kind == "features":
            facts = _pick(kind, name, {str(f["feature"]): f for f in _features(store, {})})
        else:
            from repast.cli.definition import definition_json

            facts = definition_json(_pick(kind, name, {d.name: d for d in _members(store, kind, {})}))
    if as_json:
        click.echo(dump_json(facts))
    else:
        from repast.cli.detail import print_detail

        print_detail(facts)


def _members(store: FeatureStore, kind: str, tags: Mapping[str, str]) -> Sequence[Definition]:
    if kind == "projects":
        return [project for project in store.list_projects() if tags.items() <= project.tags.items()]
    members: Sequence[Definition] = getattr(store, f"list_{kind.replace('-', '_')}")(tags=tags or None)
    return members


def _features(store: FeatureStore, tags: Mapping[str, str]) -> list[Feature]:
    views: list[FeatureView | OnDemandFeatureView] = []
    views += [*store.list_feature_views(), *store.list_on_demand_feature_views()]
    return [
        {
            "feature": f"{view.name}:{field.name}",
            "type": str(field.dtype),
            "description": field.description,
            "tags": dict(field.tags),
        }
        for view in views
        for field in view.features
        if tags.items() <= field.tags.items()
    ]


def _pick(kind: str, name: str, members: Mapping[str, Any]) -> Any:
    from repast.errors import NotFoundError, did_you_mean

    if name in members:
        return members[name]
    raise NotFoundError(
        f"There is no {KINDS[kind]} {name!r}.",
        hint=did_you_mean(name, members) or f"run: repast list {kind}",
        context={"kind": KINDS[kind], "name": name},
    )


def _print_everything(found: Mapping[str, Sequence[Definition]], as_json: bool) -> None:
    from repast.cli.definition import definition_json

    if as_json:
        click.echo(dump_json({kind: [definition_json(d) for d in members] for kind, members in found.items()}))
        return
    rows = [(KINDS[kind], d.name, d.description) for kind, members in found.items() for d in members]
    if rows:
        _print_rows("objects", ("kind", "name", "description"), rows)
    else:
        click.echo("Nothing is registered; do it with: repast apply", err=True)


def _print_kind(kind: str, members: Iterable[Definition], as_json: bool) -> None:
    from repast.cli.definition import ROWS, definition_json

    if as_json:
        click.echo(dump_json([definition_json(member) for member in members]))
        return
    columns, to_row = ROWS[kind]
    _print_rows(kind, columns, [to_row(member) for member in members])


def _print_features(found: Sequence[Feature], as_json: bool) -> None:
    if as_json:
        click.echo(dump_json(found))
        return
    columns = ("feature", "type", "description")
    _print_rows("features", columns, [[f[c] for c in columns] for f in found])


def _print_rows(kind: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table without the columns that say nothing, or say on stderr that there is nothing."""
    from repast.cli.table import print_table

    if not rows:
        click.echo(f"There are no {kind.replace('-', ' ')}.", err=True)
        return
    telling = [i for i in range(len(columns)) if any(row[i] != "" for row in rows)]
    print_table([columns[i] for i in telling], [[row[i] for i in telling] for row in rows])
