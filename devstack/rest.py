"""Airflow's REST API, of 2.11 and of 3, with a log-in."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

import requests

from devstack.processes import StackError, T, wait_for

USER: Final = "admin"
FINISHED: Final = ("success", "failed")


class AirflowClient:
    """
    A client of a running Airflow.

    :param url: of its web pages
    :param api: where its REST API starts: ``api/v1`` for Airflow 2, ``api/v2`` for Airflow 3
    :param password: of its user ``admin``; empty where each visitor is an administrator
    :param check: raises when Airflow has ended
    """

    def __init__(
        self,
        url: str,
        api: str = "api/v2",
        password: str = "",
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self.url = url
        self.api = api
        self.user = USER
        self.password = password
        self._check = check
        self.session = requests.Session()
        # A proxy of the surroundings has no business between parts of one machine.
        self.session.trust_env = False

    def wait_for(self, what: str, probe: Callable[[], T | None], seconds: float = 60) -> T:
        """Ask until there is an answer, or until Airflow has ended."""
        return wait_for(what, probe, seconds, self._check)

    def log_in(self) -> bool | None:
        """Let the session in; return None while Airflow does not answer yet."""
        with contextlib.suppress(requests.ConnectionError):
            if self.api == "api/v1":
                self.session.auth = (self.user, self.password)
                return self.session.get(f"{self.url}/{self.api}/dags", timeout=30).ok or None
            reply = self._ask_for_token()
            if reply.ok:
                token = reply.json()["access_token"]
                self.session.headers["Authorization"] = f"Bearer {token}"
                return True
        return None

    def _ask_for_token(self) -> requests.Response:
        url = f"{self.url}/auth/token"
        if not self.password:
            return self.session.get(url, timeout=30)
        login = {"username": self.user, "password": self.password}
        return self.session.post(url, json=login, timeout=30)

    def rest(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """
        Call the REST API.

        A call that gets no answer, or a server error, is repeated: on SQLite it may meet a lock.

        :return: the reply, or None where Airflow does not know the thing (yet)
        :raises StackError: when Airflow refuses the call
        """
        url = f"{self.url}/{self.api}/{path}"
        lost = 0

        def answered() -> requests.Response | None:
            nonlocal lost
            with contextlib.suppress(requests.ConnectionError, requests.Timeout):
                reply = self.session.request(method, url, json=body, timeout=60)
                if reply.status_code < 500:
                    return reply
            lost += 1
            return None

        reply = self.wait_for(f"An answer to {method} {path}", answered)
        # A conflict after a lost answer: the earlier call did it.
        if reply.status_code == 404 or (lost and reply.status_code == 409):
            return None
        if not reply.ok:
            raise StackError(
                f"Airflow refused {method} {path}: {reply.status_code} {reply.text[:500]}"
            )
        return reply.json() if reply.content else {}

    # ---- DAGs and runs

    def wait_for_dags(self, *dag_ids: str) -> None:
        """Wait until Airflow has read these DAGs."""
        for dag_id in dag_ids:
            self.wait_for(f"Reading {dag_id}", partial(self.rest, "GET", f"dags/{dag_id}"), 120)

    def trigger(
        self,
        dag_id: str,
        conf: Mapping[str, Any] | None = None,
        run_id: str | None = None,
        *,
        logical_date: str | None = None,
    ) -> str:
        """
        Start a run; return its id.

        :param logical_date: the form's runs have one, and so the latest data interval
        """
        # With an id of its own, a call that is repeated does not start a second run.
        run_id = run_id or f"run-{secrets.token_hex(8)}"
        body: dict[str, Any] = {"dag_run_id": run_id, "conf": conf or {}}
        if self.api == "api/v2":
            body["logical_date"] = logical_date
        self.rest("POST", f"dags/{dag_id}/dagRuns", body)
        return run_id

    def wait_for_run(self, dag_id: str, run_id: str, seconds: float = 180) -> str:
        """Wait for the end of a run; return its state."""

        def ended() -> str | None:
            run = self.rest("GET", f"dags/{dag_id}/dagRuns/{run_id}")
            return run["state"] if run and run["state"] in FINISHED else None

        return self.wait_for(f"The run of {dag_id}", ended, seconds)

    def pause(self, dag_id: str, paused: bool = True) -> None:
        """Keep a DAG from being run by the clock, or let it be run."""
        self.rest("PATCH", f"dags/{dag_id}", {"is_paused": paused})

    # ---- task instances

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """List the task instances of a run, a hundred a page."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        found: list[dict[str, Any]] = []
        while True:
            page = self.rest("GET", f"{path}?limit=100&offset={len(found)}")
            found += page["task_instances"]
            if len(found) >= page["total_entries"]:
                return found

    def task(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> dict[str, Any]:
        """Return a task instance."""
        found: dict[str, Any] = self.rest("GET", _task(dag_id, run_id, task_id, map_index))
        return found

    def xcom(
        self,
        dag_id: str,
        run_id: str,
        task_id: str,
        key: str = "return_value",
        map_index: int = -1,
    ) -> Any:
        """Return what a task has pushed; None where it has pushed nothing."""
        query: dict[str, Any] = {"map_index": map_index} if map_index >= 0 else {}
        if self.api == "api/v2":
            query["deserialize"] = "true"
        path = f"{_task(dag_id, run_id, task_id)}/xcomEntries/{key}?{urlencode(query)}"
        entry = self.rest("GET", path)
        return entry and entry["value"]

    def log(self, dag_id: str, run_id: str, task_id: str) -> str:
        """Return the log of a task's first try, as Airflow sends it: JSON from 3, text from 2."""
        path = f"{_task(dag_id, run_id, task_id)}/logs/1?full_content=true"
        reply = self.session.get(f"{self.url}/{self.api}/{path}", timeout=60)
        return reply.content.decode()

    # ---- connections

    def connect(self, connection: str, conn_id: str = "zoom_default") -> None:
        """Store a connection, which is written as an environment variable holds it."""
        fields = json.loads(connection)
        self.disconnect(conn_id)
        if not isinstance(fields.setdefault("extra", ""), str):
            fields["extra"] = json.dumps(fields["extra"])
        self.rest("POST", "connections", {**fields, "connection_id": conn_id})

    def disconnect(self, conn_id: str = "zoom_default") -> None:
        """Delete a connection, if there is one."""
        self.rest("DELETE", f"connections/{conn_id}")


def _task(dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> str:
    path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
    return path if map_index < 0 else f"{path}/{map_index}"
