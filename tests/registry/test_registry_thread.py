"""Threads that are the first of their process to read a registry, all at once."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys, threading
from repast.core.history import HistoryEntry, decode_entry, encode_entry
from repast.core.manifest import Manifest, ProjectSpec, ProjectState, decode_manifest, decode_state, encode_manifest

manifest = encode_manifest(Manifest(project=ProjectSpec(name="x")))
state = encode_manifest(ProjectState())
entry = encode_entry(HistoryEntry(generation=1, time_us=0, changes=(), manifest=manifest))
sys.setswitchinterval(1e-6)
start = threading.Barrier(8)

def read():
    start.wait()
    decode_manifest(manifest, where="x")
    decode_state(state, where="x")
    decode_entry(entry, where="x")

threads = [threading.Thread(target=read) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_the_first_readers_of_a_process_may_be_many() -> None:
    """They crashed the interpreter in six of eight runs: msgspec learns a type at its first use, without a lock."""
    for _ in range(6):
        done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False, timeout=120)
        assert (done.returncode, done.stderr) == (0, "")
