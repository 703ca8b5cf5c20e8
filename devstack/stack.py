"""
A local Zoom with a real Airflow beside it, for the demo and for a look in the browser.

Everything lives in one folder, which is emptied at the start, and in processes that end with the
``with`` block, however it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from devstack.airflow import Airflow
from devstack.processes import PROJECT, StackError, free_port, say

SAMPLE: Final = PROJECT / "dags" / "data" / "hr_export.csv"

# Who is in Zoom before the run, and whose address has a Zoom account elsewhere.
EXISTING: Final = {
    "email": "sofia.garcia@example.com",
    "first_name": "Sofía",
    "last_name": "García",
    "type": 2,
    "status": "active",
}
FOREIGN: Final = "liam.murphy@example.net"

# What the local Zoom takes in place of the values that a real Zoom app gives you.
CREDENTIALS: Final = {"login": "simulated-client-id", "password": "simulated-client-secret"}
ACCOUNT_ID: Final = "simulated-account-id"


class Stack:
    """
    The running pair.

    :param home: its folder
    :param port: where Airflow listens; taken if it is free, 0 for any

    ``urls`` has the URL of each server that is not Airflow, by its name.
    """

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self.inbox = home / "inbox"
        self.urls: dict[str, str] = {}
        # The folder's Variable is for a person who triggers the DAG in the browser.
        env = {"AIRFLOW_VAR_ZOOM_HR_FOLDER": str(self.inbox)}
        self.airflow = Airflow(home, triggerer=True, port=port, env=env)

    def start(self, zoom_port: int, prepare: Callable[[Stack], None] | None = None) -> None:
        """Empty the folder and start everything, waiting until it answers."""
        for path in self.home.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        self.airflow.processes.logs.mkdir()
        self._drop_sample()
        say("Starting the local Zoom ...")
        self._start_zoom(zoom_port)
        if prepare:
            prepare(self)
        say(f"Setting up Airflow in {self.home.relative_to(PROJECT)}/ ...")
        self.airflow.migrate()
        say("Starting Airflow ...")
        self.airflow.start()

    def _drop_sample(self) -> None:
        """Put the sample where exports are looked for, as if HR had done it an hour ago."""
        self.inbox.mkdir()
        hour_ago = time.time() - 3600
        os.utime(shutil.copy(SAMPLE, self.inbox), (hour_ago, hour_ago))

    def _start_zoom(self, port: int) -> None:
        people = self.home / "zoom_people.json"
        people.write_text(json.dumps([EXISTING]))
        options = (f"--people={people}", f"--foreign-accounts={FOREIGN}=free", f"--port={port}")
        url = self.start_server("zoom", "zoom_provider.simulator", *options)
        # Only this differs from a connection to the real Zoom.
        extra = {"account_id": ACCOUNT_ID}
        self.connect("zoom_default", "zoom", **CREDENTIALS, host=url, extra=extra)

    def start_server(self, name: str, *module: str) -> str:
        """Start a server that prints where it is ready; return its URL."""
        self.urls[name] = self.airflow.processes.start_server(name, *module)
        return self.urls[name]

    def connect(self, conn_id: str, conn_type: str, **fields: Any) -> None:
        """Give Airflow a connection, before it starts."""
        connection = json.dumps({"conn_type": conn_type, **fields})
        self.airflow.env[f"AIRFLOW_CONN_{conn_id.upper()}"] = connection

    def follow_schedules(self) -> None:
        """Let the scheduler start runs by itself: by the clock, and for events of assets."""
        self.airflow.restart("scheduler", AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE="True")

    def people(self) -> list[dict[str, Any]]:
        """List the users of the local Zoom."""
        reply = self.airflow.session.get(f"{self.urls['zoom']}/control/state", timeout=30)
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
    stack = Stack(PROJECT / folder, airflow_port)
    with _lock(stack.home):
        try:
            stack.start(zoom_port and free_port(zoom_port), prepare)
            yield stack
        finally:
            stack.airflow.stop()


@contextlib.contextmanager
def _lock(home: Path) -> Iterator[None]:
    """Keep two stacks from emptying the same folder; the lock ends with the process."""
    home.mkdir(exist_ok=True)
    handle = os.open(home, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise StackError(f"{home} is in use: stop the other one that runs there") from None
    finally:
        os.close(handle)
