"""Where the people of a task come from: a list, or a file that is read row by row."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.models.validation import sanitize_for_log
from zoom_provider.provisioning import roster
from zoom_provider.provisioning.checkpoint import Rows
from zoom_provider.provisioning.columns import ColumnFinder, describe_faults
from zoom_provider.provisioning.due import DueRule, Interval, make_due_rule
from zoom_provider.provisioning.mapper import Mapper, MappingNotes, PlainRows
from zoom_provider.provisioning.options import BulkOptions
from zoom_provider.provisioning.roster import Check, Listed, Record, Row
from zoom_provider.provisioning.roster_copy import RosterCopy
from zoom_provider.provisioning.select_due import select_due
from zoom_provider.provisioning.spool import Spool

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Survey:
    """
    What one reading of a source shows.

    :param people: fingerprint of which person stands in which row
    :param rows: the numbers of all rows
    :param due: of these, the rows whose first day falls into the run; all where none is asked for
    :param notes: what the mapping did not take from them as it stood there
    """

    people: str
    rows: Rows
    due: Rows
    notes: MappingNotes


def make_source(
    options: BulkOptions, roster: RosterCopy, interval: Interval | None = None
) -> Source:
    """
    Build the source of a bulk run.

    :param roster: the file, where that is the source
    :param interval: the run's data interval
    :raises ZoomValidationError: ``users`` is no list, or the run does not say who is due
    """
    users = options.users
    if users is not None and not isinstance(users, (list, tuple, Spool)):
        raise ZoomValidationError(
            "users must be a list of user_info objects", errors={"users": ["is not a list"]}
        )
    return Source(
        users=users or (),
        roster=roster if options.roster is not None else None,
        mapping=options.mapping,
        key=options.key,
        # A template's text may be what a run was started with.
        name=sanitize_for_log(options.source or options.roster or "users"),
        shard=options.shard,
        empty_values=options.empty_values,
        due=make_due_rule(options.first_day, interval) if options.first_day else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """
    The people of a task, read again as often as they are asked for.

    :param users: ``user_info`` objects, or records that the mapping is for
    :param roster: a file that has them instead
    :param name: what a person calls it
    :param mapping: from Zoom's field to its source
    :param key: the column that its source knows a row by
    :param shard: ``(i, n)``: only the rows whose address falls to part i of n
    :param empty_values: texts that count as empty
    :param due: says which rows are due; None where all are
    """

    users: Iterable[object] = ()
    roster: RosterCopy | None = None
    name: str = ""
    mapping: Mapping[str, Any] | None = None
    key: str | None = None
    shard: tuple[int, int] | None = None
    empty_values: Sequence[str] = ()
    due: DueRule | None = None

    def rows(self, check: Check) -> Iterator[Row]:
        """Read the people, one at a time, each held against Zoom's rules by ``check``."""
        return roster.read(self._records(self._mapper()), check, shard=self.shard)

    def refuse_more_than(self, most: int, check: Check) -> None:
        """
        Stop before the first call where a wrong export would create a crowd.

        :raises ZoomValidationError: there are more people than ``most``
        """
        people = sum(row.request is not None for row in self.rows(check))
        if people > most:
            raise ZoomValidationError(
                f"{people} people are more than max_creates={most} allows; no user was created",
                errors={"max_creates": [f"{people} people"]},
            )

    def listed(self) -> Iterator[Listed]:
        """Read number, key and address of each row."""
        return self._listed(self._mapper())

    def survey(self) -> Survey:
        """
        Read it to its end: how many rows, who stands in which, and what the mapping makes of them.

        :raises ZoomValidationError: none of the rows has a column that is needed
        """
        digest = hashlib.sha256(b"people")
        rows, due = Rows(), Rows()  # ranges: a list of numbers would grow with the rows
        mapper = self._mapper()
        for row in self._listed(mapper):
            rows.add(row.row)
            if not row.not_due:
                due.add(row.row)
            digest.update(f"{row.row} {row.key} {row.email}\n".encode("utf-8", "replace"))
        self._refuse_absent(mapper.finder)
        for warning in mapper.notes.warnings():
            log.warning("%s: %s.", self.name, warning)
        return Survey(digest.hexdigest()[:32], rows, due, mapper.notes)

    @property
    def constants(self) -> dict[str, Any]:
        """What the mapping says, for a fingerprint; without the passwords' source."""
        found = {k: v for k, v in (self.mapping or {}).items() if k != "password"}
        return {**found, "empty_values": list(self.empty_values)} if self.empty_values else found

    def _mapper(self) -> Mapper | PlainRows:
        given: dict[str, Any] = {
            "key": self.key,
            "empty_values": self.empty_values,
            "shard": self.shard,
            "first_day": None if self.due is None else self.due.column,
        }
        if self.roster is None and not self.mapping:
            return PlainRows(**given)
        return Mapper(self.mapping, **given)

    def _listed(self, mapper: Mapper | PlainRows) -> Iterator[Listed]:
        return roster.listed(self._records(mapper), shard=self.shard)

    def _records(self, mapper: Mapper | PlainRows) -> Iterator[Record]:
        if self.roster is not None:
            records = self.roster.records(mapper.finder)
        else:
            records = roster.from_list(self.users)
        if self.due is None:
            return mapper.apply(records)
        return select_due(records, self.due, mapper, self._mapper())

    def _refuse_absent(self, finder: ColumnFinder) -> None:
        absent = finder.absent()
        if absent.missing:
            fault = describe_faults(absent, list(finder.names), "in any of its rows")
            field, prefix = ("users", "") if self.roster is None else ("roster", "roster ")
            raise ZoomValidationError(f"{prefix}{self.name} {fault}", errors={field: [fault]})
