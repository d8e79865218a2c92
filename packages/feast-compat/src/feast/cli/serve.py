"""``feast serve``: the feature server, with Feast's options."""

from __future__ import annotations

from typing import Any

import click

from feast.adapter.notice import refuse
from feast.cli.session import Session, pass_session, say_option


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
    session: Session,
    /,
    type_: str,
    no_access_log: bool,
    max_requests: int | None,
    max_requests_jitter: int | None,
    keep_alive_timeout: int | None,
    metrics: bool,
    **given: Any,
) -> None:
    """Answer Feast's HTTP API: reads, pushes, writes and loads. Stop it with Ctrl-C or SIGTERM."""
    if type_ != "http":
        refuse(f"feast serve --type {type_}", hint="the feature server speaks HTTP: --type http")
    for option, value in (("--max-requests", max_requests), ("--max-requests-jitter", max_requests_jitter)):
        if value is not None:
            say_option(option, "workers run until the server stops; one that fails is started again")
    from feast.repo_config import say_ignored
    from repast.server.serve import serve as run
    from repast.server.settings import read_settings

    config = session.load_config()
    say_ignored(config)
    settings = read_settings(
        config,
        access_log=False if no_access_log else None,
        keep_alive=keep_alive_timeout,
        metrics=metrics or None,
        **given,
    )
    click.echo(f"serving {config.project} at {settings.address}", err=True)
    run(config, settings)
