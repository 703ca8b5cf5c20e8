"""An Airflow on PostgreSQL with the LocalExecutor, for tasks that run side by side."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

import postgresql
from child_processes import StackError, free_port
from local_stack import PROJECT, Stack
from tests.benchmarks.contenders import token_of
from tests.benchmarks.roster import write_roster
from tests.benchmarks.running import Run, local_zoom, people_in, zoom_connection

PATIENCE = 3600
"""Seconds for a run; a thousand mapped tasks take several minutes."""


class BenchStack(Stack):
    """
    An Airflow whose tasks run at once; the local Zoom is one for each run, and not started here.

    :param home: its folder, inside the project
    :param database: the URL of its metadata database
    """

    def __init__(self, home: Path, database: str) -> None:
        super().__init__(home, free_port(0))
        self._env |= {
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
            "AIRFLOW__CORE__DAGS_FOLDER": str(Path(__file__).parent / "dags"),
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            # As Airflow comes: 32 tasks at once, 16 of one DAG.
            "AIRFLOW__CORE__PARALLELISM": "32",
            "PYTHONPATH": os.pathsep.join((str(PROJECT), str(PROJECT / "plugins"))),
        }

    def serve(self, zoom_url: str) -> None:
        """Start, with connections to a local Zoom, one for each operator."""
        bearer = {"Authorization": f"Bearer {token_of(zoom_url)}"}
        http = {"conn_type": "http", "host": zoom_url, "extra": bearer}
        self._env["AIRFLOW_CONN_ZOOM_DEFAULT"] = zoom_connection(zoom_url)
        self._env["AIRFLOW_CONN_ZOOM_HTTP"] = json.dumps(http)
        self.start(0)

    def _start_zoom(self, port: int) -> None:
        """Start none."""

    def take(self, dag_id: str, people: int, conf: dict[str, Any]) -> dict[str, Any]:
        """Run a DAG to its end; give what its tasks named ``create`` took."""
        run_id = f"{dag_id}-{people}"
        self.processes.wait_for(f"Reading {dag_id}", lambda: self.api(f"dags/{dag_id}"), 60)
        with Watch(self.processes.sessions) as watch:
            began = time.perf_counter()
            self.api(
                f"dags/{dag_id}/dagRuns",
                {"dag_run_id": run_id, "logical_date": None, "conf": conf},
            )
            run = self.processes.wait_for(
                f"The run of {dag_id}", lambda: self._finished(dag_id, run_id), PATIENCE
            )
            whole = time.perf_counter() - began
        if run["state"] != "success":
            raise StackError(f"{dag_id} with {people} people ended as {run['state']}")
        starts, ends = zip(*self._times(dag_id, run_id, people), strict=True)
        return {
            "run": run,
            "seconds": (max(ends) - min(starts)).total_seconds(),
            "whole": whole,
            "cpu": watch.cpu,
            "peak": watch.peak,
        }

    def _finished(self, dag_id: str, run_id: str) -> dict[str, Any] | None:
        run: dict[str, Any] = self.api(f"dags/{dag_id}/dagRuns/{run_id}") or {}
        # Asking costs the processor time that is being measured.
        time.sleep(0.5)
        return run if run.get("state") in ("success", "failed") else None

    def _times(self, dag_id: str, run_id: str, people: int) -> Iterator[tuple[datetime, datetime]]:
        for offset in range(0, people + 1, 100):
            page = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances?limit=100&offset={offset}"
            for task in self.api(page)["task_instances"]:
                if task["task_id"] == "create":
                    start, end = (task[name].replace("Z", "+00:00") for name in TIMES)
                    yield datetime.fromisoformat(start), datetime.fromisoformat(end)


TIMES = ("start_date", "end_date")


class Watch:
    """
    Processor time and the peak of memory of all processes in some sessions.

    Memory is counted as PSS: what several share is divided among them. It is what is used beyond
    the beginning.
    """

    def __init__(self, sessions: set[int]) -> None:
        self._sessions = sessions
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.peak = 0.0

    def __enter__(self) -> Watch:
        self._cpu, self._memory = self._times(), self._pss()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()
        self.cpu = self._times() - self._cpu

    def _look(self) -> None:
        while not self._stop.wait(2):
            self.peak = max(self.peak, self._pss() - self._memory)

    def _members(self) -> Iterator[Any]:
        for pid in psutil.pids():
            with contextlib.suppress(ProcessLookupError, PermissionError, psutil.Error):
                if os.getsid(pid) in self._sessions:
                    yield psutil.Process(pid)

    def _times(self) -> float:
        """Sum up processor time, of ended children too: who has waited for them has theirs."""
        total = 0.0
        for process in self._members():
            with contextlib.suppress(psutil.Error):
                total += sum(process.cpu_times()[:4])
        return total

    def _pss(self) -> float:
        total = 0
        for process in self._members():
            with contextlib.suppress(psutil.Error):
                total += process.memory_full_info().pss
        return total / 1024**2


def take(dag_id: str, people: int, *zoom: str) -> Run:
    """
    Run a DAG on an Airflow of its own, against a Zoom of its own.

    :param zoom: options of the local Zoom
    """
    base = PROJECT / ".bench"
    base.mkdir(exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="airflow-", dir=base))
    try:
        with local_zoom(*zoom) as url, postgresql.running("max_connections=200") as server:
            server.create_database("airflow")
            stack = BenchStack(home, server.url("airflow"))
            try:
                stack.serve(url)
                roster = write_roster(home / "roster.csv", people)
                conf = {"roster": str(roster), "people": people}
                took = stack.take(dag_id, people, conf)
                run = took.pop("run")
                there = people_in(url)
                if there != people:
                    raise StackError(f"{dag_id}: {there} of {people} people are in Zoom")
                result = stack.returned(run, "create") if dag_id == "bench_operator" else None
            finally:
                stack.processes.stop()
        if result:
            took |= {name: result[name] for name in ("calls", "rate_limited", "seconds")}
        return Run(people=people, **took)
    finally:
        shutil.rmtree(home, ignore_errors=True)
