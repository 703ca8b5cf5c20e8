"""
A bulk task that is stopped while it runs: on real Airflows, with real processes and signals.

However it is stopped, nothing new is asked of Zoom from the signal on, and what comes after it (a
retry, or a person who clears the task) goes on where it was: each person is invited once, and
reported once, as invited.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from ast import literal_eval
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from devstack.airflow import Airflow
from tests.integration import compose
from tests.integration.conftest import INTERRUPTED, SOON
from tests.support import connection, emails
from zoom_provider.simulator.server import Simulator

pytestmark = pytest.mark.slow

PEOPLE = 240
POST = "POST /v2/users"
UNDER_WAY = 64
"""Calls that may be under way at once: those were asked of Zoom before the signal."""

KILLED_FOR_A_MARK = re.compile(
    r"shouldn't be running anymore\. Terminating|externally set to|Terminating instance"
)


@pytest.fixture(scope="module")
def celery(
    tmp_path_factory: pytest.TempPathFactory, zoom_server: Simulator
) -> Iterator[compose.Stack]:
    """Run the stack of the compose file, with two Celery workers."""
    home = tmp_path_factory.mktemp("stop-celery")
    shutil.copytree(INTERRUPTED.parent, home / "dags")
    zoom_default = connection(zoom_server, extra={"plan": "pro"})
    with compose.running(home, AIRFLOW_CONN_ZOOM_DEFAULT=zoom_default, **SOON) as stack:
        stack.wait_for_dags("stopped")
        yield stack


@pytest.fixture
def account(zoom: Simulator) -> Simulator:
    """Give a Zoom whose limits hold, as far away as the real one."""
    zoom.configure(plan="pro", limits_enforced=True, latency_ms=250)
    return zoom


class Stopping:
    """One run of the task, from its start over its stop to its end."""

    def __init__(
        self,
        airflow: Airflow | compose.Stack,
        zoom: Simulator,
        folder: Path,
        dag: str = "stopped",
    ) -> None:
        self.airflow, self.zoom = airflow, zoom
        roster = folder / "roster.jsonl"
        people = ({"email": f"p{number}@example.com", "type": 1} for number in range(PEOPLE))
        roster.write_text("".join(f"{json.dumps(person)}\n" for person in people))
        self._dag = dag
        self._run = airflow.trigger(dag, {"roster": str(roster)})

    def posts(self) -> list[dict[str, Any]]:
        return self.zoom.requests(POST)

    def until(self, what: str, probe: Callable[[], bool | None], seconds: float = 120) -> None:
        self.airflow.wait_for(what, probe, seconds)

    def process(self, people: int = 30) -> psutil.Process:
        """Give the task's own process, once it has asked for so many people."""
        self.until("Its first people", lambda: len(self.posts()) >= people or None)
        return psutil.Process(self.airflow.task(self._dag, self._run, "create")["pid"])

    def state(self) -> str:
        """Wait for the run's end."""
        return self.airflow.wait_for_run(self._dag, self._run, 600)

    def mark_failed(self) -> None:
        """Mark the task failed, as a person does in the browser."""
        body: dict[str, Any] = {"new_state": "failed"}
        if self.airflow.api == "api/v1":
            body["dry_run"] = False
        task = f"dags/{self._dag}/dagRuns/{self._run}/taskInstances/create"
        self.airflow.rest("PATCH", task, body)

    def clear(self) -> None:
        """Clear the task, so that it runs again."""
        self.airflow.rest(
            "POST",
            f"dags/{self._dag}/clearTaskInstances",
            {
                "dry_run": False,
                "dag_run_id": self._run,
                "task_ids": ["create"],
                "only_failed": False,
                "only_running": False,
                "reset_dag_runs": True,
            },
        )

    def log(self) -> str:
        """Read what Airflow has written about the first try."""
        files = [
            path
            for path in self.airflow.home.rglob("attempt=1.log*")
            if f"run_id={self._run}/" in str(path)
        ]
        return "\n".join(path.read_text("utf-8", "replace") for path in files)

    def asked_after(self, moment: float) -> int:
        """Count what was asked of Zoom after a moment."""
        return sum(post["time"] > moment for post in self.posts())

    def gone(self, process: psutil.Process) -> None:
        """Wait until the task's process has ended."""

        def ended() -> bool | None:
            try:
                return process.status() == psutil.STATUS_ZOMBIE or None
            except psutil.NoSuchProcess:
                return True

        self.until("The end of the task's process", ended)

    def returned(self) -> dict[str, Any]:
        """Read the task's XCom, which Airflow 2 gives as the text of a dict."""
        value = self.airflow.xcom(self._dag, self._run, "create")
        return dict(literal_eval(value) if isinstance(value, str) else value)

    def check_each_is_reported_once(self, *, killed: bool = False) -> None:
        """
        Check that each was invited once, and is reported once, as invited.

        :param killed: allows for calls whose reply a kill -9 left no time to write down
        """
        assert self.state() == "success"
        wanted = sorted(f"p{number}@example.com" for number in range(PEOPLE))
        assert sorted(emails(self.zoom)) == wanted
        answers = Counter(post["status"] for post in self.posts())
        assert answers[201] == PEOPLE
        assert answers[409] == 0, "a person was posted who was there"
        result = self.returned()
        report = Path(result["report"]).read_text("utf-8").splitlines()
        lines = [json.loads(line) for line in report]
        assert sorted(line["email"] for line in lines) == wanted
        outcomes = Counter(line["outcome"] for line in lines)
        assert result["outcomes"] == outcomes
        lost = outcomes["existing"]
        assert outcomes["invited"] == PEOPLE - lost
        assert lost <= (UNDER_WAY if killed else 0), (
            f"{lost} people invited, and reported as existing"
        )


def signalled_at(log: str) -> float:
    """Say when Airflow ended a task that was marked failed, by the task's own log."""
    line = next(line for line in log.splitlines() if KILLED_FOR_A_MARK.search(line))
    stamp = re.search(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:?\d\d)", line)
    assert stamp is not None, line
    return datetime.fromisoformat(stamp[0]).timestamp()


def marked_failed_and_cleared(run: Stopping) -> None:
    process = run.process()
    run.mark_failed()
    run.gone(process)
    moment = signalled_at(run.log())
    assert run.asked_after(moment) <= UNDER_WAY
    assert len(emails(run.zoom)) < PEOPLE
    assert run.state() == "failed"
    run.clear()
    run.check_each_is_reported_once()


def signalled_and_retried(
    run: Stopping, *, supervisor: bool = False, number: signal.Signals = signal.SIGTERM
) -> None:
    killed = number is signal.SIGKILL
    # So late that those whose reply was written down outnumber those under way.
    process = run.process(150 if killed else 30)
    moment = run.zoom.world.now()
    os.kill(process.ppid() if supervisor else process.pid, number)
    run.gone(process)
    assert run.asked_after(moment) <= UNDER_WAY
    run.check_each_is_reported_once(killed=killed)


def test_marked_failed_with_the_local_executor(
    impatient: Airflow, account: Simulator, tmp_path: Path
) -> None:
    marked_failed_and_cleared(Stopping(impatient, account, tmp_path))


def test_sigterm_to_the_worker_with_the_local_executor(
    impatient: Airflow, account: Simulator, tmp_path: Path
) -> None:
    signalled_and_retried(Stopping(impatient, account, tmp_path), supervisor=True)


def test_cleared_while_it_runs(impatient: Airflow, account: Simulator, tmp_path: Path) -> None:
    run = Stopping(impatient, account, tmp_path)
    process = run.process()
    run.clear()
    run.gone(process)
    assert len(emails(account)) < PEOPLE
    run.check_each_is_reported_once()


def test_an_execution_timeout_that_is_too_short_for_all(
    impatient: Airflow, account: Simulator, tmp_path: Path
) -> None:
    Stopping(impatient, account, tmp_path, "timed").check_each_is_reported_once()


def test_marked_failed_with_celery(
    celery: compose.Stack, account: Simulator, tmp_path: Path
) -> None:
    marked_failed_and_cleared(Stopping(celery, account, tmp_path))


def test_sigterm_to_the_worker_with_celery(
    celery: compose.Stack, account: Simulator, tmp_path: Path
) -> None:
    signalled_and_retried(Stopping(celery, account, tmp_path), supervisor=True)


def test_a_worker_that_celery_shuts_down_and_that_is_killed_then(
    celery: compose.Stack, account: Simulator, tmp_path: Path
) -> None:
    run = Stopping(celery, account, tmp_path)
    process = run.process()
    workers = {pid: name for name, pid in celery.processes.pids.items()}
    pid = next(parent.pid for parent in process.parents() if parent.pid in workers)
    before = len(run.posts())
    os.kill(pid, signal.SIGTERM)
    # A warm shutdown waits for tasks, and does not reach them.
    run.until("More people", lambda: len(run.posts()) > before + 20 or None)
    celery.processes.kill(workers[pid])
    run.check_each_is_reported_once(killed=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_to_the_task_on_airflow_2(
    number: signal.Signals, airflow_211: Airflow, account: Simulator, tmp_path: Path
) -> None:
    signalled_and_retried(Stopping(airflow_211, account, tmp_path), number=number)


def test_marked_failed_on_airflow_2(
    airflow_211: Airflow, account: Simulator, tmp_path: Path
) -> None:
    marked_failed_and_cleared(Stopping(airflow_211, account, tmp_path))
