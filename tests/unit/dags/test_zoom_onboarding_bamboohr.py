"""Who of BambooHR's people is to come, and what its pages must hold."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from importlib.metadata import requires
from itertools import pairwise
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from packaging.requirements import Requirement

from dags import zoom_onboarding_bamboohr as example

TODAY = date(2026, 3, 6)


@pytest.mark.parametrize(
    ("hired", "status", "ends", "comes"),
    [
        pytest.param("2026-03-07", "Inactive", None, True, id="a hire is inactive until then"),
        pytest.param("2026-03-06", "Active", None, True, id="the first day"),
        pytest.param("2026-03-06", "Active", "0000-00-00", True, id="no date, as BambooHR had it"),
        pytest.param("2026-02-20", "Active", "2027-02-19", True, id="a year's contract"),
        pytest.param("2026-03-07", "Inactive", "2027-03-06", True, id="a year's contract to come"),
        pytest.param("2026-03-07", "Inactive", "2025-12-31", True, id="comes back"),
        pytest.param("2026-02-20", "Active", "2025-12-31", True, id="came back"),
        pytest.param("2026-02-20", "Inactive", None, False, id="left, without a date"),
        pytest.param("2026-02-20", "Active", "2026-03-06", False, id="the last day"),
        pytest.param("2026-03-07", "Inactive", "2026-03-07", False, id="will not come after all"),
    ],
)
def test_who_is_to_come(hired: str, status: str, ends: str | None, comes: bool) -> None:
    person = {"hireDate": hired, "status": status, "terminationDate": ends}

    assert example.is_to_come(person, TODAY) is comes


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Pacific/Auckland", "America/Los_Angeles"])
def test_daily_runs_leave_no_first_day_out_and_take_none_twice(
    zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over a year, with its days of 23 and of 25 hours; without late entries."""
    hr = ZoneInfo(zone)

    def every_hire(first: date, last: date) -> list[dict[str, Any]]:
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        known = {"status": "Active", "terminationDate": None, **dict.fromkeys(example.FIELDS)}
        return [{**known, "eeid": str(day), "hireDate": str(day)} for day in days]

    monkeypatch.setattr(example, "INSTALLED", True)
    monkeypatch.setattr(example, "HR_TIMEZONE", hr)
    monkeypatch.setattr(example, "people_hired", every_hire)
    monkeypatch.setattr(example, "changed_since", lambda _: set())
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(400)]
    mornings = [datetime.combine(day, time(5), hr).astimezone(UTC) for day in days]
    create_users: Any = example.dag.get_task("create_users")
    dates = {"from": None, "to": None}

    taken = [
        [person["eeid"] for person in create_users.python_callable(dates, start, end)]
        for start, end in pairwise(mornings)
    ]

    assert taken == [[str(day + timedelta(days=1))] for day in days[1:]]


def test_pages_that_lost_a_person_are_not_taken_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """An employee was deleted while the pages were read, and the rest moved up."""
    pages = [["1", "2"], ["4"]]

    def ask(*_: str, json: dict[str, Any]) -> dict[str, Any]:
        people = pages[json["page"] - 1]
        meta = {"totalPages": 2, "totalItems": 5 - json["page"]}
        return {"data": [{"fields": {"eeid": eeid}} for eeid in people], "meta": meta}

    monkeypatch.setattr(example, "ask", ask)
    assert len(example.people_hired(TODAY, TODAY)) == 3

    pages[1] = []
    with pytest.raises(RuntimeError, match="changed while it was read: 2 of 3"):
        example.people_hired(TODAY, TODAY)


@pytest.mark.parametrize(
    ("hired", "comes"),
    [
        *((day, True) for day in ("2026-03-07", "2026-03-07T00:00:00", "2026-03-07 08:00:00")),
        # Of an employee who is here for a week, nothing has changed since.
        ("2026-02-28", False),
        # What cannot be read is left to the operator, which reports it.
        *((day, True) for day in ("03/06/2026", "06.03.2026", "0000-00-00", "", "soon", None)),
    ],
)
def test_employees_of_the_run_and_those_without_a_readable_first_day_go_to_zoom(
    hired: str | None, comes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {**dict.fromkeys(example.FIELDS), "status": "Active", "terminationDate": None}
    monkeypatch.setattr(example, "INSTALLED", True)
    monkeypatch.setattr(
        example, "people_hired", lambda *_: [{**known, "eeid": 7, "hireDate": hired}]
    )
    monkeypatch.setattr(example, "changed_since", lambda _: set())
    end = datetime(2026, 3, 6, 5, tzinfo=example.HR_TIMEZONE)
    create_users: Any = example.dag.get_task("create_users")

    rows = create_users.python_callable({"from": None, "to": None}, end - timedelta(days=1), end)

    found = [(row["eeid"], row["hireDate"]) for row in rows]
    assert found == ([(7, hired)] if comes else [])


@pytest.mark.parametrize(
    ("left", "says"),
    [
        ({}, "left no report"),
        ({"outcomes": {"rejected": 11}, "attention": []}, "create_users failed"),
        ({"outcomes": {"invited": 1}, "attention": [], "return_value": {}}, None),
    ],
)
def test_the_summary_fails_with_the_creation_and_without_a_report(
    left: dict[str, Any], says: str | None
) -> None:
    ti = SimpleNamespace(xcom_pull=lambda task_ids, key="return_value": left.get(key))
    summarize: Any = example.dag.get_task("summarize")

    if says is None:
        assert summarize.python_callable(ti=ti) == {"invited": 1}
    else:
        with pytest.raises(AirflowFailException, match=says):
            summarize.python_callable(ti=ti)


def test_the_extra_brings_a_urllib3_that_can_bound_its_waits() -> None:
    """``Retry`` takes ``retry_after_max`` from 2.6.3 on; before, each request was a TypeError."""
    needed = [Requirement(text) for text in requires("airflow-provider-zoom") or ()]
    [urllib3] = [r for r in needed if r.name == "urllib3"]
    assert urllib3.marker
    assert urllib3.marker.evaluate({"extra": "examples"})
    assert urllib3.specifier.contains("2.6.3")
    assert not urllib3.specifier.contains("2.6.2")
