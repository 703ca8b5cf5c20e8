"""A try that was broken off or killed is resumed: each user is reported once, as they became."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from tests.support import connection, emails, person
from tests.unit.operators.conftest import (
    BreakOff,
    CreateMany,
    Killed,
    Perform,
    StateStore,
    TaskInstance,
    TimeIsUp,
    lines,
    outcomes,
    people,
    wait_for_threads,
)
from zoom_provider.exceptions import ZoomStoppedError
from zoom_provider.simulator.server import Simulator

POST = "POST /v2/users"
CROWD = [*people(40), person(7), {"email": "no address"}]


def lose(path: Path) -> None:
    shutil.rmtree(path.parent)


def tear(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def tear_within_a_letter(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20] + "ü".encode()[:1])


def fill_with_zeros(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0" * 4096)


def add_other_lines(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b'{"a": 1}\n[]\nx\n\xff\n{"run": "ba9876543210"}\n')


KEPT_REPORT: dict[str, Callable[[Path], None]] = {
    "as it was": lambda path: None,
    "lost with the disk": lose,
    "torn": tear,
    "torn within a letter": tear_within_a_letter,
    "filled with zeros": fill_with_zeros,
    "with lines of others": add_other_lines,
    "without its table": lambda path: path.with_suffix(".csv").unlink(),
}


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("killed", [False, True], ids=["broken off", "killed"])
@pytest.mark.parametrize("report", KEPT_REPORT)
def test_with_a_state_store_each_user_is_reported_once_as_invited(
    report: str,
    killed: bool,
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    store: StateStore,
    break_off: BreakOff,
) -> None:
    break_off(20, killed=killed)
    with pytest.raises(Killed if killed else TimeIsUp):
        perform(create_many(users=CROWD), task_state_store=store)
    wait_for_threads()
    assert store
    assert 20 <= len(emails(connected)) <= 40
    KEPT_REPORT[report](path)

    result = perform(create_many(users=CROWD, max_failures=1), task_state_store=store)

    assert result["outcomes"] == {"invited": 40, "rejected": 1}
    assert store == {}
    assert len(emails(connected)) == len(connected.requests(POST)) == 40
    assert [row for row, _ in outcomes(path)] == [*range(1, 41), 42]
    assert outcomes(path)[-1] == (42, "rejected")
    # Beside the report nothing is left that only a later try would need.
    assert sorted(file.name for file in path.parent.iterdir()) == [
        *("report.csv", "report.jsonl", "report.rejects.csv")
    ]


@pytest.mark.parametrize("made", [0, 1, 7, 19])
def test_without_a_state_store_a_file_beside_the_report_keeps_the_checkpoint(
    made: int,
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    break_off: BreakOff,
) -> None:
    break_off(made, killed=True)
    with pytest.raises(Killed):
        perform(create_many(users=people(20)))
    assert made <= len(emails(connected)) <= made + 2

    result = perform(create_many(users=people(20)))

    assert result["outcomes"] == {"invited": 20}
    assert len(connected.requests(POST)) == len(emails(connected)) == 20
    assert outcomes(path) == [(row, "invited") for row in range(1, 21)]
    assert len([file for file in path.parent.iterdir() if file.name.startswith("report")]) == 3


def test_without_a_state_store_and_without_the_disk_zoom_says_which_users_exist(
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    break_off: BreakOff,
) -> None:
    break_off(7, killed=True)
    with pytest.raises(Killed):
        perform(create_many(users=people(20)))
    there = len(emails(connected))
    lose(path)
    result = perform(create_many(users=people(20)))
    assert result["outcomes"] == {"existing": there, "invited": 20 - there}
    assert len(connected.requests(POST)) == len(emails(connected)) == 20
    assert [row for row, _ in outcomes(path)] == list(range(1, 21))


def test_users_who_existed_before_the_first_try_stay_existing(
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    store: StateStore,
    break_off: BreakOff,
) -> None:
    connected.seed(*(f"p{number}@example.com" for number in (2, 9, 15)))
    break_off(8, killed=True)
    with pytest.raises(Killed):
        perform(create_many(users=people(20)), task_state_store=store)
    result = perform(create_many(users=people(20)), task_state_store=store)
    assert result["outcomes"] == {"existing": 3, "invited": 17}
    assert [row for row, outcome in outcomes(path) if outcome == "existing"] == [2, 9, 15]


def test_users_who_existed_before_stay_existing_where_the_app_may_not_list(
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    store: StateStore,
    break_off: BreakOff,
) -> None:
    """Without that scope only a refused creation says who exists, after rows were noted."""
    scopes = [scope for scope in connected.settings.scopes if "list" not in scope]
    connected.configure(scopes=scopes)
    connected.seed(*(f"p{number}@example.com" for number in (2, 9, 15)))
    break_off(4, killed=True)
    with pytest.raises(Killed):
        perform(create_many(users=people(20)), task_state_store=store)
    result = perform(create_many(users=people(20)), task_state_store=store)
    assert [row for row, outcome in outcomes(path) if outcome == "existing"] == [2, 9, 15]
    assert result["outcomes"] == {"existing": 3, "invited": 17}


def test_three_tries_that_are_killed_report_each_user_once(
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    store: StateStore,
    break_off: BreakOff,
) -> None:
    for number in (5, 12, 18):
        break_off(number, killed=True)
        with pytest.raises(Killed):
            perform(create_many(users=people(60)), task_state_store=store)
    result = perform(create_many(users=people(60)), task_state_store=store)
    assert result["outcomes"] == {"invited": 60}
    assert outcomes(path) == [(row, "invited") for row in range(1, 61)]
    assert len(connected.requests(POST)) == 60


def test_a_row_that_is_invalid_in_a_later_try_keeps_the_line_of_what_was_done(
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    store: StateStore,
    break_off: BreakOff,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The connection's allowed domains were changed between the tries."""
    break_off(6, killed=True)
    with pytest.raises(Killed):
        perform(create_many(users=people(10)), task_state_store=store)
    made = len(emails(connected))
    limited = connection(connected, extra={"allowed_domains": "example.org"})
    monkeypatch.setenv("AIRFLOW_CONN_ZOOM_DEFAULT", limited)
    perform(create_many(users=people(10), max_failures=10), task_state_store=store)
    assert [row for row, _ in outcomes(path)] == list(range(1, 11))
    invited = [row for row, outcome in outcomes(path) if outcome == "invited"]
    assert invited[:6] == [1, 2, 3, 4, 5, 6]
    assert len(emails(connected)) == made


def test_a_dry_run_that_was_broken_off_is_not_taken_for_the_run(
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    store: StateStore,
    break_off: BreakOff,
) -> None:
    break_off(6)
    with pytest.raises(TimeIsUp):
        perform(create_many(users=people(10), dry_run=True), task_state_store=store)
    assert emails(connected) == []
    assert perform(create_many(users=people(10)), task_state_store=store)["outcomes"] == {
        "invited": 10
    }


def test_a_run_that_was_broken_off_is_not_taken_for_a_dry_run(
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    store: StateStore,
    break_off: BreakOff,
) -> None:
    break_off(6)
    with pytest.raises(TimeIsUp):
        perform(create_many(users=people(10)), task_state_store=store)
    there = len(emails(connected))
    result = perform(create_many(users=people(10), dry_run=True), task_state_store=store)
    assert result["outcomes"] == {"existing": there, "invited": 10 - there}
    assert len(emails(connected)) == there
    assert all("dry run" in line["reason"] for line in lines(path))


def test_clearing_a_green_task_reports_its_users_as_what_they_became(
    connected: Simulator, create_many: CreateMany, perform: Perform, path: Path, store: StateStore
) -> None:
    connected.seed("p3@example.com")
    for _ in range(2):
        result = perform(create_many(users=people(6)), task_state_store=store)
        assert result["outcomes"] == {"existing": 1, "invited": 5}
        assert outcomes(path)[2] == (3, "existing")
    assert len(connected.requests(POST)) == 5


@pytest.mark.parametrize("mapped", [0, 1])
def test_another_run_or_map_index_with_the_same_store_key_resumes_nothing(
    mapped: int,
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    store: StateStore,
    ti: TaskInstance,
    break_off: BreakOff,
) -> None:
    break_off(6, killed=True)
    with pytest.raises(Killed):
        perform(create_many(users=people(10)), task_state_store=store)
    there = len(emails(connected))
    if mapped:
        ti.map_index = 3
    else:
        ti.run_id = "manual__2026-01-03"
    result = perform(create_many(users=people(10)), task_state_store=store)
    assert result["outcomes"] == {"existing": there, "invited": 10 - there}
    assert len(connected.requests(POST)) == 10
    # The other run's report is kept beside it.
    (aside,) = [p for p in path.parent.glob("report.*.jsonl") if "roster" not in p.name]
    assert len(lines(aside)) >= 6


@pytest.mark.usefixtures("at_once")
def test_a_store_that_never_saves_ends_no_run(
    connected: Simulator, create_many: CreateMany, perform: Perform, path: Path
) -> None:
    class Away(StateStore):
        def set(self, key: str, value: Any) -> None:
            raise ConnectionError("the API server is away")

        def delete(self, key: str) -> None:
            raise ConnectionError("the API server is away")

    result = perform(create_many(users=people(40)), task_state_store=Away())
    assert result["outcomes"] == {"invited": 40}
    assert len(lines(path)) == 40


def test_a_disk_that_is_lost_twice_costs_no_user_what_they_became(
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    store: StateStore,
    break_off: BreakOff,
) -> None:
    break_off(6)
    with pytest.raises(TimeIsUp):
        perform(create_many(users=people(10)), task_state_store=store)
    lose(path)
    break_off(1, killed=True)
    with pytest.raises(Killed):
        perform(create_many(users=people(10)), task_state_store=store)
    lose(path)
    result = perform(create_many(users=people(10)), task_state_store=store)
    assert result["outcomes"] == {"invited": 10}
    assert len(connected.requests(POST)) == 10


@pytest.mark.parametrize(
    "twins",
    [[person(1, type=77), person(1)], [person(1), person(1, type=77)]],
    ids=["before", "behind"],
)
@pytest.mark.parametrize("broken_off", [False, True], ids=["cleared", "broken off"])
def test_a_bad_row_with_the_address_of_a_good_one_is_rejected_by_every_try(
    broken_off: bool,
    twins: list[dict[str, Any]],
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    store: StateStore,
    break_off: BreakOff,
) -> None:
    crowd = [*twins, person(2), person(3)]
    bad = 1 if "77" in str(twins[0]) else 2
    if broken_off:
        break_off(3)
        with pytest.raises(TimeIsUp):
            perform(create_many(users=crowd), task_state_store=store)
    for _ in range(2):
        with pytest.raises(AirflowFailException, match="1 of 4"):
            perform(create_many(users=crowd), task_state_store=store)
        wanted = [(row, "rejected" if row == bad else "invited") for row in range(1, 5)]
        assert outcomes(path) == wanted
    assert [line["id"] for line in lines(path) if line["email"] == "p1@example.com"].count(
        None
    ) == 1
    assert len(connected.requests(POST)) == 3


@pytest.mark.parametrize("report", ["\0", "nowhere://x/r.jsonl", "/proc/missing/r.jsonl"])
def test_a_checkpoint_with_an_unusable_report_path_counts_as_one_without_a_report(
    report: str,
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    store: StateStore,
    break_off: BreakOff,
    caplog: pytest.LogCaptureFixture,
) -> None:
    break_off(4)
    with pytest.raises(TimeIsUp):
        perform(create_many(users=people(8)), task_state_store=store)
    store.progress["report"] = report
    result = perform(create_many(users=people(8)), task_state_store=store)
    assert result["outcomes"] == {"invited": 8}
    assert len(connected.requests(POST)) == 8
    assert store == {}
    if "missing" not in report:
        assert "cannot be read, so the task goes on without it" in caplog.text


def test_a_try_whose_task_instance_is_gone_posts_no_more(
    connected: Simulator, create_many: CreateMany, perform: Perform, path: Path
) -> None:
    """Airflow gives each try a task instance with a new id; the state store knows no other."""

    class Gone(Exception):
        error = SimpleNamespace(detail={"status_code": 404, "message": "Not Found"})

    class Cleared(StateStore):
        def set(self, key: str, value: Any) -> None:
            if len(connected.requests(POST)) > 2:
                raise Gone
            super().set(key, value)

    with pytest.raises(ZoomStoppedError):
        perform(create_many(users=people(300)), task_state_store=Cleared())
    assert len(connected.requests(POST)) < 300


def test_a_failed_user_who_left_the_roster_stays_in_the_report_though_the_state_is_cleared(
    connected: Simulator, create_many: CreateMany, perform: Perform, path: Path, store: StateStore
) -> None:
    connected.configure(foreign_accounts={"p2@example.com": "paid"})
    with pytest.raises(AirflowFailException):
        perform(create_many(users=people(3)), task_state_store=store)
    store.clear()  # as Airflow 3.4 does when a task is cleared
    left = [people(3)[0], people(3)[2]]
    with pytest.raises(AirflowFailException, match="1 of 3 people failed"):
        perform(create_many(users=left), task_state_store=store)
    assert outcomes(path) == [(1, "invited"), (2, "foreign_account"), (2, "invited")]
