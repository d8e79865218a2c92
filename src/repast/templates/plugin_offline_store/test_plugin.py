import duckdb
from MODULE_NAME import KIND, Engine
from repast.core.manifest import SourceSpec
from repast.testing.engine import EngineSuite


class TestEngine(EngineSuite):
    examples = 10

    def make_engine(self, folder):
        return Engine(repo_path=folder)

    def store_rows(self, folder, name, rows):
        with duckdb.connect(folder / "warehouse.duckdb") as connection:
            connection.register("rows", rows)
            connection.execute(f'CREATE OR REPLACE TABLE "{name}" AS SELECT * FROM rows')
        return SourceSpec(name=name, source_type=KIND, options={"table": name})

    def missing_source(self, folder):
        return SourceSpec(name="gone", source_type=KIND, options={"table": "gone"})
