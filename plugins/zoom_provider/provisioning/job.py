"""A bulk run from its parameters to its summary: what ``ZoomCreateUsersOperator`` runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from itertools import chain
from typing import Any, Final

from zoom_provider.api.client import ZoomClient
from zoom_provider.exceptions import ZoomError, ZoomStoppedError, ZoomValidationError
from zoom_provider.models.validation import sanitize_for_log
from zoom_provider.provisioning.checkpoint import Checkpoint, Ledger, Rows, newest_checkpoint
from zoom_provider.provisioning.directory import Directory, open_directory
from zoom_provider.provisioning.due import Interval
from zoom_provider.provisioning.options import BulkOptions, file_format
from zoom_provider.provisioning.ports import CheckpointStore, Files, Meter
from zoom_provider.provisioning.progress import Progress
from zoom_provider.provisioning.report import FAILURES, Report, RowResult
from zoom_provider.provisioning.report_files import (
    NotAReportError,
    ReportPaths,
    hash_run,
    read_owner,
    sibling_path,
)
from zoom_provider.provisioning.restore import (
    EarlierRoster,
    RestoredState,
    assign_rows,
    build_departed_result,
    confirm_users,
    parse_roster,
    read_earlier_results,
    read_or_none,
    record_earlier,
    restore,
    serialize_roster,
)
from zoom_provider.provisioning.roster import Check, Listed, Row
from zoom_provider.provisioning.roster_copy import RosterCopy
from zoom_provider.provisioning.runner import MAX_CONCURRENT_CALLS, Runner, RunnerOptions
from zoom_provider.provisioning.saver import CheckpointSaver, FileCheckpointStore, summarize_error
from zoom_provider.provisioning.seats import Seats, count_free_seats
from zoom_provider.provisioning.select_due import log_due
from zoom_provider.provisioning.source import Survey, make_source
from zoom_provider.provisioning.summary import Summary

log = logging.getLogger(__name__)

_ROSTER_ENDING: Final = ".roster.jsonl"


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
    :param interval: the run's data interval; None where it has none
    :param orphaned: says whether the process that watches over this one is gone
    """

    client: ZoomClient
    files: Files
    meter: Meter
    store: CheckpointStore | None = None
    deferred_state: Mapping[str, Any] = field(default_factory=dict)
    task_ids: tuple[object, ...] = ()
    interval: Interval | None = None
    is_orphaned: Callable[[], bool] = lambda: False


class Job:
    """
    One try of a bulk run.

    :param options: the parameters
    :param path: of the report
    :param context: what it is given
    """

    def __init__(self, options: BulkOptions, path: str, context: JobContext) -> None:
        self._options = options
        self._roster = RosterCopy(context.files, options.roster, file_format(options))
        self._source = make_source(options, self._roster, context.interval)
        self._context = context
        self._client = context.client
        self._run = hash_run(*context.task_ids, options.dry_run)
        self._files = context.files.for_run(self._run)
        self._paths = ReportPaths.from_path(path)
        state = sibling_path(path, f".{self._run}.state.json")
        store = context.store or FileCheckpointStore(state, self._files)
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
        log_due(self._source.due, len(survey.due), len(survey.rows), self._options.max_creates)
        # Other users may be due than in the earlier try, though the people are the same.
        same = restored.same_people and self._source.due is None
        if self._options.max_creates is not None and not same:
            self._source.refuse_more_than(self._options.max_creates, self._check)
        seats, directory, rows, stopped_by = self._read_account()
        restored = confirm_users(
            restored,
            directory,
            may_update=self._options.if_exists == "update",
            stop=self._client.stop if stopped_by is None else None,
        )
        if restored.kept:
            restored = assign_rows(restored, self._source.listed())
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
            self._delete_leftovers()
        elif summary.unnamed:
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
            name = sanitize_for_log(taken)
            fault = f"would replace {name}, which is not a report: give it another path"
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
        ending = f".{self._run}.{checkpoint.people[:8]}{_ROSTER_ENDING}"
        return sibling_path(checkpoint.report, ending)

    def _read_roster(self, earlier: Checkpoint | None) -> EarlierRoster:
        if earlier is None:
            return EarlierRoster()
        return parse_roster(read_or_none(self._roster_path(earlier), self._files), self._run)

    def _read_account(
        self,
    ) -> tuple[Seats | None, Directory, Iterator[Row], ZoomError | None]:
        """Ask Zoom for free seats and existing users; what fails there ends in the report."""
        bought = self._options.seats
        if bought is None:
            log.info("How many seats are free is not known (seats is not given).")
        users = (row for row in self._source.rows(self._check) if row.request is not None)
        try:
            seats = count_free_seats(self._client, bought) if bought is not None else None
            directory, _ = open_directory(self._client, users)
        except ZoomStoppedError:
            raise
        except ZoomError as error:
            unknown = Directory(self._client, "unknown")
            return None, unknown, self._source.rows(self._check), error
        return seats, directory, self._source.rows(self._check), None

    def _open_report(
        self, report: Report, restored: RestoredState, start: Checkpoint, survey: Survey
    ) -> Ledger:
        """Write the restored results, publish report and roster; return the ledger."""
        ledger = Ledger(replace(start, departed=restored.departed_rows), survey.due)
        if restored.has_records:
            record_earlier(ledger, restored, self._source.listed())
        for result in restored.kept:
            ledger.record(result.row, result.outcome)
        for result in chain(restored.kept, restored.gone, restored.unresolved):
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

    def _delete_leftovers(self) -> None:
        """Delete the rosters of all tries, and what tries that were killed have not finished."""
        leftovers = set(self._rosters)
        for roster in self._rosters:
            start = roster.rpartition("/")[2].partition(f".{self._run}.")[0]
            for path in (roster, self._paths.lines):
                with suppress(OSError, ValueError):
                    leftovers.update(
                        self._files.list_leftovers(path, f"{start}.{self._run}.", _ROSTER_ENDING)
                    )
        for path in leftovers:
            self._delete_quietly(path)

    def _delete_quietly(self, path: str) -> None:
        """Delete a file that no later try needs; a failure leaves the file and nothing else."""
        try:
            self._files.delete(path)
        except Exception as error:
            log.warning("%s is not deleted: %s", sanitize_for_log(path), summarize_error(error))

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
            untried=runner.untried,
            stopped_by=runner.stopped_by,
            departed=[person.row for person in restored.departed],
            unnamed=restored.unnamed,
            state=self._saver.state,
        )
