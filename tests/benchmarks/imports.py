"""
What importing the operators costs, beside importing ``airflow.sdk`` itself.

Airflow parses DAG files over and over, and each parse of one with our operators pays for their
imports. Measured as processor time in a fresh interpreter, the two in turns, so that a machine
that is busy for a while is so for both; the median of them is compared.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from typing import Final

from devstack.airflow import clean_environment
from tests.benchmarks.bounds import Bound, say

BASE: Final = "airflow.sdk"
OURS: Final = "zoom_provider.operators.users"
RUNS: Final = 15
LIMIT: Final = 1.10

PROGRAM = "import time; start = time.process_time(); import {}; print(time.process_time() - start)"


def seconds(module: str, home: str) -> float:
    """Import a module in an interpreter of its own, and give the processor time that it took."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(module)],
        env=clean_environment() | {"AIRFLOW_HOME": home},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout.split()[-1])


def measure() -> list[Bound]:
    """Print the table; give the bound."""
    taken: dict[str, list[float]] = {BASE: [], OURS: []}
    with tempfile.TemporaryDirectory(prefix="zoom-provider-bench-") as home:
        seconds(OURS, home)  # writes byte code, and the files of a new Airflow home
        for _ in range(RUNS):
            for name, times in taken.items():
                times.append(seconds(name, home))
    medians = {name: statistics.median(times) for name, times in taken.items()}
    say(f"\nImporting the operators: processor time, median of {RUNS} runs in turns")
    for name, times in taken.items():
        say(
            f"  {name:32} {medians[name] * 1000:7.0f} ms"
            f"   from {min(times) * 1000:.0f} to {max(times) * 1000:.0f}"
        )
    return [Bound("imports, times airflow.sdk", medians[OURS] / medians[BASE], at_most=LIMIT)]
