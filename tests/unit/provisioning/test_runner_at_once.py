"""Several calls at once: nobody is lost, nobody is twice, and the report agrees with Zoom."""

from __future__ import annotations

import csv
import json
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import Clock, emails, person
from tests.unit.provisioning.conftest import (
    Forgetful,
    make_client,
    open_text,
    rows_of,
    told,
    written,
)
from zoom_provider.api.client import ZoomClient
from zoom_provider.exceptions import ZoomDailyLimitError
from zoom_provider.provisioning.bulk import Rules, create_many
from zoom_provider.provisioning.known import find_known
from zoom_provider.provisioning.outcomes import FAILURES, Report
from zoom_provider.provisioning.progress import Progress
from zoom_provider.provisioning.roster import Row
from zoom_provider.provisioning.seats import Seats, free_seats
from zoom_provider.simulator.server import Simulator

POST = "POST /v2/users"
P2 = "p2@example.com"


class SharedClock(Clock):
    """A clock that several threads wait on."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def sleep(self, seconds: float) -> None:
        with self._lock:
            super().sleep(seconds)


class Kept(Forgetful):
    """A checkpoint that keeps what a database could."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}

    def save(self, state: Mapping[str, Any]) -> None:
        self.state = json.loads(json.dumps(state))


@pytest.fixture
def clock() -> Clock:
    return SharedClock()


def people(count: int) -> list[dict[str, Any]]:
    return [person(number) for number in range(1, count + 1)]


def workers() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name == "zoom"]


def number_of(email: str) -> int:
    return int(email.partition("@")[0][1:])


def emails_of(rows: Iterator[int]) -> set[str]:
    return {f"p{row}@example.com" for row in rows}


def check_against(
    zoom: Simulator, lines: list[dict[str, Any]], there: dict[int, str], wanted: set[str]
) -> None:
    """Hold a report against whom Zoom was left with."""
    made = Counter(e["email"] for e in zoom.requests(POST) if e["status"] == 201)
    assert max(made.values(), default=0) <= 1
    present = set(emails(zoom))
    assert present - emails_of(iter(there)) <= wanted
    for line in lines:
        if line["outcome"] in ("invited", "existing", "updated", "unchanged"):
            assert line["email"] in present
        # Of somebody pending Zoom does not tell since when: after a lost reply, they count as ours.
        if line["outcome"] == "invited":
            assert there.get(number_of(line["email"])) in (None, "pending")
        if line["outcome"] in FAILURES:
            assert line["reason"]


FAULT = st.one_of(
    st.builds(dict, kind=st.sampled_from(["cut_before", "cut_after", "html", "not_json"])),
    st.builds(dict, kind=st.just("truncated")),
    st.builds(dict, kind=st.just("redirect")),
    st.builds(dict, kind=st.just("revoke_token")),
    st.builds(
        dict,
        kind=st.just("status"),
        status=st.sampled_from([500, 502, 503, 504]),
        body=st.sampled_from(["json", "html"]),
        acted=st.booleans(),
    ),
    st.builds(
        dict,
        kind=st.just("error"),
        code=st.sampled_from([300, 1005, 1009, 2002, 2016, 2034, 3412, 11321]),
    ),
    st.builds(
        dict,
        kind=st.just("429"),
        limit=st.sampled_from(["qps", "concurrency", "daily", "creates"]),
        headers=st.booleans(),
    ),
)
STRIKE = st.tuples(
    FAULT,
    st.sampled_from([POST, POST, "GET /v2/users/*", "PATCH /v2/users/*", "POST /oauth/token"]),
    st.one_of(st.none(), st.integers(1, 6)),
    st.integers(0, 4),
    st.integers(1, 4),
)
CROWD = st.lists(
    st.one_of(
        st.integers(1, 20).map(person),
        st.integers(1, 20).map(lambda number: person(number, type=2)),
        st.just({"email": "nobody", "type": 1}),
        st.just("no person"),
    ),
    max_size=30,
)


@settings(
    derandomize=True,
    database=None,
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    crowd=CROWD,
    strikes=st.lists(STRIKE, max_size=6),
    there=st.dictionaries(
        st.integers(1, 20), st.sampled_from(["active", "inactive", "pending"]), max_size=6
    ),
    at_once=st.sampled_from([1, 1, 2, 3, 5, 8]),
    if_exists=st.sampled_from(["fail", "skip", "update"]),
    on_error=st.sampled_from(["continue", "stop"]),
    put_off_quota=st.booleans(),
    listed=st.booleans(),
    free=st.none() | st.integers(0, 10),
    cap=st.none() | st.integers(0, 20),
)
def test_whatever_goes_wrong_nobody_is_lost(
    crowd: list[Any],
    strikes: list[Any],
    there: dict[int, str],
    at_once: int,
    if_exists: Any,
    on_error: Any,
    put_off_quota: bool,
    listed: bool,
    free: int | None,
    cap: int | None,
    zoom: Simulator,
) -> None:
    zoom.reset()
    clock = SharedClock()
    client = make_client(zoom, clock)
    zoom.configure(limits_enforced=cap is not None, create_cap=cap)
    for number, status in there.items():
        created = None if status == "pending" else 1_700_000_000
        zoom.seed({"email": f"p{number}@example.com", "status": status, "created": created})
    rows = rows_of(client, crowd)
    known = None
    if listed:
        known, rows = find_known(client, rows)
    seats = None if free is None else Seats({"basic": free, "licensed": 1}, else_basic=True)
    for fault, on, who, skip, times in strikes:
        email = None if who is None or "oauth" in on else f"p{who}@example.com"
        zoom.fault(**fault, on=on, email=email, skip=skip, times=times)
    checkpoint = Kept()
    progress = Progress(client, checkpoint, Forgetful())
    rules = Rules(
        if_exists=if_exists, on_error=on_error, put_off_quota=put_off_quota, at_once=at_once
    )
    with tempfile.TemporaryDirectory() as folder:
        with Report(f"{folder}/r.jsonl", open_text) as report:
            stopped_by = create_many(
                client, rows, report, rules, progress, known=known, seats=seats
            )
        lines = written(report)
        with Path(report.rejects).open(encoding="utf-8", newline="") as file:
            rejects = list(csv.DictReader(file))
    client.close()
    assert workers() == []

    put_off: set[int] = set()
    come_again: set[int] = set()
    if put_off_quota and isinstance(stopped_by, ZoomDailyLimitError):
        state = progress.state((), report.counts)
        put_off |= set(state["left"]) - {line["row"] for line in lines}
        if state["next"] is not None:
            put_off |= set(range(state["next"], len(crowd) + 1))
        # Rows that are nobody to create come again each time, so they need not be put off.
        come_again = {row.number for row in rows_of(client, crowd) if row.request is None}
    told_of = [line["row"] for line in lines]
    repeated = [int(row["row"]) for row in rejects if row["reason"].startswith("duplicate of")]
    assert sorted({*told_of, *repeated, *put_off, *come_again}) == list(range(1, len(crowd) + 1))
    assert len(told_of) == len(set(told_of))
    assert not put_off & {*told_of, *repeated}
    assert report.counts == Counter(line["outcome"] for line in lines)

    wanted = {row["email"] for row in crowd if isinstance(row, dict)}
    check_against(zoom, lines, there, wanted)
    if seats is not None:
        assert min(seats.free.values()) >= 0


def test_on_error_stop_finishes_who_is_under_way_and_starts_nobody(
    zoom: Simulator, client: ZoomClient, report: Report
) -> None:
    zoom.fault("error", code=2016, on=POST, email=P2)
    progress = Progress(client, Forgetful(), Forgetful())
    rules = Rules(on_error="stop", at_once=8)
    assert create_many(client, rows_of(client, people(200)), report, rules, progress) is None
    outcomes = Counter(outcome for _, outcome in told(report))
    assert sorted(row for row, _ in told(report)) == list(range(1, 201))
    assert outcomes["needs_human"] == 1
    assert outcomes["invited"] == len(emails(zoom))
    tried = len(zoom.requests(POST))
    assert outcomes["failed"] == 200 - tried
    reasons = Counter(line["reason"] for line in written(report))
    assert reasons["not tried: row 2 failed, and on_error is 'stop'"] == 200 - tried


@pytest.mark.parametrize("put_off_quota", [True, False])
def test_the_quota_is_met_by_several_at_once(
    put_off_quota: bool, zoom: Simulator, client: ZoomClient, report: Report
) -> None:
    zoom.configure(limits_enforced=True, create_cap=12)
    progress = Progress(client, Forgetful(), Forgetful())
    rules = Rules(at_once=8, put_off_quota=put_off_quota)
    stopped_by = create_many(client, rows_of(client, people(40)), report, rules, progress)
    assert isinstance(stopped_by, ZoomDailyLimitError)
    done = {row for row, outcome in told(report) if outcome == "invited"}
    assert len(emails(zoom)) == 12
    assert emails_of(iter(done)) == set(emails(zoom))
    state = progress.state((), report.counts)
    if put_off_quota:
        later = {*state["left"], *range(state["next"], 41)}
        assert len(told(report)) == 12
        assert later == set(range(1, 41)) - done
    else:
        assert Counter(outcome for _, outcome in told(report)) == {
            "invited": 12,
            "deferred_quota": 28,
        }


class TimeIsUp(BaseException):
    """As Airflow raises it in a task's main thread, wherever that is."""


@pytest.fixture
def held(client: ZoomClient, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Hold every creation until the event is set."""
    go = threading.Event()
    post = client.post_user

    def wait(request: Any) -> Any:
        assert go.wait(20)
        return post(request)

    monkeypatch.setattr(client, "post_user", wait)
    return go


def test_what_is_under_way_when_time_is_up_is_written_down(
    zoom: Simulator, client: ZoomClient, report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    posted, go = threading.Semaphore(0), threading.Event()
    post = client.post_user

    def hold_the_reply(request: Any) -> Any:
        try:
            return post(request)
        finally:
            posted.release()
            assert go.wait(20)

    monkeypatch.setattr(client, "post_user", hold_the_reply)

    def interrupted() -> Iterator[Row]:
        yield from rows_of(client, people(6))
        for _ in range(6):
            assert posted.acquire(timeout=20)
        go.set()
        raise TimeIsUp

    zoom.fault("cut_after", on=POST, email=P2)
    checkpoint = Kept()
    progress = Progress(client, checkpoint, Forgetful())
    with pytest.raises(TimeIsUp):
        create_many(client, interrupted(), report, Rules(at_once=8), progress)
    assert sorted(told(report)) == [(row, "invited") for row in (1, 3, 4, 5, 6)]
    assert workers() == []
    # Zoom has them, but we do not know it: another try looks.
    assert (checkpoint.state["left"], checkpoint.state["next"]) == ([2], 7)
    assert len(emails(zoom)) == 6


def test_when_time_is_up_nobody_new_is_posted(
    zoom: Simulator,
    client: ZoomClient,
    report: Report,
    held: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted() -> Iterator[Row]:
        yield from rows_of(client, people(4))
        raise TimeIsUp

    stop = client.stop.set

    def stop_and_release() -> None:
        stop()
        held.set()

    monkeypatch.setattr(client.stop, "set", stop_and_release)
    checkpoint = Kept()
    with pytest.raises(TimeIsUp):
        create_many(
            client,
            interrupted(),
            report,
            Rules(at_once=8),
            Progress(client, checkpoint, Forgetful()),
        )
    assert told(report) == []
    assert zoom.requests(POST) == []
    # Those who were not posted have another try.
    assert (checkpoint.state["left"], checkpoint.state["next"]) == ([1, 2, 3, 4], 5)


class Odd(BaseException):
    """What a library written in another language may raise."""


@pytest.mark.parametrize("error", [RuntimeError("odd"), Odd("odd")])
def test_an_error_that_should_not_be_holds_nobody_up_and_leaves_its_person_open(
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
    checkpoint = Kept()
    progress = Progress(client, checkpoint, Forgetful())
    with pytest.raises(type(error), match="odd"):
        create_many(client, rows_of(client, people(4)), report, Rules(at_once=4), progress)
    assert emails_of(row for row, _ in told(report)) == set(emails(zoom))
    assert checkpoint.state["left"] == [2]
    assert workers() == []


def test_seats_are_taken_once_by_many_at_once(
    zoom: Simulator, client: ZoomClient, report: Report
) -> None:
    zoom.fault("error", code=1009, on=POST, times=3)
    seats = free_seats(client, {"basic": 10})
    progress = Progress(client, Forgetful(), Forgetful())
    rules = Rules(at_once=8)
    create_many(client, rows_of(client, people(30)), report, rules, progress, seats=seats)
    outcomes = Counter(outcome for _, outcome in told(report))
    # Who was refused gave the seat back, to whoever came after.
    assert outcomes["foreign_account"] == 3
    assert outcomes["invited"] == len(emails(zoom)) == 10 - seats.free["basic"]
    assert outcomes["needs_license"] == 27 - outcomes["invited"]
