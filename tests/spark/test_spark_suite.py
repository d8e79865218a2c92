"""The engine suite on a local Spark session."""

from __future__ import annotations

import pytest
from spark_suite import SparkSuite

from repast.testing.engine import EngineSuite

pytestmark = pytest.mark.slow


class TestSparkEngine(SparkSuite, EngineSuite):
    pass
