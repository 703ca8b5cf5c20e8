"""How far a run is: the line in the log, the metrics, what each try has spent."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import Any

import pytest

from tests.support import Clock, person
from tests.unit.provisioning.conftest import BEGIN, make_runner, rows_of
from zoom_provider.api.client import ZoomClient
from zoom_provider.provisioning.checkpoint import Checkpoint
from zoom_provider.provisioning.progress import Progress
from zoom_provider.provisioning.report import Outcome, Report
from zoom_provider.simulator.server import Simulator


class Book:
    """Keeps every count and time, and counts what was saved."""

    def __init__(self) -> None:
        self.saved = 0
        self.counts: Counter[str] = Counter()
        self.timings: dict[str, list[float]] = defaultdict(list)

    def save(self) -> None:
        self.saved += 1

    def count(self, name: str, number: int = 1) -> None:
        self.counts[name] += number

    def timing(self, name: str, seconds: float) -> None:
        self.timings[name].append(seconds)


@pytest.fixture
def book() -> Book:
    return Book()


def make_progress(
    client: ZoomClient,
    book: Book,
    total: int = 1_000,
    counts: Counter[Outcome] | None = None,
    earlier: Checkpoint = BEGIN,
    **more: Any,
) -> Progress:
    counts = Counter() if counts is None else counts
    return Progress(client, counts, book, total, earlier, book.save, **more)


def invite(progress: Progress, number: int) -> None:
    """Let so many rows come to an end."""
    for _ in range(number):
        progress.counts[Outcome.INVITED] += 1
        progress.count(Outcome.INVITED)


def test_progress_is_logged_every_five_seconds(
    client: ZoomClient, clock: Clock, book: Book, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "zoom_provider")
    progress = make_progress(client, book)
    for _ in range(10):
        invite(progress, 10)
        clock.now += 1.0
        progress.tick()
        progress.tick()
    progress.counts[Outcome.FAILED] += 1
    clock.now += 10
    progress.tick()
    assert caplog.messages == [
        "50 people of 1000, 95 s to go at 10.0 a second: 50 invited",
        "100 people of 1000, 90 s to go at 10.0 a second: 100 invited",
        "101 people of 1000, 180 s to go at 5.0 a second: 1 failed, 100 invited",
    ]
    assert book.saved == 3


def test_a_later_trys_rate_is_its_own_and_what_was_spent_adds_up(
    client: ZoomClient, clock: Clock, book: Book, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "zoom_provider")
    earlier = replace(BEGIN, seconds=40.0, calls=600, rate_limited=3)
    progress = make_progress(client, book, 1_000, Counter({Outcome.INVITED: 500}), earlier)
    invite(progress, 100)
    clock.now += 10
    progress.tick()
    assert caplog.messages == ["600 people of 1000, 40 s to go at 10.0 a second: 600 invited"]
    assert progress.stats() == {"seconds": 50.0, "calls": 600, "rate_limited": 3}


@pytest.mark.parametrize(("total", "ended"), [(0, 0), (10, 0), (3, 5)])
def test_a_progress_line_without_a_rate_omits_the_time_left(
    total: int,
    ended: int,
    client: ZoomClient,
    clock: Clock,
    book: Book,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "zoom_provider")
    progress = make_progress(client, book, total)
    invite(progress, ended)
    clock.now += 5
    progress.tick()
    (line,) = caplog.messages
    assert line.startswith(f"{ended} people of {total}")
    assert ("to go" in line) is (ended > 0)
    assert "-" not in line


def test_each_metric_is_counted_once_however_often_it_is_measured(
    zoom: Simulator, client: ZoomClient, report: Report, book: Book
) -> None:
    zoom.fault("429", on="POST /v2/users", times=2)
    zoom.fault("error", code=1009, on="POST /v2/users", email="p4@example.com")
    users = [*(person(number) for number in range(1, 5)), {"email": "no address"}]
    runner = make_runner(client, report, 5, meter=book)
    runner.run(rows_of(client, users))
    for _ in range(3):
        runner.progress.send_metrics()
    assert book.counts == {
        "zoom.people.invited": 3,
        "zoom.people.foreign_account": 1,
        "zoom.people.rejected": 1,
        "zoom.calls": len(zoom.requests("* /v2/*")),
        "zoom.rate_limited": 2,
        "zoom.retries": 2,
    }
    assert sum(book.timings["zoom.waited"]) == pytest.approx(client.waited)
    assert client.waited > 0
    assert set(book.timings) == {"zoom.waited", "zoom.reply"}


def test_users_of_a_dry_run_are_not_counted_as_metrics(
    zoom: Simulator, client: ZoomClient, report: Report, book: Book
) -> None:
    runner = make_runner(client, report, 1, meter=book, dry_run=True)
    runner.run(rows_of(client, [person(1)]))
    runner.progress.send_metrics()
    assert report.counts == {Outcome.INVITED: 1}
    assert +book.counts == {"zoom.calls": len(zoom.requests("* /v2/*"))}
