"""
A local Zoom with a real Airflow beside it, for the demo and for a look in the browser.

Everything lives in one folder, which is emptied at the start, and in processes that end with the
``with`` block, however it ends. Nothing of the surrounding Airflow configuration is used: a demo
must never touch somebody's real metadata database.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import requests

from child_processes import Processes, StackError, free_port, say

PROJECT = Path(__file__).resolve().parent.parent
SAMPLE = PROJECT / "dags" / "data" / "hr_export.csv"
USER = "admin"
FINISHED = ("success", "failed")
SCHEDULER = ("scheduler", "--skip-serve-logs")

# Who is in Zoom before the run, and who has a Zoom account of their own somewhere else.
EXISTING = {
    "email": "sofia.garcia@example.com",
    "first_name": "Sofía",
    "last_name": "García",
    "type": 2,
    "status": "active",
}
FOREIGN = "liam.murphy@example.net"

# What the local Zoom takes in place of the values that a real Zoom app gives you.
CREDENTIALS = {"login": "simulated-client-id", "password": "simulated-client-secret"}
ACCOUNT_ID = "simulated-account-id"


class Stack:
    """
    The running pair.

    :param zoom_url: where the local Zoom is
    :param airflow_url: where Airflow is
    :param password: of Airflow's user ``admin``
    """

    def __init__(self, home: Path, airflow_port: int) -> None:
        self.home = home
        self.logs = home / "logs"
        self.inbox = home / "inbox"
        self.zoom_url = ""
        self.urls: dict[str, str] = {}
        self.airflow_url = f"http://127.0.0.1:{airflow_port}"
        self.password = secrets.token_urlsafe(9)
        self._port = airflow_port
        self._env = environment(home, self.airflow_url)
        self.processes = Processes(self.logs, self._env)
        self._http = requests.Session()
        # A proxy of the surroundings has no business between parts of one machine.
        self._http.trust_env = False

    def start(self, zoom_port: int, prepare: Callable[[Stack], None] | None = None) -> None:
        """Empty the folder and start everything, waiting until it answers."""
        for path in self.home.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.logs.mkdir()
        self._drop_sample()
        say("Starting the local Zoom ...")
        self._start_zoom(zoom_port)
        if prepare:
            prepare(self)
        say(f"Setting up Airflow in {self.home.relative_to(PROJECT)}/ ...")
        passwords = self.home / "passwords.json"
        passwords.touch(mode=0o600)
        passwords.write_text(json.dumps({USER: self.password}))
        self.processes.finish("migrate", "airflow", "db", "migrate")
        say("Starting Airflow ...")
        self.processes.start("dag-processor", "airflow", "dag-processor")
        self.processes.start("scheduler", "airflow", *SCHEDULER)
        self.processes.start("triggerer", "airflow", "triggerer", "--skip-serve-logs")
        self.processes.start("api-server", "airflow", "api-server", "--port", str(self._port))
        self.processes.wait_for("Airflow's log-in", self._log_in, 120)

    def _drop_sample(self) -> None:
        """Put the sample where exports are looked for, as if HR had done it an hour ago."""
        self.inbox.mkdir()
        hour_ago = time.time() - 3600
        os.utime(shutil.copy(SAMPLE, self.inbox), (hour_ago, hour_ago))
        # The DAG's own setting, for whoever triggers it in the browser.
        self._env["AIRFLOW_VAR_ZOOM_HR_FOLDER"] = str(self.inbox)

    def _start_zoom(self, port: int) -> None:
        people = self.home / "zoom_people.json"
        people.write_text(json.dumps([EXISTING]))
        there = (f"--people={people}", f"--foreign-accounts={FOREIGN}=free")
        self.zoom_url = self.run_server("zoom", "zoom_provider.simulator", f"--port={port}", *there)
        # Nothing but this differs from a connection to the real Zoom.
        self.connect(
            *("zoom_default", "zoom"),
            **CREDENTIALS,
            host=self.zoom_url,
            extra={"account_id": ACCOUNT_ID},
        )

    def run_server(self, name: str, *module: str) -> str:
        """Start a server that says where it is ready; return where."""
        log = self.processes.start(name, *module, PYTHONPATH=str(PROJECT))

        def announced() -> str | None:
            _, _, url = log.read_text().partition("ready at ")
            return url.split()[0] if "\n" in url else None

        self.urls[name] = self.processes.wait_for(f"The start of {name}", announced, 30)
        return self.urls[name]

    def connect(self, conn_id: str, conn_type: str, **fields: Any) -> None:
        """Give Airflow a connection, before it starts."""
        name = f"AIRFLOW_CONN_{conn_id.upper()}"
        self._env[name] = json.dumps({"conn_type": conn_type, **fields})

    def keep_time(self) -> None:
        """Let the scheduler start runs by itself: by the clock, and for events of assets."""
        self.processes.end("scheduler")
        clock = {"AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "True"}
        self.processes.start("scheduler-2", "airflow", *SCHEDULER, **clock)

    def pause(self, dag_id: str) -> None:
        """Keep a DAG from being run by the clock."""
        self.api(f"dags/{dag_id}", {"is_paused": True}, "PATCH")

    def _log_in(self) -> bool | None:
        with contextlib.suppress(requests.ConnectionError):
            login = {"username": USER, "password": self.password}
            reply = self._http.post(f"{self.airflow_url}/auth/token", json=login, timeout=30)
            if reply.ok:
                self._http.headers["Authorization"] = f"Bearer {reply.json()['access_token']}"
                return True
        return None

    def api(self, path: str, body: dict[str, Any] | None = None, method: str | None = None) -> Any:
        """
        Call Airflow's REST API.

        :param method: by default POST where there is a body
        :return: the reply, or None where Airflow does not know the thing (yet)
        """
        method = method or ("GET" if body is None else "POST")
        url = f"{self.airflow_url}/api/v2/{path}"

        def answered() -> requests.Response | None:
            with contextlib.suppress(requests.ConnectionError, requests.Timeout):
                reply = self._http.request(method, url, json=body, timeout=30)
                # On SQLite a reader may meet a lock; that passes.
                return reply if reply.status_code < 500 else None
            return None

        reply = self.processes.wait_for(f"An answer to {method} {path}", answered, 60)
        if reply.status_code == 404:
            return None
        # Conflict: an earlier try has done it, and its answer was lost.
        if not reply.ok and reply.status_code != 409:
            raise StackError(f"Airflow refused {method} {path}: {reply.text[:500]}")
        return reply.json()

    def run_dag(self, dag_id: str, run_id: str, conf: dict[str, Any]) -> dict[str, Any]:
        """Start a run of a DAG and wait for its end; return the run as Airflow describes it."""
        dag = f"dags/{dag_id}"
        self.processes.wait_for(f"Reading {dag_id}", lambda: self.api(dag), 60)
        wanted = {"dag_run_id": run_id, "logical_date": None, "conf": conf}
        self.api(f"{dag}/dagRuns", wanted)

        def finished() -> dict[str, Any] | None:
            run: dict[str, Any] = self.api(f"{dag}/dagRuns/{run_id}") or {}
            return run if run.get("state") in FINISHED else None

        return self.processes.wait_for(f"The run of {dag_id}", finished, 180)

    def returned(self, run: dict[str, Any], task_id: str) -> Any:
        """Give what a task of a run returned; None where it returned nothing."""
        tasks = f"dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}/taskInstances"
        entry = self.api(f"{tasks}/{task_id}/xcomEntries/return_value?deserialize=true")
        return entry and entry["value"]

    def people(self) -> list[dict[str, Any]]:
        """Ask the local Zoom who is in the account."""
        reply = self._http.get(f"{self.zoom_url}/control/state", timeout=30)
        people: list[dict[str, Any]] = reply.json()["people"]
        return people


@contextlib.contextmanager
def running(
    folder: str,
    *,
    prepare: Callable[[Stack], None] | None = None,
    zoom_port: int = 0,
    airflow_port: int = 0,
) -> Iterator[Stack]:
    """
    Run a local Zoom and an Airflow until the block ends.

    :param folder: where they keep everything, inside the project; emptied first
    :param prepare: what else is to be there before Airflow starts
    :param zoom_port: taken if it is free; 0 for any
    :param airflow_port: the same
    """
    stack = Stack(PROJECT / folder, free_port(airflow_port))
    with _only_user_of(stack.home):
        try:
            stack.start(zoom_port and free_port(zoom_port), prepare)
            yield stack
        finally:
            stack.processes.stop()


@contextlib.contextmanager
def _only_user_of(home: Path) -> Iterator[None]:
    """Keep two of us from emptying the same folder; the lock goes with the process."""
    home.mkdir(exist_ok=True)
    handle = os.open(home, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise StackError(f"{home} is in use: another of these is running") from None
    finally:
        os.close(handle)


def environment(home: Path, airflow_url: str) -> dict[str, str]:
    """Return our own environment without what it says about Airflow, and what we say instead."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW_", "_AIRFLOW"))}
    settings = {
        "CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "CORE__PLUGINS_FOLDER": str(home / "plugins"),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__PARALLELISM": "2",
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "CORE__EXECUTION_API_SERVER_URL": f"{airflow_url}/execution/",
        "API__HOST": "127.0.0.1",
        "API__BASE_URL": airflow_url,
        "API__WORKERS": "1",
        "API__SECRET_KEY": secrets.token_hex(16),
        "API_AUTH__JWT_SECRET": secrets.token_hex(32),
        "USAGE_DATA_COLLECTION__ENABLED": "False",
        "LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        # Runs start when somebody asks for them, never because a clock says so.
        "SCHEDULER__USE_JOB_SCHEDULE": "False",
    }
    return {
        **inherited,
        "AIRFLOW_HOME": str(home),
        "NO_PROXY": "*",
        "no_proxy": "*",
        "PYTHONUNBUFFERED": "1",
        **{f"AIRFLOW__{name}": value for name, value in settings.items()},
    }
