"""
Create many users, several calls at once, and report the result of each.

One thread, the caller's, decides and writes; the threads of a pool make calls. A row goes through
these stations::

    rows -> look up (where the account is not listed) -> noted -> posted -> reported

Rows are noted in the checkpoint as being attempted *before* they are posted, a batch at a time, so
that a killed try leaves a record of every user that it may have created.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field
from itertools import chain
from time import monotonic
from typing import Any, Final, Literal

from zoom_provider.api.client import ZoomClient
from zoom_provider.exceptions import (
    ZoomDailyLimitError,
    ZoomError,
    ZoomStoppedError,
    ZoomUserExistsError,
)
from zoom_provider.provisioning.checkpoint import Ledger
from zoom_provider.provisioning.create_user import (
    BY_EARLIER_TRY,
    CreateResult,
    create_user,
    creation_outcome,
    find_user,
    preview_user,
)
from zoom_provider.provisioning.decide import IfExists
from zoom_provider.provisioning.directory import Directory
from zoom_provider.provisioning.outage import OutageDetector, is_unanswered
from zoom_provider.provisioning.progress import Progress
from zoom_provider.provisioning.report import FAILURES, Outcome, Report, RowResult
from zoom_provider.provisioning.restore import RestoredState
from zoom_provider.provisioning.result_writer import ResultWriter
from zoom_provider.provisioning.roster import Row
from zoom_provider.provisioning.seats import Seats
from zoom_provider.provisioning.worker_pool import Event, LookupDone, LostReply, RowDone, WorkerPool

log = logging.getLogger(__name__)

OnError = Literal["continue", "stop"]

MAX_CONCURRENT_CALLS: Final = 64
"""Calls under way at most; a reply of 0.8 s needs as many at Zoom's highest limit."""

STOP_GRACE: Final = 3.0
"""Seconds after a stop in which replies under way are waited for; Airflow 3.3 kills after 5."""

_POLL_SECONDS: Final = 0.25
"""Seconds after which a stop is noticed, though no call has come back."""

_BATCH_ROWS: Final = (64, 2_048)
"""Rows that are noted as attempted at once: at least, at most."""

_BATCH_SECONDS: Final = 2.5
"""Seconds; a batch that is used up sooner is followed by one of twice as many rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerOptions:
    """
    How a bulk run processes its rows.

    :param if_exists: what to do with existing users
    :param on_error: ``continue`` with the others after a failure, or ``stop``
    :param dry_run: preview each row and write nothing to Zoom
    :param at_once: calls under way at most
    """

    if_exists: IfExists = "skip"
    on_error: OnError = "continue"
    dry_run: bool = False
    max_concurrency: int = MAX_CONCURRENT_CALLS


@dataclass(kw_only=True)
class Runner:
    """
    One run over the rows of a roster.

    After :meth:`run`: ``stopped_by``, an account-level error, and ``untried``, rows not processed.

    :param client: makes the calls; its ``stop`` ends the run
    :param directory: finds existing users
    :param report: gets a line for each row
    :param ledger: notes what is done, attempted, owed
    :param restored: what earlier tries did
    :param progress: logs and saves
    :param options: how
    :param seats: those that are free
    :param stopped_by: what concerned the account before it could begin
    :param orphaned: says whether the process that watches over this one is gone
    """

    client: ZoomClient
    directory: Directory
    report: Report
    ledger: Ledger
    restored: RestoredState
    progress: Progress
    options: RunnerOptions
    seats: Seats | None = None
    stopped_by: ZoomError | None = None
    is_orphaned: Callable[[], bool] = lambda: False
    untried: int = 0
    _stop_reason: str | None = None
    _unexpected: BaseException | None = None
    _outage: OutageDetector = field(default_factory=OutageDetector)
    _ready: deque[tuple[Row, Mapping[str, Any] | None]] = field(default_factory=deque)
    _unsaved: list[tuple[Row, Mapping[str, Any] | None]] = field(default_factory=list)
    _looked_up: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._writer = ResultWriter(self.report, self.ledger, self.progress)
        self._pool = WorkerPool(2 * self.options.max_concurrency)
        self._kept_rows = {result.address: result.row for result in self.restored.kept}
        self._exhausted = False
        self._batch, self._noted_at = _BATCH_ROWS[0], self.client.clock()
        if self.stopped_by is not None:
            self._stop_starting(str(self.stopped_by.args[0]), self.stopped_by)

    @property
    def unanswered(self) -> int:
        """How many rows failed because Zoom did not answer; another try may succeed."""
        return self._outage.unanswered

    def run(self, rows: Iterable[Row]) -> None:
        """
        Process all rows, or stop at an account-level error and report the rest as not tried.

        :raises ZoomStoppedError: the client's stop was set; everything is saved for another try
        """
        remaining = iter(rows)
        try:
            while not self.client.stop.is_set():
                if self.is_orphaned():
                    self.client.stop.set()
                self._start_calls(remaining)
                if not self._pool.busy:
                    break
                self._handle_event(self._pool.wait(_POLL_SECONDS))
                self.progress.tick()
            if self.client.stop.is_set():
                raise ZoomStoppedError("The task was stopped; a retry resumes it.")
            if self._unexpected is not None:
                raise self._unexpected
        except BaseException:
            self._shut_down()
            raise
        finally:
            self._pool.shutdown()
        self.progress.save()
        begun = sorted((row for row, _ in [*self._ready, *self._unsaved]), key=lambda r: r.number)
        self._drop_attempts(begun)
        self._report_unprocessed(chain(begun, remaining))

    # ---- starting

    @property
    def _target_concurrency(self) -> int:
        """How many calls to have under way; a thread that settles a lost reply mostly sleeps."""
        most = self.options.max_concurrency
        target = min(most, self.client.target_concurrency())
        return target + min(most, len(self._outage.settling))

    @property
    def _batch_size(self) -> int:
        """How many rows to note at once: few where they may exist, since Zoom cannot be asked."""
        return self._target_concurrency if self.directory.kind == "unknown" else self._batch

    @property
    def _can_start(self) -> bool:
        """Whether anything new may begin: not while several lost replies are unsettled."""
        return not (self._outage.is_outage_likely or self._stop_reason or self.client.stop.is_set())

    def _start_calls(self, rows: Iterator[Row]) -> None:
        """Keep the pool busy: with rows that are ready first, then with new ones."""
        limit = self._target_concurrency
        while self._can_start and len(self._pool.busy) < limit:
            if self._ready:
                self._process_row(*self._ready.popleft())
            elif len(self._unsaved) + len(self._looked_up) >= self._batch_size or self._exhausted:
                if not self._unsaved:
                    return
                self._note_attempts()
            else:
                self._read_next_row(rows)

    def _read_next_row(self, rows: Iterator[Row]) -> None:
        """Take the next row of the roster; a source that breaks off ends all."""
        self.progress.tick()
        try:
            row = next(rows, None)
        except ZoomStoppedError:
            raise
        except ZoomError as error:
            self._stop_starting(str(error.args[0]), error)
            return
        if row is None:
            self._exhausted = True
        elif self._is_kept(row):
            self.ledger.ignore(row.number)
        elif not self._needs_processing(row) or self.options.dry_run:
            self._unsaved.append((row, None))
        elif self.directory.kind == "look_up":
            self._looked_up.add(row.number)
            self._pool.submit(row, lambda: LookupDone(row, find_user(self.client, row.email)))
        else:
            self._unsaved.append((row, self.directory.find(row.email)))

    def _is_kept(self, row: Row) -> bool:
        """Say whether the report has a row's line already; a bad twin of that row has its own."""
        kept = self._kept_rows.get(row.address)
        return row.number == kept or (kept is not None and row.request is not None)

    def _needs_processing(self, row: Row) -> bool:
        return row.request is not None and self.restored.find_outcome(row) is None

    def _note_attempts(self) -> None:
        """Save which rows may be posted from now on: those that Zoom does not have."""
        # Look-ups come back in any order; the report is easier to read in the roster's.
        self._unsaved.sort(key=lambda item: item[0].number)
        attempts = [
            row.number for row, user in self._unsaved if not user and self._needs_processing(row)
        ]
        if attempts and not self.options.dry_run:
            self.ledger.note_attempts(attempts)
            self.progress.save()
        self._ready.extend(self._unsaved)
        self._unsaved.clear()
        now = self.client.clock()
        if now - self._noted_at < _BATCH_SECONDS:
            self._batch = min(_BATCH_ROWS[1], 2 * self._batch)
        self._noted_at = now

    def _process_row(self, row: Row, user: Mapping[str, Any] | None) -> None:
        """Process a row: in a thread if it needs a call, else at once."""
        outcome = self.restored.find_outcome(row)
        if outcome is not None:
            reason = "done by an earlier try, whose report cannot be read"
            self._write_result(
                RowResult(row.number, row.email, outcome, reason=reason, key=row.key)
            )
        elif row.not_due is not None:
            self._write_result(
                RowResult(row.number, row.email, Outcome.NOT_DUE, reason=row.not_due, key=row.key)
            )
        elif row.request is None:
            self._record_rejection(row)
        elif self.options.dry_run:
            self._pool.submit(row, lambda: self._preview(row))
        elif user is not None and self.options.if_exists != "update":
            self._handle_result(self._create(row, user))
        else:
            try:
                self._pool.submit(row, lambda: self._create(row, user))
            except RuntimeError:  # no thread at all: it was not posted
                self._ready.appendleft((row, user))
                raise

    # ---- in the pool's threads

    def _create(self, row: Row, user: Mapping[str, Any] | None) -> RowDone:
        assert row.request is not None  # noqa: S101 - a row without one is refused before
        try:
            result = create_user(
                self.client,
                row.request,
                self.options.if_exists,
                existing=user,
                seats=self.seats,
                on_lost_reply=lambda: self._pool.send(LostReply(row)),
            )
        except ZoomError as error:
            return RowDone(row, error)
        return RowDone(row, result)

    def _preview(self, row: Row) -> RowDone:
        assert row.request is not None  # noqa: S101 - a row without one is refused before
        existing = self.directory.find(row.email)
        if self.directory.kind == "unknown":
            existing = find_user(self.client, row.email)
        if_exists = self.options.if_exists
        return RowDone(
            row,
            preview_user(self.client, row.request, if_exists, existing=existing, seats=self.seats),
        )

    # ---- results

    def _handle_event(self, event: Event | None) -> None:
        if isinstance(event, LostReply):
            self._outage.on_lost_reply(event.row.number)
        elif isinstance(event, LookupDone):
            self._looked_up.discard(event.row.number)
            self._unsaved.append((event.row, event.user))
        elif event is not None:
            self._looked_up.discard(event.row.number)
            self._handle_result(event)
            self._outage.settling.discard(event.row.number)

    def _handle_result(self, event: RowDone) -> None:
        row, result = event.row, event.result
        if isinstance(result, ZoomUserExistsError) and self.restored.was_attempted(row):
            result = CreateResult(Outcome.EXISTING, result.user or {})
        if isinstance(result, CreateResult):
            self._outage.on_success()
            self._record_success(row, result)
        elif isinstance(result, ZoomStoppedError):
            if row.number not in self._outage.settling:
                self._drop_attempts([row])  # Zoom did not act
        elif isinstance(result, ZoomError):
            self._record_failure(row, result)
        else:
            self._unexpected = self._unexpected or result
            self._stop_starting(f"an unexpected {type(result).__name__}")

    def _record_success(self, row: Row, result: CreateResult) -> None:
        outcome, reason = result.outcome, result.reason
        met = outcome in (Outcome.EXISTING, Outcome.UNCHANGED)
        if met and row.request is not None and self.restored.was_attempted(row):
            outcome, reason = creation_outcome(row.request), BY_EARLIER_TRY
        id_ = result.user.get("id")
        self._write_result(RowResult(row.number, row.email, outcome, id_, reason, key=row.key))

    def _record_failure(self, row: Row, error: ZoomError) -> None:
        """Record a failed row; stop if the error concerns the whole account."""
        if self._outage.on_failure(error):
            self._stop_starting(str(error.args[0]), error)
        result = RowResult.from_error(row.number, row.email, error, row.key)
        # Without an answer the user may be there: another try must know that it was ours.
        unsure = is_unanswered(error) or row.number in self._outage.settling
        self._write_result(result, settled=not unsure)

    def _stop_starting(self, why: str, error: ZoomError | None = None) -> None:
        """Start nothing new; the first reason stands."""
        if self._stop_reason is None:
            self._stop_reason, self.stopped_by = why, copy(error)
            if self.stopped_by is not None:
                self.stopped_by.email = None  # it concerns the whole account

    def _shut_down(self) -> None:
        """Save at once, wait a little for the replies under way, save again."""
        self.client.stop.set()
        self._drop_attempts(row for row, _ in self._ready)
        self._writer.finish_interrupted()
        self.progress.save()
        until = monotonic() + STOP_GRACE
        while self._pool.busy and monotonic() < until:
            try:
                self._handle_event(self._pool.wait(min(_POLL_SECONDS, until - monotonic())))
            except OSError as error:
                log.error("The report cannot be written: %s", error)
        self.progress.save()

    def _drop_attempts(self, rows: Iterable[Row]) -> None:
        """Remove rows from the attempted ones that this try has not posted after all."""
        self.ledger.drop_attempts(
            row.number for row in rows if not self.restored.was_attempted(row)
        )

    # ---- writing

    def _write_result(self, result: RowResult, *, settled: bool = True) -> None:
        self._writer.write(result, settled=settled)
        if result.outcome in FAILURES and self.options.on_error == "stop":
            self._stop_starting(f"row {result.row} failed, and on_error is 'stop'")

    def _record_rejection(self, row: Row) -> None:
        """Record a row that is invalid or repeats an earlier one."""
        if row.error is None:
            self._writer.write_duplicate(row)
        else:
            self._write_result(RowResult.from_error(row.number, row.email, row.error, row.key))

    def _report_unprocessed(self, rows: Iterable[Row]) -> None:
        """Record the rows that were not processed, each with its address."""
        quota = isinstance(self.stopped_by, ZoomDailyLimitError)
        outcome = Outcome.DEFERRED_QUOTA if quota else Outcome.FAILED
        for row in rows:
            if self._is_kept(row):
                continue
            if not self._needs_processing(row):
                self._process_row(row, None)
                continue
            self.untried += 1
            reason = f"not tried: {self._stop_reason}"
            self.report.add(RowResult(row.number, row.email, outcome, reason=reason, key=row.key))
