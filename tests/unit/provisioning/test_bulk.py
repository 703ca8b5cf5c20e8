"""Many people, and all that can go wrong with some of them: nobody is lost, nobody is twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support import Clock, calls, emails, person
from tests.unit.provisioning.conftest import (
    Forgetful,
    open_text,
    rows_of,
    told,
    written,
)
from zoom_provider.api.client import ZoomClient
from zoom_provider.exceptions import (
    ZoomAuthError,
    ZoomDailyLimitError,
    ZoomError,
    ZoomPermissionError,
    ZoomUnavailableError,
    ZoomValidationError,
)
from zoom_provider.provisioning.bulk import Rules, create_many
from zoom_provider.provisioning.creating import DRY_RUN
from zoom_provider.provisioning.outcomes import FAILURES, Report
from zoom_provider.provisioning.progress import Progress
from zoom_provider.provisioning.roster import Row
from zoom_provider.simulator.server import Simulator

POST = "POST /v2/users"
P1 = "p1@example.com"


def people(count: int) -> list[dict[str, Any]]:
    return [person(number) for number in range(1, count + 1)]


class Ending(NamedTuple):
    """How creating many ended."""

    stopped_by: ZoomError | None
    left: tuple[int, ...]
    next_row: int | None


def create(client: ZoomClient, rows: Iterable[Any], report: Report, **options: Any) -> Ending:
    """Create people one call at a time, so that the order is certain."""
    found = rows if isinstance(rows, Iterator) else rows_of(client, list(rows))
    progress = Progress(client, Forgetful(), Forgetful())
    rules = Rules(**{"at_once": 1} | options)
    stopped_by = create_many(client, found, report, rules, progress)
    if not (rules.put_off_quota and isinstance(stopped_by, ZoomDailyLimitError)):
        return Ending(stopped_by, (), None)
    state = progress.state((), report.counts)
    return Ending(stopped_by, tuple(state["left"]), state["next"])


# What Zoom is like, and what becomes of p1 there when everybody may go on.
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
            "failed": (300, 2300, 4130),
        }.items()
        for code in codes
    ),
]


@pytest.mark.parametrize(("state", "options", "outcome", "code"), CASES)
def test_what_one_persons_case_comes_to(
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
    ending = create(client, people(2), report, **options)
    assert ending.stopped_by is None
    assert told(report) == [(1, outcome), (2, "invited")]
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
        ({"kind": "error", "code": 200}, ZoomPermissionError),
        ({"kind": "error", "code": 4711}, ZoomPermissionError),
        ({"kind": "error", "code": 124, "times": 2}, ZoomAuthError),
        ({"kind": "error", "code": 403}, ZoomPermissionError),
        ({"kind": "error", "code": 2002}, ZoomError),
        ({"kind": "error", "code": 2032}, ZoomError),
        ({"kind": "error", "code": 2035}, ZoomError),
    ],
)
def test_what_is_wrong_with_the_app_or_account_stops_the_run(
    fault: dict[str, Any],
    error: type[Exception],
    zoom: Simulator,
    client: ZoomClient,
    report: Report,
) -> None:
    zoom.fault(**fault, on=POST, skip=1)
    rows = [*people(4), person(5, type=7), person(1)]
    ending = create(client, rows, report)
    assert isinstance(ending.stopped_by, error)
    assert emails(zoom) == [P1]
    assert [row for row, _ in told(report)] == [1, 2, 3, 4, 5]
    assert [line["reason"][:9] for line in written(report)[2:4]] == ["not tried", "not tried"]


@pytest.mark.parametrize("kind", ["status", "cut_before", "html"])
def test_an_outage_stops_the_run_after_a_few_calls(
    kind: str, zoom: Simulator, client: ZoomClient, report: Report
) -> None:
    zoom.fault(kind, on="* /v2/*", skip=3, times=None)
    ending = create(client, people(300), report)
    assert isinstance(ending.stopped_by, ZoomUnavailableError)
    assert emails(zoom) == [f"p{n}@example.com" for n in (1, 2, 3)]
    assert len(zoom.requests(POST)) <= 3 + 5
    lines = written(report)
    assert sorted(line["row"] for line in lines) == list(range(1, 301))
    assert Counter(line["outcome"] for line in lines) == {"invited": 3, "failed": 297}
    assert sum(line["reason"].startswith("not tried") for line in lines[3:]) == 292


def test_a_short_outage_is_waited_for_and_everybody_is_created(
    zoom: Simulator, client: ZoomClient, report: Report
) -> None:
    zoom.fault("status", on=POST, skip=2, times=5)
    ending = create(client, people(50), report)
    assert ending.stopped_by is None
    assert report.counts == {"invited": 50}
    assert len(emails(zoom)) == 50


def test_who_is_settled_late_is_not_lost_when_the_run_has_stopped(
    zoom: Simulator, client: ZoomClient, report: Report
) -> None:
    zoom.fault("cut_before", on=POST, email=P1)
    zoom.fault("error", code=200, on=POST, email="p2@example.com")
    zoom.fault("429", limit="creates", on=POST, email=P1)
    ending = create(client, people(3), report, put_off_quota=True)
    assert isinstance(ending.stopped_by, ZoomPermissionError)
    assert (ending.left, ending.next_row) == ((), None)
    assert told(report) == [(2, "needs_human"), (1, "deferred_quota"), (3, "failed")]


def test_a_stop_is_not_undone_by_a_quota_that_ends_later(
    zoom: Simulator, client: ZoomClient, report: Report
) -> None:
    zoom.fault("cut_before", on=POST, email=P1)
    zoom.fault("error", code=2016, on=POST, email="p2@example.com")
    zoom.fault("429", limit="creates", on=POST, email=P1)
    ending = create(client, people(3), report, on_error="stop", put_off_quota=True)
    assert ending.stopped_by is None
    assert told(report) == [(2, "needs_human"), (1, "deferred_quota"), (3, "failed")]


def test_the_quota_leaves_the_rest_for_later(
    zoom: Simulator, client: ZoomClient, report: Report
) -> None:
    zoom.fault("cut_before", on=POST, email=P1)
    zoom.configure(limits_enforced=True, create_cap=2)
    ending = create(client, people(6), report, put_off_quota=True)
    assert isinstance(ending.stopped_by, ZoomDailyLimitError)
    assert told(report) == [(2, "invited"), (3, "invited")]
    assert (sorted(ending.left), ending.next_row) == ([1, 4], 5)


def test_a_source_that_breaks_off_leaves_nobody_unsettled(
    zoom: Simulator, client: ZoomClient, report: Report
) -> None:
    def broken() -> Iterator[Row]:
        yield from rows_of(client, people(2))
        raise ZoomValidationError("roster x.csv is not UTF-8")

    zoom.fault("cut_after", on=POST, email=P1)
    ending = create(client, broken(), report)
    assert isinstance(ending.stopped_by, ZoomValidationError)
    assert told(report) == [(2, "invited"), (1, "invited")]


def test_nobody_waits_for_who_is_being_settled(
    zoom: Simulator, client: ZoomClient, report: Report, clock: Clock
) -> None:
    zoom.fault("cut_before", on=POST, email=P1)
    create(client, people(4), report)
    assert calls(zoom) == [
        *[("POST", f"p{n}@example.com") for n in range(1, 5)],
        *[("GET", P1)] * 3,
        ("POST", P1),
    ]
    assert sum(clock.slept) == pytest.approx(8, abs=0.2)


@pytest.mark.parametrize(
    ("seed", "if_exists", "outcome"),
    [
        (None, "skip", "invited"),
        ({"status": "active"}, "skip", "existing"),
        ({"status": "active"}, "update", "updated"),
        ({"status": "active"}, "fail", "failed"),
        ({"status": "inactive"}, "update", "needs_human"),
        # An invitation that has expired holds the address all the same.
        ({"status": "pending", "created": 1_700_000_000}, "skip", "existing"),
    ],
)
def test_a_dry_run_tells_what_a_run_would_do_and_writes_nothing(
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
    assert told(report) == [(1, outcome)]
    if outcome not in ("failed",):
        assert written(report)[0]["reason"].startswith(DRY_RUN)
    assert zoom.people() == before
    assert [method for method, _ in calls(zoom)] == ["GET"]
    with Report(str(tmp_path / "real.jsonl"), open_text) as real:
        create(client, people(1), real, if_exists=if_exists)
        assert told(real) == [(1, outcome)]
