"""A task that was put off, held up or failed is tried again: only what is not done is."""

from __future__ import annotations

import json
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
    BreakOff,
    CreateMany,
    Perform,
    StateStore,
    TaskInstance,
    TimeIsUp,
    lines,
    outcomes,
    people,
)
from zoom_provider.api.client import ZoomClient
from zoom_provider.exceptions import ZoomDailyLimitError, ZoomUnavailableError
from zoom_provider.hooks.files import LocalOutput
from zoom_provider.simulator.server import Simulator

POST = "POST /v2/users"


@pytest.mark.parametrize("faults", [{1}, {2, 5}])
def test_users_without_an_answer_fail_the_task_for_a_retry_while_there_is_one(
    faults: set[int],
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    ti: TaskInstance,
) -> None:
    for number in faults:
        address = f"p{number}@example.com"
        connected.fault("cut_before", on="POST /v2/users", email=address, times=None)
    ti.max_tries = 1
    task = create_many([person(n) for n in range(1, 9)], max_failures=0.5)
    with pytest.raises(ZoomUnavailableError, match=f"{len(faults)} people had no answer") as raised:
        perform(task)
    assert raised.value.remedy == "retry"
    assert str(path) in str(raised.value)
    assert ti.pushed["outcomes"] == {"failed": len(faults), "invited": 8 - len(faults)}

    connected.world.faults.clear()
    before = len(connected.requests("POST /v2/users"))
    ti.try_number = 2
    result = perform(create_many([person(n) for n in range(1, 9)], max_failures=0.5))
    assert result["outcomes"] == {"invited": 8}
    assert len(connected.requests("POST /v2/users")) == before + len(faults)
    assert outcomes(path) == [(n, "invited") for n in range(1, 9)]


@pytest.mark.parametrize(("tries", "red"), [((1, 0), False), ((2, 1), False), ((1, 1), True)])
def test_users_without_an_answer_are_failures_once_no_retry_is_left(
    tries: tuple[int, int],
    red: bool,
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    ti: TaskInstance,
) -> None:
    connected.fault("cut_before", on="POST /v2/users", email="p1@example.com", times=None)
    ti.try_number, ti.max_tries = tries
    task = create_many([person(n) for n in range(1, 4)], max_failures=1)
    if red:
        with pytest.raises(ZoomUnavailableError):
            perform(task)
    else:
        assert perform(task)["outcomes"] == {"failed": 1, "invited": 2}
    assert ti.pushed["outcomes"] == {"failed": 1, "invited": 2}
    assert outcomes(path) == [(1, "failed"), (2, "invited"), (3, "invited")]


@pytest.mark.parametrize("on", ["GET /v2/users", "GET /v2/users/summary"])
@pytest.mark.parametrize("deferrable", [True, False])
def test_a_daily_limit_before_the_first_creation_defers_every_row(
    deferrable: bool,
    on: str,
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    store: StateStore,
) -> None:
    connected.fault("429", limit="daily", on=on)
    crowd = [*people(5), person(2), {"email": "no address"}]
    options = {
        "users": crowd,
        "deferrable": deferrable,
        "seats": {"basic": 9},
        "max_failures": 1,
    }
    if not deferrable:
        with pytest.raises(AirflowFailException, match="renewed at"):
            perform(create_many(**options), task_state_store=store)
        assert outcomes(path) == [
            *((row, "deferred_quota") for row in range(1, 6)),
            (7, "rejected"),
        ]
        return
    with pytest.raises(TaskDeferred) as deferred:
        perform(create_many(**options), task_state_store=store)
    assert connected.requests(POST) == []
    resume = json.loads(json.dumps(deferred.value.kwargs))
    # Kept too: the task may be killed after it has come back.
    assert store["zoom_progress"] == resume["progress"]
    result = perform(create_many(**options), resume=resume, task_state_store=store)
    assert result["outcomes"] == {"invited": 5, "rejected": 1}
    assert [row for row, _ in outcomes(path)] == [1, 2, 3, 4, 5, 7]


def test_a_list_that_breaks_off_creates_no_user_and_is_retried(
    connected: Simulator, create_many: CreateMany, perform: Perform, store: StateStore
) -> None:
    connected.fault("status", on="GET /v2/users", times=None)
    with pytest.raises(ZoomUnavailableError):
        perform(create_many(users=people(5)), task_state_store=store)
    assert connected.requests(POST) == []


def test_rows_that_failed_in_an_outage_are_tried_again_and_reported_once(
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
    assert outcomes(path) == [(row, "invited") for row in range(1, 31)]
    assert len(connected.requests(POST)) == 26


def test_a_run_that_the_quota_stopped_is_resumed_by_a_retry_and_announces_all(
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    store: StateStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not deferrable, with a retry policy that waits for the reset."""
    connected.configure(limits_enforced=True, create_cap=3)
    task = create_many(users=people(6), deferrable=False)
    monkeypatch.setattr(task, "retry_policy", object(), raising=False)
    with pytest.raises(ZoomDailyLimitError):
        perform(task, task_state_store=store)
    assert outcomes(path)[3:] == [(row, "deferred_quota") for row in (4, 5, 6)]
    connected.advance_clock(DAY)
    result = perform(create_many(users=people(6)), task_state_store=store)
    assert result["outcomes"] == {"invited": 6}
    assert outcomes(path) == [(row, "invited") for row in range(1, 7)]
    assert len(connected.requests(POST)) == 3 + 1 + 3


CURES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "needs_license": ({"seats": {"basic": 2}}, {"seats": {"basic": 99}}),
    "foreign_account": (
        {"foreign_accounts": {"p3@example.com": "free"}},
        {"foreign_accounts": {}},
    ),
    "needs_human": ({"blocked_domains": ["blocked.org"]}, {"blocked_domains": []}),
}


@pytest.mark.parametrize("outcome", CURES)
def test_clearing_tries_again_whatever_is_not_done_and_nothing_else(
    outcome: str,
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    store: StateStore,
) -> None:
    wrong, right = CURES[outcome]
    connected.configure(**wrong)
    crowd = [*people(3), person(4, email="p4@blocked.org")] if "human" in outcome else people(3)
    with pytest.raises(AirflowFailException):
        perform(create_many(users=crowd), task_state_store=store)
    refused = [row for row, found in outcomes(path) if found == outcome]
    assert len(refused) == 1
    before = len(connected.requests(POST))
    connected.configure(**right)
    result = perform(create_many(users=crowd), task_state_store=store)
    assert result["outcomes"] == {"invited": len(crowd)}
    assert len(connected.requests(POST)) == before + 1


def test_after_an_unexpected_error_a_retry_resumes(
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

    with monkeypatch.context() as patch:
        patch.setattr(ZoomClient, "post_user", odd)
        with pytest.raises(RuntimeError, match="odd"):
            perform(create_many(users=people(6)), task_state_store=store)
    there = len(emails(connected))
    assert outcomes(path) == [(row, "invited") for row in range(1, 7) if row != 3][:there]
    result = perform(create_many(users=people(6)), task_state_store=store)
    assert result["outcomes"] == {"invited": 6}
    assert len(connected.requests(POST)) == 6


@pytest.mark.parametrize("bytes_left", [0, 200, 1000])
def test_a_disk_that_is_full_in_mid_run_costs_no_user_their_line(
    bytes_left: int,
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    store: StateStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write, left = LocalOutput.write_line, [bytes_left]

    def limited(self: Any, line: str) -> None:
        if line.startswith("{"):
            left[0] -= len(line)
            if left[0] < 0:
                self._file.write(line.encode()[: len(line) // 2])
                self._torn = True
                raise OSError(28, "No space left on device")
        write(self, line)

    with monkeypatch.context() as patch:
        patch.setattr(LocalOutput, "write_line", limited)
        with pytest.raises(OSError, match="No space left"):
            perform(create_many(users=people(20)), task_state_store=store)
    result = perform(create_many(users=people(20)), task_state_store=store)
    assert result["outcomes"] == {"invited": 20}
    assert outcomes(path) == [(row, "invited") for row in range(1, 21)]
    assert len(connected.requests(POST)) == 20


@pytest.mark.parametrize("report", ["file://{}/deep/r.jsonl", "memory://reports/r.jsonl"])
def test_a_report_at_a_url_is_resumed_from_there(
    report: str,
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    tmp_path: Path,
    store: StateStore,
    break_off: BreakOff,
) -> None:
    # Let Airflow's object storage know a file system, as a provider would.
    on_2 = find_spec("airflow.io.store")
    storage: Any = import_module("airflow.io.store" if on_2 else "airflow.sdk.io")
    storage.attach("memory", fs=import_module("fsspec").filesystem("memory"))
    url = report.format(tmp_path)
    break_off(4)
    with pytest.raises(TimeIsUp):
        perform(create_many(users=people(6), report=url), task_state_store=store)
    result = perform(create_many(users=people(6), report=url), task_state_store=store)
    assert result["outcomes"] == {"invited": 6}
    assert result["report"] == url
    for name in (url, result["rejects"]):
        assert ObjectStoragePath(name).exists()
    text = ObjectStoragePath(url).read_text()
    assert [json.loads(line)["row"] for line in text.splitlines()] == [1, 2, 3, 4, 5, 6]
