"""Rows of any source in, people to create and rejects out."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, NamedTuple, TextIO

from zoom_provider.api.response import printable
from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.models.user import CreateRequest

Check = Callable[[object], CreateRequest]
"""Makes the request of a ``user_info`` object, or raises ZoomValidationError."""


class Record(NamedTuple):
    """
    What a source holds in one row.

    :param number: its place: from 1 in a list, as a spreadsheet or an editor counts in a file
    :param value: a ``user_info``, what a mapping makes one of, or why it is neither
    :param key: what its source knows it by, such as an employee number
    """

    number: int
    value: object
    key: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """
    One row of the input.

    :param number: its place in the source
    :param email: the address, for people; may not be one
    :param request: what to ask of Zoom; None for a row that is no person to create
    :param error: why it is none
    :param first: the number of the row that this one repeats
    :param key: what its source knows it by
    """

    number: int
    email: str
    request: CreateRequest | None = None
    error: ZoomValidationError | None = None
    first: int | None = None
    key: str = ""

    @property
    def address(self) -> str:
        """What a person is recognised by in every try, wherever the row stands."""
        return self.email.lower()


@dataclass(frozen=True, slots=True)
class Listed:
    """
    A row as it is recognised by another try.

    :param row: its number in the source
    :param key: what its source knows it by
    :param email: as given; empty for none
    :param departed: whether it is owed from an earlier roster and not in this one
    """

    row: int
    key: str
    email: str
    departed: bool = False

    @property
    def address(self) -> str:
        """What a person is recognised by in every try, wherever the row stands."""
        return self.email.lower()


@dataclass(frozen=True, slots=True)
class Unusable:
    """
    A row that cannot even be held against Zoom's rules.

    :param errors: why, by field
    :param email: whose row it is, as far as that is known
    """

    errors: dict[str, list[str]]
    email: str = ""


def read(
    records: Iterable[Record], check: Check, *, shard: tuple[int, int] | None = None
) -> Iterator[Row]:
    """
    Turn records into rows, each e-mail address once: the first row wins.

    :param records: numbered ``user_info`` objects
    :param shard: ``(i, n)``: only the rows whose address falls to part i of n; a row without an
        address falls to part 0
    """
    seen: dict[str, int] = {}
    for number, user_info, key in records:
        email = _email_of(user_info)
        if shard is not None and not _falls_to(email, *shard):
            continue
        try:
            if isinstance(user_info, Unusable):
                raise _refused(user_info)
            request = check(user_info)
        except ZoomValidationError as error:
            yield Row(number, printable(email, 128), error=error, key=key)
            continue
        first = seen.setdefault(request.email.lower(), number)
        if first == number:
            yield Row(number, request.email, request, key=key)
        else:
            yield Row(number, request.email, first=first, key=key)


def listed(records: Iterable[Record], *, shard: tuple[int, int] | None = None) -> Iterator[Listed]:
    """Yield number, key and address of the rows that :func:`read` would give."""
    for number, user_info, key in records:
        email = _email_of(user_info)
        if shard is None or _falls_to(email, *shard):
            yield Listed(number, key, email)


def from_list(users: Iterable[object]) -> Iterator[Record]:
    """Give the items of a list their numbers, from 1."""
    return (Record(number, user) for number, user in enumerate(users, start=1))


def keyed(records: Iterable[Record], column: str, *, taken_off: bool) -> Iterator[Record]:
    """
    Note what the source knows each row by.

    :param column: where that stands
    :param taken_off: whether the column is for nothing else
    """
    for number, value, _ in records:
        key = ""
        if isinstance(value, Mapping):
            found = value.get(column)
            key = "" if found is None else printable(str(found).strip())
            if taken_off:
                value = {name: item for name, item in value.items() if name != column}
        yield Record(number, value, key)


def from_csv(
    stream: TextIO, name: str, needed: Mapping[str, str] | None = None
) -> Iterator[Record]:
    """
    Read a CSV file with a header row, one row at a time.

    :param stream: opened with ``newline=""``
    :param name: of the file, for errors
    :param needed: columns that the header must have, each with what it is needed for
    :raises ZoomValidationError: the file is not UTF-8 or not CSV, has no header, or the wrong one
    """
    # Strict, since a quotation mark that stands alone would swallow the rows after it.
    rows = _guarded(csv.reader(stream, strict=True), name)
    # A byte-order mark, as spreadsheets write it, is no part of a column's name.
    header = [column.lstrip("\ufeff").strip() for column in next(rows, [])]
    if not any(header):
        raise _bad_file(name, "is empty; its first row must name the columns")
    _check_header(header, name, needed or {})
    for number, cells in enumerate(rows, start=2):
        if len(cells) > len(header):
            yield Record(number, Unusable({"row": ["has more cells than the header has columns"]}))
        elif cells:
            yield Record(number, dict(zip_longest(header, cells, fillvalue="")))


def from_json_lines(stream: TextIO, name: str) -> Iterator[Record]:
    """
    Read a file with one JSON object on each line; empty lines are passed over.

    :param name: of the file, for errors
    :raises ZoomValidationError: the file is not UTF-8
    """
    for number, line in enumerate(_guarded(stream, name), start=1):
        text = line.lstrip("\ufeff").strip()
        if text:
            try:
                yield Record(number, json.loads(text))
            except (ValueError, RecursionError):
                yield Record(number, Unusable({"row": ["is not JSON"]}))


def _check_header(header: list[str], name: str, needed: Mapping[str, str]) -> None:
    """Refuse a file none of whose rows could be a person, or whose columns are ambiguous."""
    # The header is not quoted: where it is missing, the first row is somebody's.
    other = next((mark for mark in ";\t|" if len(header) == 1 and mark in header[0]), None)
    if other and needed:
        raise _bad_file(name, f"separates its columns by {other!r}; export it with commas")
    for column, purpose in needed.items():
        found = header.count(column)
        if found != 1:
            has = f"{found} columns" if found else "no column"
            shown = printable(column, 80)
            raise _bad_file(name, f"has {has} {shown!r} in its header, for {purpose}")


def _refused(row: Unusable) -> ZoomValidationError:
    listed = "; ".join(f"{field} {text}" for field, texts in row.errors.items() for text in texts)
    return ZoomValidationError(listed, errors=row.errors)


def _email_of(user_info: Any) -> str:
    if isinstance(user_info, Unusable):
        return user_info.email
    email = user_info.get("email") if isinstance(user_info, Mapping) else None
    return email.strip() if isinstance(email, str) else ""


def _falls_to(email: str, part: int, parts: int) -> bool:
    digest = hashlib.sha256(email.lower().encode("utf-8", "replace")).digest()
    return (int.from_bytes(digest) if email else 0) % parts == part


def _guarded(lines: Iterable[Any], name: str) -> Iterator[Any]:
    """Turn what reading a file can raise into an error that names the file."""
    line = 0
    try:
        for item in lines:
            yield item
            line = getattr(lines, "line_num", 0)
    except UnicodeDecodeError:
        raise _bad_file(name, "is not UTF-8; export it as CSV UTF-8") from None
    except csv.Error as error:
        fault = f"is not CSV from line {line + 1} on: is a quotation mark alone? ({error})"
        raise _bad_file(name, fault) from None


def _bad_file(name: str, fault: str) -> ZoomValidationError:
    return ZoomValidationError(f"roster {name} {fault}", errors={"roster": [fault]})
