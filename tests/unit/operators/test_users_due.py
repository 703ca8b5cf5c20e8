"""Only users who are due are created; all others are accounted for, over every retry."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, TaskDeferred

from tests.support import calls, emails
from tests.unit.operators.conftest import (
    BreakOff,
    CreateMany,
    Killed,
    Perform,
    StateStore,
    TaskInstance,
    WriteRoster,
    lines,
)
from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.simulator.server import Simulator

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY_AT_5 = datetime(2026, 3, 2, 5, tzinfo=BERLIN)
RUN = {"data_interval_start": MONDAY_AT_5 - timedelta(days=1), "data_interval_end": MONDAY_AT_5}
FIRST_DAY: dict[str, Any] = {
    "column": "Hire Date",
    "lead_days": 1,
    "timezone": "Europe/Berlin",
}
TUESDAY = "2026-03-03"
MAPPING = {"email": "Email", "type": {"column": "Licence", "map": {"basic": 1}}, "first_name": "N"}

# name, first day, licence
STAFF = [
    ("early", "2019-05-01", "basic"),
    ("due", TUESDAY, "basic"),
    ("later", "2026-04-01", "basic"),
    ("us", "03/03/2026", "basic"),
    ("none", "", "basic"),
    ("also", f"{TUESDAY}T00:00:00", "basic"),
    ("bad", TUESDAY, "?"),
    ("badearly", "2019-05-01", "?"),
]
OUTCOMES = {
    **dict.fromkeys(("early", "later", "badearly"), "not_due"),
    **dict.fromkeys(("due", "also"), "invited"),
    **dict.fromkeys(("us", "none", "bad"), "rejected"),
}
Staff = list[tuple[str, str, str]]


def as_users(staff: Staff) -> list[dict[str, Any]]:
    return [
        {"Email": f"{name}@example.com", "N": name, "Hire Date": day, "Licence": licence}
        for name, day, licence in staff
    ]


def as_csv(staff: Staff) -> str:
    rows = [f"{name}@example.com,{name},{day},{licence}\n" for name, day, licence in staff]
    return "Email,N,Hire Date,Licence\n" + "".join(rows)


def by_name(path: Path) -> dict[str, str]:
    return {line["email"].partition("@")[0]: line["outcome"] for line in lines(path)}


Source = Callable[[Staff], dict[str, Any]]


@pytest.fixture(params=["users", "csv", "json lines"])
def source(request: pytest.FixtureRequest, roster: WriteRoster) -> Source:
    """Hand rows to the operator in one of its ways."""

    def make(staff: Staff) -> dict[str, Any]:
        if request.param == "users":
            return {"users": as_users(staff)}
        if request.param == "csv":
            return {"roster": roster(as_csv(staff))}
        return {"roster": roster("\n".join(map(json.dumps, as_users(staff))), "hr.jsonl")}

    return make


def test_those_who_are_due_are_created_and_all_others_are_in_the_report(
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    source: Source,
    path: Path,
    ti: TaskInstance,
) -> None:
    task = create_many(**source(STAFF), mapping=MAPPING, first_day=FIRST_DAY, max_failures=3)
    result = perform(task, **RUN)
    assert emails(connected) == ["due@example.com", "also@example.com"]
    assert by_name(path) == OUTCOMES
    assert result["outcomes"] == {"invited": 2, "not_due": 3, "rejected": 3}
    assert ti.pushed["outcomes"] == result["outcomes"]
    # Nothing is asked of Zoom about a person who is not due.
    assert {email for _, email in calls(connected)} == {"due@example.com", "also@example.com"}
    attention = {who["email"].partition("@")[0]: who["reason"] for who in ti.pushed["attention"]}
    assert attention.keys() == {"us", "none", "bad"}
    assert "Hire Date '03/03/2026'" in attention["us"]
    assert "give first_day a format" in attention["us"]
    assert "Hire Date is empty" in attention["none"]
    reasons = {line["email"].partition("@")[0]: line["reason"] for line in lines(path)}
    assert reasons["later"] == "first day 2026-04-01 is after 2026-03-03"
    with path.with_name("report.rejects.csv").open(encoding="utf-8") as file:
        rejects = [row["email"].partition("@")[0] for row in csv.DictReader(file)]
    assert rejects == ["us", "none", "bad"]


def test_unreadable_first_days_count_against_max_failures(
    connected: Simulator, create_many: CreateMany, perform: Perform, source: Source
) -> None:
    task = create_many(**source(STAFF), mapping=MAPPING, first_day=FIRST_DAY, max_failures=2)
    with pytest.raises(AirflowFailException, match="3 of 5 people failed"):
        perform(task, **RUN)
    assert emails(connected) == ["due@example.com", "also@example.com"]


def test_users_who_are_not_due_make_the_share_of_failures_no_smaller(
    connected: Simulator, create_many: CreateMany, perform: Perform
) -> None:
    staff = [("bad", TUESDAY, "?"), *((f"e{n}", "2019-05-01", "basic") for n in range(99))]
    task = create_many(as_users(staff), mapping=MAPPING, first_day=FIRST_DAY, max_failures=0.5)
    with pytest.raises(AirflowFailException, match="1 of 1 people failed"):
        perform(task, **RUN)


def test_a_run_in_which_nobody_is_due_is_green_and_makes_no_call(
    connected: Simulator, create_many: CreateMany, perform: Perform, path: Path
) -> None:
    task = create_many(as_users(STAFF[:1]), mapping=MAPPING, first_day=FIRST_DAY)
    assert perform(task, **RUN)["outcomes"] == {"not_due": 1}
    assert by_name(path) == {"early": "not_due"}
    assert calls(connected) == []


@pytest.mark.parametrize(
    "interval",
    [{}, {"data_interval_start": MONDAY_AT_5, "data_interval_end": MONDAY_AT_5},
     {"data_interval_start": None, "data_interval_end": None}],
)  # fmt: skip
def test_a_run_without_an_interval_fails_and_is_not_retried(
    interval: dict[str, Any],
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
) -> None:
    task = create_many(as_users(STAFF), mapping=MAPPING, first_day=FIRST_DAY, max_failures=9)
    with pytest.raises(AirflowFailException, match=r"CronDataIntervalTimetable.*'from'"):
        perform(task, **interval)
    assert connected.requests() == []
    assert not path.exists()


@pytest.mark.parametrize(
    ("first_day", "created"),
    [
        ({"from": "{{ params.since }}", "to": "{{ params.until }}"}, ["early", "due", "also"]),
        ({"from": "2026-04-01", "to": "{{ params.nothing }}"}, ["later"]),
        ({"to": "2019-12-31"}, ["early"]),
        ({"late": "create"}, ["early", "due", "also"]),
        ({"lead_days": "{{ 30 }}"}, ["later"]),
    ],
)
def test_first_day_may_hold_templates(
    first_day: dict[str, Any],
    created: list[str],
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
) -> None:
    params = {"since": "2019-05-01", "until": TUESDAY, "nothing": None}
    given = FIRST_DAY | first_day
    task = create_many(as_users(STAFF[:6]), mapping=MAPPING, first_day=given, max_failures=9)
    perform(task, params=params, **RUN)
    assert sorted(emails(connected)) == sorted(f"{name}@example.com" for name in created)


def test_first_day_may_be_one_template_that_renders_an_object(
    connected: Simulator, create_many: CreateMany, perform: Perform
) -> None:
    task = create_many(as_users(STAFF[:3]), mapping=MAPPING, first_day="{{ params.due | tojson }}")
    perform(task, params={"due": FIRST_DAY}, **RUN)
    assert emails(connected) == ["due@example.com"]


@pytest.mark.parametrize("most", [None, 2])
def test_late_without_max_creates_is_warned_of(
    most: int | None,
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    caplog: pytest.LogCaptureFixture,
) -> None:
    given = FIRST_DAY | {"late": "create"}
    task = create_many(as_users(STAFF[:3]), mapping=MAPPING, first_day=given, max_creates=most)
    perform(task, **RUN)
    warned = [r.message for r in caplog.records if r.levelno >= logging.WARNING]
    assert any("Set max_creates" in text for text in warned) == (most is None)


def test_max_creates_counts_only_those_who_are_due(
    connected: Simulator, create_many: CreateMany, perform: Perform
) -> None:
    options = {"mapping": MAPPING, "first_day": FIRST_DAY, "max_failures": 9}
    with pytest.raises(AirflowFailException, match="2 people are more than max_creates=1"):
        perform(create_many(as_users(STAFF), **options, max_creates=1), **RUN)
    assert emails(connected) == []
    perform(create_many(as_users(STAFF), **options, max_creates=2), **RUN)
    assert len(emails(connected)) == 2


def test_few_who_are_due_are_looked_up_in_however_large_an_export(
    connected: Simulator, create_many: CreateMany, perform: Perform
) -> None:
    staff = [*((f"e{n}", "2019-05-01", "basic") for n in range(400)), ("due", TUESDAY, "basic")]
    perform(create_many(as_users(staff), mapping=MAPPING, first_day=FIRST_DAY), **RUN)
    assert connected.requests("GET /v2/users") == []
    assert emails(connected) == ["due@example.com"]


def test_dates_of_a_database_are_first_days_and_need_no_mapping(
    connected: Simulator, create_many: CreateMany, perform: Perform
) -> None:
    users = [
        {"email": "due@example.com", "type": 1, "hired": date(2026, 3, 3)},
        {"email": "later@example.com", "type": 1, "hired": datetime(2026, 3, 4, 9)},
    ]
    perform(create_many(users, first_day=FIRST_DAY | {"column": "hired"}), **RUN)
    assert emails(connected) == ["due@example.com"]


def test_a_row_that_is_due_wins_over_an_earlier_one_of_the_same_person_that_is_not(
    connected: Simulator, create_many: CreateMany, perform: Perform, path: Path
) -> None:
    staff = [("ann", "2019-05-01", "basic"), ("ann", TUESDAY, "basic")]
    perform(create_many(as_users(staff), mapping=MAPPING, first_day=FIRST_DAY), **RUN)
    assert emails(connected) == ["ann@example.com"]
    assert [(line["row"], line["outcome"]) for line in lines(path)] == [
        (1, "not_due"),
        (2, "invited"),
    ]


def test_all_faults_of_a_row_are_named_at_once(
    connected: Simulator, create_many: CreateMany, perform: Perform, ti: TaskInstance
) -> None:
    task = create_many(
        as_users([("x", "03/03/2026", "?")]), mapping=MAPPING, first_day=FIRST_DAY, max_failures=9
    )
    perform(task, **RUN)
    [who] = ti.pushed["attention"]
    assert who["email"] == "x@example.com"
    assert "Hire Date" in who["reason"]
    assert "Licence" in who["reason"]


def test_a_file_without_the_column_is_refused(
    connected: Simulator, create_many: CreateMany, perform: Perform, roster: WriteRoster
) -> None:
    text = as_csv(STAFF).replace("Hire Date", "Start")
    task = create_many(roster=roster(text), mapping=MAPPING, first_day=FIRST_DAY)
    with pytest.raises(AirflowFailException, match=r"no column 'Hire Date'.*first_day"):
        perform(task, **RUN)
    assert connected.requests() == []


@pytest.mark.parametrize("first_day", [5, ["Hire Date"]])
def test_a_first_day_that_is_no_object_is_refused_while_the_dag_is_parsed(
    first_day: Any, create_many: CreateMany
) -> None:
    with pytest.raises(ZoomValidationError, match="first_day must be an object"):
        create_many([], first_day=first_day)


# ---- over retries


def test_a_retry_after_a_kill_reports_everyone_as_what_they_are(
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    source: Source,
    path: Path,
    store: StateStore,
    break_off: BreakOff,
) -> None:
    given = {**source(STAFF), "mapping": MAPPING, "first_day": FIRST_DAY, "max_failures": 9}
    context = {"task_state_store": store, **RUN}
    break_off(5, store, killed=True)
    with pytest.raises(Killed):
        perform(create_many(**given), **context)
    result = perform(create_many(**given), **context)
    assert by_name(path) == OUTCOMES
    assert result["outcomes"] == {"invited": 2, "not_due": 3, "rejected": 3}
    assert len(emails(connected)) == 2


def test_a_row_that_becomes_due_before_the_retry_is_created(
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    roster: WriteRoster,
    path: Path,
    store: StateStore,
    break_off: BreakOff,
) -> None:
    context = {"task_state_store": store, **RUN}
    staff = [("a", TUESDAY, "basic"), ("b", "2026-04-01", "basic"), ("c", TUESDAY, "basic")]
    given = {"roster": roster(as_csv(staff)), "mapping": MAPPING, "first_day": FIRST_DAY}
    break_off(2, store, killed=True)
    with pytest.raises(Killed):
        perform(create_many(**given), **context)
    # HR corrects two first days: who is done stays done, and who was not due is due.
    staff = [("a", "2026-04-01", "basic"), ("b", TUESDAY, "basic"), ("c", TUESDAY, "basic")]
    roster(as_csv(staff))
    result = perform(create_many(**given), **context)
    assert result["outcomes"] == {"invited": 3}
    assert by_name(path) == dict.fromkeys("abc", "invited")


def test_more_who_became_due_are_held_against_max_creates_at_the_retry(
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    roster: WriteRoster,
    store: StateStore,
    break_off: BreakOff,
) -> None:
    context = {"task_state_store": store, **RUN}
    staff = [("a", TUESDAY, "basic"), *((f"e{n}", "2019-05-01", "basic") for n in range(9))]
    options = {"mapping": MAPPING, "first_day": FIRST_DAY, "max_creates": 2}
    where = roster(as_csv(staff))
    break_off(1, store, killed=True)
    with pytest.raises(Killed):
        perform(create_many(roster=where, **options), **context)
    roster(as_csv([(name, TUESDAY, licence) for name, _, licence in staff]))
    with pytest.raises(AirflowFailException, match="more than max_creates=2"):
        perform(create_many(roster=where, **options), **context)
    assert emails(connected) == ["a@example.com"]


def test_who_was_not_due_may_leave_the_roster_and_is_not_missed(
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    roster: WriteRoster,
    path: Path,
    store: StateStore,
    break_off: BreakOff,
) -> None:
    context = {"task_state_store": store, **RUN}
    staff = [("a", TUESDAY, "basic"), ("b", TUESDAY, "basic"), ("late", "2026-04-01", "basic")]
    given = {"roster": roster(as_csv(staff)), "mapping": MAPPING, "first_day": FIRST_DAY}
    break_off(1, store, killed=True)
    with pytest.raises(Killed):
        perform(create_many(**given), **context)
    roster(as_csv(staff[:2]))
    assert perform(create_many(**given), **context)["outcomes"] == {"invited": 2}


def test_a_deferral_leaves_those_who_are_not_due_as_they_are(
    connected: Simulator, create_many: CreateMany, perform: Perform, path: Path
) -> None:
    connected.configure(limits_enforced=True, create_cap=1)
    given = {"mapping": MAPPING, "first_day": FIRST_DAY, "deferrable": True, "max_failures": 9}
    with pytest.raises(TaskDeferred) as deferred:
        perform(create_many(as_users(STAFF), **given), **RUN)
    connected.configure(limits_enforced=False)
    resume = deferred.value.kwargs
    result = perform(create_many(as_users(STAFF), **given), resume=resume, **RUN)
    assert result["outcomes"] == {"invited": 2, "not_due": 3, "rejected": 3}
    assert by_name(path) == OUTCOMES
