"""What every online store must do, as a suite. Subclass it and give it your store::

    from repast.testing.online import OnlineStoreSuite


    class TestMyStore(OnlineStoreSuite):
        def make_store(self, tmp_path):
            return MyStore(repo_path=tmp_path, host="localhost")

Each method is one rule of :mod:`repast.ports.online`. A rule that a store cannot keep yet is named in
``gaps`` with the reason. Keys have at least one byte (the codec's version byte); everything else about
keys and values is arbitrary.
"""

from repast.testing.online.life import LifeRules
from repast.testing.online.race import RaceRules
from repast.testing.online.read import ReadRules
from repast.testing.online.table import TableRules
from repast.testing.online.write import WriteRules

__all__ = ["OnlineStoreSuite"]


class OnlineStoreSuite(TableRules, WriteRules, ReadRules, RaceRules, LifeRules):
    """Every rule of the port. Methods take a fresh store, or a folder to make stores in."""
