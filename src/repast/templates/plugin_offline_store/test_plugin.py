from functools import cache

import duckdb
from MODULE_NAME import KIND, Engine
from repast.core.manifest import SourceSpec
from repast.testing.engine import EngineSuite


@cache
def open_warehouse(folder):
    """Keep the database open: each time it is opened it reads about every table that tests have made."""
    return duckdb.connect(folder / "warehouse.duckdb")


class TestEngine(EngineSuite):
    examples = 10

    def make_engine(self, folder):
        return Engine(repo_path=folder)

    def store_rows(self, folder, name, rows):
        with open_warehouse(folder).cursor() as connection:
            connection.register("rows", rows)
            connection.execute(f'CREATE OR REPLACE TABLE "{name}" AS SELECT * FROM rows')
        return SourceSpec(name=name, source_type=KIND, options={"table": name})

    def missing_source(self, folder):
        return SourceSpec(name="gone", source_type=KIND, options={"table": "gone"})
