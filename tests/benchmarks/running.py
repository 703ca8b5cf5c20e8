"""A contender and the local Zoom that it talks to, each in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from devstack.airflow import clean_environment
from devstack.airflow import environment as airflow_environment
from devstack.processes import PROJECT, Processes
from tests.benchmarks.contenders import ACCOUNT_ID, CLIENT_ID, CLIENT_SECRET

OFF = ("--limits-enforced=off",)
LIMITED = ("--limits-enforced=on", "--latency-ms=250")


@dataclass(frozen=True, slots=True)
class Run:
    """
    What a contender took.

    :param seconds: of the creating phase
    :param whole: seconds from the start of its process to its end
    :param cpu: processor seconds of the creating phase
    :param peak: of its memory, in MB
    """

    people: int
    seconds: float
    whole: float
    cpu: float
    peak: float
    calls: int = 0
    rate_limited: int = 0

    @property
    def rate(self) -> float:
        """People a second, while creating."""
        return self.people / self.seconds

    @property
    def cpu_each(self) -> float:
        """Processor milliseconds for each person, while creating."""
        return self.cpu / self.people * 1000


def median(runs: Sequence[Run]) -> Run:
    """Give the run with the median rate: one that was, so that its numbers fit together."""
    return sorted(runs, key=lambda run: run.rate)[(len(runs) - 1) // 2]


def middle(runs: Sequence[Run], what: str) -> float:
    """Give the median of one number of several runs."""
    return float(statistics.median(getattr(run, what) for run in runs))


def environment(home: Path, zoom_url: str) -> dict[str, str]:
    """Return our environment with an Airflow home of our own and a connection to a local Zoom."""
    return airflow_environment(home) | {
        "AIRFLOW_CONN_ZOOM_DEFAULT": zoom_connection(zoom_url),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        "PYTHONPATH": os.pathsep.join((str(PROJECT), str(PROJECT / "plugins"))),
    }


def zoom_connection(url: str) -> str:
    """Write the connection as an environment variable holds it."""
    return json.dumps(
        {
            "conn_type": "zoom",
            "host": url,
            "login": CLIENT_ID,
            "password": CLIENT_SECRET,
            "extra": {"account_id": ACCOUNT_ID, "plan": "business"},
        }
    )


@contextlib.contextmanager
def local_zoom(*options: str) -> Iterator[str]:
    """Run a local Zoom on the largest plan, without users; give its URL."""
    command = ["zoom_provider.simulator", "--port=0", "--plan=business", "--create-cap=10000000"]
    with tempfile.TemporaryDirectory(prefix="zoom-provider-bench-zoom-") as folder:
        logs = Path(folder, "logs")
        logs.mkdir()
        with Processes(logs, clean_environment()) as processes:
            yield processes.start_server("zoom", *command, *options)


def take(contender: str, people: int, zoom: Sequence[str], *options: str) -> dict[str, Any]:
    """Run a contender against a Zoom of its own; see that all people are there in the end."""
    with (
        tempfile.TemporaryDirectory(prefix="zoom-provider-bench-") as name,
        local_zoom(*zoom) as url,
    ):
        folder = Path(name)
        began = time.perf_counter()
        done = subprocess.run(
            [
                *(sys.executable, "-m", "tests.benchmarks.contenders"),
                *(contender, url, str(people), name, *options),
            ],
            cwd=PROJECT,
            env=environment(folder / "airflow", url),
            capture_output=True,
            text=True,
            check=False,
        )
        whole = time.perf_counter() - began
        if done.returncode:
            raise RuntimeError(f"{contender} failed:\n{done.stderr[-3000:]}")
        took: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        there = people_in(url)
    if not there == took["people"] >= people:
        raise RuntimeError(f"{contender}: {took['people']} of {people} made, {there} in Zoom")
    return {**took, "whole": whole}


def people_in(url: str) -> int:
    """Ask a local Zoom how many people it has."""
    with requests.Session() as session:
        session.trust_env = False
        reply = session.get(f"{url}/control/state", timeout=120)
        return int(reply.json()["counts"]["people"])


def measure(contender: str, people: int, zoom: Sequence[str], *options: str) -> Run:
    """Run a contender that creates people once."""
    return Run(**take(contender, people, zoom, *options))
