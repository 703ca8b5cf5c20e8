"""Rows of an Excel file as a person sees them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import IO, Any
from zipfile import BadZipFile

from zoom_provider.models.validation import sanitize_for_log
from zoom_provider.provisioning.columns import as_read
from zoom_provider.provisioning.file_format import FileFault

_NEEDED = "is an Excel file, for which pip install 'airflow-provider-zoom[excel]' is needed"


def read_sheet(file: IO[bytes], sheet: str | None) -> Iterator[list[str]]:
    """
    Yield the rows of a sheet, from its first one on; a row that is empty has no cells.

    :param file: an .xlsx file; it can seek
    :param sheet: its name; None for the first one that is not hidden
    :raises FileFault: it cannot be read, or has no such sheet
    """
    try:
        import openpyxl
    except ImportError:
        raise FileFault(_NEEDED) from None
    try:
        # One row at a time; values as Excel last calculated them, not formulas.
        book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
    except (BadZipFile, KeyError, ValueError, OSError, SyntaxError) as error:
        raise FileFault(f"is no Excel file that can be read ({type(error).__name__})") from None
    try:
        table = _find_sheet(book.worksheets, sheet)
        # What the file says of its size may be wrong, where another program wrote it.
        table.reset_dimensions()
        for cells in table.iter_rows():
            yield [show_cell(cell) for cell in cells]
    except (BadZipFile, KeyError, ValueError, SyntaxError) as error:
        if isinstance(error, FileFault):
            raise
        raise FileFault(f"has a sheet that cannot be read ({type(error).__name__})") from None
    finally:
        book.close()


def _find_sheet(tables: list[Any], sheet: str | None) -> Any:
    names = ", ".join(repr(sanitize_for_log(table.title, 40)) for table in tables[:25])
    if sheet is None:
        shown = [table for table in tables if table.sheet_state == "visible"] or tables
        if not shown:
            raise FileFault("has no sheet with cells")
        return shown[0]
    found = [table for table in tables if as_read(table.title) == as_read(sheet)]
    if not found:
        raise FileFault(f"has no sheet {sanitize_for_log(sheet, 40)!r}; its sheets are {names}")
    return found[0]


def show_cell(cell: Any) -> str:
    """
    Return a cell's text as a person reads it; dates in the form YYYY-MM-DD, whatever the cell's.

    :param cell: one of openpyxl's
    """
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, (int, float)):
        return _show_number(value, str(cell.number_format))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat()
    return value.isoformat() if isinstance(value, (date, time)) else str(value)


def _show_number(value: int | float, number_format: str) -> str:
    """Write a number in full, with the leading zeros that its format shows."""
    if isinstance(value, float) and not value.is_integer():
        return f"{value:.15g}"
    zeros = re.match(r"(?:\[[^]]*])*(0+)(?:;|$)", number_format)
    return str(int(value)).zfill(len(zeros[1]) if zeros else 1)
