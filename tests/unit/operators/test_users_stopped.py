"""A stopped task posts nothing new, saves its state, and ends with an error that is retried."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support import JANE, emails
from tests.unit.operators.conftest import (
    CreateMany,
    Perform,
    StateStore,
    allow_execute_in_this_thread,
    lines,
    outcomes,
    people,
)
from zoom_provider.api.auth import TokenCache
from zoom_provider.api.client import ZoomClient
from zoom_provider.api.transport import StopSignal
from zoom_provider.exceptions import ZoomStoppedError
from zoom_provider.operators.users import ZoomCreateUserOperator
from zoom_provider.simulator.server import Simulator

POST = "POST /v2/users"
LONG = 600.0
"""Seconds; a test that waits for so long has failed."""


class Task:
    """A task in a thread, as in the process that Airflow sends a signal to."""

    def __init__(self, execute: Callable[[], Any]) -> None:
        self.error: BaseException | None = None
        self.result: Any = None
        self._thread = threading.Thread(target=self._run, args=(execute,))
        self._thread.start()

    def _run(self, execute: Callable[[], Any]) -> None:
        try:
            allow_execute_in_this_thread()
            self.result = execute()
        except BaseException as error:
            self.error = error

    def join(self) -> None:
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.fixture
def waiting(connected: Simulator, monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """Let every wait of half a second or more be one of ten minutes; count those who wait."""
    found = threading.Semaphore(0)
    wait = StopSignal.wait

    def wait_long(self: StopSignal, seconds: float) -> bool:
        if seconds < 0.5:  # the pace of calls
            return wait(self, seconds)
        found.release()
        return wait(self, LONG)

    monkeypatch.setattr(StopSignal, "wait", wait_long)
    real = partial(ZoomClient, clock=time.monotonic, tokens=TokenCache())
    monkeypatch.setattr("zoom_provider.hooks.zoom.ZoomClient", real)
    return found


WAITS: dict[str, dict[str, Any]] = {
    "a Retry-After of a creation": {"kind": "429", "on": POST, "times": None},
    "a Retry-After of a list": {"kind": "429", "on": "GET /v2/users", "times": None},
    "a failing list": {"kind": "status", "on": "GET /v2/users", "times": None},
    "a token request": {"kind": "status", "on": "POST /oauth/token", "times": None},
    "a lost reply": {"kind": "cut_before", "on": POST, "times": None},
}


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("wait", WAITS)
def test_on_kill_wakes_every_wait_of_the_bulk_operator(
    wait: str,
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    store: StateStore,
    waiting: threading.Semaphore,
) -> None:
    connected.fault(**WAITS[wait])
    operator = create_many(users=people(40))
    task = Task(lambda: perform(operator, task_state_store=store))
    assert waiting.acquire(timeout=20)
    operator.on_kill()
    task.join()
    assert isinstance(task.error, ZoomStoppedError)
    assert emails(connected) == []
    assert not path.exists() or lines(path) == []

    connected.world.faults.clear()
    result = perform(create_many(users=people(40)), task_state_store=store)
    assert result["outcomes"] == {"invited": 40}
    assert outcomes(path) == [(row, "invited") for row in range(1, 41)]
    assert len(emails(connected)) == 40


@pytest.mark.parametrize("wait", [name for name in WAITS if "list" not in name])
def test_on_kill_wakes_every_wait_of_the_single_operator(
    wait: str, connected: Simulator, perform: Perform, waiting: threading.Semaphore
) -> None:
    connected.fault(**WAITS[wait])
    operator = ZoomCreateUserOperator(task_id="create", user_info=JANE)
    task = Task(lambda: perform(operator))
    assert waiting.acquire(timeout=20)
    posted = len(connected.requests(POST))
    operator.on_kill()
    task.join()
    assert isinstance(task.error, ZoomStoppedError)
    assert task.error.remedy == "retry"
    assert len(connected.requests(POST)) == posted
    assert emails(connected) == []


@pytest.fixture
def slow_replies(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Hold Zoom's replies to creations; give a semaphore of those posted and what lets go."""
    posted, go = threading.Semaphore(0), threading.Event()
    post = ZoomClient.post_user

    def hold(self: ZoomClient, request: Any) -> Any:
        try:
            return post(self, request)
        finally:
            posted.release()
            assert go.wait(20)

    monkeypatch.setattr(ZoomClient, "post_user", hold)
    monkeypatch.setattr(ZoomClient, "target_concurrency", lambda self: 8)
    return posted, go


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("stored", [True, False], ids=["store", "no store"])
def test_after_on_kill_no_other_user_is_posted_and_a_cleared_task_reports_each_once(
    stored: bool,
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    store: StateStore,
    slow_replies: Any,
) -> None:
    more = {"task_state_store": store} if stored else {}
    posted, go = slow_replies
    operator = create_many(users=people(60))
    task = Task(lambda: perform(operator, **more))
    for _ in range(8):
        assert posted.acquire(timeout=20)
    operator.on_kill()
    go.set()
    task.join()

    assert isinstance(task.error, ZoomStoppedError)
    assert len(connected.requests(POST)) == 8
    # The replies that came within the grace are written down.
    assert outcomes(path) == [(row, "invited") for row in range(1, 9)]

    result = perform(create_many(users=people(60)), **more)
    assert result["outcomes"] == {"invited": 60}
    assert outcomes(path) == [(row, "invited") for row in range(1, 61)]
    assert len(connected.requests(POST)) == 60


@pytest.mark.usefixtures("at_once")
def test_users_whose_replies_outlast_the_grace_are_reported_as_invited_by_the_next_try(
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    store: StateStore,
    slow_replies: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("zoom_provider.provisioning.runner.STOP_GRACE", 0.0)
    posted, go = slow_replies
    operator = create_many(users=people(20))
    task = Task(lambda: perform(operator, task_state_store=store))
    for _ in range(8):
        assert posted.acquire(timeout=20)
    operator.on_kill()
    task.join()
    assert isinstance(task.error, ZoomStoppedError)
    assert outcomes(path) == []
    go.set()
    result = perform(create_many(users=people(20)), task_state_store=store)
    assert result["outcomes"] == {"invited": 20}
    assert outcomes(path) == [(row, "invited") for row in range(1, 21)]
    assert len(connected.requests(POST)) == len(emails(connected)) == 20


@pytest.mark.parametrize("kind", ["bulk", "single"])
def test_on_kill_before_execute_sends_nothing(
    kind: str, connected: Simulator, create_many: CreateMany, perform: Perform
) -> None:
    """Airflow takes the signal from the start on, also while it renders the task's fields."""
    single = ZoomCreateUserOperator(task_id="create", user_info=JANE)
    operator: Any = create_many(users=people(3)) if kind == "bulk" else single
    operator.on_kill()
    with pytest.raises(ZoomStoppedError):
        perform(operator)
    assert connected.requests() == []


def test_on_kill_takes_no_lock_and_writes_no_log(
    connected: Simulator, create_many: CreateMany, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow calls it in a signal handler; the main thread may hold any lock just then."""
    operator = create_many(users=people(3))
    operator.stop  # noqa: B018 - made by execute, before any signal
    used: list[str] = []

    class NoLock:
        def __enter__(self) -> None:
            used.append("lock")

        def __exit__(self, *error: object) -> None:
            pass

        acquire = __enter__

    monkeypatch.setattr(threading, "Lock", NoLock)
    monkeypatch.setattr(threading, "Condition", NoLock)
    monkeypatch.setattr("logging.Logger.handle", lambda self, record: used.append("log"))
    operator.on_kill()
    operator.on_kill()
    assert operator.stop.is_set()
    assert used == []


def test_a_task_whose_supervisor_is_gone_ends_with_an_error_that_is_retried(
    connected: Simulator,
    create_many: CreateMany,
    perform: Perform,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gone() -> bool:
        return len(connected.requests(POST)) >= 5

    monkeypatch.setattr("zoom_provider.hooks.airflow_io.watch_supervisor", lambda: gone)
    with pytest.raises(ZoomStoppedError):
        perform(create_many(users=people(20)))
    assert len(emails(connected)) == len(lines(path)) < 10
    monkeypatch.undo()
