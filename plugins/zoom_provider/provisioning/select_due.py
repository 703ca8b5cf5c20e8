"""Select the rows of a source that are due in a run; the others stay in its report."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from zoom_provider.models.validation import sanitize_for_log
from zoom_provider.provisioning.columns import FoundColumns, as_read
from zoom_provider.provisioning.due import DueRule
from zoom_provider.provisioning.mapper import Mapper, PlainRows
from zoom_provider.provisioning.roster import InvalidRow, NotDue, Record

log = logging.getLogger(__name__)


def select_due(
    records: Iterable[Record], rule: DueRule, mapper: Mapper | PlainRows, others: Mapper | PlainRows
) -> Iterator[Record]:
    """
    Make ``user_info`` of records, and say of which rows the first day does not fall into the run.

    A row that is not due is not held against Zoom's rules: nothing is to be done for it yet.

    :param records: as the source has them
    :param mapper: makes ``user_info`` of the rows that are due, and keeps account of them
    :param others: does the same for the rows that are not
    """
    column = next(c.name for c in mapper.finder.columns if as_read(c.name) == as_read(rule.column))
    for record in records:
        reason = fault = None
        if isinstance(record.value, Mapping):
            found = mapper.finder.find(record.value)
            try:
                reason = rule.why_not(_first_day(record.value, found, column))
            except ValueError as error:
                fault = str(error)
        [made] = (mapper if reason is None else others).apply([record])
        if fault is not None:
            made = made._replace(value=_with_fault(made.value, fault))
        elif reason is not None:
            made = made._replace(value=NotDue(reason, made.value))
        yield made


def log_due(rule: DueRule | None, due: int, rows: int, max_creates: int | None) -> None:
    """Log which first days are due, and whether nothing limits how many users that may be."""
    if rule is None:
        return
    log.info("%d rows of %d: %s", due, rows, rule.describe())
    if rule.first is None and max_creates is None:
        log.warning(
            "All first days up to %s are due, however early: an export of all staff would create "
            "all of them. Set max_creates.",
            rule.last,
        )


def _first_day(record: Mapping[Any, Any], found: FoundColumns, column: str) -> object:
    if column in found.names:
        return record[found.names[column]]
    twice = any(other.name == column for other, _ in found.twice)
    shown = sanitize_for_log(column, 80)
    raise ValueError(f"column {shown!r} {'stands twice in this row' if twice else 'is missing'}")


def _with_fault(value: object, fault: str) -> InvalidRow:
    errors = {"first_day": [fault]}
    if isinstance(value, InvalidRow):
        return InvalidRow(value.errors | errors, value.user_info)
    return InvalidRow(errors, value if isinstance(value, Mapping) else None)
