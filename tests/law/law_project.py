"""A project made from a drawn frame, used through the public facade only."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from repast import Entity, FeatureStore, FeatureView, Field, FileSource
from repast.app.config import RepoConfig
from repast.core.clock import from_us
from repast.core.codec.row import RowCodec
from repast.core.manifest import LayoutSpec
from repast.core.oracle import Row
from repast.core.plan.offline import CREATED, EVENT, TIME
from repast.testing.strategy import Frame
from repast.types import UnixTimestamp


class LawProject:
    """One view ``v`` over one folder of Parquet files."""

    def __init__(self, folder: Path, frame: Frame, *, ttl_us: int | None, threads: int | None = None) -> None:
        self.folder, self.frame = folder, frame
        offline: dict[str, Any] = {"type": "duckdb"} | ({"threads": threads} if threads else {})
        config = RepoConfig(project="law", repo_path=folder, registry="registry", offline_store=offline)
        self.store = FeatureStore(config=config)
        self.view = FeatureView(
            name="v",
            entities=[Entity(name="e", join_keys=dict(frame.keys))] if frame.keys else [],
            schema=[Field(name=name, dtype=dtype) for name, dtype in frame.features],
            ttl=timedelta(microseconds=ttl_us) if ttl_us else None,
            source=FileSource(
                name="s", path="rows", timestamp_field="event_timestamp", created_timestamp_column="created"
            ),
        )
        self.refs = [f"v:{name}" for name, _ in frame.features]
        self.names = [name for name, _ in frame.features]

    def write(self, *files: Sequence[Row]) -> None:
        """Replace the source's files."""
        rows = self.folder / "rows"
        rows.mkdir(exist_ok=True)
        for old in rows.iterdir():
            old.unlink()
        for number, part in enumerate(files):
            pq.write_table(self.frame.table(part), rows / f"part{number}.parquet", row_group_size=3)

    def spine(self, asked: Sequence[Row]) -> pa.Table:
        """A spine with a column of the caller's own that must come back."""
        columns = {name: pa.array([row[name] for row in asked], dtype.arrow) for name, dtype in self.frame.keys}
        columns["event_timestamp"] = pa.array([row[TIME] for row in asked], UnixTimestamp.arrow)
        columns["label"] = pa.array(range(len(asked)), pa.int64())
        return pa.table(columns)

    def historical(self, asked: Sequence[Row], **options: Any) -> pa.Table:
        return self.store.get_historical_features(self.spine(asked), self.refs, **options).to_arrow()

    def online(self, keys: Sequence[Mapping[str, Any]], now_us: int) -> Any:
        return self.store.get_online_features(self.refs, list(keys), now=from_us(now_us))

    def load(self, end_us: int) -> Any:
        return self.store.materialize(from_us(0), from_us(end_us))

    def content(self, row: Row) -> bytes:
        """The oracle's tie-break: the encoded features, without the times before them."""
        fields = sorted(self.frame.features)
        layout = LayoutSpec(version=1, features=tuple((name, dtype.to_json()) for name, dtype in fields))
        columns = [pa.array([row[name]], dtype.arrow) for name, dtype in fields]
        times = [pa.array([row[name]], pa.int64()) for name in (EVENT, CREATED)]
        return RowCodec(layout).encode(columns, *times)[0]


@contextmanager
def project(frame: Frame, *, ttl_us: int | None = None, threads: int | None = None) -> Iterator[LawProject]:
    """A project whose source holds the frame's rows in one file, applied."""
    # Hundreds of projects, each synced to disk several times: memory will do, where there is some.
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        made = LawProject(Path(folder), frame, ttl_us=ttl_us, threads=threads)
        made.write(frame.rows)
        made.store.apply(made.view)
        yield made
        made.store.close()
