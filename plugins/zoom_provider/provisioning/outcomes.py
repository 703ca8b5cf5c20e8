"""What happened to one person, and the report of what happened to all."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Any, Final, Self, TextIO

from zoom_provider.exceptions import (
    ZoomDailyLimitError,
    ZoomError,
    ZoomForeignAccountError,
    ZoomLicenseError,
    ZoomValidationError,
)


class Outcome(StrEnum):
    """What happened to one person."""

    INVITED = "invited"
    CREATED = "created"
    EXISTING = "existing"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"
    NEEDS_LICENSE = "needs_license"
    FOREIGN_ACCOUNT = "foreign_account"
    DEFERRED_QUOTA = "deferred_quota"
    NEEDS_HUMAN = "needs_human"
    FAILED = "failed"


FAILURES: Final = frozenset(
    {
        Outcome.REJECTED,
        Outcome.NEEDS_LICENSE,
        Outcome.FOREIGN_ACCOUNT,
        Outcome.NEEDS_HUMAN,
        Outcome.FAILED,
    }
)


@dataclass(frozen=True, slots=True)
class PersonOutcome:
    """
    One line of the report.

    :param row: the person's place in the input, from 1
    :param email: as sent, or as given where it is not an address
    :param outcome: what happened
    :param id: Zoom's id of the person
    :param reason: why it is not simply done
    :param code: Zoom's error code
    :param tracking_id: what Zoom's support asks for
    :param errors: what our own validation found, by field
    :param key: what the source knows the person by
    """

    row: int
    email: str
    outcome: Outcome
    id: str | None = None
    reason: str | None = None
    code: int | None = None
    tracking_id: str | None = None
    errors: Mapping[str, Sequence[str]] = field(default_factory=dict)
    key: str = ""

    @classmethod
    def of_error(cls, row: int, email: str, error: ZoomError, key: str = "") -> PersonOutcome:
        """Say what an error means for a person."""
        return cls(
            row=row,
            email=email,
            outcome=_outcome_of(error),
            reason=_reason_of(error),
            code=error.code,
            tracking_id=error.tracking_id,
            errors=error.errors if isinstance(error, ZoomValidationError) else {},
            key=key,
        )


def _reason_of(error: ZoomError) -> str:
    """Say why, in a cell of a table: for our own validation, the faults and nothing around them."""
    if isinstance(error, ZoomValidationError) and error.status is None and error.errors:
        return "; ".join(f"{name}: {', '.join(texts)}" for name, texts in error.errors.items())
    return str(error.args[0])


def _outcome_of(error: ZoomError) -> Outcome:
    if isinstance(error, ZoomValidationError) and error.status is None:
        return Outcome.REJECTED
    if isinstance(error, ZoomLicenseError):
        return Outcome.NEEDS_LICENSE
    if isinstance(error, ZoomForeignAccountError):
        return Outcome.FOREIGN_ACCOUNT
    if isinstance(error, ZoomDailyLimitError):
        return Outcome.DEFERRED_QUOTA
    return Outcome.NEEDS_HUMAN if error.remedy == "human" else Outcome.FAILED


COLUMNS: Final = (
    *("source", "row", "key", "email", "outcome"),
    *("id", "reason", "code", "tracking_id"),
)
_JSON: Final = json.JSONEncoder(ensure_ascii=False)
REJECT_COLUMNS: Final = ("source", "row", "key", "email", "field", "reason")
ATTENTION_COLUMNS: Final = ("source", "row", "key", "email", "outcome", "reason")

_MOST_TOLD: Final = 20
"""People whose failure is told beside the report."""


class Report:
    """
    Three files that grow line by line: ``X.jsonl``, ``X.csv`` and ``X.rejects.csv``.

    The first two have one line for each person. The third has one for each fault of our own
    validation and each duplicate row, which is no person of its own.

    :param path: of the JSON Lines file; the others stand beside it
    :param open_text: opens a path for text in a mode
    :param source: where the people come from, as a person calls it
    """

    def __init__(
        self, path: str, open_text: Callable[[str, str], TextIO], source: str = ""
    ) -> None:
        stem = path.removesuffix(".jsonl")
        self.path = path
        self.source = source
        self.attention: list[dict[str, Any]] = []
        self.rejects = f"{stem}.rejects.csv"
        self.counts: Counter[Outcome] = Counter()
        self._files = [open_text(name, "w") for name in (path, f"{stem}.csv", self.rejects)]
        self._lines, self._csv, self._rejects = self._files
        self._table = csv.writer(self._csv)
        self._reject_table = csv.writer(self._rejects)
        self._table.writerow(COLUMNS)
        self._reject_table.writerow(REJECT_COLUMNS)

    def __enter__(self) -> Self:
        """Return the report; it is closed at the end of the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the files."""
        for file in self._files:
            file.close()

    def add(self, person: PersonOutcome) -> None:
        """Write what happened to one person."""
        own = {name: getattr(person, name) for name in COLUMNS if name != "source"}
        self._write(person.outcome, {"source": self.source, **own})
        if person.outcome is Outcome.REJECTED:
            for name, texts in (person.errors or {"": [person.reason or ""]}).items():
                for text in texts:
                    self.reject(person.row, person.key, person.email, name, text)

    def take_over(self, lines: Iterable[str], is_open: Callable[[int, Outcome], bool]) -> set[int]:
        """
        Write the lines of an earlier part anew; return the rows that need no other try.

        :param is_open: tells whether a line is not a row's last word; rejected rows always come
            again, and so do those of lines that are not ours
        """
        done: set[int] = set()
        for line in lines:
            try:
                values = json.loads(line)
                outcome, row = Outcome(values["outcome"]), values["row"]
                known = {name: values[name] for name in COLUMNS}
            except (ValueError, TypeError, KeyError):
                continue
            if outcome is Outcome.REJECTED or row in done or is_open(row, outcome):
                continue
            self._write(outcome, known)
            done.add(row)
        return done

    def _write(self, outcome: Outcome, values: Mapping[str, Any]) -> None:
        self.counts[outcome] += 1
        self._lines.write(_JSON.encode(values) + "\n")
        self._table.writerow([cell(values[name]) for name in COLUMNS])
        if outcome in FAILURES and len(self.attention) < _MOST_TOLD:
            told = {**values, "outcome": str(outcome)}
            self.attention.append({name: told[name] for name in ATTENTION_COLUMNS})
        # On disk at once: a worker may be killed.
        self._lines.flush()
        self._csv.flush()

    def reject(self, row: int, key: str, email: str, field_name: str, reason: str) -> None:
        """Write why a row did not become a call."""
        values = (self.source, row, key, email, field_name, reason)
        self._reject_table.writerow([cell(value) for value in values])
        self._rejects.flush()


def cell(value: object) -> str:
    """Make a value safe for a spreadsheet, which takes some first characters for a formula."""
    text = "" if value is None else str(value)
    formula = text.lstrip().startswith(("=", "+", "-", "@")) or text.startswith(("\t", "\r"))
    return f"'{text}" if formula else text
