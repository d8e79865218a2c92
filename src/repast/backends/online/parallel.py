"""Several things at once, in few threads: for servers that are asked for one part after another otherwise."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers:
    """A pool of threads, begun when first needed, and anew in a fork.

    Args:
        count: Threads at most.
        name: What they are called.

    """

    def __init__(self, count: int, name: str) -> None:
        self._count = count
        self._name = name
        self._pid = 0
        self._pool: ThreadPoolExecutor | None = None

    def each(self, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Do the work for each item; return the results in no order.

        When one fails no more is begun, and nothing goes on behind the caller's back.
        """
        if len(items) <= 1 or self._count == 1:
            return [work(item) for item in items]
        pool, stop = self._opened(), threading.Event()

        def run(part: Sequence[Item]) -> list[Result]:
            results = []
            try:
                for item in part:
                    if stop.is_set():
                        break
                    results.append(work(item))
            except BaseException:
                stop.set()
                raise
            return results

        parts = min(self._count, len(items))
        futures = [pool.submit(run, items[start::parts]) for start in range(parts)]
        try:
            wait(futures)
        finally:  # also what interrupts the program waits for those that are under way
            stop.set()
            wait(futures)
        return [result for future in futures for result in future.result()]

    def close(self) -> None:
        """Let the threads end. Idempotent."""
        if self._pool is not None and self._pid == os.getpid():
            self._pool.shutdown(wait=False)
        self._pool = None

    def _opened(self) -> ThreadPoolExecutor:
        if self._pool is None or self._pid != os.getpid():
            self._pid = os.getpid()
            self._pool = ThreadPoolExecutor(self._count, self._name)
        return self._pool
