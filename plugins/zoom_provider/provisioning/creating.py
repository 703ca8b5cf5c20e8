"""Create one person, or many, and say what happened to each."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from zoom_provider.api.client import ZoomClient
from zoom_provider.api.creating import Steps
from zoom_provider.api.user_info import Action, CreateRequest
from zoom_provider.exceptions import (
    ZoomAuthError,
    ZoomDailyLimitError,
    ZoomError,
    ZoomNotFoundError,
    ZoomPermissionError,
    ZoomRateLimitError,
    ZoomUnavailableError,
    ZoomUserExistsError,
)
from zoom_provider.provisioning.outcomes import FAILURES, Outcome, PersonOutcome, Report
from zoom_provider.provisioning.roster import Row

log = logging.getLogger(__name__)

IfExists = Literal["fail", "skip", "update"]
OnError = Literal["continue", "stop"]

UPDATABLE: Final[tuple[str, ...]] = (
    "first_name",
    "last_name",
    "display_name",
    "type",
    "division_ids",
    "plan_united_type",
)
"""What ``if_exists="update"`` writes; never a password, a feature or a licence list."""

_EVERYBODYS: Final = (ZoomAuthError, ZoomPermissionError)
"""What concerns the app or the account, so that nobody else would fare better."""

_PENDING: Final = "the person is pending, and Zoom drops changes to pending people"

_EXPIRED: Final = 1120
"""Zoom's code for an invitation older than 30 days, which holds the address all the same."""

DRY_RUN: Final = "dry run, nothing was written"

_OUTAGE: Final = 5
"""So many people in a row without an answer from Zoom: nobody new is started until one is had."""


@dataclass(frozen=True, slots=True)
class Person:
    """
    What became of one request.

    :param outcome: what happened
    :param user: the person as Zoom has them
    :param reason: why it is not simply done
    """

    outcome: Outcome
    user: dict[str, Any]
    reason: str | None = None


def create(client: ZoomClient, request: CreateRequest, if_exists: IfExists) -> Steps[Person]:
    """
    Create a person in steps, or do with the existing one as ``if_exists`` says.

    :raises ZoomUserExistsError: with ``if_exists="fail"``
    """
    try:
        user = yield from client.creating(request)
    except ZoomUserExistsError as error:
        if if_exists == "fail" or error.user is None:
            raise
        person, changes = _met(request, error.user, if_exists)
        _write(client, str(error.user.get("id") or request.email), changes)
        return person
    return Person(_made(request), user)


def foretell(client: ZoomClient, request: CreateRequest, if_exists: IfExists) -> Steps[Person]:
    """
    Say what :func:`create` would do, by one look-up, and write nothing.

    Whether a seat is free and whether the address has an account elsewhere shows at creation only.

    :raises ZoomUserExistsError: with ``if_exists="fail"``
    """
    yield 0.0
    try:
        user = client.get_user(request.email)
    except ZoomNotFoundError as absent:
        if absent.code != _EXPIRED:
            return Person(_made(request), {}, DRY_RUN)
        user = {"email": request.email, "status": "pending"}
    if if_exists == "fail":
        raise ZoomUserExistsError("Zoom has this person already.", user=user)
    person, _ = _met(request, user, if_exists)
    return replace(person, reason=f"{DRY_RUN}: {person.reason}" if person.reason else DRY_RUN)


def _made(request: CreateRequest) -> Outcome:
    return Outcome.INVITED if request.action is Action.create else Outcome.CREATED


def _met(
    request: CreateRequest, user: dict[str, Any], if_exists: IfExists
) -> tuple[Person, dict[str, Any]]:
    """Say what an existing person comes to, and which fields to write."""
    status = user.get("status")
    if if_exists == "skip":
        note = f"the person is {status}" if status in ("pending", "inactive") else None
        return Person(Outcome.EXISTING, user, note), {}
    if status == "pending":
        return Person(Outcome.EXISTING, user, _PENDING), {}
    if status == "inactive":
        return Person(Outcome.NEEDS_HUMAN, user, "the person is inactive: activate them first"), {}
    given = request.user_info.given()
    changes = {
        name: given[name] for name in UPDATABLE if name in given and given[name] != user.get(name)
    }
    if not changes:
        return Person(Outcome.UNCHANGED, user), {}
    return Person(Outcome.UPDATED, user | changes, f"changed {', '.join(changes)}"), changes


def _write(client: ZoomClient, user: str, changes: dict[str, Any]) -> None:
    # Zoom refuses type and plan_united_type in one call.
    plan = {name: value for name, value in changes.items() if name == "plan_united_type"}
    for part in ({name: value for name, value in changes.items() if name not in plan}, plan):
        if part:
            client.update_user(user, part)


@dataclass(frozen=True, slots=True)
class Ending:
    """
    How far creating many came.

    :param stopped_by: the error that concerned everybody, if there was one
    :param left: numbers of rows that were begun and want another try
    :param next_row: the first row that nobody tried, where the rest was put off
    """

    stopped_by: ZoomError | None = None
    left: tuple[int, ...] = ()
    next_row: int | None = None


@dataclass
class _Work:
    """Creating many: who is being settled, and whether to go on."""

    client: ZoomClient
    report: Report
    if_exists: IfExists
    on_error: OnError
    put_off_quota: bool
    dry_run: bool
    settling: list[tuple[float, int, Row, Steps[Person]]] = field(default_factory=list)
    stopped: str | None = None
    stopped_by: ZoomError | None = None
    lost: int = 0
    unanswered: int = 0
    left: list[int] = field(default_factory=list)

    def next_of(self, rows: Iterator[Row]) -> Row | None:
        """Take the next row, unless Zoom seems to be away; a source that breaks off ends all."""
        if self.lost >= _OUTAGE and self.settling:
            return None
        try:
            return next(rows, None)
        except ZoomError as error:
            self.stop(str(error.args[0]), error)
            return None

    def stop(self, why: str, error: ZoomError | None = None) -> None:
        """Start nobody new; the first reason stands."""
        if self.stopped is None:
            self.stopped, self.stopped_by = why, error

    def start(self, row: Row) -> None:
        """Begin with a row."""
        if row.request is not None:
            steps = foretell if self.dry_run else create
            self.advance(row, steps(self.client, row.request, self.if_exists))
        elif row.error is not None:
            self.write(PersonOutcome.of_error(row.number, row.email, row.error))
        else:
            reason = f"duplicate of row {row.first}"
            log.warning("Row %d, %s: %s", row.number, row.email, reason)
            self.report.reject(row.number, row.email, "user_info.email", reason)

    def advance(self, row: Row, steps: Steps[Person], *, resumed: bool = False) -> None:
        """Take a person's next step: it ends their case, or puts it off."""
        try:
            pause = next(steps)
        except StopIteration as done:
            person: Person = done.value
            self.lost = self.unanswered = 0
            self.write(
                PersonOutcome(
                    row.number, row.email, person.outcome, person.user.get("id"), person.reason
                )
            )
        except ZoomError as error:
            self.fail(row, error)
        else:
            # Only a person's first pause is a reply lost anew; others wait on for the same one.
            self.lost += pause > 0 and not resumed
            due = self.client.clock() + pause
            heapq.heappush(self.settling, (due, row.number, row, steps))

    def settle_next(self) -> None:
        """Go on with whoever is due first, waiting for them if need be."""
        due, _, row, steps = heapq.heappop(self.settling)
        self.client.sleep(max(0.0, due - self.client.clock()))
        self.advance(row, steps, resumed=True)

    def fail(self, row: Row, error: ZoomError) -> None:
        """Write down a failure, and see whether it is everybody's."""
        no_answer = isinstance(error, (ZoomUnavailableError, ZoomRateLimitError))
        if no_answer:
            self.unanswered += 1
        else:
            self.lost = self.unanswered = 0
        quota = isinstance(error, ZoomDailyLimitError)
        if quota or isinstance(error, _EVERYBODYS) or self.unanswered >= _OUTAGE:
            self.stop(str(error.args[0]), error)
        if quota and self.puts_off:
            self.left.append(row.number)
        else:
            self.write(PersonOutcome.of_error(row.number, row.email, error))

    @property
    def puts_off(self) -> bool:
        """Whether what is left goes to a later call."""
        return self.put_off_quota and isinstance(self.stopped_by, ZoomDailyLimitError)

    def write(self, person: PersonOutcome) -> None:
        """Write down a person's outcome."""
        self.report.add(person)
        failed = person.outcome in FAILURES
        level = logging.WARNING if failed else logging.INFO
        log.log(level, "Row %d, %s: %s", person.row, person.email, _told(person))
        if failed and self.on_error == "stop":
            self.stop(f"row {person.row} failed, and on_error is 'stop'")


def create_many(
    client: ZoomClient,
    rows: Iterable[Row],
    report: Report,
    *,
    if_exists: IfExists,
    on_error: OnError,
    put_off_quota: bool = False,
    dry_run: bool = False,
) -> Ending:
    """
    Create people one after the other; who is being settled keeps nobody waiting.

    Where Zoom leaves several in a row without an answer, nobody new is started until it answers.

    With ``on_error="stop"``, or once an error concerns everybody, nobody new is started and the
    rest go into the report as not tried.

    :param put_off_quota: where the daily limit ends it, leave the rest for a later call instead
    :param dry_run: say what would happen and write nothing
    """
    work = _Work(client, report, if_exists, on_error, put_off_quota, dry_run)
    remaining = iter(rows)
    while work.stopped is None:
        if work.settling and work.settling[0][0] <= client.clock():
            work.settle_next()
        elif (row := work.next_of(remaining)) is not None:
            work.start(row)
        elif work.settling:
            work.settle_next()
        else:
            break
    while work.settling:
        work.settle_next()
    if work.puts_off:
        following = next(remaining, None)
        return Ending(
            work.stopped_by, tuple(work.left), None if following is None else following.number
        )
    quota = isinstance(work.stopped_by, ZoomDailyLimitError)
    untried = Outcome.DEFERRED_QUOTA if quota else Outcome.FAILED
    for row in remaining:
        if row.request is None:
            work.start(row)
        else:
            reason = f"not tried: {work.stopped}"
            report.add(PersonOutcome(row.number, row.email, untried, reason=reason))
    return Ending(work.stopped_by)


def _told(person: PersonOutcome) -> str:
    facts = [
        str(person.outcome),
        f"id {person.id}" if person.id else None,
        person.reason,
        f"tracking id {person.tracking_id}" if person.tracking_id else None,
    ]
    return ", ".join(fact for fact in facts if fact)
