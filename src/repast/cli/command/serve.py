"""``repast serve``: the feature server."""

from __future__ import annotations

from typing import Any

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
@click.option("-h", "--host", help="Address to listen at; default: 127.0.0.1.")
@click.option("-p", "--port", type=click.IntRange(1, 65535), help="Port to listen at; default: 6566.")
@click.option("-t", "--type", "type_", type=click.Choice(["http"]), default="http", help="Kind of server: http.")
@click.option("--no-access-log", is_flag=True, help="Do not write a line per request.")
@click.option("-w", "--workers", type=int, help="Processes; -1 for one per processor; default: 1.")
@click.option(
    "--worker-connections", type=click.IntRange(1), help="Requests that one worker handles at a time; default: 1000."
)
@click.option(
    "--keep-alive-timeout", type=click.IntRange(1, 60), help="Seconds that an idle connection is kept; default: 30."
)
@click.option(
    "-r",
    "--registry_ttl_sec",
    "--registry-ttl",
    "registry_ttl",
    type=click.IntRange(0),
    help="Seconds after which the registry is read again; by default changes of a file are seen at once.",
)
@click.option("-k", "--key", metavar="FILE", help="TLS key (PEM, PKCS #8); needs --cert.")
@click.option("-c", "--cert", metavar="FILE", help="TLS certificate (PEM); needs --key.")
@click.option("-m", "--metrics", is_flag=True, help="Offer Prometheus metrics at /metrics.")
@click.option(
    "--remote-store",
    type=click.Choice(["off", "read", "write"]),
    help="What online stores of type remote may do here; default: read.",
)
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
@pass_session
def serve(
    session: Session,
    /,
    type_: str,  # noqa: ARG001 - there is one kind; Feast's command line names it
    no_access_log: bool,
    keep_alive_timeout: int | None,
    metrics: bool,
    verbose: bool,
    **given: Any,
) -> None:
    """Answer Feast's HTTP API: reads, pushes, writes and loads.

    Options go before what the feature_server section of feature_store.yaml says. Stop it with Ctrl-C or
    SIGTERM: requests under way end first.
    """
    from repast.app.config import load_config
    from repast.server.serve import serve as run
    from repast.server.settings import read_settings

    config = load_config(file=session.yaml_file)
    settings = read_settings(
        config,
        access_log=False if no_access_log else None,
        keep_alive=keep_alive_timeout,
        metrics=metrics or None,
        verbose=verbose or None,
        **given,
    )
    click.echo(f"serving {config.project} at {settings.address}", err=True)
    run(config, settings)
