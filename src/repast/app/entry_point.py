"""Names that installed packages offer, found without the cost of importlib.metadata."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterator, Mapping


def installed(group: str) -> Mapping[str, str]:
    """Return the entry points of a group: name -> ``module:attribute``; the first on ``sys.path`` wins.

    This reads the ``entry_points.txt`` files that installers write beside packages; that takes about a
    millisecond, where importing importlib.metadata takes tens. Should it find nothing (packages inside
    a zip file, say), importlib.metadata is asked.
    """
    return _installed(group, tuple(sys.path))


@functools.lru_cache(maxsize=32)
def _installed(group: str, path: tuple[str, ...]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for folder in path:
        for text in _texts(folder or "."):
            for name, target in _parse(text, group):
                found.setdefault(name, target)
    return found or _slowly(group)


@functools.lru_cache(maxsize=32)
def _texts(folder: str) -> tuple[str, ...]:
    """The contents of a folder's entry point files that have groups of ours."""
    texts = []
    try:
        with os.scandir(folder) as entries:
            names = sorted(e.name for e in entries if e.name.endswith((".dist-info", ".egg-info")))
    except OSError:
        return ()
    for name in names:
        try:
            with open(os.path.join(folder, name, "entry_points.txt"), encoding="utf-8") as file:  # noqa: PTH118, PTH123
                text = file.read()
        except OSError:
            continue
        if "repast." in text:
            texts.append(text)
    return tuple(texts)


def _parse(text: str, group: str) -> Iterator[tuple[str, str]]:
    current = ""
    for raw in text.splitlines():
        line = raw.partition("#")[0].strip()
        if line.startswith("["):
            current = line.strip("[]").strip()
        elif current == group and "=" in line:
            name, _, target = line.partition("=")
            yield name.strip(), target.partition("[")[0].replace(" ", "")


def _slowly(group: str) -> Mapping[str, str]:
    from importlib.metadata import entry_points

    return {entry.name: entry.value.partition("[")[0].strip() for entry in entry_points(group=group)}
