"""Bytes in, rows out: CSV of any dialect, JSON Lines, a JSON array, Excel, and gzip of these."""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO, TextIOWrapper
from itertools import chain, islice
from typing import IO, Any, BinaryIO, Final, TextIO, cast

from zoom_provider.api.response import printable
from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.provisioning.columns import (
    ColumnFinder,
    describe_faults,
    strip_blanks,
)
from zoom_provider.provisioning.roster import InvalidRow, Record

EXCEL_ENDINGS: Final = (".xlsx", ".xlsm")

_DELIMITERS: Final = ",;\t|"

_LONGEST_CELL: Final = 1 << 24
"""Characters. The csv module's own limit of 131,072 refuses what Excel writes; without any, a
quotation mark that is never closed would take a whole file into memory."""

_LONGEST_ELEMENT: Final = 1 << 24
"""Characters of one element of a JSON array."""

_CHUNK: Final = 1 << 16
_HEAD_LINES: Final = 1_000
"""Lines in which a header ends, whatever it looks like under the wrong delimiter."""

_SEARCHED_ROWS: Final = 20
"""Rows below the first in which a header is looked for, to be able to say where it is."""

_MARKS: Final = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFormat:
    """
    How a file is to be read, as far as the file does not say so itself.

    :param encoding: of text; None for UTF-8, or UTF-16 and UTF-32 with their mark
    :param delimiter: of CSV; None to find it from the header
    :param header_row: the row that names the columns, from 1; None for the first that is not blank
    :param sheet: of an Excel file; None for the first one
    """

    encoding: str | None = None
    delimiter: str | None = None
    header_row: int | None = None
    sheet: str | None = None


class FileFault(ValueError):
    """What is wrong with a file as a whole; it follows the file's name."""


@contextmanager
def refusals(path: str) -> Iterator[None]:
    """Turn what is wrong with a file as a whole into an error that names it."""
    try:
        yield
        return
    except (EOFError, gzip.BadGzipFile, zlib.error):
        fault = "is damaged: its compressed data breaks off or is no gzip. Upload it again"
    except FileFault as error:
        fault = str(error)
    raise ZoomValidationError(f"roster {printable(path)} {fault}", errors={"roster": [fault]})


def check_format(kind: str, name: str, form: FileFormat) -> None:
    """
    Refuse parameters that mean nothing for a file: they were meant for another one.

    :param kind: as :func:`kind_of` gives it
    :raises FileFault: naming the parameter
    """
    if kind == "gzip":
        kind = kind_of(b"", name)
    wrong = {
        "sheet": form.sheet is not None and kind != "excel",
        "delimiter": form.delimiter is not None and kind != "csv",
        "header_row": form.header_row is not None and kind not in ("csv", "excel"),
        "encoding": form.encoding is not None and kind == "excel",
    }
    for parameter, is_wrong in wrong.items():
        if is_wrong:
            what = {"csv": "CSV", "excel": "Excel"}.get(kind, "JSON")
            raise FileFault(f"is {what}, for which {parameter} means nothing: leave it out")


def kind_of(head: bytes, name: str) -> str:
    """
    Say what a file is: ``gzip``, ``excel``, ``json lines``, ``json`` or ``csv``.

    :param head: its first bytes
    :param name: its name, whose ending says what its text is
    :raises FileFault: it is none of these
    """
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith(b"PK\x03\x04"):
        return "excel"
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise FileFault(
            "is an Excel file of the old form (.xls), or one with a password: save it as .xlsx "
            "without a password"
        )
    ending = name.lower().removesuffix(".gz")
    if ending.endswith((".jsonl", ".ndjson")):
        return "json lines"
    if ending.endswith(EXCEL_ENDINGS):
        raise FileFault("is not an Excel file, although its name says so: export it again")
    return "json" if ending.endswith(".json") else "csv"


def read_text_records(
    file: IO[bytes], name: str, finder: ColumnFinder, form: FileFormat
) -> Iterator[Record]:
    """
    Read a file of text, or gzip of one, one row at a time.

    :param file: at its beginning; it can seek
    :param name: of the file: its ending says what it is, and errors name it
    :param finder: finds the used columns; where the file has a header, they must be in it
    :raises ZoomValidationError: the file cannot be read, or its header lacks a used column
    """
    with refusals(name):
        file, kind = open_text_file(file, name)
        try:
            text = _decoded(file, form.encoding)
            if kind == "csv":
                yield from _csv_records(text, finder, form)
            elif kind == "json lines":
                yield from _json_lines(text)
            else:
                yield from _json_file(text)
        except UnicodeDecodeError as error:
            raise FileFault(_describe_encoding(file, form.encoding, error)) from None


def open_text_file(file: IO[bytes], name: str) -> tuple[IO[bytes], str]:
    """
    Unpack a file if it is compressed, and say what its text is.

    :raises FileFault: it holds no text
    """
    kind = kind_of(_head(file), name)
    if kind == "gzip":
        file = cast(IO[bytes], gzip.GzipFile(fileobj=file))
        kind = kind_of(_head(file), name)
    if kind in ("gzip", "excel"):
        raise FileFault("is compressed twice: give it as it was exported")
    return file, kind


def _head(file: IO[bytes]) -> bytes:
    file.seek(0)
    head = file.read(4)
    file.seek(0)
    return head


# ---- text


def _decoded(file: IO[bytes], encoding: str | None) -> TextIO:
    head = _head(file)
    marked = next((known for mark, known in _MARKS if head.startswith(mark)), None)
    if encoding is None:
        encoding = marked or "utf-8"
    elif marked == "utf-8-sig" and encoding.lower().replace("_", "-") in ("utf-8", "utf8"):
        encoding = marked
    # Line ends stay as they are: the csv module tells those inside cells from the others.
    return TextIOWrapper(cast(BinaryIO, file), encoding=encoding, newline="")


def _describe_encoding(
    file: IO[bytes], encoding: str | None, error: UnicodeDecodeError
) -> str:
    """Say where a file's text breaks its encoding."""
    if error.encoding != "utf-8":
        known = printable(encoding or error.encoding, 40)
        return f"is not {known} ({error.reason}): give its own encoding, encoding=..."
    file.seek(0)
    # Latin-1 takes every byte for the character of its number, so lines can be counted.
    lines = TextIOWrapper(cast(BinaryIO, file), encoding="latin-1", newline="")
    for number, line in enumerate(lines, start=1):
        data = line.encode("latin-1")
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as fault:
            return (
                f"is not UTF-8: byte {fault.start + 1} of line {number} is "
                f"0x{data[fault.start]:02x}. Export it as CSV UTF-8, or say what it is, such as "
                "encoding='cp1252'"
            )
    return "is not UTF-8: it breaks off inside a character. Export it again"


# ---- JSON


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its members; none may stand twice, or one of them would be lost."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _RepeatedNameError(f"holds the name {printable(twice, 40)!r} twice")
    return found


class _RepeatedNameError(Exception):
    """No ValueError: it is not the JSON that is broken."""


_JSON_BLANKS: Final = " \t\r\n"
_JSON: Final = json.JSONDecoder(object_pairs_hook=_unique)


def _json_lines(lines: Iterable[str]) -> Iterator[Record]:
    for number, line in enumerate(lines, start=1):
        text = strip_blanks(line)
        if text:
            try:
                yield Record(number, _JSON.decode(text))
            except _RepeatedNameError as error:
                yield Record(number, InvalidRow({"row": [str(error)]}))
            except (ValueError, RecursionError):
                yield Record(number, InvalidRow({"row": ["is not JSON"]}))


def _json_file(stream: TextIO) -> Iterator[Record]:
    """Read an array of objects; a file that has an object on each line is read as JSON Lines."""
    text = stream.read(_CHUNK)
    while text and not strip_blanks(text):
        text += stream.read(_CHUNK)
    start = len(text) - len(text.lstrip(f"\ufeff{_JSON_BLANKS}"))
    if text.startswith("[", start):
        yield from _json_array(text, start + 1, stream)
        return
    lines = StringIO(text + stream.readline(), newline="")
    first = next(filter(strip_blanks, lines), "")
    try:
        is_line = isinstance(_JSON.decode(strip_blanks(first)), dict)
    except (ValueError, RecursionError, _RepeatedNameError):
        is_line = False
    if not is_line:
        raise FileFault("holds no list of people: its JSON must be an array of objects, [{...}]")
    lines.seek(0)
    yield from _json_lines(chain(lines, stream))


def _json_array(text: str, at: int, stream: TextIO) -> Iterator[Record]:
    """Read the elements of an array one at a time, whatever its length."""
    number = 0
    text, at = _skip_blanks(text, at, stream)
    if text.startswith("]", at):
        return
    while True:
        number += 1
        value, text, at = _element(text, at, stream, number)
        yield Record(number, value)
        text, at = _skip_blanks(text, at, stream)
        if text.startswith("]", at):
            return
        if not text.startswith(",", at):
            raise _broken_json(number)
        text, at = _skip_blanks(text, at + 1, stream)


def _skip_blanks(text: str, at: int, stream: TextIO) -> tuple[str, int]:
    while True:
        while at < len(text) and text[at] in _JSON_BLANKS:
            at += 1
        if at < len(text):
            return text, at
        text, at = stream.read(_CHUNK), 0
        if not text:
            return "", 0


def _element(text: str, at: int, stream: TextIO, number: int) -> tuple[Any, str, int]:
    """Decode what begins at a place; read on while it may be cut off there."""
    while True:
        value: Any
        try:
            value, end = _JSON.raw_decode(text, at)
            # A number at the end of what was read may go on.
            if end < len(text):
                return value, text, end
        except _RepeatedNameError as error:
            raise FileFault(f"{error}, in element {number}") from None
        except RecursionError:
            raise _broken_json(number) from None
        except ValueError:
            pass
        more = stream.read(max(_CHUNK, len(text) - at))
        if not more or len(text) - at > _LONGEST_ELEMENT:
            raise _broken_json(number)
        text, at = text[at:] + more, 0


def _broken_json(number: int) -> FileFault:
    return FileFault(f"is not JSON from element {number} of its array on: export it again")


# ---- tables: CSV and Excel

Cells = Iterable[tuple[int, list[str]]]
"""Rows of a table with their numbers, from 1."""


def _csv_records(stream: TextIO, finder: ColumnFinder, form: FileFormat) -> Iterator[Record]:
    if csv.field_size_limit() < _LONGEST_CELL:
        # Of the whole process; nothing depends on the lower one.
        csv.field_size_limit(_LONGEST_CELL)
    lines = _Lines(stream)
    sep = _separator_line(next(iter(lines), ""))
    delimiter = form.delimiter or sep or _find_delimiter(lines, finder, form)
    rows = _csv_rows(islice(lines.all(), 1 if sep else 0, None), delimiter)
    yield from table_records(enumerate(rows, start=1), finder, form)


class _Lines:
    """The lines of a stream, the first ones as often as they are asked for."""

    def __init__(self, stream: Iterable[str]) -> None:
        self._rest = iter(stream)
        self._kept: list[str] = []

    def __iter__(self) -> Iterator[str]:
        yield from self._kept
        while len(self._kept) < _HEAD_LINES:
            line = next(self._rest, None)
            if line is None:
                return
            # A mark that the encoding does not take off is no part of a column's name.
            self._kept.append(line if self._kept else line.removeprefix("\ufeff"))
            yield self._kept[-1]

    def all(self) -> Iterator[str]:
        kept, self._kept = self._kept, []
        return chain(kept, self._rest)


def _separator_line(line: str) -> str | None:
    """Return the delimiter that Excel's ``sep=`` line names; None where it is no such line."""
    text = line.rstrip("\r\n").strip('"')
    return text[4] if len(text) == 5 and text[:4].lower() == "sep=" else None


def _find_delimiter(lines: _Lines, finder: ColumnFinder, form: FileFormat) -> str:
    """Choose the delimiter under which the header has the most of the used columns, then cells."""

    def worth(delimiter: str) -> tuple[int, int]:
        try:
            header = _header_of(_csv_rows(iter(lines), delimiter), form.header_row)
        except FileFault:
            return -1, 0
        found = ColumnFinder(finder.columns).find(header)
        return len(found.names) + len(found.twice), len(header)

    return max(_DELIMITERS, key=worth)


def _header_of(rows: Iterable[list[str]], header_row: int | None) -> list[str]:
    for number, cells in enumerate(rows, start=1):
        if (header_row is None and not _is_blank(cells)) or number == header_row:
            return cells
    return []


def _csv_rows(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    # Strict, since a quotation mark that stands alone would swallow the rows after it.
    reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
    line = 0
    try:
        for cells in reader:
            yield cells
            line = reader.line_num
    except csv.Error as error:
        raise FileFault(
            f"is not CSV from line {line + 1} on: is a quotation mark alone? ({error})"
        ) from None


def _is_blank(cells: Iterable[str]) -> bool:
    return not any(map(strip_blanks, cells))


def table_records(rows: Cells, finder: ColumnFinder, form: FileFormat) -> Iterator[Record]:
    """
    Make records of a table, by the names of its columns; blank rows are passed over.

    A used column bears the name under which it is declared.

    :raises FileFault: there is no header, or it lacks a used column
    """
    rows = iter(rows)
    at, header = _take_header(rows, form.header_row)
    found = finder.find(header)
    if found.missing or found.twice:
        place = "in its header" if at == 1 else f"in its header, row {at}"
        fault = describe_faults(found, header, place)
        hint = "" if form.header_row else _where_header_is(rows, finder)
        raise FileFault(f"{fault}{hint}{_zero_bytes(header)}")
    declared = {standing: name for name, standing in found.names.items()}
    names = [declared.get(name, name) for name in header]
    width = len(names)
    for number, cells in rows:
        if len(cells) < width:
            cells = cells + [""] * (width - len(cells))
        elif len(cells) > width and not _is_blank(cells[width:]):
            fault = "has more cells than the header has columns"
            yield Record(number, InvalidRow({"row": [fault]}))
            continue
        if not _is_blank(cells):
            yield Record(number, dict(zip(names, cells, strict=False)))


def _take_header(rows: Iterator[tuple[int, list[str]]], wanted: int | None) -> tuple[int, list[str]]:
    for number, cells in rows:
        if number == wanted or (wanted is None and not _is_blank(cells)):
            if _is_blank(cells):
                break
            return number, [strip_blanks(cell) for cell in cells]
    if wanted is None:
        raise FileFault("is empty; its first row must name the columns")
    raise FileFault(f"has nothing in row {wanted}, which header_row says names the columns")


def _where_header_is(rows: Iterator[tuple[int, list[str]]], finder: ColumnFinder) -> str:
    """Look for the header further down; say so where it is there."""
    for number, cells in islice(rows, _SEARCHED_ROWS):
        found = ColumnFinder(finder.columns, finder.implied).find(map(strip_blanks, cells))
        if found.names and not found.missing and not found.twice:
            return f". Row {number} names the columns: give header_row={number}"
    return ". If another row names the columns, say which: header_row=..."


def _zero_bytes(header: list[str]) -> str:
    if not any("\0" in name for name in header):
        return ""
    return ". It holds zero bytes: is it UTF-16 without a mark? Then give encoding='utf-16-le'"

