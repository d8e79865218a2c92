"""The behaviour of an offline engine, as a suite.

A backend's author subclasses it::

    class TestMyEngine(EngineSuite):
        def make_engine(self, folder):
            return MyEngine(repo_path=folder)

        def store_rows(self, folder, name, rows):
            pq.write_table(rows, folder / f"{name}.parquet")
            return SourceSpec(name=name, source_type="file", options={"path": f"{name}.parquet"})

        def missing_source(self, folder):
            return SourceSpec(name="gone", source_type="file", options={"path": "gone.parquet"})

An engine that writes tables (:class:`repast.ports.table.SupportsTables`) keeps the rules of :class:`TableRules` too::

    class TestMyEngine(TableRules, EngineSuite): ...

Each rule is one test method. A rule that an engine cannot keep yet is named in ``gaps`` with the reason.
"""

from repast.testing.engine.base import Bench, EngineBase
from repast.testing.engine.join import JoinRules
from repast.testing.engine.life import LifeRules
from repast.testing.engine.read import ReadRules
from repast.testing.engine.table import TableRules
from repast.testing.engine.time import TimeRules
from repast.testing.engine.type import TypeRules

__all__ = ["Bench", "EngineSuite", "TableRules"]


class EngineSuite(JoinRules, ReadRules, TimeRules, TypeRules, LifeRules, EngineBase):
    """Every rule of the plans' docstrings and of the port."""
