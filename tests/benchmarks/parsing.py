"""
What parsing the example DAGs costs, beside a file with an empty DAG.

Airflow parses each DAG file over and over, in a process for each time. A fresh interpreter imports
what Airflow's DAG processor has in memory, then reads one file and serializes its DAGs, as that
does. Measured is the processor time of the whole, which is what ``airflow dags`` and a first parse
take, and that of the file alone, which is what every further parse takes. The files take turns, so
that a machine that is busy for a while is so for all; medians are compared.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from devstack.airflow import clean_environment
from devstack.processes import PROJECT
from tests.benchmarks.bounds import Bound, say

DAGS: Final = PROJECT / "dags"
RUNS: Final = 5
LIMIT: Final = 1.2
BESIDE_TASK: Final = 2.0

# What the examples are compared to: the least that a DAG file can be, and one task of Airflow's.
OTHERS: Final = {
    "an empty DAG": """
from airflow.sdk import DAG

with DAG("empty", schedule=None):
    pass
""",
    "a DAG of one @task": """
from airflow.sdk import DAG, task

with DAG("one_task", schedule=None):

    @task
    def nothing():
        pass

    nothing()
""",
}
EMPTY, TASK = OTHERS

PROGRAM: Final = """
import importlib, pathlib, sys, time

from airflow.dag_processing.dagbag import BundleDagBag
from airflow.serialization.serialized_objects import DagSerialization
from airflow.utils.file import iter_airflow_imports

path = sys.argv[1]
for name in iter_airflow_imports(path):
    importlib.import_module(name)  # before it starts a process for a file, Airflow does so too
start = time.process_time()
bag = BundleDagBag(path, bundle_path=pathlib.Path(path).parent, bundle_name="bench")
for dag in bag.dags.values():
    DagSerialization.to_dict(dag)
end = time.process_time()
assert bag.dags and not bag.import_errors, bag.import_errors
print(end, end - start)
"""


class Cost(NamedTuple):
    """Processor time in seconds: of all, and of the file where Airflow is in memory already."""

    whole: float
    alone: float


def cost(path: Path, home: str) -> Cost:
    """Parse a file in an interpreter of its own."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)],
        env=clean_environment() | {"AIRFLOW_HOME": home},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{path.name} could not be parsed: {done.stderr[-2000:]}")
    whole, alone = done.stdout.split()[-2:]
    return Cost(float(whole), float(alone))


def medians(taken: list[Cost]) -> Cost:
    """Take each median by itself."""
    return Cost(*(statistics.median(times) for times in zip(*taken, strict=True)))


def table(costs: Mapping[str, Cost]) -> None:
    """Print what each file takes."""
    say(f"\nParsing a DAG file: processor time, median of {RUNS} runs in turns")
    say(f"  {'':32} {'whole ms':>9} {'times empty':>12} {'file alone ms':>14}")
    for name, took in costs.items():
        ratio = took.whole / costs[EMPTY].whole
        say(f"  {name:32} {took.whole * 1000:9.0f} {ratio:12.3f} {took.alone * 1000:14.1f}")


def measure() -> list[Bound]:
    """Print the table; give the bounds."""
    with tempfile.TemporaryDirectory(prefix="zoom-provider-bench-") as home:
        files = {path.name: path for path in sorted(DAGS.glob("*.py"))}
        for number, (name, code) in enumerate(OTHERS.items()):
            files[name] = Path(home, f"other_{number}.py")
            files[name].write_text(code, encoding="utf-8")
        for path in files.values():
            cost(path, home)  # writes byte code, and the files of a new Airflow home
        taken: dict[str, list[Cost]] = {name: [] for name in files}
        for _ in range(RUNS):
            for name, path in files.items():
                taken[name].append(cost(path, home))
    costs = {name: medians(of_one) for name, of_one in taken.items()}
    table(costs)
    ours = [name for name in files if name not in OTHERS]
    worst = max(ours, key=lambda name: costs[name].alone)
    return [
        *(
            Bound(
                f"parse, {n}, times an empty DAG",
                costs[n].whole / costs[EMPTY].whole,
                at_most=LIMIT,
            )
            for n in ours
        ),
        Bound(
            f"parse, file alone, {worst}, times a DAG of one @task",
            costs[worst].alone / costs[TASK].alone,
            at_most=BESIDE_TASK,
        ),
    ]
