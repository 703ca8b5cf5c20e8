"""How far creating many has come: told in the log, kept for a later try, counted as metrics."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from zoom_provider.api.client import ZoomClient
from zoom_provider.provisioning.outcomes import Outcome, PersonOutcome
from zoom_provider.provisioning.roster import Row

log = logging.getLogger(__name__)

_EVERY: Final = 5.0
"""Seconds between two log lines, and between two checkpoints."""


class Checkpoint(Protocol):
    """Keeps where a task is, so that a later try of it can go on."""

    def load(self) -> dict[str, Any]:
        """Return what was saved last; empty if nothing was."""

    def save(self, state: Mapping[str, Any]) -> None:
        """Keep a JSON object of a few kilobytes."""

    def clear(self) -> None:
        """Forget it: the task is done."""


class Meter(Protocol):
    """Takes counts and times, by names such as ``zoom.create``."""

    def count(self, name: str, number: int = 1) -> None:
        """Add to a counter."""

    def timing(self, name: str, seconds: float) -> None:
        """Tell how long something took."""


def of_same_work(earlier: Mapping[str, Any], work: str) -> Mapping[str, Any]:
    """Return what an earlier part had come to; nothing where its rows were not those of now."""
    if earlier and earlier.get("work") != work:
        log.warning(
            "The people or the parameters are not those of the earlier try, so it starts anew; "
            "whom that had created is found in Zoom."
        )
        return {}
    return earlier


@dataclass
class Progress:
    """
    How far creating many has come.

    :param client: whose calls are counted
    :param checkpoint: keeps it for a later try
    :param meter: is told of it
    :param total: the people of the roster, where that is known
    :param earlier: what an earlier part of the same task had come to: ``next`` (the first row
        that nobody had begun, None for none), ``left`` (rows begun and not ended), ``outcomes``,
        ``seconds``, ``calls``, ``rate_limited``, ``work``
    :param work: tells one piece of work from another, by which rows have other numbers
    :param dry_run: nothing is written to Zoom, so people are told of, but not counted as metrics
    """

    client: ZoomClient
    checkpoint: Checkpoint
    meter: Meter
    total: int | None = None
    earlier: Mapping[str, Any] = field(default_factory=dict)
    work: str = ""
    dry_run: bool = False
    ended: int = 0

    def __post_init__(self) -> None:
        self._next: int | None = self.earlier["next"] if self.earlier else 1
        self._left = set(self.earlier["left"]) if self.earlier else set()
        self._unanswered: set[int] = set()
        self._closed: set[int] | None = None
        self._began = self._told_at = self.client.clock()
        self._numbers: dict[str, int] = defaultdict(int)
        self._people: Counter[Outcome] = Counter()
        self._waited = 0.0

    def taken_over(self, closed: set[int]) -> None:
        """Note the rows whose end the report of the earlier part tells."""
        self._closed = closed
        self._left -= closed

    def wants(self, row: Row) -> bool:
        """
        Say whether a row is still to be done, after an earlier part.

        Rows that are no people to create are: they cost no call, and the report wants them.
        """
        if not self.earlier or row.request is None:
            return True
        if self._closed is None:
            return self.comes_again(row.number)
        return row.number not in self._closed

    def comes_again(self, row: int) -> bool:
        """Say whether an earlier part had not begun with a row, or not ended it."""
        following = self.earlier["next"]
        return row in self.earlier["left"] or (following is not None and row >= following)

    def is_open(self, row: int, outcome: Outcome) -> bool:
        """
        Say whether a line of the earlier part's report is not a row's last word.

        Who had a call under way when the state was kept may have come to a good end since.
        """
        if outcome not in (Outcome.FAILED, Outcome.DEFERRED_QUOTA):
            return False
        stopped = bool(self.earlier.get("stopped"))
        return self.comes_again(row) if stopped else row in self.earlier["left"]

    def started(self, row: int) -> None:
        """Note that a row was begun; rows are begun in order."""
        self._left.discard(row)
        if self._next is not None:
            self._next = max(self._next, row + 1)

    def done(self, person: PersonOutcome) -> None:
        """Note that a person's case is closed."""
        self.ended += 1
        if not self.dry_run:
            self._people[person.outcome] += 1

    def put_off(self, row: int) -> None:
        """Note that a row that was begun wants another try."""
        self._left.add(row)

    def unanswered(self, row: int) -> None:
        """Note that a row failed for want of an answer, which a later try may have."""
        self._unanswered.add(row)

    def put_off_rest(self, rows: Iterator[Row]) -> None:
        """Note where nobody has begun."""
        following = next((row for row in rows if row.request is not None), None)
        if following is None:
            self._next = None
        elif self._next is not None:
            # A row that an earlier part had left may be the first here: it is among those left.
            self._next = max(self._next, following.number)

    def state(self, under_way: Iterable[int], counts: Counter[Outcome]) -> dict[str, Any]:
        """Say all that a later part must know; it names rows, never people."""
        lasting = counts - Counter({Outcome.FAILED: len(self._unanswered)})
        return {
            "next": self._next,
            "left": sorted(self._left.union(self._unanswered, under_way)),
            "outcomes": {str(outcome): count for outcome, count in sorted(lasting.items())},
            "work": self.work,
            **self.spent(),
        }

    def keep(self, under_way: Iterable[int], counts: Counter[Outcome]) -> None:
        """Keep where things are for another try."""
        self.checkpoint.save(self.state(under_way, counts))

    def stop(self, counts: Counter[Outcome]) -> None:
        """Keep where things are for another try, before the rest are called not tried."""
        self.checkpoint.save(self.state((), counts) | {"stopped": True})

    def spent(self) -> dict[str, Any]:
        """Return seconds, calls and refused calls, of earlier parts too."""
        seconds = self.earlier.get("seconds", 0) + self.client.clock() - self._began
        return {
            "seconds": round(seconds, 3),
            "calls": self.earlier.get("calls", 0) + self.client.calls,
            "rate_limited": self.earlier.get("rate_limited", 0) + self.client.rate_limited,
        }

    def tell(self, under_way: Iterable[int], counts: Counter[Outcome]) -> None:
        """Log and keep where things are, every few seconds."""
        now = self.client.clock()
        if now - self._told_at < _EVERY:
            return
        self._told_at = now
        rate = self.ended / (now - self._began)
        togo = ""
        if self.total is not None and rate:
            togo = f" of {self.total}, {max(0, self.total - counts.total()) / rate:.0f} s to go"
        found = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
        log.info("%d people%s at %.1f a second: %s", counts.total(), togo, rate, found)
        self.measure()
        self.keep(under_way, counts)

    def measure(self) -> None:
        """Bring the metrics up to date: counted here, since to send each alone costs time."""
        client = self.client
        numbers = {
            "zoom.calls": client.calls,
            "zoom.rate_limited": client.rate_limited,
            "zoom.retries": client.retries,
            **{f"zoom.people.{outcome}": count for outcome, count in self._people.items()},
        }
        for name, number in numbers.items():
            self.meter.count(name, number - self._numbers[name])
        self._numbers.update(numbers)
        self.meter.timing("zoom.reply", client.latency)
        waited, self._waited = client.waited - self._waited, client.waited
        if waited:
            self.meter.timing("zoom.waited", waited)
