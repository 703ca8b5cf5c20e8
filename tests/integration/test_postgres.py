"""People from an HR table in a real PostgreSQL; backfill and page have files of their own."""

from __future__ import annotations

import csv
import json
import re
import sys
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from devstack import postgres
from tests.integration.hr_table import (
    BACK,
    BASIC,
    BERLIN,
    DAG_FILE,
    DAG_ID,
    IN_ZOOM,
    LEFT,
    PAGE,
    REJECTED,
    SOURCE,
    made,
    read_report,
    seed,
)
from tests.integration.leaks.names import texts_in_database
from tests.readme import block
from tests.support import run_dag, told_asset
from zoom_provider.simulator.server import Simulator


def read_rejects(path: str) -> list[dict[str, str]]:
    with open(path.removesuffix(".jsonl") + ".rejects.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def hr(
    airflow_db: Path, hr_server: postgres.Server, connected: Simulator, monkeypatch: Any
) -> postgres.Server:
    """Give the table as the seed has it, and a local Zoom that Airflow is connected to."""
    fields = hr_server.connection("hr") | {"login": "reader"}
    monkeypatch.setenv("AIRFLOW_CONN_HR_POSTGRES", json.dumps(fields))
    seed(hr_server)
    # As the page says: it may read the table, and nothing else.
    hr_server.run_sql("hr", block("grant", PAGE).replace("TO airflow", "TO reader"))
    return hr_server


def run(
    until: datetime | None = None,
    conf: dict[str, str] | None = None,
    file: Path = DAG_FILE,
    report: str | None = None,
) -> Any:
    """Run the example for the day that ends at a moment, or without an interval."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(file)
    assert bag.import_errors == {}
    create_users: Any = bag.dags[DAG_ID].get_task("create_users")
    create_users.report = report
    return run_dag(bag.dags[DAG_ID], logical_date=until, run_conf=conf)


def morning(*day: int) -> datetime:
    """Give the moment at which the run of a day starts, and its interval ends."""
    return datetime(*day, 5, tzinfo=BERLIN)  # type: ignore[misc, arg-type]


def outcomes_of(done: Any) -> dict[str, str]:
    """Give the outcome of each employee number whose first day is known."""
    path = done.get_task_instance("create_users").xcom_pull(task_ids="create_users", key="report")
    dated = [person for person in read_report(path) if not undated(person)]
    return {person["key"]: person["outcome"] for person in dated}


def undated(person: dict[str, Any]) -> bool:
    """Say whether a row is rejected because it has no first day."""
    return "hire_date" in (person["reason"] or "")


def enter(server: postgres.Server, number: str, first_day: str, at: str, **more: str) -> None:
    """Enter a row into the table at a moment."""
    row = {
        "employee_number": number,
        "work_email": f"e{number}@example.com",
        "department": "Sales",
        "employment_type": "employee",
        "hire_date": first_day,
        "recorded_at": at,
        "updated_at": at,
        **more,
    }
    values = ", ".join(f"'{value}'" for value in row.values())
    server.run_sql("hr", f"INSERT INTO hr.employees ({', '.join(row)}) VALUES ({values})")  # noqa: S608


def test_who_is_entered_late_comes_with_the_next_run(
    hr: postgres.Server, connected: Simulator
) -> None:
    # The run of 26 October: its night has 25 hours, and its interval starts at 3:00 UTC, ends at 4.
    # What was written in the hour before may not have been there to be read.
    enter(hr, "before", "2025-10-20", "2025-10-25 01:59:59.999999Z")
    enter(hr, "start", "2025-10-20", "2025-10-25 02:00:00Z")
    enter(hr, "last", "2025-10-26", "2025-10-26 03:59:59.999999Z")
    enter(hr, "after", "2025-10-26", "2025-10-26 04:00:00Z")
    enter(hr, "very", "2019-04-01", "2025-10-25 12:00Z")
    # Not entered but corrected: employees of longer standing are skipped.
    for number, first_day in (("month", "2025-09-27"), ("longer", "2025-09-26")):
        enter(hr, number, first_day, "2025-10-25 12:00Z", recorded_at="2025-09-01Z")
    # Does not start until the day after tomorrow.
    enter(hr, "early", "2025-10-28", "2025-10-25 12:00Z")
    enter(hr, "left", "2025-10-20", "2025-10-25 12:00Z", termination_date="2025-10-24")

    done = run(morning(2025, 10, 26))

    assert done.state == "success"
    taken = {"1041", "start", "last", "very", "month"}
    assert outcomes_of(done) == dict.fromkeys(taken, "invited")
    assert made(connected) == {
        **dict.fromkeys([f"e{number}@example.com" for number in taken - {"1041"}], 1),
        "ana.popescu@example.com": 1,
    }


def test_what_was_being_written_while_a_run_asked_comes_with_the_next(
    hr: postgres.Server, connected: Simulator
) -> None:
    run(morning(2025, 10, 20))
    # A row bears the time at which HR's import began, at 4:55 in Berlin; it ended after 5:00.
    began = "2025-10-20 02:55Z"
    enter(hr, "entered", "2025-08-01", began)
    enter(hr, "corrected", "2025-10-10", began, recorded_at="2025-09-01Z")

    run(morning(2025, 10, 21))

    there = {person["email"] for person in connected.people()}
    assert there >= {"eentered@example.com", "ecorrected@example.com"}


def test_an_empty_preferred_name_is_none(hr: postgres.Server, connected: Simulator) -> None:
    for number, preferred in (("1", ""), ("2", "  "), ("3", "Kim")):
        enter(hr, number, "2027-03-01", "2027-01-01Z", first_name="Jo", preferred_name=preferred)

    run(conf={"from": "2027-03-01"})

    names = {person["email"]: person["first_name"] for person in connected.people()}
    assert names == {"e1@example.com": "Jo", "e2@example.com": "Jo", "e3@example.com": "Kim"}


def test_who_has_left_does_not_come_and_who_comes_back_does(
    hr: postgres.Server, connected: Simulator
) -> None:
    today = datetime.now(BERLIN).date()
    ends = {
        "last": today,
        "contract": today + timedelta(days=2),
        "back": date(2025, 10, 31),
        "never": date(2025, 11, 1),
    }
    for number, end in ends.items():
        enter(hr, number, "2025-11-01", "2025-01-01Z", termination_date=end.isoformat())

    done = run(conf={"from": "2025-11-01"})

    assert outcomes_of(done) == {"contract": "invited", "back": "invited"}
    assert told_asset(done) == [{"invited": 2, "rejected": 2}]
    assert set(made(connected)) == {"econtract@example.com", "eback@example.com"}


def test_of_two_rows_of_a_person_the_newer_counts(
    hr: postgres.Server, connected: Simulator
) -> None:
    for department, at in (("Sales", "2027-01-02Z"), ("Support", "2027-01-03Z")):
        enter(hr, "1", "2027-03-01", at, department=department)
    enter(hr, "1", "2027-03-01", "2027-01-01Z", work_email=" E1@Example.COM ")

    run(conf={"from": "2027-03-01"})

    assert [(p["email"], p["type"]) for p in connected.people()] == [("e1@example.com", BASIC)]


def test_a_crowd_is_stopped_before_anybody_is_created(
    hr: postgres.Server, connected: Simulator, capsys: pytest.CaptureFixture[str]
) -> None:
    hr.run_sql(
        "hr",
        "INSERT INTO hr.employees (employee_number, work_email, department, employment_type,"
        " hire_date) SELECT n, 'e' || n || '@example.com', 'Sales', 'employee', '2027-03-01'"
        " FROM generate_series(1, 501) n",
    )

    assert str(run(conf={"from": "2027-03-01"}).state) == "failed"

    assert "501 people are more than max_creates=500 allows" in capsys.readouterr().out
    assert connected.people() == []


def test_the_report_may_lie_where_a_url_leads(
    hr: postgres.Server, connected: Simulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    enter(hr, "good", "2027-03-01", "2027-01-01Z")
    enter(hr, "bad", "2027-03-01", "2027-01-01Z", department="Nowhere")

    done = run(conf={"from": "2027-03-01"}, report=f"file://{tmp_path}/{{{{ run_id }}}}.jsonl")

    assert str(done.state) == "success"
    assert (tmp_path / f"{done.run_id}.jsonl").exists()
    reported = {
        record.getMessage().split()[1]: record.levelname
        for record in caplog.records
        if record.getMessage().startswith(("invited ", "rejected "))
    }
    # The seed has two rows without a first day.
    late = dict.fromkeys(("1063", "1064"), "WARNING")
    assert reported == {"good": "INFO", "bad": "WARNING", **late}


def names_of(server: postgres.Server) -> set[str]:
    """Return the names in the table that are no part of an address."""
    rows = server.run_sql(
        "hr",
        "SELECT unnest(ARRAY[first_name, last_name, preferred_name]) FROM hr.employees",
    )
    found = {name for name in rows.splitlines() if len(name.strip()) > 1}
    assert len(found) > 60
    # Short ones are parts of other words.
    return {name for name in found if not name.isascii() or len(name) > 5}


def test_each_row_that_fails_is_traced(
    hr: postgres.Server,
    connected: Simulator,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    connected.seed(*IN_ZOOM)
    before = set(texts_in_database())

    done = run(conf={"from": "2025-10-14", "to": "2025-11-03"})

    assert str(done.state) == "success"
    found = outcomes_of(done)
    assert {key: found[key] for key in (*REJECTED, "1004")} == {
        **dict.fromkeys(REJECTED, "rejected"),
        "1004": "needs_human",
    }
    assert LEFT not in made(connected)
    path = done.get_task_instance("create_users").xcom_pull(task_ids="create_users", key="report")
    rejects = {row["key"]: row for row in read_rejects(path)}
    # Rows without a first day are failures, too, but not those who have left.
    late = [rejects.pop(row["key"]) for row in read_rejects(path) if row["field"] == "first_day"]
    assert [row["email"] for row in late] == ["sam.taylor@example.com", "yusuf.kaya@example.com"]
    assert {key: (row["email"], row["field"]) for key, row in rejects.items()} == REJECTED
    assert {row["source"] for row in rejects.values()} == {SOURCE}
    assert all(row["reason"] for row in rejects.values())
    [back] = [person for person in read_report(path) if person["key"] == "1004"]
    assert (back["source"], back["email"]) == (SOURCE, BACK)
    assert "inactive" in back["reason"]
    for row in rejects.values():
        reported = (SOURCE, row["key"], row["email"], row["field"], row["reason"])
        assert any(all(word in line for word in reported) for line in caplog.text.splitlines()), row
    # What is plain ASCII may be a part of an address.
    said = caplog.text + "".join(capfd.readouterr())
    assert not any(name in said for name in ("Zielińska", "买买提阿布都", "田中", "Tóth"))
    stored = [text for text in texts_in_database() if text not in before]  # by this run
    assert any("1043" in text for text in stored)
    for name in names_of(hr):
        assert [text for text in stored if name in text] == []


def test_a_morning_that_failed_is_made_up_for_when_it_is_run_again(
    hr: postgres.Server, connected: Simulator
) -> None:
    enter(hr, "1", "2027-03-02", "2027-01-01Z")
    secret = connected.settings.client_secret
    connected.configure(client_secret="another")
    failed = run(morning(2027, 3, 1))
    states = {ti.task_id: str(ti.state) for ti in failed.get_task_instances()}
    assert states == {"create_users": "failed", "report": "failed"}
    connected.configure(client_secret=secret)

    # As the page says, the next does not look back; and it creates no user.
    following = run(morning(2027, 3, 2))
    assert (str(following.state), outcomes_of(following)) == ("success", {})
    assert connected.people() == []

    run(morning(2027, 3, 1))
    assert made(connected) == {"e1@example.com": 1}


def test_too_many_failures_turn_the_run_red_after_the_report(
    hr: postgres.Server,
    connected: Simulator,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for number in range(11):
        enter(hr, f"bad{number}", "2027-03-01", "2027-01-01Z", department="Nowhere")
    enter(hr, "good", "2027-03-01", "2027-01-01Z")

    done = run(conf={"from": "2027-03-01"})

    assert str(done.state) == "failed"
    states = {ti.task_id: str(ti.state) for ti in done.get_task_instances()}
    assert states == {"create_users": "failed", "report": "failed"}
    assert made(connected) == {"egood@example.com": 1}
    assert re.search(r"\brejected +bad3\b", caplog.text)
    assert "create_users failed; its log says why" in capsys.readouterr().out


@pytest.mark.parametrize(("people", "state"), [(10, "success"), (11, "failed")])
def test_people_without_a_first_day_count_as_failures(
    hr: postgres.Server, connected: Simulator, people: int, state: str
) -> None:
    hr.run_sql("hr", "DELETE FROM hr.employees")
    for number in range(people - 1):
        enter(hr, f"late{number}", "infinity", "2027-01-01Z")
    enter(hr, "bad", "2027-03-01", "2027-01-01Z", department="Nowhere")
    enter(hr, "good", "2027-03-01", "2027-01-01Z")

    done = run(conf={"from": "2027-03-01"})

    assert str(done.state) == state
    assert made(connected) == {"egood@example.com": 1}
    task = done.get_task_instance("create_users")
    attention = task.xcom_pull(task_ids="create_users", key="attention")
    assert {line["key"]: (line["email"], line["outcome"]) for line in attention} == {
        **{f"late{n}": (f"elate{n}@example.com", "rejected") for n in range(people - 1)},
        "bad": ("ebad@example.com", "rejected"),
    }


def test_a_changed_name_and_department_are_written(
    hr: postgres.Server, connected: Simulator
) -> None:
    run(conf={"from": "2025-11-05"})
    connected.confirm("janis.berzins@example.com")
    hr.run_sql(
        "hr",
        "UPDATE hr.employees SET department = 'Support', last_name = 'Ozols',"
        " updated_at = '2025-11-20 12:00Z' WHERE employee_number = '1048'",
    )

    done = run(morning(2025, 11, 21))

    assert outcomes_of(done) == {"1048": "updated"}
    [person] = connected.people()
    assert (person["type"], person["last_name"]) == (BASIC, "Ozols")


@pytest.mark.parametrize(
    ("zone", "first_day"),
    [
        # At 5:00 there it is still the day before in UTC; after a night of 23 hours, too.
        ("Pacific/Auckland", "2025-10-08"),
        ("Pacific/Auckland", "2025-09-29"),
        # The eve there begins when in UTC it has been the same day for hours.
        ("America/Los_Angeles", "2025-11-03"),
        ("Asia/Kolkata", "2025-10-08"),
    ],
)
def test_tomorrow_is_hrs_tomorrow(
    hr: postgres.Server, connected: Simulator, tmp_path: Path, zone: str, first_day: str
) -> None:
    hr.run_sql("hr", "DELETE FROM hr.employees")
    day = date.fromisoformat(first_day)
    for number in range(-2, 3):
        other = (day + timedelta(days=number)).isoformat()
        enter(hr, f"{number}", other, "2025-01-01Z")
    code = DAG_FILE.read_text(encoding="utf-8")
    assert code.count('"Europe/Berlin"') == 1
    file = tmp_path / "elsewhere.py"
    file.write_text(code.replace("Europe/Berlin", zone), encoding="utf-8")
    eve = datetime.combine(day - timedelta(days=1), time(5), ZoneInfo(zone))

    done = run(eve, file=file)

    assert outcomes_of(done) == {"0": "invited"}


def test_without_interval_and_dates_tomorrow_is_meant(
    hr: postgres.Server, connected: Simulator
) -> None:
    before = datetime.now(BERLIN).date()
    for number in range(4):
        day = (before + timedelta(days=number)).isoformat()
        enter(hr, f"{number}", day, "2025-01-01Z")

    done = run()

    # A run over midnight may mean either day.
    days = {(day - before).days + 1 for day in (before, datetime.now(BERLIN).date())}
    assert outcomes_of(done) in [{str(number): "invited"} for number in days]


def test_dates_that_are_exchanged_are_refused(
    hr: postgres.Server, connected: Simulator, capsys: pytest.CaptureFixture[str]
) -> None:
    done = run(conf={"from": "2025-11-05", "to": "2025-11-04"})

    assert str(done.state) == "failed"
    assert "No day is both from 2025-11-05 on and up to 2025-11-04" in capsys.readouterr().out
    assert connected.requests() == []


def test_without_the_provider_it_says_so_in_one_line(
    airflow_db: Path,
    connected: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from airflow.dag_processing.dagbag import DagBag

    for name in [name for name in sys.modules if name.startswith("airflow.providers.postgres")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "airflow.providers.postgres", None)
    fields = {"conn_type": "postgres", "host": "127.0.0.1"}
    monkeypatch.setenv("AIRFLOW_CONN_HR_POSTGRES", json.dumps(fields))

    done = run()

    line = "Needs the PostgreSQL provider: pip install 'airflow-provider-zoom[examples]'"
    assert DagBag(DAG_FILE).dags[DAG_ID].description == line
    states = {ti.task_id: str(ti.state) for ti in done.get_task_instances()}
    assert states == {"create_users": "failed", "report": "failed"}
    assert "pip install apache-airflow-providers-postgres" in capsys.readouterr().out
    assert connected.requests() == []
