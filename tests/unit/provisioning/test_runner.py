"""One call at a time: what each user's case comes to, what stops a run, what is owed after it."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import Clock, calls, emails, person
from tests.unit.provisioning.conftest import (
    States,
    begin_report,
    create,
    make_runner,
    outcomes,
    people,
    rows_of,
    written,
)
from zoom_provider.api.client import ZoomClient
from zoom_provider.exceptions import (
    ZoomAuthError,
    ZoomDailyLimitError,
    ZoomError,
    ZoomPermissionError,
    ZoomProtocolError,
    ZoomUnavailableError,
    ZoomValidationError,
)
from zoom_provider.provisioning.create_user import DRY_RUN
from zoom_provider.provisioning.report import FAILURES, Outcome, Report
from zoom_provider.provisioning.roster import Row
from zoom_provider.simulator.server import Simulator

POST = "POST /v2/users"
P1 = "p1@example.com"


# What Zoom is like, and what becomes of p1 there while the others go on.
CASES: list[Any] = [
    pytest.param({}, {}, "invited", None, id="new"),
    pytest.param({"seed": {"status": "active"}}, {}, "existing", None, id="active"),
    pytest.param({"seed": {"status": "pending"}}, {}, "existing", None, id="pending"),
    pytest.param({"seed": {"status": "inactive"}}, {}, "existing", None, id="inactive"),
    pytest.param({"seed": {}}, {"if_exists": "fail"}, "failed", 1005, id="fail"),
    pytest.param({"seed": {}}, {"if_exists": "update"}, "updated", None, id="update"),
    pytest.param(
        {"seed": {"first_name": "P1"}}, {"if_exists": "update"}, "unchanged", None, id="same"
    ),
    pytest.param(
        {"seed": {"status": "pending"}},
        {"if_exists": "update"},
        "existing",
        None,
        id="update pending",
    ),
    pytest.param(
        {"seed": {"status": "inactive"}},
        {"if_exists": "update"},
        "needs_human",
        None,
        id="update inactive",
    ),
    pytest.param(
        {"configure": {"foreign_accounts": {P1: "free"}}}, {}, "foreign_account", 1005, id="free"
    ),
    pytest.param(
        {"configure": {"foreign_accounts": {P1: "paid"}}}, {}, "foreign_account", 1009, id="paid"
    ),
    *(
        pytest.param({"fault": {"kind": "error", "code": code}}, {}, outcome, code, id=str(code))
        for outcome, codes in {
            "needs_license": (1102, 2033, 2034, 2038, 3412),
            "needs_human": (1107, 1108, 1116, 2016, 2036, 2037, 11321),
            "failed": (300, 4130),
        }.items()
        for code in codes
    ),
]


@pytest.mark.parametrize(("state", "options", "outcome", "code"), CASES)
def test_a_refusal_of_one_user_gets_its_codes_outcome_and_stops_nothing(
    state: dict[str, Any],
    options: dict[str, Any],
    outcome: str,
    code: int | None,
    zoom: Simulator,
    client: ZoomClient,
    report: Report,
) -> None:
    if "seed" in state:
        zoom.seed({"email": P1, "id": "p1-id", **state["seed"]})
    if "fault" in state:
        zoom.fault(**state["fault"], on=POST, email=P1)
    zoom.configure(**state.get("configure", {}))
    runner = create(client, people(2), report, **options)
    assert runner.stopped_by is None
    assert outcomes(report) == [(1, outcome), (2, "invited")]
    line = written(report)[0]
    assert line["code"] == code
    if "seed" in state and options.get("if_exists") != "fail":
        assert line["id"] == "p1-id"
    if outcome in FAILURES:
        assert line["reason"]
    if code is not None:
        assert line["tracking_id"] in {e["tracking_id"] for e in zoom.requests(POST)}


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "error", "code": 4711}, ZoomPermissionError),
        ({"kind": "error", "code": 124, "times": 2}, ZoomAuthError),
        ({"kind": "error", "code": 2300}, ZoomProtocolError),
        ({"kind": "error", "code": 2002}, ZoomError),
        ({"kind": "error", "code": 2032}, ZoomError),
        ({"kind": "error", "code": 2035}, ZoomError),
    ],
)
def test_an_error_of_the_app_or_account_stops_the_run_at_once(
    fault: dict[str, Any],
    error: type[Exception],
    zoom: Simulator,
    client: ZoomClient,
    report: Report,
) -> None:
    zoom.fault(**fault, on=POST, skip=1)
    rows = [*people(4), person(5, type=7), person(1)]
    runner = create(client, rows, report)
    assert isinstance(runner.stopped_by, error)
    assert emails(zoom) == [P1]
    assert [row for row, _ in outcomes(report)] == [1, 2, 3, 4, 5]
    assert [line["reason"][:9] for line in written(report)[2:4]] == ["not tried", "not tried"]


AMBIGUOUS = (200, 403, 2016)
"""Codes that may mean one user or the whole account."""


@pytest.mark.parametrize("code", AMBIGUOUS)
def test_an_ambiguous_refusal_of_one_user_stops_nothing(
    code: int, zoom: Simulator, client: ZoomClient, report: Report
) -> None:
    zoom.fault("error", code=code, on=POST, email="p2@example.com")
    runner = create(client, people(6), report)
    assert runner.stopped_by is None
    assert Counter(outcome for _, outcome in outcomes(report)) == {"invited": 5, "needs_human": 1}


@pytest.mark.parametrize("code", AMBIGUOUS)
def test_the_same_ambiguous_refusal_of_five_users_in_a_row_stops_the_run(
    code: int, zoom: Simulator, client: ZoomClient, report: Report
) -> None:
    zoom.fault("error", code=code, on=POST, skip=2, times=None)
    runner = create(client, people(40), report)
    assert runner.stopped_by is not None
    assert runner.stopped_by.code == code
    assert len(zoom.requests(POST)) == 2 + 5
    assert Counter(outcome for _, outcome in outcomes(report)) == {
        "invited": 2,
        "needs_human": 5,
        "failed": 33,
    }
    assert all(line["reason"].startswith("not tried: ") for line in written(report)[7:])


@pytest.mark.parametrize("between", [None, 300, 1009])
def test_ambiguous_refusals_with_another_answer_in_between_stop_nothing(
    between: int | None, zoom: Simulator, client: ZoomClient, report: Report
) -> None:
    for number in range(1, 31):
        if number % 4:
            zoom.fault("error", code=2016, on=POST, email=f"p{number}@example.com")
        elif between is not None:
            zoom.fault("error", code=between, on=POST, email=f"p{number}@example.com")
    runner = create(client, people(30), report)
    assert runner.stopped_by is None
    assert len(zoom.requests(POST)) == 30
    assert len(outcomes(report)) == 30


def test_ambiguous_codes_in_turn_stop_nothing(
    zoom: Simulator, client: ZoomClient, report: Report
) -> None:
    for number in range(1, 21):
        zoom.fault("error", code=AMBIGUOUS[number % 3], on=POST, email=f"p{number}@example.com")
    runner = create(client, people(20), report)
    assert runner.stopped_by is None
    assert report.counts == {"needs_human": 20}


@pytest.mark.parametrize("kind", ["status", "cut_before", "html"])
def test_an_outage_stops_the_run_after_a_few_calls(
    kind: str, zoom: Simulator, client: ZoomClient, report: Report
) -> None:
    zoom.fault(kind, on="* /v2/*", skip=3, times=None)
    states = States()
    runner = create(client, people(300), report, states=states)
    assert isinstance(runner.stopped_by, ZoomUnavailableError)
    assert emails(zoom) == [f"p{n}@example.com" for n in (1, 2, 3)]
    assert len(zoom.requests(POST)) <= 3 + 5
    lines = written(report)
    assert sorted(line["row"] for line in lines) == list(range(1, 301))
    assert Counter(line["outcome"] for line in lines) == {"invited": 3, "failed": 297}
    untried = {line["row"] for line in lines if line["reason"] and "not tried" in line["reason"]}
    assert len(untried) == 292
    assert runner.unanswered == 5


def wait_for_posts(client: ZoomClient, clock: Clock, number: int, patch: Any) -> None:
    """Let the looks after a lost reply wait until so many creations were posted."""
    posted, enough = itertools.count(1), threading.Event()
    post, sleep = client.post_user, clock.sleep

    def count(request: Any) -> Any:
        try:
            return post(request)
        finally:
            if next(posted) >= number:
                enough.set()

    def wait(seconds: float) -> None:
        assert seconds < 1 or enough.wait(20)
        sleep(seconds)

    patch.setattr(client, "post_user", count)
    patch.setattr(client._transport, "sleep", wait)


def test_a_short_outage_is_waited_for_and_every_user_is_created(
    zoom: Simulator,
    client: ZoomClient,
    report: Report,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    zoom.fault("status", on=POST, skip=2, times=5)
    wait_for_posts(client, clock, 7, monkeypatch)
    runner = create(client, people(50), report, max_concurrency=8)
    assert runner.stopped_by is None
    assert report.counts == {"invited": 50}
    assert len(emails(zoom)) == 50


def test_users_without_an_answer_amid_others_are_counted_and_stop_nothing(
    zoom: Simulator, client: ZoomClient, report: Report
) -> None:
    for number in range(1, 31, 3):
        zoom.fault("cut_before", on=POST, email=f"p{number}@example.com", times=None)
    states = States()
    runner = create(client, people(30), report, states=states)
    assert runner.stopped_by is None
    assert runner.unanswered == 10
    assert report.counts == {"invited": 20, "failed": 10}
    last = runner.ledger.checkpoint(report.counts, 0, 0, 0)
    # Zoom may have acted on them: another try must know that it was this run that asked.
    assert list(last.attempting) == list(last.owed) == list(range(1, 31, 3))


def test_the_quota_defers_the_rest_and_keeps_it_owed(
    zoom: Simulator, client: ZoomClient, report: Report
) -> None:
    zoom.fault("cut_before", on=POST, email=P1)
    zoom.configure(limits_enforced=True, create_cap=2)
    runner = create(client, people(6), report)
    assert isinstance(runner.stopped_by, ZoomDailyLimitError)
    assert {row for row, _ in outcomes(report)} == set(range(1, 7))
    # Which two are in time depends on how soon the lost reply is settled.
    invited = {row for row, outcome in outcomes(report) if outcome == "invited"}
    assert len(invited) == 2
    assert report.counts == {"invited": 2, "deferred_quota": 4}
    last = runner.ledger.checkpoint(report.counts, 0, 0, 0)
    assert set(last.owed) == set(range(1, 7)) - invited
    assert set(last.done[Outcome.INVITED]) == invited


def test_rows_that_were_noted_and_never_posted_are_not_left_as_attempted(
    zoom: Simulator, client: ZoomClient, report: Report
) -> None:
    zoom.configure(limits_enforced=True, create_cap=2)
    runner = create(client, people(30), report)
    last = runner.ledger.checkpoint(report.counts, 0, 0, 0)
    assert list(last.attempting) == []
    assert list(last.owed) == list(range(3, 31))


def test_rows_are_noted_as_attempted_before_the_first_of_them_is_posted(
    zoom: Simulator, client: ZoomClient, report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = States()
    noted: list[bool] = []
    post = client.post_user

    def observe(request: Any) -> Any:
        noted.append(int(request.email.partition("@")[0][1:]) in states.last.attempting)
        return post(request)

    monkeypatch.setattr(client, "post_user", observe)
    create(client, people(200), report, states=states)
    assert noted == [True] * 200


def test_a_source_that_breaks_off_leaves_each_row_settled_or_reported_as_not_tried(
    zoom: Simulator, client: ZoomClient, report: Report
) -> None:
    def broken() -> Iterator[Row]:
        yield from rows_of(client, people(100))
        raise ZoomValidationError("roster x.csv is not UTF-8")

    zoom.fault("cut_after", on=POST, email=P1)
    runner = create(client, broken(), report)
    assert isinstance(runner.stopped_by, ZoomValidationError)
    assert sorted(row for row, _ in outcomes(report)) == list(range(1, 101))
    invited = {line["email"] for line in written(report) if line["outcome"] == "invited"}
    assert P1 in invited
    assert invited == set(emails(zoom))
    assert {line["reason"] for line in written(report) if line["outcome"] == "failed"} == {
        "not tried: roster x.csv is not UTF-8"
    }


def test_a_lost_reply_delays_no_other_user(
    zoom: Simulator,
    client: ZoomClient,
    report: Report,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    zoom.fault("cut_before", on=POST, email=P1)
    wait_for_posts(client, clock, 4, monkeypatch)
    create(client, people(4), report)
    assert calls(zoom) == [
        *[("POST", f"p{n}@example.com") for n in range(1, 5)],
        *[("GET", P1)] * 3,
        ("POST", P1),
    ]
    assert sum(clock.slept) == pytest.approx(8, abs=0.2)


@pytest.mark.parametrize(
    ("code", "options", "error"),
    [(4711, {}, ZoomPermissionError), (2016, {"on_error": "stop"}, None)],
    ids=["account-level error", "on_error"],
)
def test_a_lost_reply_that_is_settled_after_a_stop_is_reported_and_changes_no_reason(
    code: int,
    options: dict[str, Any],
    error: type[ZoomError] | None,
    zoom: Simulator,
    client: ZoomClient,
    clock: Clock,
    report: Report,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    zoom.fault("cut_before", on=POST, email=P1)
    zoom.fault("error", code=code, on=POST, email="p2@example.com")
    zoom.fault("429", limit="creates", on=POST, email=P1)
    runner = make_runner(client, report, 3, **options)
    stopped, stop = threading.Event(), runner._stop_starting

    def stop_and_say(why: str, error: ZoomError | None = None) -> None:
        stop(why, error)
        stopped.set()

    def wait(seconds: float) -> None:
        """Settle the lost reply only once the other user's refusal has stopped the run."""
        assert seconds < 1 or stopped.wait(20)
        clock.sleep(seconds)

    monkeypatch.setattr(runner, "_stop_starting", stop_and_say)
    monkeypatch.setattr(client._transport, "sleep", wait)
    runner.run(rows_of(client, people(3)))
    assert (type(runner.stopped_by) if runner.stopped_by else None) is error
    assert outcomes(report) == [(2, "needs_human"), (1, "deferred_quota"), (3, "failed")]


@pytest.mark.parametrize(
    ("seed", "if_exists", "outcome"),
    [
        (None, "skip", "invited"),
        ({"status": "active"}, "skip", "existing"),
        ({"status": "active"}, "update", "updated"),
        ({"status": "active"}, "fail", "failed"),
        ({"status": "inactive"}, "update", "needs_human"),
        ({"status": "pending", "created": 1_700_000_000}, "skip", "invited"),  # expired
    ],
)
def test_a_dry_run_says_what_a_run_would_do_and_writes_nothing(
    seed: dict[str, Any] | None,
    if_exists: str,
    outcome: str,
    zoom: Simulator,
    client: ZoomClient,
    report: Report,
    tmp_path: Path,
) -> None:
    if seed is not None:
        zoom.seed({"email": P1, **seed})
    before = zoom.people()
    create(client, people(1), report, if_exists=if_exists, dry_run=True)
    assert outcomes(report) == [(1, outcome)]
    if outcome not in ("failed",):
        assert written(report)[0]["reason"].startswith(DRY_RUN)
    assert zoom.people() == before
    assert [method for method, _ in calls(zoom)] == ["GET"]
    real = begin_report(tmp_path / "real.jsonl")
    create(client, people(1), real, if_exists=if_exists)
    real.close()
    assert outcomes(real) == [(1, outcome)]
