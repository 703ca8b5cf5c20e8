"""
A real Airflow, of any version, as a person runs it: a web server, a scheduler, SQLite.

It lives in a folder of its own and in processes that end with the ``with`` block, however it ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import requests

from child_processes import Processes, free_port
from local_stack import FINISHED, USER, environment

# So that Airflow 2.11 takes requests with a name and a password, as the README says.
AUTH_BACKENDS = "airflow.api.auth.backend.basic_auth,airflow.api.auth.backend.session"


@dataclass(frozen=True)
class Airflow:
    """
    A running Airflow.

    :param url: of its web pages
    :param api_path: where its REST API starts
    :param password: of its user ``admin``
    """

    url: str
    api_path: str
    processes: Processes
    user: str = USER
    password: str = field(default_factory=lambda: secrets.token_urlsafe(9), repr=False)
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        # A proxy of the surroundings has no business between parts of one machine.
        self.session.trust_env = False

    def log_in(self) -> bool | None:
        """Let the session in to Airflow 3; None while it does not answer yet."""
        login = {"username": self.user, "password": self.password}
        with contextlib.suppress(requests.ConnectionError):
            reply = self.session.post(f"{self.url}/auth/token", json=login, timeout=30)
            if reply.ok:
                token = reply.json()["access_token"]
                self.session.headers["Authorization"] = f"Bearer {token}"
                return True
        return None

    def api(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Call the REST API; give the reply, or None where Airflow knows no such thing (yet)."""
        url = f"{self.url}/{self.api_path}/{path}"

        def answered() -> requests.Response | None:
            reply = self.session.request(method, url, json=body, timeout=60)
            # On SQLite a call may meet a lock; that passes.
            return reply if reply.status_code < 500 else None

        reply = self.processes.wait_for(f"An answer to {method} {path}", answered, 60)
        if reply.status_code == 404:
            return None
        assert reply.ok, f"{method} {path}: {reply.status_code} {reply.text[:500]}"
        return reply.json() if reply.content else {}

    def read_dags(self, *dag_ids: str) -> None:
        """Wait until Airflow has read these DAGs."""
        for dag_id in dag_ids:
            read = partial(self.api, "GET", f"dags/{dag_id}")
            self.processes.wait_for(f"Reading {dag_id}", read, 90)

    def trigger(self, dag_id: str, conf: Mapping[str, Any]) -> str:
        """Start a run; return its id."""
        body = {"logical_date": None, "conf": conf}
        return str(self.api("POST", f"dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def state(self, dag_id: str, run_id: str) -> str:
        """Wait for the end of a run; return how it ended."""

        def ended() -> str | None:
            run = self.api("GET", f"dags/{dag_id}/dagRuns/{run_id}")
            return run["state"] if run and run["state"] in FINISHED else None

        return self.processes.wait_for(f"The run of {dag_id}", ended, 120)

    def connect(self, connection: str) -> None:
        """Store a connection, written as an environment variable holds it, as zoom_default."""
        fields = json.loads(connection)
        self.disconnect()
        fields.update(connection_id="zoom_default", extra=json.dumps(fields["extra"]))
        self.api("POST", "connections", fields)

    def disconnect(self) -> None:
        """Forget the connection zoom_default."""
        self.api("DELETE", "connections/zoom_default")


@contextlib.contextmanager
def airflow_3(
    home: Path, python: Path = Path(sys.executable), /, **settings: str
) -> Iterator[Airflow]:
    """
    Run an Airflow 3 until the block ends; Test is allowed.

    :param python: its interpreter, by default this one
    :param settings: more environment variables, or others
    """
    port = free_port(0)
    url = f"http://127.0.0.1:{port}"
    env = {**environment(home, url), "AIRFLOW__CORE__TEST_CONNECTION": "Enabled", **settings}
    airflow = Airflow(url, "api/v2", Processes(_logs(home), env, str(python)))
    (home / "passwords.json").write_text(json.dumps({USER: airflow.password}))

    with _ended(airflow.processes) as processes:
        processes.finish("migrate", "airflow", "db", "migrate")
        processes.start("dag-processor", "airflow", "dag-processor")
        processes.start("scheduler", "airflow", "scheduler", "--skip-serve-logs")
        processes.start("api-server", "airflow", "api-server", "--port", str(port))
        processes.wait_for("Airflow's log-in", airflow.log_in, 120)
        yield airflow


@contextlib.contextmanager
def airflow_2(home: Path, python: Path, connection: str, **settings: str) -> Iterator[Airflow]:
    """
    Run an Airflow 2.11 until the block ends.

    :param python: its interpreter
    :param connection: zoom_default, as an environment variable holds it
    :param settings: more environment variables, or others
    """
    port = free_port(0)
    url = f"http://127.0.0.1:{port}"
    env = {
        **environment(home, url),
        # Its executor starts tasks by the name of a command.
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "AIRFLOW_CONN_ZOOM_DEFAULT": connection,
        "AIRFLOW__API__AUTH_BACKENDS": AUTH_BACKENDS,
        "AIRFLOW__CORE__EXECUTOR": "SequentialExecutor",
        "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
        "AIRFLOW__WEBSERVER__BASE_URL": url,
        "AIRFLOW__WEBSERVER__WEB_SERVER_HOST": "127.0.0.1",
        "AIRFLOW__WEBSERVER__WORKERS": "1",
        **settings,
    }
    airflow = Airflow(url, "api/v1", Processes(_logs(home), env, str(python)))
    airflow.session.auth = (USER, airflow.password)
    account = ("--username", USER, "--password", airflow.password, "--role", "Admin")
    person = ("--firstname", "Ada", "--lastname", "Min", "--email", "admin@example.com")

    def answers() -> bool | None:
        with contextlib.suppress(requests.ConnectionError):
            return airflow.api("GET", "dags") and True
        return None

    with _ended(airflow.processes) as processes:
        processes.finish("migrate", "airflow", "db", "migrate")
        processes.start("scheduler", "airflow", "scheduler", "--skip-serve-logs")
        processes.finish("user", "airflow", "users", "create", *account, *person)
        processes.start("webserver", "airflow", "webserver", "--port", str(port))
        processes.wait_for("Airflow 2.11", answers, 120)
        yield airflow


def _logs(home: Path) -> Path:
    logs = home / "processes"
    logs.mkdir()
    return logs


@contextlib.contextmanager
def _ended(processes: Processes) -> Iterator[Processes]:
    """End the processes with the block, and leave the handling of signals as it was."""
    handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield processes
    finally:
        processes.stop()
        for number, handler in handlers.items():
            signal.signal(number, handler)
