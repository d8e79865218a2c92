"""The registry suite on local folders and in memory."""

from __future__ import annotations

from pathlib import Path

from repast.backends.registry.object_store import ObjectStoreRegistry
from repast.ports.registry import RegistryStore
from repast.testing.registry import RegistrySuite


class TestLocalFolder(RegistrySuite):
    def make_store(self, folder: Path) -> RegistryStore:
        return ObjectStoreRegistry(repo_path=folder, path="data/registry")


class TestMemory(RegistrySuite):
    shared = False

    def make_store(self, folder: Path) -> RegistryStore:
        return ObjectStoreRegistry(repo_path=folder, path=f"memory://{folder}")
