"""``python -m repast``."""

from repast.cli.main import main

main()
