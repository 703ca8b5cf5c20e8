"""A bulk run from its parameters to its summary: what ``ZoomCreateUsersOperator`` runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from itertools import chain
from typing import Any, Final

from zoom_provider.api.client import ZoomClient
from zoom_provider.api.response import printable
from zoom_provider.exceptions import ZoomError, ZoomStoppedError, ZoomValidationError
from zoom_provider.provisioning.checkpoint import Checkpoint, Ledger, Rows, newest_checkpoint
from zoom_provider.provisioning.directory import Directory, open_directory
from zoom_provider.provisioning.options import BulkOptions, file_format
from zoom_provider.provisioning.ports import CheckpointStore, Files, Meter
from zoom_provider.provisioning.progress import Progress
from zoom_provider.provisioning.report import (
    FAILURES,
    NotAReportError,
    Report,
    ReportPaths,
    RowResult,
    hash_run,
    read_owner,
    sibling_path,
)
from zoom_provider.provisioning.restore import (
    EarlierRoster,
    RestoredState,
    build_departed_result,
    parse_roster,
    read_earlier_results,
    restore,
    serialize_roster,
)
from zoom_provider.provisioning.roster import Check, Listed, Row
from zoom_provider.provisioning.roster_copy import RosterCopy
from zoom_provider.provisioning.runner import MAX_CONCURRENT_CALLS, Runner, RunnerOptions
from zoom_provider.provisioning.saver import CheckpointSaver, FileCheckpointStore, summarize_error
from zoom_provider.provisioning.seats import Seats, count_free_seats
from zoom_provider.provisioning.source import Survey, make_source
from zoom_provider.provisioning.summary import Summary

log = logging.getLogger(__name__)

_CONCURRENT_LOOKUPS: Final = 16
"""At once, to confirm what an earlier report says."""


@dataclass(frozen=True, kw_only=True)
class JobContext:
    """
    Everything that a bulk run needs besides its parameters.

    :param client: calls Zoom; its ``stop`` ends the run
    :param files: opens rosters and reports
    :param meter: gets the metrics
    :param store: keeps checkpoints; None where Airflow has none: a file beside the report does
    :param carried: the checkpoint that came with a deferral; empty for none
    :param ids: DAG, run, task and map index
    :param orphaned: says whether the process that watches over this one is gone
    """

    client: ZoomClient
    files: Files
    meter: Meter
    store: CheckpointStore | None = None
    deferred_state: Mapping[str, Any] = field(default_factory=dict)
    task_ids: tuple[object, ...] = ()
    is_orphaned: Callable[[], bool] = lambda: False


class Job:
    """
    One try of a bulk run.

    :param options: the parameters
    :param path: of the report
    :param around: what it is given
    """

    def __init__(self, options: BulkOptions, path: str, context: JobContext) -> None:
        self._options = options
        self._roster = RosterCopy(context.files, options.roster, file_format(options))
        self._source = make_source(options, self._roster)
        self._context = context
        self._client = context.client
        self._files = context.files
        self._paths = ReportPaths.from_path(path)
        self._run = hash_run(*context.task_ids, options.dry_run)
        state = sibling_path(path, f".{self._run}.state.json")
        store = context.store or FileCheckpointStore(state, context.files)
        self._saver = CheckpointSaver(store, context.client, self._run)
        self._check: Check = partial(self._client.validate_user, options.action)
        self._earlier_lines: dict[str, RowResult] = {}
        self._rosters: set[str] = set()
        self._replaces: object = None

    def run(self) -> Summary:
        """
        Create the users and report the result of each.

        :raises ZoomStoppedError: the client's stop was set; another try resumes
        :raises ZoomValidationError: nothing could be begun; by field
        """
        with closing(self._roster):
            return self._create_users()

    def _create_users(self) -> Summary:
        self._check_report_path()
        survey = self._source.survey()
        start, restored = self._restore(survey)
        if self._options.max_creates is not None and not restored.same_people:
            self._source.refuse_more_than(self._options.max_creates, self._check)
        seats, directory, rows, stopped_by = self._read_account()
        restored = self._assign_rows(self._confirm_users(restored, directory, stopped_by))
        report = Report(
            self._paths, self._files, self._run, self._source.name, replaces=self._replaces
        )
        try:
            ledger = self._open_report(report, restored, start, survey)
            progress = self._make_progress(report, ledger, start, len(survey.rows))
            progress.save()
            runner = Runner(
                client=self._client,
                directory=directory,
                report=report,
                ledger=ledger,
                restored=restored,
                progress=progress,
                options=RunnerOptions(
                    if_exists=self._options.if_exists,
                    on_error=self._options.on_error,
                    dry_run=self._options.dry_run,
                    max_concurrency=MAX_CONCURRENT_CALLS,
                ),
                seats=seats,
                stopped_by=stopped_by,
                is_orphaned=self._context.is_orphaned,
            )
            runner.run(rows)
            progress.save()
            progress.send_metrics()
            report.publish()
        except BaseException:
            if report.has_begun and report.counts:
                self._publish_quietly(report)
            raise
        finally:
            report.close()
        summary = self._summarize(report, progress, runner, restored)
        return replace(summary, defaults=survey.notes.to_summary())

    def finish(self, summary: Summary) -> str | None:
        """
        Return why the task must fail; if it succeeds, delete what only a later try would need.

        Rows that cannot be named any more fail the task once: nothing more can be found out.
        """
        complaint = summary.failure_reason(self._options.max_failures)
        if complaint is None:
            self._saver.clear()
            for path in self._rosters:
                self._files.delete(path)
        elif len(summary.unnamed):
            self._saver.amend(departed=str(Rows(summary.departed)))
        return complaint

    # ---- before

    def _check_report_path(self) -> None:
        """Refuse a report path that would replace an input or a file that is not a report."""
        roster = self._options.roster
        taken = next((p for p in self._paths if roster and self._files.same(p, roster)), None)
        try:
            read_owner(self._paths, self._files)
        except NotAReportError as error:
            taken = taken or str(error)
        if taken is not None:
            fault = f"would replace {printable(taken)}, which is not a report: give it another path"
            raise ZoomValidationError(f"report {fault}", errors={"report": [fault]})

    def _restore(self, survey: Survey) -> tuple[Checkpoint, RestoredState]:
        """Read back what earlier tries did; return the checkpoint to go on from with it."""
        zoom, options = self._client.settings, self._options
        work = (
            *(options.action, options.if_exists, options.dry_run, zoom.origin, zoom.account_id),
            *(self._source.constants, self._source.shard),
        )
        now = Checkpoint(
            run=self._run,
            work=sha256(repr(work).encode("utf-8", "replace")).hexdigest()[:32],
            people=survey.people,
            report=self._paths.lines,
            total=len(survey.rows),
        )
        earlier = newest_checkpoint([self._context.deferred_state, self._saver.load()], self._run)
        places = [self._paths, ReportPaths.alternate(self._paths.lines, self._run)]
        if earlier is not None and earlier.report != now.report:
            places += [
                ReportPaths.from_path(earlier.report),
                ReportPaths.alternate(earlier.report, self._run),
            ]
        self._replaces = self._files.identity(self._paths.lines)
        self._earlier_lines = read_earlier_results(places, self._run, self._files)
        restored = restore(
            earlier,
            self._earlier_lines,
            now,
            self._first_rows,
            lambda: self._read_roster(earlier),
        )
        if earlier is None:
            return now, restored
        self._rosters.add(self._roster_path(earlier))
        spent = earlier if restored.resumed else now
        return (
            replace(
                now,
                sequence=earlier.sequence,
                seconds=spent.seconds,
                calls=spent.calls,
                rate_limited=spent.rate_limited,
            ),
            restored,
        )

    def _first_rows(self) -> dict[str, Listed]:
        """Return the first row of each address."""
        places: dict[str, Listed] = {}
        for row in self._source.listed():
            places.setdefault(row.address, row)
        return places

    def _roster_path(self, checkpoint: Checkpoint) -> str:
        """Name the file beside a try's report that lists the rows of its roster."""
        ending = f".{self._run}.{checkpoint.people[:8]}.roster.jsonl"
        return sibling_path(checkpoint.report, ending)

    def _read_roster(self, earlier: Checkpoint | None) -> EarlierRoster:
        if earlier is None:
            return EarlierRoster()
        return parse_roster(self._files.read(self._roster_path(earlier)), self._run)

    def _read_account(
        self,
    ) -> tuple[Seats | None, Directory, Iterator[Row], ZoomError | None]:
        """Ask Zoom for free seats and existing users; what fails there ends in the report."""
        bought = self._options.seats
        if bought is None:
            log.info("How many seats are free is not known (seats is not given).")
        rows = self._source.rows(self._check)
        try:
            seats = count_free_seats(self._client, bought) if bought is not None else None
            directory, rows = open_directory(self._client, rows)
        except ZoomStoppedError:
            raise
        except ZoomError as error:
            unknown = Directory(self._client, "unknown")
            return None, unknown, self._source.rows(self._check), error
        return seats, directory, rows, None

    def _confirm_users(
        self, restored: RestoredState, directory: Directory, stopped_by: ZoomError | None
    ) -> RestoredState:
        """
        Keep an earlier report's results of users that Zoom still has.

        If that cannot be checked now, or the user may need an update, the user counts as created by
        this run when the runner finds them.
        """
        lines = restored.unconfirmed
        if not lines:
            return restored
        if stopped_by is not None:  # nothing will be done in this try
            return replace(restored, kept=[*restored.kept, *lines])
        if directory.kind == "unknown" or self._options.if_exists == "update":
            met_later = frozenset(line.address for line in lines)
            return replace(restored, attempted=restored.attempted | met_later)
        with ThreadPoolExecutor(_CONCURRENT_LOOKUPS, thread_name_prefix="zoom") as pool:
            try:
                found = list(pool.map(directory.find, [line.email for line in lines]))
            except BaseException:
                # The pool waits for its look-ups: none of them may wait for Zoom any more.
                self._client.stop.set()
                raise
        kept = [line for line, user in zip(lines, found, strict=True) if user is not None]
        return replace(restored, kept=[*restored.kept, *kept])

    def _assign_rows(self, restored: RestoredState) -> RestoredState:
        """Give each kept result the row that its person has in the present roster."""
        if not restored.kept:
            return restored
        lines = {line.address: line for line in restored.kept}
        places: dict[str, Listed] = {}
        for row in self._source.listed():
            line = lines.get(row.address)
            # Another row with the address, such as one that is rejected, has a line of its own.
            if line is not None and (row.address not in places or row.row == line.row):
                places[row.address] = row
        kept = [
            replace(lines.pop(address), row=row.row, key=row.key) for address, row in places.items()
        ]
        return replace(restored, kept=kept, gone=list(lines.values()))

    def _open_report(
        self, report: Report, restored: RestoredState, start: Checkpoint, survey: Survey
    ) -> Ledger:
        """Write the restored results, publish report and roster; return the ledger."""
        ledger = Ledger(replace(start, departed=_departed_rows(restored)), survey.rows)
        if restored.attempted or restored.done:
            _record_earlier(ledger, restored, self._source.listed())
        for result in restored.kept:
            ledger.record(result.row, result.outcome)
        for result in chain(restored.kept, restored.gone):
            report.add(result)
        for person in restored.departed:
            report.add(build_departed_result(person, self._earlier_lines.get(person.address)))
        roster = self._roster_path(start)
        self._rosters.add(roster)
        people = chain(self._source.listed(), restored.departed)
        self._files.write(roster, serialize_roster(people, self._run))
        report.begin()
        aside = ReportPaths.alternate(self._paths.lines, self._run)
        for path in aside:
            self._files.delete(path)
        return ledger

    def _make_progress(
        self, report: Report, ledger: Ledger, start: Checkpoint, total: int
    ) -> Progress:
        client = self._client

        def save() -> None:
            if report.has_begun and report.is_superseded():
                self._saver.yield_to_newer_try()
            self._saver.save(
                ledger.checkpoint(
                    report.counts, progress.seconds, client.calls, client.rate_limited
                )
            )

        progress = Progress(
            client,
            report.counts,
            self._context.meter,
            total,
            start,
            save,
            dry_run=self._options.dry_run,
        )
        return progress

    # ---- after

    def _publish_quietly(self, report: Report) -> None:
        """Publish the report of a failed try; an error here must not hide the try's own."""
        try:
            report.publish()
        except Exception as error:
            log.error("The report cannot be published: %s", summarize_error(error))

    def _summarize(
        self, report: Report, progress: Progress, runner: Runner, restored: RestoredState
    ) -> Summary:
        path = report.locate()
        return Summary(
            outcomes={str(outcome): count for outcome, count in sorted(report.counts.items())},
            report=path,
            rejects=report.paths.rejects,
            attention=report.attention,
            stats=progress.stats(),
            failed=sum(report.counts[outcome] for outcome in FAILURES),
            unanswered=runner.unanswered,
            stopped_by=runner.stopped_by,
            departed=[person.row for person in restored.departed],
            unnamed=restored.unnamed,
            state=self._saver.state,
        )


def _record_earlier(ledger: Ledger, restored: RestoredState, rows: Iterable[Listed]) -> None:
    """Record what earlier tries did, so that it survives if this try is killed."""
    seen: set[str] = set()
    for row in rows:
        outcome = restored.done.get(row.row)
        if outcome is None and row.address not in seen:
            outcome = restored.done.get(row.address)
        seen.add(row.address)
        if outcome is not None:
            ledger.record(row.row, outcome)
        elif row.row in restored.attempted or row.address in restored.attempted:
            ledger.note_attempts([row.row])


def _departed_rows(restored: RestoredState) -> Rows:
    """Return the rows of an earlier roster that are owed and gone from this one."""
    return Rows([*(person.row for person in restored.departed), *restored.unnamed])
