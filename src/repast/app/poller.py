"""Look at something again and again in the background, as long as anybody is interested."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from weakref import WeakMethod

_SILENT_ROUNDS = 60
"""After so many rounds in which nobody asked, the thread ends; the next who asks starts it again."""


class Poller:
    """Calls a method once per interval, from a thread that neither keeps its object nor the process alive.

    A forked process has no thread: there, as after a long silence, :meth:`ask` tells so and starts one.

    Args:
        look: The method; it raises nothing.
        interval: Time between two calls.

    """

    def __init__(self, look: Callable[[], object], interval: timedelta) -> None:
        self._look = WeakMethod(look)
        self._seconds = interval.total_seconds()
        self._wake = threading.Event()
        self._asked = False
        self._stopped = False
        self._thread: threading.Thread | None = None

    def ask(self) -> bool:
        """Go on looking; tell whether somebody was looking until now."""
        self._asked = True
        if self._thread is not None and self._thread.is_alive():
            return True
        if not self._stopped:
            self._thread = threading.Thread(target=self._run, name="repast-registry", daemon=True)
            self._thread.start()
        return False

    def wake(self) -> None:
        """Look now rather than at the end of the interval."""
        self._wake.set()

    def stop(self) -> None:
        """Look no more, and wait for a look that is under way."""
        self._stopped = True
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        silent = 0
        while silent < _SILENT_ROUNDS:
            woken = self._wake.wait(self._seconds)
            self._wake.clear()
            look = self._look()
            if self._stopped or look is None:
                return
            silent = 0 if self._asked or woken else silent + 1
            self._asked = False
            look()
            del look  # whoever lets go of its object meanwhile ends this thread
            self._wake.clear()  # who woke it during the look has been served
            if self._stopped:
                return
