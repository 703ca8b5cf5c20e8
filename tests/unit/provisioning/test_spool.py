"""Rows that can be read once are the same at every reading, in a file that others cannot open."""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any
from uuid import UUID

import pytest

from zoom_provider.exceptions import ZoomStoppedError, ZoomValidationError
from zoom_provider.provisioning.spool import Spool


class Licence(IntEnum):
    BASIC = 1


class Word(StrEnum):
    SALES = "Sales"


class Scalar:
    """As NumPy has them."""

    def item(self) -> int:
        return 7


class NaT(datetime):
    """As pandas has it: a moment that equals nothing."""

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = datetime.__hash__


def filled(*rows: Any, columns: Any = None) -> Spool:
    spool = Spool(lambda: columns)
    spool.fill(iter(rows))
    return spool


def test_rows_are_the_same_at_every_reading_and_to_readers_side_by_side() -> None:
    rows = [{"email": f"p{n}@example.com", "name": "Zoë\u2028\n"} for n in range(5_000)]
    spool = filled(*rows)
    one, other = iter(spool), iter(spool)
    assert [next(one), next(other), next(one)] == [rows[0], rows[0], rows[1]]
    assert list(spool) == rows
    assert len(spool) == 5_000
    assert list(one)[-1] == rows[-1]


def test_the_file_has_no_name_and_is_its_owners_alone() -> None:
    spool = filled({"email": "a@example.com"})
    found = os.fstat(spool._file.fileno())
    assert stat.S_IMODE(found.st_mode) == 0o600
    assert found.st_nlink == 0
    spool.close()
    assert spool._file.closed


def test_tuples_take_the_names_of_the_columns() -> None:
    assert list(filled(("a", 1), ["b", 2], columns=["x", "y"])) == [
        {"x": "a", "y": 1},
        {"x": "b", "y": 2},
    ]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (date(2026, 3, 2), "2026-03-02"),
        (datetime(2026, 3, 2, 9), "2026-03-02T09:00:00"),
        (datetime(2026, 3, 2, 9, tzinfo=UTC), "2026-03-02T09:00:00+00:00"),
        (Decimal("2"), 2),
        (Decimal("2.5"), 2.5),
        (Decimal("NaN"), None),
        (math.nan, None),
        (NaT(2026, 3, 2), None),
        (None, None),
        (True, True),
        (Licence.BASIC, 1),
        (Word.SALES, "Sales"),
        (Scalar(), 7),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ("nan", "nan"),
        ("0042", "0042"),
        ("\ud800", "\ud800"),
        ([1, Decimal(2)], [1, 2]),
        ({"meeting": Decimal(2)}, {"meeting": 2}),
    ],
)
def test_values_are_kept_as_a_person_reads_them(value: Any, kept: Any) -> None:
    [row] = filled({"value": value})
    assert row == {"value": kept}
    assert type(row["value"]) is type(kept)


@pytest.mark.parametrize(
    ("rows", "columns", "says"),
    [
        ([{"a": 1}, "x"], None, "row 2 is a str"),
        ([None], None, "row 1 is a NoneType"),
        ([("a", 1)], None, "row 1 is a tuple: name its values by columns="),
        ([("a", 1), ("a", 1, 2)], ["x", "y"], "row 2 has 3 values for 2 columns"),
        ([("a", 1)], ["x", "x"], "columns has 'x' twice"),
        ([("a", 1)], "xy", "columns must be a list"),
        ([("a", 1)], ["x", 5], "columns must be a list"),
    ],
)
def test_what_is_no_row_is_refused_by_its_number(rows: list[Any], columns: Any, says: str) -> None:
    with pytest.raises(ZoomValidationError, match=says):
        filled(*rows, columns=columns)


def test_a_stop_ends_the_reading() -> None:
    def rows() -> Iterator[Any]:
        yield {"n": 1}
        raise AssertionError("read on after the stop")

    def stop() -> None:
        raise ZoomStoppedError("stop")

    with pytest.raises(ZoomStoppedError):
        Spool().fill(rows(), stop)
