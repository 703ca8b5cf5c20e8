"""Read back what earlier tries of a run did: their checkpoint, their report, their roster."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final

from zoom_provider.api.transport import StopSignal
from zoom_provider.models.validation import sanitize_for_log
from zoom_provider.provisioning.checkpoint import Checkpoint, Ledger, Rows
from zoom_provider.provisioning.directory import Directory
from zoom_provider.provisioning.ports import Files
from zoom_provider.provisioning.report import (
    DONE,
    NEVER_SENT,
    Outcome,
    RowResult,
    keep_final,
    read_report,
)
from zoom_provider.provisioning.report_files import ReportPaths
from zoom_provider.provisioning.roster import Listed, Row

log = logging.getLogger(__name__)

_CONCURRENT_LOOKUPS: Final = 16
"""Look-ups at once, to confirm an earlier report."""

_CREATED: Final = (Outcome.INVITED, Outcome.CREATED)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredState:
    """
    What earlier tries of the run did.

    :param resumed: whether this try goes on where another one was
    :param same_people: whether the roster is the one of that try
    :param kept: results that stand: this try writes them into its report and makes no call
    :param gone: results that stand, of people who are no longer in the roster
    :param unconfirmed: users that the run has created; Zoom may no longer have them
    :param done: final outcomes whose line in the report is lost, by address
    :param done_rows: the same by row, where the people are the same
    :param attempted: addresses that may have been posted
    :param attempted_rows: the same by row, where the people are the same
    :param departed: people who are owed and no longer in the roster
    :param unnamed: rows of an earlier roster that are owed and cannot be read any more
    :param unresolved: failures of people who are no longer in the roster, where the checkpoint that
        would show whether they are owed is lost
    """

    resumed: bool = False
    same_people: bool = False
    kept: list[RowResult] = field(default_factory=list)
    gone: list[RowResult] = field(default_factory=list)
    unconfirmed: list[RowResult] = field(default_factory=list)
    done: Mapping[str, Outcome] = field(default_factory=dict)
    done_rows: Mapping[Outcome, Rows] = field(default_factory=dict)
    attempted: frozenset[str] = frozenset()
    attempted_rows: Rows = field(default_factory=Rows)
    departed: list[Listed] = field(default_factory=list)
    unnamed: Rows = field(default_factory=Rows)
    unresolved: list[RowResult] = field(default_factory=list)

    @property
    def has_records(self) -> bool:
        """Whether the checkpoint names rows that are done or may have been posted."""
        return bool(self.done or self.done_rows or self.attempted or self.attempted_rows)

    @property
    def departed_rows(self) -> Rows:
        """The rows of an earlier roster that are owed and gone from this one."""
        return self.unnamed.union(Rows(person.row for person in self.departed))

    def find_outcome(self, row: Row) -> Outcome | None:
        """Return the final outcome of a row whose line is lost; None where there is none."""
        found = self.find_row_outcome(row.number)
        # A row that repeats another one shares its address and not its outcome.
        return found or (self.done.get(row.address) if row.first is None else None)

    def find_row_outcome(self, number: int) -> Outcome | None:
        """Return the final outcome of a row by its number; None where there is none."""
        return next((outcome for outcome, rows in self.done_rows.items() if number in rows), None)

    def was_attempted(self, row: Row) -> bool:
        """Return whether an earlier try may have posted a row."""
        return row.number in self.attempted_rows or row.address in self.attempted


def read_earlier_results(
    paths: Iterable[ReportPaths], run: str, files: Files
) -> dict[str, RowResult]:
    """
    Read what the reports of a run say, wherever they lie; a final outcome wins.

    One that cannot be read counts as none: its path may come from a checkpoint of another worker.
    """
    found: dict[str, RowResult] = {}
    for place in paths:
        for result in read_report(read_or_none(place.lines, files), run):
            keep_final(found, result)
    return found


def read_or_none(path: str, files: Files) -> bytes | None:
    """Return what an earlier try's file holds; None, with a warning, where it cannot be read."""
    try:
        return files.read(path)
    except Exception as error:
        log.warning(
            "%s, which an earlier try wrote, cannot be read, so the task goes on without it: %s: "
            "%s",
            sanitize_for_log(path),
            type(error).__name__,
            sanitize_for_log(error),
        )
        return None


def restore(
    checkpoint: Checkpoint | None,
    lines: Mapping[str, RowResult],
    now: Checkpoint,
    places: Callable[[], Mapping[str, Listed]],
    earlier: Callable[[], EarlierRoster],
) -> RestoredState:
    """
    Combine the records of earlier tries; pure.

    :param checkpoint: the newest one of the run
    :param lines: what the run's reports say, by address
    :param now: fingerprints of this try's work and people
    :param places: gives the first row of each address in the roster of now
    :param earlier: gives the roster of the try before
    """
    if checkpoint is None or checkpoint.work != now.work:
        if checkpoint is not None:
            log.warning(
                "The parameters have changed since the earlier try, so nothing is resumed; users "
                "that it created are found in Zoom."
            )
        return RestoredState(
            unconfirmed=[line for line in lines.values() if line.outcome in _CREATED],
            unresolved=_find_unresolved(lines, places()) if checkpoint is None and lines else [],
        )
    kept = [line for line in lines.values() if line.outcome in DONE]
    if checkpoint.people != now.people:
        log.warning("The roster has changed since the earlier try: people are found by address.")
        return _restore_by_address(checkpoint, kept, places(), earlier())
    left = earlier().departed if checkpoint.departed else []
    return RestoredState(
        resumed=True,
        same_people=True,
        kept=kept,
        done_rows=checkpoint.done,
        attempted_rows=checkpoint.attempting,
        departed=left,
        unnamed=Rows() if left else checkpoint.departed,
    )


def _find_unresolved(
    lines: Mapping[str, RowResult], places: Mapping[str, Listed]
) -> list[RowResult]:
    """Return the failures of people who have left the roster, except rows without a call."""
    found = [
        build_departed_result(Listed(line.row, line.key, line.email), line)
        for line in lines.values()
        if line.outcome not in DONE
        and line.outcome not in NEVER_SENT
        and line.address not in places
    ]
    if found:
        log.warning(
            "An earlier try reported %d people as not done who are no longer in the roster: they "
            "stay in the report.",
            len(found),
        )
    return found


def _restore_by_address(
    checkpoint: Checkpoint,
    kept: list[RowResult],
    places: Mapping[str, Listed],
    roster: EarlierRoster,
) -> RestoredState:
    """Match people by their addresses, because their rows have changed."""
    earlier = roster.rows
    settled = {line.address for line in kept}
    done = {
        earlier[row].address: outcome
        for outcome, rows in checkpoint.done.items()
        for row in earlier
        if row in rows
    }
    owed = {row.address: row for row in roster.departed} | {
        listed.address: listed for row, listed in earlier.items() if row in checkpoint.owed
    }
    # Of many owed rows the checkpoint names ranges, in which other shards' rows may lie too.
    lost = Rows() if earlier else checkpoint.owed
    return RestoredState(
        resumed=True,
        kept=kept,
        done=done,
        attempted=frozenset(
            listed.address for row, listed in earlier.items() if row in checkpoint.attempting
        ),
        departed=[
            replace(person, departed=True)
            for address, person in owed.items()
            if address and not (address in places or address in settled or address in done)
        ],
        unnamed=lost if roster.departed else lost.union(checkpoint.departed),
    )


def confirm_users(
    restored: RestoredState, directory: Directory, *, may_update: bool, stop: StopSignal | None
) -> RestoredState:
    """
    Keep an earlier report's results of users that Zoom still has.

    If that cannot be checked now, or the user may need an update, the user counts as created by
    this run when the runner finds them.

    :param may_update: whether existing users are updated
    :param stop: ends all look-ups; None if this try will do nothing, so that all results stand
    """
    lines = restored.unconfirmed
    if not lines:
        return restored
    if stop is None:
        return replace(restored, kept=[*restored.kept, *lines])
    if directory.kind == "unknown" or may_update:
        found_later = frozenset(line.address for line in lines)
        return replace(restored, attempted=restored.attempted | found_later)
    with ThreadPoolExecutor(_CONCURRENT_LOOKUPS, thread_name_prefix="zoom") as pool:
        try:
            found = list(pool.map(directory.find, [line.email for line in lines]))
        except BaseException:
            # The pool waits for its look-ups: none of them may wait for Zoom any more.
            stop.set()
            raise
    kept = [line for line, user in zip(lines, found, strict=True) if user is not None]
    return replace(restored, kept=[*restored.kept, *kept])


def assign_rows(restored: RestoredState, rows: Iterable[Listed]) -> RestoredState:
    """Give each kept result the row that its person has in the present roster."""
    lines = {line.address: line for line in restored.kept}
    places: dict[str, Listed] = {}
    for row in rows:
        line = lines.get(row.address)
        # Another row with the address, such as one that is rejected, has a line of its own.
        if line is not None and (row.address not in places or row.row == line.row):
            places[row.address] = row
    kept = [
        replace(lines.pop(address), row=row.row, key=row.key) for address, row in places.items()
    ]
    return replace(restored, kept=kept, gone=list(lines.values()))


def record_earlier(ledger: Ledger, restored: RestoredState, rows: Iterable[Listed]) -> None:
    """Record what earlier tries did, so that it survives if this try is killed."""
    seen: set[str] = set()
    for row in rows:
        outcome = restored.find_row_outcome(row.row)
        if outcome is None and row.address not in seen:
            outcome = restored.done.get(row.address)
        seen.add(row.address)
        if outcome is not None:
            ledger.record(row.row, outcome)
        elif row.row in restored.attempted_rows or row.address in restored.attempted:
            ledger.note_attempts([row.row])


def build_departed_result(person: Listed, line: RowResult | None) -> RowResult:
    """
    Report a person who is owed and is no longer in the roster.

    :param line: what an earlier report says of them
    """
    if line is not None and line.outcome is not Outcome.DEFERRED_QUOTA:
        return line
    return RowResult(
        person.row,
        person.email,
        Outcome.FAILED,
        reason=(
            "not tried: the row was in the roster when the task began and is no longer. Create "
            "the user by another run, unless HR has withdrawn it"
        ),
        key=person.key,
    )


# ---- the roster of a try, beside its report, so that a later one can name who is owed


def serialize_roster(rows: Iterable[Listed], run: str) -> bytes:
    """Write a roster's rows as JSON Lines; the first line names the run."""
    values = chain([{"run": run}], ([row.row, row.key, row.email, row.departed] for row in rows))
    return b"".join(
        json.dumps(value, ensure_ascii=False).encode("utf-8", "replace") + b"\n" for value in values
    )


@dataclass(frozen=True, slots=True)
class EarlierRoster:
    """
    The roster of an earlier try; empty where it is lost.

    :param rows: by number
    :param departed: people who were owed from a roster before, with their numbers in that one
    """

    rows: Mapping[int, Listed] = field(default_factory=dict)
    departed: list[Listed] = field(default_factory=list)


def parse_roster(data: bytes | None, run: str) -> EarlierRoster:
    """Read :func:`serialize_roster`' rows; nothing where they are another run's."""
    lines = (data or b"").split(b"\n")[:-1]
    try:
        if not lines or json.loads(lines[0])["run"] != run:
            return EarlierRoster()
        rows = [Listed(*json.loads(line)) for line in lines[1:]]
    except (ValueError, TypeError, KeyError):
        return EarlierRoster()
    return EarlierRoster(
        {row.row: row for row in rows if not row.departed}, [row for row in rows if row.departed]
    )
