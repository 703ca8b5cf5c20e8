"""
One task on one Airflow, brought through whatever may happen to it.

Every step is checked by :mod:`tests.unit.operators.model.claims` before it returns.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import DAY
from tests.unit.operators.model.account import Account
from tests.unit.operators.model.claims import Claims, Seen
from tests.unit.operators.model.runs import (
    FIRST_DAY,
    MAPPING,
    Row,
    Run,
    as_json_lines,
    staff,
    whole_lines,
)
from tests.unit.operators.model.strikes import Effect, Strike
from tests.unit.operators.model.tries import End, Order, Try, read_store, write_store


@dataclass(frozen=True)
class Setting:
    """
    What stays as it is.

    :param state_store: whether Airflow has one (from 3.3 on)
    :param tick: seconds that each reply of Zoom's takes
    :param policy: whether the task has the provider's retry policy
    :param deferrable: as the operator's
    :param max_failures: as the operator's
    :param else_basic: whether ``seats`` are given, with it, and more than Zoom has
    :param lanes: calls that may be under way at once
    :param first_day: whether only users are created who are due
    """

    state_store: bool = True
    tick: float = 0.0
    policy: bool = False
    deferrable: bool = False
    max_failures: float | None = None
    else_basic: bool = False
    lanes: int = 1
    first_day: bool = False

    def options(self) -> dict[str, Any]:
        seats = {"licensed": 1000, "else_basic": True} if self.else_basic else None
        return {
            "mapping": MAPPING,
            "key": "Staff No",
            "deferrable": self.deferrable,
            "max_failures": self.max_failures,
            "seats": seats,
            "first_day": FIRST_DAY if self.first_day else None,
        }


class Harness:
    """
    The account, two workers' disks, HR's files and the runs of one task.

    :param account: Zoom
    :param root: a folder of its own
    :param setting: what stays as it is

    ``sound`` is False once a claim did not hold.
    """

    def __init__(self, account: Account, root: Path, setting: Setting | None = None) -> None:
        self.account, self.zoom = account, account.zoom
        self.setting = setting or Setting()
        self.root = root
        self.disk = root / "worker"
        self.disk.mkdir(parents=True)
        self.disk_name = "A"
        self.runs: list[Run] = []
        self.claims = Claims(account, self.setting.lanes)
        self.sound = True

    # ---- runs

    def run(self, run_id: str, rows: list[Row], *, report: str = "report.jsonl") -> Run:
        """Let the scheduler make a run for HR's file of the day."""
        store = self.root / f"{run_id}.state.json" if self.setting.state_store else None
        roster = self.root / "hr" / f"{run_id}.csv"
        options = {
            **self.setting.options(),
            "roster": str(roster),
            "report": str(self.disk / "reports" / report),
        }
        run = Run(run_id, roster, [], options, store)
        run.write(rows)
        self.runs.append(run)
        return run

    def go(self, run: Run, *strikes: Strike) -> End:
        """Let Airflow do what comes next: start it, try it again, or wake it up."""
        seen, order = self._prepare(run)
        with self.account.running(order.name):
            end = Try(order, strikes).finish()
            self._end(run, seen, end, strikes)
        self.sound = True
        return end

    def overlap(self, run: Run, effect: Effect, nth: int) -> End:
        """Let a try stand still behind a lost heartbeat while the next one does it all."""
        strikes = (Strike("pause", effect, nth),)
        seen, order = self._prepare(run)
        with self.account.running(order.name):
            lost = Try(order, strikes)
            if not lost.until_paused():
                end = lost.finish()
                self._end(run, seen, end, strikes)
                self.sound = True
                return end
        run.version += 1
        run.unsure |= run.valid().keys()
        self.claims.note(run, self.disk_name, self._lines())
        run.failed(retried=True)
        if not run.starts():
            run.clear()
        end = self.go(run)
        self.sound = False
        before = self.claims.report_of(run, end)
        lost.finish()
        self.claims.after_late_try(run, seen, end, before, self._lines())
        self.claims.damaged(self.disk_name, self._lines())
        self.sound = True
        return end

    def collide(self, how: str) -> None:
        """Let a DAG name a report that would stand in an input's place: HR's file must survive."""
        folder = self.disk / "dropped"
        roster, report = {
            "twin": ("staff.csv", "staff.jsonl"),
            "rejects": ("staff.rejects.csv", "staff.jsonl"),
            "same": ("staff.jsonl", "staff.jsonl"),
            "url": ("staff.csv", "file://{folder}/staff.jsonl"),
            "link": ("staff.csv", "link/staff.jsonl"),
        }[how]
        run = Run(f"collides by {how}", folder / roster, [], dict(self.setting.options()), None)
        run.write(staff(71, 72))
        if roster.endswith(".jsonl"):
            run.roster.write_bytes(as_json_lines(run.rows))
        if how == "link":
            (folder / "link").symlink_to(folder)
        report = report.format(folder=folder) if ":" in report else str(folder / report)
        run.options |= {"roster": str(run.roster), "report": report}
        before = run.roster.read_bytes()
        _, order = self._prepare(run)
        with self.account.running(order.name):
            end = Try(order).finish()
            assert run.roster.read_bytes() == before, f"HR's file was overwritten ({how})"
            assert end.kind == "raised", (
                f"a report in the place of an input was not refused ({how})"
            )
            assert not end.retried, "a retry cannot cure a report in the place of an input"
            assert not self.account.posts(), "refused, but only after people were created"
        shutil.rmtree(folder)
        self.sound = True

    def clear(self, run: Run, *, drops_state: bool = False) -> None:
        """Clear a task, which keeps its state on Airflow 3.3 and drops it from 3.4 on."""
        run.clear()
        if run.store is not None:
            values = {} if drops_state else read_store(run.store)["values"]
            write_store(run.store, run.number, values)

    def _prepare(self, run: Run) -> tuple[Seen, Order]:
        """Return what there is before the next try, and what that is to do."""
        self.sound = False
        resumed = run.state == "deferred"
        seen = self.claims.before(run, self.disk_name, resumed=resumed)
        order = run.next_order(
            watched=self.disk,
            clock=self.account.clock,
            tick=self.setting.tick,
            policy=self.setting.policy,
        )
        if order.store is not None:
            write_store(order.store, order.number, read_store(order.store)["values"])
        return seen, order

    def _end(self, run: Run, seen: Seen, end: End, strikes: tuple[Strike, ...]) -> None:
        if end.kind == "returned":
            run.state = "success"
        elif end.kind == "deferred":
            run.state, run.resume = "deferred", (end.method, end.kwargs)
        else:
            by_hand = any(strike.deed == "mark_failed" for strike in strikes) and end.stopped
            run.failed(retried=(end.retried or not end.handled) and not by_hand)
        self.claims.after(run, seen, end, strikes, self._lines())

    def _lines(self) -> list[dict[str, Any]]:
        return list(whole_lines(self.disk))

    # ---- HR

    def export(self, run: Run, rows: list[Row]) -> None:
        """Let HR overwrite the file that a run reads."""
        run.write(rows)

    # ---- Zoom

    def cap(self, creations: int | None) -> None:
        """Let Zoom allow so many invitations a day."""
        limited = creations is not None
        self.zoom.configure(limits_enforced=limited, create_cap=creations)

    def next_day(self) -> None:
        """Let a day pass in Zoom."""
        self.zoom.advance_clock(DAY)

    def outage(self, *, skip: int = 0, times: int | None = None, email: str | None = None) -> None:
        """Let creations go without an answer, of all people or of one; look-ups too."""
        self.zoom.fault("status", status=500, on="POST /v2/users", skip=skip, times=times,
                        email=email)  # fmt: skip
        self.zoom.fault("status", status=500, on="GET /v2/users/*", times=times, email=email)

    def heal(self) -> None:
        """Let Zoom be as it should be, with seats and invitations for all."""
        with self.zoom.world.lock:
            self.zoom.world.faults.clear()
        self.zoom.configure(seats={"basic": None, "licensed": None})
        self.cap(None)

    # ---- disks

    def other_worker(self) -> None:
        """Let the next try run on the other of two workers."""
        self.disk.rename(self.root / f"disk-{self.disk_name}")
        self.disk_name = "B" if self.disk_name == "A" else "A"
        other = self.root / f"disk-{self.disk_name}"
        other.rename(self.disk) if other.exists() else self.disk.mkdir()

    def copy_disk(self) -> None:
        """Give the other worker a copy of this one's files as they are now."""
        other = "B" if self.disk_name == "A" else "A"
        shutil.rmtree(self.root / f"disk-{other}", ignore_errors=True)
        shutil.copytree(self.disk, self.root / f"disk-{other}")
        self.claims.copied(self.disk_name, other)

    def tear(self, path: Path, how: str) -> None:
        """Damage a file as a crash of the machine does."""
        whole = path.read_bytes() if path.exists() else b""
        letters = [at for at, byte in enumerate(whole) if byte >= 0xC0]
        if how == "within a letter" and letters:
            whole = whole[: letters[-1] + 1]
        elif how == "half a line":
            whole = whole[: max(0, len(whole) - 25)]
        elif how == "zeros":
            whole += bytes(64)
        if path.exists():
            path.write_bytes(whole)
        self.claims.damaged(self.disk_name, self._lines())

    # ---- the end

    def settle(self, run: Run) -> None:
        """Let all be well again, and see the run through."""
        self.heal()
        for _ in range(4):
            self.next_day()
            if not run.starts():
                self.clear(run)
            if self.go(run).kind == "returned":
                break
        self.claims.settled(run)
