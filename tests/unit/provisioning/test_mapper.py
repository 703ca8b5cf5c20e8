"""A mapping hides nothing: what it did not take from a row is a fault, a warning, or counted."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from tests.unit.provisioning.rosters import (
    MAPPING,
    creates,
    open_source,
    read_people,
    read_rows,
)
from zoom_provider.exceptions import ZoomValidationError

ANN = {"Work Email": "ann@example.com", "Department": "Sales", "First Name": "Ann"}
BOB = {"Work Email": "bob@example.com", "Department": "Law", "First Name": "Bob"}


def as_csv(*rows: dict[str, Any]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [names, *([str(row.get(name, "")) for name in names] for row in rows)]
    return "".join(",".join(line) + "\n" for line in lines)


def as_lines(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def sources(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the same rows by each kind of source."""
    return [
        {"data": as_csv(*rows), "name": "hr.csv"},
        {"data": as_lines(*rows), "name": "hr.jsonl"},
        {"data": json.dumps(rows), "name": "hr.json"},
        {"users": list(rows)},
    ]


KINDS = [0, 1, 2, 3]


@pytest.mark.parametrize("kind", KINDS, ids=["csv", "json lines", "json", "users"])
@pytest.mark.parametrize(
    ("mapping", "has", "lacks"),
    [
        (MAPPING, "Dept", "Department"),
        ({**MAPPING, "type": "Department"}, "Dept", "Department"),
        ({**MAPPING, "first_name": {"column": "Given Name", "default": ""}}, "Given Nam", None),
    ],
)
def test_a_column_that_a_mapping_names_must_be_there_and_the_nearest_is_named(
    kind: int, mapping: dict[str, Any], has: str, lacks: str | None
) -> None:
    rows = [
        {has if name == lacks else name: value for name, value in row.items()} for row in (ANN, BOB)
    ]
    if lacks is None:
        rows = [{**row, has: "x"} for row in rows]
    with pytest.raises(ZoomValidationError) as raised:
        read_people(**sources(*rows)[kind], mapping=mapping)
    text = str(raised.value)
    assert f"has no column {lacks or 'Given Name'!r}" in text
    assert f"did you mean {has!r}?" in text
    assert "'Work Email'" in text
    assert text.count("has no column") == 1
    assert list(raised.value.errors) == ["users" if kind == 3 else "roster"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_optional_column_may_be_missing_and_its_default_stands_for_it(kind: int) -> None:
    mapping = {
        **MAPPING,
        "type": {"column": "Licence", "default": 2, "optional": True},
        "last_name": {"column": "Last Name", "optional": True},
    }
    source = open_source(**sources(ANN, BOB)[kind], mapping=mapping)
    rows = read_rows(source)
    made = [row.request.user_info for row in rows if row.request]
    assert [(int(user.type), user.last_name) for user in made] == [(2, None)] * 2
    assert source.survey().notes.to_summary() == {"type": {"rows": 2, "values": {"(no column)": 2}}}


def test_a_column_that_only_some_records_lack_is_a_fault_of_those() -> None:
    sparse = {name: value for name, value in BOB.items() if name != "Department"}
    found = read_people(users=[ANN, sparse], mapping=MAPPING)
    assert found == [(1, "ann@example.com", 2, "Ann"), (2, "bob@example.com", ["user_info.type"])]


def test_a_column_that_stands_twice_in_a_record_is_a_fault_of_that_record() -> None:
    twice = {**BOB, "department ": "Sales"}
    found = read_people(users=[ANN, twice], mapping=MAPPING)
    assert found[1] == (2, "bob@example.com", ["user_info.type"])


@pytest.mark.parametrize(
    ("mapping", "key"),
    [
        (MAPPING, None),
        ({**MAPPING, "type": 1, "last_name": {"column": "Department", "optional": True}}, None),
        ({**MAPPING, "type": 1}, "Department"),
        ({**MAPPING, "type": 1}, "department"),
    ],
)
def test_a_used_column_that_stands_twice_is_refused_whatever_it_is_for(
    mapping: dict[str, Any], key: str | None
) -> None:
    text = "Work Email,Department,First Name,Department\nann@example.com,Sales,Ann,Former\n"
    with pytest.raises(ZoomValidationError, match=r"has 2 columns '[Dd]epartment' in its header"):
        read_people(text, mapping=mapping, key=key)


def test_an_unused_column_may_stand_twice() -> None:
    text = "email,type,Note,Note\nann@example.com,1,a,b\n"
    assert read_people(text) == [(2, "ann@example.com", 1, None)]


@pytest.mark.parametrize(
    ("map_", "value", "found"),
    [
        ({"Sales": 2}, " sales ", 2),
        ({"Sales": 2}, "SALES\u00a0", 2),
        ({" sales": 2}, "Sales", 2),
        ({"Sales and Service": 2}, "Sales  and\u00a0Service", 2),
        ({"1": 2}, 1, 2),
        ({1: 2}, "1", 2),
        ({1: 2}, 1.0, 2),
        ({"True": 2}, True, 2),
        ({True: 2}, "TRUE", 2),
        ({"": 2}, "", 2),
        ({"": 2}, None, 2),
        ({"Sales": "Licensed"}, "Sales", 2),
        ({"Vertrieb Köln": 2}, "Vertrieb Ko\u0308ln", 2),
    ],
)
def test_a_map_compares_as_a_person_reads(map_: dict[Any, Any], value: Any, found: int) -> None:
    mapping = {"email": "Work Email", "type": {"column": "Department", "map": map_}}
    users = [{"Work Email": "ann@example.com", "Department": value}]
    assert read_people(users=users, mapping=mapping) == [(1, "ann@example.com", found, None)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Basic", 1),
        ("basic", 1),
        (" LICENSED", 2),
        ("On-Prem", 3),
        ("Unassigned", 4),
        ("Unassigned without Meetings Basic", 4),
        ("2", 2),
        ("2.0", 2),
        (2, 2),
        (2.0, 2),
    ],
)
@pytest.mark.parametrize(
    "source", ["Kind", {"column": "Kind"}, {"column": "Kind", "map": {"x": 1}, "default": None}]
)
def test_a_type_may_be_zooms_word(text: Any, found: int, source: Any) -> None:
    if isinstance(source, dict) and "map" in source:
        source = {**source, "map": {"x": text}}
        users = [{"Mail": "ann@example.com", "Kind": "X"}]
    else:
        users = [{"Mail": "ann@example.com", "Kind": text}]
    mapping = {"email": "Mail", "type": source}
    assert read_people(users=users, mapping=mapping) == [(1, "ann@example.com", found, None)]
    assert read_people(users=[{"email": "ann@example.com", "type": text}]) == [
        (1, "ann@example.com", found, None)
    ]


@pytest.mark.parametrize("word", ["None", "Pro", "Corp", "Basic User", "2.5"])
def test_another_word_is_no_type(word: str) -> None:
    found = read_people(f"email,type\nann@example.com,{word}\n")
    assert found == [(2, "ann@example.com", ["user_info.type"])]


def test_rows_that_fell_to_a_default_are_counted_by_value(
    caplog: pytest.LogCaptureFixture,
) -> None:
    departments = ["Sales", "Law", "law", "", " ", "Purchasing", "Law"]
    rows = [
        {**ANN, "Work Email": f"p{n}@example.com", "Department": department}
        for n, department in enumerate(departments)
    ]
    mapping = {**MAPPING, "last_name": {"column": "First Name", "map": {"x": "y"}, "default": "Z"}}
    with caplog.at_level(logging.WARNING):
        survey = open_source(as_csv(*rows), mapping=mapping).survey()
    assert survey.notes.to_summary() == {
        "type": {"rows": 6, "values": {"Law": 2, "(empty)": 2, "law": 1, "Purchasing": 1}},
        "last_name": {"rows": 7},
    }
    assert "6 rows have the default of Zoom's type, for the values {Law: 2, " in caplog.text
    assert "Ann" not in caplog.text


def test_a_shard_counts_only_its_own_rows() -> None:
    rows = [{**BOB, "Work Email": f"p{n}@example.com"} for n in range(40)]
    counted = [
        open_source(as_csv(*rows), mapping=MAPPING, shard=(part, 3)).survey().notes.to_summary()
        for part in range(3)
    ]
    assert sum(part["type"]["rows"] for part in counted) == 40
    assert all(part["type"]["rows"] < 40 for part in counted)


@pytest.mark.parametrize("name", ["Null", "NULL", "nan", "NaN", "None", "none", "N/A", "#N/A"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_name_that_looks_like_nothing_is_kept_and_warned_of(
    name: str, kind: int, caplog: pytest.LogCaptureFixture
) -> None:
    source = open_source(**sources(ANN, {**BOB, "First Name": name})[kind], mapping=MAPPING)
    with caplog.at_level(logging.WARNING):
        rows = read_rows(source)
    assert [row.request.user_info.first_name for row in rows if row.request] == ["Ann", name]
    number = 3 if kind == 0 else 2
    warned = [message for message in caplog.messages if "as first_name" in message]
    assert len(warned) == 1
    assert f"rows {number}." in warned[0]
    assert "empty_values" in warned[0]


@pytest.mark.parametrize("kind", KINDS)
def test_empty_values_count_as_empty_cells(kind: int, caplog: pytest.LogCaptureFixture) -> None:
    rows = [{**ANN, "First Name": " NaN "}, {**BOB, "Department": "-"}]
    given: dict[str, Any] = {"mapping": MAPPING, "empty_values": ["nan", "-"]}
    with caplog.at_level(logging.WARNING):
        found = read_people(**sources(*rows)[kind], **given)
    assert [person[1:] for person in found] == [
        ("ann@example.com", 2, None),
        ("bob@example.com", 1, "Bob"),
    ]
    assert "as first_name" not in caplog.text
    assert "(empty): 1" in caplog.text


def test_empty_values_count_for_users_as_they_are() -> None:
    users = [{"email": "ann@example.com", "type": 1, "first_name": "N/A", "last_name": "-"}]
    (row,) = read_rows(open_source(users=users, empty_values=["n/a"]))
    assert row.request is not None
    assert row.request.user_info.given_fields() == {
        "email": "ann@example.com",
        "type": 1,
        "last_name": "-",
    }


def test_a_frames_nan_is_an_empty_cell() -> None:
    users = [{**ANN, "First Name": float("nan"), "Department": float("nan")}]
    assert read_people(users=users, mapping=MAPPING) == [(1, "ann@example.com", 1, None)]


def test_an_address_with_a_spreadsheets_apostrophe_is_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        found = read_people(as_csv(ANN, {**BOB, "Work Email": "'bob@example.com"}), mapping=MAPPING)
    assert found[1][1] == "'bob@example.com"
    assert "1 addresses begin with an apostrophe" in caplog.text
    assert "rows 3" in caplog.text


@pytest.mark.parametrize("kind", KINDS)
def test_all_faults_of_a_row_are_said_at_once(kind: int) -> None:
    """A bad address, a department that the map lacks, and a name that is too long."""
    mapping = {**MAPPING, "type": {"column": "Department", "map": {"Sales": 2}}}
    bad = {"Work Email": "bob(at)example.com", "Department": "Law", "First Name": "B" * 99}
    source = open_source(**sources(ANN, bad)[kind], mapping=mapping)
    _, row = read_rows(source)
    assert row.error is not None
    assert sorted(row.error.errors) == [
        "user_info.email",
        "user_info.first_name",
        "user_info.type",
    ]
    (fault,) = row.error.errors["user_info.type"]
    assert fault == "column 'Department' holds a value that the mapping lacks: 'Law'"


@pytest.mark.parametrize("field", ["first_name", "password"])
def test_a_names_and_a_passwords_value_is_not_shown(field: str) -> None:
    mapping = {**MAPPING, field: {"column": "Secret", "map": {"x": "y"}}}
    source = open_source(as_csv({**ANN, "Secret": "Tulip"}), mapping=mapping)
    (row,) = source.rows(creates)
    assert row.error is not None
    assert "Tulip" not in str(row.error)


def test_a_password_that_strayed_into_a_mapped_column_is_not_shown() -> None:
    mapping = {**MAPPING, "type": {"column": "Department", "map": {"x": 1}}}
    source = open_source(as_csv({**ANN, "Department": "Tulip77garden"}), mapping=mapping)
    (row,) = source.rows(creates)
    assert "Tulip" not in str(row.error)


# ---- Zoom's own files

TEMPLATE = "Email,First Name,Last Name,Department,Manager,User Group,Job Title,Location\n"
EXPORT = "Email,First Name,Last Name,Display Name,Department,User Group,User Type,Status\n"


def test_the_portals_export_is_read_without_a_mapping() -> None:
    text = EXPORT + (
        "ann@example.com,Ann,Ash,Ann Ash,Sales,Staff,Licensed,Active\n"
        "bob@example.com,Bob,Birch,,Law,,Basic,Pending\n"
    )
    assert read_people(text) == [
        (2, "ann@example.com", 2, "Ann"),
        (3, "bob@example.com", 1, "Bob"),
    ]


def test_an_exports_column_of_licences_is_read_where_it_names_a_type_only() -> None:
    text = EXPORT.replace("User Type", "Licenses") + (
        "ann@example.com,Ann,Ash,,,,Zoom Workplace Basic,Active\n"
        "bob@example.com,Bob,Birch,,,,Zoom Workplace Business,Active\n"
    )
    assert read_people(text) == [
        (2, "ann@example.com", 1, "Ann"),
        (3, "bob@example.com", ["user_info.type"]),
    ]


def test_the_batch_imports_template_makes_basic_users_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    text = TEMPLATE + "ann@example.com,Ann,Ash,Sales,,,,\nbob@example.com,Bob,Birch,,,,,\n"
    source = open_source(text)
    with caplog.at_level(logging.WARNING):
        rows = read_rows(source)
    assert [int(row.request.user_info.type) for row in rows if row.request] == [1, 1]
    assert "2 rows have the default of Zoom's type, for the values {(no column): 2}" in caplog.text
    assert "so all users are Basic: add a column User Type" in caplog.text


@pytest.mark.parametrize("extra", ["Licence", "Usertype", "Salary"])
def test_a_file_with_other_columns_is_no_template(extra: str) -> None:
    text = TEMPLATE.replace("Location", extra) + "ann@example.com,Ann,Ash,Sales,,,,Licensed\n"
    with pytest.raises(ZoomValidationError, match="has no column 'type' in its header"):
        read_people(text)


# ---- keys


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_is_found_as_people_read_it(kind: int) -> None:
    rows = [{**ANN, " EMPLOYEE\u00a0#": "007"}, {**BOB, " EMPLOYEE\u00a0#": " 8 "}]
    source = open_source(**sources(*rows)[kind], mapping=MAPPING, key="Employee #")
    assert [row.key for row in read_rows(source)] == ["007", "8"]


def test_a_key_that_no_record_has_stops_once() -> None:
    with pytest.raises(ZoomValidationError) as raised:
        read_people(users=[{"email": "ann@example.com", "type": 1, "Nr": 7}], key="Number")
    assert "users has no column 'Number' in any of its rows, for the rows' key" in str(raised.value)


def test_a_users_own_key_is_taken_off_and_zooms_field_stays() -> None:
    users = [{"email": "ann@example.com", "type": 1, "NUMBER": 7}]
    (row,) = read_rows(open_source(users=users, key="Number"))
    assert (row.key, row.error) == ("7", None)
    (row,) = read_rows(open_source(users=[{"email": "ann@example.com", "type": 1}], key="email"))
    assert (row.key, row.error) == ("ann@example.com", None)
