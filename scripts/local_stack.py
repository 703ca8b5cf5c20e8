"""
A local Zoom with a real Airflow beside it, for the demo and for a look in the browser.

Everything lives in one folder, which is emptied at the start, and in processes that end with the
``with`` block, however it ends. Nothing of the surrounding Airflow configuration is used: a demo
must never touch somebody's real metadata database.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import psutil  # type: ignore[import-untyped]
import requests

PROJECT = Path(__file__).resolve().parent.parent
USER = "admin"
FINISHED = ("success", "failed")

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

T = TypeVar("T")


class StackError(Exception):
    """Something did not start or did not answer; the text says which log tells more."""


def say(text: str) -> None:
    """Tell the person in front of the terminal what goes on, at once."""
    print(text, flush=True)


def run_script(main: Callable[[], int]) -> None:
    """Run a script's main function so that every way of being stopped lets it clean up."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    # A shell that starts us in the background has SIGINT ignored, and so would all we start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code = main()
    except KeyboardInterrupt:
        say("Stopped.")
        code = 130
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        code = 1
    sys.exit(code)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def free_port(preferred: int) -> int:
    """Return the preferred port of this machine if nobody listens there, else another."""
    for port in (preferred, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise StackError("No free port on 127.0.0.1")


class Processes:
    """Child processes, each with its own session and its own log file."""

    def __init__(self, logs: Path, env: dict[str, str]) -> None:
        self._logs = logs
        self._env = env
        self._running: dict[str, subprocess.Popen[str]] = {}

    def start(self, name: str, *command: str) -> Path:
        """
        Start a Python module or command that is to run until the end.

        :return: the file that its output goes to
        """
        log = self._logs / f"{name}.log"
        with log.open("w") as output:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=PROJECT,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                # A Ctrl-C in the terminal must reach us alone, so that we end them in order.
                start_new_session=True,
            )
        return log

    def wait_for(self, what: str, probe: Callable[[], T | None], seconds: float) -> T:
        """
        Ask until there is an answer.

        :param probe: returns None while there is none yet
        :raises StackError: when a process has died or the time is up
        """
        deadline = time.monotonic() + seconds
        while (answer := probe()) is None:
            for name, process in self._running.items():
                if process.poll() is not None:
                    raise StackError(f"{name} ended by itself: see {self._logs / name}.log")
            if time.monotonic() > deadline:
                raise StackError(f"{what} took longer than {seconds:.0f} s: see {self._logs}")
            time.sleep(0.2)
        return answer

    def finish(self, name: str, *command: str, seconds: float = 120) -> None:
        """Run a command to its end."""
        log = self.start(name, *command)
        process = self._running[name]
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise StackError(f"{name} took longer than {seconds:.0f} s: see {log}") from None
        if code:
            raise StackError(f"{name} failed: see {log}")
        del self._running[name]

    def stop(self) -> None:
        """End all of them, with all that they started, even those that do not want to."""
        # A second Ctrl-C must not leave anything behind.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for process in self._running.values():
            process.terminate()
        deadline = time.monotonic() + 3
        for process in self._running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
        sessions = {process.pid for process in self._running.values()}
        while survivors := _members(sessions):
            for pid in survivors:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            for process in self._running.values():
                process.poll()
            time.sleep(0.05)
        self._running.clear()


def _members(sessions: set[int]) -> list[int]:
    """
    Return who belongs to the sessions.

    A process group would not do: Airflow gives each running task a group of its own.
    """
    members = []
    for pid in psutil.pids():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getsid(pid) in sessions:
                members.append(pid)
    return members


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
        self.zoom_url = ""
        self.airflow_url = f"http://127.0.0.1:{airflow_port}"
        self.password = secrets.token_urlsafe(9)
        self._port = airflow_port
        self._env = _environment(home, self.airflow_url)
        self.processes = Processes(self.logs, self._env)
        self._http = requests.Session()
        # A proxy of the surroundings has no business between parts of one machine.
        self._http.trust_env = False

    def start(self, zoom_port: int) -> None:
        """Empty the folder and start everything, waiting until it answers."""
        shutil.rmtree(self.home, ignore_errors=True)
        self.logs.mkdir(parents=True)
        say("Starting the local Zoom ...")
        self._start_zoom(zoom_port)
        say(f"Setting up Airflow in {self.home.relative_to(PROJECT)}/ ...")
        passwords = self.home / "passwords.json"
        passwords.touch(mode=0o600)
        passwords.write_text(json.dumps({USER: self.password}))
        self.processes.finish("migrate", "airflow", "db", "migrate")
        say("Starting Airflow ...")
        self.processes.start("dag-processor", "airflow", "dag-processor")
        self.processes.start("scheduler", "airflow", "scheduler", "--skip-serve-logs")
        self.processes.start("triggerer", "airflow", "triggerer", "--skip-serve-logs")
        self.processes.start("api-server", "airflow", "api-server", "--port", str(self._port))
        self.processes.wait_for("Airflow's log-in", self._log_in, 120)

    def _start_zoom(self, port: int) -> None:
        people = self.home / "zoom_people.json"
        people.write_text(json.dumps([EXISTING]))
        log = self.processes.start(
            "zoom",
            "zoom_provider.simulator",
            f"--port={port}",
            f"--people={people}",
            f"--foreign-accounts={FOREIGN}=free",
        )

        def announced() -> str | None:
            _, _, url = log.read_text().partition("ready at ")
            return url.split()[0] if url.endswith("\n") else None

        self.zoom_url = self.processes.wait_for("The local Zoom", announced, 30)
        # Nothing but this differs from a connection to the real Zoom.
        self._env["AIRFLOW_CONN_ZOOM_DEFAULT"] = json.dumps(
            {
                "conn_type": "zoom",
                "host": self.zoom_url,
                **CREDENTIALS,
                "extra": {"account_id": ACCOUNT_ID},
            }
        )

    def _log_in(self) -> bool | None:
        with contextlib.suppress(requests.ConnectionError):
            login = {"username": USER, "password": self.password}
            reply = self._http.post(f"{self.airflow_url}/auth/token", json=login, timeout=30)
            if reply.ok:
                self._http.headers["Authorization"] = f"Bearer {reply.json()['access_token']}"
                return True
        return None

    def api(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """
        Call Airflow's REST API; POST where there is a body.

        :return: the reply, or None where Airflow does not know the thing (yet)
        """
        method = "GET" if body is None else "POST"
        url = f"{self.airflow_url}/api/v2/{path}"
        reply = self._http.request(method, url, json=body, timeout=60)
        if reply.status_code == 404:
            return None
        if not reply.ok:
            raise StackError(f"Airflow refused {method} {path}: {reply.text[:500]}")
        return reply.json()

    def run_dag(self, dag_id: str, conf: dict[str, Any]) -> dict[str, Any]:
        """Start a run of a DAG and wait for its end; return the run as Airflow describes it."""
        dag = f"dags/{dag_id}"
        self.processes.wait_for(f"Reading {dag_id}", lambda: self.api(dag), 60)
        run = self.api(f"{dag}/dagRuns", {"logical_date": None, "conf": conf})
        path = f"{dag}/dagRuns/{run['dag_run_id']}"

        def finished() -> dict[str, Any] | None:
            now: dict[str, Any] = self.api(path)
            return now if now["state"] in FINISHED else None

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
def running(folder: str, *, zoom_port: int = 0, airflow_port: int = 8080) -> Iterator[Stack]:
    """
    Run a local Zoom and an Airflow until the block ends.

    :param folder: where they keep everything, inside the project; emptied first
    :param zoom_port: taken if it is free; 0 for any
    :param airflow_port: taken if it is free
    """
    stack = Stack(PROJECT / folder, free_port(airflow_port))
    try:
        stack.start(free_port(zoom_port))
        yield stack
    finally:
        stack.processes.stop()


def _environment(home: Path, airflow_url: str) -> dict[str, str]:
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
