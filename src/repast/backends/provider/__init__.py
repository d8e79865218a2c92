"""Providers: what teams of one cloud run on."""
