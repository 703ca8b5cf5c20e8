"""Rows as ranges, the ledger of a try, and a checkpoint that comes back as it was."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.unit.provisioning.conftest import BEGIN, RUN
from zoom_provider.provisioning.checkpoint import Checkpoint, Ledger, Rows, newest_checkpoint
from zoom_provider.provisioning.report import DONE, FAILURES, Outcome

AIRFLOW_WARNS = 64 * 1024
NUMBERS = st.sets(st.integers(1, 60))


def stored(checkpoint: Checkpoint) -> str:
    """Write a checkpoint as a database keeps it."""
    return json.dumps(checkpoint.to_state())


@settings(derandomize=True, database=None)
@given(numbers=NUMBERS)
def test_rows_are_a_set_that_is_read_back_from_its_text(numbers: set[int]) -> None:
    rows = Rows(numbers)
    assert list(rows) == sorted(numbers)
    assert len(rows) == len(numbers)
    assert [number for number in range(70) if number in rows] == sorted(numbers)
    assert list(Rows.parse(str(rows))) == sorted(numbers)
    assert str(rows).count("-") + str(rows).count(",") <= 2 * len(numbers)


@settings(derandomize=True, database=None)
@given(numbers=NUMBERS, most=st.integers(0, 60))
def test_coarse_rows_are_a_superset_that_fits(numbers: set[int], most: int) -> None:
    rows = Rows(numbers)
    coarse = rows.coarsen(max(most, 5))
    assert len(str(coarse)) <= max(most, 5)
    assert set(coarse) >= numbers
    if numbers:
        assert min(coarse) == min(numbers)
        assert max(coarse) == max(numbers)
    assert list(rows) == sorted(numbers)


class RowsMachine(RuleBasedStateMachine):
    """Rows that change one by one, beside a set of Python's."""

    @initialize(numbers=NUMBERS)
    def begin(self, numbers: set[int]) -> None:
        self.rows, self.model = Rows(numbers), set(numbers)

    @rule(number=st.integers(1, 60))
    def add(self, number: int) -> None:
        self.rows.add(number)
        self.model.add(number)

    @rule(number=st.integers(1, 60))
    def discard(self, number: int) -> None:
        self.rows.discard(number)
        self.model.discard(number)

    @rule(number=st.integers(1, 60))
    def change_a_copy(self, number: int) -> None:
        copy = self.rows.copy()
        copy.add(number)
        copy.discard(number)
        assert list(copy) == sorted(self.model - {number})

    @invariant()
    def holds_the_same_rows_in_as_few_ranges_as_can_be(self) -> None:
        if hasattr(self, "rows"):
            assert list(self.rows) == sorted(self.model)
            assert str(self.rows) == str(Rows(self.model))


TestRows = RowsMachine.TestCase
TestRows.settings = settings(derandomize=True, database=None, max_examples=60, deadline=None)


@pytest.mark.parametrize(
    "text", ["x", "-1", "3-1", "1,1", "1-5,4-9", "5,3", "1--2", "1.5", "1;2", ",", "1,"]
)
def test_an_invalid_text_of_rows_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Rows.parse(text)


ROWS = NUMBERS.map(Rows)
FINAL = sorted(DONE)
TEXT = st.text(max_size=10)
CHECKPOINTS = st.builds(
    Checkpoint,
    run=TEXT,
    work=TEXT,
    people=TEXT,
    sequence=st.integers(0, 10**6),
    owner=TEXT,
    report=TEXT,
    total=st.integers(0, 10**6),
    done=st.dictionaries(st.sampled_from(FINAL), NUMBERS.filter(bool).map(Rows)),
    attempting=ROWS,
    owed=ROWS,
    departed=ROWS,
    counts=st.dictionaries(st.sampled_from(list(Outcome)), st.integers(0, 10**6)),
    seconds=st.integers(0, 10**8).map(lambda ms: ms / 1000),
    calls=st.integers(0, 10**6),
    rate_limited=st.integers(0, 10**6),
)


def plain(checkpoint: Checkpoint) -> dict[str, Any]:
    """Show a checkpoint with its rows as lists."""
    names = ("run", "work", "people", "sequence", "owner", "report", "total", "counts")
    found = {name: getattr(checkpoint, name) for name in (*names, "calls", "rate_limited")}
    return {
        **found,
        "seconds": checkpoint.seconds,
        "done": {outcome: list(rows) for outcome, rows in checkpoint.done.items()},
        **{n: list(getattr(checkpoint, n)) for n in ("attempting", "owed", "departed")},
    }


@settings(derandomize=True, database=None)
@given(checkpoint=CHECKPOINTS)
def test_a_checkpoint_comes_back_as_it_was(checkpoint: Checkpoint) -> None:
    found = Checkpoint.from_state(json.loads(stored(checkpoint)))
    assert found is not None
    assert plain(found) == plain(checkpoint)


COMPLETE = BEGIN.to_state()


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"next": 5, "left": [3], "work": "w"},  # of an older version
        *({name: v for name, v in COMPLETE.items() if name != gone} for gone in COMPLETE),
        COMPLETE | {"done": []},
        COMPLETE | {"done": {"invited": "5-1"}},
        COMPLETE | {"done": {"promoted": "1"}},
        COMPLETE | {"owed": "x"},
        COMPLETE | {"sequence": "many"},
        COMPLETE | {"sequence": float("inf")},
        COMPLETE | {"outcomes": {"promoted": 1}},
        COMPLETE | {"outcomes": None},
    ],
)
def test_a_state_of_another_version_is_ignored(state: dict[str, Any]) -> None:
    assert Checkpoint.from_state(state) is None
    assert newest_checkpoint([state], RUN) is None


def test_an_outcome_that_is_not_final_is_not_read_as_done() -> None:
    found = Checkpoint.from_state(COMPLETE | {"done": {"failed": "1-3", "invited": "4"}})
    assert found is not None
    assert {outcome: str(rows) for outcome, rows in found.done.items()} == {"invited": "4"}


def test_the_newest_checkpoint_of_the_run_counts_whatever_the_order() -> None:
    mine = [replace(BEGIN, sequence=n, owner=f"try{n}").to_state() for n in (3, 9, 5)]
    other = replace(BEGIN, run="ba9876543210", sequence=99).to_state()
    found = newest_checkpoint([{}, *mine, other], RUN)
    assert found is not None
    assert (found.sequence, found.owner) == (9, "try9")
    assert newest_checkpoint([other], RUN) is None


WORST = 100_000
EVERY_OTHER = Rows(range(1, WORST + 1, 2))
OTHERS = Rows(range(2, WORST + 1, 2))
PATTERNS: dict[str, dict[str, Any]] = {
    "done and owed in turn": {"done": {Outcome.INVITED: EVERY_OTHER}, "owed": OTHERS},
    "two outcomes in turn": {"done": {Outcome.INVITED: EVERY_OTHER, Outcome.EXISTING: OTHERS}},
    "owed and departed in turn": {"owed": EVERY_OTHER, "departed": OTHERS},
    "every other row unanswered": {
        "done": {Outcome.INVITED: EVERY_OTHER},
        "owed": OTHERS,
        "attempting": OTHERS,
    },
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_checkpoint_of_100_000_rows_stays_below_airflows_warning(pattern: str) -> None:
    counts = {outcome: WORST for outcome in Outcome}
    checkpoint = replace(BEGIN, report="/" + "r" * 1_000, counts=counts, **PATTERNS[pattern])
    assert len(stored(checkpoint)) < AIRFLOW_WARNS
    found = Checkpoint.from_state(json.loads(stored(checkpoint)))
    assert found is not None
    # What is owed may become more, and must never become less.
    for name in ("owed", "departed"):
        assert set(getattr(found, name)) >= set(getattr(checkpoint, name))
    # What is done may be left to the report, what was attempted to Zoom; neither may become more.
    assert set(found.attempting) <= set(checkpoint.attempting)
    for outcome, rows in found.done.items():
        assert set(rows) <= set(checkpoint.done[outcome])


def test_a_checkpoint_holds_no_address() -> None:
    assert "@" not in stored(replace(BEGIN, done={Outcome.INVITED: Rows([1])}))


NOT_FINAL = sorted(set(Outcome) - DONE - {Outcome.REJECTED, Outcome.NOT_DUE})


@pytest.mark.parametrize("outcome", NOT_FINAL)
def test_a_row_that_is_not_done_stays_owed(outcome: Outcome) -> None:
    ledger = Ledger(BEGIN, Rows([1, 2]))
    ledger.record(1, outcome)
    found = ledger.checkpoint({}, 0, 0, 0)
    assert list(found.owed) == [1, 2]
    assert dict(found.done) == {}


@pytest.mark.parametrize("outcome", FINAL)
def test_a_row_that_is_done_is_neither_owed_nor_attempted(outcome: Outcome) -> None:
    ledger = Ledger(BEGIN, Rows([1, 2]))
    ledger.note_attempts([1, 2])
    ledger.record(1, outcome)
    found = ledger.checkpoint({outcome: 1}, 0, 0, 0)
    assert (list(found.owed), list(found.attempting)) == ([2], [2])
    assert {o: list(rows) for o, rows in found.done.items()} == {outcome: [1]}


@pytest.mark.parametrize("outcome", [Outcome.REJECTED, Outcome.NOT_DUE])
def test_a_row_that_makes_no_call_is_neither_done_nor_owed(outcome: Outcome) -> None:
    ledger = Ledger(BEGIN, Rows([1, 2, 3]))
    ledger.record(1, outcome)
    ledger.ignore(2)
    found = ledger.checkpoint({}, 0, 0, 0)
    assert list(found.owed) == [3]
    assert dict(found.done) == {}
    assert (outcome in FAILURES) == (outcome is Outcome.REJECTED)


def test_each_checkpoint_has_the_next_number_and_adds_to_what_was_spent() -> None:
    begin = replace(BEGIN, sequence=41, seconds=10.5, calls=100, rate_limited=3)
    ledger = Ledger(begin, Rows([1]))
    found = [ledger.checkpoint({}, 2.0, 7, 1) for _ in range(3)]
    assert [one.sequence for one in found] == [42, 43, 44]
    assert (found[0].seconds, found[0].calls, found[0].rate_limited) == (12.5, 107, 4)


def test_rows_that_were_not_posted_after_all_are_dropped_from_the_attempted() -> None:
    ledger = Ledger(BEGIN, Rows(range(1, 6)))
    ledger.note_attempts([1, 2, 3])
    ledger.drop_attempts([2, 3, 4])
    assert list(ledger.checkpoint({}, 0, 0, 0).attempting) == [1]
