"""What a function gets and returns."""

from __future__ import annotations

from enum import Enum


class TransformationMode(Enum):
    """What a function gets and returns. Repast runs PYTHON and PANDAS."""

    PYTHON = "python"
    PANDAS = "pandas"
    SPARK_SQL = "spark_sql"
    SPARK = "spark"
    FLINK = "flink"
    RAY = "ray"
    SQL = "sql"
    SUBSTRAIT = "substrait"
    TRINO_SQL = "trino_sql"
