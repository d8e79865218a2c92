"""Rows as entities of Datastore, and the requests that read and write them."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from google.cloud.datastore_v1 import types

# The plain messages: the wrappers of Google's client take ten times as long to make and to read.
_Key: Any = types.Key.pb()
_Entity: Any = types.Entity.pb()
_Mutation: Any = types.Mutation.pb()
_Begin: Any = types.BeginTransactionRequest.pb()
_Lookup: Any = types.LookupRequest.pb()
_Commit: Any = types.CommitRequest.pb()
_Rollback: Any = types.RollbackRequest.pb()
_Query: Any = types.RunQueryRequest.pb()
_Aggregation: Any = types.RunAggregationQueryRequest.pb()

TABLES = "repast_table"
"""Kind of the entities that say which tables there are."""
LARGEST_LOOKUP = 1000
LARGEST_COMMIT = 500
_VALUE = "v"


class Place:
    """A database and a namespace: makes the keys and requests for what is there."""

    def __init__(self, project: str, database: str, namespace: str) -> None:
        self._where = {"project_id": project, "database_id": database}
        self._partition = {**self._where, "namespace_id": namespace}

    def key(self, kind: str, name: str) -> Any:
        """Return a key."""
        return _Key(partition_id=self._partition, path=[{"kind": kind, "name": name}])

    def begin(self) -> Any:
        """Return a request to begin a transaction."""
        return types.BeginTransactionRequest.wrap(_Begin(**self._where))

    def lookup(self, keys: Iterable[Any], *, transaction: bytes = b"") -> Any:
        """Return a request for entities, in a transaction or without one."""
        options = {"transaction": transaction} if transaction else {}
        return types.LookupRequest.wrap(_Lookup(keys=keys, read_options=options, **self._where))

    def commit(self, mutations: Iterable[Any], *, transaction: bytes = b"") -> Any:
        """Return a request to write, at the end of a transaction or without one."""
        mode = types.CommitRequest.Mode.TRANSACTIONAL if transaction else types.CommitRequest.Mode.NON_TRANSACTIONAL
        request = _Commit(mode=int(mode), mutations=mutations, **self._where)
        if transaction:
            request.transaction = transaction
        return types.CommitRequest.wrap(request)

    def rollback(self, transaction: bytes) -> Any:
        """Return a request to end a transaction that has changed nothing."""
        return types.RollbackRequest.wrap(_Rollback(transaction=transaction, **self._where))

    def first_keys(self, kind: str) -> Any:
        """Return a request for the keys of some entities of a kind, as many as one commit may delete."""
        query = {
            "kind": [{"name": kind}],
            "projection": [{"property": {"name": "__key__"}}],
            "limit": {"value": LARGEST_COMMIT},
        }
        return types.RunQueryRequest.wrap(_Query(partition_id=self._partition, query=query, **self._where))

    def counting(self, kind: str) -> Any:
        """Return a request for the number of entities of a kind."""
        query = {"nested_query": {"kind": [{"name": kind}]}, "aggregations": [{"count": {}, "alias": "n"}]}
        return types.RunAggregationQueryRequest.wrap(
            _Aggregation(partition_id=self._partition, aggregation_query=query, **self._where)
        )

    def put(self, kind: str, name: str, value: bytes | None) -> Any:
        """Return a mutation that writes a row; without a value: that says that there is a table."""
        properties = {} if value is None else {_VALUE: {"blob_value": value, "exclude_from_indexes": True}}
        return _Mutation(upsert=_Entity(key=self.key(kind, name), properties=properties))

    def delete(self, key: Any) -> Any:
        """Return a mutation that deletes an entity."""
        return _Mutation(delete=key)


def name_of(key: bytes) -> str:
    """Return the name of a row's entity: text, for that is what names are."""
    return "k" + urlsafe_b64encode(key).decode().rstrip("=")


def rows_of(response: types.LookupResponse) -> Iterator[tuple[tuple[str, str], bytes]]:
    """Yield kind and name, and the value, of what was found; empty values for tables."""
    for result in types.LookupResponse.pb(response).found:
        entity = result.entity
        path = entity.key.path[0]
        yield (path.kind, path.name), entity.properties[_VALUE].blob_value if entity.properties else b""


def deferred_of(response: types.LookupResponse) -> Sequence[Any]:
    """Return the keys that the server had no time for."""
    keys: Sequence[Any] = types.LookupResponse.pb(response).deferred
    return keys


def keys_of(response: types.RunQueryResponse) -> list[Any]:
    """Return the keys that a query found."""
    return [result.entity.key for result in types.RunQueryResponse.pb(response).batch.entity_results]


def count_of(response: types.RunAggregationQueryResponse) -> int:
    """Return the number that was asked for."""
    (result,) = types.RunAggregationQueryResponse.pb(response).batch.aggregation_results
    return int(result.aggregate_properties["n"].integer_value)


def cut(rows: Mapping[str, bytes], most_rows: int, most_bytes: int) -> Iterator[list[tuple[str, bytes]]]:
    """Cut rows into parts for one transaction each."""
    part: list[tuple[str, bytes]] = []
    size = 0
    for name, value in rows.items():
        size += len(name) + len(value) + 100
        if part and (len(part) == most_rows or size > most_bytes):
            yield part
            part, size = [], len(name) + len(value) + 100
        part.append((name, value))
    if part:
        yield part
