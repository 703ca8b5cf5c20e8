"""
What is promised, held against what a try has left: in Zoom, on the disks, in Airflow.

Nothing here knows how the provider keeps its progress.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.unit.operators.model.account import Account
from tests.unit.operators.model.runs import (
    BY_THIS_RUN,
    DONE,
    Line,
    Row,
    Run,
    identity,
    read_lines,
)
from tests.unit.operators.model.strikes import Strike
from tests.unit.operators.model.tries import End, read_store

COLUMNS = ("source", "row", "key", "email", "outcome", "id", "reason", "code", "tracking_id")
MOST_STATE = 64 * 1024


@dataclass
class Copy:
    """
    What a worker's disk has of a run.

    :param version: of the run, when this was written
    :param credited: people created by this run, by its own lines: row, key and Zoom's id by address
    :param lines: all lines of its report, if its last try came to an end by itself
    """

    version: int = 0
    credited: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    lines: set[tuple[Any, ...]] = field(default_factory=set)


@dataclass
class Seen:
    """What there was before a try."""

    disk: str
    copy: Copy
    fresh: bool
    others: dict[str, set[tuple[Any, ...]]]
    inputs: dict[Path, bytes]
    owed: dict[str, Row]
    resumed: bool


class Claims:
    """
    Holds each step against what is promised.

    :param account: Zoom
    :param lanes: calls that may be under way at once
    """

    def __init__(self, account: Account, lanes: int) -> None:
        self._account, self._lanes = account, lanes
        self._copies: dict[tuple[str, str], Copy] = {}
        self._runs: dict[str, Run] = {}
        self.inputs: set[Path] = set()

    # ---- around a try

    def before(self, run: Run, disk: str, *, resumed: bool) -> Seen:
        """Look at what there is before a try."""
        self._runs[run.run_id] = run
        run.seen |= run.valid().keys()
        copy = self._copies.setdefault((disk, run.run_id), Copy())
        others = {
            run_id: set(other.lines)
            for (on, run_id), other in self._copies.items()
            if on == disk and run_id != run.run_id
        }
        inputs = {path: path.read_bytes() for path in {*self.inputs, run.roster} if path.exists()}
        fresh = copy.version == run.version
        owed = dict(run.owed) if fresh else {}
        return Seen(disk, Copy(copy.version, dict(copy.credited), set(copy.lines)), fresh, others,
                    inputs, owed, resumed)  # fmt: skip

    def after(
        self, run: Run, seen: Seen, end: End, strikes: tuple[Strike, ...], lines: list[Line]
    ) -> None:
        """Hold what a try has left against the promises."""
        run.version += 1
        run.unsure |= run.valid().keys() if end.kind == "killed" else self._account.unanswered()
        self.note(run, seen.disk, lines)
        if not end.handled:  # what it had written last may be half of its report
            self._copies[seen.disk, run.run_id].lines = set()
        self._always(run, seen, end, lines)
        if end.stopped:
            self._stopped(run, end)
        if end.handled:
            self._handled(run, seen, end, strikes)
        if end.kind == "returned":
            self._green(run, seen, end)
        self._note_owed(run, seen, end)

    def note(self, run: Run, disk: str, lines: Iterable[Line]) -> None:
        """Note what a disk now has of a run."""
        copy = self._copies.setdefault((disk, run.run_id), Copy())
        copy.version = run.version
        copy.credited = self._credited(run, lines)

    def copied(self, disk: str, other: str) -> None:
        """Note that the other worker's disk is a copy of this one now."""
        for (on, run_id), copy in list(self._copies.items()):
            if on == disk:
                fresh = Copy(copy.version, dict(copy.credited), set(copy.lines))
                self._copies[other, run_id] = fresh
        for on, run_id in list(self._copies):
            if on == other and (disk, run_id) not in self._copies:
                del self._copies[on, run_id]

    def damaged(self, disk: str, lines: list[Line]) -> None:
        """Note that files of a disk were damaged: what can still be read counts."""
        whole = {identity(line) for line in lines}
        for (on, run_id), copy in self._copies.items():
            if on == disk:
                there = self._credited(self._runs[run_id], lines)
                copy.credited = {
                    email: credit for email, credit in copy.credited.items() if email in there
                }
                copy.lines &= whole

    def _credited(self, run: Run, lines: Iterable[Line]) -> dict[str, tuple[int, str, str]]:
        made = self._account.made
        return {
            line["email"]: (line["row"], line.get("key", ""), line["id"])
            for line in lines
            if line["outcome"] in BY_THIS_RUN
            and (creation := made.get(str(line.get("id"))))
            and creation.run_id == run.run_id
        }

    # ---- the promises

    def _always(self, run: Run, seen: Seen, end: End, lines: list[Line]) -> None:
        """Check what holds however a try ended, kill -9 included."""
        assert end.kind != "hung", "the try did not end"
        assert not self._account.twice, f"posted twice: {self._account.twice}"
        early = {str(post["email"]) for post in self._account.posts()} & run.not_due()
        assert not early, f"created, and not due: {early}"
        for path, content in seen.inputs.items():
            assert path.read_bytes() == content, f"{path.name}, an input, was written to"
        if run.store is not None:
            state = read_store(run.store)["values"]
            assert len(str(state)) < MOST_STATE, "the state is too large"
            assert "@" not in str(state), "the state holds addresses"
        assert "@" not in str(end.kwargs), "the deferral holds addresses"
        self._check_others(seen, lines)
        self._check_kept(run, seen, lines)

    def _check_others(self, seen: Seen, lines: list[Line]) -> None:
        """Check that the reports of other runs are still on the disk, wherever."""
        there = {identity(line) for line in lines}
        for run_id, kept in seen.others.items():
            lost = kept - there
            assert not lost, f"the report of {run_id} is gone: {sorted(lost, key=str)}"

    def _check_kept(self, run: Run, seen: Seen, lines: list[Line]) -> None:
        """Check that no line of this run about a creation of its own was lost."""
        for email, (row, key, id_) in seen.copy.credited.items():
            place = run.place(email)
            same = place in (None, (row, key)) and email not in {r.email for _, r in run.invalid()}
            still = any(line["email"] == email and line.get("id") == id_ for line in lines)
            gone = same and not still and email not in self._account.removed
            assert not gone, f"the line of {email}, created by this run, is gone"

    def _stopped(self, run: Run, end: End) -> None:
        """Check what holds after on_kill, SIGTERM or execution_timeout."""
        # In the other lanes a call may have been on its way already.
        late = end.posts_after_stop
        assert late < self._lanes, f"{late} posted after the stop"
        if end.kind == "raised" and not end.retried:
            open_ = [email for email in run.valid() if not self._account.has(email)]
            assert not open_, f"stopped for good ({end.error}) before {open_} were done"

    def _handled(self, run: Run, seen: Seen, end: End, strikes: tuple[Strike, ...]) -> None:
        """Check what holds where the operator itself brought the try to an end."""
        ran_into = {strike.deed: strike for strike in strikes}
        once = ran_into.get("store_down")
        if once is not None and once.times == 1:
            assert end.error != "StoreDown", "one failed save of the state ended the try"
        sent = end.effects.get("post", 0)
        seen_all = len(self._account.posts()) <= sent
        assert seen_all, "the harness does not see what is sent to Zoom"
        full = "disk_full" in ran_into
        copy = self._copies[seen.disk, run.run_id]
        if not full:
            unwritten = self._account.answered() - copy.credited.keys()
            assert not unwritten, f"created, and in no report: {sorted(unwritten)}"
        lines = self._own_lines(run, end)
        if full:
            copy.lines = set()  # which of them could still be written is not said
        if full or lines is None:
            return
        copy.lines = {identity(line) for line in lines}
        self._check_lines(run, end, lines)
        if "outcomes" in end.pushed:
            counts = Counter(line["outcome"] for line in lines)
            assert end.pushed["outcomes"] == counts, f"XCom {end.pushed}, report {counts}"
            listed = {line["email"].lower() for line in lines}
            missing = sorted(seen.owed.keys() - listed)
            assert not missing, f"put off before, and in no line now: {missing}"

    def _own_lines(self, run: Run, end: End) -> list[Line] | None:
        """Read the report of a try that came to its end; None where it did not come to one."""
        path = self.report_path(run, end)
        if "report" in end.pushed:
            return read_lines(path)
        try:
            lines = read_lines(path)
        except (OSError, ValueError):
            return None
        ours = all(line["source"] == str(run.roster) for line in lines)
        return lines if ours else None

    def _check_lines(self, run: Run, end: End, lines: list[Line]) -> None:
        table = self.report_path(run, end).with_suffix(".csv")
        for line in lines:
            assert set(COLUMNS) <= line.keys(), f"a line without some column: {line}"
        counted = Counter(line["email"].lower() for line in lines if line["email"])
        double = [email for email, count in counted.items() if count > 1]
        assert not double, f"more than one line: {double}"
        if table.exists() and "report" in end.pushed:
            rows = list(csv.DictReader(io.StringIO(table.read_bytes().decode(), newline="")))
            got = Counter((row["row"], row["email"], row["outcome"]) for row in rows)
            want = Counter((str(line["row"]), line["email"], line["outcome"]) for line in lines)
            assert got == want, f"the CSV file differs: {(got - want) + (want - got)}"
        for line in lines:
            self._check_truth(run, line)

    def _check_truth(self, run: Run, line: Line) -> None:
        email, outcome = line["email"], line["outcome"]
        account = self._account
        if email in account.removed:
            return
        if outcome in BY_THIS_RUN and not (email in run.unsure and account.has(email)):
            assert account.maker(email) == run.run_id, f"{outcome}, but not by this run: {line}"
        elif outcome in DONE:
            assert account.has(email), f"{outcome}, but not there: {line}"
        elif outcome == "not_due":
            assert email in run.not_due(), f"due, and reported as not: {line}"

    def _green(self, run: Run, seen: Seen, end: End) -> None:
        """Check what holds after a success."""
        assert end.value is not None
        lines = {line["email"].lower(): line for line in read_lines(self.report_path(run, end))}
        counts = Counter(line["outcome"] for line in lines.values())
        said = {"XCom": end.pushed.get("outcomes"), "the result": end.value["outcomes"]}
        for what, outcomes in {**said, "the event": (end.event or {}).get("outcomes")}.items():
            assert outcomes == counts, f"{what} says {outcomes}, the report {dict(counts)}"
        absent = sorted((run.valid().keys() | run.not_due()) - lines.keys())
        assert not absent, f"in no line: {absent}"
        rejected = {line["row"] for line in lines.values() if line["outcome"] == "rejected"}
        for number, row in run.invalid():
            assert number in rejected or row.email in lines, f"row {number} is in no line"
        for email in {**run.valid(), **seen.owed}:
            self._check_final(run, lines[email])
        credited_now = self._copies[seen.disk, run.run_id].credited
        credited_by_this_try = {email: credited_now[email] for email in self._account.answered()}
        credited_before = seen.copy.credited if seen.fresh else {}
        for email, credit in {**credited_before, **credited_by_this_try}.items():
            self._check_credit(run, email, credit, lines)

    def _check_final(self, run: Run, line: Line) -> None:
        """Hold a line of a green task against what may stand there for good."""
        email, outcome = line["email"], line["outcome"]
        if outcome in DONE:
            return
        assert not (outcome == "needs_license" and not self._account.is_full("licensed")), (
            f"green, and without a licence though one is free: {line}"
        )
        assert not (outcome == "needs_license" and run.options["seats"]), (
            f"green, and not created as basic: {line}"
        )
        exhausted = run.number >= run.max_tries and self._account.asked(email)
        given_up = outcome == "failed" and exhausted
        unusable = outcome == "rejected" and email not in run.valid()
        unusable = unusable or (outcome == "not_due" and email in run.not_due())
        assert given_up or unusable or outcome == "needs_license", f"green, and left: {line}"

    def _check_credit(
        self, run: Run, email: str, credit: tuple[int, str, str], lines: dict[str, Line]
    ) -> None:
        row, key, id_ = credit
        person = self._account.zoom.person(email)
        if run.place(email) != (row, key) or email not in run.valid():
            return  # another row, or none, is another identity
        if person is not None and person["id"] == id_:
            line = lines[email]
            assert line["outcome"] in BY_THIS_RUN, f"created by this run, and now: {line}"

    # ---- later

    def report_of(self, run: Run, end: End) -> list[Line]:
        """Read the report of a try that came to an end."""
        path = self.report_path(run, end)
        return read_lines(path) if end.handled and path.exists() else []

    def after_late_try(
        self, run: Run, seen: Seen, end: End, before: list[Line], lines: list[Line]
    ) -> None:
        """Hold what a late try of the same run has left against what the last one had said."""
        self._check_others(seen, lines)
        if end.handled:
            assert self.report_of(run, end) == before, "a late try changed the report"

    def report_path(self, run: Run, end: End) -> Path:
        """Say where the report of a try is."""
        said = (end.value or end.pushed).get("report")
        return Path(said) if said else run.report

    def settled(self, run: Run) -> None:
        """Hold what has become of a run when all was well again, and tried, and cleared."""
        here = run.valid().keys() | run.not_due()
        gone = [email for email in run.owed.keys() | run.seen if email not in here]
        if run.state != "success":
            fits = not run.invalid() or run.options["max_failures"] is not None
            assert gone or not fits, f"all is well, and the task is {run.state}"
        absent = [email for email in run.valid() if not self._account.has(email)]
        assert not set(absent) - self._account.removed, f"never created: {absent}"

    def _note_owed(self, run: Run, seen: Seen, end: End) -> None:
        """Note who is left to a later try, where a try came to an end by itself and said so."""
        if end.kind == "returned":
            run.owed, run.seen = {}, set()
        elif end.handled and not end.stopped:
            here = {email: row for email, (_, row) in run.valid().items()}
            if end.kind == "raised":
                said = {
                    email
                    for _, _, email, outcome, _ in self._copies[seen.disk, run.run_id].lines
                    if outcome not in DONE
                }
                here = {email: row for email, row in here.items() if email in said}
            run.owed = {
                email: row
                for email, row in {**seen.owed, **here}.items()
                if not self._account.has(email)
            }
