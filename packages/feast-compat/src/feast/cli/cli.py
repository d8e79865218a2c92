"""The ``feast`` command: ``init`` makes Feast's tutorial; other verbs are those of ``repast``."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(args: Sequence[str] | None = None) -> None:
    """Run ``feast`` and exit with its code."""
    given = list(sys.argv[1:] if args is None else args)
    if given[:1] == ["init"]:
        from feast.cli.init import init

        init(given[1:], prog_name="feast init")
    if given[:1] == ["teardown"]:  # Feast does not ask
        from feast import FeatureStore

        FeatureStore().teardown()
        sys.exit(0)
    from repast.cli.main import run

    sys.exit(run(given))
