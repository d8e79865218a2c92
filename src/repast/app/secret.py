"""Hide secrets in what is printed: values of secret-looking keys and credentials inside addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping

MASK = "***"

_KEY = re.compile(
    r"passw|passphrase|secret|token|credential"
    r"|(?:^|_)(?:pwd|sas|key|auth)$"
    r"|(?:api|access|account|encryption|master|private|shared|signing|ssh|storage)_?key",
    re.IGNORECASE,
)
_USER_INFO = re.compile(r"(://[^:/?#\s@]*:)\S*@")
_WEB_USER = re.compile(r"(https?://)[^:/?#\s@]+@")
_ASSIGNMENT = re.compile(
    r"((?:password|passwd|pwd|secret|token|sig|signature|(?:account|access|api|shared)_?(?:access)?_?key)\s*=\s*)"
    r"(?:\"[^\"]*\"|'[^']*'|[^;,&\s]+)",
    re.IGNORECASE,
)


def mask_text(text: str) -> str:
    """Hide the credentials inside an address or connection string."""
    text = _USER_INFO.sub(rf"\1{MASK}@", text)
    text = _WEB_USER.sub(rf"\1{MASK}@", text)
    return _ASSIGNMENT.sub(rf"\1{MASK}", text)


def mask(key: str, value: object) -> object:
    """Return the value with all secrets hidden; ``key`` is what it is called."""
    if isinstance(value, Mapping):
        return {name: mask(str(name), member) for name, member in value.items()}
    if value is None or isinstance(value, bool):
        return value
    if _KEY.search(key):
        return MASK
    if isinstance(value, list | tuple):
        return [mask(key, member) for member in value]
    return mask_text(value) if isinstance(value, str) else value
