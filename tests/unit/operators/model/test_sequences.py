"""Sequences in which people were once lost, reported wrongly or held up, one after the other."""

from __future__ import annotations

from tests.unit.operators.model.conftest import MakeHarness
from tests.unit.operators.model.runs import staff
from tests.unit.operators.model.strikes import Strike


def test_a_second_run_on_the_same_report_path_takes_nothing_from_the_first(
    make: MakeHarness,
) -> None:
    harness = make(deferrable=True)
    monday, tuesday = harness.run("monday", staff(1, 2, 3, 4, 5, 6)), None
    harness.cap(2)
    assert harness.go(monday).kind == "deferred"
    harness.next_day()
    harness.heal()
    tuesday = harness.run("tuesday", staff(11, 12, 13, 14, 15))
    assert harness.go(tuesday).kind == "returned"
    end = harness.go(monday)
    assert end.value is not None
    assert end.value["outcomes"] == {"invited": 6}


def test_put_off_is_not_the_last_word_after_a_kill_while_it_is_written_down(
    make: MakeHarness,
) -> None:
    harness = make()
    run = harness.run("monday", staff(1, 2, 3, 4, 5, 6))
    harness.cap(2)
    # Three headers, two people in two files each, and two of those who were not tried.
    harness.go(run, Strike("kill", "write", 3 + 3 + 4 + 4 + 1))
    harness.next_day()
    harness.heal()
    assert harness.go(run).kind == "returned"


def test_a_cap_that_is_retried_the_next_day_counts_everyone_as_invited(make: MakeHarness) -> None:
    harness = make()
    run = harness.run("monday", staff(1, 2, 3, 4, 5, 6))
    harness.cap(2)
    assert harness.go(run).kind == "raised"
    harness.next_day()
    harness.heal()
    if not run.starts():
        harness.clear(run)
    end = harness.go(run)
    assert end.value is not None
    assert end.value["outcomes"] == {"invited": 6}


def test_people_who_left_the_roster_while_they_were_put_off_are_not_forgotten(
    make: MakeHarness,
) -> None:
    harness = make(deferrable=True)
    run = harness.run("monday", staff(1, 2, 3, 4, 5, 6))
    harness.cap(2)
    assert harness.go(run).kind == "deferred"
    harness.export(run, staff(21, 22, 23, 24))
    harness.next_day()
    harness.heal()
    assert harness.go(run).kind == "raised"


def test_a_row_that_becomes_invalid_between_two_tries_has_one_line(make: MakeHarness) -> None:
    harness = make(max_failures=1.0)
    run = harness.run("monday", staff(1, 2, 3, 4, 5))
    harness.go(run, Strike("kill", "post", 3))
    harness.export(run, [*staff(1), *staff(2, licence="?"), *staff(3, 4, 5)])
    assert harness.go(run).kind == "returned"


def test_a_workers_old_report_does_not_outweigh_the_state(make: MakeHarness) -> None:
    harness = make(max_failures=1.0)
    run = harness.run("monday", staff(*range(1, 13)))
    harness.outage(skip=2)
    assert harness.go(run).kind == "raised"
    harness.heal()
    harness.other_worker()
    harness.go(run, Strike("kill", "post", 2))
    harness.other_worker()
    assert harness.go(run).kind == "returned"
