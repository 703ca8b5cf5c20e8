"""Records of a table, CSV's or Excel's, by the names of its columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from zoom_provider.provisioning.columns import (
    ColumnFinder,
    FoundColumns,
    describe_faults,
    strip_blanks,
)
from zoom_provider.provisioning.file_format import FileFault, FileFormat
from zoom_provider.provisioning.roster import InvalidRow, Record

SEARCHED_ROWS: Final = 20
"""Rows below the first in which a header is looked for, to be able to say where it is."""

Cells = Iterable[tuple[int, list[str]]]
"""Rows of a table with their numbers, from 1."""


def is_blank(cells: Iterable[str]) -> bool:
    """Say whether a person sees nothing in a row."""
    return not any(map(strip_blanks, cells))


def table_records(rows: Cells, finder: ColumnFinder, form: FileFormat) -> Iterator[Record]:
    """
    Make records of a table, by the names of its columns; blank rows are passed over.

    A used column bears the name under which it is declared.

    :raises FileFault: there is no header, or it lacks a used column
    """
    rows = iter(rows)
    at, header = take_header(rows, form.header_row)
    found = finder.find(header)
    if found.missing or found.twice:
        place = "in its header" if at == 1 else f"in its header, row {at}"
        fault = describe_faults(found, header, place)
        hint = "" if form.header_row else _where_header_is(rows, finder)
        raise FileFault(f"{fault}{hint}{_zero_bytes(header)}")
    declared = {standing: name for name, standing in found.names.items()}
    names = [declared.get(name, name) for name in header]
    # What the header says holds for each row: it need not be asked of them again.
    finder.remember(dict.fromkeys(names), FoundColumns({name: name for name in found.names}))
    width = len(names)
    for number, cells in rows:
        if len(cells) < width:
            cells = cells + [""] * (width - len(cells))
        elif len(cells) > width and not is_blank(cells[width:]):
            fault = "has more cells than the header has columns"
            yield Record(number, InvalidRow({"row": [fault]}))
            continue
        if not is_blank(cells):
            yield Record(number, dict(zip(names, cells, strict=False)))


def take_header(rows: Iterator[tuple[int, list[str]]], wanted: int | None) -> tuple[int, list[str]]:
    """
    Take the rows up to the header; return its number and names.

    :param wanted: its number; None for the first row that is not blank
    :raises FileFault: there is none
    """
    for number, cells in rows:
        if number == wanted or (wanted is None and not is_blank(cells)):
            if is_blank(cells):
                break
            return number, [strip_blanks(cell) for cell in cells]
    if wanted is None:
        raise FileFault("is empty; its first row must name the columns")
    raise FileFault(f"has nothing in row {wanted}, which header_row says names the columns")


def _where_header_is(rows: Iterator[tuple[int, list[str]]], finder: ColumnFinder) -> str:
    """Look for the header further down; say so where it is there."""
    for number, cells in islice(rows, SEARCHED_ROWS):
        found = ColumnFinder(finder.columns, finder.implied).find(map(strip_blanks, cells))
        if found.names and not found.missing and not found.twice:
            return f". Row {number} names the columns: give header_row={number}"
    return ". If another row names the columns, say which: header_row=..."


def _zero_bytes(header: list[str]) -> str:
    if not any("\0" in name for name in header):
        return ""
    return ". It holds zero bytes: is it UTF-16 without a mark? Then give encoding='utf-16-le'"
