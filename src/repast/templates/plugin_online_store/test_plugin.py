from MODULE_NAME import Store
from repast.testing.online import OnlineStoreSuite


class TestStore(OnlineStoreSuite):
    def make_store(self, tmp_path):
        return Store(repo_path=tmp_path)
