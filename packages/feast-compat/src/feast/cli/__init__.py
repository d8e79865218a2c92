"""The ``feast`` command."""
