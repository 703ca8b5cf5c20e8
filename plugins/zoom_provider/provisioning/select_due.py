"""Select the rows of a source that are due in a run; the others stay in its report."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from itertools import tee

from zoom_provider.api.response import printable
from zoom_provider.provisioning.due import DueRule
from zoom_provider.provisioning.roster import NotDue, Record, Unusable

log = logging.getLogger(__name__)

Apply = Callable[[Iterator[Record]], Iterator[Record]]
"""Makes ``user_info`` of records, one of each, in their order."""


def select_due(records: Iterator[Record], rule: DueRule, apply: Apply) -> Iterator[Record]:
    """
    Make ``user_info`` of records, and say of which rows the first day does not fall into the run.

    A row that is not due is not held against Zoom's rules: nothing is to be done for it yet.

    :param records: as the source has them, with the column of the first days
    :param apply: makes ``user_info`` of them
    """
    originals, to_apply = tee(records)
    for original, record in zip(originals, apply(to_apply), strict=True):
        if not isinstance(original.value, Mapping):
            yield record
            continue
        try:
            reason = rule.why_not(_first_day(original.value, rule.column))
        except ValueError as error:
            yield record._replace(value=_with_fault(record.value, str(error)))
            continue
        yield record if reason is None else record._replace(value=NotDue(reason, record.value))


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


def without_column(records: Iterator[Record], column: str) -> Iterator[Record]:
    """Take a column off that Zoom knows nothing of."""
    for record in records:
        value = record.value
        if isinstance(value, Mapping):
            value = {name: item for name, item in value.items() if name != column}
        yield record._replace(value=value)


def _first_day(value: Mapping[str, object], column: str) -> object:
    if column not in value:
        raise ValueError(f"column {printable(column, 80)!r} is missing")
    return value[column]


def _with_fault(value: object, fault: str) -> Unusable:
    errors = dict(value.errors) if isinstance(value, Unusable) else {}
    email = value.email if isinstance(value, Unusable) else ""
    if isinstance(value, Mapping):
        email = str(value.get("email") or "")
    return Unusable(errors | {"first_day": [fault]}, email)
