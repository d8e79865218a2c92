"""Rules about opening, sharing and closing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from repast.errors import ClosedError, NotFoundError
from repast.ports.online import OnlineStore, SupportsExpiry, SupportsFlush, WriteResult
from repast.testing.online.base import TABLE, OnlineStoreBase

_PAST_US, _FAR_US = 1, 4_000_000_000_000_000
"""Moments of 1970 and of 2096: no clock that a store may go by is between, so nobody has to wait."""
_DAY_US = 86_400_000_000


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

    def test_rows_go_when_their_moment_has_passed(self, tmp_path: Path) -> None:
        """Not before, and without a trace. What wins or is there already sets the moment, a plain write takes it away.

        A store that lets rows go may be asked for one that is over: it counts as written, and is there or not.
        """
        store = self.make_expiring_store(tmp_path)
        if not isinstance(store, SupportsExpiry):
            store.close()
            return
        if not store.expires:
            store.close()
            pytest.skip("rows of this store do not go by themselves: give the suite make_expiring_store")
        with pytest.raises(NotFoundError):
            store.write_until(TABLE, [b"a"], [b"5"], [_FAR_US])
        store.create([TABLE])
        assert store.write_until(TABLE, [], [], []) == WriteResult()
        keys = [b"a", b"b", b"c"]
        assert store.write_until(TABLE, keys, [b"5"] * 3, [_FAR_US, _FAR_US + 999, _FAR_US]) == WriteResult(written=3)
        _assert_ends(self.ends_us(store, TABLE, keys), [_FAR_US, _FAR_US + 999, _FAR_US])
        again = store.write_until(TABLE, keys, [b"4", b"5", b"6"], [_PAST_US, 2 * _FAR_US, 2 * _FAR_US])
        assert again == WriteResult(written=1, unchanged=1, late=1)
        assert store.read([(TABLE, keys)]) == [[b"5", b"5", b"6"]]
        _assert_ends(self.ends_us(store, TABLE, keys), [_FAR_US, 2 * _FAR_US, 2 * _FAR_US])
        assert store.write(TABLE, [b"a"], [b"6"]) == WriteResult(written=1)
        _assert_ends(self.ends_us(store, TABLE, [b"a", b"c"]), [None, 2 * _FAR_US])

        assert store.write_until(TABLE, [b"c", b"d"], [b"9"] * 2, [_PAST_US] * 2) == WriteResult(written=2)
        for key in (b"c", b"d"):
            ((found,),) = store.read([(TABLE, [key])])
            assert found in (None, b"9")
            gone = found is None
            assert store.write(TABLE, [key], [b"1"]) == (WriteResult(written=1) if gone else WriteResult(late=1))
            assert store.read([(TABLE, [key])]) == [[b"1" if gone else b"9"]]
        store.write_until(TABLE, [b"e"] * 2, [b"5", b"4"], [_FAR_US, _PAST_US])
        store.write_until(TABLE, [b"f"] * 2, [b"4", b"5"], [_PAST_US, _FAR_US])
        assert store.read([(TABLE, [b"e", b"f"])]) == [[b"5", b"5"]]
        store.drop([TABLE])
        store.close()
        with pytest.raises(ClosedError):
            store.write_until(TABLE, [b"a"], [b"5"], [_FAR_US])

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


def _assert_ends(ends_us: Sequence[int | None] | None, wanted_us: Sequence[int | None]) -> None:
    """Compare moments with those at which the server, whose clock may be coarser, lets rows go."""
    if ends_us is None:
        return
    for end, wanted in zip(ends_us, wanted_us, strict=True):
        right = end is None if wanted is None else end is not None and wanted < end <= wanted + _DAY_US
        assert right, f"rows go at {ends_us}, and are wanted until {wanted_us}"
