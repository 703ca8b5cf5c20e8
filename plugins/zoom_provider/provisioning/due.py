"""Which rows are due: whose first day falls into a run. Pure; pendulum does dates and zones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Annotated, Any, Final, Literal

import pendulum
from pendulum.tz.exceptions import InvalidTimezone
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.models.validation import sanitize_for_log

Interval = tuple[datetime, datetime]
"""A run's data interval: its start, and its end, which is no longer part of it."""

_ISO: Final = re.compile(
    r"\d{4}-?\d{2}-?\d{2}"
    r"([T ]\d{2}:?\d{2}(:?\d{2}([.,]\d{1,9})?)?(Z|[+-]\d{2}(:?\d{2})?)?)?",
    re.ASCII,
)
_YEARS: Final = range(1900, 2200)
"""Others come of two-digit years, or stand for a day that is not known, such as 9999-12-31."""

_LONGEST: Final = 40
"""Characters of a cell that are shown."""

_PROBES: Final = (pendulum.datetime(2011, 10, 23), pendulum.datetime(2004, 5, 17))
"""Days that differ in all their parts."""


def _optional(value: object) -> object:
    """Take what a template renders of nothing for None."""
    text = value.strip() if isinstance(value, str) else value
    return None if isinstance(text, str) and text.lower() in ("", "none", "null") else text


def _lead_days(value: object) -> object:
    if isinstance(value, str) and value.strip().isdecimal() and value.isascii():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 366:
        raise ValueError("must be a number of days: a whole number from 0 to 366")
    return value


def _late(value: object) -> object:
    text = value.strip() if isinstance(value, str) else value
    if text not in ("ignore", "create"):
        raise ValueError("must be one of ignore, create")
    return text


def _timezone(value: object) -> object:
    text = value.strip() if isinstance(value, str) else value
    try:
        if not isinstance(text, str) or not text:
            raise ValueError
        pendulum.timezone(text)
    except (InvalidTimezone, ValueError, OSError):
        raise ValueError("must be the name of a time zone, such as 'Europe/Berlin'") from None
    return text


def _format(value: object) -> object:
    text = _optional(value)
    if text is None:
        return None
    fault = "must be pendulum's tokens for a day, a month and a year, such as 'DD.MM.YYYY'"
    if not isinstance(text, str):
        raise ValueError(fault)
    for day in _PROBES:
        # A format without a year, say, would take that of today.
        try:
            found = pendulum.from_format(day.format(text), text).date()
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, re.error):
            found = None
        if found != day.date():
            raise ValueError(fault)
    return text


class FirstDay(BaseModel):
    """
    How ``first_day`` of the bulk operator says who is due.

    :param column: where the first day stands in a row
    :param format: pendulum's tokens, for dates that are not ISO 8601
    :param lead_days: how many days before the first day a user is due
    :param timezone: in which a day begins
    :param late: ``ignore`` first days before the run's, or ``create`` those users as well
    :param from_: the earliest first day, instead of the data interval; ``from`` in the object
    :param to: the latest first day, included
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    column: str = Field(min_length=1)
    format: Annotated[str | None, BeforeValidator(_format)] = None
    lead_days: Annotated[int, BeforeValidator(_lead_days)] = 0
    timezone: Annotated[str, BeforeValidator(_timezone)] = "UTC"
    late: Annotated[Literal["ignore", "create"], BeforeValidator(_late)] = "ignore"
    from_: Annotated[Any, BeforeValidator(_optional)] = Field(None, alias="from")
    to: Annotated[Any, BeforeValidator(_optional)] = None

    @model_validator(mode="before")
    @classmethod
    def _name_what_is_known(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            raise ValueError("must be an object such as {'column': 'Hire Date', 'lead_days': 1}")
        known = [info.alias or name for name, info in cls.model_fields.items()]
        for name in value:
            if name not in known:
                shown = sanitize_for_log(str(name), _LONGEST)
                raise ValueError(f"has {shown!r}, but takes {', '.join(known)} only")
        return value


@dataclass(frozen=True, slots=True)
class DueRule:
    """
    Says which rows are due in a run.

    :param column: where the first day stands
    :param first: the earliest first day; None for any
    :param last: the latest one, included; None for any
    :param zone: in which a day begins
    :param format: pendulum's tokens, for dates that are not ISO 8601
    """

    column: str
    first: date | None
    last: date | None
    zone: str = "UTC"
    format: str | None = None

    def why_not(self, value: object) -> str | None:
        """
        Return why a row with this first day is not due; None where it is.

        :raises ValueError: no first day can be read there; says what to correct
        """
        day = self.read(value)
        if self.last is not None and day > self.last:
            return f"first day {day} is after {self.last}"
        if self.first is not None and day < self.first:
            return f"first day {day} is before {self.first}"
        return None

    def read(self, value: object) -> date:
        """
        Read a first day.

        :raises ValueError: it is none, or may be two; says what to correct
        """
        text = value.strip() if isinstance(value, str) else value
        name = sanitize_for_log(self.column, 80)
        if text is None or text == "":
            raise ValueError(f"{name} is empty: enter the first day")
        shown = f"{name} {sanitize_for_log(str(text), _LONGEST)!r}"
        day = read_day(text, self.zone, self.format)
        if day is None:
            raise ValueError(f"{shown} {self._form()}")
        if isinstance(day, str):
            raise ValueError(f"{shown} {day}")
        if day.year not in _YEARS:
            raise ValueError(f"{shown} is in the year {day.year}: enter the first day")
        return day

    def _form(self) -> str:
        if self.format is None:
            return "is not in the form YYYY-MM-DD: correct it, or give first_day a format"
        return (
            f"is neither in the form {sanitize_for_log(self.format, 80)} nor YYYY-MM-DD: correct it"
        )

    def describe(self) -> str:
        """Say which first days are due."""
        if self.first is not None and self.first == self.last:
            return f"due are first days on {self.first}"
        if self.first is not None and self.last is not None and self.first > self.last:
            return "no day begins in the run's data interval, so no first day is due"
        parts = [f"{word} {day}" for word, day in (("from", self.first), ("to", self.last)) if day]
        return f"due are first days {' '.join(parts)}"


def make_due_rule(first_day: FirstDay, interval: Interval | None) -> DueRule:
    """
    Work out which first days are due in a run.

    :param interval: the run's data interval; None where it has none
    :raises ZoomValidationError: neither ``from`` nor ``to`` is given, and there is no interval
    """
    zone = first_day.timezone
    first = _limit("from", first_day.from_, zone)
    last = _limit("to", first_day.to, zone)
    if first is None and last is None:
        first, last = _days_of(interval, first_day)
        if first_day.late == "create":
            first = None
    elif first is not None and last is not None and first > last:
        fault = f"{first} is after to={last}: exchange the two dates"
        raise ZoomValidationError(f"first_day.from {fault}", errors={"first_day.from": [fault]})
    return DueRule(first_day.column, first, last, zone, first_day.format)


def _limit(name: str, value: object, zone: str) -> date | None:
    if value is None:
        return None
    day = read_day(value, zone)
    if not isinstance(day, date):
        shown = sanitize_for_log(str(value), _LONGEST)
        fault = f"{shown!r} {day or 'is not in the form YYYY-MM-DD'}"
        raise ZoomValidationError(
            f"first_day.{name} {fault}", errors={f"first_day.{name}": [fault]}
        )
    return day


def _days_of(interval: Interval | None, first_day: FirstDay) -> tuple[date, date]:
    """Return the first and the last first day that are due in an interval, half open."""
    if interval is None or interval[0] >= interval[1]:
        lacks = "no data interval" if interval is None else "a data interval of length zero"
        fault = (
            f"cannot say who is due: the run has {lacks}. Schedule the DAG by "
            "CronDataIntervalTimetable instead of a cron text, or give first_day 'from' and 'to'"
        )
        raise ZoomValidationError(f"first_day {fault}", errors={"first_day": [fault]})
    start, end = (_next_midnight(moment, first_day.timezone) for moment in interval)
    lead = first_day.lead_days
    return start.add(days=lead), end.add(days=lead - 1)


def _next_midnight(moment: datetime, zone: str) -> pendulum.Date:
    """Return the day whose beginning is the first at or after a moment."""
    day = pendulum.instance(moment).in_timezone(zone).date()
    return day if _beginning(day, zone) >= moment else day.add(days=1)


def _beginning(day: pendulum.Date, zone: str) -> datetime:
    """Return when a day begins: where its midnight comes twice at the first, else after the gap."""
    first = pendulum.datetime(day.year, day.month, day.day, tz=zone, fold=0)
    return (
        first if first.date() == day else pendulum.datetime(day.year, day.month, day.day, tz=zone)
    )


def read_day(value: object, zone: str, form: str | None = None) -> date | str | None:
    """
    Read a day as ISO 8601 or in a form.

    :return: the day; why it is ambiguous, as a text; None where it is no day in these forms
    """
    if isinstance(value, datetime):
        return value.date() if value.tzinfo is None else _one_day(value, zone)
    if isinstance(value, date):
        return value
    return _read_text(value.strip(), zone, form) if isinstance(value, str) else None


@lru_cache(maxsize=4096)
def _read_text(text: str, zone: str, form: str | None) -> date | str | None:
    if form is not None and (day := _read_form(text, zone, form)) is not None:
        return day
    if not _ISO.fullmatch(text):
        return None
    try:
        found: object = pendulum.parse(text, exact=True, tz=zone)
    except (ValueError, OverflowError):
        return None
    if isinstance(found, datetime):
        return _one_day(found, zone)
    return found if isinstance(found, date) else None


def _read_form(text: str, zone: str, form: str) -> date | str | None:
    try:
        found = pendulum.from_format(text, form, tz=zone)
        # pendulum moves a date to the day of the week that is named beside it.
        same = _without_zeros(found.format(form)) == _without_zeros(text)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return None
    return _one_day(found, zone) if same else None


def _without_zeros(text: str) -> str:
    return re.sub(r"\b0+(?=\d)", "", text).casefold()


def _one_day(moment: datetime, zone: str) -> date | str:
    """Return a moment's day where it is the same in its own zone and in another."""
    written = moment.date()
    try:
        there = pendulum.instance(moment).in_timezone(zone).date()
    except (ValueError, OverflowError):
        return "is out of range"
    if there == written:
        return written
    return f"is {written} as written and {there} in {zone}: write the date without a time"
