"""Read back what earlier tries of a run did: their checkpoint, their report, their roster."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final

from zoom_provider.provisioning.checkpoint import Checkpoint, Rows
from zoom_provider.provisioning.ports import Files
from zoom_provider.provisioning.report import (
    DONE,
    Outcome,
    ReportPaths,
    RowResult,
    keep_final,
    read_report,
)
from zoom_provider.provisioning.roster import Listed, Row

log = logging.getLogger(__name__)

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
    :param done: final outcomes whose line in the report is lost, by row or by address
    :param attempted: rows that may have been posted, by row or by address
    :param departed: people who are owed and no longer in the roster
    :param unnamed: rows of an earlier roster that are owed and cannot be read any more
    """

    resumed: bool = False
    same_people: bool = False
    kept: list[RowResult] = field(default_factory=list)
    gone: list[RowResult] = field(default_factory=list)
    unconfirmed: list[RowResult] = field(default_factory=list)
    done: Mapping[int | str, Outcome] = field(default_factory=dict)
    attempted: frozenset[int | str] = frozenset()
    departed: list[Listed] = field(default_factory=list)
    unnamed: Rows = field(default_factory=Rows)

    def find_outcome(self, row: Row) -> Outcome | None:
        """Return the final outcome of a row whose line is lost; None where there is none."""
        if not self.done:
            return None
        found = self.done.get(row.number)
        # A row that repeats another one shares its address and not its outcome.
        return found or (self.done.get(row.address) if row.first is None else None)

    def was_attempted(self, row: Row) -> bool:
        """Return whether an earlier try may have posted a row."""
        return row.number in self.attempted or row.address in self.attempted


def read_earlier_results(
    paths: Iterable[ReportPaths], run: str, files: Files
) -> dict[str, RowResult]:
    """Read what the reports of a run say, wherever they lie; a final outcome wins."""
    found: dict[str, RowResult] = {}
    for place in paths:
        for result in read_report(files.read(place.lines), run):
            keep_final(found, result)
    return found


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
            unconfirmed=[line for line in lines.values() if line.outcome in _CREATED]
        )
    kept = [line for line in lines.values() if line.outcome in DONE]
    if checkpoint.people != now.people:
        log.warning("The roster has changed since the earlier try: people are found by address.")
        return _restore_by_address(checkpoint, kept, places(), earlier())
    left = earlier().departed if len(checkpoint.departed) else []
    return RestoredState(
        resumed=True,
        same_people=True,
        kept=kept,
        done={row: outcome for outcome, rows in checkpoint.done.items() for row in rows},
        attempted=frozenset(checkpoint.attempting),
        departed=left,
        unnamed=Rows() if left else checkpoint.departed,
    )


def _restore_by_address(
    checkpoint: Checkpoint,
    kept: list[RowResult],
    places: Mapping[str, Listed],
    roster: EarlierRoster,
) -> RestoredState:
    """Match people by their addresses, because their rows have changed."""
    earlier = roster.rows
    settled = {line.address for line in kept}
    done: dict[int | str, Outcome] = {
        earlier[row].address: outcome
        for outcome, rows in checkpoint.done.items()
        for row in rows
        if row in earlier
    }
    owed = {row.address: row for row in roster.departed} | {
        earlier[row].address: earlier[row] for row in checkpoint.owed if row in earlier
    }
    # Of many owed rows the checkpoint names ranges, in which other shards' rows may lie too.
    lost = () if earlier else checkpoint.owed
    return RestoredState(
        resumed=True,
        kept=kept,
        done=done,
        attempted=frozenset(
            earlier[row].address for row in checkpoint.attempting if row in earlier
        ),
        departed=[
            replace(person, departed=True)
            for address, person in owed.items()
            if address and not (address in places or address in settled or address in done)
        ],
        unnamed=Rows([*lost, *(() if roster.departed else checkpoint.departed)]),
    )


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
