"""Feast's names for stores, sources and their configuration."""
