"""Batches of rows as commands that keep the greater value, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from repast.ports.online import WriteResult

if TYPE_CHECKING:
    from repast.backends.online.redis_link import Command, Link

_ROWS = 400
_BYTES = 512 << 10
"""Rows and bytes of one command: a server does one thing at a time, and others want to read."""

KEEP_GREATER = """
local n = tonumber(ARGV[1])
local old = redis.call('HMGET', KEYS[1], '', unpack(ARGV, 2, n + 1))
if not old[1] then return false end

local function greater(new, kept)  -- by bytes; Lua's < would ask the locale
  for at = 1, 32 do
    local a, b = string.byte(new, at), string.byte(kept, at)
    if a ~= b then return not b or (a ~= nil and a > b) end
  end
  local at = 33
  while string.sub(new, at, at + 255) == string.sub(kept, at, at + 255) do at = at + 256 end
  while true do
    local a, b = string.byte(new, at), string.byte(kept, at)
    if a ~= b then return not b or (a ~= nil and a > b) end
    at = at + 1
  end
end

local become, changes = {}, {}
for i = 1, n do
  local new, kept = ARGV[n + 1 + i], old[i + 1]
  if new == kept then become[i] = 'u'
  elseif not kept or greater(new, kept) then
    become[i] = 'w'
    changes[#changes + 1] = ARGV[i + 1]
    changes[#changes + 1] = new
  else become[i] = 'l' end
end
if #changes > 0 then redis.call('HSET', KEYS[1], unpack(changes)) end
if #ARGV > 2 * n + 1 then
  for i = 1, n do
    if become[i] ~= 'l' then
      redis.call('HPEXPIREAT', KEYS[1], ARGV[2 * n + 1 + i], 'FIELDS', 1, ARGV[i + 1])
    end
  end
end
return table.concat(become)
"""
"""Takes a hash; the number of rows, their fields, their values and, if they expire, their last milliseconds.

Answers with a letter per row, (w)ritten, (u)nchanged or (l)ate, or with nil if the hash is not there. It is
sent whole each time: a server that restarted or took over knows no script, and a hash of it saves little.
"""


class Batch:
    """Rows to write.

    Args:
        keys: They may repeat: only the greatest value of a key is sent.
        values: One for each key.
        until_ms: When rows go, or None.

    """

    def __init__(self, keys: Sequence[bytes], values: Sequence[bytes], until_ms: Sequence[int] | None) -> None:
        self._rows = list(zip(keys, values, strict=True))
        self._best = dict(self._rows)
        if len(self._best) < len(self._rows):
            self._best = dict(sorted(self._rows))
        self._until: dict[bytes, int] | None = None
        if until_ms is not None:
            rows = zip(self._rows, until_ms, strict=True)
            self._until = {key: until for (key, value), until in rows if value == self._best[key]}
        self._sent: list[bytes] = []

    def commands(self, link: Link, names: Sequence[str]) -> list[Command]:
        """Return the commands that write the batch, each a few hundred rows of one hash."""
        best, until = self._best, self._until
        commands: list[Command] = []
        self._sent = []
        for shard, _, keys in link.split(list(best), _ROWS):
            for part in _bounded(keys, best):
                ends = [until[key] for key in part] if until is not None else ()
                args = ("EVAL", KEEP_GREATER, 1, names[shard], len(part), *part, *[best[key] for key in part], *ends)
                commands.append((shard, args))
                self._sent += part
        return commands

    def result(self, replies: Sequence[bytes]) -> WriteResult:
        """Return what became of the rows."""
        fates = b"".join(replies)
        written, late = fates.count(b"w"), fates.count(b"l")
        if len(self._best) < len(self._rows):
            fate = dict(zip(self._sent, fates, strict=True))
            late = sum(value != self._best[key] or fate[key] == ord("l") for key, value in self._rows)
        return WriteResult(written=written, unchanged=len(self._rows) - written - late, late=late)


def _bounded(keys: Sequence[bytes], values: dict[bytes, bytes]) -> list[Sequence[bytes]]:
    """Return the keys in parts whose rows are few bytes."""
    if sum(map(len, map(values.__getitem__, keys))) <= _BYTES or len(keys) == 1:
        return [keys]
    middle = len(keys) // 2
    return [*_bounded(keys[:middle], values), *_bounded(keys[middle:], values)]
