"""Many users in one task: the report, the counts, what fails the task and what waits."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, TaskDeferred
from airflow.providers.standard.triggers.temporal import DateTimeTrigger

from tests.support import DAY, emails, person
from tests.unit.operators.conftest import CreateMany, Perform, TaskInstance, lines
from zoom_provider.exceptions import (
    ZoomAuthError,
    ZoomDailyLimitError,
    ZoomUnavailableError,
    ZoomValidationError,
)
from zoom_provider.provisioning.report_files import hash_run
from zoom_provider.simulator.server import Simulator

SECRET = "Tr0ub4dor-and-3"


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def row_outcomes(path: Path) -> list[tuple[int, str]]:
    return [(line["row"], line["outcome"]) for line in lines(path)]


def test_each_row_is_reported_once_in_three_files(
    connected: Simulator, create_many: CreateMany, perform: Perform, path: Path, ti: TaskInstance
) -> None:
    connected.configure(foreign_accounts={"p4@example.com": "free"})
    connected.seed({"email": "p2@example.com", "id": "p2-id", "status": "inactive"})
    people = [
        person(1),
        person(2),
        person(3, type=9, mail="p3@example.com"),
        person(4),
        person(1, email="P1@Example.com"),
        person(6, email="=1+1"),
    ]
    task = create_many(people, max_failures=3)
    result = perform(task)
    outcomes = {"existing": 1, "foreign_account": 1, "invited": 1, "rejected": 2}
    assert result.pop("seconds") >= 0
    assert result == {
        "outcomes": outcomes,
        "report": str(path),
        "rejects": str(path.with_name("report.rejects.csv")),
        # Three lists, two creations, and a look-up of the refused user.
        "calls": 6,
        "rate_limited": 0,
    }
    found = {line["row"]: line for line in lines(path)}
    assert list(found) == [1, 2, 3, 4, 6]
    columns = ("source", "row", "key", "email", "outcome", "reason")
    failed = [{name: found[row][name] for name in columns} for row in (3, 4, 6)]
    assert ti.pushed == {"report": str(path), "outcomes": outcomes, "attention": failed}
    p1 = connected.person("p1@example.com")
    assert p1 is not None
    assert found[1] == {
        "run": hash_run("onboarding", "manual__2026-01-02", "create", -1, False),
        "source": "users",
        "row": 1,
        "key": "",
        "email": "p1@example.com",
        "outcome": "invited",
        "id": p1["id"],
        "reason": None,
        "code": None,
        "tracking_id": None,
    }
    assert (found[2]["outcome"], found[2]["id"]) == ("existing", "p2-id")
    assert "inactive" in found[2]["reason"]
    assert (found[4]["outcome"], found[4]["code"]) == ("foreign_account", 1005)
    (refusal,) = connected.requests("POST /v2/users")[1:]
    assert found[4]["tracking_id"] == refusal["tracking_id"]
    rows = table(path.with_suffix(".csv"))
    assert [row["row"] for row in rows] == ["1", "2", "3", "4", "6"]
    assert list(rows[0]) == list(found[1])[1:]
    assert rows[4]["email"] == "'=1+1"
    rejects = table(path.with_name("report.rejects.csv"))
    assert [(row["row"], row["field"]) for row in rejects] == [
        ("3", "user_info.type"),
        ("3", "user_info.mail"),
        ("5", "user_info.email"),
        ("6", "user_info.email"),
    ]
    assert rejects[2]["reason"] == "duplicate of row 1"
    assert rejects[3]["email"] == "'=1+1"


class Lazy(Sequence[Any]):
    """A sequence that is no list, as Airflow makes of the output of mapped tasks."""

    def __init__(self, items: list[Any]) -> None:
        self._items = items

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: Any) -> Any:
        return self._items[index]


@pytest.mark.parametrize(
    "users",
    [
        [person(1), person(2)],
        (person(1), person(2)),
        json.dumps([person(1), person(2)]),
        repr([person(1), person(2)]),
        [json.dumps(person(1)), repr(person(2))],
        json.dumps([json.dumps(person(1)), json.dumps(person(2))]),
        "{{ params.people }}",
        "{{ params.people | tojson }}",
        lambda context, jinja_env: Lazy([person(1), json.dumps(person(2))]),
    ],
    ids=["list", "tuple", "json", "literal", "texts", "json of texts", "params", "tojson", "lazy"],
)
def test_users_are_taken_in_every_form(
    users: Any, connected: Simulator, create_many: CreateMany, perform: Perform
) -> None:
    params = {"people": [person(1), person(2)]}
    assert perform(create_many(users), params=params)["outcomes"] == {"invited": 2}
    assert emails(connected) == ["p1@example.com", "p2@example.com"]


def test_data_is_not_rendered_and_what_the_author_writes_is(
    connected: Simulator, create_many: CreateMany, perform: Perform
) -> None:
    jinja = "{{ 1+1 }}"
    perform(create_many("{{ params.people }}"), params={"people": [person(1, last_name=jinja)]})
    perform(create_many([person(2, last_name=jinja)]))
    assert [found["last_name"] for found in connected.people()] == [jinja, "2"]


@pytest.mark.parametrize("users", [[], "[]"])
def test_an_empty_list_is_green(
    users: Any, connected: Simulator, create_many: CreateMany, perform: Perform, path: Path
) -> None:
    assert perform(create_many(users))["outcomes"] == {}
    assert path.read_text() == ""
    assert connected.requests() == []


@pytest.mark.parametrize("users", ["{", "7", json.dumps(person(1)), person(1), 5])
def test_users_that_are_no_list_fail_before_any_call(
    users: Any, connected: Simulator, create_many: CreateMany, perform: Perform
) -> None:
    with pytest.raises(AirflowFailException, match="users") as raised:
        perform(create_many(users))
    assert isinstance(raised.value.__cause__, ZoomValidationError)
    assert connected.requests() == []


@pytest.mark.parametrize(
    ("max_failures", "failed", "red"),
    [
        (None, 0, False),
        (None, 1, True),
        (3, 3, False),
        (3, 4, True),
        ("0.5", 5, False),
        (0.5, 6, True),
        (1.0, 10, False),
    ],
)
def test_max_failures_decides_whether_the_task_is_green(
    max_failures: float | str | None,
    failed: int,
    red: bool,
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    ti: TaskInstance,
    path: Path,
) -> None:
    people = [person(number, type=1 if number > failed else 9) for number in range(1, 11)]
    task = create_many(people, max_failures=max_failures)
    if red:
        with pytest.raises(AirflowFailException, match=f"{failed} of 10") as raised:
            perform(task)
        assert str(path) in str(raised.value)
    else:
        perform(task)
    assert len(emails(connected)) == 10 - failed
    expected = {"invited": 10 - failed, "rejected": failed}
    outcomes = {outcome: count for outcome, count in expected.items() if count}
    assert (ti.pushed["report"], ti.pushed["outcomes"]) == (str(path), outcomes)


def test_an_unknown_action_is_refused_before_any_call(
    connected: Simulator, create_many: CreateMany, perform: Perform
) -> None:
    with pytest.raises(AirflowFailException, match="action"):
        perform(create_many([person(1)], action="perhaps"))
    assert connected.requests() == []


def test_on_error_stop_tries_no_row_after_the_first_failure(
    connected: Simulator, create_many: CreateMany, perform: Perform, path: Path
) -> None:
    connected.configure(foreign_accounts={"p2@example.com": "paid"})
    people = [person(1), person(2), person(3), person(4, type=9), person(3)]
    with pytest.raises(AirflowFailException):
        perform(create_many(people, on_error="stop"))
    assert emails(connected) == ["p1@example.com"]
    assert row_outcomes(path) == [
        (1, "invited"),
        (2, "foreign_account"),
        (3, "failed"),
        (4, "rejected"),
    ]
    assert "not tried: row 2" in lines(path)[2]["reason"]
    assert [row["row"] for row in table(path.with_name("report.rejects.csv"))] == ["4", "5"]


@pytest.mark.parametrize("max_failures", [1.0, 3])
def test_on_error_stop_fails_the_task_whatever_is_allowed_while_rows_are_not_tried(
    max_failures: float, connected: Simulator, create_many: CreateMany, perform: Perform
) -> None:
    connected.configure(foreign_accounts={"p1@example.com": "paid"})
    people = [person(number) for number in range(1, 4)]
    with pytest.raises(AirflowFailException, match="2 of 3 people were not tried"):
        perform(create_many(people, on_error="stop", max_failures=max_failures))
    assert emails(connected) == []


def test_an_error_of_the_account_stops_the_run_and_fails_the_task_whatever_is_allowed(
    connected: Simulator, create_many: CreateMany, perform: Perform, path: Path, ti: TaskInstance
) -> None:
    connected.fault("error", code=4711, on="POST /v2/users", skip=1)
    with pytest.raises(AirflowFailException, match="scope"):
        perform(create_many([person(n) for n in range(1, 5)], max_failures=100))
    assert row_outcomes(path) == [(1, "invited"), (2, "needs_human"), (3, "failed"), (4, "failed")]
    assert lines(path)[3]["reason"].startswith("not tried: ")
    assert ti.pushed["outcomes"] == {"invited": 1, "needs_human": 1, "failed": 2}
    assert len(connected.requests("POST /v2/users")) == 2


@pytest.mark.parametrize(("refused", "failed"), [([7], 1), ([3, 11, 19, 27, 35], 5)])
def test_an_address_outside_the_managed_domains_stops_no_other_row(
    refused: list[int],
    failed: int,
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
) -> None:
    connected.configure(managed_domains=["example.com"])
    crowd = [
        person(n, email=f"p{n}@{'elsewhere.org' if n in refused else 'example.com'}")
        for n in range(1, 41)
    ]
    result = perform(create_many(crowd, action="autoCreate", max_failures=0.5))
    assert result["outcomes"] == {"created": 40 - failed, "needs_human": failed}
    assert [row for row, outcome in row_outcomes(path) if outcome == "needs_human"] == refused
    assert len(emails(connected)) == 40 - failed


@pytest.mark.parametrize(
    ("sso", "text"), [("off", "single sign-on"), ("no_preprovision", "Prior to Sign-In")]
)
def test_without_the_accounts_sso_no_other_row_is_tried(
    connected: Simulator, create_many: CreateMany, perform: Perform, path: Path, sso: str, text: str
) -> None:
    connected.configure(sso=sso)
    people = [person(n) for n in range(1, 5)]
    with pytest.raises(AirflowFailException, match=text):
        perform(create_many(people, action="ssoCreate", max_failures=100))
    assert len(connected.requests("POST /v2/users")) == 1
    reasons = [line["reason"].partition(":")[0] for line in lines(path)]
    assert reasons[1:] == ["not tried"] * 3

    connected.configure(sso="on")
    assert perform(create_many(people, action="ssoCreate"))["outcomes"] == {"created": 4}


@pytest.mark.parametrize("people", [2, 8])
def test_a_failure_before_the_first_row_is_reported_too(
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    ti: TaskInstance,
    people: int,
) -> None:
    connected.configure(app_active=False)
    with pytest.raises(AirflowFailException, match="app"):
        perform(create_many([person(n) for n in range(1, people + 1)]))
    assert row_outcomes(path) == [(n, "failed") for n in range(1, people + 1)]
    assert (ti.pushed["report"], ti.pushed["outcomes"]) == (str(path), {"failed": people})
    assert len(ti.pushed["attention"]) == people


def test_with_a_retry_policy_the_error_is_raised_as_it_is(
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connected.configure(app_active=False)
    task = create_many([person(1)])
    monkeypatch.setattr(task, "retry_policy", object(), raising=False)
    with pytest.raises(ZoomAuthError):
        perform(task)


def test_the_daily_limit_without_deferring_fails_with_the_reset(
    connected: Simulator, create_many: CreateMany, perform: Perform, path: Path, ti: TaskInstance
) -> None:
    connected.configure(limits_enforced=True, create_cap=2)
    with pytest.raises(AirflowFailException, match=r"renewed at \d{4}-.*T00:00:00") as raised:
        perform(create_many([person(n) for n in range(1, 5)], deferrable=False))
    assert isinstance(raised.value.__cause__, ZoomDailyLimitError)
    assert ti.pushed["outcomes"] == {"invited": 2, "deferred_quota": 2}
    assert row_outcomes(path)[2:] == [(3, "deferred_quota"), (4, "deferred_quota")]


def test_the_daily_limit_is_waited_for_and_owed_rows_follow(
    connected: Simulator, create_many: CreateMany, perform: Perform, path: Path, ti: TaskInstance
) -> None:
    connected.configure(limits_enforced=True, create_cap=2, sso="on")
    people = [person(1), person(2), person(1), person(4), person(5, type=9), person(6), person(2)]
    people += [person(8)]
    resume: dict[str, Any] | None = None
    resets = []
    for _ in range(2):
        with pytest.raises(TaskDeferred) as deferred:
            perform(create_many(people, deferrable=True), resume=resume)
        trigger = deferred.value.trigger
        assert isinstance(trigger, DateTimeTrigger)
        resets.append(trigger.serialize()[1]["moment"])
        assert deferred.value.method_name == "execute_complete"
        resume = json.loads(json.dumps(deferred.value.kwargs))
        stored = repr((resume, trigger.serialize()))
        for private in ("example.com", "P1", connected.settings.client_secret, "eyJ"):
            assert private not in stored
        assert not ti.pushed
        connected.advance_clock(DAY)
    assert datetime.now(UTC) < resets[0] < resets[1]
    result = perform(create_many(people, deferrable=True, max_failures=1), resume=resume)
    assert result["outcomes"] == {"invited": 5, "rejected": 1}
    assert (ti.pushed["report"], ti.pushed["outcomes"]) == (str(path), result["outcomes"])
    assert sorted(emails(connected)) == [f"p{n}@example.com" for n in (1, 2, 4, 6, 8)]
    made = [entry for entry in connected.requests("POST /v2/users") if entry["status"] == 201]
    assert len(made) == 5
    assert result["calls"] == len(connected.requests("* /v2/*"))
    assert result["rate_limited"] == 2
    assert sorted(row_outcomes(path)) == [
        *[(1, "invited"), (2, "invited"), (4, "invited"), (5, "rejected")],
        *[(6, "invited"), (8, "invited")],
    ]
    assert sorted(row["row"] for row in table(path.with_suffix(".csv"))) == list("124568")
    rejects = table(path.with_name("report.rejects.csv"))
    assert sorted(row["row"] for row in rejects) == ["3", "5", "7"]


def test_an_outage_fails_the_task_with_every_row_reported(
    connected: Simulator, create_many: CreateMany, perform: Perform, path: Path, ti: TaskInstance
) -> None:
    connected.fault("cut_before", on="POST /v2/users", times=None)
    connected.fault("cut_before", on="GET /v2/users/*", times=None)
    with pytest.raises(ZoomUnavailableError):
        perform(create_many([person(n) for n in range(1, 41)]))
    assert ti.pushed["outcomes"] == {"failed": 40}
    assert sorted(row for row, _ in row_outcomes(path)) == list(range(1, 41))
