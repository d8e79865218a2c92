"""What a run of ``repast`` exits with: 0, or a number that tells scripts what kind of thing went wrong."""

from __future__ import annotations

from collections.abc import Mapping

OK = 0
BUG = 1
USAGE = 2
DIFFERENT = 12
INTERRUPTED = 130
BROKEN_PIPE = 141

BY_ERROR: Mapping[str, int] = {
    "error": 1,
    "not_found": 3,
    "conflict": 4,
    "invalid_definition": 5,
    "invalid_config": 5,
    "invalid_request": 6,
    "invalid_value": 6,
    "unsupported": 7,
    "unavailable": 8,
    "corrupt": 9,
    "missing_dependency": 10,
    "closed": 11,
}
"""``RepastError.code`` to exit code."""

MEANING: Mapping[int, str] = {
    OK: "it worked",
    BUG: "an unexpected error: a bug; its traceback was written to the file that the message names",
    USAGE: "the command line is wrong: unknown command or option, missing or malformed argument",
    3: "a name, path or key does not exist",
    4: "somebody else changed the same thing, or a name or path is taken",
    5: "definitions or feature_store.yaml are wrong",
    6: "the request is wrong: features, times, keys or values that do not fit what is registered",
    7: "the backend cannot do that",
    8: "a store, server or file cannot be reached now; trying again may help",
    9: "stored data is damaged; it was left untouched",
    10: "an optional package is not installed; the hint is the command that installs it",
    11: "something was used after it was closed",
    DIFFERENT: "it worked, and what was compared is not the same",
    INTERRUPTED: "interrupted (Ctrl-C)",
    BROKEN_PIPE: "the reader of the output went away (as in `repast list | head -1`)",
}
"""Every exit code, for people; docs/reference/cli.md is made from it."""
