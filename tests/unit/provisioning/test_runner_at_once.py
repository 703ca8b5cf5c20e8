"""Several calls at once: a failure, the quota, a stop and an error that should not be."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from tests.support import Clock, emails
from tests.unit.provisioning.conftest import (
    SharedClock,
    States,
    make_client,
    make_runner,
    outcomes,
    people,
    rows_of,
    written,
)
from zoom_provider.api.client import ZoomClient
from zoom_provider.exceptions import ZoomDailyLimitError, ZoomStoppedError
from zoom_provider.provisioning import runner as runner_module
from zoom_provider.provisioning.options import PurchasedSeats
from zoom_provider.provisioning.report import Report
from zoom_provider.provisioning.roster import Row
from zoom_provider.provisioning.seats import count_free_seats
from zoom_provider.simulator.server import Simulator

POST = "POST /v2/users"
P2 = "p2@example.com"


@pytest.fixture
def clock() -> Clock:
    return SharedClock()


def emails_of(rows: Iterable[int]) -> set[str]:
    return {f"p{row}@example.com" for row in rows}


def test_on_error_stop_finishes_the_calls_under_way_and_starts_no_other(
    zoom: Simulator, client: ZoomClient, report: Report
) -> None:
    zoom.fault("error", code=2016, on=POST, email=P2)
    runner = make_runner(client, report, 200, on_error="stop", max_concurrency=8)
    runner.run(rows_of(client, people(200)))
    assert runner.stopped_by is None
    found = Counter(outcome for _, outcome in outcomes(report))
    assert sorted(row for row, _ in outcomes(report)) == list(range(1, 201))
    assert found["needs_human"] == 1
    assert found["invited"] == len(emails(zoom))
    tried = len(zoom.requests(POST))
    assert tried < 200
    assert found["failed"] == 200 - tried
    reasons = Counter(line["reason"] for line in written(report))
    assert reasons["not tried: row 2 failed, and on_error is 'stop'"] == 200 - tried


def test_a_quota_that_several_calls_meet_defers_each_row_once(
    zoom: Simulator, client: ZoomClient, report: Report
) -> None:
    zoom.configure(limits_enforced=True, create_cap=12)
    runner = make_runner(client, report, 40, max_concurrency=8)
    runner.run(rows_of(client, people(40)))
    assert isinstance(runner.stopped_by, ZoomDailyLimitError)
    done = {row for row, outcome in outcomes(report) if outcome == "invited"}
    assert len(emails(zoom)) == 12
    assert emails_of(done) == set(emails(zoom))
    assert Counter(outcome for _, outcome in outcomes(report)) == {
        "invited": 12,
        "deferred_quota": 28,
    }
    last = runner.ledger.checkpoint(report.counts, 0, 0, 0)
    assert set(last.owed) == set(range(1, 41)) - done


def test_many_calls_at_once_take_each_seat_once(
    zoom: Simulator, client: ZoomClient, report: Report
) -> None:
    zoom.fault("error", code=1009, on=POST, times=3)
    seats = count_free_seats(client, PurchasedSeats(basic=10))
    runner = make_runner(client, report, 30, seats=seats, max_concurrency=8)
    runner.run(rows_of(client, people(30)))
    found = Counter(outcome for _, outcome in outcomes(report))
    # A refused user gives the seat back to one who comes later.
    assert found["foreign_account"] == 3
    assert found["invited"] == len(emails(zoom)) == 10 - seats.free["basic"]
    assert found["needs_license"] == 27 - found["invited"]


class TimeIsUp(BaseException):
    """As Airflow raises it in a task's main thread, wherever that is."""


def raising(rows: Iterable[Row], before: Callable[[], None] = lambda: None) -> Iterator[Row]:
    """Give rows, then let the task's time be up."""
    yield from rows
    before()
    raise TimeIsUp


@pytest.fixture
def slow_replies(client: ZoomClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Hold Zoom's replies to creations; give a semaphore of those posted and what lets go."""
    monkeypatch.setattr(client, "target_concurrency", lambda: 8)
    posted, go = threading.Semaphore(0), threading.Event()
    post = client.post_user

    def hold(request: Any) -> Any:
        try:
            return post(request)
        finally:
            posted.release()
            assert go.wait(20)

    monkeypatch.setattr(client, "post_user", hold)
    yield posted, go
    go.set()


def run_until_posted(runner: Any, rows: Iterable[Row], posted: Any, number: int) -> Any:
    """Run in a thread until so many creations were posted; give the thread and its error."""
    ended: list[BaseException | None] = []

    def run() -> None:
        try:
            runner.run(rows)
            ended.append(None)
        except BaseException as error:
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    for _ in range(number):
        assert posted.acquire(timeout=20)
    return thread, ended


def test_after_a_stop_nothing_new_is_posted_and_replies_under_way_are_written(
    zoom: Simulator, client: ZoomClient, report: Report, slow_replies: Any
) -> None:
    posted, go = slow_replies
    zoom.fault("cut_after", on=POST, email=P2)
    states = States()
    runner = make_runner(client, report, 60, max_concurrency=6, states=states)
    thread, ended = run_until_posted(runner, rows_of(client, people(60)), posted, 6)
    client.stop.set()
    go.set()
    thread.join(20)

    assert isinstance(ended[0], ZoomStoppedError)
    assert ended[0].remedy == "retry"
    there = emails(zoom)
    assert len(there) == len(zoom.requests(POST)) == 6
    # Zoom has p2, and this try does not know it: another one looks, and knows that it asked.
    assert emails_of(row for row, _ in outcomes(report)) == set(there) - {P2}
    assert 2 in states.last.attempting
    assert set(states.last.owed) == set(range(1, 61)) - {row for row, _ in outcomes(report)}


def test_a_stop_saves_before_and_after_the_replies_under_way(
    zoom: Simulator, client: ZoomClient, report: Report, slow_replies: Any
) -> None:
    posted, go = slow_replies
    saved = threading.Event()

    class Watched(States):
        def append(self, state: Any) -> None:
            super().append(state)
            if client.stop.is_set():
                saved.set()

    states = Watched()
    runner = make_runner(client, report, 4, max_concurrency=4, states=states)
    thread, _ = run_until_posted(runner, rows_of(client, people(4)), posted, 4)
    client.stop.set()
    assert saved.wait(20)
    assert list(states.last.attempting) == [1, 2, 3, 4]
    go.set()
    thread.join(20)
    assert list(states.last.attempting) == []
    assert list(states.last.owed) == []


def test_replies_that_outlast_the_grace_are_left_to_another_try(
    zoom: Simulator,
    client: ZoomClient,
    report: Report,
    slow_replies: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runner_module, "STOP_GRACE", 0.0)
    posted, go = slow_replies
    states = States()
    runner = make_runner(client, report, 4, max_concurrency=4, states=states)
    thread, ended = run_until_posted(runner, rows_of(client, people(4)), posted, 4)
    client.stop.set()
    thread.join(20)
    assert isinstance(ended[0], ZoomStoppedError)
    assert not go.is_set()
    assert outcomes(report) == []
    assert list(states.last.attempting) == [1, 2, 3, 4]


def test_the_grace_ends_before_airflow_kills() -> None:
    # Airflow 3.3 kills 5 seconds after SIGTERM; then report and checkpoint must be saved.
    assert 1 <= runner_module.STOP_GRACE <= 4


def test_a_stop_wakes_threads_that_wait_for_a_retry_after(
    zoom: Simulator, report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make_client(zoom, time.monotonic, sleep=None)
    waiting = threading.Semaphore(0)
    wait = client.stop.wait

    def wait_long(seconds: float) -> bool:
        if seconds < 0.5:  # the pace of calls
            return wait(seconds)
        waiting.release()
        return wait(600)

    monkeypatch.setattr(client.stop, "wait", wait_long)
    zoom.fault("429", on=POST, times=None)
    runner = make_runner(client, report, 20, max_concurrency=4)
    thread, ended = run_until_posted(runner, rows_of(client, people(20)), waiting, 2)
    client.stop.set()
    thread.join(20)
    client.close()
    assert isinstance(ended[0], ZoomStoppedError)
    assert emails(zoom) == []
    assert outcomes(report) == []


def test_an_orphaned_task_stops_before_it_posts(
    zoom: Simulator, client: ZoomClient, report: Report
) -> None:
    runner = make_runner(client, report, 5, is_orphaned=lambda: True)
    with pytest.raises(ZoomStoppedError):
        runner.run(rows_of(client, people(5)))
    assert client.stop.is_set()
    assert zoom.requests(POST) == []


def test_a_task_that_is_orphaned_in_mid_run_posts_no_more(
    zoom: Simulator, client: ZoomClient, report: Report
) -> None:
    states = States()
    runner = make_runner(
        client, report, 50, states=states, is_orphaned=lambda: len(zoom.requests(POST)) >= 10
    )
    with pytest.raises(ZoomStoppedError):
        runner.run(rows_of(client, people(50)))
    assert len(emails(zoom)) == len(outcomes(report)) == 10
    assert set(states.last.owed) == set(range(11, 51))


def test_replies_that_arrive_after_a_time_out_are_reported(
    zoom: Simulator, client: ZoomClient, report: Report, slow_replies: Any
) -> None:
    posted, go = slow_replies

    def under_way() -> None:
        for _ in range(6):
            assert posted.acquire(timeout=20)
        go.set()

    zoom.fault("cut_after", on=POST, email=P2)
    states = States()
    # The first batch is posted while the next rows are read.
    runner = make_runner(client, report, 64, max_concurrency=8, states=states)
    runner._batch = 6
    with pytest.raises(TimeIsUp):
        runner.run(raising(rows_of(client, people(6)), under_way))
    assert sorted(outcomes(report)) == [(row, "invited") for row in (1, 3, 4, 5, 6)]
    # Zoom has p2, but we do not know it: another try looks.
    assert list(states.last.attempting) == [2]
    assert len(emails(zoom)) == 6


def test_no_user_is_posted_after_a_time_out(
    zoom: Simulator, client: ZoomClient, report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    post, stop = client.post_user, client.stop.set

    def hold(request: Any) -> Any:
        assert go.wait(20)
        return post(request)

    def stop_and_release() -> None:
        stop()
        go.set()

    monkeypatch.setattr(client, "post_user", hold)
    monkeypatch.setattr(client.stop, "set", stop_and_release)
    states = States()
    runner = make_runner(client, report, 4, max_concurrency=8, states=states)
    runner._batch = 4
    with pytest.raises(TimeIsUp):
        runner.run(raising(rows_of(client, people(4))))
    assert outcomes(report) == []
    assert zoom.requests(POST) == []
    # Those that were not posted have another try.
    assert list(states.last.owed) == [1, 2, 3, 4]


class Odd(BaseException):
    """What a library written in another language may raise."""


@pytest.mark.parametrize("error", [RuntimeError("odd"), Odd("odd")])
def test_an_unexpected_error_in_a_thread_is_raised_and_its_row_stays_attempted(
    error: BaseException,
    zoom: Simulator,
    client: ZoomClient,
    report: Report,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    post = client.post_user

    def odd(request: Any) -> Any:
        if request.email == P2:
            raise error
        return post(request)

    monkeypatch.setattr(client, "post_user", odd)
    states = States()
    runner = make_runner(client, report, 4, max_concurrency=4, states=states)
    with pytest.raises(type(error), match="odd"):
        runner.run(rows_of(client, people(4)))
    assert emails_of(row for row, _ in outcomes(report)) == set(emails(zoom))
    assert 2 in states.last.attempting
    assert 2 in states.last.owed


@pytest.mark.parametrize("started", [0, 1, 3])
def test_replies_are_reported_when_no_further_thread_can_start(
    started: int,
    zoom: Simulator,
    client: ZoomClient,
    report: Report,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start = threading.Thread.start
    threads: list[threading.Thread] = []

    def start_few(thread: threading.Thread) -> None:
        if thread.name.startswith("zoom_"):
            if len(threads) >= started:
                raise RuntimeError("can't start new thread")
            threads.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_few)
    runner = make_runner(client, report, 30, max_concurrency=8)
    if started:
        runner.run(rows_of(client, people(30)))
        assert report.counts == {"invited": 30}
    else:
        with pytest.raises(RuntimeError, match="can't start new thread"):
            runner.run(rows_of(client, people(30)))
        assert emails(zoom) == []
        assert outcomes(report) == []
    assert len(emails(zoom)) == len(outcomes(report))
