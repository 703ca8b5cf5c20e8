"""How far it has come: the line in the log, the metrics, and what a later part starts from."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tests.support import Clock, person
from tests.unit.provisioning.conftest import Forgetful, rows_of
from zoom_provider.api.client import ZoomClient
from zoom_provider.provisioning.bulk import Rules, create_many
from zoom_provider.provisioning.outcomes import Outcome, PersonOutcome, Report
from zoom_provider.provisioning.progress import Progress, of_same_work
from zoom_provider.provisioning.roster import Row
from zoom_provider.simulator.server import Simulator


class Book(Forgetful):
    """Keeps every state, count and time."""

    def __init__(self) -> None:
        self.states: list[Any] = []
        self.counts: Counter[str] = Counter()
        self.timings: dict[str, list[float]] = defaultdict(list)

    def save(self, state: Any) -> None:
        self.states.append(state)

    def count(self, name: str, number: int = 1) -> None:
        self.counts[name] += number

    def timing(self, name: str, seconds: float) -> None:
        self.timings[name].append(seconds)


@pytest.fixture
def book() -> Book:
    return Book()


def rows(numbers: Iterable[int]) -> Iterator[Row]:
    return (Row(number, f"p{number}@example.com") for number in numbers)


def end(progress: Progress, counts: Counter[Outcome], numbers: Iterable[int]) -> None:
    """Let so many people be invited."""
    for number in numbers:
        progress.started(number)
        progress.done(PersonOutcome(number, "a@example.com", Outcome.INVITED))
        counts[Outcome.INVITED] += 1


def test_a_line_every_five_seconds_tells_how_far_and_how_long(
    client: ZoomClient, clock: Clock, book: Book, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "zoom_provider")
    progress = Progress(client, book, book, total=1_000)
    counts: Counter[Outcome] = Counter()
    for second in range(1, 11):
        end(progress, counts, range(second * 10 - 9, second * 10 + 1))
        clock.now += 1.0
        progress.tell([], counts)
        progress.tell([], counts)
    counts[Outcome.FAILED] += 1
    clock.now += 10
    progress.tell([], counts)
    assert caplog.messages == [
        "50 people of 1000, 95 s to go at 10.0 a second: 50 invited",
        "100 people of 1000, 90 s to go at 10.0 a second: 100 invited",
        "101 people of 1000, 180 s to go at 5.0 a second: 1 failed, 100 invited",
    ]
    assert [state["next"] for state in book.states] == [51, 101, 101]


def test_a_later_parts_pace_is_its_own(
    client: ZoomClient, clock: Clock, book: Book, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "zoom_provider")
    earlier = {"next": 501, "left": [], "seconds": 40.0, "calls": 600, "rate_limited": 3}
    progress = Progress(client, book, book, total=1_000, earlier=earlier)
    counts = Counter({Outcome.INVITED: 500})
    end(progress, counts, range(501, 601))
    clock.now += 10
    progress.tell([], counts)
    assert caplog.messages == ["600 people of 1000, 40 s to go at 10.0 a second: 600 invited"]
    assert progress.spent() == {"seconds": 50.0, "calls": 600, "rate_limited": 3}


@pytest.mark.parametrize(("total", "ended"), [(None, 5), (0, 0), (10, 0), (3, 5)])
def test_a_line_without_anything_to_reckon_with(
    total: int | None,
    ended: int,
    client: ZoomClient,
    clock: Clock,
    book: Book,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "zoom_provider")
    progress = Progress(client, book, book, total=total)
    counts: Counter[Outcome] = Counter()
    end(progress, counts, range(1, ended + 1))
    clock.now += 5
    progress.tell([], counts)
    (line,) = caplog.messages
    assert line.startswith(f"{ended} people")
    assert ("to go" in line) is (bool(total) and ended > 0)
    assert "-" not in line


def test_metrics_by_name_count_each_thing_once(
    zoom: Simulator, client: ZoomClient, report: Report, book: Book
) -> None:
    zoom.fault("429", on="POST /v2/users", times=2)
    zoom.fault("error", code=1009, on="POST /v2/users", email="p4@example.com")
    people = [*(person(number) for number in range(1, 5)), {"email": "nobody"}]
    progress = Progress(client, book, book)
    create_many(client, rows_of(client, people), report, Rules(at_once=1), progress)
    for _ in range(3):
        progress.measure()
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


def test_people_of_a_dry_run_are_not_counted_as_people(
    zoom: Simulator, client: ZoomClient, report: Report, book: Book
) -> None:
    progress = Progress(client, book, book, dry_run=True)
    rules = Rules(at_once=1, dry_run=True)
    create_many(client, rows_of(client, [person(1)]), report, rules, progress)
    progress.measure()
    assert report.counts == {Outcome.INVITED: 1}
    assert +book.counts == {"zoom.calls": len(zoom.requests("* /v2/*"))}


EARLIER: dict[str, Any] = {"next": 10, "left": [3, 7], "work": "w"}


@pytest.mark.parametrize(
    ("closed", "wanted"),
    [
        # The report is gone: what was begun and not left is done.
        (None, [3, 7, 10, 11, 12]),
        # It is there, and knows more than the state, which is some seconds older.
        ({1, 2, 4, 5, 6, 7, 8, 9, 10, 11}, [3, 12]),
        # A line that was cut off is no end.
        ({1, 2, 4, 5, 6, 8, 9}, [3, 7, 10, 11, 12]),
        (set(), list(range(1, 13))),
    ],
)
def test_which_rows_a_later_part_takes(
    closed: set[int] | None, wanted: list[int], client: ZoomClient, book: Book
) -> None:
    progress = Progress(client, book, book, earlier=EARLIER)
    if closed is not None:
        progress.taken_over(closed)
    people = rows_of(client, [person(number) for number in range(1, 13)])
    assert [row.number for row in people if progress.wants(row)] == wanted
    left = progress.state((), Counter())["left"]
    assert left == [row for row in EARLIER["left"] if row not in (closed or ())]
    # Who is nobody comes each time: the report wants them, and they cost no call.
    assert all(progress.wants(row) for row in rows(range(1, 13)))


@pytest.mark.parametrize(
    ("outcome", "stopped", "open_rows"),
    [
        ("failed", False, [3, 7]),
        ("failed", True, [3, 7, 10, 11]),
        ("deferred_quota", True, [3, 7, 10, 11]),
        # Row 3 had a call under way when the state was kept, and came to this end since.
        ("invited", False, []),
        ("invited", True, []),
        ("foreign_account", False, []),
    ],
)
def test_which_lines_are_not_a_rows_last_word(
    outcome: str, stopped: bool, open_rows: list[int], client: ZoomClient, book: Book
) -> None:
    earlier = EARLIER | ({"stopped": True} if stopped else {})
    progress = Progress(client, book, book, earlier=earlier)
    found = [row for row in range(1, 12) if progress.is_open(row, Outcome(outcome))]
    assert found == open_rows


@pytest.mark.parametrize(
    ("begun", "rest", "following", "left"),
    [
        ([3], [7, 10, 11], 10, [7]),
        ([3, 7, 10], [11, 12], 11, []),
        ([3, 7, 10, 11, 12], [], None, []),
        ([], [3, 7], 10, [3, 7]),
    ],
)
def test_what_is_put_off_twice_is_neither_lost_nor_done_again(
    begun: list[int],
    rest: list[int],
    following: int | None,
    left: list[int],
    client: ZoomClient,
    book: Book,
) -> None:
    progress = Progress(client, book, book, earlier=EARLIER)
    for row in begun:
        progress.started(row)
    people = [
        row for row in rows_of(client, [person(n) for n in range(1, 13)]) if row.number in rest
    ]
    progress.put_off_rest(iter(people))
    state = progress.state((), Counter())
    assert (state["next"], state["left"]) == (following, left)


@pytest.mark.parametrize(
    ("earlier", "kept"),
    [({}, False), (EARLIER, True), (EARLIER | {"work": "other"}, False), ({"next": 3}, False)],
)
def test_another_works_rows_are_not_ours(earlier: dict[str, Any], kept: bool) -> None:
    assert of_same_work(earlier, "w") == (earlier if kept else {})


def test_the_state_names_rows_and_never_people(
    zoom: Simulator, client: ZoomClient, report: Report, book: Book
) -> None:
    progress = Progress(client, book, book, work="w")
    rules = Rules(at_once=1)
    create_many(client, rows_of(client, [person(1), person(2)]), report, rules, progress)
    state = progress.state([2], report.counts)
    assert state.pop("seconds") >= 0
    assert state == {
        "next": 3,
        "left": [2],
        "outcomes": {"invited": 2},
        "work": "w",
        "calls": 2,
        "rate_limited": 0,
    }
