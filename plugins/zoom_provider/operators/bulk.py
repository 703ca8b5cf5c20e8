"""The operator that creates many users in one task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Final

from airflow.providers.common.compat.sdk import AirflowFailException, conf

from zoom_provider.exceptions import ZoomDailyLimitError, ZoomStoppedError, ZoomUnavailableError
from zoom_provider.operators._base import ZoomBaseOperator
from zoom_provider.operators._dry_run import DryRunParameter
from zoom_provider.operators._parameters import IF_EXISTS, ON_ERROR, check_parameters
from zoom_provider.operators._templating import parse_people, require_parsed

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from zoom_provider.provisioning.decide import IfExists
    from zoom_provider.provisioning.job import Job
    from zoom_provider.provisioning.options import BulkOptions, OnError
    from zoom_provider.provisioning.summary import Summary

_DEFERRABLE = conf.getboolean("operators", "default_deferrable", fallback=False)

_AS_THEY_ARE: Final = (
    *("roster", "mapping", "key", "source", "action", "if_exists", "on_error"),
    *("max_failures", "max_creates", "shard", "deferrable"),
    *("encoding", "delimiter", "header_row", "sheet", "empty_values"),
)
"""Parameters that are checked as they are."""


class ZoomCreateUsersOperator(ZoomBaseOperator):
    """
    Create many people in one task and report the result of each.

    Returns ``{"outcomes": {outcome: count}, "report": path, "rejects": path, "seconds": s,
    "calls": n, "rate_limited": n}``; where rows fell to a default of the mapping, also
    ``"defaults": {field: {"rows": n, "values": {value: n}}}``.

    ``report`` is a file of JSON Lines with one line for each person (source, row, key, email,
    outcome, id, reason, code, tracking_id); beside it stand the same as ``.csv`` and the faults of
    rejected and duplicate rows as ``.rejects.csv``.

    Good rows are not held up by bad ones. When the task fails, the report is written and
    ``report``, ``outcomes`` and ``attention`` (at most 20 of those who failed: source, row, key,
    email, outcome, reason) are in XCom first; it retries only where Zoom gave no answer.

    A try that is killed, put off or cleared is resumed: each user is reported once, as what they
    became by this run. See :mod:`zoom_provider.provisioning.checkpoint`.

    With :data:`zoom_provider.assets.ZOOM_USERS` among its outlets, the event's ``extra`` holds
    ``outcomes`` and ``report``; after a dry run, no outcomes and ``"dry_run": True``.

    :param users: a list of ``user_info``, or a text or upstream output that is one (templated)
    :param roster: instead of ``users``, the path or object-store URL of a file that is read row
        by row: JSON Lines where it ends in ``.jsonl`` or ``.ndjson``, an array where it ends in
        ``.json``, Excel's ``.xlsx`` with the extra ``[excel]``, else CSV with a header; each may
        be compressed by gzip (templated)
    :param mapping: from Zoom's field to its source: a text names a column, a number or boolean
        is a constant, ``{"column": "Department", "map": {"Sales": 2}, "default": 1}``,
        ``{"column": "Nickname", "optional": True}`` and ``{"value": "text"}`` say more. The
        default stands for an empty cell and for a value that the map lacks; a column that is not
        there is a fault unless it is optional. Names of columns and values are compared as people
        read them, without case. Without a mapping, columns with Zoom's names or those of its
        portal's files are taken from a roster, and ``users`` are taken as they are
    :param key: the column that the source knows a row by, such as an employee number: it stands
        beside the row's number in the report and in the log
    :param first_day: create only the users who are due: ``{"column": "Hire Date", "format": None,
        "lead_days": 1, "timezone": "Europe/Berlin", "late": "ignore", "from": None, "to": None}``,
        of which only the column is needed. A user is due when midnight of the first day in the
        timezone (UTC), less ``lead_days`` (0), falls into the run's data interval. ``from`` and
        ``to`` are first days that win over the interval, ``to`` included. ``late``: ``ignore``
        first days before the interval, or ``create`` those users, too. Dates are ISO 8601, or
        have a ``format`` of pendulum's tokens. All others are ``not_due``, which is no failure
        (templated)
    :param source: what the report and the log call the source; by default the roster's path, or
        ``users`` (templated)
    :param action: ``create``, ``autoCreate``, ``custCreate`` or ``ssoCreate`` (templated)
    :param if_exists: what to do with people who exist in Zoom: ``fail``, ``skip`` or
        ``update`` (templated)
    :param on_error: ``continue`` with the others after a failure, or ``stop`` (templated)
    :param max_failures: how many failures (an integer) or which share of them (a float in
        (0, 1]) still leave the task green; None means that any failure fails it (templated: a
        text with a point is a share, one without is a count)
    :param max_creates: stop before the first call if there are more people than this (templated)
    :param seats: the seats bought, ``{"licensed": n, "basic": n}``: those in use, by pending
        people too, are counted first, and people beyond them are ``needs_license``, or created as
        basic with ``"else_basic": True``, also where it is Zoom that refuses them a licence; None
        leaves it to Zoom to refuse (templated)
    :param dry_run: say what would happen to which user, and write nothing to Zoom (templated)
    :param shard: ``(i, n)``: only the rows whose e-mail address falls to part i (from 0) of n,
        so that n tasks share a roster (templated)
    :param report: path or object-store URL of the report, one for each run and mapped task; where
        another run's report is there, that is moved aside. By default a file under Airflow's base
        log folder (templated)
    :param encoding: of a roster that is text and neither UTF-8 nor marked as UTF-16, such as
        ``cp1252`` (templated)
    :param delimiter: of a CSV roster; by default comma, semicolon, tab or bar, whichever the
        header has, or what a line ``sep=`` says (templated)
    :param header_row: the number of the row that names the columns of a CSV or Excel roster; by
        default the first that is not blank (templated)
    :param sheet: the name of an Excel roster's sheet; by default the first (templated)
    :param empty_values: texts that count as an empty cell, such as ``["nan", "-"]``
    :param zoom_conn_id: a connection of type ``zoom`` (templated)
    :param deferrable: when the account's daily limit is reached, wait for its reset without
        holding a worker, then go on where it was (templated)
    """

    template_fields: Sequence[str] = (
        *("users", "roster", "action", "source", "report", "zoom_conn_id"),
        *("if_exists", "on_error", "max_failures", "max_creates", "seats"),
        *("dry_run", "shard", "deferrable", "first_day"),
        *("encoding", "delimiter", "header_row", "sheet"),
    )
    people_fields: ClassVar[tuple[str, ...]] = ("users",)

    dry_run: Any = DryRunParameter()

    def __init__(
        self,
        *,
        users: list[dict[str, Any]] | str | None = None,
        roster: str | None = None,
        mapping: dict[str, Any] | None = None,
        key: str | None = None,
        first_day: dict[str, Any] | str | None = None,
        source: str | None = None,
        action: str = "create",
        if_exists: IfExists | str = "skip",
        on_error: OnError | str = "continue",
        max_failures: int | float | str | None = None,
        max_creates: int | str | None = None,
        seats: dict[str, Any] | str | None = None,
        dry_run: bool | str = False,
        shard: tuple[int, int] | str | None = None,
        report: str | None = None,
        encoding: str | None = None,
        delimiter: str | None = None,
        header_row: int | str | None = None,
        sheet: str | None = None,
        empty_values: Sequence[str] = (),
        zoom_conn_id: str = "zoom_default",
        deferrable: bool | str = _DEFERRABLE,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.users = users
        self.roster = roster
        self.mapping = mapping
        self.key = key
        self.first_day = first_day
        self.source = source
        self.action = action
        self.if_exists = if_exists
        self.on_error = on_error
        self.max_failures = max_failures
        self.max_creates = max_creates
        self.seats = seats
        self.dry_run = dry_run
        self.shard = shard
        self.report = report
        self.encoding = encoding
        self.delimiter = delimiter
        self.header_row = header_row
        self.sheet = sheet
        self.empty_values = empty_values
        self.zoom_conn_id = zoom_conn_id
        self.deferrable = deferrable
        check_parameters(
            self,
            words={"if_exists": IF_EXISTS, "on_error": ON_ERROR},
            booleans=("dry_run", "deferrable"),
            counts=("max_creates",),
            rows=("header_row",),
            numbers=("max_failures",),
            texts=("key", "roster", "source", "report", "encoding", "delimiter", "sheet"),
            lists=("empty_values",),
            objects=("mapping", "seats", "first_day"),
        )

    def execute(self, context: Context) -> dict[str, Any]:
        """Create the users; return counts and where the report is."""
        return self._run(context, {})

    def execute_complete(
        self, context: Context, event: Any = None, progress: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Go on after the daily limit's reset, with the rows that are owed."""
        return self._run(context, progress or {})

    def _run(self, context: Context, deferred_state: dict[str, Any]) -> dict[str, Any]:
        with self.fail_fast_on_permanent_errors(), self._open_users(context) as users:
            options = self._options(users)
            job = self._job(options, context, deferred_state)
            summary = job.run()
        if options.deferrable and isinstance(summary.stopped_by, ZoomDailyLimitError):
            self.defer_until_reset(summary.stopped_by, {"progress": summary.state})
        # A template's text may be what a run was started with: it stays on its line.
        self.log.info("Outcomes: %s. Report: %r", summary.outcomes, summary.report)
        for name in ("report", "outcomes", "attention"):
            context["ti"].xcom_push(key=name, value=getattr(summary, name))
        self._raise_stop_cause(summary, context)
        failure_reason = job.finish(summary)
        if failure_reason is not None:
            raise AirflowFailException(failure_reason)
        # A dry run creates no users: a DAG that the event starts must not count them.
        dry_run_extra = {"outcomes": {}, "dry_run": True} if options.dry_run else {}
        extra = {"outcomes": summary.outcomes, **dry_run_extra, "report": summary.report}
        self.set_asset_event_extra(context, extra)
        return {
            "outcomes": summary.outcomes,
            "report": summary.report,
            "rejects": summary.rejects,
            **summary.stats,
            **({"defaults": summary.defaults} if summary.defaults else {}),
        }

    @contextmanager
    def _open_users(self, context: Context) -> Iterator[Any]:
        """Provide the rows while they are needed; None where they come from a roster."""
        yield None if self.users is None else self.get_people("users")

    def _options(self, users: Any) -> BulkOptions:
        """Check all parameters by type."""
        from zoom_provider.provisioning.options import parse_options

        objects = {name: getattr(self, name) for name in ("seats", "first_day")}
        return parse_options(
            users=users,
            **{
                name: require_parsed(parse_people(value), name)
                if _looks_like_object(value)
                else value
                for name, value in objects.items()
            },
            dry_run=getattr(self.dry_run, "value", self.dry_run),
            **{name: getattr(self, name) for name in _AS_THEY_ARE},
        )

    def _job(self, options: BulkOptions, context: Context, deferred_state: dict[str, Any]) -> Job:
        from zoom_provider.hooks import airflow_io
        from zoom_provider.hooks.files import AirflowFiles
        from zoom_provider.provisioning.job import Job, JobContext

        client = self.hook.client
        files = AirflowFiles()
        if options.shard is not None:
            client.divide_rate(options.shard[1])
        job_context = JobContext(
            client=client,
            files=files,
            meter=airflow_io.AirflowMetrics(),
            store=airflow_io.TaskCheckpoint.from_context(context),
            deferred_state=deferred_state,
            task_ids=airflow_io.task_ids(context),
            interval=airflow_io.data_interval(context),
            is_orphaned=airflow_io.watch_supervisor(),
        )
        report = str(self.report or airflow_io.default_report_path(context))
        return Job(options, report, job_context)

    def _raise_stop_cause(self, summary: Summary, context: Context) -> None:
        """Raise the account-level error, or one that another try may cure."""
        from zoom_provider.hooks.airflow_io import has_retries_left

        with self.fail_fast_on_permanent_errors():
            if self.stop.is_set() and (summary.stopped_by is not None or summary.failed):
                # A stopped task is retried, whatever its results are.
                raise ZoomStoppedError("The task was stopped; a retry resumes it.")
            if summary.stopped_by is not None:
                raise summary.stopped_by
            if summary.unanswered and has_retries_left(context):
                raise ZoomUnavailableError(
                    f"{summary.unanswered} people had no answer from Zoom; a retry tries them "
                    f"again, and only them. Who: {summary.report}"
                )


def _looks_like_object(value: object) -> bool:
    """Return whether a template has rendered an object; an empty text and None are none."""
    return isinstance(value, str) and value.strip().startswith("{")
