"""S3 as moto plays it, without two things that make up a third of its own server's work."""

from __future__ import annotations

import sys
from functools import lru_cache

from moto.core import serialize
from moto.moto_server.werkzeug_app import MotoRequestHandler, create_backend_app
from werkzeug.serving import run_simple


def main(port: int) -> None:
    """Serve S3 on a port until killed."""
    # A list has each object's time as a text, parsed at length: most of them were parsed for the list before.
    parse = "parse_to_aware_datetime"
    setattr(serialize, parse, lru_cache(4096)(getattr(serialize, parse)))
    # moto's own application asks the file system for its services with each request, under a lock.
    run_simple("127.0.0.1", port, create_backend_app("s3"), threaded=True, request_handler=MotoRequestHandler)


if __name__ == "__main__":
    main(int(sys.argv[1]))
