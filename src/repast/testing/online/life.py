"""Rules about opening, sharing and closing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from repast.errors import ClosedError
from repast.ports.online import OnlineStore, SupportsFlush, WriteResult
from repast.testing.online.base import TABLE, OnlineStoreBase


class LifeRules(OnlineStoreBase):
    """What a store is from its first use to its last."""

    def test_two_stores_over_one_place_share_rows(self, tmp_path: Path) -> None:
        """What one FeatureStore loads another one serves, and neither moves the other's rows back."""
        first, second = self.make_store(tmp_path), self.make_store(tmp_path)
        assert second.read([(TABLE, [b"k"])]) == [[None]]
        first.create([TABLE])
        assert first.write(TABLE, [b"k"], [b"2"]) == WriteResult(written=1)
        assert second.read([(TABLE, [b"k"])]) == [[b"2"]]
        assert second.write(TABLE, [b"k"], [b"1"]) == WriteResult(late=1)
        assert second.write(TABLE, [b"k"], [b"3"]) == WriteResult(written=1)
        assert first.read([(TABLE, [b"k"])]) == [[b"3"]]
        second.drop([TABLE])
        assert first.read([(TABLE, [b"k"])]) == [[None]]
        first.close()
        second.create([TABLE])
        assert second.write(TABLE, [b"k"], [b"0"]) == WriteResult(written=1)
        second.close()

    def test_rows_are_there_after_reopening(self, tmp_path: Path) -> None:
        """Unless the store says that it does not keep rows; then it must at least open again, empty."""
        store = self.make_store(tmp_path)
        store.create([TABLE])
        store.write(TABLE, [b"k"], [b"2"])
        store.close()
        again = self.make_store(tmp_path)
        again.create([TABLE])
        assert again.read([(TABLE, [b"k"])]) == [[b"2" if self.keeps_rows else None]]
        assert again.write(TABLE, [b"k"], [b"1"]) == (
            WriteResult(late=1) if self.keeps_rows else WriteResult(written=1)
        )
        again.close()

    def test_flushing_changes_no_row(self, tmp_path: Path) -> None:
        """A store that can flush may be asked at any time, before its first table too."""
        store = self.make_store(tmp_path)
        flush = store.flush if isinstance(store, SupportsFlush) else lambda: None
        flush()
        store.create([TABLE])
        store.write(TABLE, [b"k"], [b"2"])
        flush()
        flush()
        assert store.read([(TABLE, [b"k"])]) == [[b"2"]]
        assert store.write(TABLE, [b"k"], [b"1"]) == WriteResult(late=1)
        store.close()

    def test_a_closed_store_says_so(self, tmp_path: Path) -> None:
        """After ``close``, which may be called again, every other method raises ClosedError."""
        for used in (True, False):
            store = self.make_store(tmp_path)
            if used:
                store.create([TABLE])
                store.write(TABLE, [b"k"], [b"v"])
            store.close()
            store.close()
            calls: list[Callable[[], object]] = [
                lambda: store.create([TABLE]),  # noqa: B023 (called at once)
                lambda: store.drop([TABLE]),  # noqa: B023
                lambda: store.write(TABLE, [b"k"], [b"v"]),  # noqa: B023
                lambda: store.read([(TABLE, [b"k"])]),  # noqa: B023
                lambda: store.erase(TABLE, [b"k"]),  # noqa: B023
                lambda: store.count(TABLE),  # noqa: B023
                lambda: asyncio.run(_aread(store)),  # noqa: B023
            ]
            if isinstance(store, SupportsFlush):
                calls.append(store.flush)
            for call in calls:
                with pytest.raises(ClosedError):
                    call()


async def _aread(store: OnlineStore) -> list[list[bytes | None]]:
    return await store.aread([(TABLE, [b"k"])])
