"""Bytes in, rows out: CSV of any dialect, JSON Lines, a JSON array, Excel, and gzip of these."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from itertools import chain, islice
from typing import IO, BinaryIO, Final, TextIO, cast

from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.models.validation import sanitize_for_log
from zoom_provider.provisioning.columns import ColumnFinder
from zoom_provider.provisioning.file_format import FileFault, FileFormat
from zoom_provider.provisioning.json_records import read_json_file, read_json_lines
from zoom_provider.provisioning.roster import Record
from zoom_provider.provisioning.tables import SEARCHED_ROWS, table_records, take_header

EXCEL_ENDINGS: Final = (".xlsx", ".xlsm")

_DELIMITERS: Final = ",;\t|"

_LONGEST_CELL: Final = 1 << 24
"""Characters. The csv module's own limit of 131,072 refuses what Excel writes; without any, a
quotation mark that is never closed would take a whole file into memory."""

_HEAD_LINES: Final = 1_000
"""Lines in which a header ends, whatever it looks like under the wrong delimiter."""

_MARKS: Final = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


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
    raise ZoomValidationError(
        f"roster {sanitize_for_log(path)} {fault}", errors={"roster": [fault]}
    )


def check_format(kind: str, form: FileFormat) -> None:
    """
    Refuse parameters that mean nothing for a file: they were meant for another one.

    :param kind: as :func:`kind_of` gives it
    :raises FileFault: naming the parameter
    """
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
                yield from read_json_lines(text)
            else:
                yield from read_json_file(text)
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
    # Line ends stay as they are: the csv module distinguishes those inside cells.
    return TextIOWrapper(cast(BinaryIO, file), encoding=encoding, newline="")


def _describe_encoding(file: IO[bytes], encoding: str | None, error: UnicodeDecodeError) -> str:
    """Say where a file's text breaks its encoding."""
    if error.encoding != "utf-8":
        known = sanitize_for_log(encoding or error.encoding, 40)
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


# ---- CSV


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
    """
    Choose the delimiter under which the header has the most of the used columns.

    If it has none of them under any, then that under which a row further down has the most, so that
    the error can name it, and then that of the most columns.
    """

    def worth(delimiter: str) -> tuple[int, int, int]:
        named = here = below = 0
        numbered = enumerate(_csv_rows(iter(lines), delimiter), start=1)
        with suppress(FileFault):
            _, header = take_header(numbered, form.header_row)
            here, named = count(header), sum(any(map(str.isalnum, cell)) for cell in header)
            for _, cells in islice(numbered, 0 if here else SEARCHED_ROWS):
                below = max(below, count(cells))
        return here, below, named

    def count(header: list[str]) -> int:
        found = ColumnFinder(finder.columns).find(header)
        return len(found.names) + len(found.twice)

    return max(_DELIMITERS, key=worth)


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
