"""DAGs on an Airflow with PostgreSQL and the LocalExecutor, for tasks that run side by side."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from devstack import postgres
from devstack.airflow import Airflow
from devstack.processes import PROJECT, StackError
from tests.benchmarks.contenders import token_of
from tests.benchmarks.roster import write_roster
from tests.benchmarks.running import Run, local_zoom, people_in, zoom_connection
from tests.benchmarks.watch import Watch

PATIENCE = 3600
"""Seconds for a run; a thousand mapped tasks take several minutes."""


def take(dag_id: str, people: int, *zoom: str) -> Run:
    """
    Run a DAG on an Airflow of its own, against a Zoom of its own.

    :param zoom: options of the local Zoom
    """
    base = PROJECT / ".bench"
    base.mkdir(exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="airflow-", dir=base))
    try:
        with local_zoom(*zoom) as url, postgres.running("max_connections=200") as server:
            server.create_database("airflow")
            with airflow_for(home, server.url("airflow"), url) as airflow:
                conf = {"roster": str(write_roster(home / "roster.csv", people)), "people": people}
                took = measure(airflow, dag_id, f"{dag_id}-{people}", conf)
                if dag_id == "bench_operator":
                    result = airflow.xcom(dag_id, f"{dag_id}-{people}", "create")
                    took |= {name: result[name] for name in ("calls", "rate_limited", "seconds")}
            there = people_in(url)
        if there != people:
            raise StackError(f"{dag_id}: {there} of {people} people are in Zoom")
        return Run(people=people, **took)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def airflow_for(home: Path, database: str, zoom_url: str) -> Airflow:
    """Describe an Airflow with connections to a local Zoom, one for each operator."""
    bearer = {"Authorization": f"Bearer {token_of(zoom_url)}"}
    http = {"conn_type": "http", "host": zoom_url, "extra": bearer}
    env = {
        "AIRFLOW_CONN_ZOOM_DEFAULT": zoom_connection(zoom_url),
        "AIRFLOW_CONN_ZOOM_HTTP": json.dumps(http),
        # As Airflow comes: 32 tasks at once, 16 of one DAG.
        "AIRFLOW__CORE__PARALLELISM": "32",
        "PYTHONPATH": os.pathsep.join((str(PROJECT), str(PROJECT / "plugins"))),
    }
    dags = Path(__file__).parent / "dags"
    options: dict[str, Any] = {"executor": "LocalExecutor", "database": database}
    return Airflow(home, dags=dags, triggerer=True, env=env, **options)


def measure(airflow: Airflow, dag_id: str, run_id: str, conf: dict[str, Any]) -> dict[str, Any]:
    """Run a DAG to its end; return what its tasks named ``create`` took."""
    airflow.wait_for_dags(dag_id)
    with Watch(airflow.processes.sessions) as watch:
        began = time.perf_counter()
        airflow.trigger(dag_id, conf, run_id)
        state = airflow.wait_for_run(dag_id, run_id, PATIENCE)
        whole = time.perf_counter() - began
    if state != "success":
        raise StackError(f"{run_id} ended as {state}: see {airflow.processes.logs}")
    tasks = [task for task in airflow.tasks(dag_id, run_id) if task["task_id"] == "create"]
    start = min(moment(task["start_date"]) for task in tasks)
    end = max(moment(task["end_date"]) for task in tasks)
    seconds = (end - start).total_seconds()
    return {"seconds": seconds, "whole": whole, "cpu": watch.cpu, "peak": watch.peak}


def moment(text: str) -> datetime:
    """Parse a time of Airflow's REST API."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
