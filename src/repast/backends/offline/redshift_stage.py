"""Rows on their way into Redshift: a Parquet file in S3, there while COPY reads it."""

from __future__ import annotations

import io
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

from repast.errors import InvalidConfigError, require


class Stage:
    """A folder in S3, and the role with which Redshift reads it."""

    def __init__(self, location: str, role: str | None, region: str | None) -> None:
        url = urlsplit(location)
        if url.scheme != "s3" or not url.netloc or role is None:
            raise InvalidConfigError(
                f"offline_store: s3_staging_location is {location!r}, with iam_role {role!r}.",
                hint="give an s3:// folder, and iam_role: the role with which Redshift reads it",
            )
        self._bucket, self._folder = url.netloc, url.path.strip("/")
        self._role, self._region = role, region

    @contextmanager
    def put(self, rows: pa.Table) -> Iterator[str]:
        """Store rows; yield what follows the table's name in COPY; delete them."""
        boto3: Any = require("boto3", extra="redshift", purpose="s3_staging_location")
        client = boto3.client("s3", region_name=self._region)
        name = f"repast-{secrets.token_hex(16)}.parquet"
        key = f"{self._folder}/{name}" if self._folder else name
        buffer = io.BytesIO()
        pq.write_table(rows, buffer)
        buffer.seek(0)
        client.upload_fileobj(buffer, self._bucket, key)
        try:
            place, role = _quoted(f"s3://{self._bucket}/{key}"), _quoted(self._role)
            yield f"FROM {place} IAM_ROLE {role} FORMAT AS PARQUET"
        finally:
            client.delete_object(Bucket=self._bucket, Key=key)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
