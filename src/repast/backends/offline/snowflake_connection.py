"""What the Snowflake connector is given: options of feature_store.yaml, a file of connections, a key."""

from __future__ import annotations

from collections.abc import Mapping
from configparser import ConfigParser
from configparser import Error as ConfigParserError
from pathlib import Path
from typing import Any

from repast.errors import InvalidConfigError, require

SECTION = "connections.feast_offline_store"
"""Of the file that config_path names, as Feast has it."""


def connection_options(folder: Path, config_path: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the connector's arguments; what is given goes before what the file says.

    Raises:
        InvalidConfigError: The file or the key cannot be read, or there is nothing to connect to.

    """
    options = {} if config_path is None else _read_section(folder / Path(config_path).expanduser(), set(given))
    options |= {name: value for name, value in given.items() if value is not None}
    if "account" not in options and "connection_name" not in options:
        raise InvalidConfigError(
            "offline_store of type 'snowflake' needs the option 'account'.",
            hint="add account (for example org-account), or connection_name or config_path",
        )
    passphrase = options.pop("private_key_passphrase", None)
    path, content = options.pop("private_key", None), options.pop("private_key_content", None)
    if path is None and content is None:
        return options
    return options | {"private_key": _load_key(folder, path, content, passphrase)}


def _read_section(path: Path, known: set[str]) -> dict[str, Any]:
    parser = ConfigParser(interpolation=None)
    try:
        found = parser.read(path)
        section = dict(parser[SECTION]) if SECTION in parser else None
    except (ConfigParserError, UnicodeDecodeError) as error:
        # The error's text would quote a line, which may be that of a password.
        raise InvalidConfigError(f"offline_store.config_path: {path} is no configuration file.") from error
    if not found or section is None:
        missing = "does not exist" if not found else f"has no section [{SECTION}]"
        raise InvalidConfigError(f"offline_store.config_path: {path} {missing}.")
    unknown = sorted(set(section) - known)
    if unknown:
        raise InvalidConfigError(
            f"offline_store.config_path: {path} has the unknown option {unknown[0]!r}.",
            hint="its options are: " + ", ".join(sorted(known)),
        )
    values: dict[str, Any] = {name: value.strip("\"'") for name, value in section.items()}
    if "port" in values:
        values["port"] = int(values["port"])
    return values


def _load_key(folder: Path, path: str | None, content: str | None, passphrase: str | None) -> bytes:
    """Return a private key as the connector wants it: DER, not encrypted."""
    serialization: Any = require(
        "cryptography.hazmat.primitives.serialization", extra="snowflake", purpose="A private key"
    )
    option = "private_key_content" if content is not None else "private_key"
    try:
        text = content.encode() if content is not None else (folder / Path(str(path)).expanduser()).read_bytes()
        key = serialization.load_pem_private_key(text, passphrase.encode() if passphrase else None)
    except (OSError, ValueError, TypeError) as error:
        why = str(error) if isinstance(error, OSError) else "it is no key in PEM, or private_key_passphrase is wrong"
        raise InvalidConfigError(f"offline_store.{option} cannot be read: {why}.") from None
    encoded: bytes = key.private_bytes(
        encoding=serialization.Encoding.DER,
        format=serialization.PrivateFormat.PKCS8,
        encryption_algorithm=serialization.NoEncryption(),
    )
    return encoded
