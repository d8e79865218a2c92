"""What is kept between the steps of a retrieval, and for how long."""

from __future__ import annotations

import atexit
import logging
import shutil
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repast.backends.offline.spark.arrow import map_in_arrow

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

_logger = logging.getLogger("repast.spark")
_LOCAL = "file://"


class Staging:
    """Folders that hold bound spines. Each is removed when its answer is done with; the last ones on :meth:`clear`.

    Args:
        folder: A folder that driver and executors reach, as Spark spells it; None: the executors keep the rows.

    """

    def __init__(self, folder: str | None) -> None:
        self._folder = folder
        self._kept: set[str] = set()
        self._done: set[str] = set()
        self._lock = threading.RLock()  # garbage may be collected while it is held
        self._at_exit = False

    def keep(self, frame: DataFrame) -> tuple[DataFrame, str | None]:
        """Return a frame whose rows are there for good, and the folder that they are in, if there is one.

        Numbers that were given may not be given anew. With a folder, rows survive executors; else, should one
        die, the job fails rather than numbering anew.
        """
        if self._folder is None:
            return frame.localCheckpoint(eager=True), None
        path = f"{self._folder}/repast-spine-{uuid.uuid4().hex}"
        with self._lock:
            if not self._at_exit:
                atexit.register(self.clear)
                self._at_exit = True
            self._kept.add(path)
        try:
            self._sweep(frame.sparkSession)
            frame.write.parquet(path)
            return frame.sparkSession.read.schema(frame.schema).parquet(path), path
        except BaseException:
            self.release(path, frame.sparkSession)
            raise

    def release(self, path: str, session: SparkSession | None = None) -> None:
        """Remove a folder. Without a session, where only Spark can: when the next spine is kept, or on clear.

        This is called while garbage is collected, too, when no other call into Spark may be made.
        """
        with self._lock:
            self._done.add(path)
        if _remove_here(path):
            self._forget(path)
        elif session is not None:
            self._sweep(session)

    def clear(self, session: SparkSession | None = None) -> None:
        """Remove all folders: what still reads one cannot go on."""
        atexit.unregister(self.clear)
        with self._lock:
            self._at_exit = False
            self._done |= self._kept
            done = list(self._done)
        for path in done:
            if _remove_here(path):
                self._forget(path)
        if session is not None:
            self._sweep(session)

    def _sweep(self, session: SparkSession) -> None:
        with self._lock:
            done = list(self._done)
        for path in done:
            try:
                _remove_there(path, session)
            except Exception as error:  # noqa: BLE001  # Spark has no common error; no answer is at stake
                _logger.warning("The staged spine %s could not be removed: %s", path, str(error)[:300])
            self._forget(path)

    def _forget(self, path: str) -> None:
        with self._lock:
            self._done.discard(path)
            self._kept.discard(path)


def _remove_here(path: str) -> bool:
    """Remove a folder that this machine sees; return whether it did."""
    local = Path(path.removeprefix(_LOCAL))
    if not path.startswith(_LOCAL) or not local.is_dir():
        return False
    shutil.rmtree(local, ignore_errors=True)
    return not local.exists()


def _remove_there(path: str, session: SparkSession) -> None:
    """Remove a folder through Spark: by the driver's Hadoop or, through Connect, by an executor."""
    java: Any = getattr(session, "_jvm", None) if type(session).__module__ == "pyspark.sql.session" else None
    if java is not None:
        folder = java.org.apache.hadoop.fs.Path(path)
        conf: Any = session._jsparkSession.sessionState().newHadoopConf()
        folder.getFileSystem(conf).delete(folder, True)
        return

    def remove(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        # Nested, so that it travels by value.
        from pyarrow.fs import FileSystem, FileType

        for batch in batches:
            system, name = FileSystem.from_uri(path.replace("s3a://", "s3://", 1))
            if system.get_file_info(name).type == FileType.Directory:
                system.delete_dir(name)
            yield batch

    map_in_arrow(session.range(0, 1, 1, 1), remove, "id bigint").collect()
