"""Work of the bulk operator that was broken off, put off or failed, and is taken up again."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    ObjectStoragePath,
    TaskDeferred,
)

from tests.support import DAY, emails, person
from tests.unit.operators.conftest import (
    CreateMany,
    Perform,
    StateStore,
    lines,
    people,
)
from zoom_provider.api.client import ZoomClient
from zoom_provider.exceptions import ZoomUnavailableError
from zoom_provider.simulator.server import Simulator

POST = "POST /v2/users"


def told(path: Path) -> list[tuple[int, str]]:
    return sorted((line["row"], line["outcome"]) for line in lines(path))


class TimeIsUp(BaseException):
    """As Airflow raises it in a task's main thread, wherever that is."""


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Break off what the main thread does when it comes to a row."""
    import zoom_provider.provisioning.source as module

    real = module.Source.rows

    def at(row_number: int) -> None:
        def rows(self: Any, check: Any) -> Iterator[Any]:
            for row in real(self, check):
                if row.number == row_number:
                    monkeypatch.setattr(module.Source, "rows", real)
                    raise TimeIsUp
                yield row

        monkeypatch.setattr(module.Source, "rows", rows)

    return at


KEPT_REPORT: dict[str, Callable[[Path], Any]] = {
    "as it was": lambda path: None,
    "on another worker": lambda path: path.unlink(),
    "cut off within a line": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "with lines of others": lambda path: path.write_bytes(b'{"a": 1}\n[]\nx\n' + path.read_bytes()),
}


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("report", KEPT_REPORT)
def test_a_try_that_was_broken_off_is_taken_up_where_it_was(
    report: str,
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    store: StateStore,
    interrupt: Callable[[int], None],
) -> None:
    crowd = [*people(40), person(7), {"email": "nobody"}]
    interrupt(21)
    with pytest.raises(TimeIsUp):
        perform(create_many(users=crowd), task_state_store=store)
    assert not [t for t in threading.enumerate() if t.name == "zoom"]
    assert store["zoom_progress"]["next"] == 21
    assert told(path) == [(row, "invited") for row in range(1, 21)]
    assert len(emails(connected)) == 20
    KEPT_REPORT[report](path)
    task = create_many(users=crowd, max_failures=1)
    result = perform(task, task_state_store=store)
    expected = {"invited": 40, "rejected": 1}
    if report == "cut off within a line":
        expected = {"existing": 1, "invited": 39, "rejected": 1}
    assert result["outcomes"] == expected
    assert store == {}
    assert len(emails(connected)) == len(connected.requests(POST)) == 40
    here = range(21, 41) if report == "on another worker" else range(1, 41)
    assert [row for row, outcome in told(path) if outcome != "rejected"] == list(here)
    assert result["calls"] == len(connected.requests("* /v2/*"))


@pytest.mark.parametrize(
    "then",
    [
        {"users": list(reversed(people(10)))},
        {"users": people(10)[3:]},
        {"action": "autoCreate"},
        {"shard": (0, 1)},
        {"if_exists": "update"},
    ],
    ids=lambda then: next(iter(then)),
)
def test_after_a_change_nobody_is_passed_over(
    then: dict[str, Any],
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    store: StateStore,
    interrupt: Callable[[int], None],
) -> None:
    interrupt(6)
    with pytest.raises(TimeIsUp):
        perform(create_many(users=people(10)), task_state_store=store)
    result = perform(create_many(**{"users": people(10), **then}), task_state_store=store)
    wanted = then.get("users", people(10))
    assert sum(result["outcomes"].values()) == len(wanted)
    assert len(lines(path)) == len(wanted)
    assert {p["email"] for p in wanted} <= set(emails(connected))
    assert len(connected.requests(POST)) == len(emails(connected))


def test_a_dry_run_that_was_broken_off_is_not_taken_for_the_work(
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    store: StateStore,
    interrupt: Callable[[int], None],
) -> None:
    interrupt(6)
    with pytest.raises(TimeIsUp):
        perform(create_many(users=people(10), dry_run=True), task_state_store=store)
    assert emails(connected) == []
    assert perform(create_many(users=people(10)), task_state_store=store)["outcomes"] == {
        "invited": 10
    }


def test_a_roster_that_changed_while_the_task_waited_for_the_quota(
    connected: Simulator, create_many: CreateMany, perform: Perform, path: Path
) -> None:
    connected.configure(limits_enforced=True, create_cap=3)
    with pytest.raises(TaskDeferred) as deferred:
        perform(create_many(users=people(6), deferrable=True))
    resume = json.loads(json.dumps(deferred.value.kwargs))
    connected.travel(DAY)
    task = create_many(users=people(6)[::-1], deferrable=True)
    assert perform(task, resume=resume)["outcomes"] == {"existing": 3, "invited": 3}
    assert len(emails(connected)) == 6
    assert [row for row, _ in told(path)] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("on", ["GET /v2/users", "GET /v2/users/summary"])
@pytest.mark.parametrize("deferrable", [True, False])
def test_a_daily_limit_met_before_the_first_creation(
    deferrable: bool,
    on: str,
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    store: StateStore,
) -> None:
    connected.fault("429", limit="daily", on=on)
    crowd = [*people(5), person(2), {"email": "nobody"}]
    options = {
        "users": crowd,
        "deferrable": deferrable,
        "seats": {"basic": 9},
        "max_failures": 1,
    }
    if not deferrable:
        with pytest.raises(AirflowFailException, match="renewed at"):
            perform(create_many(**options), task_state_store=store)
        assert told(path) == [*((row, "deferred_quota") for row in range(1, 6)), (7, "rejected")]
        return
    with pytest.raises(TaskDeferred) as deferred:
        perform(create_many(**options), task_state_store=store)
    assert connected.requests(POST) == []
    resume = json.loads(json.dumps(deferred.value.kwargs))
    # Kept too: the task may be killed after it has come back.
    assert store["zoom_progress"] == resume["progress"]
    result = perform(create_many(**options), resume=resume, task_state_store=store)
    assert result["outcomes"] == {"invited": 5, "rejected": 1}
    assert [row for row, _ in told(path)] == [1, 2, 3, 4, 5, 7]


def test_a_list_that_breaks_off_is_tried_again_and_nothing_is_done(
    connected: Simulator, create_many: CreateMany, perform: Perform, store: StateStore
) -> None:
    connected.fault("status", on="GET /v2/users", times=None)
    with pytest.raises(ZoomUnavailableError):
        perform(create_many(users=people(5)), task_state_store=store)
    assert connected.requests(POST) == []


def test_who_failed_in_an_outage_is_tried_again_and_told_once(
    connected: Simulator, create_many: CreateMany, perform: Perform, path: Path, store: StateStore
) -> None:
    connected.fault("status", on=POST, skip=4, times=None)
    connected.fault("status", on="GET /v2/users/*", times=None)
    with pytest.raises(ZoomUnavailableError):
        perform(create_many(users=people(30)), task_state_store=store)
    assert len(lines(path)) == 30
    connected.reset()
    connected.seed(*(f"p{number}@example.com" for number in range(1, 5)))
    result = perform(create_many(users=people(30)), task_state_store=store)
    assert result["outcomes"] == {"invited": 30}
    assert told(path) == [(row, "invited") for row in range(1, 31)]
    assert len(connected.requests(POST)) == 26


def test_an_unexpected_error_is_taken_up_again(
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    store: StateStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    post = ZoomClient.post_user

    def odd(self: Any, request: Any) -> Any:
        if request.email == "p3@example.com":
            raise RuntimeError("odd")
        return post(self, request)

    monkeypatch.setattr(ZoomClient, "post_user", odd)
    with pytest.raises(RuntimeError, match="odd"):
        perform(create_many(users=people(6)), task_state_store=store)
    assert told(path) == [(1, "invited"), (2, "invited")]
    monkeypatch.undo()
    assert store["zoom_progress"]["left"] == [3]


@pytest.mark.parametrize("report", ["file://{}/deep/r.jsonl", "memory://reports/r.jsonl"])
def test_reports_go_to_urls_and_are_taken_up_from_there(
    report: str,
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    tmp_path: Path,
    store: StateStore,
    interrupt: Callable[[int], None],
) -> None:
    # Let Airflow's object storage know a file system, as a provider would.
    on_2 = find_spec("airflow.io.store")
    storage: Any = import_module("airflow.io.store" if on_2 else "airflow.sdk.io")
    storage.attach("memory", fs=import_module("fsspec").filesystem("memory"))
    url = report.format(tmp_path)
    interrupt(4)
    with pytest.raises(TimeIsUp):
        perform(create_many(users=people(6), report=url), task_state_store=store)
    result = perform(create_many(users=people(6), report=url), task_state_store=store)
    assert result["outcomes"] == {"invited": 6}
    assert result["report"] == url
    for name in (url, result["rejects"]):
        assert ObjectStoragePath(name).exists()
    text = ObjectStoragePath(url).read_text()
    assert [json.loads(line)["row"] for line in text.splitlines()] == [1, 2, 3, 4, 5, 6]
