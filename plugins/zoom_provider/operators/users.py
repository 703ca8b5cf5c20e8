"""Operators that create people in Zoom."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from airflow.providers.common.compat.sdk import AirflowFailException, conf

from zoom_provider.exceptions import ZoomDailyLimitError, ZoomError, ZoomValidationError
from zoom_provider.operators._running import (
    check_key,
    check_max_creates,
    check_max_failures,
    checked_shard,
    client_of,
    countable,
    defer_until,
    people_of,
    readable,
    refuse_unknown,
    retried_only_where_it_helps,
    tell_asset,
)
from zoom_provider.operators._templating import UserInfoOperator, parsed

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from zoom_provider.api.client import ZoomClient
    from zoom_provider.provisioning.bulk import OnError, Rules
    from zoom_provider.provisioning.creating import IfExists, Person
    from zoom_provider.provisioning.outcomes import Report
    from zoom_provider.provisioning.roster import Row
    from zoom_provider.provisioning.source import Source

log = logging.getLogger(__name__)

_DEFERRABLE = conf.getboolean("operators", "default_deferrable", fallback=False)


class ZoomCreateUserOperator(UserInfoOperator):
    """
    Create one person in Zoom (``POST /v2/users``).

    Returns Zoom's ``id``, ``email``, ``type``, ``first_name`` and ``last_name``, the ``status``
    (``pending`` until an invited person has accepted; None where the look-up failed) and the
    ``outcome``: ``invited`` (action ``create``), ``created`` (the other actions), ``existing``,
    ``updated`` or ``unchanged``.

    With :data:`zoom_provider.assets.ZOOM_USERS` among its outlets, the event's ``extra`` holds
    ``{"outcomes": {outcome: 1}}``.

    An error that no retry can mend fails the task at once, unless the task has a
    ``retry_policy``, which then decides.

    :param user_info: the person: an object, a JSON text, a template that renders to JSON or to a
        Python literal, or an upstream task's output (templated)
    :param action: ``create``, ``autoCreate``, ``custCreate`` or ``ssoCreate`` (templated)
    :param if_exists: what to do with a person whom Zoom has already: ``fail``, ``skip`` (the
        existing person is the result) or ``update`` (write the names, type, division and plan
        that differ) (templated)
    :param zoom_conn_id: a connection of type ``zoom`` (templated)
    :param deferrable: when the account's daily limit is reached, wait for its reset without
        holding a worker
    """

    template_fields: Sequence[str] = ("action", "user_info", "if_exists", "zoom_conn_id")
    template_fields_renderers = {"user_info": "json"}  # noqa: RUF012 - as Airflow declares it
    people_fields = ("user_info",)
    ui_color = "#d7e6ff"

    def __init__(
        self,
        *,
        user_info: dict[str, Any] | str,
        action: str = "create",
        if_exists: IfExists | str = "fail",
        zoom_conn_id: str = "zoom_default",
        deferrable: bool = _DEFERRABLE,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.user_info = user_info
        self.action = action
        self.if_exists = if_exists
        self.zoom_conn_id = zoom_conn_id
        self.deferrable = deferrable

    def execute(self, context: Context) -> dict[str, Any]:
        """Create the person; return who they are now."""
        from zoom_provider.api.creating import run
        from zoom_provider.provisioning.creating import create

        with retried_only_where_it_helps(self):
            refuse_unknown("if_exists", self.if_exists, ("fail", "skip", "update"))
            if_exists = cast("IfExists", self.if_exists)
            client = client_of(self.zoom_conn_id)
            request = client.checked(self.action, readable(parsed(self.user_info), "user_info"))
            try:
                person = run(create(client, request, if_exists), client.sleep)
            except ZoomDailyLimitError as error:
                if self.deferrable:
                    defer_until(self, error, "resume")
                raise
            result = _result(client, person, request.email)
        tell_asset(self, context, {"outcomes": {result["outcome"]: 1}})
        self.log.info(
            "%s: %s, status %s, id %s",
            *(result[name] for name in ("email", "outcome", "status", "id")),
        )
        return result

    def resume(self, context: Context, event: Any = None) -> dict[str, Any]:
        """Go on after the daily limit's reset."""
        return self.execute(context)


class ZoomCreateUsersOperator(UserInfoOperator):
    """
    Create many people in one task and report what happened to each.

    Returns ``{"outcomes": {outcome: count}, "report": path, "rejects": path, "seconds": s,
    "calls": n, "rate_limited": n}``. ``report`` is a file of JSON Lines with one line for each
    person (source, row, key, email, outcome, id, reason, code, tracking_id); beside it stand the
    same as ``.csv`` and the faults of rejected and duplicate rows as ``.rejects.csv``.

    Good rows are not held up by bad ones. When the task fails, the report is written and
    ``report``, ``outcomes`` and ``attention`` (at most 20 of those who failed: source, row, key,
    email, outcome, reason) are in XCom first; it retries only where Zoom gave no answer.

    With :data:`zoom_provider.assets.ZOOM_USERS` among its outlets, the event's ``extra`` holds
    ``outcomes`` and ``report``; after a dry run, no outcomes and ``"dry_run": True``.

    :param users: a list of ``user_info``, or a text or upstream output that is one (templated)
    :param roster: instead of ``users``, the path or object-store URL of a file that is read row
        by row: JSON Lines where it ends in ``.jsonl`` or ``.ndjson``, else CSV with a header
        (templated)
    :param mapping: from Zoom's field to its source: a text names a column, a number or boolean
        is a constant, ``{"column": "Department", "map": {"Sales": 2}, "default": 1}``,
        ``{"column": "Nickname", "optional": True}`` and ``{"value": "text"}`` say more. Without
        one, columns with Zoom's names are taken from a roster, and ``users`` are taken as they are
    :param key: the column that the source knows a row by, such as an employee number: it stands
        beside the row's number in the report and in the log
    :param source: what the report and the log call the source; by default the roster's path, or
        ``users`` (templated)
    :param action: ``create``, ``autoCreate``, ``custCreate`` or ``ssoCreate`` (templated)
    :param if_exists: what to do with people whom Zoom has already: ``fail``, ``skip`` or
        ``update``
    :param on_error: ``continue`` with the others after a failure, or ``stop``
    :param max_failures: how many failures (an integer) or which share of them (a float in
        (0, 1]) still leave the task green; None means that any failure fails it
    :param max_creates: stop before the first call if there are more people than this
    :param seats: the seats bought, ``{"licensed": n, "basic": n}``: those in use, by pending
        people too, are counted first, and people beyond them are ``needs_license``, or created as
        basic with ``"else_basic": True``; None leaves it to Zoom to refuse
    :param dry_run: say what would happen to whom, and write nothing to Zoom
    :param shard: ``(i, n)``: only the rows whose e-mail address falls to part i (from 0) of n,
        so that n tasks share a roster
    :param report: path or object-store URL of the report, one for each mapped task (such as
        ``.../{{ ti.map_index }}.jsonl``); by default a file under Airflow's base log folder
        (templated)
    :param zoom_conn_id: a connection of type ``zoom`` (templated)
    :param deferrable: when the account's daily limit is reached, wait for its reset without
        holding a worker, then go on where it was
    """

    template_fields: Sequence[str] = (
        *("users", "roster", "action", "source", "report", "zoom_conn_id"),
    )
    people_fields = ("users",)
    ui_color = "#d7e6ff"

    def __init__(
        self,
        *,
        users: list[dict[str, Any]] | str | None = None,
        roster: str | None = None,
        mapping: dict[str, Any] | None = None,
        key: str | None = None,
        source: str | None = None,
        action: str = "create",
        if_exists: IfExists = "skip",
        on_error: OnError = "continue",
        max_failures: int | float | None = None,
        max_creates: int | None = None,
        seats: dict[str, int] | None = None,
        dry_run: bool = False,
        shard: tuple[int, int] | None = None,
        report: str | None = None,
        zoom_conn_id: str = "zoom_default",
        deferrable: bool = _DEFERRABLE,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.users = users
        self.roster = roster
        self.mapping = mapping
        self.key = key
        self.source = source
        self.action = action
        self.if_exists: IfExists = if_exists
        self.on_error: OnError = on_error
        self.max_failures = max_failures
        self.max_creates = max_creates
        self.seats = seats
        # Not dry_run, which is a method of every operator.
        self.only_told = dry_run
        self.shard = shard
        self.report = report
        self.zoom_conn_id = zoom_conn_id
        self.deferrable = deferrable

    def execute(self, context: Context) -> dict[str, Any]:
        """Create the people; return counts and where the report is."""
        return self._run(context, {})

    def resume(
        self, context: Context, event: Any = None, progress: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Go on after the daily limit's reset, with the rows that are left."""
        return self._run(context, progress or {})

    def _run(self, context: Context, put_off: dict[str, Any]) -> dict[str, Any]:
        from zoom_provider.hooks import adapters
        from zoom_provider.provisioning.bulk import create_many
        from zoom_provider.provisioning.outcomes import Report
        from zoom_provider.provisioning.progress import Progress, of_same_work

        with retried_only_where_it_helps(self):
            rules = self._checked_rules()
            source = self._source()
            client = client_of(self.zoom_conn_id)
            if source.shard is not None:
                client.share(source.shard[1])
            checkpoint = adapters.TaskCheckpoint(context)
            check = partial(client.checked, self.action)
            zoom = client.settings
            total, work = source.survey(
                *(self.action, self.if_exists, self.only_told, zoom.origin, zoom.account_id)
            )
            earlier = of_same_work(put_off or checkpoint.load(), work)
            if self.max_creates is not None and not earlier:
                source.refuse_more_than(self.max_creates, check)
            path = str(self.report or adapters.default_report(context))
            lines = adapters.earlier_lines(path) if earlier else []
            meter, dry = adapters.AirflowMeter(), self.only_told
            progress = Progress(client, checkpoint, meter, total, earlier, work, dry_run=dry)
            with Report(path, adapters.open_text, source.name) as report:
                if lines:
                    progress.taken_over(report.take_over(lines, progress.is_open))
                else:
                    # The report of another worker, perhaps: its counts are all that is left.
                    report.counts.update(countable(earlier))

                def wanted() -> Iterator[Row]:
                    return filter(progress.wants, source.rows(check))

                # From here on a killed try leaves a report that the next one may go on with.
                checkpoint.save(progress.state((), report.counts))
                asked = self._asked(client, wanted)
                stopped_by = create_many(
                    client, report=report, rules=rules, progress=progress, **asked
                )
        progress.measure()
        if self.deferrable and isinstance(stopped_by, ZoomDailyLimitError):
            state = progress.state((), report.counts)
            # The task may be killed after it has come back.
            checkpoint.save(state)
            defer_until(self, stopped_by, "resume", {"progress": state})
        # Not the state's counts: those leave out who would have another try.
        outcomes = {str(outcome): count for outcome, count in sorted(report.counts.items())}
        if stopped_by is None or stopped_by.remedy != "retry":
            checkpoint.clear()
        self.log.info("Outcomes: %s. Report: %s", outcomes, report.path)
        context["ti"].xcom_push(key="report", value=report.path)
        context["ti"].xcom_push(key="outcomes", value=outcomes)
        context["ti"].xcom_push(key="attention", value=report.attention)
        with retried_only_where_it_helps(self):
            if stopped_by is not None:
                raise stopped_by
            self._judge(report)
        # Nobody came of a dry run: who starts at the event must not count its people.
        came = {"outcomes": {}, "dry_run": True} if self.only_told else {"outcomes": outcomes}
        tell_asset(self, context, {**came, "report": report.path})
        return {
            "outcomes": outcomes,
            "report": report.path,
            "rejects": report.rejects,
            **progress.spent(),
        }

    def _checked_rules(self) -> Rules:
        from zoom_provider.provisioning import seats
        from zoom_provider.provisioning.bulk import MOST_AT_ONCE, Rules

        refuse_unknown("if_exists", self.if_exists, ("fail", "skip", "update"))
        refuse_unknown("on_error", self.on_error, ("continue", "stop"))
        check_max_failures(self.max_failures)
        check_max_creates(self.max_creates)
        if self.seats is not None:
            seats.check(self.seats)
        return Rules(
            if_exists=self.if_exists,
            on_error=self.on_error,
            put_off_quota=self.deferrable,
            dry_run=self.only_told,
            at_once=MOST_AT_ONCE,
        )

    def _source(self) -> Source:
        from zoom_provider.api.replies import printable
        from zoom_provider.hooks.adapters import open_text
        from zoom_provider.provisioning.mapping import check_mapping
        from zoom_provider.provisioning.source import Source

        if (self.users is None) == (self.roster is None):
            raise ZoomValidationError(
                "give either users or roster", errors={"users": ["or roster, one of the two"]}
            )
        if self.roster is not None and not str(self.roster):
            raise ZoomValidationError(
                "roster is empty; it must be a path or URL", errors={"roster": ["is empty"]}
            )
        check_mapping(self.mapping)
        check_key(self.key, self.mapping)
        return Source(
            users=() if self.users is None else people_of(self.users),
            path=None if self.roster is None else str(self.roster),
            open_text=open_text,
            mapping=self.mapping,
            key=self.key,
            # A template's text may be what somebody started the run with.
            name=printable(self.source or self.roster or "users"),
            shard=checked_shard(self.shard),
        )

    def _asked(self, client: ZoomClient, wanted: Callable[[], Iterator[Row]]) -> dict[str, Any]:
        """Ask Zoom for free seats and for whom it has; whatever fails there ends in the report."""
        from zoom_provider.provisioning.known import find_known
        from zoom_provider.provisioning.seats import free_seats

        if self.seats is None:
            self.log.info("How many seats are free is not known (seats is not given).")
        try:
            seats = free_seats(client, self.seats) if self.seats is not None else None
            known, rows = find_known(client, wanted())
        except ZoomError as error:
            return {"rows": wanted(), "stopped_by": error}
        return {"rows": rows, "known": known, "seats": seats}

    def _judge(self, report: Report) -> None:
        """Fail the task where more people failed than ``max_failures`` allows."""
        from zoom_provider.provisioning.outcomes import FAILURES

        total = report.counts.total()
        failed = sum(report.counts[outcome] for outcome in FAILURES)
        # A share is compared as one: 100 * 0.29 is less than 29.
        counted = failed / total if total and isinstance(self.max_failures, float) else failed
        if counted > (self.max_failures or 0):
            allowed = "none" if self.max_failures is None else self.max_failures
            raise AirflowFailException(
                f"{failed} of {total} people failed; max_failures allows {allowed}. Who and why: "
                f"{report.path}"
            )


def _result(client: ZoomClient, person: Person, email: str) -> dict[str, Any]:
    user = person.user
    outcome = str(person.outcome)
    status = user.get("status")
    if outcome == "needs_human":
        # An inactive person is theirs whom the task's author asked for: the status says the rest.
        outcome = "existing"
    if status is None:
        try:
            status = client.look_up(email, patient=False).payload.get("status")
        except ZoomError as error:
            log.warning("%s: their status is not known: %s", email, error)
    fields = {name: user.get(name) for name in ("id", "email", "type", "first_name", "last_name")}
    return {**fields, "status": status, "outcome": outcome}
