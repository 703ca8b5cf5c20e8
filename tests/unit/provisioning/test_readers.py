"""What HR's files hold is read as a person reads it, or refused with what was found."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
from typing import Any, BinaryIO

import pytest

from tests.unit.provisioning.rosters import (
    MAPPING,
    MemoryFiles,
    creates,
    open_source,
    read_people,
)
from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.provisioning.columns import Column, ColumnFinder
from zoom_provider.provisioning.file_format import FileFormat
from zoom_provider.provisioning.readers import read_text_records

ANN_AND_BOB = [(2, "ann@example.com", 2, "Ann"), (3, "bob@example.com", 1, "Bob")]
CSV = "email,type,first_name\r\nann@example.com,2,Ann\r\nbob@example.com,1,Bob\r\n"
UMLAUT = [(2, "ann@example.com", 2, "Änn"), (3, "bob@example.com", 1, "Bob")]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(CSV, id="comma"),
        pytest.param(CSV.replace(",", ";"), id="semicolon"),
        pytest.param(CSV.replace(",", "\t"), id="tab"),
        pytest.param(CSV.replace(",", "|"), id="bar"),
        pytest.param(CSV.replace(",", ", "), id="blanks after the delimiter"),
        pytest.param(
            'email, "type",  "first_name"\nann@example.com, "2", "Ann"\nbob@example.com,1, "Bob"\n',
            id="quoted after a blank",
        ),
        pytest.param(CSV.replace("\r", ""), id="LF"),
        pytest.param(CSV.replace("\n", ""), id="CR"),
        pytest.param(CSV.replace("\r\n", "\n", 1), id="line ends of two kinds"),
        pytest.param(CSV.rstrip(), id="no last line end"),
        pytest.param("sep=,\r\n" + CSV, id="sep line"),
        pytest.param("SEP=;\r\n" + CSV.replace(",", ";"), id="sep line with a semicolon"),
        pytest.param('"sep=|"\r\n' + CSV.replace(",", "|"), id="quoted sep line"),
        pytest.param("sep=^\r\n" + CSV.replace(",", "^"), id="sep line with another sign"),
        pytest.param("\ufeffsep=;\r\n" + CSV.replace(",", ";"), id="mark and sep line"),
        pytest.param("\ufeff" + CSV, id="mark"),
        pytest.param("\ufeff" + CSV.replace("email", '"email"'), id="mark and quotes"),
        pytest.param(CSV + ",,\r\n ,\t,\u00a0\r\n\u200b,,\r\n\r\n", id="rows of blanks"),
        pytest.param(CSV.replace("Ann", "Ann,").replace("Bob", "Bob, ,\t"), id="surplus blanks"),
        pytest.param(CSV.replace("first_name", "first_name,,"), id="columns without a name"),
        pytest.param(CSV.replace("Ann", "Ann\u00a0").replace("Bob", "\u200bBob "), id="no-break"),
        pytest.param(CSV.replace("email", " EMail\u00a0"), id="capitals"),
        pytest.param(CSV.replace("type", "\u200btype"), id="zero-width mark in the header"),
        pytest.param(CSV.replace("type", "User\u00a0Type"), id="the portal's name"),
    ],
)
def test_csv_of_any_dialect_is_read(text: str) -> None:
    assert read_people(text) == ANN_AND_BOB


@pytest.mark.parametrize(
    ("encoding", "given"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("utf-16", None),
        ("utf-32", None),
        ("utf-8-sig", "utf-8"),
        ("utf-8-sig", "UTF8"),
        ("cp1252", "cp1252"),
        ("iso-8859-1", "latin-1"),
        ("cp437", "cp437"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("shift_jis", None),
    ],
)
@pytest.mark.parametrize("name", ["hr.csv", "hr.jsonl", "hr.json"])
@pytest.mark.parametrize("packed", [False, True])
def test_text_of_any_encoding_is_read_or_refused(
    encoding: str, given: str | None, name: str, packed: bool
) -> None:
    rows = [
        {"email": "ann@example.com", "type": 2, "first_name": "Änn"},
        {"email": "bob@example.com", "type": 1, "first_name": "Bob"},
    ]
    first = "李" if encoding == "shift_jis" else "Änn"
    rows[0]["first_name"] = first
    text = {
        "hr.csv": CSV.replace("Ann", first),
        "hr.jsonl": "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows),
        "hr.json": json.dumps(rows, ensure_ascii=False, indent=1),
    }[name]
    data = text.encode(encoding)
    data = gzip.compress(data) if packed else data
    if encoding == "shift_jis":
        with pytest.raises(ZoomValidationError, match=r"is not UTF-8: byte \d+ of line \d+ is 0x"):
            read_people(data, name, encoding=given)
        return
    found = read_people(data, name, encoding=given)
    assert [person[1:] for person in found] == [person[1:] for person in UMLAUT]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_file_that_is_not_utf8_is_refused_with_line_byte_and_parameter(end: str) -> None:
    lines = [
        "email,type,first_name",
        *["ok@example.com,1,Ok"] * 5_000,
        "a@example.com,1,J\u00fcrgen",
    ]
    with pytest.raises(ZoomValidationError) as raised:
        read_people(end.join(lines).encode("latin-1"), "in/hr.csv")
    text = str(raised.value)
    assert "roster in/hr.csv is not UTF-8: byte 18 of line 5002 is 0xfc" in text
    assert "encoding='cp1252'" in text
    assert "rgen" not in text


def test_zero_bytes_hint_at_utf16_without_a_mark() -> None:
    with pytest.raises(ZoomValidationError, match="encoding='utf-16-le'"):
        read_people(CSV.encode("utf-16-le"))


@pytest.mark.parametrize("length", [200_000, 3_000_000])
def test_a_cell_may_be_of_any_length(length: int) -> None:
    text = f"email,type,first_name,note\nann@example.com,2,Ann,{'x' * length}\n"
    assert read_people(text) == ANN_AND_BOB[:1]


@pytest.mark.parametrize(
    ("text", "given", "who"),
    [
        ("Directory\nof 2026-03-01\n\n" + CSV, {"header_row": 4}, [5, 6]),
        ("Directory;;\n" + CSV.replace(",", ";"), {"header_row": 2}, [3, 4]),
        ("Directory\n" + CSV, {"header_row": "2"}, [3, 4]),
        ("\n\n" + CSV, {}, [4, 5]),
        (",,\n" + CSV, {}, [3, 4]),
        ("sep=,\nDirectory\n" + CSV, {"header_row": 2}, [3, 4]),
        (CSV.replace(",", "#"), {"delimiter": "#"}, [2, 3]),
        (CSV.replace(",", "\t"), {"delimiter": "\\t"}, [2, 3]),
        ("sep=,\n" + CSV.replace(",", ";"), {"delimiter": ";"}, [2, 3]),
    ],
)
def test_header_row_and_delimiter_say_what_the_file_does_not(
    text: str, given: dict[str, Any], who: list[int]
) -> None:
    assert [number for number, *_ in read_people(text, **given)] == who


@pytest.mark.parametrize(
    ("data", "given", "says"),
    [
        (b"", {}, "is empty; its first row must name the columns"),
        (b"\n,,\n", {}, "is empty"),
        (b"\xef\xbb\xbf", {}, "is empty"),
        ("Directory\n\n" + CSV, {}, "header_row=3"),
        ("Directory\n\n" + CSV.replace(",", ";"), {}, "header_row=3"),
        ("Directory, of 2026\n\n" + CSV.replace(",", "|"), {}, "header_row=3"),
        ("Directory\n", {}, "has no column 'email' in its header, for Zoom's email"),
        ("Directory\n", {}, "what there is: 'Directory'"),
        (CSV, {"header_row": 9}, "has nothing in row 9"),
        ("\n" + CSV, {"header_row": 1}, "has nothing in row 1"),
        ("mail,type\n", {}, "(did you mean 'mail'?)"),
        ("email,type,Email\n", {}, "has 2 columns 'email' in its header"),
        ("email,type,first_name,FIRST\u00a0NAME,first_name\n", {}, "has 2 columns 'first_name'"),
        ("ann@example.com,1\n", {}, "the first row must name the columns"),
        ('email,type\nann@example.com,"1\nbob@example.com,1\n', {}, "is not CSV from line 2 on"),
        ("Work E\u2028mail,Dep\x1b[31m\n", {}, "what there is: 'Work E mail', 'Dep [31m'"),
        ("a" * 300 + ",type\n", {}, "a…'"),
        (gzip.compress(CSV.encode(), mtime=0)[:-9], {}, "is damaged"),
        (gzip.compress(gzip.compress(b"x", mtime=0), mtime=0), {}, "is compressed twice"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", {}, "save it as .xlsx"),
        (CSV, {"sheet": "x"}, "is CSV, for which sheet means nothing"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_what_was_found(
    data: bytes | str, given: dict[str, Any], says: str
) -> None:
    with pytest.raises(ZoomValidationError) as raised:
        read_people(data, **given)
    assert str(raised.value).startswith("roster hr.csv ")
    assert says in str(raised.value)
    assert str(raised.value).isprintable()
    assert "ann@example.com" not in str(raised.value)
    assert list(raised.value.errors) == ["roster"]


@pytest.mark.parametrize("cell", ['"Doe', '"Bo" Doe', '"' + "x" * 140_000])
def test_a_quotation_mark_that_stands_alone_swallows_nobody_in_silence(cell: str) -> None:
    text = (
        f'email,type,last_name\na@b.de,1,Jo\nb@b.de,1,"two\nlines"\nc@b.de,1,{cell}\nd@b.de,1,J\n'
    )
    with pytest.raises(ZoomValidationError, match=r"^roster hr\.csv is not CSV from line 5 on: "):
        read_people(text)


def test_a_surplus_cell_with_a_value_is_a_fault_of_its_row_alone() -> None:
    text = CSV.replace("Ann", "Ann,Ash")
    assert read_people(text) == [(2, "", ["row"]), ANN_AND_BOB[1]]


# ---- JSON

PEOPLE: list[Any] = [
    {"email": "ann@example.com", "type": 2, "first_name": "Ann"},
    {"email": "bob@example.com", "type": "Basic", "first_name": "Bob"},
]
BOTH = [(1, "ann@example.com", 2, "Ann"), (2, "bob@example.com", 1, "Bob")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("hr.jsonl", "".join(json.dumps(row) + "\n" for row in PEOPLE)),
        ("hr.NDJSON", "\ufeff" + "\r\n".join(map(json.dumps, PEOPLE))),
        ("hr.json", json.dumps(PEOPLE)),
        ("hr.json", json.dumps(PEOPLE, indent=4)),
        ("hr.JSON", " \n\n\t" + json.dumps(PEOPLE) + "\n\n"),
        ("hr.json", "\ufeff" + json.dumps(PEOPLE)),
        ("hr.json", json.dumps(PEOPLE).replace(", ", "," + " " * 70_000)),
        ("hr.json", "\n".join(map(json.dumps, PEOPLE))),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_json_lines_and_arrays_are_read(name: str, text: str, packed: bool) -> None:
    data = gzip.compress(text.encode()) if packed else text.encode()
    assert read_people(data, f"{name}.gz" if packed else name) == BOTH


def test_an_array_is_read_whatever_its_length_and_wherever_its_pieces_end() -> None:
    rows = [
        {"email": f"p{n}@example.com", "type": 1, "note": "ü" * (n % 977)} for n in range(3_000)
    ]
    found = read_people(json.dumps(rows, ensure_ascii=False), "hr.json")
    assert [person[:2] for person in found] == [(n + 1, row["email"]) for n, row in enumerate(rows)]


def test_broken_lines_are_rejects_and_the_others_go_on() -> None:
    good, twice = json.dumps(PEOPLE[0]), '{"email": "x@example.com", "email": "y@example.com"}'
    lines = [good, "", "{broken", "[" * 100_000, "5", '"text"', "null", twice]
    found = read_people("\n".join(lines), "hr.jsonl")
    assert [(number, who) for number, _, who, *_ in found] == [
        (1, 2),
        (3, ["row"]),
        (4, ["row"]),
        (5, ["user_info"]),
        (6, ["user_info"]),
        (7, ["user_info"]),
        (8, ["row"]),
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no list of people"),
        ("5", "holds no list of people"),
        ('{\n "employees": [1]\n}', "holds no list of people"),
        ('{"employees": [1]}', "what there is: 'employees'"),
        ("[", "is not JSON from element 1"),
        ('[{"email": "a@example.com", "type": 1}', "is not JSON from element 1"),
        ('[{"email": "a@example.com", "type": 1} {"b": 2}]', "is not JSON from element 1"),
        ('[{"email": "a@example.com", "type": 1}, {"b": ]', "is not JSON from element 2"),
        ('[{"email": "a@example.com", "type": 1},]', "is not JSON from element 2"),
        ("[" * 100_000, "is not JSON from element 1"),
        ('[{"email": 1, "email": 2}]', "holds the name 'email' twice, in element 1"),
    ],
)
def test_a_json_file_that_is_no_list_is_refused(text: str, says: str) -> None:
    with pytest.raises(ZoomValidationError) as raised:
        read_people(text, "hr.json")
    assert says in str(raised.value)
    assert str(raised.value).startswith("roster hr.json ")


# ---- for all


@pytest.mark.parametrize("form", ["csv", "jsonl", "json"])
def test_a_roster_is_fetched_once_however_often_it_is_read(form: str) -> None:
    text = {
        "csv": CSV,
        "jsonl": "".join(json.dumps(row) + "\n" for row in PEOPLE),
        "json": json.dumps(PEOPLE),
    }[form]
    files = MemoryFiles(gzip.compress(text.encode()))
    source = open_source(name=f"s3://hr/drop.{form}.gz", files=files)
    source.survey()
    source.refuse_more_than(5, creates)
    first, second = source.rows(creates), source.listed()
    pairs = [(row.email, place.email) for row, place in zip(first, second, strict=True)]
    assert pairs == [("ann@example.com",) * 2, ("bob@example.com",) * 2]
    assert files.fetched == [f"s3://hr/drop.{form}.gz"]


@pytest.mark.parametrize(
    ("name", "head", "row", "tail"),
    [
        ("hr.csv", b"email,type\n", b"p%d@example.com,1\n", b""),
        ("hr.jsonl", b"", b'{"email": "p%d@example.com", "type": 1}\n', b""),
        ("hr.json", b'[{"email": "x", "type": 1}', b',{"email": "p%d@example.com", "type": 1}',
         b"]"),
    ],
)  # fmt: skip
def test_memory_does_not_grow_with_the_rows(
    name: str, head: bytes, row: bytes, tail: bytes
) -> None:
    def peak(rows: int) -> int:
        data = b"".join([head, *(row % n for n in range(rows)), tail])
        packed = MemoryFiles(gzip.compress(data))
        del data
        source = open_source(name=name, files=packed)
        records = source.roster.records(ColumnFinder([Column("email", "it")]))  # type: ignore[union-attr]  # it is one
        tracemalloc.start()
        assert sum(1 for _ in records) in (rows, rows + 1)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(100)
    assert peak(20_000) < peak(2_000) + 200_000


def test_columns_bear_the_names_under_which_they_are_asked_for() -> None:
    """For callers that read cells by name, without a mapping."""
    file: BinaryIO = io.BytesIO(b" HIRE\xc2\xa0date ;Work  Email;x\n2026-03-02;a@example.com;1\n")
    finder = ColumnFinder([Column("Hire Date", "first days"), Column("work email", "it")])
    (record,) = read_text_records(file, "hr.csv", finder, FileFormat())
    assert record.value == {"Hire Date": "2026-03-02", "work email": "a@example.com", "x": "1"}


def test_the_mappings_columns_decide_which_sign_separates() -> None:
    text = "Work Email;Department, Team;Department;First Name\nann@example.com;a, b;Sales;Ann\n"
    assert read_people(text, mapping=MAPPING) == ANN_AND_BOB[:1]
