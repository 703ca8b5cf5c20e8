"""What a later try goes on from: kept, done, attempted, departed and unnamed rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.provisioning.conftest import BEGIN, RUN, begin_report
from zoom_provider.hooks.files import AirflowFiles
from zoom_provider.provisioning.checkpoint import Checkpoint, Rows
from zoom_provider.provisioning.report import Outcome, RowResult
from zoom_provider.provisioning.report_files import ReportPaths
from zoom_provider.provisioning.restore import (
    EarlierRoster,
    RestoredState,
    build_departed_result,
    parse_roster,
    read_earlier_results,
    restore,
    serialize_roster,
)
from zoom_provider.provisioning.roster import Listed, Row

OTHER = "ba9876543210"
INVITED, FAILED = Outcome.INVITED, Outcome.FAILED


def listed(*names: str) -> dict[int, Listed]:
    """List rows by the first parts of their addresses; ``b/K2`` has a key."""
    rows = {}
    for row, name in enumerate(names, start=1):
        first, _, key = name.partition("/")
        rows[row] = Listed(row, key, f"{first}@example.com" if first else "")
    return rows


def result(row: int, name: str, outcome: Outcome = INVITED, reason: str | None = None) -> RowResult:
    first, _, key = name.partition("/")
    return RowResult(row, f"{first}@example.com", outcome, "an-id", reason, key=key)


def by_address(*results: RowResult) -> dict[str, RowResult]:
    return {one.address: one for one in results}


def checkpoint(
    done: str = "", attempting: str = "", owed: str = "", departed: str = "", **more: Any
) -> Checkpoint:
    return replace(
        BEGIN,
        done={INVITED: Rows.parse(done)} if done else {},
        attempting=Rows.parse(attempting),
        owed=Rows.parse(owed),
        departed=Rows.parse(departed),
        **more,
    )


def go_on(
    earlier: Checkpoint | None,
    lines: dict[str, RowResult],
    now: dict[int, Listed],
    *,
    before: EarlierRoster | dict[int, Listed] | None = None,
    **change: Any,
) -> RestoredState:
    """
    Restore with a roster.

    :param now: the roster of this try
    :param before: the roster of the earlier one, where that can be read
    :param change: of the fingerprints
    """
    return restore(
        earlier,
        lines,
        replace(BEGIN, **change),
        lambda: {row.address: row for row in now.values()},
        lambda: before if isinstance(before, EarlierRoster) else EarlierRoster(before or {}),
    )


ABC = listed("a", "b", "c")


def row(number: int, name: str) -> Row:
    first, _, key = name.partition("/")
    return Row(number, f"{first}@example.com", key=key)


def test_a_first_try_restores_nothing() -> None:
    found = go_on(None, {}, ABC)
    assert not found.resumed
    assert not found.same_people
    assert (found.kept, found.unconfirmed, found.departed, list(found.unnamed)) == ([], [], [], [])
    assert found.find_outcome(row(1, "a")) is None
    assert not found.was_attempted(row(1, "a"))


ABSURD = "1-99999999999"


@pytest.mark.parametrize("people", ["people", "others"])
@pytest.mark.parametrize("before", [ABC, None], ids=["kept roster", "lost roster"])
def test_a_checkpoint_that_names_billions_of_rows_is_not_expanded(
    before: dict[int, Listed] | None, people: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(rows: Rows) -> Iterator[int]:
        raise AssertionError(f"{rows} is expanded")

    absurd = checkpoint(done=ABSURD, attempting=ABSURD, owed=ABSURD, departed=ABSURD)
    monkeypatch.setattr(Rows, "__iter__", refuse)
    found = go_on(absurd, {}, ABC, before=before, people=people)
    same = people == "people"
    assert found.was_attempted(row(2, "b")) == (same or before is not None)
    assert found.find_outcome(row(2, "b")) == (INVITED if same or before else None)
    assert str(found.departed_rows) == ABSURD


@pytest.mark.parametrize(
    ("outcome", "listed_as"),
    [(FAILED, FAILED), (Outcome.NEEDS_LICENSE, Outcome.NEEDS_LICENSE),
     (Outcome.DEFERRED_QUOTA, FAILED)],
)  # fmt: skip
def test_without_a_checkpoint_failures_of_departed_people_stay_in_the_report(
    outcome: Outcome, listed_as: Outcome
) -> None:
    lines = by_address(
        result(1, "a", FAILED), result(7, "gone", outcome, "why"), result(8, "left"),
        result(9, "bad", Outcome.REJECTED), result(10, "late", Outcome.NOT_DUE),
    )  # fmt: skip
    found = go_on(None, lines, ABC)
    assert [(line.row, line.email, line.outcome) for line in found.unresolved] == [
        (7, "gone@example.com", listed_as)
    ]
    assert found.departed == []


def test_with_the_same_people_final_lines_are_kept_and_the_others_tried_again() -> None:
    lines = by_address(
        result(1, "a"), result(2, "b", Outcome.EXISTING), result(3, "c", FAILED, "why")
    )
    found = go_on(checkpoint(done="1", owed="2-3"), lines, ABC)
    assert found.resumed
    assert found.same_people
    assert [(line.row, line.outcome) for line in found.kept] == [(1, "invited"), (2, "existing")]
    assert found.departed == []
    assert len(found.unnamed) == 0


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome.DEFERRED_QUOTA,
        Outcome.NEEDS_LICENSE,
        Outcome.NEEDS_HUMAN,
        Outcome.FOREIGN_ACCOUNT,
        Outcome.FAILED,
        Outcome.REJECTED,
    ],
)
def test_a_line_that_is_not_final_is_never_kept(outcome: Outcome) -> None:
    found = go_on(checkpoint(owed="1"), by_address(result(1, "a", outcome)), ABC)
    assert found.kept == []
    assert found.find_outcome(row(1, "a")) is None


def test_a_line_is_as_good_as_a_row_of_the_checkpoint_and_the_other_way_round() -> None:
    # The report was written after the checkpoint; row 2's line was lost with another disk.
    found = go_on(
        checkpoint(done="2", attempting="1,3", owed="1,3"), by_address(result(1, "a")), ABC
    )
    assert [line.row for line in found.kept] == [1]
    assert found.find_outcome(row(2, "b")) == "invited"
    assert found.was_attempted(row(3, "c"))


def test_with_other_people_rows_are_recognised_by_address() -> None:
    now = listed("new", "C", "a", "b")
    found = go_on(
        checkpoint(done="1", attempting="3", owed="2-3"),
        by_address(result(1, "a")),
        now,
        before=ABC,
        people="others",
    )
    assert found.resumed
    assert not found.same_people
    assert [line.email for line in found.kept] == ["a@example.com"]
    assert found.was_attempted(row(2, "C"))
    assert not found.was_attempted(row(3, "a"))
    # Row numbers are of another roster: they say nothing of who stands there now.
    assert not found.was_attempted(row(1, "new"))
    assert found.find_outcome(row(1, "new")) is None
    assert found.departed == []
    assert len(found.unnamed) == 0


def test_done_rows_whose_report_is_lost_are_recognised_by_the_kept_roster() -> None:
    found = go_on(
        checkpoint(done="1-2", owed="3"), {}, listed("c", "b"), before=ABC, people="others"
    )
    assert found.find_outcome(row(2, "b")) == "invited"
    assert found.find_outcome(row(1, "c")) is None


def test_an_owed_person_who_left_the_roster_has_departed() -> None:
    found = go_on(
        checkpoint(done="1", owed="2-3"),
        by_address(result(1, "a")),
        listed("a", "c"),
        before=ABC,
        people="others",
    )
    assert [(one.row, one.email, one.departed) for one in found.departed] == [
        (2, "b@example.com", True)
    ]


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (listed("a", "b/K2", "c"), listed("a", "b/K9")),  # another key, the same address
        (listed("a", "B", "c"), listed("a", "b")),
        (listed("a", "", "c"), listed("a", "x")),  # no address: no person
    ],
)
def test_a_person_who_is_still_there_has_not_departed(
    before: dict[int, Listed], now: dict[int, Listed]
) -> None:
    found = go_on(
        checkpoint(done="1,3", owed="2"),
        by_address(result(1, "a"), result(3, "c")),
        now,
        before=before,
        people="others",
    )
    assert found.departed == []
    assert len(found.unnamed) == 0


def test_a_done_person_who_left_the_roster_is_reported_and_has_not_departed() -> None:
    found = go_on(
        checkpoint(done="1-2", owed="3"),
        by_address(result(1, "a"), result(2, "b")),
        listed("c"),
        before=ABC,
        people="others",
    )
    assert sorted(line.email[0] for line in found.kept) == ["a", "b"]
    assert found.departed == []


def test_owed_rows_whose_roster_is_lost_are_named_by_number() -> None:
    found = go_on(
        checkpoint(done="1", owed="2-3", departed="7"), {}, listed("a", "x"), people="others"
    )
    assert list(found.unnamed) == [2, 3, 7]
    assert found.departed == []


def test_rows_that_the_kept_roster_lacks_are_ignored() -> None:
    # A shard's rows, of which there were too many ranges.
    before = {2: Listed(2, "", "b@example.com"), 9: Listed(9, "", "i@example.com")}
    found = go_on(checkpoint(owed="1-12"), {}, listed("x", "b"), before=before, people="others")
    assert [one.email for one in found.departed] == ["i@example.com"]
    assert len(found.unnamed) == 0


def test_departed_people_are_remembered_by_the_next_try_with_the_same_people() -> None:
    before = EarlierRoster(listed("a", "c"), [Listed(7, "K7", "z@example.com", departed=True)])
    found = go_on(checkpoint(done="1-2", departed="7"), {}, listed("a", "c"), before=before)
    assert [(one.row, one.key) for one in found.departed] == [(7, "K7")]
    assert len(found.unnamed) == 0
    lost = go_on(checkpoint(done="1-2", departed="7"), {}, listed("a", "c"))
    assert (lost.departed, list(lost.unnamed)) == ([], [7])


def test_a_departed_person_who_came_back_is_tried_and_no_longer_departed() -> None:
    before = EarlierRoster(listed("a", "c"), [Listed(7, "", "z@example.com", departed=True)])
    found = go_on(
        checkpoint(done="1-2", departed="7"),
        {},
        listed("a", "c", "z"),
        before=before,
        people="others",
    )
    assert found.departed == []
    assert found.find_outcome(row(3, "z")) is None


def test_a_departed_person_whose_row_is_another_persons_by_now_is_kept_apart() -> None:
    before = EarlierRoster(listed("a", "c"), [Listed(2, "K2", "z@example.com", departed=True)])
    found = go_on(
        checkpoint(done="1", owed="2", departed="2"), {}, listed("c"), before=before, people="x"
    )
    assert [(one.row, one.email[0]) for one in found.departed] == [(2, "z")]
    assert found.find_outcome(row(1, "c")) is None


def test_with_other_parameters_nothing_is_resumed_but_what_the_run_created_is_confirmed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lines = by_address(
        result(1, "a"),
        result(2, "b", Outcome.CREATED),
        result(3, "c", Outcome.EXISTING),
        result(4, "gone"),
    )
    found = go_on(
        checkpoint(done="1-3", attempting="3", owed="4"), lines, listed("b", "a", "c"), work="other"
    )
    assert not found.resumed
    assert not found.same_people
    assert found.kept == []
    assert sorted(line.email[0] for line in found.unconfirmed) == ["a", "b", "g"]
    assert not found.was_attempted(row(3, "c"))
    assert found.find_outcome(row(1, "b")) is None
    assert "parameters" in caplog.text


def test_without_a_checkpoint_what_the_report_says_is_confirmed() -> None:
    found = go_on(None, by_address(result(1, "a"), result(2, "b", FAILED)), ABC)
    assert [(line.row, line.outcome) for line in found.unconfirmed] == [(1, "invited")]
    assert found.kept == []


@pytest.mark.parametrize("line", [None, result(2, "b/K2", Outcome.DEFERRED_QUOTA, "limit")])
def test_a_departed_person_is_a_failure_that_says_what_to_do(line: RowResult | None) -> None:
    found = build_departed_result(Listed(2, "K2", "b@example.com", departed=True), line)
    assert (found.row, found.key, found.email) == (2, "K2", "b@example.com")
    assert found.outcome == "failed"
    assert found.reason is not None
    assert "no longer" in found.reason
    assert "another run" in found.reason


def test_a_departed_person_refused_by_zoom_keeps_the_reason() -> None:
    line = result(2, "b", Outcome.FOREIGN_ACCOUNT, "elsewhere")
    assert build_departed_result(Listed(2, "", "b@example.com", departed=True), line) == line


# ---- the files


def test_the_kept_roster_can_be_read_back_and_is_the_runs_own() -> None:
    rows = [
        Listed(2, "", "ä\n@example.com"),
        Listed(3, 'K"3', ""),
        Listed(9, "K", "z@example.com", departed=True),
    ]
    data = serialize_roster(rows, RUN)
    assert parse_roster(data, RUN) == EarlierRoster({2: rows[0], 3: rows[1]}, [rows[2]])
    assert parse_roster(data, OTHER) == EarlierRoster()
    assert parse_roster(serialize_roster([], RUN), RUN) == EarlierRoster()


@pytest.mark.parametrize(
    "data",
    [
        None,
        b"",
        b"{",
        b"[]\n",
        b"email,type\na@example.com,1\n",
        b"\0" * 50 + b"\n",
        serialize_roster([], OTHER),
        serialize_roster(ABC.values(), RUN)[:20],
        serialize_roster(ABC.values(), RUN) + b'["1"]\n',
        serialize_roster(ABC.values(), RUN) + b"\xff\n",
    ],
)
def test_a_roster_that_cannot_be_read_is_empty(data: bytes | None) -> None:
    assert parse_roster(data, RUN) == EarlierRoster()


def test_the_reports_of_a_run_are_read_wherever_they_lie_and_a_final_line_wins(
    tmp_path: Path,
) -> None:
    paths = ReportPaths.from_path(str(tmp_path / "r.jsonl"))
    aside = ReportPaths.alternate(paths.lines, RUN)
    written = {
        paths.lines: [result(1, "a", FAILED), result(2, "b"), result(3, "c", FAILED)],
        aside.lines: [result(1, "a"), result(2, "b", FAILED), result(4, "d")],
    }
    for path, results in written.items():
        report = begin_report(path)
        for one in results:
            report.add(one)
        report.close()
    found = read_earlier_results(
        [paths, aside, ReportPaths.from_path(f"{tmp_path}/no.jsonl")], RUN, AirflowFiles()
    )
    assert {line.email[0]: line.outcome for line in found.values()} == {
        "a": "invited",
        "b": "invited",
        "c": "failed",
        "d": "invited",
    }
    assert read_earlier_results([paths], OTHER, AirflowFiles()) == {}
