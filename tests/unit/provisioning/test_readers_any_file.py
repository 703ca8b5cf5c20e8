"""Random people, written in a random dialect, encoding and compression, are read as the same."""

from __future__ import annotations

import csv
import gzip
import io
import json
from dataclasses import dataclass
from typing import Any, Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.provisioning.rosters import creates, open_source
from tests.unit.provisioning.test_excel import make_book
from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.provisioning.columns import strip_blanks
from zoom_provider.provisioning.mapper import Mapper

COLUMNS = ("Work Email", "Kind", "First Name", "Note")
MAPPING: dict[str, Any] = {
    "email": "Work Email",
    "type": "Kind",
    "first_name": {"column": "First Name"},
    "last_name": {"column": "Note"},
}
ANY_FILE = settings(derandomize=True, database=None, deadline=None, max_examples=100)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ['"', "''", "a,b", "a;b", "a|b", "a\tb", "two\nlines", "two\r\nlines", "sep=,", "\ufeff", "'x"]
)


@dataclass(frozen=True)
class Table:
    """
    What a file is to hold.

    :param header: the columns' names, each as a person may write it
    :param rows: the cells, in the order of ``COLUMNS``; none for a blank row
    :param title: rows above the header
    """

    header: list[str]
    rows: list[list[str]]
    title: list[list[str]]

    @property
    def people(self) -> list[tuple[int, dict[str, str]]]:
        """The people with their row numbers, as they are to be read."""
        first = len(self.title) + 2
        names = ("email", "type", "first_name", "last_name")
        found = []
        for number, row in enumerate(self.rows, start=first):
            cells = dict(zip(names, map(strip_blanks, row), strict=bool(row)))
            if row:
                found.append((number, {name: cell for name, cell in cells.items() if cell}))
        return found


@st.composite
def tables(draw: st.DrawFn, texts: st.SearchStrategy[str] = TEXTS, titles: bool = True) -> Table:
    def written(name: str) -> str:
        name = draw(st.sampled_from([name, name.upper(), name.lower()]))
        name = name.replace(" ", draw(st.sampled_from([" ", "\u00a0", "  "])))
        return draw(st.sampled_from(["", " ", "\u200b"])) + name + draw(st.sampled_from(["", " "]))

    rows: list[list[str]] = []
    for number in range(draw(st.integers(0, 6))):
        rows += [[]] * draw(st.integers(0, 1))
        kind = draw(st.sampled_from(["1", "2", " 2"]))
        rows.append([f"p{number}@example.com", kind, draw(texts), draw(texts)])
    title = draw(st.lists(st.just(["New hires"]) | st.just([]), max_size=3)) if titles else []
    return Table([written(name) for name in COLUMNS], rows, title)


def read(data: bytes, name: str, **form: Any) -> list[tuple[int, Any]]:
    source = open_source(data, name, mapping=MAPPING, **form)
    assert source.roster is not None
    mapper = Mapper(MAPPING)
    try:
        return [(r.number, r.value) for r in mapper.apply(source.roster.records(mapper.finder))]
    finally:
        source.roster.close()


@ANY_FILE
@given(table=tables(), data=st.data())
def test_any_csv_is_read_as_it_was_written(table: Table, data: st.DataObject) -> None:
    delimiter = data.draw(st.sampled_from(",;\t|"), label="delimiter")
    end = data.draw(st.sampled_from(["\n", "\r\n", "\r"]), label="line end")
    # The minimum leaves a line end without quotes where it is not the file's own.
    broken = any("\r" in cell or "\n" in cell for row in table.rows for cell in row)
    all_quoted = broken or data.draw(st.booleans(), label="all quoted")
    quoting: Literal[0, 1] = csv.QUOTE_ALL if all_quoted else csv.QUOTE_MINIMAL
    encoding, given_encoding = data.draw(
        st.sampled_from(
            [
                *[("utf-8", None), ("utf-8-sig", None), ("utf-16", None), ("utf-32", None)],
                *[("utf-16-le", "utf-16-le"), ("gb18030", "gb18030"), ("utf-8", "utf8")],
            ]
        ),
        label="encoding",
    )
    sep = data.draw(st.booleans(), label="sep line")
    surplus = data.draw(st.integers(0, 2), label="surplus cells")
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)
    for row in [*table.title, table.header, *table.rows]:
        if row:
            writer.writerow(row + [""] * (surplus if row in table.rows else 0))
        else:
            text.write(data.draw(st.sampled_from(["", delimiter, delimiter * 5])) + end)
    content = (f"sep={delimiter}{end}" if sep else "") + text.getvalue()
    form: dict[str, Any] = {"encoding": given_encoding}
    said: bool = data.draw(st.booleans(), label="header_row is given")
    if table.title or said:
        form["header_row"] = len(table.title) + 1
    whole = content.encode(encoding)
    whole = gzip.compress(whole) if data.draw(st.booleans(), label="gzip") else whole

    assert read(whole, "hr.csv", **form) == table.people


@ANY_FILE
@given(table=tables(titles=False), data=st.data())
def test_any_json_is_read_as_it_was_written(table: Table, data: st.DataObject) -> None:
    ascii_only = data.draw(st.booleans(), label="ASCII only")
    rows = [dict(zip(table.header, row, strict=True)) for row in table.rows if row]
    lines = data.draw(st.booleans(), label="lines")
    if lines:
        end = data.draw(st.sampled_from(["\n", "\r\n", "\n\n"]))
        text = "".join(json.dumps(row, ensure_ascii=ascii_only) + end for row in rows)
    else:
        indent = data.draw(st.sampled_from([None, 1, 4]))
        text = json.dumps(rows, ensure_ascii=ascii_only, indent=indent)
    whole = text.encode(data.draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])))
    whole = gzip.compress(whole) if data.draw(st.booleans(), label="gzip") else whole

    found = read(whole, "hr.jsonl" if lines else "hr.json")

    assert [person for _, person in found] == [person for _, person in table.people]


# A sheet is XML, which has no control characters and one line end; "=" begins a formula.
SHEET_TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"]), max_size=12
).filter(lambda text: not text.startswith("=") and "_x" not in text) | st.just("two\nlines")


@settings(ANY_FILE, max_examples=40)
@given(table=tables(SHEET_TEXTS), data=st.data())
def test_any_sheet_is_read_as_it_was_written(table: Table, data: st.DataObject) -> None:
    book = make_book(Notes=[["x"]], People=[*table.title, table.header, *table.rows])
    whole = gzip.compress(book) if data.draw(st.booleans(), label="gzip") else book

    found = read(whole, "hr.xlsx", sheet="people", header_row=len(table.title) + 1)

    assert found == table.people


@ANY_FILE
@given(
    data=st.binary(max_size=80) | st.text(max_size=80).map(str.encode),
    start=st.sampled_from([b"", b"email,type\n", b"[{", b"\x1f\x8b", b"PK\x03\x04", b"\xff\xfe"]),
    name=st.sampled_from(["hr.csv", "hr.jsonl", "hr.json", "hr.xlsx", "hr"]),
)
def test_no_file_breaks_the_reading(data: bytes, start: bytes, name: str) -> None:
    source = open_source(start + data, name)
    refusal, numbers, rows = None, [], []
    try:
        numbers = list(source.survey().rows)
        rows = list(source.rows(creates))
    except ZoomValidationError as error:
        refusal = error
    assert source.roster is not None
    source.roster.close()
    assert refusal is None or (str(refusal).isprintable(), list(refusal.errors)) == (
        True,
        ["roster"],
    )
    assert refusal is not None or [row.number for row in rows] == numbers
    assert all(row.email.isprintable() for row in rows)
