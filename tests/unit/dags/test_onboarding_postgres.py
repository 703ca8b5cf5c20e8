"""Which first days belong to a run of zoom_onboarding_postgres."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from dags import zoom_onboarding_postgres as example

NO_DATES = {"from": None, "to": None}


def first_days(start: datetime, end: datetime) -> list[date]:
    """List the first days that belong to an interval."""
    asked = example.wanted(NO_DATES, start, end)
    # An hour more than the interval, for what was being written while the run before asked.
    assert (asked["start"], asked["end"]) == (start - timedelta(hours=1), end)
    days = (asked["last"] - asked["first"]).days + 1
    return [asked["first"] + timedelta(days=n) for n in range(days)]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Pacific/Auckland", "America/Los_Angeles"])
def test_daily_runs_leave_no_day_out_and_take_none_twice(
    zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over a year, with its days of 23 and of 25 hours."""
    hr = ZoneInfo(zone)
    monkeypatch.setattr(example, "HR_TIMEZONE", hr)
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(400)]
    # Airflow gives them in UTC.
    mornings = [datetime.combine(day, time(5), hr).astimezone(UTC) for day in days]

    taken = [first_days(start, end) for start, end in pairwise(mornings)]

    assert taken == [[day + timedelta(days=1)] for day in days[1:]]


@pytest.mark.parametrize(
    "hours", [pytest.param(1, id="hours"), pytest.param(7, id="odd"), pytest.param(9000, id="year")]
)
def test_intervals_of_any_length_meet(hours: int) -> None:
    start = datetime(2026, 1, 1, 4, tzinfo=UTC)
    moments = [start + timedelta(hours=hours * n) for n in range(27_000 // hours)]

    taken = [day for begin, end in pairwise(moments) for day in first_days(begin, end)]

    assert taken == first_days(moments[0], moments[-1])
    assert len(taken) > 300


@pytest.mark.parametrize(
    ("given", "first", "last"),
    [
        ({"from": "2026-03-02"}, "2026-03-02", "2026-03-02"),
        ({"from": "2026-03-02", "to": "2026-03-31"}, "2026-03-02", "2026-03-31"),
    ],
)
def test_given_dates_count_instead_of_the_interval(
    given: dict[str, str], first: str, last: str
) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)

    for interval in ((None, None), (start, start + timedelta(days=1))):
        asked = example.wanted({**NO_DATES, **given}, *interval)

        assert (str(asked["first"]), str(asked["last"])) == (first, last)
        assert (asked["start"], asked["end"]) == (None, None)


def test_exchanged_dates_are_refused() -> None:
    with pytest.raises(AirflowFailException, match="No day is both"):
        example.wanted({"from": "2026-03-03", "to": "2026-03-02"}, None, None)


@pytest.mark.parametrize(
    ("left", "says"),
    [
        ({}, "No report"),
        ({"report": "report.jsonl"}, "create_users failed"),
        ({"report": "report.jsonl", "return_value": {}}, None),
    ],
)
def test_the_list_fails_with_the_creation_and_without_a_report(
    left: dict[str, Any], says: str | None, tmp_path: Path
) -> None:
    """A cleared task begins without the XComs of its earlier try."""
    (tmp_path / "report.jsonl").write_text("", encoding="utf-8")
    if "report" in left:
        left = {**left, "report": str(tmp_path / left["report"])}
    ti = SimpleNamespace(xcom_pull=lambda task_ids, key="return_value": left.get(key))
    report: Any = example.dag.get_task("report")

    if says is None:
        report.python_callable(ti=ti)
    else:
        with pytest.raises(AirflowFailException, match=says):
            report.python_callable(ti=ti)
