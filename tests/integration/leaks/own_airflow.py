"""A whole Airflow of one's own: database, scheduler, triggerer, log files, all in one folder."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import requests
from cryptography.fernet import Fernet

PROJECT = Path(__file__).parents[3]
ENDS = ("success", "failed")
T = TypeVar("T")

_SET_UP = """
import json, sys
from airflow.models import Connection, Variable
from airflow.utils.db import initdb
from airflow.utils.session import create_session
initdb()
given = json.load(sys.stdin)
with create_session() as session:
    for connection in given["connections"]:
        session.add(Connection(**connection))
    for key, value in given["variables"].items():
        session.add(Variable(key=key, val=value))
"""


class Airflow:
    """
    A running Airflow.

    :param home: where everything is, the processes' own output too
    :param dags: the folder of its DAGs
    """

    def __init__(self, home: Path, dags: Path) -> None:
        self.home = home
        self.database = home / "airflow.db"
        self.fernet_key = Fernet.generate_key()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        self._env = _environment(home, dags, self._url, self.fernet_key.decode())
        self._running: list[subprocess.Popen[bytes]] = []
        self._http = requests.Session()
        self._http.trust_env = False

    def set_up(self, connections: list[dict[str, Any]], variables: Mapping[str, str]) -> None:
        """Make the database and fill its two safes; nothing secret is in a file or an argument."""
        subprocess.run(
            [sys.executable, "-c", _SET_UP],
            input=json.dumps({"connections": connections, "variables": dict(variables)}).encode(),
            stdout=self._output("set-up"),
            stderr=subprocess.STDOUT,
            env=self._env,
            check=True,
        )

    def start(self) -> None:
        """Start all its processes and wait for an answer."""
        port = self._url.rpartition(":")[2]
        for name, *options in (
            ("api-server", "--port", port),
            ("scheduler", "--skip-serve-logs"),
            ("dag-processor",),
            ("triggerer", "--skip-serve-logs"),
        ):
            self._running.append(
                subprocess.Popen(
                    [sys.executable, "-m", "airflow", name, *options],
                    stdin=subprocess.DEVNULL,
                    stdout=self._output(name),
                    stderr=subprocess.STDOUT,
                    env=self._env,
                    cwd=self.home,
                    start_new_session=True,
                )
            )
        token = self.wait_for("its log-in", self._log_in)
        self._http.headers["Authorization"] = f"Bearer {token}"

    def stop(self) -> None:
        """End all its processes with what they have started."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            for process in self._running:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, number)
            for process in self._running:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(15)

    def _output(self, name: str) -> Any:
        folder = self.home / "output"
        folder.mkdir(exist_ok=True)
        return (folder / f"{name}.log").open("wb")

    def _log_in(self) -> str | None:
        with suppress(requests.ConnectionError):
            reply = self._http.get(f"{self._url}/auth/token", timeout=30)
            if reply.ok:
                return str(reply.json()["access_token"])
        return None

    def wait_for(self, what: str, probe: Callable[[], T | None], seconds: float = 300) -> T:
        """Ask until there is an answer."""
        deadline = time.monotonic() + seconds
        while (answer := probe()) is None:
            dead = [process.args for process in self._running if process.poll() is not None]
            assert not dead, f"{dead} ended; see {self.home}/output"
            assert time.monotonic() < deadline, f"no {what}; see {self.home}"
            # A process that ends early ends the wait, too.
            with suppress(subprocess.TimeoutExpired):
                self._running[0].wait(0.3)
        return answer

    def call(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Call the REST API, POST where there is a body; None for what is not there (yet)."""
        method = "GET" if body is None else "POST"
        reply = self._http.request(method, f"{self._url}/api/v2/{path}", json=body, timeout=60)
        if reply.status_code == 404:
            return None
        reply.raise_for_status()
        return reply.json()

    def trigger(self, dag_id: str) -> str:
        """Start a run; return its path in the API."""
        self.wait_for(f"DAG {dag_id}", lambda: self.call(f"dags/{dag_id}"))
        run = self.call(f"dags/{dag_id}/dagRuns", {"logical_date": None})
        return f"dags/{dag_id}/dagRuns/{run['dag_run_id']}"

    def finished(self, run: str) -> None:
        """Wait for the end of a run."""

        def ended() -> bool | None:
            return self.call(run)["state"] in ENDS or None

        self.wait_for(f"end of {run}", ended)

    def states(self, run: str) -> dict[str, list[tuple[str, int]]]:
        """Give state and number of the last try of each task, by map index."""
        found = self.call(f"{run}/taskInstances?limit=1000")["task_instances"]
        states: dict[str, list[tuple[str, int]]] = {}
        for ti in sorted(found, key=lambda ti: int(ti["map_index"])):
            states.setdefault(ti["task_id"], []).append((ti["state"], ti["try_number"]))
        return states


@contextmanager
def running(
    home: Path, dags: Path, connections: list[dict[str, Any]], variables: Mapping[str, str]
) -> Iterator[Airflow]:
    """Run an Airflow until the block ends."""
    airflow = Airflow(home, dags)
    airflow.set_up(connections, variables)
    try:
        airflow.start()
        yield airflow
    finally:
        airflow.stop()


def _environment(home: Path, dags: Path, url: str, fernet_key: str) -> dict[str, str]:
    """Give our own environment without what it says about Airflow, and what we say instead."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW_", "_AIRFLOW"))}
    settings = {
        "CORE__DAGS_FOLDER": str(dags),
        "CORE__PLUGINS_FOLDER": str(home / "plugins"),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__PARALLELISM": "3",
        "CORE__FERNET_KEY": fernet_key,
        "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        # As much as can be shown and stored is shown and stored.
        "CORE__MAX_TEMPLATED_FIELD_LENGTH": "1000000",
        "LOGGING__LOGGING_LEVEL": "DEBUG",
        "LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "API__HOST": "127.0.0.1",
        "API__BASE_URL": url,
        "API__WORKERS": "1",
        "API_AUTH__JWT_SECRET": "a-secret-of-the-tests-only-0123456789",
        "DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
        "USAGE_DATA_COLLECTION__ENABLED": "False",
        "SCHEDULER__USE_JOB_SCHEDULE": "False",
    }
    path = [str(PROJECT / "plugins"), inherited.get("PYTHONPATH", "")]
    return {
        **inherited,
        "AIRFLOW_HOME": str(home),
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        "PYTHONUNBUFFERED": "1",
        "NO_PROXY": "*",
        "no_proxy": "*",
        **{f"AIRFLOW__{name}": value for name, value in settings.items()},
    }
