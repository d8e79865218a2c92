"""Settings for the random examples of a suite, wherever it runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hypothesis import HealthCheck, Phase, settings

_SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large)


@contextmanager
def unhurried(*, max_examples: int | None = None, phases: Sequence[Phase] | None = None) -> Iterator[None]:
    """Draw examples without a deadline: a backend behind a network, or on a busy machine, is slow at times."""
    usual = settings()
    settings.register_profile(
        "suite",
        usual,
        deadline=None,
        max_examples=usual.max_examples if max_examples is None else min(max_examples, usual.max_examples),
        phases=usual.phases if phases is None else phases,
        suppress_health_check={*usual.suppress_health_check, *_SLOW},
    )
    settings.load_profile("suite")
    try:
        yield
    finally:
        settings.register_profile("suite", usual)
        settings.load_profile("suite")
