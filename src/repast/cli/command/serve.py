"""``repast serve``: the feature server."""

from __future__ import annotations

from datetime import timedelta

import click

from repast.cli.group import TaughtCommand
from repast.cli.session import Session, pass_session


@click.command(
    "serve",
    cls=TaughtCommand,
    # -h is the host here, as Feast has it.
    context_settings={"help_option_names": ["--help"]},
    examples=[
        ("repast serve", "Serve the project of this folder on http://127.0.0.1:6566"),
        (
            "repast serve -h 0.0.0.0 -w -1 --no-access-log",
            "For all who can reach this machine, on all processors",
        ),
        ("repast serve -k key.pem -c cert.pem --metrics", "Over TLS, with Prometheus metrics at /metrics"),
    ],
)
@click.option("-h", "--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("-p", "--port", type=click.IntRange(1, 65535), default=6566, show_default=True, help="Port to listen at.")
@click.option("-t", "--type", "type_", type=click.Choice(["http"]), default="http", help="Kind of server: http.")
@click.option("--no-access-log", is_flag=True, help="Do not write a line per request.")
@click.option("-w", "--workers", type=int, default=1, show_default=True, help="Processes; -1 for one per processor.")
@click.option(
    "--worker-connections",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    help="Requests that one worker handles at a time.",
)
@click.option(
    "--keep-alive-timeout",
    type=click.IntRange(1, 60),
    default=30,
    show_default=True,
    help="Seconds that an idle connection is kept.",
)
@click.option(
    "-r",
    "--registry_ttl_sec",
    "--registry-ttl",
    "registry_ttl",
    type=click.IntRange(0),
    help="Seconds after which the registry is read again; by default changes of a file are seen at once.",
)
@click.option("-k", "--key", default="", metavar="FILE", help="TLS key (PEM, PKCS #8); needs --cert.")
@click.option("-c", "--cert", default="", metavar="FILE", help="TLS certificate (PEM); needs --key.")
@click.option("-m", "--metrics", is_flag=True, help="Offer Prometheus metrics at /metrics.")
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
@pass_session
def serve(
    session: Session,
    host: str,
    port: int,
    type_: str,  # noqa: ARG001 - there is one kind; Feast's command line names it
    no_access_log: bool,
    workers: int,
    worker_connections: int,
    keep_alive_timeout: int,
    registry_ttl: int | None,
    key: str,
    cert: str,
    metrics: bool,
    verbose: bool,
) -> None:
    """Answer Feast's HTTP API: reads, pushes, writes and loads.

    Stop it with Ctrl-C or SIGTERM: requests under way end first.
    """
    from repast.app.config import load_config
    from repast.server.serve import serve as run
    from repast.server.settings import ServerSettings

    config = load_config(file=session.yaml_file)
    settings = ServerSettings(
        config=config,
        host=host,
        port=port,
        workers=workers,
        worker_connections=worker_connections,
        access_log=not no_access_log,
        metrics=metrics,
        keep_alive=timedelta(seconds=keep_alive_timeout),
        registry_ttl=None if registry_ttl is None else timedelta(seconds=registry_ttl),
        key=key,
        cert=cert,
        verbose=verbose,
    )
    click.echo(f"serving {config.project} at {settings.address}", err=True)
    run(settings)
