"""Which first days are due in a run, and which cells are no first day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.provisioning.due import DueRule, FirstDay, make_due_rule
from zoom_provider.provisioning.options import parse_options

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY_AT_5 = datetime(2026, 3, 2, 5, tzinfo=BERLIN)
DAY = timedelta(days=1)


def rule(interval: Any = None, **options: Any) -> DueRule:
    given = {"column": "Hire Date", "timezone": "Europe/Berlin", **options}
    return make_due_rule(FirstDay.model_validate(given), interval)


def due_days(found: DueRule) -> list[str]:
    days = [date(2026, 2, 1) + n * DAY for n in range(90)]
    return [str(day) for day in days if found.why_not(day) is None]


READER = rule((MONDAY_AT_5 - DAY, MONDAY_AT_5))


# ---- the window


@pytest.mark.parametrize(
    ("start", "end", "lead", "days"),
    [
        # A run at five in the morning, for those who start on the next day.
        (MONDAY_AT_5 - DAY, MONDAY_AT_5, 1, ["2026-03-03"]),
        (MONDAY_AT_5 - DAY, MONDAY_AT_5, 0, ["2026-03-02"]),
        (MONDAY_AT_5 - DAY, MONDAY_AT_5, 14, ["2026-03-16"]),
        # From midnight to midnight: the start belongs to it, the end does not.
        (datetime(2026, 3, 1, tzinfo=BERLIN), datetime(2026, 3, 2, tzinfo=BERLIN), 0,
         ["2026-03-01"]),
        # The same in UTC is an hour later in Berlin, where 1 March had begun before.
        (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC), 0, ["2026-03-02"]),
        (datetime(2026, 2, 28, 23, tzinfo=UTC), datetime(2026, 3, 1, 23, tzinfo=UTC), 0,
         ["2026-03-01"]),
        # No day begins in an hour of the afternoon.
        (MONDAY_AT_5, MONDAY_AT_5 + timedelta(hours=1), 1, []),
        (MONDAY_AT_5 - 3 * DAY, MONDAY_AT_5, 1, ["2026-03-01", "2026-03-02", "2026-03-03"]),
    ],
)  # fmt: skip
def test_a_first_day_is_due_where_its_midnight_less_the_lead_days_is_in_the_interval(
    start: datetime, end: datetime, lead: int, days: list[str]
) -> None:
    assert due_days(rule((start, end), lead_days=lead)) == days


def test_a_day_without_a_midnight_begins_where_the_clock_jumps_to() -> None:
    # In Beirut the night of 29 March 2026 goes from 23:59:59 to 01:00.
    beirut = ZoneInfo("Asia/Beirut")
    jump = datetime(2026, 3, 29, 1, tzinfo=beirut)
    before = rule((jump - DAY, jump), timezone="Asia/Beirut")
    after = rule((jump, jump + DAY), timezone="Asia/Beirut")
    assert "2026-03-29" not in due_days(before)
    assert "2026-03-29" in due_days(after)


@settings(max_examples=40, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 30 * 24), min_size=2, max_size=6, unique=True),
    zone=st.sampled_from(["Europe/Berlin", "UTC", "Asia/Beirut", "Pacific/Apia", "Asia/Kolkata"]),
    lead=st.integers(0, 20),
)
def test_of_consecutive_intervals_each_day_falls_into_exactly_one(
    cuts: list[int], zone: str, lead: int
) -> None:
    start = datetime(2026, 2, 10, tzinfo=UTC)
    ends = [start + timedelta(hours=hours) for hours in sorted(cuts)]
    parts = [
        day
        for begin, end in pairwise(ends)
        for day in due_days(rule((begin, end), timezone=zone, lead_days=lead))
    ]
    whole = due_days(rule((ends[0], ends[-1]), timezone=zone, lead_days=lead))
    assert parts == whole


@pytest.mark.parametrize("interval", [None, (MONDAY_AT_5, MONDAY_AT_5)])
@pytest.mark.parametrize("late", ["ignore", "create"])
def test_a_run_without_an_interval_is_refused_and_names_both_remedies(
    interval: Any, late: str
) -> None:
    with pytest.raises(ZoomValidationError) as raised:
        rule(interval, late=late)
    assert "CronDataIntervalTimetable" in str(raised.value)
    assert "'from'" in str(raised.value)
    assert list(raised.value.errors) == ["first_day"]


@pytest.mark.parametrize("interval", [None, (MONDAY_AT_5 - DAY, MONDAY_AT_5)])
@pytest.mark.parametrize("late", ["ignore", "create"])
def test_from_and_to_win_over_the_interval_and_to_is_included(interval: Any, late: str) -> None:
    found = rule(interval, late=late, lead_days=5, **{"from": "2026-03-10", "to": "2026-03-12"})
    assert due_days(found) == ["2026-03-10", "2026-03-11", "2026-03-12"]


@pytest.mark.parametrize("given", ["", " ", "None", None])
def test_an_empty_from_or_to_is_not_given(given: Any) -> None:
    one = rule((MONDAY_AT_5 - DAY, MONDAY_AT_5), **{"from": given, "to": given})
    assert due_days(one) == ["2026-03-02"]
    assert due_days(rule(None, **{"from": "2026-04-30", "to": given}))[0] == "2026-04-30"
    assert due_days(rule(None, **{"from": given, "to": "2026-02-02"})) == [
        "2026-02-01",
        "2026-02-02",
    ]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"from": "2026-03-12", "to": "2026-03-10"}, "first_day.from"),
        ({"from": "12.03.2026"}, "first_day.from"),
        ({"to": "soon"}, "first_day.to"),
        ({"to": 5}, "first_day.to"),
    ],
)
def test_a_from_or_to_that_is_no_day_is_refused_by_name(
    options: dict[str, Any], field: str
) -> None:
    with pytest.raises(ZoomValidationError) as raised:
        rule((MONDAY_AT_5 - DAY, MONDAY_AT_5), **options)
    assert list(raised.value.errors) == [field]
    assert str(raised.value).startswith(field)


def test_late_first_days_are_due_only_where_they_are_asked_for() -> None:
    interval = (MONDAY_AT_5 - DAY, MONDAY_AT_5)
    early, late = date(2019, 5, 1), date(2026, 3, 3)
    assert rule(interval).why_not(early) == "first day 2019-05-01 is before 2026-03-02"
    assert rule(interval, late="create").why_not(early) is None
    assert rule(interval, late="create").why_not(late) == (
        "first day 2026-03-03 is after 2026-03-02"
    )


# ---- the cells


@pytest.mark.parametrize(
    ("value", "format"),
    [
        ("2026-03-02", None),
        (" 2026-03-02\u00a0", None),
        ("20260302", None),
        ("2026-03-02T00:00:00", None),
        ("2026-03-02 00:00", None),
        ("2026-03-02T00:00:00.000+01:00", None),
        ("2026-03-02T09:00:00Z", None),
        (date(2026, 3, 2), None),
        (datetime(2026, 3, 2, 23, 59), None),
        (datetime(2026, 3, 2, 12, tzinfo=UTC), None),
        ("02.03.2026", "DD.MM.YYYY"),
        ("2.3.2026", "D.M.YYYY"),
        ("03/02/2026", "MM/DD/YYYY"),
        ("03/02/26", "MM/DD/YY"),
        ("2 Mar 2026", "D MMM YYYY"),
        ("March 2, 2026", "MMMM D, YYYY"),
        ("Mon 2 Mar 2026", "ddd D MMM YYYY"),
        ("02.03.2026 09:00", "DD.MM.YYYY HH:mm"),
        # An ISO date is read as it is, whatever the others look like.
        ("2026-03-02", "DD.MM.YYYY"),
        (date(2026, 3, 2), "DD.MM.YYYY"),
        # The author says so.
        ("2026-02-03", "YYYY-DD-MM"),
    ],
)
def test_a_first_day_is_read(value: Any, format: str | None) -> None:
    assert str(rule((MONDAY_AT_5 - DAY, MONDAY_AT_5), format=format).read(value)) == "2026-03-02"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("03/02/2026", "Hire Date '03/02/2026' is not in the form YYYY-MM-DD: correct it, or give"
                       " first_day a format"),
        ("2026/03/02", "give first_day a format"),
        ("2026-3-2", "give first_day a format"),
        ("2026-03", "give first_day a format"),
        ("2026", "give first_day a format"),
        ("260302", "give first_day a format"),
        ("2026-02-30", "give first_day a format"),
        ("2026-03-02T25:00", "give first_day a format"),
        ("46083", "give first_day a format"),
        (46083, "give first_day a format"),
        (True, "give first_day a format"),
        ("infinity", "give first_day a format"),
        ("TBD", "Hire Date 'TBD'"),
        ("a\nb", "Hire Date"),
        (None, "Hire Date is empty"),
        ("", "Hire Date is empty"),
        (" \u00a0", "Hire Date is empty"),
        ("0026-03-02", "year 26"),
        ("0926-03-02", "year 926"),
        (date(26, 3, 2), "year 26"),
        ("1026-03-02", "year 1026"),
        ("9999-12-31", "year 9999"),
        # Midnight of one zone is the day before in another.
        ("2026-03-01T23:00:00Z", "is 2026-03-01 as written and 2026-03-02 in Europe/Berlin"),
        (datetime(2026, 3, 2, tzinfo=timezone(timedelta(hours=5))), "2026-03-01 in Europe/Berlin"),
    ],
)  # fmt: skip
def test_a_cell_that_is_no_day_or_may_be_two_is_a_fault_that_says_what_to_do(
    value: Any, says: str
) -> None:
    with pytest.raises(ValueError, match=r"^Hire Date") as raised:
        READER.read(value)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("value", "format"),
    [
        ("02/03", "DD.MM.YYYY"),
        ("31.02.2026", "DD.MM.YYYY"),
        ("03/14/2026", "DD/MM/YYYY"),
        # pendulum would take the Tuesday after.
        ("Tue 2 Mar 2026", "ddd D MMM YYYY"),
        # May be the first of November, or the eleventh of January.
        ("1112026", "DDMMYYYY"),
        ("02.03.0026", "DD.MM.YYYY"),
    ],
)
def test_a_cell_in_another_form_than_the_format_is_a_fault(value: str, format: str) -> None:
    with pytest.raises(ValueError, match=r"^Hire Date"):
        rule((MONDAY_AT_5 - DAY, MONDAY_AT_5), format=format).read(value)


@given(day=st.dates(date(1900, 1, 1), date(2199, 12, 31)))
def test_every_day_is_read_back_as_it_was_written(day: date) -> None:
    assert READER.read(day.isoformat()) == day
    assert READER.read(f"{day}T00:00:00") == day
    form = rule((MONDAY_AT_5 - DAY, MONDAY_AT_5), format="D.M.YYYY")
    assert form.read(f"{day.day}.{day.month}.{day.year}") == day


# ---- the options


@pytest.mark.parametrize(
    ("first_day", "field"),
    [
        ({}, "first_day.column"),
        ({"column": ""}, "first_day.column"),
        ({"column": 5}, "first_day.column"),
        ({"column": "H", "lead_days": -1}, "first_day.lead_days"),
        ({"column": "H", "lead_days": 1.5}, "first_day.lead_days"),
        ({"column": "H", "lead_days": True}, "first_day.lead_days"),
        ({"column": "H", "lead_days": "one"}, "first_day.lead_days"),
        ({"column": "H", "timezone": "Berlin"}, "first_day.timezone"),
        ({"column": "H", "timezone": ""}, "first_day.timezone"),
        ({"column": "H", "timezone": 5}, "first_day.timezone"),
        ({"column": "H", "late": "yes"}, "first_day.late"),
        ({"column": "H", "format": "DD/MM"}, "first_day.format"),
        ({"column": "H", "format": "YYYY"}, "first_day.format"),
        ({"column": "H", "format": "%d.%m.%Y"}, "first_day.format"),
        ({"column": "H", "format": 5}, "first_day.format"),
        ({"column": "H", "lead": 1}, "first_day"),
        ("Hire Date", "first_day"),
        (["Hire Date"], "first_day"),
        ({"column": "password"}, "first_day.column"),
        ({"column": "Secret"}, "first_day.column"),
    ],
)
def test_an_option_that_means_nothing_is_refused_by_name(first_day: Any, field: str) -> None:
    mapping = {"email": "E", "type": 1, "password": "Secret"}
    with pytest.raises(ZoomValidationError) as raised:
        parse_options(users=[], mapping=mapping, first_day=first_day)
    assert list(raised.value.errors) == [field]
    assert "not valid" not in str(raised.value)


@pytest.mark.parametrize("first_day", [None, "", "None"])
def test_no_first_day_means_that_all_rows_are_due(first_day: Any) -> None:
    assert parse_options(users=[], first_day=first_day).first_day is None


def test_texts_that_templates_render_are_read_by_type() -> None:
    given = {"column": "H", "lead_days": " 3", "late": "create ", "format": "", "to": "None"}
    found = parse_options(users=[], first_day=given).first_day
    assert found is not None
    assert (found.lead_days, found.late, found.format, found.to) == (3, "create", None, None)
