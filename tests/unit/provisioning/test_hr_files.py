"""Files in the shapes that HR's exports have in practice: each is read, or refused by name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.unit.provisioning.rosters import read_people
from zoom_provider.exceptions import ZoomValidationError

WORK = {
    "email": "Work Email",
    "type": {"column": "Department", "map": {"Sales": 2}, "default": 1},
    "first_name": "First Name",
}
FIRST_DAYS = {
    "email": "Work Email",
    "type": {"column": "Zoom License", "map": {"Basic": 1, "Licensed": 2}},
    "first_name": "First Name",
}
CASES: dict[str, tuple[str, dict[str, Any], list[Any] | str]] = {
    "renamed_department.csv": (
        "Work Email,Dept,First Name\neve@example.com,Sales,Eve\ndan@example.com,Law,Dan\n",
        {"mapping": WORK},
        "has no column 'Department' in its header, for Zoom's type (did you mean 'Dept'?)",
    ),
    "two_departments.csv": (
        "Work Email,Department,First Name,Department\neve@example.com,Sales,Eve,Was: Law\n",
        {"mapping": WORK},
        "has 2 columns 'Department' in its header, for Zoom's type",
    ),
    "rows_of_commas.csv": (
        "email,type,first_name\neve@example.com,1,Eve\ndan@example.com,2,Dan\n,,\n,,\n",
        {},
        [2, 3],
    ),
    "surplus_empty_cells.csv": (
        "email,type,first_name\neve@example.com,1,Eve,\ndan@example.com,2,Dan,,\n",
        {},
        [2, 3],
    ),
    "sep_comma.csv": ("sep=,\r\nemail,type\r\neve@example.com,1\r\n", {}, [2]),
    "nbsp_header.csv": (
        "Work\u00a0Email,type\neve@example.com,1\n",
        {"mapping": {"email": "Work Email", "type": "type"}},
        [2],
    ),
    "preamble.csv": (
        "Staff list\nMade on 2026-03-01\n\nemail,type\neve@example.com,1\n",
        {},
        "what there is: 'Staff list'. Row 4 names the columns: give header_row=4",
    ),
    "datetimes.csv": (
        "Employee #,First Name,Last Name,Display Name,Work Email,Hire Date,Zoom License\n"
        "1,Eve,Elm,,eve@example.com,2026-03-02T00:00:00,Basic\n"
        "2,Dan,Doe,,dan@example.com,2026-03-02 00:00:00,Licensed\n",
        {"mapping": FIRST_DAYS, "key": "Employee #"},
        [2, 3],
    ),
    "all_us_dates.csv": (
        "Employee #,First Name,Last Name,Display Name,Work Email,Hire Date,Zoom License\n"
        + "".join(f"{n},Eve,Elm,,e{n}@example.com,03/02/2026,Basic\n" for n in range(1, 16)),
        {"mapping": FIRST_DAYS, "key": "Employee #"},
        list(range(2, 17)),
    ),
}


def check(data: bytes, given: dict[str, Any], right: list[Any] | str) -> None:
    if isinstance(right, list):
        found = read_people(data, **given)
        assert [person[0] for person in found] == right
        assert all(len(person) == 4 for person in found), found
        return
    with pytest.raises(ZoomValidationError) as raised:
        read_people(data, **given)
    said = str(raised.value)
    part = right.partition("what there is: 'Staff list'")[2] or right
    assert part in said
    assert "@" not in said


@pytest.mark.parametrize("name", CASES)
def test_what_hr_exports_is_read_or_refused_with_what_was_found(name: str) -> None:
    text, given, right = CASES[name]
    check(text.encode(), given, right)


def test_a_title_is_no_header_until_header_row_says_where_that_is() -> None:
    text, _, _ = CASES["preamble.csv"]
    assert [person[:2] for person in read_people(text, header_row=4)] == [(5, "eve@example.com")]


@pytest.mark.parametrize("name", CASES)
def test_files_from_elsewhere_of_these_shapes_come_out_alike(name: str) -> None:
    """With ``ZOOM_TEST_HR_FILES``, a folder of files by these names, such as real exports."""
    folder = os.environ.get("ZOOM_TEST_HR_FILES", "")
    file = Path(folder, name)
    if not folder or not file.is_file():
        pytest.skip(f"no {name}: ZOOM_TEST_HR_FILES names no folder that has it")
    _, given, right = CASES[name]
    check(file.read_bytes(), given, right)
