"""One module per family of commands; :mod:`repast.cli.catalog` says where each one lives."""
