"""The steps that may follow each other, in any order, for hypothesis to choose from."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.unit.operators.model.account import Account
from tests.unit.operators.model.harness import Harness, Setting
from tests.unit.operators.model.runs import DUE, LATER, Row, Run, staff
from tests.unit.operators.model.strikes import STOPS, Deed, Effect, Strike

RUNS: Final = ("monday", "tuesday")
CROWDS: Final = {"monday": (1, 2, 3, 4, 5, 6), "tuesday": (4, 11, 12, 13)}
"""One person is in both."""

_RUN: Final = st.sampled_from(RUNS)
_PLACE: Final = st.integers(0, 5)
_POINT: Final[st.SearchStrategy[tuple[Effect, int]]] = st.one_of(
    st.tuples(st.just("write"), st.integers(1, 24)),
    st.tuples(st.sampled_from(("post", "answer")), st.integers(1, 6)),
    st.tuples(st.just("save"), st.integers(1, 4)),
)
"""At which effect of a try; some are beyond its last."""


class Onboarding(RuleBasedStateMachine):
    """Two runs of a task, and whatever may befall them."""

    account: Account
    state_store: bool
    lanes = 1

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="onboarding-"))
        self.account.restart()

    @initialize(
        setting=st.fixed_dictionaries(
            {
                "tick": st.sampled_from((0.0, 4.0)),
                "deferrable": st.booleans(),
                "max_failures": st.sampled_from((None, 1.0)),
                "else_basic": st.booleans(),
                "first_day": st.booleans(),
            }
        ),
        state_store=st.booleans(),
        policy=st.booleans(),
    )
    def begin(self, setting: dict[str, Any], state_store: bool, policy: bool) -> None:
        state_store = state_store and self.state_store
        policy = policy and self.state_store
        self.harness = Harness(
            self.account,
            self.folder / "one",
            Setting(state_store=state_store, policy=policy, lanes=self.lanes, **setting),
        )
        self.schedule("monday")

    def teardown(self) -> None:
        try:
            # What follows a broken claim proves nothing.
            if hasattr(self, "harness") and self.harness.sound:
                for run in self.harness.runs:
                    self.harness.settle(run)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def found(self, run_id: str) -> Run | None:
        return next((run for run in self.harness.runs if run.run_id == run_id), None)

    def schedule(self, run_id: str) -> Run:
        rows = staff(*CROWDS[run_id])
        rows[1] = staff(CROWDS[run_id][1], licence="licensed")[0]
        if self.harness.setting.first_day:
            rows[2] = replace(rows[2], start=LATER)
        return self.harness.run(run_id, rows)

    # ---- Airflow

    def ready(self, run_id: str) -> Run:
        """Give a run that Airflow would start now: cleared, where it is over."""
        run = self.found(run_id) or self.schedule(run_id)
        if not run.starts():
            self.harness.clear(run)
        return run

    @rule(run_id=_RUN)
    def goes_on(self, run_id: str) -> None:
        self.harness.go(self.ready(run_id))

    @rule(run_id=_RUN, drops_state=st.booleans())
    def is_cleared(self, run_id: str, drops_state: bool) -> None:
        run = self.found(run_id)
        if run is not None:
            self.harness.clear(run, drops_state=drops_state)

    @rule(run_id=_RUN, deed=st.sampled_from(("kill", "tear")), point=_POINT)
    def is_killed(self, run_id: str, deed: Deed, point: tuple[Effect, int]) -> None:
        self.harness.go(self.ready(run_id), Strike(deed, *point))

    @rule(
        run_id=_RUN,
        deed=st.sampled_from(STOPS),
        point=_POINT | st.tuples(st.just("call"), st.integers(1, 8)),
    )
    def is_stopped(self, run_id: str, deed: Deed, point: tuple[Effect, int]) -> None:
        self.harness.go(self.ready(run_id), Strike(deed, *point))

    @rule(run_id=_RUN, nth=st.integers(1, 6), times=st.sampled_from((1, 2, None)))
    def finds_the_state_store_down(self, run_id: str, nth: int, times: int | None) -> None:
        self.harness.go(self.ready(run_id), Strike("store_down", "save", nth, times))

    @rule(run_id=_RUN, nth=st.integers(1, 24), times=st.sampled_from((1, None)))
    def finds_the_disk_full(self, run_id: str, nth: int, times: int | None) -> None:
        self.harness.go(self.ready(run_id), Strike("disk_full", "write", nth, times))

    @rule(run_id=_RUN, nth=st.integers(1, 5))
    def finds_no_thread(self, run_id: str, nth: int) -> None:
        self.harness.go(self.ready(run_id), Strike("no_thread", "thread", nth))

    @rule(run_id=_RUN, point=_POINT)
    def loses_its_heartbeat(self, run_id: str, point: tuple[Effect, int]) -> None:
        self.harness.overlap(self.ready(run_id), *point)

    # ---- workers

    @rule()
    def next_try_is_on_the_other_worker(self) -> None:
        self.harness.other_worker()

    @rule()
    def other_worker_gets_a_copy(self) -> None:
        self.harness.copy_disk()

    @rule(how=st.sampled_from(("within a letter", "half a line", "zeros")))
    def machine_crashes(self, how: str) -> None:
        self.harness.tear(self.harness.disk / "reports" / "report.jsonl", how)

    # ---- HR

    def edited(self, run_id: str, edit: Callable[[list[Row]], list[Row]]) -> None:
        run = self.found(run_id)
        if run is not None:
            self.harness.export(run, edit(list(run.rows)))

    @rule(run_id=_RUN, place=_PLACE, first=st.booleans())
    def hr_adds_a_person(self, run_id: str, place: int, first: bool) -> None:
        new = staff(31 + place)
        self.edited(
            run_id,
            lambda rows: rows if new[0] in rows else [*new, *rows] if first else [*rows, *new],
        )

    @rule(run_id=_RUN, place=_PLACE)
    def hr_removes_a_person(self, run_id: str, place: int) -> None:
        self.edited(run_id, lambda rows: rows[:place] + rows[place + 1 :])

    @rule(run_id=_RUN)
    def hr_turns_the_roster_round(self, run_id: str) -> None:
        self.edited(run_id, lambda rows: rows[::-1])

    @rule(run_id=_RUN, place=_PLACE, licence=st.sampled_from(("?", "basic", "licensed")))
    def hr_changes_a_row(self, run_id: str, place: int, licence: str) -> None:
        self.edited(
            run_id,
            lambda rows: [
                replace(row, licence=licence) if at == place else row for at, row in enumerate(rows)
            ],
        )

    @precondition(lambda self: self.harness.setting.first_day)
    @rule(run_id=_RUN, place=_PLACE, start=st.sampled_from((DUE, LATER)))
    def hr_changes_a_first_day(self, run_id: str, place: int, start: str) -> None:
        self.edited(
            run_id,
            lambda rows: [
                replace(row, start=start) if at == place else row for at, row in enumerate(rows)
            ],
        )

    @rule(run_id=_RUN, place=_PLACE)
    def hr_changes_a_key(self, run_id: str, place: int) -> None:
        self.edited(
            run_id,
            lambda rows: [
                replace(row, key=row.key + "b") if at == place else row
                for at, row in enumerate(rows)
            ],
        )

    @rule(run_id=_RUN, keeps=st.booleans())
    def hr_replaces_the_roster(self, run_id: str, keeps: bool) -> None:
        new = staff(51, 52, 53) if keeps else staff(61, 62)
        self.edited(run_id, lambda rows: [*rows[:1], *new] if keeps else new)

    # ---- Zoom

    @rule(creations=st.integers(1, 3))
    def zoom_caps_invitations(self, creations: int) -> None:
        self.harness.cap(creations)

    @rule()
    def a_day_passes(self) -> None:
        self.harness.next_day()

    @rule(skip=st.integers(0, 3), times=st.sampled_from((1, 4, None)))
    def zoom_is_away(self, skip: int, times: int | None) -> None:
        self.harness.outage(skip=skip, times=times)

    @rule(number=st.sampled_from((2, 3, 12)))
    def zoom_leaves_a_person_without_an_answer(self, number: int) -> None:
        self.harness.outage(email=f"p{number}@example.com")

    @rule(kind=st.sampled_from(("cut_after", "cut_before")), skip=st.integers(0, 3))
    def zooms_reply_is_lost(self, kind: str, skip: int) -> None:
        self.harness.zoom.fault(kind, on="POST /v2/users", skip=skip)

    @rule()
    def zoom_is_well_again(self) -> None:
        self.harness.heal()

    @rule(licensed=st.sampled_from((0, 1, None)))
    def seats_are_bought(self, licensed: int | None) -> None:
        self.harness.zoom.configure(seats={"licensed": licensed})

    @rule(number=st.sampled_from((1, 3, 4, 6, 12)), status=st.sampled_from(("active", "pending")))
    def another_administrator_creates(self, number: int, status: str) -> None:
        email = f"p{number}@example.com"
        if not self.account.has(email):
            self.harness.zoom.seed({"email": email, "status": status})

    @rule(number=st.sampled_from((1, 2, 3, 4, 12)))
    def another_administrator_deletes(self, number: int) -> None:
        self.account.remove(f"p{number}@example.com")

    # ---- files

    @precondition(lambda self: len(self.harness.runs) == 1)
    @rule(how=st.sampled_from(("twin", "rejects", "same", "url", "link")))
    def report_would_replace_an_input(self, how: str) -> None:
        self.harness.collide(how)
