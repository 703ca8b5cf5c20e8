"""An Excel file's cells are read as a person sees them."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from openpyxl import Workbook

from tests.unit.provisioning.rosters import (
    MAPPING,
    MemoryFiles,
    creates,
    open_source,
    read_people,
)
from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.provisioning.excel import read_sheet


def make_book(**sheets: Sequence[Sequence[Any]]) -> bytes:
    """Make an Excel file; a cell may be a value with its number format."""
    book = Workbook()
    book.remove(book.active)  # type: ignore[arg-type]  # it has one
    for name, rows in sheets.items():
        table = book.create_sheet(name)
        for number, row in enumerate(rows, start=1):
            for place, cell in enumerate(row, start=1):
                value, form = cell if isinstance(cell, tuple) else (cell, None)
                made = table.cell(number, place, value)
                if form:
                    made.number_format = form
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


HEADER = ["email", "type", "first_name"]
TABLE: list[list[Any]] = [
    HEADER,
    ["ann@example.com", 2, "Ann"],
    ["bob@example.com", "Basic", "Bob"],
]
ANN_AND_BOB = [(2, "ann@example.com", 2, "Ann"), (3, "bob@example.com", 1, "Bob")]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("Ann", "Ann"),
        ("007", "007"),
        (7, "7"),
        (7.0, "7"),
        (2.5, "2.5"),
        (0.1 + 0.2, "0.3"),
        (-3, "-3"),
        (123456789012, "123456789012"),
        ((7, "00000"), "00007"),
        ((7.0, "000"), "007"),
        ((12345678, "00000"), "12345678"),
        ((42, "00000;-00000"), "00042"),
        ((42, "0"), "42"),
        ((42, "0.00"), "42"),
        ((42, "#,##0"), "42"),
        ((42, "@"), "42"),
        (True, "TRUE"),
        (False, "FALSE"),
        (None, ""),
        (date(2026, 3, 2), "2026-03-02"),
        (datetime(2026, 3, 2), "2026-03-02"),
        ((datetime(2026, 3, 2), "dd/mm/yyyy"), "2026-03-02"),
        ((datetime(2026, 3, 2), "d. mmmm yyyy"), "2026-03-02"),
        (datetime(2026, 3, 2, 9, 30), "2026-03-02T09:30:00"),
        (time(9, 30), "09:30:00"),
        (timedelta(hours=30), "1 day, 6:00:00"),
        ("#N/A", "#N/A"),
        ("Zoë\u00a0李", "Zoë\u00a0李"),
    ],
)
def test_a_cell_is_read_as_a_person_sees_it(cell: Any, text: str) -> None:
    rows = list(read_sheet(io.BytesIO(make_book(People=[["a", "b"], [cell, "x"]])), None))
    assert rows == [["a", "b"], [text, "x"]]


@pytest.mark.parametrize(
    ("sheets", "given", "numbers"),
    [
        ({"People": TABLE}, {}, [2, 3]),
        ({"People": TABLE, "Other": [["x"]]}, {}, [2, 3]),
        ({"Other": [["x"]], "New hires": TABLE}, {"sheet": " NEW\u00a0HIRES"}, [2, 3]),
        ({"People": [["Directory"], [], [None, ""], *TABLE]}, {"header_row": 4}, [5, 6]),
        ({"People": [[], [], *TABLE]}, {}, [4, 5]),
        ({"People": [TABLE[0], [], ["", " "], *TABLE[1:], [None, "\u00a0"]]}, {}, [4, 5]),
        ({"People": [[*TABLE[0], None], *([*row, ""] for row in TABLE[1:])]}, {}, [2, 3]),
        ({"People": [[None, *row] for row in TABLE]}, {}, [2, 3]),
    ],
)
@pytest.mark.parametrize("name", ["hr.xlsx", "HR.XLSX", "hr.csv", "drop/2026", "hr.xlsx.gz"])
def test_a_sheet_is_read_under_any_name(
    name: str, sheets: Any, given: dict[str, Any], numbers: list[int]
) -> None:
    data = make_book(**sheets)
    found = read_people(gzip.compress(data) if name.endswith("gz") else data, name, **given)
    assert found == [(n, *row[1:]) for n, row in zip(numbers, ANN_AND_BOB, strict=True)]


def test_hidden_sheets_are_passed_over_unless_they_are_named() -> None:
    book = Workbook()
    hidden = book.active
    assert hidden is not None
    hidden.title = "Lists"
    hidden.append(["x"])
    hidden.sheet_state = "hidden"
    for row in TABLE:
        if row is HEADER:
            table = book.create_sheet("People")
        table.append(row)
    data = io.BytesIO()
    book.save(data)
    assert read_people(data.getvalue(), "hr.xlsx") == ANN_AND_BOB
    with pytest.raises(ZoomValidationError, match="what there is: 'x'"):
        read_people(data.getvalue(), "hr.xlsx", sheet="Lists")


@pytest.mark.parametrize(
    ("data", "given", "says"),
    [
        (make_book(People=TABLE), {"sheet": "Pople"}, "no sheet 'Pople'; its sheets are 'People'"),
        (make_book(People=[["mail", "type"]]), {}, "has no column 'email' in its header"),
        (make_book(People=[["Staff"], *TABLE]), {}, "Row 2 names the columns: give header_row=2"),
        (make_book(People=[]), {}, "is empty"),
        (make_book(People=TABLE)[:3000], {}, "is no Excel file that can be read"),
        (b"PK\x03\x04", {}, "is no Excel file that can be read"),
        (b"email,type\n", {}, "is not an Excel file, although its name says so"),
        (make_book(People=TABLE), {"delimiter": ";"}, "for which delimiter means nothing"),
        (make_book(People=TABLE), {"encoding": "cp1252"}, "for which encoding means nothing"),
    ],
)  # fmt: skip
def test_a_book_that_cannot_be_read_is_refused_with_what_was_found(
    data: bytes, given: dict[str, Any], says: str
) -> None:
    with pytest.raises(ZoomValidationError) as raised:
        read_people(data, "hr.xlsx", **given)
    assert str(raised.value).startswith("roster hr.xlsx ")
    assert says in str(raised.value)


def test_another_archive_is_no_excel_file() -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("hr.csv", "email,type\n")
    with pytest.raises(ZoomValidationError, match="is no Excel file that can be read"):
        read_people(data.getvalue(), "hr.zip")


def test_an_archive_with_an_entity_bomb_is_refused() -> None:
    """Each entity is ten of the one before: expanded, it would fill the worker's memory."""
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10 if n else "lol"}">' for n in range(10))
    bomb = f"<!DOCTYPE x [{entities}]><x>&a9;</x>"
    given = zipfile.ZipFile(io.BytesIO(make_book(People=TABLE)))
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in given.namelist():
            sheet = name == "xl/worksheets/sheet1.xml"
            archive.writestr(name, bomb if sheet else given.read(name))
    with pytest.raises(ZoomValidationError, match="is no Excel file that can be read"):
        read_people(data.getvalue(), "hr.xlsx")


def test_without_the_extra_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(ZoomValidationError, match=r"pip install 'airflow-provider-zoom\[excel\]'"):
        read_people(make_book(People=TABLE), "hr.xlsx")


def test_a_book_is_fetched_and_unpacked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked = []
    real = read_sheet

    def counted(*given: Any) -> Any:
        unpacked.append(given[1])
        return real(*given)

    monkeypatch.setattr("zoom_provider.provisioning.roster_copy.read_sheet", counted)
    files = MemoryFiles(make_book(People=TABLE))
    source = open_source(name="hr.xlsx", files=files, sheet="People")
    source.survey()
    assert [row.email for row in source.rows(creates)] == ["ann@example.com", "bob@example.com"]
    assert [row.row for row in source.listed()] == [2, 3]
    assert (files.fetched, unpacked) == (["hr.xlsx"], ["People"])


def test_a_mapping_reads_an_hr_export() -> None:
    data = make_book(
        Staff=[
            ["Employee #", "Work\u00a0Email", "DEPARTMENT", "First Name"],
            [(7, "00000"), "Ann@Example.com", "sales ", "Ann"],
            [(8, "00000"), "bob@example.com", "Law", "Bob"],
        ]
    )
    source = open_source(data, "hr.xlsx", mapping=MAPPING, key="Employee #")
    rows = list(source.rows(creates))
    assert [(row.key, row.email) for row in rows] == [
        ("00007", "ann@example.com"),
        ("00008", "bob@example.com"),
    ]
