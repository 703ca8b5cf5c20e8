"""Several calls at once under any faults: no row is lost or doubled, and Zoom agrees."""

from __future__ import annotations

import csv
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import emails, person
from tests.unit.provisioning.conftest import (
    SharedClock,
    begin_report,
    make_client,
    make_runner,
    rows_of,
    written,
)
from zoom_provider.provisioning.directory import open_directory
from zoom_provider.provisioning.report import DONE, FAILURES
from zoom_provider.provisioning.seats import Seats
from zoom_provider.simulator.server import Simulator

POST = "POST /v2/users"


def number_of(email: str) -> int:
    return int(email.partition("@")[0][1:])


def emails_of(rows: Iterable[int]) -> set[str]:
    return {f"p{row}@example.com" for row in rows}


def check_against(
    zoom: Simulator, lines: list[dict[str, Any]], there: dict[int, str], wanted: set[str]
) -> None:
    """Compare a report with the users that Zoom was left with."""
    made = Counter(e["email"] for e in zoom.requests(POST) if e["status"] == 201)
    assert max(made.values(), default=0) <= 1
    present = set(emails(zoom))
    assert present - emails_of(there) <= wanted
    for line in lines:
        if line["outcome"] in ("invited", "existing", "updated", "unchanged"):
            assert line["email"] in present
        # Zoom does not say since when a user is pending: after a lost reply they count as ours.
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
        st.just({"email": "no address", "type": 1}),
        st.just("no object"),
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
    max_concurrency=st.sampled_from([1, 1, 2, 3, 5, 8]),
    if_exists=st.sampled_from(["fail", "skip", "update"]),
    on_error=st.sampled_from(["continue", "stop"]),
    listed=st.booleans(),
    free=st.none() | st.integers(0, 10),
    cap=st.none() | st.integers(0, 20),
)
def test_under_any_faults_each_row_is_reported_once_and_what_is_not_done_is_owed(
    crowd: list[Any],
    strikes: list[Any],
    there: dict[int, str],
    max_concurrency: int,
    if_exists: Any,
    on_error: Any,
    listed: bool,
    free: int | None,
    cap: int | None,
    zoom: Simulator,
) -> None:
    zoom.reset()
    client = make_client(zoom, SharedClock())
    zoom.configure(limits_enforced=cap is not None, create_cap=cap)
    for number, status in there.items():
        created = None if status == "pending" else 1_700_000_000
        zoom.seed({"email": f"p{number}@example.com", "status": status, "created": created})
    rows = rows_of(client, crowd)
    directory = None
    if listed:
        directory, rows = open_directory(client, rows)
    seats = None if free is None else Seats({"basic": free, "licensed": 1}, else_basic=True)
    for fault, on, number, skip, times in strikes:
        email = None if number is None or "oauth" in on else f"p{number}@example.com"
        zoom.fault(**fault, on=on, email=email, skip=skip, times=times)
    with tempfile.TemporaryDirectory() as folder:
        report = begin_report(f"{folder}/r.jsonl")
        runner = make_runner(
            client,
            report,
            len(crowd),
            directory=directory,
            seats=seats,
            if_exists=if_exists,
            on_error=on_error,
            max_concurrency=max_concurrency,
        )
        runner.run(rows)
        report.publish()
        report.close()
        lines = written(report)
        with Path(report.paths.rejects).open(encoding="utf-8", newline="") as file:
            rejects = list(csv.DictReader(file))
    client.close()

    reported = [line["row"] for line in lines]
    repeated = [int(row["row"]) for row in rejects if row["reason"].startswith("duplicate of")]
    assert sorted([*reported, *repeated]) == list(range(1, len(crowd) + 1))
    assert report.counts == Counter(line["outcome"] for line in lines)
    last = runner.ledger.checkpoint(report.counts, 0, 0, 0)
    final = {*DONE, "rejected"}
    assert list(last.owed) == sorted(line["row"] for line in lines if line["outcome"] not in final)
    assert {row: outcome for outcome, done in last.done.items() for row in done} == {
        line["row"]: line["outcome"] for line in lines if line["outcome"] in DONE
    }
    assert set(last.attempting) <= set(last.owed)

    check_against(zoom, lines, there, {row["email"] for row in crowd if isinstance(row, dict)})
    if seats is not None:
        assert min(seats.free.values()) >= 0
