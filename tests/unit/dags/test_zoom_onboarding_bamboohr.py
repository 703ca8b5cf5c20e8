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
    extract: Any = example.dag.get_task("extract")
    dates = {"from": None, "to": None}

    taken = [
        [person["eeid"] for person in extract.python_callable(dates, start, end)["due"]]
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


@pytest.mark.parametrize("hired", ["2026-03-06", "2026-03-06T00:00:00", "2026-03-06 08:00:00"])
def test_dates_with_a_time_are_dates(hired: str) -> None:
    people = [{"eeid": "1", "email": "ann@example.com", "hireDate": hired}]

    assert example.without_first_day(people) == []
    assert people == [{"eeid": "1", "email": "ann@example.com", "hireDate": "2026-03-06"}]


@pytest.mark.parametrize(
    "hired", ["03/06/2026", "06.03.2026", "0000-00-00", "", "soon\nforged", None]
)
def test_person_without_a_readable_first_day_is_rejected(hired: str | None) -> None:
    ann = {"eeid": "1", "email": "ann@example.com", "hireDate": "2026-03-06"}
    people: list[dict[str, Any]] = [{"eeid": 7, "email": "a\nb@example.com", "hireDate": hired}]
    people.append(dict(ann))

    undated = example.without_first_day(people)

    assert people == [ann]
    assert undated == [
        {
            "source": "bamboohr",
            "row": None,
            "key": "7",
            "email": "a b@example.com",
            "outcome": "rejected",
            "reason": f"hireDate {hired!r} is no date in the form YYYY-MM-DD",
        }
    ]


@pytest.mark.parametrize(("undated", "red"), [(8, False), (9, True)])
def test_people_without_a_first_day_count_as_failures(undated: int, red: bool) -> None:
    refused = {"source": "bamboohr", "row": 1, "key": "1", "email": "ann@example.com"}
    refused |= {"outcome": "needs_license", "reason": "no seat"}
    late = [{**refused, "key": str(n), "outcome": "rejected"} for n in range(undated)]
    left: dict[str, Any] = {
        "outcomes": {"invited": 5, "needs_license": 1, "rejected": 1},
        "attention": [refused],
        "return_value": {},
    }
    pushed: dict[str, Any] = {}

    def pull(task_ids: str, key: str = "return_value") -> Any:
        return {"due": [], "undated": late} if task_ids == "extract" else left[key]

    summarize: Any = example.dag.get_task("summarize")
    ti = SimpleNamespace(xcom_pull=pull, xcom_push=lambda key, value: pushed.update({key: value}))

    if red:
        with pytest.raises(AirflowFailException, match=r"^11 people failed"):
            summarize.python_callable(ti=ti)
    else:
        counts = {"invited": 5, "needs_license": 1, "rejected": 9}
        assert summarize.python_callable(ti=ti) == counts
    assert pushed == {"attention": [refused, *late]}


@pytest.mark.parametrize("extracted", [None, {"due": [], "undated": []}])
def test_what_is_left_of_an_earlier_try_is_not_taken_for_this_ones(
    extracted: dict[str, Any] | None,
) -> None:
    """Extract was cleared, and then failed: Airflow keeps the XComs of the tasks after it."""
    left: dict[str, Any] = {"outcomes": {}, "attention": [], "return_value": {}}

    def pull(task_ids: str, key: str = "return_value") -> Any:
        return extracted if task_ids == "extract" else left[key]

    summarize: Any = example.dag.get_task("summarize")
    ti = SimpleNamespace(xcom_pull=pull, xcom_push=lambda key, value: None)

    if extracted is None:
        with pytest.raises(AirflowFailException, match="left no report"):
            summarize.python_callable(ti=ti)
    else:
        assert summarize.python_callable(ti=ti) == {}


def test_the_extra_brings_a_urllib3_that_can_bound_its_waits() -> None:
    """``Retry`` takes ``retry_after_max`` from 2.6.3 on; before, each request was a TypeError."""
    needed = [Requirement(text) for text in requires("airflow-provider-zoom") or ()]
    [urllib3] = [r for r in needed if r.name == "urllib3"]
    assert urllib3.marker
    assert urllib3.marker.evaluate({"extra": "examples"})
    assert urllib3.specifier.contains("2.6.3")
    assert not urllib3.specifier.contains("2.6.2")
