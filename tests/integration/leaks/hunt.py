"""Looks for secrets in files and databases, in every form that they are likely to have there."""

from __future__ import annotations

import base64
import html
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, quote_plus

from cryptography.fernet import Fernet, InvalidToken

# Airflow encrypts these two so that they may hold secrets; everything else may not.
SAFES = ("connection", "variable")


def forms(secret: str) -> dict[str, bytes]:
    """
    Write a secret in all the ways in which it could have got out.

    Base64 has three faces, by where in a longer text the secret began; the characters at both ends
    that its neighbours decide are left out.
    """
    found = {
        "plain": secret,
        "URL-encoded": quote(secret, safe=""),
        "form-encoded": quote_plus(secret),
        "JSON-escaped": json.dumps(secret)[1:-1],
        "JSON-escaped, not ASCII": json.dumps(secret, ensure_ascii=False)[1:-1],
        "JSON within JSON": json.dumps(json.dumps(secret))[3:-3],
        "repr": repr(secret)[1:-1],
        "HTML-escaped": html.escape(secret),
    }
    data = secret.encode()
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + data).decode()
        # Bits shared with what stands before and after the secret fall into no whole character.
        whole = text[-(-shift * 8 // 6) : (shift + len(data)) * 8 // 6]
        found[f"base64 at {shift}"] = whole
        found[f"URL-safe base64 at {shift}"] = whole.replace("+", "-").replace("/", "_")
    return {form: text.encode() for form, text in found.items()}


class Hunt:
    """
    A search for some secrets.

    :param secrets: by a name that may be shown
    :param fernet_key: opens what Airflow has encrypted outside of its two safes
    """

    def __init__(self, secrets: Mapping[str, str], fernet_key: bytes | None = None) -> None:
        self._prey = {
            (name, form): text
            for name, secret in secrets.items()
            for form, text in forms(secret).items()
        }
        self._fernet = Fernet(fernet_key) if fernet_key else None
        self.looked_at = 0

    def text(self, text: str | bytes, place: str) -> list[str]:
        """List which secrets a text holds, and in which form; never the text itself."""
        data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
        self.looked_at += len(data)
        return [
            f"{name} ({form}) in {place}"
            for (name, form), wanted in self._prey.items()
            if wanted in data
        ]

    def files(self, folder: Path) -> list[str]:
        """Search all files below a folder, names included."""
        found = []
        for path in sorted(folder.rglob("*")):
            place = str(path.relative_to(folder))
            found += self.text(place, f"the name {place!r}")
            if path.is_file():
                found += self.text(path.read_bytes(), place)
        return found

    def database(self, path: Path) -> list[str]:
        """Search every cell of an SQLite database, but for the safes."""
        found = []
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            for table in _tables(database):
                if table in SAFES:
                    continue
                rows = database.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - its own names
                columns = [column[0] for column in rows.description]
                for row in rows:
                    for column, value in zip(columns, row, strict=True):
                        for text in self._readings(value):
                            found += self.text(text, f"{table}.{column}")
        return sorted(set(found))

    def _readings(self, value: object) -> Iterator[str | bytes]:
        """Give a cell as it is, and decrypted where it is encrypted."""
        if value is None:
            return
        text = value if isinstance(value, (str, bytes)) else str(value)
        yield text
        token = text.encode() if isinstance(text, str) else text
        if self._fernet is not None and token.strip(b'"').startswith(b"gAAAA"):
            try:
                yield self._fernet.decrypt(token.strip(b'"'))
            except InvalidToken:
                return


def _tables(database: sqlite3.Connection) -> list[str]:
    return [
        str(name)
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    ]
