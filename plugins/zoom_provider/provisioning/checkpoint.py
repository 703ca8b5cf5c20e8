"""
What a run of a task has done and still owes: all that a later try must know.

Three records survive a try, each by itself enough to go on:

===========  ==================================  ============================================
record       holds                               is there
===========  ==================================  ============================================
report       a line for each person, with        after any crash, where the disk is the same
             address and key; each line names    (an object store shows it at a stop, a
             its run                             deferral and the end)
roster       row, key and address of all rows    the same; deleted once the task succeeds
checkpoint   this module's: row numbers, no      on Airflow 3.3 in the task state store; on
             addresses, under 64 KB              older ones in a file beside the report; in
                                                 a deferral's arguments as well
===========  ==================================  ============================================

A row is in one of four states:

- **done**: its outcome is final (``report.DONE``). It stays so in every later try.
- **attempting**: it may have been posted, and no reply is recorded. Rows are noted as attempting
  *before* they are posted, when Zoom has been asked and does not have them. A later try that finds
  such a user in Zoom takes it for created by this run. (After ``kill -9`` that may include rows
  that were noted and not yet posted: if another run creates such a user before the retry, it is
  reported as created by both.)
- **owed**: everything else, also what failed, was put off by the daily limit or had no answer.
- **rejected** or **not due**: no call is made for it, so each try decides about it again. HR
  may have corrected it in between: a row that has become due is created, one that is done stays
  done.

Rows that are done never become undone, so the records are merged by union: a line in the report is
as good as a row in the checkpoint, and the order in which they were written does not matter. Of
several checkpoints the one with the highest ``sequence`` counts. A try that finds a checkpoint of
another one with a higher sequence than its own has been superseded, and stops; so has a try whose
task instance the state store no longer knows.

What survives which crash:

- ``kill -9``, same disk: report and checkpoint are read; each user is reported once, as what they
  became, on every Airflow.
- ``kill -9``, the disk is lost: with the task state store (Airflow 3.3 and newer) the same, without
  ids and reasons; without it, users that the earlier try created are ``existing``.
- the roster was edited: people are recognised by their addresses instead of row numbers; those who
  are owed and no longer in it are reported as failed, and the task is not green.
- the state was dropped by a clear, and the report is still there: its failures of people who are no
  longer in the roster stay in it.
- the state store cannot be read: after a few attempts the try fails, and Airflow retries it.
- the earlier report cannot be read, wherever the checkpoint says it is: as where the disk is lost.
- other parameters or another account: nothing is resumed. Users that this run has created, as the
  report says and Zoom confirms, are reported as created.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from zoom_provider.provisioning.report import DONE, NEVER_SENT, Outcome

_MAX_BYTES: Final = 40_000
"""Of the ranges of done rows; Airflow warns above 64 KB in all."""


class Rows:
    """
    A set of row numbers, kept as ranges: ``1-20,25`` as text.

    One that was parsed may come from outside and name billions of rows: do not iterate over it, but
    ask for the rows that the roster has.
    """

    def __init__(self, rows: Iterable[int] = ()) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for row in sorted(rows):
            if self._ends and row <= self._ends[-1] + 1:
                self._ends[-1] = max(row, self._ends[-1])
            else:
                self._starts.append(row)
                self._ends.append(row)

    @classmethod
    def parse(cls, text: object) -> Rows:
        """
        Read :meth:`__str__`'s text.

        :raises ValueError: it is none
        """
        rows = cls()
        for part in str(text).split(",") if text else ():
            first, _, last = part.partition("-")
            start, end = int(first), int(last or first)
            if start > end or (rows._ends and start <= rows._ends[-1]):
                raise ValueError(f"{part} is out of order")
            rows._starts.append(start)
            rows._ends.append(end)
        return rows

    def __str__(self) -> str:
        """Write the ranges."""
        return ",".join(
            str(start) if start == end else f"{start}-{end}"
            for start, end in zip(self._starts, self._ends, strict=True)
        )

    def add(self, row: int) -> None:
        """Put a row into the set."""
        if self._ends and row == self._ends[-1] + 1:  # rows mostly come in order
            self._ends[-1] = row
            return
        if row in self:
            return
        at = bisect_right(self._starts, row)
        after = at < len(self._starts) and self._starts[at] == row + 1
        if at and self._ends[at - 1] == row - 1:
            self._ends[at - 1] = self._ends[at] if after else row
            if after:
                del self._starts[at], self._ends[at]
        elif after:
            self._starts[at] = row
        else:
            self._starts.insert(at, row)
            self._ends.insert(at, row)

    def discard(self, row: int) -> None:
        """Take a row out of the set, if it is in it."""
        if self._starts and row == self._starts[0] < self._ends[0]:
            self._starts[0] += 1
            return
        if row not in self:
            return
        at = bisect_right(self._starts, row) - 1
        start, end = self._starts[at], self._ends[at]
        parts = [(start, row - 1), (row + 1, end)]
        left = [(first, last) for first, last in parts if first <= last]
        self._starts[at : at + 1] = [first for first, _ in left]
        self._ends[at : at + 1] = [last for _, last in left]

    def union(self, other: Rows) -> Rows:
        """Return the rows of both; no range is expanded."""
        rows = Rows()
        ranges = [*zip(self._starts, self._ends, strict=True)]
        ranges += zip(other._starts, other._ends, strict=True)
        for start, end in sorted(ranges):
            if rows._ends and start <= rows._ends[-1] + 1:
                rows._ends[-1] = max(end, rows._ends[-1])
            else:
                rows._starts.append(start)
                rows._ends.append(end)
        return rows

    def copy(self) -> Rows:
        """Return a set of the same rows."""
        rows = Rows()
        rows._starts, rows._ends = self._starts.copy(), self._ends.copy()
        return rows

    def __contains__(self, row: int) -> bool:
        at = bisect_right(self._starts, row) - 1
        return at >= 0 and row <= self._ends[at]

    def __iter__(self) -> Iterator[int]:
        for start, end in zip(self._starts, self._ends, strict=True):
            yield from range(start, end + 1)

    def __bool__(self) -> bool:
        return bool(self._starts)

    def __len__(self) -> int:
        return sum(e - s + 1 for s, e in zip(self._starts, self._ends, strict=True))

    def truncate(self, max_bytes: int) -> Rows:
        """Return as many of the first rows as a text of at most so many bytes holds."""
        text = str(self)
        return self if len(text) <= max_bytes else Rows.parse(text[:max_bytes].rpartition(",")[0])

    def coarsen(self, max_bytes: int) -> Rows:
        """Return as many rows or more, in fewer ranges: a text of at most so many bytes."""
        found = self
        gap = 1
        while len(str(found)) > max_bytes:
            gap *= 4
            wider = Rows()
            for start, end in zip(found._starts, found._ends, strict=True):
                if wider._ends and start - wider._ends[-1] <= gap:
                    wider._ends[-1] = end
                else:
                    wider._starts.append(start)
                    wider._ends.append(end)
            found = wider
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """
    What a later try must know; it names rows, never people.

    :param run: the digest of the run, task and map index
    :param work: fingerprint of parameters and account
    :param people: fingerprint of which person stands in which row
    :param sequence: grows with each save
    :param owner: the try that saved it
    :param report: the path at which the report was begun
    :param total: rows of the roster
    :param done: row numbers by final outcome; empty where there would be too many ranges
    :param attempting: rows that may have been posted
    :param owed: rows that are neither done nor rejected nor not due
    :param departed: rows of an earlier roster whose persons are owed and gone from this one
    :param counts: outcomes so far, for people who read it
    :param seconds: spent by all tries
    :param calls: made by all tries
    :param rate_limited: of these, refused as too many
    """

    run: str
    work: str
    people: str
    sequence: int = 0
    owner: str = ""
    report: str = ""
    total: int = 0
    done: Mapping[Outcome, Rows] = field(default_factory=dict)
    attempting: Rows = field(default_factory=Rows)
    owed: Rows = field(default_factory=Rows)
    departed: Rows = field(default_factory=Rows)
    counts: Mapping[Outcome, int] = field(default_factory=dict)
    seconds: float = 0.0
    calls: int = 0
    rate_limited: int = 0

    def to_state(self) -> dict[str, Any]:
        """Return a JSON object of less than 64 KB."""
        done = {str(outcome): str(rows) for outcome, rows in self.done.items() if len(rows)}
        if sum(map(len, done.values())) > _MAX_BYTES:
            # The report has them; where that is lost, Zoom is asked which users exist.
            done = {}
        return {
            "run": self.run,
            "work": self.work,
            "people": self.people,
            "sequence": self.sequence,
            "owner": self.owner,
            "report": self.report,
            "total": self.total,
            "done": done,
            "attempting": str(self.attempting.truncate(_MAX_BYTES // 4)),
            "owed": str(self.owed.coarsen(_MAX_BYTES // 8)),
            "departed": str(self.departed.coarsen(_MAX_BYTES // 8)),
            "outcomes": {str(outcome): count for outcome, count in sorted(self.counts.items())},
            "seconds": round(self.seconds, 3),
            "calls": self.calls,
            "rate_limited": self.rate_limited,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Checkpoint | None:
        """Read :meth:`to_state`'s object; None where it is none, as of another version."""
        try:
            done = {Outcome(name): Rows.parse(text) for name, text in state["done"].items()}
            plain: dict[str, Any] = {
                **{name: str(state[name]) for name in ("run", "work", "people", "owner", "report")},
                **{n: int(state[n]) for n in ("sequence", "total", "calls", "rate_limited")},
            }
            return cls(
                **plain,
                done={outcome: rows for outcome, rows in done.items() if outcome in DONE},
                attempting=Rows.parse(state["attempting"]),
                owed=Rows.parse(state["owed"]),
                departed=Rows.parse(state["departed"]),
                counts={Outcome(name): int(n) for name, n in state["outcomes"].items()},
                seconds=float(state["seconds"]),
            )
        except (KeyError, ValueError, TypeError, AttributeError, OverflowError):
            return None


def newest_checkpoint(states: Iterable[Mapping[str, Any]], run: str) -> Checkpoint | None:
    """Return the checkpoint of a run with the highest sequence; None where there is none."""
    found = [checkpoint for state in states if (checkpoint := Checkpoint.from_state(state))]
    own = [checkpoint for checkpoint in found if checkpoint.run == run]
    return max(own, key=lambda checkpoint: checkpoint.sequence, default=None)


class Ledger:
    """
    Which rows of this try are done, being attempted or owed.

    :param start: the checkpoint to go on from: fingerprints, departed rows, what was spent before
    :param rows: the rows that are due
    """

    def __init__(self, start: Checkpoint, rows: Rows) -> None:
        self._start = start
        self._sequence = start.sequence
        self._done: dict[Outcome, Rows] = {}
        self._owed = rows.copy()
        self._attempting: set[int] = set()

    def note_attempts(self, rows: Iterable[int]) -> None:
        """Note rows that may be posted from now on."""
        self._attempting.update(rows)

    def drop_attempts(self, rows: Iterable[int]) -> None:
        """Note rows that were not posted after all."""
        self._attempting.difference_update(rows)

    def record(self, row: int, outcome: Outcome) -> None:
        """Note a row's outcome."""
        self._attempting.discard(row)
        if outcome in DONE:
            self._done.setdefault(outcome, Rows()).add(row)
        if outcome in DONE or outcome in NEVER_SENT:
            self._owed.discard(row)

    def ignore(self, row: int) -> None:
        """Note a row for which nothing is owed, such as one that repeats another."""
        self._owed.discard(row)

    def checkpoint(
        self, counts: Mapping[Outcome, int], seconds: float, calls: int, rate_limited: int
    ) -> Checkpoint:
        """Return all that a later try must know, with the next sequence number."""
        self._sequence += 1
        start = self._start
        return replace(
            start,
            sequence=self._sequence,
            done=self._done,
            attempting=Rows(self._attempting),
            owed=self._owed,
            counts=dict(counts),
            seconds=start.seconds + seconds,
            calls=start.calls + calls,
            rate_limited=start.rate_limited + rate_limited,
        )
