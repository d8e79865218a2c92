"""Emulators that run in an environment of their own, below .servers/ (scripts/install_servers.sh)."""

from __future__ import annotations

import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_SERVERS = Path(__file__).parents[2] / ".servers"


@contextmanager
def run_emulator(name: str, arguments: Sequence[str], *, url: str) -> Iterator[None]:
    """Run ``NAME_emulator.py`` beside this file in the environment of that name, until ``url`` answers and after."""
    python = _SERVERS / name / "bin" / "python"
    if not python.exists():
        raise RuntimeError(f"The {name} emulator is not installed; run scripts/install_servers.sh.")
    with tempfile.TemporaryDirectory(prefix=f"{name}-emulator-") as folder:
        log = Path(folder) / "log"
        script = Path(__file__).with_name(f"{name}_emulator.py")
        with log.open("wb") as out:
            process = subprocess.Popen(
                # Isolated: a file beside the script must not hide a package of that name.
                [str(python), "-I", "-B", str(script), *arguments],
                cwd=folder,
                env={"HOME": folder, "PATH": "/usr/bin:/bin", "TMPDIR": folder},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        try:
            _await(process, url, log)
            yield
        finally:
            process.kill()
            process.wait(60)


def _await(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError:
            return
        except (urllib.error.URLError, OSError):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(log.read_text()) from None
            time.sleep(0.05)  # a server of another process: only asking again can tell
        else:
            return
