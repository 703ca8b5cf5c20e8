"""The report of a bulk run: one result for each row, in three files that grow line by line."""

from __future__ import annotations

import csv
import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from zoom_provider.exceptions import (
    ZoomDailyLimitError,
    ZoomError,
    ZoomForeignAccountError,
    ZoomLicenseError,
    ZoomNotAppliedError,
    ZoomPendingError,
    ZoomProtectedUserError,
    ZoomStalePlanError,
    ZoomStoppedError,
    ZoomUnconfirmedError,
    ZoomValidationError,
)
from zoom_provider.provisioning.ports import Files
from zoom_provider.provisioning.report_files import (
    COLUMNS,
    REJECT_COLUMNS,
    NotAReportError,
    ReportPaths,
    claim_paths,
    read_owner,
)


class Outcome(StrEnum):
    """The result of processing one user."""

    INVITED = "invited"
    CREATED = "created"
    EXISTING = "existing"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"
    NEEDS_LICENSE = "needs_license"
    FOREIGN_ACCOUNT = "foreign_account"
    DEFERRED_QUOTA = "deferred_quota"
    NOT_DUE = "not_due"
    NEEDS_HUMAN = "needs_human"
    FAILED = "failed"
    ACTIVATED = "activated"
    DEACTIVATED = "deactivated"
    DISASSOCIATED = "disassociated"
    DELETED = "deleted"
    ABSENT = "absent"
    PENDING = "pending"
    WAITING = "waiting"
    STALE = "stale"
    PROTECTED = "protected"
    UNCONFIRMED = "unconfirmed"
    NOT_APPLIED = "not_applied"


DONE: Final = frozenset(
    {
        Outcome.INVITED,
        Outcome.CREATED,
        Outcome.EXISTING,
        Outcome.UPDATED,
        Outcome.UNCHANGED,
        Outcome.ACTIVATED,
        Outcome.DEACTIVATED,
        Outcome.DISASSOCIATED,
        Outcome.DELETED,
        Outcome.ABSENT,
    }
)
"""Final: no other try changes it. Every other outcome is tried again by the next try."""

NEVER_SENT: Final = frozenset({Outcome.REJECTED, Outcome.NOT_DUE})
"""No call is made for these rows, and each try decides about them again."""

FAILURES: Final = frozenset(
    {
        Outcome.REJECTED,
        Outcome.NEEDS_LICENSE,
        Outcome.FOREIGN_ACCOUNT,
        Outcome.NEEDS_HUMAN,
        Outcome.FAILED,
        Outcome.STALE,
        Outcome.PROTECTED,
        Outcome.UNCONFIRMED,
        Outcome.NOT_APPLIED,
    }
)


@dataclass(frozen=True, slots=True)
class RowResult:
    """
    One line of the report.

    :param row: the row's number in its source, from 1
    :param email: as sent, or as given where it is no address
    :param outcome: what happened
    :param id: Zoom's id of the user
    :param reason: an explanation, where the outcome alone does not suffice
    :param code: Zoom's error code
    :param tracking_id: Zoom's id of the request, which its support asks for
    :param errors: what the validation before any call found, by field
    :param key: the row's key in its source, such as an employee number
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

    @property
    def address(self) -> str:
        """The key of a person in every try, whatever row they are in."""
        return self.email.lower()

    @classmethod
    def from_error(cls, row: int, email: str, error: ZoomError, key: str = "") -> RowResult:
        """Build the result of a row that failed with an error."""
        return cls(
            row=row,
            email=email,
            outcome=_outcome_from_error(error),
            reason=_reason_from_error(error),
            code=error.code,
            tracking_id=error.tracking_id,
            errors=error.errors if isinstance(error, ZoomValidationError) else {},
            key=key,
        )


def _reason_from_error(error: ZoomError) -> str:
    """Return an error's text for a table cell: for our own validation, only the faults."""
    if isinstance(error, ZoomValidationError) and error.status is None and error.errors:
        return "; ".join(f"{name}: {', '.join(texts)}" for name, texts in error.errors.items())
    return str(error.args[0])


_OUTCOME_BY_ERROR: Final[Mapping[type[ZoomError], Outcome]] = {
    ZoomPendingError: Outcome.PENDING,
    ZoomNotAppliedError: Outcome.NOT_APPLIED,
    ZoomProtectedUserError: Outcome.PROTECTED,
    ZoomUnconfirmedError: Outcome.UNCONFIRMED,
    ZoomStalePlanError: Outcome.STALE,
}


def _outcome_from_error(error: ZoomError) -> Outcome:
    if isinstance(error, ZoomValidationError) and error.status is None:
        return Outcome.REJECTED
    if isinstance(error, ZoomLicenseError):
        return Outcome.NEEDS_LICENSE
    if isinstance(error, ZoomForeignAccountError):
        return Outcome.FOREIGN_ACCOUNT
    if isinstance(error, ZoomDailyLimitError):
        return Outcome.DEFERRED_QUOTA
    for kind, outcome in _OUTCOME_BY_ERROR.items():
        if isinstance(error, kind):
            return outcome
    return Outcome.NEEDS_HUMAN if error.remedy == "human" else Outcome.FAILED


ATTENTION_COLUMNS: Final = ("source", "row", "key", "email", "outcome", "reason")

log = logging.getLogger(__name__)

_JSON: Final = json.JSONEncoder(ensure_ascii=False)
_MAX_ATTENTION: Final = 20
"""Failures that are listed beside the report."""


def read_report(data: bytes | None, run: str) -> Iterator[RowResult]:
    """
    Yield a run's results, one for each address: the final one, else the first.

    A row that is rejected may have the address of another one that is done.

    Incomplete lines and those of other runs are skipped: a kill or a full disk tears the last line.

    :param data: a report's bytes; None where there is none
    """
    found: dict[str, RowResult] = {}
    for line in (data or b"").split(b"\n")[:-1]:
        result = _parse_line(line, run)
        if result is not None:
            keep_final(found, result)
    yield from found.values()


def keep_final(found: dict[str, RowResult], result: RowResult) -> None:
    """Add a result by its address, unless a final or an earlier one is there already."""
    earlier = found.get(result.address)
    if earlier is None or (earlier.outcome not in DONE and result.outcome in DONE):
        found[result.address] = result


def _parse_line(line: bytes, run: str) -> RowResult | None:
    try:
        values = json.loads(line)
        if values["run"] != run or not isinstance(values["row"], int):
            return None
        own = {name: values[name] for name in COLUMNS if name not in ("source", "outcome")}
        if not isinstance(own["email"], str) or not isinstance(own["key"], str):
            return None
        return RowResult(outcome=Outcome(values["outcome"]), **own)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


class Report:
    """
    The three files of a report while they grow; each line is on disk at once.

    Each try writes files of its own, which take the place of an earlier try's at :meth:`publish`:
    two tries that overlap never write one file.

    :param paths: where it will be
    :param files: opens them
    :param run: the digest of the run, in each line, so that a later try knows its own
    :param source: what people call the source
    :param replaces: the identity of the run's earlier report, as this try has read it
    """

    def __init__(
        self,
        paths: ReportPaths,
        files: Files,
        run: str,
        source: str = "",
        replaces: object = None,
    ) -> None:
        self.paths = paths
        self.run = run
        self.source = source
        self.attention: list[dict[str, Any]] = []
        self.counts: Counter[Outcome] = Counter()
        self.has_begun = self._is_published = False
        self._replaces = replaces
        self._adding: RowResult | None = None
        self._stage = 0
        self._files = files
        self._lines, self._table, self._rejects = self._outputs = [files.create(p) for p in paths]
        self._table.write_line(_format_csv_line(COLUMNS))
        self._rejects.write_line(_format_csv_line(REJECT_COLUMNS))

    @property
    def path(self) -> str:
        """Where its lines are, or will be."""
        return self.paths.lines

    def begin(self) -> None:
        """
        Mark the end of the results that are restored from an earlier try.

        The files appear under their names with the first line: an empty file has no owner.
        """
        self.has_begun = True
        if self.counts:
            self.publish()

    def publish(self) -> None:
        """
        Publish the files under their names, replacing an earlier try's.

        :raises NotAReportError: the files there are no report
        :raises ZoomStoppedError: a later try of the task has put its own there
        """
        while not all(output.live for output in self._outputs):
            own = claim_paths(self.paths, self.run, self._files)
            if own and self.is_superseded():
                raise ZoomStoppedError("Another try of this task has begun: this one stops.")
            try:
                for output in self._outputs:
                    output.publish(replace=own)
            except FileExistsError:
                continue  # another task has just published its own at this path
            break
        self._is_published = True

    def is_superseded(self) -> bool:
        """Return whether a later try of the same run has published its own report."""
        there = self._files.identity(self.path)
        known = (self._lines.identity, self._replaces)
        if there is None or there in known:
            return False
        try:
            return read_owner(self.paths, self._files) == self.run
        except NotAReportError:
            return False

    def close(self) -> None:
        """Close the files; what was never published is dropped."""
        for output in self._outputs:
            output.close()

    def locate(self) -> str:
        """
        Return where the report is now: another run may have moved it aside.

        :raises FileNotFoundError: it is in neither place, such as where its folder was deleted
        """
        for paths in (self.paths, ReportPaths.alternate(self.path, self.run)):
            with suppress(NotAReportError):
                if self.counts.total() == 0 or read_owner(paths, self._files) == self.run:
                    self.paths = paths
                    return self.path
        raise FileNotFoundError(
            f"The report is no longer at {self.path}, where it was written: run the task again, "
            "which writes it again and creates no user twice"
        )

    def add(self, result: RowResult) -> None:
        """Write the result of one row; if writing fails, the same result may be added again."""
        own = {name: getattr(result, name) for name in COLUMNS if name != "source"}
        values = {"run": self.run, "source": self.source, **own}
        if self._adding is not result:
            self._adding, self._stage = result, 0
        if self._stage == 0:
            self._lines.write_line(_JSON.encode(values) + "\n")
            self._stage = 1
        if self._stage == 1:
            self._table.write_line(_format_csv_line([values[name] for name in COLUMNS]))
            self._stage = 2
        if self._stage == 2:
            self.counts[result.outcome] += 1
            self._stage = 3
        if self.has_begun and not self._is_published:
            self.publish()
        if result.outcome in FAILURES and len(self.attention) < _MAX_ATTENTION:
            listed = {**values, "outcome": str(result.outcome)}
            self.attention.append({name: listed[name] for name in ATTENTION_COLUMNS})
        if result.outcome is Outcome.REJECTED:
            for name, texts in (result.errors or {"": [result.reason or ""]}).items():
                for text in texts:
                    self.reject(result.row, result.key, result.email, name, text)

    def reject(self, row: int, key: str, email: str, field_name: str, reason: str) -> None:
        """Write why a row was not sent to Zoom."""
        self._rejects.write_line(
            _format_csv_line([self.source, row, key, email, field_name, reason])
        )


class _Echo:
    """Gives back what a CSV writer writes."""

    def write(self, text: str) -> str:
        return text


_CSV: Final = csv.writer(_Echo())


def _format_csv_line(values: Sequence[object]) -> str:
    # A writer returns what its file's write() does (docs.python.org/3/library/csv.html).
    line: Any = _CSV.writerow([escape_cell(value) for value in values])
    return str(line)


def escape_cell(value: object) -> str:
    """Make a value safe for a spreadsheet, which takes some first characters for a formula."""
    text = "" if value is None else str(value)
    formula = text.lstrip().startswith(("=", "+", "-", "@")) or text.startswith(("\t", "\r"))
    return f"'{text}" if formula else text
