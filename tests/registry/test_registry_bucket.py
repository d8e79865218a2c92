"""Removing from object stores, which remove without asking for a version."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import obstore
import pytest
from obstore.exceptions import GenericError, PermissionDeniedError

from repast.backends.registry.bucket import TOMBSTONE, Bucket
from repast.errors import ConflictError, InvalidRequestError, UnavailableError


def fail(store: object, paths: str | Sequence[str]) -> None:
    raise GenericError("connection reset by https://host/path?sig=hidden\nDebug source: ...")


@pytest.fixture
def interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """A store in which the removal of p.json was stopped half way."""
    bucket = Bucket(f"memory://{tmp_path}", {})
    document = bucket.swap("p.json", b"one", None)
    assert document is not None
    bucket.swap("q.json", TOMBSTONE[::-1], None)  # as long as a tombstone, but none
    with monkeypatch.context() as patch:
        patch.setattr(obstore, "delete", fail)
        with pytest.raises(UnavailableError, match=r"Cannot remove 'p\.json' in the registry memory://.*: connection"):
            bucket.swap("p.json", None, document.version)
    return bucket


def test_an_interrupted_removal_has_removed(interrupted: Bucket) -> None:
    assert interrupted.load("p.json") is None
    assert interrupted.names("") == ["q.json"]
    assert interrupted.swap("p.json", None, None) is None


def test_its_name_is_taken_until_the_remover_is_surely_gone(interrupted: Bucket, tmp_path: Path) -> None:
    with pytest.raises(ConflictError):
        interrupted.swap("p.json", b"two", None)
    later = Bucket(f"memory://{tmp_path}", {}, now=lambda: datetime.now(UTC) + timedelta(minutes=3))
    document = later.swap("p.json", b"two", None)
    assert interrupted.load("p.json") == document


def test_signed_addresses_are_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = Bucket(f"memory://{tmp_path}", {})
    document = bucket.swap("p.json", b"one", None)
    monkeypatch.setattr(obstore, "delete", fail)
    assert document is not None
    with pytest.raises(UnavailableError) as caught:
        bucket.swap("p.json", None, document.version)
    assert "hidden" not in str(caught.value)
    assert "Debug" not in str(caught.value)


def test_a_refusal_is_about_rights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(store: object, path: str) -> None:
        raise PermissionDeniedError("403")

    monkeypatch.setattr(obstore, "get", refuse)
    with pytest.raises(UnavailableError, match=r"Cannot read 'p\.json' in the registry memory://.*: permission denied"):
        Bucket(f"memory://{tmp_path}", {}).load("p.json")


def test_a_tombstone_is_no_document(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError):
        Bucket(f"memory://{tmp_path}", {}).swap("p.json", TOMBSTONE, None)
