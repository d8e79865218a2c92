"""``python -m feast``."""

from feast.cli.cli import main

main()
