"""Create many people, several calls at once, and say what happened to each."""

from __future__ import annotations

import heapq
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Final, Literal

from zoom_provider.api.client import ZoomClient
from zoom_provider.api.creating import Steps
from zoom_provider.exceptions import (
    ZoomAuthError,
    ZoomDailyLimitError,
    ZoomError,
    ZoomPermissionError,
    ZoomRateLimitError,
    ZoomStoppedError,
    ZoomUnavailableError,
)
from zoom_provider.provisioning.creating import IfExists, Known, Person, create, foretell
from zoom_provider.provisioning.outcomes import FAILURES, Outcome, PersonOutcome, Report
from zoom_provider.provisioning.progress import Progress
from zoom_provider.provisioning.roster import Row
from zoom_provider.provisioning.seats import Seats

log = logging.getLogger(__name__)

OnError = Literal["continue", "stop"]

MOST_AT_ONCE: Final = 64
"""Calls under way at most; a reply of 0.8 s needs as many at Zoom's highest limit."""

_EVERYBODYS: Final = (ZoomAuthError, ZoomPermissionError)
"""What concerns the app or the account, so that nobody else would fare better."""

_EVERYBODYS_CODES: Final = frozenset({2002, 2032, 2035})
"""What the account's settings refuse to anybody: its SSO for ssoCreate, or users at all."""

_OUTAGE: Final = 5
"""So many people in a row without an answer from Zoom: nobody new is started until one is had."""

_LISTEN: Final = 1.0
"""Seconds after which somebody who is due is looked at, though no call has come back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """
    How many people are to be created.

    :param if_exists: what to do with those whom Zoom has already
    :param on_error: ``continue`` with the others after a failure, or ``stop``
    :param put_off_quota: where the daily limit ends it, leave the rest for a later call
    :param dry_run: say what would happen and write nothing
    :param at_once: calls under way at most
    """

    if_exists: IfExists = "skip"
    on_error: OnError = "continue"
    put_off_quota: bool = False
    dry_run: bool = False
    at_once: int = MOST_AT_ONCE


_Result = float | Person | BaseException


class _Crew:
    """Takes people's steps in threads, and hands back what each came to."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._threads: list[threading.Thread] = []
        self._to_do: SimpleQueue[tuple[Row, Steps[Person]] | None] = SimpleQueue()
        self._done: SimpleQueue[tuple[Row, Steps[Person], _Result]] = SimpleQueue()
        self.busy: set[int] = set()

    def take(self, row: Row, steps: Steps[Person]) -> None:
        """Take a person's next step, soon."""
        self.busy.add(row.number)
        self._to_do.put((row, steps))
        if len(self._threads) < min(len(self.busy), self._most):
            thread = threading.Thread(target=self._work, name="zoom", daemon=True)
            self._threads.append(thread)
            thread.start()

    def wait(self, seconds: float | None) -> tuple[Row, Steps[Person], _Result] | None:
        """Return what came back first; None after so many seconds without anything."""
        try:
            result = self._done.get(timeout=seconds)
        except Empty:
            return None
        self.busy.discard(result[0].number)
        return result

    def dismiss(self) -> Iterator[tuple[Row, Steps[Person], _Result]]:
        """Wait for the calls under way, since what they did must not be lost; yield these."""
        for _ in self._threads:
            self._to_do.put(None)
        for thread in self._threads:
            thread.join()
        while (result := self.wait(0)) is not None:
            yield result

    def _work(self) -> None:
        while (task := self._to_do.get()) is not None:
            row, steps = task
            result: _Result
            try:
                result = next(steps)
            except StopIteration as done:
                result = done.value
            # Whatever it is, the work waits for it: a thread that ends silently holds up all.
            except BaseException as error:
                result = error
            self._done.put((row, steps, result))


@dataclass
class _Work:
    """Creating many: who is being settled, and whether to go on."""

    client: ZoomClient
    report: Report
    rules: Rules
    progress: Progress
    begin: Callable[[Row], Steps[Person]]
    settling: list[tuple[float, int, Row, Steps[Person]]] = field(default_factory=list)
    waited: set[int] = field(default_factory=set)
    stopped: str | None = None
    stopped_by: ZoomError | None = None
    broken: BaseException | None = None
    lost: int = 0
    unanswered: int = 0

    def run(self, rows: Iterator[Row]) -> None:
        """Start with rows as long as nothing stops it, and see everybody to an end."""
        crew = _Crew(self.rules.at_once)
        try:
            while True:
                self._start_due(crew, rows)
                if crew.busy:
                    self._take_in(crew.wait(_LISTEN if self.settling else None))
                elif self.settling:
                    self.client.sleep(max(0.0, self.settling[0][0] - self.client.clock()))
                else:
                    return
                self.progress.tell(self._under_way(crew), self.report.counts)
        except BaseException:
            # A task's time is up, or its worker is stopped: another try goes on from here.
            self.client.stop.set()
            self._take_in_all(crew)
            self.progress.keep(self._under_way(crew), self.report.counts)
            raise
        finally:
            self._take_in_all(crew)

    def _take_in_all(self, crew: _Crew) -> None:
        for result in crew.dismiss():
            self._take_in(result)

    def _start_due(self, crew: _Crew, rows: Iterator[Row]) -> None:
        """Fill the lanes: first with those whose next step is due, then with new people."""
        most = min(self.rules.at_once, self.client.calls_worth_making())
        while len(crew.busy) < most:
            if self.settling and self.settling[0][0] <= self.client.clock():
                _, _, row, steps = heapq.heappop(self.settling)
                crew.take(row, steps)
                continue
            new = self._next_of(rows)
            if new is None:
                return
            self.progress.started(new.number)
            if new.request is None:
                self.refuse(new)
            else:
                crew.take(new, self.begin(new))

    def _next_of(self, rows: Iterator[Row]) -> Row | None:
        """Take the next row, unless Zoom seems to be away; a source that breaks off ends all."""
        if self.stopped or (self.lost >= _OUTAGE and self.settling):
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

    @property
    def puts_off(self) -> bool:
        """Whether what is left goes to a later call."""
        return self.rules.put_off_quota and isinstance(self.stopped_by, ZoomDailyLimitError)

    def _under_way(self, crew: _Crew) -> Iterator[int]:
        yield from crew.busy
        yield from (number for _, number, _, _ in self.settling)

    def _take_in(self, result: tuple[Row, Steps[Person], _Result] | None) -> None:
        if result is None:
            return
        row, steps, came_to = result
        if isinstance(came_to, Person):
            self.lost = self.unanswered = 0
            outcome, id_ = came_to.outcome, came_to.user.get("id")
            self.write(
                PersonOutcome(row.number, row.email, outcome, id_, came_to.reason, key=row.key)
            )
        elif isinstance(came_to, ZoomStoppedError):
            self.stop(str(came_to.args[0]), came_to)
            self.progress.put_off(row.number)
        elif isinstance(came_to, ZoomError):
            self._fail(row, came_to)
        elif isinstance(came_to, BaseException):
            self._break(row, came_to)
        else:
            # Only a person's first pause is a reply lost anew; others wait on for the same one.
            self.lost += came_to > 0 and row.number not in self.waited
            self.waited.add(row.number)
            due = self.client.clock() + came_to
            heapq.heappush(self.settling, (due, row.number, row, steps))

    def _fail(self, row: Row, error: ZoomError) -> None:
        """Write down a failure, and see whether it is everybody's."""
        no_answer = isinstance(error, (ZoomUnavailableError, ZoomRateLimitError))
        if no_answer:
            self.unanswered += 1
        else:
            self.lost = self.unanswered = 0
        quota = isinstance(error, ZoomDailyLimitError)
        everybodys = isinstance(error, _EVERYBODYS) or error.code in _EVERYBODYS_CODES
        if quota or everybodys or self.unanswered >= _OUTAGE:
            self.stop(str(error.args[0]), error)
        if quota and self.puts_off:
            self.progress.put_off(row.number)
        else:
            if no_answer:
                self.progress.unanswered(row.number)
            self.write(PersonOutcome.of_error(row.number, row.email, error, row.key))

    def _break(self, row: Row, error: BaseException) -> None:
        """Stop for an error that should not be; the person may be there, so they stay open."""
        self.broken = self.broken or error
        self.stop(f"an unexpected {type(error).__name__}")
        self.progress.put_off(row.number)

    def refuse(self, row: Row) -> None:
        """Write down a row that is no person to create."""
        if row.error is not None:
            self.write(PersonOutcome.of_error(row.number, row.email, row.error, row.key))
        else:
            reason = f"duplicate of row {row.first}"
            log.warning("%s: %s", self._place(row.number, row.key, row.email), reason)
            self.report.reject(row.number, row.key, row.email, "user_info.email", reason)

    def write(self, person: PersonOutcome) -> None:
        """Write down a person's outcome."""
        self.report.add(person)
        self.progress.done(person)
        if person.outcome in FAILURES:
            place = self._place(person.row, person.key, person.email)
            log.warning("%s: %s", place, _told(person))
            if self.rules.on_error == "stop":
                self.stop(f"row {person.row} failed, and on_error is 'stop'")
        else:
            # In a crowd the report tells it; a log line for each would cost more than the call.
            log.debug("Row %d, %s: %s", person.row, person.email, _told(person))

    def _place(self, number: int, key: str, email: str) -> str:
        """Say where a row is to be found in its source."""
        row = f"Row {number} of {self.report.source}" if self.report.source else f"Row {number}"
        return ", ".join(part for part in (row, f"key {key}" if key else "", email) if part)


def create_many(
    client: ZoomClient,
    rows: Iterable[Row],
    report: Report,
    rules: Rules,
    progress: Progress,
    *,
    known: Known | None = None,
    seats: Seats | None = None,
    stopped_by: ZoomError | None = None,
) -> ZoomError | None:
    """
    Create people, several at once; who is being settled keeps nobody waiting.

    Where Zoom leaves several in a row without an answer, nobody new is started until it answers.
    With ``on_error="stop"``, or once an error concerns everybody, nobody new is started and the
    rest go into the report as not tried.

    :param progress: told of each step; it knows afterwards which rows were put off
    :param known: tells whom Zoom has already
    :param seats: those that are free
    :param stopped_by: what concerned everybody before it could begin
    :return: the error that concerned everybody, if there was one
    """
    one = foretell if rules.dry_run else create

    def begin(row: Row) -> Steps[Person]:
        assert row.request is not None  # noqa: S101 - a row without one is refused before
        return one(client, row.request, rules.if_exists, known=known, seats=seats)

    remaining = iter(rows)
    work = _Work(client, report, rules, progress, begin)
    if stopped_by is not None:
        work.stop(str(stopped_by.args[0]), stopped_by)
    work.run(remaining)
    if work.broken is not None:
        progress.keep((), report.counts)
        raise work.broken
    if work.puts_off:
        progress.put_off_rest(remaining)
        return work.stopped_by
    if work.stopped_by is not None and work.stopped_by.remedy == "retry":
        progress.stop(report.counts)
    quota = isinstance(work.stopped_by, ZoomDailyLimitError)
    untried = Outcome.DEFERRED_QUOTA if quota else Outcome.FAILED
    for row in remaining:
        if row.request is None:
            work.refuse(row)
        else:
            reason = f"not tried: {work.stopped}"
            report.add(PersonOutcome(row.number, row.email, untried, reason=reason, key=row.key))
    return work.stopped_by


def _told(person: PersonOutcome) -> str:
    facts = [
        str(person.outcome),
        f"id {person.id}" if person.id else None,
        person.reason,
        f"tracking id {person.tracking_id}" if person.tracking_id else None,
    ]
    return ", ".join(fact for fact in facts if fact)
