"""
What creating people costs, side by side: ``make bench``, or ``make bench-quick`` with smaller rows.

Ends with the bounds, and with exit code 1 where one of them is missed.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from devstack import postgres
from devstack.processes import run_script
from tests.benchmarks import files, imports, on_airflow, parsing
from tests.benchmarks.bounds import Bound, head, line, say
from tests.benchmarks.contenders import UNBOUND
from tests.benchmarks.running import LIMITED, OFF, Run, measure, median, middle, take

CEILING: Final = 80
"""Calls a second that Zoom allows on its largest plan, for what is measured here."""

OPERATOR: Final = "(a) ZoomCreateUsersOperator"

METHOD: Final = f"""\
Method. The local Zoom runs in a process of its own on this machine, with the largest plan, and is
a fresh one for each run; each contender runs in a process of its own, and afterwards the local Zoom
must hold exactly the people of the roster. (a) executes the operator over a CSV file, (c) is a
sequential script with zoomus, (d) posts the same people with bare requests in threads, a session
for each, and does nothing else. (b) and the rows of (a) beside it run as DAGs on an Airflow with
the LocalExecutor and a PostgreSQL of their own, with Airflow's own settings for parallelism.
Rate and processor time are those of the creating phase: for (a) from the first person on, with the
Zoom's list of people read, to the last line of the report; for (b) from the first task's start to
the last one's end. Processor time and memory are the contender's process, for (b) all of
Airflow's processes, its memory as PSS beyond that of the idle Airflow. Start-up is all the rest:
interpreter, imports, token, list of people, for (b) scheduling. With limits off, our own pacing is
set to {UNBOUND} calls a second, in that process alone, so that it bounds nothing. Contenders take
turns (A B A B); a line is the run with the median rate, a ratio is that of medians. 429s are
refused calls."""


@dataclass(frozen=True, slots=True)
class Size:
    """
    How much is measured.

    :param off: rows with limits off, with how often each is run
    :param limited: rows of (a) at the limit
    :param sequential: people of (c)
    :param on_airflow: people of (a) and of (b) on a real Airflow
    :param hook: calls of the hook
    :param roster: rows of a roster that is only read
    """

    off: dict[int, int]
    limited: tuple[int, ...]
    sequential: int
    on_airflow: tuple[tuple[str, int], ...]
    hook: int
    roster: int


FULL: Final = Size(
    off={100: 3, 1_000: 5, 10_000: 3, 100_000: 1},
    limited=(1_000, 10_000),
    sequential=100,
    on_airflow=(("bench_operator", 1_000), ("bench_http_mapped", 100), ("bench_http_mapped", 1000)),
    hook=10_000,
    roster=1_000_000,
)
QUICK: Final = Size(
    off={100: 3, 1_000: 3, 10_000: 1},
    limited=(2_000,),
    sequential=40,
    on_airflow=(("bench_operator", 1_000), ("bench_http_mapped", 100)),
    hook=4_000,
    roster=100_000,
)


def limits_off(size: Size) -> list[Bound]:
    """Compare (a) to the floor (d) where nothing but the machine bounds them."""
    head("Limits off, replies at once")
    floors = {n: measure("floor", 5_000, OFF, f"--threads={n}") for n in (4, 8, 16)}
    threads = max(floors, key=lambda n: floors[n].rate)
    for n, run in floors.items():
        line(f"(d) requests in {n} threads, to find the best", run)
    bounds: list[Bound] = []
    ours: dict[int, list[Run]] = {}
    for people, times in size.off.items():
        ours[people], floor = [], []
        for _ in range(times):
            ours[people].append(measure("operator", people, OFF, "--unbound"))
            floor.append(measure("floor", people, OFF, f"--threads={threads}"))
        line(OPERATOR, median(ours[people]))
        line(f"(d) requests in {threads} threads", median(floor))
        rate = middle(ours[people], "rate") / middle(floor, "rate")
        cpu = middle(ours[people], "cpu_each") / middle(floor, "cpu_each")
        say(f"  {'':44} (a) / (d): rate {rate:.3f}, processor time {cpu:.3f}")
        if people >= 10_000:
            # Below, a run is over before the threads are warm.
            bounds += [
                Bound(f"limits off, {people} people, rate, times (d)", rate, at_least=0.8),
                Bound(f"limits off, {people} people, processor time, times (d)", cpu, at_most=1.3),
            ]
    most = max(ours)
    # Once more beside the large row: an hour ago the machine may have been another.
    beside = [measure("operator", 1_000, OFF, "--unbound") for _ in range(3)]
    line(f"{OPERATOR}, once more", median(beside))
    each = middle(ours[most], "seconds") / most / (middle(beside, "seconds") / 1_000)
    memory = middle(ours[most], "peak") - middle(ours[100], "peak")
    return [
        *bounds,
        Bound(f"time per person at {most}, times that at 1000", each, at_most=1.05),
        Bound(f"memory at {most} beyond that at 100, in MB", memory, at_most=60),
    ]


def at_the_limit(size: Size) -> list[Bound]:
    """Measure (a) and (c) where Zoom enforces its limit."""
    head(f"At Zoom's limit of {CEILING} a second, replies after 250 ms")
    bounds: list[Bound] = []
    for people in size.limited:
        run = measure("operator", people, LIMITED)
        line(OPERATOR, run)
        say(
            f"  {'':44} {run.rate / CEILING:.1%} of the ceiling, with start-up "
            f"{run.people / run.whole / CEILING:.1%}; {run.rate_limited / run.calls:.2%} of calls "
            "refused"
        )
    refused = run.rate_limited / run.calls
    bounds += [
        Bound(f"share of the ceiling, {people} people", run.rate / CEILING, at_least=0.97),
        Bound(f"share of calls answered 429, {people} people", refused, at_most=0.005),
    ]
    sequential = measure("zoomus", size.sequential, LIMITED)
    line("(c) zoomus, one after the other", sequential)
    for people in (1_000, 10_000):
        say(
            f"  {'(c) computed from that rate, not run':44} {people:7d} {sequential.rate:9.1f}"
            f" {people / sequential.rate:8.0f}"
        )
    return bounds


def as_dags(size: Size) -> list[Bound]:
    """Compare (a) as a DAG to (b), one mapped HttpOperator for each person."""
    head(f"On a real Airflow, at Zoom's limit of {CEILING} a second, replies after 250 ms")
    if postgres.program("initdb") is None:
        say("  (b) skipped: PostgreSQL is not installed, and Airflow's SQLite locks under it")
        return []
    runs: dict[str, Run] = {}
    for dag_id, people in size.on_airflow:
        run = on_airflow.take(dag_id, people, *LIMITED)
        name = OPERATOR if dag_id == "bench_operator" else "(b) HttpOperator mapped"
        line(f"{name}, as a DAG", run)
        # The larger row of each is compared.
        runs[name] = run
    ours, theirs = runs.values()
    return [Bound("rate, times that of (b)", ours.rate / theirs.rate, at_least=20)]


def hook(size: Size) -> list[Bound]:
    """Compare the hook's processor time per call to that of a session."""
    took = take("hook", size.hook, OFF, "--unbound")
    say("\nThe hook: processor time per call, median of 10 turns each")
    say(f"  {'requests.Session.post':32} {took['session'] * 1000:7.3f} ms")
    say(f"  {'ZoomHook.create_user':32} {took['hook'] * 1000:7.3f} ms")
    return [Bound("hook, times a bare session", took["ratio"], at_most=1.25)]


PARTS: Final[dict[str, Callable[[Size], list[Bound]]]] = {
    "imports": lambda size: imports.measure(),
    "parse": lambda size: parsing.measure(),
    "files": lambda size: files.measure(size.roster),
    "hook": hook,
    "off": limits_off,
    "limit": at_the_limit,
    "airflow": as_dags,
}


def main() -> int:
    """Measure all, print the tables and the bounds; give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller rows, at most 10 minutes")
    parser.add_argument("parts", nargs="*", help=f"only some of: {', '.join(PARTS)}")
    given = parser.parse_args()
    size = QUICK if given.quick else FULL
    parts = [PARTS[name] for name in given.parts or PARTS]
    say(
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, Python {platform.python_version()},"
        f" {os.cpu_count()} processors, {platform.machine()},"
        f" load before it {os.getloadavg()[0]:.1f}\n\n{METHOD}"
    )
    bounds = [bound for part in parts for bound in part(size)]
    say("\nBounds")
    for bound in bounds:
        say(f"  {bound}")
    missed = [bound.name for bound in bounds if not bound.holds]
    say(f"\nMissed: {'; '.join(missed)}" if missed else "\nAll bounds hold.")
    return int(bool(missed))


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    run_script(main)
