"""The suite itself: every rule catches a store that breaks it."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import ClassVar

import pytest

from repast.backends.online.memory import MemoryOnlineStore
from repast.errors import NotFoundError, RepastError, UnavailableError
from repast.ports.online import OnlineStore, OnlineTable, Reads, SupportsExpiry, SupportsFlush, Values, WriteResult
from repast.testing.online import OnlineStoreSuite

EXPIRY = "test_rows_go_when_their_moment_has_passed"
RULES = [name for name in dir(OnlineStoreSuite) if name.startswith("test_")]


class Broken(MemoryOnlineStore):
    """A store whose tables and rows are easy to get wrong."""

    def rows(self, table: OnlineTable) -> dict[bytes, bytes]:
        return self._database()[table]

    def wins(self, new: bytes, old: bytes) -> bool:
        return new > old

    def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
        super().write(table, keys[:0], values[:0])
        rows, written, late = self.rows(table), set(), 0
        for key, value in zip(keys, values, strict=True):
            if key not in rows or self.wins(value, rows[key]):
                rows[key] = value
                written.add(key)
        late = sum(self.wins(rows[key], value) for key, value in zip(keys, values, strict=True))
        return WriteResult(written=len(written), unchanged=len(keys) - len(written) - late, late=late)


class LastWriteWins(Broken):
    def wins(self, new: bytes, old: bytes) -> bool:
        return new != old


class FirstWriteWins(Broken):
    def wins(self, new: bytes, old: bytes) -> bool:
        return False


class ComparesFirstByte(Broken):
    def wins(self, new: bytes, old: bytes) -> bool:
        return new[:1] > old[:1]


class ComparesNumbers(Broken):
    def wins(self, new: bytes, old: bytes) -> bool:
        return int.from_bytes(new) > int.from_bytes(old)


class ComparesSignedBytes(Broken):
    def wins(self, new: bytes, old: bytes) -> bool:
        return [b - 256 if b > 127 else b for b in new] > [b - 256 if b > 127 else b for b in old]


class ComparesWithoutCase(Broken):
    def wins(self, new: bytes, old: bytes) -> bool:
        return new.lower() > old.lower()


class ComparesFourThousandBytes(Broken):
    def wins(self, new: bytes, old: bytes) -> bool:
        return new[:4000] > old[:4000]


class EndsAtZeroByte(Broken):
    def wins(self, new: bytes, old: bytes) -> bool:
        return new.split(b"\0")[0] > old.split(b"\0")[0]


class CountsEqualAsWritten(MemoryOnlineStore):
    def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
        done = super().write(table, keys, values)
        return replace(done, written=done.written + done.unchanged, unchanged=0)


class CountsLateAsUnchanged(MemoryOnlineStore):
    def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
        done = super().write(table, keys, values)
        return replace(done, unchanged=done.unchanged + done.late, late=0)


class LastOfABatchWins(MemoryOnlineStore):
    def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
        batch = dict(zip(keys, values, strict=True)) if len(keys) == len(values) else dict.fromkeys(keys, b"")
        return super().write(table, list(batch), list(batch.values()))


class CountsEachRiseOfARepeatedKey(MemoryOnlineStore):
    def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
        one = super().write
        return sum((one(table, [k], [v]) for k, v in zip(keys, values, strict=True)), one(table, [], []))


class WritesAThousandRows(MemoryOnlineStore):
    def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
        return super().write(table, keys[:1000], values[:1000])


class FailsOnEmptyBatch(Broken):
    def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
        done = super().write(table, keys, values)
        return done if keys else replace(done, written=1)


class WritesWhatItCanPair(MemoryOnlineStore):
    def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
        return super().write(table, keys[: len(values)], values[: len(keys)])


class RefusesAfterWriting(MemoryOnlineStore):
    def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
        super().write(table, keys[: len(values)], values[: len(keys)])
        return super().write(table, keys, values)


class WritingCreates(MemoryOnlineStore):
    def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
        self.create([table])
        return super().write(table, keys, values)


class ReadingMissingTableFails(MemoryOnlineStore):
    def read(self, reads: Reads) -> Values:
        if any(table not in self._database() for table, _ in reads):
            raise NotFoundError("no such table")
        return super().read(reads)


class CreateEmpties(MemoryOnlineStore):
    def create(self, tables: Sequence[OnlineTable]) -> None:
        self.drop(tables)
        super().create(tables)


class CreateStopsAtTheFirstThatExists(MemoryOnlineStore):
    def create(self, tables: Sequence[OnlineTable]) -> None:
        for table in tables:
            if table in self._database():
                return
            super().create([table])


class DropKeepsRows(MemoryOnlineStore):
    def drop(self, tables: Sequence[OnlineTable]) -> None:
        self._database()


class DropOnlyEmpties(MemoryOnlineStore):
    def drop(self, tables: Sequence[OnlineTable]) -> None:
        for table in tables:
            self._database().get(table, {}).clear()


class DropTakesTheProject(MemoryOnlineStore):
    def drop(self, tables: Sequence[OnlineTable]) -> None:
        projects = {table.project for table in tables}
        super().drop([table for table in list(self._database()) if table.project in projects])


class DropTakesAllIncarnations(MemoryOnlineStore):
    def drop(self, tables: Sequence[OnlineTable]) -> None:
        gone = {(table.project, table.view) for table in tables}
        super().drop([table for table in list(self._database()) if (table.project, table.view) in gone])


class EraseTakesPrefixes(MemoryOnlineStore):
    def erase(self, table: OnlineTable, keys: Sequence[bytes]) -> int:
        return super().erase(table, [k for k in self._database().get(table, {}) if k.startswith(tuple(keys))])


class EraseCountsKeys(MemoryOnlineStore):
    def erase(self, table: OnlineTable, keys: Sequence[bytes]) -> int:
        super().erase(table, keys)
        return len(keys)


class EraseLeavesATombstone(MemoryOnlineStore):
    def erase(self, table: OnlineTable, keys: Sequence[bytes]) -> int:
        there = {key for key in keys if self.read([(table, [key])])[0][0]}
        for key in there:
            self._database()[table][key] = b"\xff"
        return len(there)

    def read(self, reads: Reads) -> Values:
        return [[None if value == b"\xff" else value for value in values] for values in super().read(reads)]


class Renames(MemoryOnlineStore):
    """Takes several tables for one."""

    def name(self, table: OnlineTable) -> OnlineTable:
        raise NotImplementedError

    def create(self, tables: Sequence[OnlineTable]) -> None:
        super().create([self.name(table) for table in tables])

    def drop(self, tables: Sequence[OnlineTable]) -> None:
        super().drop([self.name(table) for table in tables])

    def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
        return super().write(self.name(table), keys, values)

    def read(self, reads: Reads) -> Values:
        return super().read([(self.name(table), keys) for table, keys in reads])


class FoldsCase(Renames):
    def name(self, table: OnlineTable) -> OnlineTable:
        return OnlineTable(table.project.lower(), table.view.lower(), table.incarnation)


class JoinsNames(Renames):
    def name(self, table: OnlineTable) -> OnlineTable:
        return OnlineTable(f"{table.project}_{table.view}", "", table.incarnation)


class ForgetsTheIncarnation(Renames):
    def name(self, table: OnlineTable) -> OnlineTable:
        return table._replace(incarnation=1)


class ForgetsTheProject(Renames):
    def name(self, table: OnlineTable) -> OnlineTable:
        return table._replace(project="")


class ReplacesSigns(Renames):
    def name(self, table: OnlineTable) -> OnlineTable:
        return table._replace(view="".join(c if c.isalnum() else "_" for c in table.view))


class Reads_(MemoryOnlineStore):
    """Spoils what was read."""

    def spoil(self, values: list[bytes | None], keys: Sequence[bytes]) -> list[bytes | None]:
        raise NotImplementedError

    def read(self, reads: Reads) -> Values:
        return [self.spoil(v, keys) for v, (_, keys) in zip(super().read(reads), reads, strict=True)]


class ReadsInKeyOrder(Reads_):
    def spoil(self, values: list[bytes | None], keys: Sequence[bytes]) -> list[bytes | None]:
        return [value for _, value in sorted(zip(keys, values, strict=True), key=lambda pair: pair[0])]


class ReadsRepeatedKeysOnce(Reads_):
    def spoil(self, values: list[bytes | None], keys: Sequence[bytes]) -> list[bytes | None]:
        return list(dict(zip(keys, values, strict=True)).values())


class ReadsAThousandKeys(Reads_):
    def spoil(self, values: list[bytes | None], keys: Sequence[bytes]) -> list[bytes | None]:
        return [value if i < 1000 else None for i, value in enumerate(values)]


class ReadsEmptyAsMissing(Reads_):
    def spoil(self, values: list[bytes | None], keys: Sequence[bytes]) -> list[bytes | None]:
        return [value or None for value in values]


class ReadsByteArrays(Reads_):
    def spoil(self, values: list[bytes | None], keys: Sequence[bytes]) -> list[bytes | None]:
        return [value if value is None else bytearray(value) for value in values]  # type: ignore[misc]


class CutsLongValues(Reads_):
    def spoil(self, values: list[bytes | None], keys: Sequence[bytes]) -> list[bytes | None]:
        return [value if value is None else value[:65_535] for value in values]


class ReadsTheFirstTableOnly(MemoryOnlineStore):
    def read(self, reads: Reads) -> Values:
        return super().read(reads[:1]) + [[None] * len(keys) for _, keys in reads[1:]]


class ReadsRepeatedTablesOnce(MemoryOnlineStore):
    def read(self, reads: Reads) -> Values:
        return super().read(list(dict(reads).items()))


class AddsListsOnly(MemoryOnlineStore):
    def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
        return super().write(table, keys[:1] if isinstance(keys, tuple) else keys, values[: len(keys)])


class AreadAnswersTheFirst(MemoryOnlineStore):
    async def aread(self, reads: Reads) -> Values:
        return self.read(reads[:1])


class ComparesBeforeLocking(Broken):
    def wins(self, new: bytes, old: bytes) -> bool:
        greater = new > old
        time.sleep(0)  # lets another thread run, as a round trip would
        return greater


class ComparesARoundTripBeforeWriting(Broken):
    def wins(self, new: bytes, old: bytes) -> bool:
        greater = new > old
        time.sleep(0.0003)
        return greater


class WritesInTwoSteps(Broken):
    def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
        for key, value in zip(keys, values, strict=True):
            if value > self.rows(table).get(key, b""):
                self.rows(table)[key] = value[: len(value) // 2]
                time.sleep(0)
        return super().write(table, keys, values)


class RestoresTheCatalog(MemoryOnlineStore):
    """Creates by writing back the whole catalog that it read before."""

    def create(self, tables: Sequence[OnlineTable]) -> None:
        before = dict(self._database())
        super().create(tables)
        time.sleep(0.001)
        super().drop(list(set(self._database()) - set(before) - set(tables)))


class StopsAtAMegabyte(MemoryOnlineStore):
    """Takes the first page of an answer for all of it."""

    def read(self, reads: Reads) -> Values:
        size, values = 0, super().read(reads)
        for found in values:
            for position, value in enumerate(found):
                size += len(value or b"")
                found[position] = value if size < 1_000_000 else None
        return values


class TakesPartsForReads(MemoryOnlineStore):
    """Asks in parts, and holds those for the answers if there are as many as reads."""

    def read(self, reads: Reads) -> Values:
        size = 4000
        cut = [(table, keys[at : at + size]) for table, keys in reads for at in range(0, len(keys), size)]
        parts = super().read(cut)
        return parts if len(parts) == len(reads) else super().read(reads)


class StaysInItsFirstLoop(MemoryOnlineStore):
    loop: asyncio.AbstractEventLoop | None = None

    async def aread(self, reads: Reads) -> Values:
        self.loop = self.loop or asyncio.get_running_loop()
        if self.loop is not asyncio.get_running_loop():
            raise UnavailableError("attached to a different loop")
        return await super().aread(reads)


class LeavesAnswersInThePipe(MemoryOnlineStore):
    """Puts the next question on a connection whose last answer nobody fetched."""

    def __init__(self, *, repo_path: Path) -> None:
        super().__init__(repo_path=repo_path)
        self.pipe: list[Values] = []

    async def aread(self, reads: Reads) -> Values:
        self.pipe.append(self.read(reads))
        await asyncio.sleep(0)
        return self.pipe.pop(0)


class LocksKeysInBatchOrder(Broken):
    """Holds a lock per key until the batch is done, as a database does."""

    def __init__(self, *, repo_path: Path) -> None:
        super().__init__(repo_path=repo_path)
        self.locks: defaultdict[bytes, Lock] = defaultdict(Lock)

    def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
        held = []
        try:
            for key in dict.fromkeys(keys):
                time.sleep(0)
                if not self.locks[key].acquire(timeout=0.5):
                    raise UnavailableError("deadlock detected")
                held.append(self.locks[key])
            return super().write(table, keys, values)
        finally:
            for lock in held:
                lock.release()


class CreatesAFolder(MemoryOnlineStore):
    def __init__(self, *, repo_path: Path) -> None:
        super().__init__(repo_path=repo_path)
        (repo_path / "data").mkdir(exist_ok=True)


class RowsOfTheirOwn(MemoryOnlineStore):
    def __init__(self, *, repo_path: Path) -> None:
        super().__init__(repo_path=repo_path / str(id(self)))


class CloseDropsRows(MemoryOnlineStore):
    def close(self) -> None:
        if not self._closed:
            self._database().clear()
        super().close()


class StaysOpen(MemoryOnlineStore):
    def close(self) -> None:
        pass


class ClosesOnce(MemoryOnlineStore):
    def close(self) -> None:
        self._database()
        super().close()


class CountsAfterClose(MemoryOnlineStore):
    def count(self, table: OnlineTable) -> int:
        return 0 if self._closed else super().count(table)


class FlushEmpties(MemoryOnlineStore, SupportsFlush):
    def flush(self) -> None:
        self._database().clear()


class FlushNeedsATable(Broken, SupportsFlush):
    def flush(self) -> None:
        self.rows(OnlineTable("project", "view"))


class FlushesAfterClose(MemoryOnlineStore, SupportsFlush):
    def flush(self) -> None:
        pass


class Expiring(Broken, SupportsExpiry):
    """Lets rows go as soon as they are over: for moments of 1970 and of 2096 any clock between will do."""

    def __init__(self, *, repo_path: Path) -> None:
        super().__init__(repo_path=repo_path)
        self.ends: dict[bytes, int] = {}

    @property
    def expires(self) -> bool:
        return True

    def sets_moment(self, new: bytes, old: bytes | None) -> bool:
        return old is None or new >= old

    def is_over(self, until_us: int) -> bool:
        return until_us < 1_700_000_000_000_000

    def remove(self, table: OnlineTable, key: bytes) -> None:
        del self.rows(table)[key]

    def stays(self, key: bytes) -> None:
        self.ends.pop(key, None)

    def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
        done = super().write(table, keys, values)
        for key, value in zip(keys, values, strict=True):
            if self.rows(table)[key] == value:
                self.stays(key)
        return done

    def write_until(
        self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes], until_us: Sequence[int]
    ) -> WriteResult:
        done = super().write(table, keys[:0], values[:0])
        for key, value, until in zip(keys, values, until_us, strict=True):
            old = self.rows(table).get(key)
            done += super().write(table, [key], [value])
            if self.sets_moment(value, old):
                self.ends[key] = until + 1
                if self.is_over(until):
                    self.remove(table, key)
        return done


class ExpiresByLateWrites(Expiring):
    def sets_moment(self, new: bytes, old: bytes | None) -> bool:
        return True


class ExpiresByGreaterWritesOnly(Expiring):
    def sets_moment(self, new: bytes, old: bytes | None) -> bool:
        return old is None or new > old


class ExpiresInOtherUnits(Expiring):
    def is_over(self, until_us: int) -> bool:
        return super().is_over(until_us // 1000)


class ExpiresWhatIsWrittenPlainly(Expiring):
    def stays(self, key: bytes) -> None:
        pass


class ExpiredLeaveATrace(Expiring):
    def __init__(self, *, repo_path: Path) -> None:
        super().__init__(repo_path=repo_path)
        self.traces: dict[bytes, bytes] = {}

    def remove(self, table: OnlineTable, key: bytes) -> None:
        self.traces[key] = self.rows(table).pop(key)

    def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
        rows = [row for row in zip(keys, values, strict=True) if row[1] >= self.traces.get(row[0], b"")]
        done = super().write(table, [key for key, _ in rows], [value for _, value in rows])
        return done + WriteResult(late=len(keys) - len(rows))


class CountsExpiredAsLate(Expiring):
    def write_until(
        self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes], until_us: Sequence[int]
    ) -> WriteResult:
        done = super().write_until(table, keys, values, until_us)
        over = sum(map(self.is_over, until_us))
        return replace(done, written=done.written - over, late=done.late + over)


PLANTED: list[tuple[type[OnlineStore], str]] = [
    (CreatesAFolder, "test_making_and_reading_touch_nothing"),
    (ReadingMissingTableFails, "test_a_table_that_does_not_exist_reads_as_empty"),
    (WritingCreates, "test_a_table_that_does_not_exist_cannot_be_written"),
    (CreateEmpties, "test_create_keeps_what_is_there"),
    (CreateStopsAtTheFirstThatExists, "test_create_keeps_what_is_there"),
    (DropKeepsRows, "test_drop_removes_the_rows_and_the_table"),
    (DropOnlyEmpties, "test_drop_removes_the_rows_and_the_table"),
    (FoldsCase, "test_tables_do_not_see_each_other"),
    (JoinsNames, "test_tables_do_not_see_each_other"),
    (ForgetsTheIncarnation, "test_tables_do_not_see_each_other"),
    (ForgetsTheProject, "test_tables_do_not_see_each_other"),
    (ReplacesSigns, "test_tables_do_not_see_each_other"),
    (DropTakesTheProject, "test_drop_and_erase_leave_other_tables_alone"),
    (DropTakesAllIncarnations, "test_drop_and_erase_leave_other_tables_alone"),
    (LastWriteWins, "test_only_greater_values_survive"),
    (FirstWriteWins, "test_only_greater_values_survive"),
    (ComparesFirstByte, "test_only_greater_values_survive"),
    (ComparesNumbers, "test_only_greater_values_survive"),
    (ComparesSignedBytes, "test_only_greater_values_survive"),
    (ComparesWithoutCase, "test_only_greater_values_survive"),
    (ComparesFourThousandBytes, "test_only_greater_values_survive"),
    (EndsAtZeroByte, "test_only_greater_values_survive"),
    (CountsEqualAsWritten, "test_writing_again_changes_nothing"),
    (FailsOnEmptyBatch, "test_an_empty_batch_does_nothing"),
    (WritesWhatItCanPair, "test_keys_without_values_are_refused"),
    (RefusesAfterWriting, "test_keys_without_values_are_refused"),
    (LastOfABatchWins, "test_a_key_may_repeat_in_a_batch"),
    (CountsEachRiseOfARepeatedKey, "test_a_key_may_repeat_in_a_batch"),
    (CountsLateAsUnchanged, "test_counts_are_exact"),
    (CountsEachRiseOfARepeatedKey, "test_counts_are_exact"),
    (LastWriteWins, "test_the_order_of_writes_does_not_matter"),
    (FirstWriteWins, "test_the_order_of_writes_does_not_matter"),
    (WritesAThousandRows, "test_a_large_batch_is_written_whole"),
    (ReadsEmptyAsMissing, "test_keys_and_values_are_any_bytes"),
    (ReadsByteArrays, "test_keys_and_values_are_any_bytes"),
    (CutsLongValues, "test_keys_and_values_are_any_bytes"),
    (ReadsInKeyOrder, "test_values_come_in_the_order_of_the_keys"),
    (ReadsRepeatedKeysOnce, "test_values_come_in_the_order_of_the_keys"),
    (ReadsAThousandKeys, "test_values_come_in_the_order_of_the_keys"),
    (ReadsTheFirstTableOnly, "test_many_tables_are_read_in_one_call"),
    (ReadsRepeatedTablesOnce, "test_many_tables_are_read_in_one_call"),
    (AddsListsOnly, "test_keys_may_be_tuples"),
    (AreadAnswersTheFirst, "test_aread_equals_read"),
    (StopsAtAMegabyte, "test_a_read_may_be_larger_than_any_limit"),
    (TakesPartsForReads, "test_a_read_may_be_larger_than_any_limit"),
    (StaysInItsFirstLoop, "test_aread_works_in_any_event_loop"),
    (LeavesAnswersInThePipe, "test_a_cancelled_aread_spoils_no_later_one"),
    (ComparesARoundTripBeforeWriting, "test_racing_histories_end_in_one_state"),
    (EraseTakesPrefixes, "test_erase_removes_rows_and_counts_them"),
    (EraseCountsKeys, "test_erase_removes_rows_and_counts_them"),
    (EraseLeavesATombstone, "test_erase_removes_rows_and_counts_them"),
    (ComparesBeforeLocking, "test_concurrent_writers_converge_to_the_maximum"),
    (ComparesBeforeLocking, "test_racing_equal_writes_are_counted_once"),
    (WritesInTwoSteps, "test_readers_see_whole_rows_that_never_go_back"),
    (LocksKeysInBatchOrder, "test_batches_in_any_key_order_do_not_block_each_other"),
    (RestoresTheCatalog, "test_threads_may_create_and_drop_at_once"),
    (RowsOfTheirOwn, "test_two_stores_over_one_place_share_rows"),
    (CloseDropsRows, "test_rows_are_there_after_reopening"),
    (FlushEmpties, "test_flushing_changes_no_row"),
    (FlushNeedsATable, "test_flushing_changes_no_row"),
    (ExpiresByLateWrites, EXPIRY),
    (ExpiresByGreaterWritesOnly, EXPIRY),
    (ExpiresInOtherUnits, EXPIRY),
    (ExpiresWhatIsWrittenPlainly, EXPIRY),
    (ExpiredLeaveATrace, EXPIRY),
    (CountsExpiredAsLate, EXPIRY),
    (FlushesAfterClose, "test_a_closed_store_says_so"),
    (StaysOpen, "test_a_closed_store_says_so"),
    (ClosesOnce, "test_a_closed_store_says_so"),
    (CountsAfterClose, "test_a_closed_store_says_so"),
]


def ends_us(store: OnlineStore, _table: OnlineTable, keys: Sequence[bytes]) -> list[int | None] | None:
    return [store.ends.get(key) for key in keys] if isinstance(store, Expiring) else None


def run(rule: str, make: Callable[[Path], OnlineStore], tmp_path: Path) -> None:
    suite = OnlineStoreSuite()
    suite.make_store = make  # type: ignore[method-assign]
    suite.ends_us = ends_us  # type: ignore[method-assign]
    method = getattr(suite, rule)
    if "store" not in inspect.signature(method).parameters:
        method(tmp_path=tmp_path)
        return
    store = make(tmp_path)
    try:
        method(store=store)
    finally:
        store.close()


@pytest.mark.parametrize(("broken", "rule"), PLANTED)
def test_a_planted_bug_is_caught(broken: type[OnlineStore], rule: str, tmp_path: Path) -> None:
    with pytest.raises((AssertionError, RepastError, LookupError, BaseExceptionGroup, pytest.fail.Exception)):
        run(rule, lambda path: broken(repo_path=path), tmp_path)  # type: ignore[call-arg]


def test_a_store_that_lets_rows_go_in_time_passes(tmp_path: Path) -> None:
    run(EXPIRY, lambda path: Expiring(repo_path=path), tmp_path)


def test_every_rule_catches_something() -> None:
    assert {rule for _, rule in PLANTED} == set(RULES)


def test_every_rule_says_what_it_asks() -> None:
    assert all((getattr(OnlineStoreSuite, rule).__doc__ or "").strip() for rule in RULES)


class TestVolatile(OnlineStoreSuite):
    """A store that declares that it keeps nothing passes by keeping nothing."""

    keeps_rows = False

    def make_store(self, tmp_path: Path) -> OnlineStore:
        return CloseDropsRows(repo_path=tmp_path)


class TestDeclaredGap(OnlineStoreSuite):
    """A rule that is named as a gap is expected to fail; if it did not, the test would."""

    gaps: ClassVar[dict[str, str]] = {"test_keys_and_values_are_any_bytes": "values end after 64 KiB"}

    def make_store(self, tmp_path: Path) -> OnlineStore:
        return CutsLongValues(repo_path=tmp_path)
