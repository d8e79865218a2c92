"""``feast configuration``, ``version``, ``endpoint``, ``registry`` and ``registry-dump``."""

from __future__ import annotations

import logging

import click

from feast.cli.session import Session, pass_session, say_option
from feast.cli.table import print_document, print_json
from repast.errors import InvalidRequestError


@click.command("configuration")
@pass_session
def configuration(session: Session) -> None:
    """Show the configuration: variables replaced, defaults filled in, secrets masked."""
    config = session.load_config()
    from feast.repo_config import say_ignored

    say_ignored(config)
    print_document(config.to_public_dict())


@click.command("endpoint")
@pass_session
def endpoint(session: Session) -> None:
    """Show where a deployed feature server is; Repast deploys none."""
    session.load_config()
    logging.getLogger("feast").info("There is no active feature server.")


@click.command("version")
def version() -> None:
    """Show the version of Feast whose interface this is, and of what answers."""
    import feast
    import repast

    click.echo(f'Feast SDK Version: "{feast.__version__}" (Repast {repast.__version__})')


@click.command("registry-dump")
@pass_session
def registry_dump(session: Session) -> None:
    """Print everything that is registered, as JSON in Feast's names."""
    with session.open_store() as store:
        dumped = store.registry.to_dict(store.project)
    print_json(dumped, sort_keys=True, indent=2)


registry = click.Group("registry", help="Manage the registry.")


@registry.command("create-schema")
@pass_session
def create_schema(session: Session) -> None:
    """Make nothing: the registry's table is made when it is first written."""
    kind = session.load_config().registry.type
    if kind != "sql":
        raise InvalidRequestError(f"The registry is of type {kind!r}, which has no schema.", hint="registry_type: sql")
    say_option("feast registry create-schema", "the registry's one table is made when it is first written")
