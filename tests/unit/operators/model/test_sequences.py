"""Sequences in which people were once lost, reported wrongly or held up, one after the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import emails
from tests.unit.operators.model.account import Account
from tests.unit.operators.model.conftest import MakeHarness
from tests.unit.operators.model.harness import Harness, Setting
from tests.unit.operators.model.runs import staff
from tests.unit.operators.model.strikes import STOPS, Deed, Effect, Strike


def test_a_second_run_on_the_same_report_path_takes_nothing_from_the_first(
    make: MakeHarness,
) -> None:
    harness = make(deferrable=True)
    monday = harness.run("monday", staff(1, 2, 3, 4, 5, 6))
    harness.cap(2)
    assert harness.go(monday).kind == "deferred"
    harness.next_day()
    harness.heal()
    tuesday = harness.run("tuesday", staff(11, 12, 13, 14, 15))
    assert harness.go(tuesday).kind == "returned"
    end = harness.go(monday)
    assert end.value is not None
    assert end.value["outcomes"] == {"invited": 6}


def test_rows_deferred_before_a_kill_are_invited_by_the_next_try(
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


def test_a_retry_after_the_daily_cap_reports_all_users_as_invited(make: MakeHarness) -> None:
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


def test_deferred_people_who_left_the_roster_fail_the_task(
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


@pytest.mark.parametrize("how", ["twin", "rejects", "same", "url", "link"])
def test_a_report_in_the_place_of_an_input_is_refused(how: str, make: MakeHarness) -> None:
    make().collide(how)


def test_people_without_a_licensed_seat_are_created_as_basic_though_more_were_bought(
    make: MakeHarness,
) -> None:
    harness = make(else_basic=True, max_failures=1.0)
    run = harness.run("monday", staff(1, 2, 3, 4, 5, licence="licensed"))
    harness.zoom.configure(seats={"licensed": 2})
    end = harness.go(run)
    assert end.value is not None
    assert end.value["outcomes"] == {"invited": 5}


@pytest.mark.parametrize("how", ["within a letter", "half a line", "zeros"])
def test_a_torn_report_is_taken_up(how: str, make: MakeHarness) -> None:
    harness = make()
    run = harness.run("monday", staff(1, 2, 3, 4, 5, 6))
    harness.go(run, Strike("kill", "post", 4))
    harness.tear(run.report, how)
    assert harness.go(run).kind == "returned"


@pytest.mark.parametrize("effect", ["call", "post", "answer", "write", "save"])
@pytest.mark.parametrize("deed", STOPS)
def test_a_stop_ends_a_try_before_another_creation_and_the_next_one_goes_on(
    deed: Deed, effect: Effect, make: MakeHarness
) -> None:
    harness = make()
    run = harness.run("monday", staff(1, 2, 3, 4, 5, 6))
    harness.go(run, Strike(deed, effect, {"save": 1, "write": 8}.get(effect, 3)))
    harness.settle(run)
    assert len(emails(harness.zoom)) == 6


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("deed", STOPS)
def test_replies_that_arrive_after_a_stop_are_reported(deed: Deed, make: MakeHarness) -> None:
    harness = make(tick=0.3, lanes=8)
    run = harness.run("monday", staff(*range(1, 31)))
    end = harness.go(run, Strike(deed, "post", 5))
    assert end.kind == "raised"
    assert len(emails(harness.zoom)) < 15
    harness.settle(run)
    assert len(emails(harness.zoom)) == 30


def test_people_without_an_answer_are_tried_again(make: MakeHarness) -> None:
    harness = make(max_failures=1.0)
    run = harness.run("monday", staff(1, 2, 3, 4, 5, 6))
    harness.outage(email="p3@example.com")
    end = harness.go(run)
    assert end.kind == "raised"
    assert end.retried
    harness.heal()
    assert harness.go(run).kind == "returned"


def test_people_without_a_licence_are_tried_again_when_the_task_is_cleared(
    make: MakeHarness,
) -> None:
    harness = make(max_failures=1.0)
    run = harness.run("monday", staff(1, 2, 3, 4, 5, licence="licensed"))
    harness.zoom.configure(seats={"licensed": 3})
    assert harness.go(run).kind == "returned"
    harness.heal()
    harness.clear(run)
    end = harness.go(run)
    assert end.value is not None
    assert end.value["outcomes"] == {"invited": 5}


@pytest.mark.parametrize("nth", [2, 4, 6])
@pytest.mark.parametrize("effect", ["post", "answer"])
def test_a_late_try_leaves_the_report_of_the_next_try_unchanged(
    effect: Effect, nth: int, make: MakeHarness
) -> None:
    harness = make()
    run = harness.run("monday", staff(1, 2, 3, 4, 5, 6))
    assert harness.overlap(run, effect, nth).kind == "returned"


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_one_failed_save_of_the_state_does_not_end_a_try(nth: int, make: MakeHarness) -> None:
    harness = make(tick=4.0)
    run = harness.run("monday", staff(1, 2, 3, 4, 5, 6))
    assert harness.go(run, Strike("store_down", "save", nth, times=1)).kind == "returned"


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("nth", [4, 5, 6, 7])
def test_replies_are_reported_when_no_thread_can_start(nth: int, make: MakeHarness) -> None:
    # As slow replies as these make several calls at once worth while.
    harness = make(tick=0.3)
    run = harness.run("monday", staff(*range(1, 11)))
    harness.go(run, Strike("no_thread", "thread", nth))
    harness.settle(run)
    assert run.state == "success"


@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize(
    ("deed", "effect"),
    [
        *(("kill", effect) for effect in ("write", "post", "answer", "save")),
        ("tear", "write"),
    ],
)
def test_a_kill_at_any_effect_of_a_capped_run_loses_no_user(
    effect: Effect, deed: Deed, deferrable: bool, account: Account, tmp_path: Path
) -> None:
    for nth in range(1, 60):
        account.restart()
        harness = Harness(account, tmp_path / str(nth), Setting(deferrable=deferrable, tick=4.0))
        run = harness.run("monday", staff(1, 2, 3, 4))
        harness.cap(2)
        if harness.go(run, Strike(deed, effect, nth)).kind != "killed":
            return
        harness.settle(run)
        assert run.state == "success"
        # Nothing is left that only a later try would need.
        assert sorted(file.name for file in run.report.parent.iterdir()) == [
            *("report.csv", "report.jsonl", "report.rejects.csv")
        ]
    raise AssertionError("the try has more effects than were counted on")


@pytest.mark.parametrize("effect", ["write", "call", "post", "answer", "save"])
@pytest.mark.parametrize("deed", ["mark_failed", "sigterm"])
def test_a_stop_at_any_effect_leaves_no_reply_unwritten(
    deed: Deed, effect: Effect, account: Account, tmp_path: Path
) -> None:
    for nth in range(1, 60):
        account.restart()
        harness = Harness(account, tmp_path / str(nth), Setting())
        run = harness.run("monday", staff(1, 2, 3, 4))
        if not harness.go(run, Strike(deed, effect, nth)).stopped:
            return
        harness.settle(run)
        assert run.state == "success"
    raise AssertionError("the try has more effects than were counted on")


@pytest.mark.parametrize("effect", ["write", "post", "answer", "save"])
def test_a_late_try_never_changes_the_report_of_a_newer_try(
    effect: Effect, account: Account, tmp_path: Path
) -> None:
    for nth in range(1, 60):
        account.restart()
        harness = Harness(account, tmp_path / str(nth), Setting())
        harness.go(harness.run("tuesday", staff(11, 12)))
        run = harness.run("monday", staff(1, 2, 3, 4))
        assert harness.overlap(run, effect, nth).kind == "returned"
        if run.number == 1:
            return
    raise AssertionError("the try has more effects than were counted on")
