"""Typed readers of the environment; nonsense stops the start with the variable's name and what to do."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off", ""})
whole_number = re.compile(r"[0-9]{1,9}", re.ASCII)


class Environment:
    """The process's variables, each read by its type; `NAME_FILE` gives the value of `NAME` from a file."""

    def __init__(self, variables: Mapping[str, str] = os.environ) -> None:
        """Read from these variables."""
        self._variables = variables

    def text(self, name: str, default: str | None = None) -> str:
        """The value; refuses a missing one without default, and one that is given both ways."""
        value = self._variables.get(name)
        path = self._variables.get(f"{name}_FILE")
        if value is not None and path is not None:
            raise ImproperlyConfigured(f"{name} and {name}_FILE are both set: keep one of them.")
        if path is not None:
            return self._from_file(name, path)
        if value is not None:
            return value
        if default is None:
            raise ImproperlyConfigured(f"{name} is not set: see deploy/env.example for what it means.")
        return default

    def _from_file(self, name: str, path: str) -> str:
        try:
            return Path(path).read_text(encoding="utf-8").removesuffix("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error}.") from error

    def optional(self, name: str) -> str | None:
        """The value, or None where it is missing or empty."""
        return self.text(name, "") or None

    def switch(self, name: str, *, default: bool) -> bool:
        """True or false; refuses other words."""
        word = self.text(name, "true" if default else "false").strip().lower()
        if word in TRUE_WORDS:
            return True
        if word in FALSE_WORDS:
            return False
        raise ImproperlyConfigured(f"{name} must be true or false, not {word!r}.")

    def choice(self, name: str, words: tuple[str, ...]) -> str:
        """One of these words, the first without a value; refuses others."""
        word = self.text(name, words[0]).strip().lower()
        if word not in words:
            raise ImproperlyConfigured(f"{name} must be {' or '.join(filter(None, words))}, not {word!r}.")
        return word

    def matching(self, name: str, grammar: re.Pattern[str], *, default: str, such_as: str) -> str:
        """The value in this grammar, the default where it is missing or empty; refuses others."""
        value = self.text(name, "")
        if value and not grammar.fullmatch(value):
            raise ImproperlyConfigured(f"{name} must be written like {such_as}, not {value!r}.")
        return value or default

    def number(self, name: str, default: int, *, at_least: int = 0, at_most: int = 10**9) -> int:
        """A whole number within its limits."""
        word = self.text(name, str(default)).strip()
        if not whole_number.fullmatch(word) or not at_least <= int(word) <= at_most:
            raise ImproperlyConfigured(
                f"{name} must be a whole number from {at_least} to {at_most}, not {word!r}."
            )
        return int(word)

    def words(self, name: str, default: str = "", *, separator: str = ",") -> tuple[str, ...]:
        """The parts between separators, blanks around them cut, empty ones left out."""
        parts = (part.strip() for part in self.text(name, default).split(separator))
        return tuple(part for part in parts if part)

    def pairs(self, name: str, default: str = "") -> dict[str, str]:
        """`a=b,c=d` as a table; refuses a part without `=` and a key that comes twice."""
        table: dict[str, str] = {}
        for part in self.words(name, default):
            key, equals, value = (piece.strip() for piece in part.partition("="))
            if not (key and equals and value):
                raise ImproperlyConfigured(f"{name} must look like key=value,key=value; {part!r} does not.")
            if key in table:
                raise ImproperlyConfigured(f"{name} names {key!r} twice.")
            table[key] = value
        return table

    def address(self, name: str, default: str | None = None) -> str:
        """An http or https address without trailing slash, query, fragment or user part."""
        value = self.text(name, default)
        try:
            parts = urlsplit(value)
            sound = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        except ValueError:
            sound = False
        if not sound or parts.query or parts.fragment or parts.username or value != value.strip():
            raise ImproperlyConfigured(
                f"{name} must be an address such as https://idp.example.com, not {value!r}."
            )
        return value.rstrip("/")

    def database(self, name: str) -> dict[str, Any]:
        """`sqlite:///path` or `postgresql://user:password@host:port/name?option=value` as Django's settings."""
        url = self.text(name)
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise ImproperlyConfigured(f"{name} cannot be read: {error}.") from error
        if parts.scheme == "sqlite" and parts.path.lstrip("/"):
            return sqlite_settings(parts.path[1:])
        if parts.scheme in {"postgres", "postgresql"} and parts.path.lstrip("/"):
            return {
                "ENGINE": "idp.project.postgresql",
                "NAME": unquote(parts.path[1:]),
                "USER": unquote(parts.username or ""),
                "PASSWORD": unquote(parts.password or ""),
                "HOST": unquote(parts.hostname or ""),
                "PORT": str(port or ""),
                "OPTIONS": {**POSTGRESQL_OPTIONS, **dict(parse_qsl(parts.query))},
            }
        raise ImproperlyConfigured(
            f"{name} must be sqlite:///path or postgresql://user:password@host:port/name."
        )


# Fault 8 and 11: a database that is gone or stuck is noticed in seconds, not minutes.
POSTGRESQL_OPTIONS = {
    "connect_timeout": "2",
    # A machine that has vanished ends no connection: what it does not take, and what it does not say, is waited for
    # some seconds here (the system's own limits are a quarter of an hour and two hours).
    "tcp_user_timeout": "3000",
    "keepalives_idle": "2",
    "keepalives_interval": "1",
    "keepalives_count": "3",
    # Passwords or certificates are what we use; libpq would look for Kerberos tickets in files first.
    "gssencmode": "disable",
    "options": (
        "-c statement_timeout=5000 -c lock_timeout=2000 -c idle_in_transaction_session_timeout=10000"
    ),
}


def sqlite_settings(path: str) -> dict[str, Any]:
    """SQLite as several writing processes need it: write-ahead log, immediate transactions, patience."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 5,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        },
    }
