from MODULE_NAME import Registry
from repast.testing.registry import RegistrySuite


class TestRegistry(RegistrySuite):
    def make_store(self, folder):
        return Registry(repo_path=folder)
