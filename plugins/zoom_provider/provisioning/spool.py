"""Rows that can be read once, kept in a private file while a task needs them again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from io import BufferedReader, RawIOBase
from tempfile import TemporaryFile
from typing import Any, Final
from uuid import UUID

from zoom_provider.exceptions import ZoomValidationError

_BUFFER: Final = 1 << 20
_PLAIN: Final = (str, int, float, bool, type(None))


class Spool:
    """
    Rows of a database or a function, in a file without a name on this worker's disk.

    Only this process can open it, and it is gone with the process. It holds each value as JSON:
    dates as ISO 8601 texts, what a data frame has for a missing value as None.

    :param columns: gives the names of the values of rows that are tuples, once one was read
    """

    def __init__(self, columns: Callable[[], Sequence[str] | None] = lambda: None) -> None:
        self._name_columns = columns
        self._columns: tuple[str, ...] = ()
        # Of mode 0600, and unlinked as soon as it is open; closed by close().
        self._file = TemporaryFile(prefix="zoom-rows-", buffering=_BUFFER)  # noqa: SIM115
        self._size = 0

    def fill(self, rows: Iterable[Any], check: Callable[[], None] = lambda: None) -> None:
        """
        Read all rows.

        :param check: is called before each row; what it raises ends the reading
        :raises ZoomValidationError: something among them is no row
        """
        for row in rows:
            check()
            self._size += 1
            value = self._value_of(row)
            self._file.write(json.dumps(value, ensure_ascii=True).encode() + b"\n")
        self._file.flush()

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        """Read the rows from the first on; any number of readers may read at once."""
        for line in BufferedReader(FileReader(self._file.fileno()), _BUFFER):
            value = json.loads(line)
            yield dict(zip(self._columns, value, strict=True)) if type(value) is list else value

    def close(self) -> None:
        """Drop the rows."""
        self._file.close()

    def _value_of(self, row: Any) -> Any:
        if isinstance(row, Mapping):
            return {str(name): plain(value) for name, value in row.items()}
        if isinstance(row, (tuple, list)):
            self._columns = self._columns or check_columns(self._name_columns())
            if not self._columns:
                fault = f"is a {type(row).__name__}: name its values by columns=, or use a dict"
                raise _bad_row(self._size, fault)
            if len(row) != len(self._columns):
                fault = f"has {len(row)} values for {len(self._columns)} columns"
                raise _bad_row(self._size, fault)
            return [plain(value) for value in row]
        raise _bad_row(self._size, f"is a {type(row).__name__}: a row must be a dict or a tuple")


class FileReader(RawIOBase):
    """Reads an open file from its beginning, whatever else reads it."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._at = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be read from any place."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go on at another place."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at}.get(whence)
        self._at = offset + (os.fstat(self._file).st_size if start is None else start)
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer; return how many bytes."""
        data = os.pread(self._file, len(buffer), self._at)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def check_columns(columns: object) -> tuple[str, ...]:
    """
    Return the names of a tuple's values; empty where none are given.

    :raises ZoomValidationError: they are no names, or one stands twice
    """
    if columns is None:
        return ()
    fault = None
    if not isinstance(columns, (list, tuple)) or not all(isinstance(c, str) for c in columns):
        fault = "must be a list of the columns' names"
    elif len(set(columns)) < len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        fault = f"has {twice[:80]!r} twice: give each column a name of its own"
    if fault:
        raise ZoomValidationError(f"columns {fault}", errors={"columns": [fault]})
    return tuple(columns)  # type: ignore[arg-type]  # looked at above


def plain(value: Any) -> Any:
    """Return a value of a row as JSON has it."""
    if type(value) in _PLAIN:
        return None if value != value else value
    if isinstance(value, (datetime, date, time)):
        # A data frame's NaT is a datetime that equals nothing.
        return value.isoformat() if value == value else None
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, UUID):
        return str(value)
    # Numbers of NumPy and the like, texts and numbers of a class of their own.
    item = getattr(value, "item", None)
    if callable(item):
        return plain(item())
    for kind in (str, int, float):
        if isinstance(value, kind):
            return plain(kind(value))
    return str(value)


def _number(value: Decimal) -> int | float | None:
    if not value.is_finite():
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def _bad_row(number: int, fault: str) -> ZoomValidationError:
    return ZoomValidationError(f"row {number} {fault}", errors={"rows": [f"row {number} {fault}"]})
