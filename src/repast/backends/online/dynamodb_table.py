"""The tables of DynamoDB: what they are called, how they are made and deleted."""

from __future__ import annotations

import hashlib
import re
import string
import time
from collections.abc import Mapping
from typing import Any

from repast.backends.online.dynamodb_batch import EXPIRY, KEY
from repast.backends.online.dynamodb_link import DynamodbLink
from repast.errors import InvalidConfigError, NotFoundError, UnavailableError
from repast.ports.online import OnlineTable

_TABLE_SECONDS = 180.0
"""How long to wait until DynamoDB has made or deleted a table; usually ten seconds."""


class Tables:
    """Makes and deletes tables, one per view.

    Args:
        link: To DynamoDB.
        template: How tables are called.
        tags: Tags of tables that are made.
        expire_rows: Whether their rows may expire.

    Raises:
        InvalidConfigError: The template cannot be used.

    """

    def __init__(self, link: DynamodbLink, template: str, tags: Mapping[str, str], *, expire_rows: bool) -> None:
        _check_template(template)
        self._link = link
        self._template = template
        self._tags = [{"Key": key, "Value": value} for key, value in tags.items()]
        self._expire_rows = expire_rows
        self._names: dict[OnlineTable, str] = {}

    def name(self, table: OnlineTable) -> str:
        """Return what a table is called: readable, and by its digest the name of no other one."""
        name = self._names.get(table)
        if name is None:
            identity = repr(tuple(table)).encode("utf-8", "surrogatepass")
            suffix = f".{table.incarnation}-{hashlib.blake2b(identity, digest_size=8).hexdigest()}"
            view = _spell(table.view, 90) + suffix
            name = self._names[table] = self._template.format(project=_spell(table.project, 40), table_name=view)
        return name

    def create(self, name: str) -> None:
        """Make a table and wait until it can be used. Does nothing if it is there."""
        if self._status(name) == "DELETING":
            self._wait(name, "")
        if not self._status(name):
            self._unless_in_use(
                "create_table",
                TableName=name,
                KeySchema=[{"AttributeName": KEY, "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": KEY, "AttributeType": "B"}],
                BillingMode="PAY_PER_REQUEST",
                **({"Tags": self._tags} if self._tags else {}),
            )
        self._wait(name, "ACTIVE", "UPDATING")
        if self._expire_rows:
            self._let_expire(name)

    def _let_expire(self, name: str) -> None:
        found = self._link.call("describe_time_to_live", TableName=name)["TimeToLiveDescription"]
        if found["TimeToLiveStatus"] in ("DISABLED", "DISABLING"):
            wanted = {"Enabled": True, "AttributeName": EXPIRY}
            self._link.call("update_time_to_live", TableName=name, TimeToLiveSpecification=wanted)

    def drop(self, name: str) -> None:
        """Delete a table and wait until it is gone. Does nothing if it is not there."""
        if self._status(name) == "CREATING":
            self._wait(name, "ACTIVE", "")
        if self._status(name):
            try:
                self._unless_in_use("delete_table", TableName=name)
            except NotFoundError:
                return
            self._wait(name, "")

    def _unless_in_use(self, operation: str, **arguments: Any) -> None:
        """Make or delete a table, unless somebody else is at it."""
        try:
            self._link.call(operation, **arguments)
        except UnavailableError as error:
            if "making or deleting that table" not in error.message:
                raise

    def _status(self, name: str) -> str:
        """Return what DynamoDB is doing with a table; nothing if there is none."""
        try:
            return str(self._link.call("describe_table", TableName=name)["Table"]["TableStatus"])
        except NotFoundError:
            return ""

    def _wait(self, name: str, *statuses: str) -> None:
        deadline, pause = time.monotonic() + _TABLE_SECONDS, 0.02
        while (status := self._status(name)) not in statuses:
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"The table {name} of the online store dynamodb at {self._link.address} is still {status}"
                    f" after {_TABLE_SECONDS:g} s.",
                    hint="wait until DynamoDB has finished, then do it again",
                )
            time.sleep(pause)
            pause = min(pause * 2, 2.0)


def _spell(name: str, length: int) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name)[:length]


def _check_template(template: str) -> None:
    fields = [field for _, field, _, _ in string.Formatter().parse(template) if field is not None]
    literal = re.sub(r"\{[^}]*\}", "", template)
    if set(fields) - {"project", "table_name"} or fields.count("table_name") != 1 or fields.count("project") > 1:
        raise InvalidConfigError(
            f"online_store.table_name_template cannot be {template!r}.",
            hint="use {project} and {table_name}, once each",
        )
    if not re.fullmatch(r"[A-Za-z0-9_.-]{0,80}", literal):
        raise InvalidConfigError(
            f"online_store.table_name_template cannot be {template!r}.",
            hint="DynamoDB's names have letters, digits, '_', '-' and '.'",
        )
