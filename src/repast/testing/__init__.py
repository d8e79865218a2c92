"""The testing kit: what a backend must do, as suites that its author subclasses in a few lines.

* :class:`repast.testing.engine.EngineSuite`, for offline engines
* :class:`repast.testing.online.OnlineStoreSuite`, for online stores
* :class:`repast.testing.registry.RegistrySuite`, for registry stores
* :mod:`repast.testing.strategy`, Hypothesis strategies for rows, keys, times and values of every type
* :class:`repast.testing.clock.ManualClock`, a clock that stands still
* :mod:`repast.core.oracle`, the specification that all of them are held against

Needs the extra ``testing`` (pytest and hypothesis).
"""

import pytest

# So that a failing rule shows the values it compared, wherever the suite is subclassed.
pytest.register_assert_rewrite("repast.testing.engine", "repast.testing.online", "repast.testing.registry")
