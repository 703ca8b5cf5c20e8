"""The roster or the parameters change between two tries: no one is passed over or doubled."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, TaskDeferred

from tests.support import DAY, emails, person
from tests.unit.operators.conftest import (
    BreakOff,
    CreateMany,
    Killed,
    Perform,
    StateStore,
    TimeIsUp,
    WriteRoster,
    lines,
    outcomes,
    people,
)
from zoom_provider.provisioning.directory import open_directory
from zoom_provider.simulator.server import Simulator

POST = "POST /v2/users"


def check_report(path: Path, result: dict[str, Any]) -> None:
    """Each person has one line, and the counts are those of the lines."""
    found = lines(path)
    assert result["outcomes"] == Counter(line["outcome"] for line in found)
    addresses = [line["email"].lower() for line in found]
    assert len(addresses) == len(set(addresses))
    rows = [line["row"] for line in found]
    assert len(rows) == len(set(rows))


@pytest.mark.parametrize("killed", [False, True], ids=["broken off", "killed"])
@pytest.mark.parametrize("lost", [False, True], ids=["", "disk lost"])
@pytest.mark.parametrize(
    "then",
    [
        {"users": list(reversed(people(10)))},
        {"users": [person(99), *people(10)]},
        {"action": "autoCreate"},
        {"shard": (0, 1)},
        {"if_exists": "update"},
        {"mapping": {"email": "email", "type": "type"}},
    ],
    ids=["reversed", "one more", "action", "shard", "if_exists", "mapping"],
)
def test_after_a_change_each_person_is_there_and_reported_once(
    then: dict[str, Any],
    lost: bool,
    killed: bool,
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    store: StateStore,
    break_off: BreakOff,
) -> None:
    break_off(6, killed=killed)
    with pytest.raises(Killed if killed else TimeIsUp):
        perform(create_many(users=people(10)), task_state_store=store)
    if lost:
        shutil.rmtree(path.parent)
    options = {"users": people(10), **then}
    if lost and "users" in then:
        # Which people of the changed roster are owed is unknown: the task says so, once.
        with pytest.raises(AirflowFailException, match="rows"):
            perform(create_many(**options), task_state_store=store)
    result = perform(create_many(**options), task_state_store=store)
    wanted = options["users"]
    check_report(path, result)
    assert {line["email"] for line in lines(path)} == {one["email"] for one in wanted}
    assert set(emails(connected)) == {one["email"] for one in wanted}
    assert len(connected.requests(POST)) == len(emails(connected))


def test_people_are_reported_as_invited_though_their_rows_moved(
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    store: StateStore,
    break_off: BreakOff,
) -> None:
    break_off(6, killed=True)
    with pytest.raises(Killed):
        perform(create_many(users=people(10)), task_state_store=store)
    crowd = [person(99), *reversed(people(10))]
    result = perform(create_many(users=crowd), task_state_store=store)
    assert result["outcomes"] == {"invited": 11}
    found = {line["row"]: line["email"] for line in lines(path)}
    assert found == {row: one["email"] for row, one in enumerate(crowd, start=1)}


def test_a_roster_that_is_reordered_while_the_task_waits_for_the_quota_reports_each_once(
    connected: Simulator, create_many: CreateMany, perform: Perform, path: Path
) -> None:
    connected.configure(limits_enforced=True, create_cap=3)
    with pytest.raises(TaskDeferred) as deferred:
        perform(create_many(users=people(6), deferrable=True))
    resume = json.loads(json.dumps(deferred.value.kwargs))
    connected.advance_clock(DAY)
    task = create_many(users=people(6)[::-1], deferrable=True)
    result = perform(task, resume=resume)
    # Users of the first day are reported once, with their first outcome.
    assert result["outcomes"] == {"invited": 6}
    assert outcomes(path) == [(row, "invited") for row in range(1, 7)]
    assert len(emails(connected)) == 6


@pytest.mark.parametrize("lost", [False, True], ids=["", "disk lost"])
@pytest.mark.parametrize("stored", [False, True], ids=["no store", "store"])
def test_a_roster_that_is_replaced_while_the_task_waits_turns_it_red_and_names_who_is_owed(
    stored: bool,
    lost: bool,
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    store: StateStore,
    roster: WriteRoster,
) -> None:
    more = {"task_state_store": store} if stored else {}
    connected.configure(limits_enforced=True, create_cap=3)
    text = "email,type,No\n" + "".join(f"p{n}@example.com,1,K{n}\n" for n in range(1, 7))
    options = {"roster": roster(text), "key": "No", "deferrable": True, "max_failures": 1.0}
    with pytest.raises(TaskDeferred) as deferred:
        perform(create_many(**options), **more)
    resume = json.loads(json.dumps(deferred.value.kwargs))
    connected.advance_clock(DAY)
    roster("email,type,No\nq1@example.com,1,L1\nq2@example.com,1,L2\n")
    if lost:
        shutil.rmtree(path.parent)

    with pytest.raises(AirflowFailException) as raised:
        perform(create_many(**options), resume=resume, **more)

    there = {f"p{n}@example.com" for n in (1, 2, 3)} | {"q1@example.com", "q2@example.com"}
    assert set(emails(connected)) == there
    if lost:
        # Rows of the CSV file: its header is row 1.
        assert "5-7" in str(raised.value)
        return
    assert str(raised.value).startswith("3 people were taken out of the roster")
    found = {line["email"]: line for line in lines(path)}
    assert set(found) == there | {f"p{n}@example.com" for n in (4, 5, 6)}
    assert Counter(line["outcome"] for line in found.values()) == {"invited": 5, "failed": 3}
    assert (found["p5@example.com"]["row"], found["p5@example.com"]["key"]) == (6, "K5")
    assert "no longer" in found["p5@example.com"]["reason"]


def test_people_who_left_the_roster_keep_the_task_red_until_it_is_marked_as_success(
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    store: StateStore,
    break_off: BreakOff,
) -> None:
    break_off(4, killed=True)
    with pytest.raises(Killed):
        perform(create_many(users=people(10)), task_state_store=store)
    crowd = people(8)
    for _ in range(2):
        with pytest.raises(AirflowFailException, match="2 people were taken out") as raised:
            perform(create_many(users=crowd), task_state_store=store)
        assert "mark this task as success" in str(raised.value)
        assert Counter(outcome for _, outcome in outcomes(path)) == {"invited": 8, "failed": 2}
    assert len(connected.requests(POST)) == 8
    # Put back into the roster, they are created.
    result = perform(create_many(users=people(10)), task_state_store=store)
    assert result["outcomes"] == {"invited": 10}
    assert store == {}


def test_departed_people_are_not_forgotten_by_a_try_that_is_killed_in_between(
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    store: StateStore,
    break_off: BreakOff,
) -> None:
    for count, after in ((12, 4), (10, 3), (10, 1)):
        break_off(after, killed=True)
        with pytest.raises(Killed):
            perform(create_many(users=people(count)), task_state_store=store)
    with pytest.raises(AirflowFailException, match="2 people were taken out"):
        perform(create_many(users=people(10)), task_state_store=store)
    assert sum(line["outcome"] == "failed" for line in lines(path)) == 2
    assert len(emails(connected)) == 10


def test_a_person_in_the_row_of_one_who_left_is_created_whatever_is_killed(
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    store: StateStore,
    break_off: BreakOff,
) -> None:
    """Row numbers of the first roster say nothing of who stands there in the second."""
    break_off(4, killed=True)
    with pytest.raises(Killed):
        perform(create_many(users=people(10)), task_state_store=store)
    # Those who are done have left, and others stand in their rows.
    crowd = [person(number) for number in range(5, 11)]
    break_off(0, killed=True)
    with pytest.raises(Killed):
        perform(create_many(users=crowd), task_state_store=store)
    result = perform(create_many(users=crowd), task_state_store=store)
    assert set(emails(connected)) == {one["email"] for one in people(10)}
    assert result["outcomes"] == {"invited": 10}
    assert {line["email"] for line in lines(path)} == set(emails(connected))


def test_a_person_whose_key_was_corrected_is_reported_once(
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    store: StateStore,
    break_off: BreakOff,
) -> None:
    def crowd(prefix: str) -> list[dict[str, Any]]:
        return [{**one, "No": f"{prefix}{n}"} for n, one in enumerate(people(8), start=1)]

    break_off(4, killed=True)
    with pytest.raises(Killed):
        perform(create_many(users=crowd("K"), key="No"), task_state_store=store)
    result = perform(create_many(users=crowd("L"), key="No"), task_state_store=store)
    check_report(path, result)
    assert result["outcomes"] == {"invited": 8}
    assert len(emails(connected)) == 8


def test_a_row_that_was_put_in_twice_between_two_tries_is_done_once(
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    store: StateStore,
    break_off: BreakOff,
) -> None:
    break_off(4, killed=True)
    with pytest.raises(Killed):
        perform(create_many(users=people(8)), task_state_store=store)
    crowd = [person(2, email="P2@Example.com"), *people(8), person(3)]
    result = perform(create_many(users=crowd), task_state_store=store)
    check_report(path, result)
    assert result["outcomes"] == {"invited": 8}
    assert len(connected.requests(POST)) == len(emails(connected)) == 8


@pytest.mark.parametrize("most", [3, 10])
def test_a_retry_may_not_create_more_than_max_creates_of_another_roster(
    most: int,
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    store: StateStore,
    break_off: BreakOff,
) -> None:
    break_off(2, killed=True)
    with pytest.raises(Killed):
        perform(create_many(users=people(3), max_creates=most), task_state_store=store)
    there = len(emails(connected))
    crowd = [*people(3), *(person(number) for number in range(50, 80))]
    with pytest.raises(AirflowFailException, match="max_creates"):
        perform(create_many(users=crowd, max_creates=most), task_state_store=store)
    assert len(emails(connected)) == there


@pytest.mark.parametrize("in_place", [False, True], ids=["renamed", "overwritten"])
def test_a_roster_that_is_replaced_while_the_account_is_listed_loses_no_one(
    in_place: bool,
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    store: StateStore,
    roster: WriteRoster,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connected.configure(limits_enforced=True, create_cap=3)
    old, new = (
        "email,type\n" + "".join(f"{letter}{n}@example.com,1\n" for n in range(1, 7))
        for letter in "pq"
    )
    file = roster(old)

    def list_slowly(*given: Any) -> Any:
        found = open_directory(*given)
        if in_place:
            roster(new)
        else:
            Path(roster(new, "new.csv")).replace(file)
        return found

    monkeypatch.setattr("zoom_provider.provisioning.job.open_directory", list_slowly)
    with pytest.raises(TaskDeferred) as deferred:
        perform(create_many(roster=file, deferrable=True), task_state_store=store)
    assert emails(connected) == ["p1@example.com", "p2@example.com", "p3@example.com"]
    resume = json.loads(json.dumps(deferred.value.kwargs))
    connected.configure(create_cap=100)
    connected.advance_clock(DAY)
    with pytest.raises(AirflowFailException, match="3 people were taken out of the roster"):
        perform(create_many(roster=file, deferrable=True), resume=resume, task_state_store=store)
    found = {line["email"]: line["outcome"] for line in lines(path)}
    assert found == {
        f"{letter}{n}@example.com": "failed" if letter == "p" and n > 3 else "invited"
        for letter in "pq"
        for n in range(1, 7)
    }
    assert len(emails(connected)) == 9


def test_a_roster_is_found_beside_the_report_of_the_try_that_kept_it(
    connected: Simulator, create_many: CreateMany, perform: Perform, path: Path, store: StateStore
) -> None:
    connected.configure(limits_enforced=True, create_cap=3)
    with pytest.raises(TaskDeferred) as deferred:
        perform(create_many(users=people(6), deferrable=True), task_state_store=store)
    resume = json.loads(json.dumps(deferred.value.kwargs))
    connected.configure(create_cap=100)
    connected.advance_clock(DAY)
    # As where a template names each try's report by its number.
    other = path.with_name("try 2.jsonl")
    task = create_many(users=people(7)[1:], report=str(other))
    result = perform(task, resume=resume, task_state_store=store)
    assert result["outcomes"] == {"invited": 7}
    assert {line["email"] for line in lines(other)} == {one["email"] for one in people(7)}
    assert not list(path.parent.glob("*.roster.jsonl"))
