"""Rosters, mappings, shards and limits of the bulk operator."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
)
from openpyxl import Workbook

from tests.support import calls, emails, person
from tests.unit.operators.conftest import (
    HR,
    MAPPING,
    CreateMany,
    Perform,
    TaskInstance,
    WriteRoster,
    lines,
    people,
)
from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.simulator.server import Simulator

POST = "POST /v2/users"


def rejected(path: Path) -> list[str]:
    return path.with_name("report.rejects.csv").read_text("utf-8").splitlines()[1:]


ANN_AND_BOB = [("ann@example.com", 2, "Ann"), ("bob@example.com", 1, "Bob")]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("hr.csv", {"encoding": "{{ params.encoding }}", "delimiter": "{{ params.sign }}"}),
        ("hr.xlsx", {"sheet": "{{ params.sheet }}", "header_row": "{{ params.row }}"}),
        ("hr.csv", {"encoding": "cp1252", "delimiter": "^", "header_row": "", "sheet": "None"}),
    ],
)
def test_how_to_read_a_file_may_be_a_template(
    name: str,
    given: dict[str, Any],
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    roster: WriteRoster,
) -> None:
    rows = [line.split(",") for line in HR.replace(",Ann", ",Änn").splitlines()]
    if name == "hr.xlsx":
        book = Workbook()
        table = book.create_sheet("New hires")
        for row in (["Directory"], *rows):
            table.append(row)
        file = io.BytesIO()
        book.save(file)
        data = file.getvalue()
    else:
        data = "\n".join("^".join(row) for row in rows).encode("cp1252")
    params = {"encoding": "cp1252", "sign": "^", "sheet": "New hires", "row": 2}
    task = create_many(roster=roster(data, name), mapping=MAPPING, **given)
    result = perform(task, params=params)
    assert [(p["email"], p["first_name"]) for p in connected.people()] == [
        ("ann@example.com", "Änn"),
        ("bob@example.com", "Bob"),
    ]
    assert result["defaults"] == {"type": {"rows": 1, "values": {"Law": 1}}}


def test_a_wrong_column_of_users_stops_once_before_any_call(
    connected: Simulator, create_many: CreateMany, perform: Perform
) -> None:
    users = [{**record, "Mail": "x"} for record in RECORDS]
    task = create_many(users=users, mapping=MAPPING | {"email": "E-Mail"}, max_failures=1.0)
    with pytest.raises(AirflowFailException) as raised:
        perform(task)
    assert str(raised.value).count("has no column 'E-Mail'") == 1
    assert "did you mean 'Mail'?" in str(raised.value)
    assert "'Work Email', 'Department', 'First', 'Mail'" in str(raised.value)
    assert connected.requests() == []


def as_lines(*records: dict[str, Any]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


RECORDS = (
    {"Work Email": "Ann@Example.com", "Department": "Sales", "First": "Ann"},
    {"Work Email": "bob@example.com", "Department": "Law", "First": "Bob"},
)
ZOOMS = "email,type,first_name,Salary\nann@example.com,2,Ann,9\nbob@example.com,1,Bob,8\n"


@pytest.mark.parametrize(
    ("text", "name", "mapping"),
    [
        (HR, "hr.csv", MAPPING),
        ("\ufeff" + HR.replace("\n", "\r\n"), "hr.CSV", MAPPING),
        ("\ufeff" + HR.replace("Work Email", '"Work Email"'), "hr.csv", MAPPING),
        (HR, "hr.txt", MAPPING),
        (HR.replace("Sales", '" Sales\t"'), "hr.csv", MAPPING),
        (as_lines(*RECORDS), "hr.jsonl", MAPPING),
        ("\ufeff" + as_lines(*RECORDS), "hr.NDJSON", MAPPING),
        (ZOOMS, "zoom.csv", None),
        (ZOOMS, "zoom.csv", {}),
    ],
)
def test_rosters_of_csv_and_json_lines_become_users(
    text: str,
    name: str,
    mapping: dict[str, Any] | None,
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    roster: WriteRoster,
) -> None:
    perform(create_many(roster=roster(text, name), mapping=mapping))
    found = [(p["email"], p["type"], p["first_name"]) for p in connected.people()]
    assert found == ANN_AND_BOB


def test_a_mapping_takes_records_from_upstream_too(
    connected: Simulator, create_many: CreateMany, perform: Perform
) -> None:
    perform(create_many(users=list(RECORDS), mapping=MAPPING))
    found = [(p["email"], p["type"], p["first_name"]) for p in connected.people()]
    assert found == ANN_AND_BOB


@pytest.mark.parametrize(
    ("text", "name", "done", "rejects"),
    [
        ("email,type\na@x.com\nb@x.com,1,9\nc@x.com,1\n", "r.csv", ["c@x.com"], ["2", "3"]),
        ("email,type\n\n\na@x.com,1\n,,\n", "r.csv", ["a@x.com"], []),
        (f"email,type,first_name\na@x.com,1,{'x' * 99_000}\nb@x.com,1,B\n", "r.csv",
         ["b@x.com"], ["2"]),
        ('email,type,first_name\na@x.com,1,"=HYPERLINK(""x"")"\n', "r.csv", ["a@x.com"], []),
        ("email,type\na\0@x.com,1\nb@x.com,1\n", "r.csv", ["b@x.com"], ["2", "2"]),
        ('{"email": "a@x.com", "type": 1}\n{oops\n[1]\n"x"\n{"email": "b@x.com", "type": "2"}',
         "r.jsonl", ["a@x.com", "b@x.com"], ["2", "3", "4"]),
        ("email,type\n", "r.csv", [], []),
        ("", "r.jsonl", [], []),
    ],
)  # fmt: skip
def test_bad_rows_are_rejects_and_good_ones_go_on(
    text: str,
    name: str,
    done: list[str],
    rejects: list[str],
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    roster: WriteRoster,
    path: Path,
) -> None:
    result = perform(create_many(roster=roster(text, name), max_failures=1.0))
    assert emails(connected) == done
    assert {line.split(",")[1] for line in rejected(path)} == set(rejects)
    assert result["outcomes"].get("rejected", 0) == len(set(rejects))
    assert len(lines(path)) == sum(result["outcomes"].values())


@pytest.mark.parametrize(
    ("text", "mapping", "says"),
    [
        ("", None, "is empty"),
        ("\n", None, "is empty"),
        ("email,type\na@x.com,1,Jürgen\n".encode("latin-1"), None, "not UTF-8"),
        ("email,type\na@x.com,1\n".encode("utf-16-le"), None, "utf-16-le"),
        ('email,type\n"a@x.com,1\n', None, "not CSV"),
        ("Mail,Type\na@x.com,1\n", None, "no column 'email'.*did you mean 'Mail'"),
        ("email\na@x.com\n", None, "no column 'type'"),
        ("email,type,email\na@x.com,1,b@x.com\n", None, "2 columns 'email'"),
        (HR, MAPPING | {"email": "Mail"}, "no column 'Mail' in its header, for Zoom's email"),
        (HR.replace("First", "Given"), MAPPING, "no column 'First'"),
        (HR.replace("Department", "Dept"), MAPPING, "no column 'Department'.*mean 'Dept'"),
    ],
)
def test_a_file_without_a_possible_user_fails_before_any_call(
    text: str | bytes,
    mapping: Any,
    says: str,
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    roster: WriteRoster,
) -> None:
    where = roster(text)
    with pytest.raises(AirflowFailException, match=says) as raised:
        perform(create_many(roster=where, mapping=mapping, max_failures=1.0))
    assert where in str(raised.value)
    # Where the header is missing, the first row is a person.
    assert "a@x.com" not in str(raised.value)
    assert connected.requests() == []


RENDERED: list[tuple[dict[str, Any], str]] = [
    ({"users": None}, "users"),
    ({"users": [], "roster": "x.csv"}, "users"),
    ({"users": None, "roster": ""}, "roster"),
    ({"mapping": {"email": "email"}}, "mapping.type"),
    ({"mapping": {"email": "email", "type": 1, "nick": "first_name"}}, "mapping.nick"),
    ({"mapping": {"email": "email", "type": {"column": "type", "map": [1]}}}, "mapping.type"),
    ({"mapping": "email"}, "mapping"),
    ({"shard": "0/2"}, "shard"),
    ({"shard": 5}, "shard"),
    ({"shard": [0, 1, 2]}, "shard"),
    ({"shard": (2, 2)}, "shard"),
    ({"seats": {"licensed": -5}}, "seats.licensed"),
    ({"seats": "{{ {'licensed': 'five'} }}"}, "seats.licensed"),
    ({"seats": "licensed=5"}, "seats"),
    ({"dry_run": "{{ 'maybe' }}"}, "dry_run"),
    ({"deferrable": "{{ 'maybe' }}"}, "deferrable"),
    ({"max_creates": "{{ -1 }}"}, "max_creates"),
    ({"max_failures": "{{ 1.5 }}"}, "max_failures"),
    ({"if_exists": "{{ 'perhaps' }}"}, "if_exists"),
    ({"on_error": "{{ 'perhaps' }}"}, "on_error"),
    ({"encoding": "cp1252"}, "encoding"),
    ({"delimiter": ";"}, "delimiter"),
    ({"header_row": 2}, "header_row"),
    ({"sheet": "People"}, "sheet"),
    ({"users": None, "roster": "x.csv", "encoding": "{{ 'utf-9' }}"}, "encoding"),
    ({"users": None, "roster": "x.csv", "encoding": "base64"}, "encoding"),
    ({"users": None, "roster": "x.csv", "delimiter": "{{ ';;' }}"}, "delimiter"),
    ({"users": None, "roster": "x.csv", "delimiter": '"'}, "delimiter"),
    ({"users": None, "roster": "x.csv", "header_row": "{{ 0 }}"}, "header_row"),
    ({"users": None, "roster": "x.csv", "header_row": "{{ 'two' }}"}, "header_row"),
]


@pytest.mark.parametrize(("options", "field"), RENDERED)
def test_a_rendered_invalid_parameter_is_refused_by_name_before_any_call(
    options: dict[str, Any],
    field: str,
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
) -> None:
    task = create_many(**{"users": people(3), **options})
    with pytest.raises(AirflowFailException) as raised:
        perform(task)
    cause = raised.value.__cause__
    assert isinstance(cause, ZoomValidationError)
    assert list(cause.errors) == [field]
    assert field.rpartition(".")[2] in str(raised.value)
    assert connected.requests() == []
    assert not path.exists()


WRONG: dict[str, list[Any]] = {
    "max_failures": [-1, 1.5, -0.5, True, "x", float("nan"), []],
    "max_creates": [-1, "x", True, 2.5, []],
    "if_exists": ["perhaps", "", 5],
    "on_error": ["perhaps", "", 5],
    "dry_run": ["perhaps", "", 5, 0],
    "deferrable": ["perhaps", "", 5],
    "key": [5, ["No"]],
    "roster": [5, ["x.csv"]],
    "report": [5, True],
    "mapping": [5, ["email"]],
    "seats": [5, []],
    "encoding": [5, ["utf-8"]],
    "delimiter": [5],
    "header_row": [0, -1, 1.5, "two", "0", True, []],
    "sheet": [5, ["People"]],
    "empty_values": ["nan", 5, [None], {"nan": 1}],
}
WRITTEN = [(name, value) for name, values in WRONG.items() for value in values]


@pytest.mark.parametrize(("name", "value"), WRITTEN)
def test_an_invalid_parameter_is_refused_at_parse_time(
    name: str, value: Any, create_many: CreateMany
) -> None:
    given = {"users": [], name: value} if name != "roster" else {"roster": value}
    with pytest.raises(ZoomValidationError) as raised:
        create_many(**given)
    assert list(raised.value.errors) == [name]
    assert name in str(raised.value)


@pytest.mark.parametrize(
    "options",
    [
        {"max_failures": "{{ params.few }}"},
        {"max_failures": "1"},
        {"max_failures": "0.4"},
        {"max_creates": "{{ params.many }}"},
        {"max_creates": "None"},
        {"if_exists": "{{ params.word }}"},
        {"on_error": "{{ params.on_error }}"},
        {"dry_run": "{{ params.no }}"},
        {"dry_run": "False"},
        {"deferrable": "{{ params.no }}"},
        {"shard": "{{ params.part }}"},
        {"shard": "(0, 1)"},
        {"seats": "{{ params.seats }}"},
        {"seats": "{{ params.seats | tojson }}"},
        {"seats": "{{ params.nothing }}"},
    ],
)
def test_parameters_may_be_templates_and_the_texts_that_these_render(
    options: dict[str, Any], connected: Simulator, create_many: CreateMany, perform: Perform
) -> None:
    params = {
        "few": 1,
        "many": 3,
        "word": "skip",
        "on_error": "continue",
        "no": False,
        "part": [0, 1],
        "seats": {"basic": 9},
        "nothing": None,
    }
    given = {"max_failures": 1, **options}
    task = create_many(users=[*people(2), person(3, type=9)], **given)
    assert perform(task, params=params)["outcomes"] == {"invited": 2, "rejected": 1}
    assert emails(connected) == ["p1@example.com", "p2@example.com"]


@pytest.mark.parametrize("kind", [tuple, list])
def test_shards_share_the_people_and_keep_a_repeated_address_together(
    kind: Callable[[Any], Any],
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    ti: TaskInstance,
) -> None:
    crowd = [*people(30), *people(30), {"email": "P3@Example.com", "type": 2}, {"type": 1}]
    total: Counter[str] = Counter()
    for part in range(3):
        ti.map_index = part
        task = create_many(users=crowd, shard=kind((part, 3)), max_failures=1)
        total.update(perform(task)["outcomes"])
    assert total == {"invited": 30, "rejected": 1}
    assert len(connected.requests(POST)) == 30
    assert len(emails(connected)) == 30


@pytest.mark.parametrize(("most", "red"), [(0, True), (2, True), (3, False), (4, False)])
def test_max_creates_counts_people_and_stops_before_the_first_call(
    most: int, red: bool, connected: Simulator, create_many: CreateMany, perform: Perform
) -> None:
    crowd = [*people(3), person(1), {"email": "no address"}]
    task = create_many(users=crowd, max_creates=most, max_failures=1)
    if red:
        with pytest.raises(AirflowFailException, match="3 people are more than max_creates"):
            perform(task)
        assert connected.requests() == []
    else:
        assert perform(task)["outcomes"] == {"invited": 3, "rejected": 1}


def test_a_dry_run_writes_nothing_and_counts_the_seats(
    connected: Simulator, create_many: CreateMany, perform: Perform, path: Path
) -> None:
    connected.seed("p1@example.com", {"email": "p2@example.com", "status": "pending"})
    before = connected.people()
    task = create_many(users=people(6), dry_run=True, seats={"basic": 4}, max_failures=2)
    assert perform(task)["outcomes"] == {"existing": 2, "invited": 2, "needs_license": 2}
    assert connected.people() == before
    assert {method for method, _ in calls(connected)} == {"GET"}
    assert all("dry run" in line["reason"] for line in lines(path)[:4])


def test_people_beyond_the_seats_are_basic_or_need_a_licence(
    connected: Simulator, create_many: CreateMany, perform: Perform, path: Path
) -> None:
    connected.seed({"email": "old@example.com", "type": 2, "status": "pending"})
    crowd = [person(number, type=2) for number in range(1, 6)]
    seats = {"licensed": 3, "basic": 1, "else_basic": True}
    result = perform(create_many(users=crowd, seats=seats, max_failures=2))
    assert result["outcomes"] == {"invited": 3, "needs_license": 2}
    assert [found["type"] for found in connected.people()[1:]] == [2, 2, 1]
    assert lines(path)[2]["reason"] == "created as basic, no licensed seat is free"
    assert len(connected.requests(POST)) == 3


@pytest.mark.parametrize("report", ["/proc/missing/r.jsonl", "nowhere://x/r.jsonl"])
def test_without_a_place_for_the_report_no_user_is_created(
    report: str, connected: Simulator, create_many: CreateMany, perform: Perform
) -> None:
    with pytest.raises((OSError, ValueError)):
        perform(create_many(users=people(3), report=report))
    assert connected.requests() == []


@pytest.mark.usefixtures("at_once")
def test_the_result_is_small_and_its_counts_are_the_reports_lines(
    connected: Simulator, create_many: CreateMany, perform: Perform, path: Path, ti: TaskInstance
) -> None:
    connected.configure(foreign_accounts={f"p{n}@example.com": "paid" for n in range(1, 300, 3)})
    result = perform(create_many(users=people(300), max_failures=1.0))
    assert result["outcomes"] == Counter(line["outcome"] for line in lines(path))
    assert result["outcomes"] == {"foreign_account": 100, "invited": 200}
    assert len(ti.pushed["attention"]) == 20
    assert len(json.dumps([result, ti.pushed])) < 8_000
