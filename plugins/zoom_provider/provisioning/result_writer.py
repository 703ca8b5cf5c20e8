"""Write the result of each row: to the ledger, the report, the metrics and the log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from zoom_provider.provisioning.checkpoint import Ledger
from zoom_provider.provisioning.progress import Progress
from zoom_provider.provisioning.report import FAILURES, Report, RowResult
from zoom_provider.provisioning.roster import Row

log = logging.getLogger(__name__)


@dataclass
class ResultWriter:
    """
    Writes the result of each row.

    :param report: gets a line for each row
    :param ledger: notes which rows are done
    :param progress: counts outcomes
    """

    report: Report
    ledger: Ledger
    progress: Progress
    _interrupted: RowResult | None = None

    def write(self, result: RowResult, *, settled: bool = True) -> None:
        """
        Write a result.

        :param settled: False where the user may exist although the row failed
        """
        # First the ledger: where the disk is full, the checkpoint still has it.
        if settled:
            self.ledger.record(result.row, result.outcome)
        self._interrupted = result
        self.report.add(result)
        self._interrupted = None
        self.progress.count(result.outcome)
        facts = ", ".join(_describe_result(result))
        if result.outcome in FAILURES:
            place = self._describe_row(result.row, result.key, result.email)
            log.warning("%s: %s", place, facts)
        else:
            # In a large run the report has it; a log line for each would cost more than the call.
            log.debug("Row %d, %s: %s", result.row, result.email, facts)

    def write_duplicate(self, row: Row) -> None:
        """Write down a row that repeats an earlier one."""
        reason = f"duplicate of row {row.first}"
        log.warning("%s: %s", self._describe_row(row.number, row.key, row.email), reason)
        self.ledger.ignore(row.number)
        self.report.reject(row.number, row.key, row.email, "user_info.email", reason)

    def finish_interrupted(self) -> None:
        """Write the rest of a result in the middle of which an exception was raised."""
        if self._interrupted is not None:
            with suppress(OSError):
                self.report.add(self._interrupted)

    def _describe_row(self, number: int, key: str, email: str) -> str:
        """Describe a row by its source, number, key and address."""
        row = f"Row {number} of {self.report.source}" if self.report.source else f"Row {number}"
        return ", ".join(part for part in (row, f"key {key}" if key else "", email) if part)


def _describe_result(result: RowResult) -> Iterator[str]:
    yield str(result.outcome)
    if result.id:
        yield f"id {result.id}"
    if result.reason:
        yield result.reason
    if result.tracking_id:
        yield f"tracking id {result.tracking_id}"
