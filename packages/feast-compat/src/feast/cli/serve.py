"""``feast serve``: the feature server, with Feast's options."""

from __future__ import annotations

from typing import Any

import click

from feast.cli.session import COMMAND_LINE, Session, pass_session


@click.command("serve")
@click.option("-h", "--host", help="Address to listen at; default: 127.0.0.1.")
@click.option("-p", "--port", type=click.IntRange(1, 65535), help="Port to listen at; default: 6566.")
@click.option("-t", "--type", "type_", default="http", help="Kind of server: http.")
@click.option("--no-access-log", is_flag=True, help="Do not write a line per request.")
@click.option("-w", "--workers", type=int, help="Processes; -1 for one per processor; default: 1.")
@click.option("--worker-connections", type=click.IntRange(1), help="Requests that one worker handles at a time.")
@click.option("--max-requests", type=int, help="Without effect: workers do not leak.")
@click.option("--max-requests-jitter", type=int, help="Without effect.")
@click.option("--keep-alive-timeout", type=int, help="Seconds that an idle connection is kept; default: 30.")
@click.option("-r", "--registry_ttl_sec", "registry_ttl", type=int, help="Seconds until the registry is read again.")
@click.option("-k", "--key", help="TLS key (PEM); needs --cert.")
@click.option("-c", "--cert", help="TLS certificate (PEM); needs --key.")
@click.option("-m", "--metrics", is_flag=True, help="Offer Prometheus metrics at /metrics.")
@pass_session
def serve(
    session: Session, /, no_access_log: bool, keep_alive_timeout: int | None, metrics: bool, **given: Any
) -> None:
    """Answer Feast's HTTP API: reads, pushes, writes and loads. Stop it with Ctrl-C or SIGTERM."""
    from feast.adapter.server import serve as run
    from feast.repo_config import say_ignored

    config = session.load_config()
    say_ignored(config)
    run(
        config,
        location=COMMAND_LINE,
        announce=lambda settings: click.echo(f"serving {config.project} at {settings.address}", err=True),
        access_log=False if no_access_log else None,
        keep_alive=keep_alive_timeout,
        metrics=metrics or None,
        **given,
    )
