"""Spark: the same plans past one machine, on classic PySpark and on Spark Connect."""

from __future__ import annotations

from repast.backends.offline.spark.engine import SparkEngine

__all__ = ["SparkEngine"]
