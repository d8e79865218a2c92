"""The feature server with the options of Feast's; of some there is something to say."""

from __future__ import annotations

from typing import Any

from feast.adapter.notice import refuse, without_effect
from repast.app.config import RepoConfig
from repast.errors import Location


def serve(
    config: RepoConfig,
    *,
    type_: str = "http",
    max_requests: int | None = None,
    max_requests_jitter: int | None = None,
    location: Location | None = None,
    announce: Any = None,
    **options: Any,
) -> None:
    """Serve until told to stop.

    Args:
        config: The project.
        type_: Kind of server: http.
        max_requests: Without effect, and so is ``max_requests_jitter``.
        max_requests_jitter: See there.
        location: Where the options were written; default: the caller's line.
        announce: Called with the settings before the server starts.
        options: Of :class:`repast.server.settings.ServerSettings`; None: as the configuration says.

    """
    if type_ != "http":
        refuse(f"A server of type {type_!r}", hint="the feature server speaks HTTP: --type http")
    for option, value in (("max_requests", max_requests), ("max_requests_jitter", max_requests_jitter)):
        if value is not None:
            instead = "workers run until the server stops; one that fails is started again"
            without_effect(option if location is None else f"--{option.replace('_', '-')}", instead, location)
    from repast.server.serve import serve as run
    from repast.server.settings import read_settings

    settings = read_settings(config, **options)
    if announce is not None:
        announce(settings)
    run(config, settings)
