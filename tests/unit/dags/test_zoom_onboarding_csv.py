"""Who starts in a run's interval, and what the summary makes of the report."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from dags import zoom_onboarding_csv as example

BERLIN = ZoneInfo("Europe/Berlin")
TODAY = date(2026, 3, 6)


def row(hired: str, **columns: str) -> dict[str, str]:
    return {
        "First Name": "Jane",
        "Last Name": "Doe",
        "Display Name": "Jane Doe",
        "Work Email": "jane@example.com",
        "Hire Date": hired,
        "Zoom License": "Basic",
        **columns,
    }


def five(day: date) -> datetime:
    """Give the moment at which the run of a day starts, and its interval ends."""
    return datetime(day.year, day.month, day.day, 5, tzinfo=BERLIN).astimezone(UTC)


@pytest.mark.parametrize(
    ("hired", "start", "end", "starts"),
    [
        # The eve of 2 March begins on 1 March at 0:00 in Berlin, which is 23:00 UTC the day before.
        (
            "2026-03-02",
            datetime(2026, 2, 28, 23, tzinfo=UTC),
            datetime(2026, 3, 1, tzinfo=UTC),
            True,
        ),
        (
            "2026-03-02",
            datetime(2026, 2, 28, 22, tzinfo=UTC),
            datetime(2026, 2, 28, 23, tzinfo=UTC),
            False,
        ),
        ("2026-03-02", five(date(2026, 2, 28)), five(date(2026, 3, 1)), True),
        ("2026-03-02", five(date(2026, 3, 1)), five(date(2026, 3, 2)), False),
        ("2026-03-02", five(date(2026, 2, 27)), five(date(2026, 2, 28)), False),
        (" 2026-03-02 ", five(date(2026, 2, 28)), five(date(2026, 3, 1)), True),
    ],
)
def test_who_starts_in_an_interval(
    hired: str, start: datetime, end: datetime, starts: bool
) -> None:
    starters, undated = example.pick_starters([row(hired)], start, end)

    assert (len(starters), undated) == (int(starts), [])


def test_daily_runs_leave_nobody_out_and_take_nobody_twice() -> None:
    """Over a year, with its days of 23 and of 25 hours."""
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(400)]
    rows = [row(day.isoformat(), **{"Work Email": f"{day}@example.com"}) for day in days[2:-2]]

    picked = [
        (person["email"], day)
        for day in days
        for person in example.pick_starters(rows, five(day - timedelta(days=1)), five(day))[0]
    ]

    # Each on the morning of the day before their first.
    assert picked == [(f"{day}@example.com", day - timedelta(days=1)) for day in days[2:-2]]


@pytest.mark.parametrize(
    ("hired", "reason"),
    [
        ("", "hire date is missing"),
        ("  ", "hire date is missing"),
        ("0000-00-00", "hire date '0000-00-00' is not a date"),
        ("2026-02-30", "hire date '2026-02-30' is not a date"),
        ("03/02/2026", "hire date '03/02/2026' is not a date"),
        # The day before the first day of the calendar.
        ("0001-01-01", "hire date '0001-01-01' is not a date"),
    ],
)
def test_who_has_no_first_day_is_told_of(hired: str, reason: str) -> None:
    starters, undated = example.pick_starters([row(hired)], five(TODAY), five(TODAY))

    assert starters == []
    assert undated == [{"email": "jane@example.com", "outcome": "no_start_date", "reason": reason}]


@pytest.mark.parametrize(
    ("given", "hires"),
    [
        pytest.param({}, ("2026-03-07", "2026-03-07"), id="tomorrow"),
        pytest.param({"from": "2026-03-02"}, ("2026-03-02", "2026-03-02"), id="one day"),
        pytest.param({"to": "2026-03-09"}, ("2026-03-07", "2026-03-09"), id="from tomorrow on"),
        pytest.param(
            {"from": "2026-03-02", "to": "2026-03-31"}, ("2026-03-02", "2026-03-31"), id="a month"
        ),
    ],
)
def test_a_run_without_interval_takes_first_days(
    given: dict[str, str], hires: tuple[str, str]
) -> None:
    start, end = example.wanted_interval({"from": None, "to": None, **given}, None, None, TODAY)

    days = [(date(2026, 2, 20) + timedelta(days=n)).isoformat() for n in range(50)]
    rows = [row(day, **{"Work Email": f"{day}@example.com"}) for day in days]
    starters, _ = example.pick_starters(rows, start, end)
    wanted = [f"{day}@example.com" for day in days if hires[0] <= day <= hires[1]]
    assert [person["email"] for person in starters] == wanted


def test_a_runs_own_interval_counts_unless_somebody_gives_dates() -> None:
    start, end = five(date(2026, 2, 28)), five(date(2026, 3, 1))
    nothing, dates = {"from": None, "to": None}, {"from": "2026-03-02", "to": None}

    assert example.wanted_interval(nothing, start, end, TODAY) == (start, end)
    assert example.wanted_interval(dates, start, end, TODAY) == (
        datetime(2026, 3, 1, tzinfo=BERLIN),
        datetime(2026, 3, 2, tzinfo=BERLIN),
    )


def test_exchanged_dates_are_refused() -> None:
    with pytest.raises(ValueError, match="exchange the dates"):
        example.wanted_interval({"from": "2026-03-03", "to": "2026-03-02"}, None, None, TODAY)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, {"type": 1}),
        ({"Zoom License": "Licensed"}, {"type": 2}),
        ({"Zoom License": "Premium"}, {"type": "Premium"}),
        ({"Zoom License": ""}, {"type": None}),
        ({"Last Name": "", "Display Name": " "}, {"last_name": None, "display_name": None}),
        ({"Work Email": " jane@example.com\t"}, {"email": "jane@example.com"}),
        ({"Work Email": ""}, {"email": None}),
    ],
)
def test_a_row_becomes_user_info(columns: dict[str, str], expected: dict[str, Any]) -> None:
    user_info = example.to_user_info(row("2026-03-02", **columns))

    assert {name: user_info.get(name) for name in expected} == expected
    assert None not in user_info.values()


def test_the_sample_is_read_whole() -> None:
    path = Path(example.__file__).parent / "data" / "hr_export.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))

    assert len(rows) >= 40
    assert all(None not in r and None not in r.values() for r in rows)


class Finished:
    """Stands for the task instance: what create_users left in XCom."""

    def __init__(self, report: str | None, succeeded: bool = True) -> None:
        self._left: dict[str, Any] = {"report": report, "return_value": {} if succeeded else None}

    def xcom_pull(self, task_ids: str, key: str = "return_value") -> Any:
        assert task_ids == "create_users"
        return self._left[key]


@pytest.fixture
def report(tmp_path: Path) -> str:
    """Give a report on three rows: the first invited, the second its duplicate, no third."""
    line = {"row": 1, "email": "a@example.com", "outcome": "invited", "reason": None}
    # U+2028 ends a line for str.splitlines, and in no JSON Lines file.
    other = {"row": 4, "email": "d", "outcome": "rejected", "reason": "no \u2028 address"}
    lines = [json.dumps(person, ensure_ascii=False) + "\n" for person in (line, other)]
    (tmp_path / "x.jsonl").write_text("".join(lines), encoding="utf-8")
    rejects = "row,email,field,reason\n2,A@example.com,user_info.email,duplicate of row 1\n"
    rejects += "4,d,user_info.email,no address\n"
    (tmp_path / "x.rejects.csv").write_text(rejects, encoding="utf-8")
    return str(tmp_path / "x.jsonl")


def summarize(starters: list[str], ti: Finished) -> Any:
    task: Any = example.dag.get_task("summarize")
    return task.python_callable([{"email": e} for e in starters], [], ti=ti)


def test_the_summary_has_each_row_once(report: str) -> None:
    listed = example.read_report(report)

    told = {number: (person["outcome"], person["reason"]) for number, person in listed.items()}
    assert told == {
        1: ("invited", None),
        2: ("duplicate", "duplicate of row 1"),
        4: ("rejected", "no \u2028 address"),
    }


@pytest.mark.parametrize(
    ("starters", "succeeded", "fault"),
    [
        (["a@example.com", "A@example.com", "c@example.com", "d"], True, "for c@example.com$"),
        (["a@example.com", "A@example.com"], False, "create_users failed"),
    ],
)
def test_the_summary_fails_for_who_is_forgotten(
    report: str, starters: list[str], succeeded: bool, fault: str
) -> None:
    with pytest.raises(AirflowFailException, match=fault):
        summarize(starters, Finished(report, succeeded))


def test_the_summary_fails_where_there_is_no_report() -> None:
    with pytest.raises(AirflowFailException, match="no report"):
        summarize(["a@example.com"], Finished(None, succeeded=False))
