"""Airflow's side of what ``api`` and ``provisioning`` ask for."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.providers.common.compat.sdk import Stats, Variable, conf
from cryptography.fernet import Fernet, InvalidToken

from zoom_provider.provisioning.ports import NewerTryError

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

log = logging.getLogger(__name__)

_CHECKPOINT_KEY = "zoom_progress"
_ATTEMPT_KEY = "zoom_attempt"
_MAX_NAME_LENGTH = 160


class TaskCheckpoint:
    """Keeps a task's checkpoint in Airflow's task state store, which is there from 3.3 on."""

    def __init__(self, store: Any) -> None:
        self._store = store

    @classmethod
    def from_context(cls, context: Context) -> TaskCheckpoint | None:
        """Return the checkpoint of a task; None where Airflow keeps no task state."""
        store: Any = context.get("task_state_store")
        return None if store is None else cls(store)

    def load(self) -> dict[str, Any]:
        """Return what was saved last; empty if nothing was."""
        state = self._store.get(_CHECKPOINT_KEY)
        return state if isinstance(state, dict) else {}

    def save(self, state: Mapping[str, Any]) -> None:
        """
        Keep a JSON object of at most 64 KB.

        :raises NewerTryError: Airflow no longer knows this try's task instance
        """
        try:
            self._store.set(_CHECKPOINT_KEY, dict(state))
        except Exception as error:
            # Each try has a task instance of its own, with a new id.
            detail = getattr(getattr(error, "error", None), "detail", None)
            if isinstance(detail, dict) and detail.get("status_code") == HTTPStatus.NOT_FOUND:
                raise NewerTryError("Airflow no longer knows this try of the task.") from error
            raise

    def clear(self) -> None:
        """Forget it: the task is done."""
        self._store.delete(_CHECKPOINT_KEY)


class TaskAttemptNote:
    """Notes in Airflow's task state store that a task is about to post a user; no address in it."""

    def __init__(self, context: Context) -> None:
        self._store: Any = context.get("task_state_store")
        has_retries = bool(getattr(context.get("ti"), "max_tries", 0))
        self.kept = self._store is not None and has_retries
        self._ids = task_ids(context) if self.kept else ()

    def load(self, email: str) -> bool:
        """Say whether an earlier try was about to post this user."""
        return bool(self._store.get(_ATTEMPT_KEY) == self._digest(email))

    def save(self, email: str) -> None:
        """Note that this user is about to be posted."""
        self._store.set(_ATTEMPT_KEY, self._digest(email))

    def clear(self) -> None:
        """Forget it."""
        self._store.delete(_ATTEMPT_KEY)

    def _digest(self, email: str) -> str:
        text = "\0".join(map(str, (*self._ids, email.lower())))
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def run_started_at(context: Context) -> datetime | None:
    """Return when the DAG run began, if this is not the task's first try; None where unknown."""
    if getattr(context.get("ti"), "try_number", 1) <= 1:
        return None
    return getattr(context.get("dag_run"), "start_date", None)


def watch_supervisor() -> Callable[[], bool]:
    """
    Return a function that says whether the process that watches over this task is gone.

    Airflow 3.1 and 3.2 do not hand a worker's SIGTERM on to the task's process, which then goes on
    without anybody who would record what it does. A task that runs in its caller's process, as
    with ``dag.test()``, has no such watcher.
    """
    try:
        from airflow.sdk.execution_time import task_runner
    except ImportError:  # before Airflow 3
        return lambda: False
    if not hasattr(getattr(task_runner, "SUPERVISOR_COMMS", None), "socket"):
        return lambda: False
    parent = os.getppid()
    return lambda: os.getppid() != parent


class AirflowMetrics:
    """Sends counts and times to where Airflow sends its own."""

    def count(self, name: str, number: int = 1) -> None:
        """Add to a counter."""
        if number:
            Stats.incr(name, number)

    def timing(self, name: str, seconds: float) -> None:
        """Report how long something took."""
        Stats.timing(name, timedelta(seconds=seconds))


class VariableTokenStore:
    """
    Keeps the tokens of a grant in an Airflow Variable, which a task can write on Airflow 2 and 3.

    Airflow encrypts Variables in its database and masks this one by its name, but its supervisor
    logs what a task writes (at level DEBUG). So the value is encrypted here as well, by a key that
    is made of the refresh token in the connection: no one else can make it, and it outlives a
    rotation of the Client Secret. Airflow's own Fernet key is no choice: on Airflow 3 a task does
    not have it.
    """

    def load(self, key: str) -> Mapping[str, Any] | None:
        """Return what was saved last under ``key``; nothing where that cannot be read."""
        text = _variable_or_none(_variable_name(key))
        try:
            tokens = json.loads(_cipher(key).decrypt(text or ""))
        except (ValueError, InvalidToken):
            return None
        return tokens if isinstance(tokens, dict) else None

    def save(self, key: str, tokens: Mapping[str, Any]) -> None:
        """Replace what is saved under ``key``; the Variable's name shows a part of that."""
        text = json.dumps(dict(tokens))
        Variable.set(_variable_name(key), _cipher(key).encrypt(text.encode()).decode())


def _cipher(key: str) -> Fernet:
    digest = hashlib.sha256(f"zoom tokens {key}".encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))


def _variable_name(key: str) -> str:
    return f"zoom_refresh_token_{key[:16]}"


def _variable_or_none(name: str) -> str | None:
    get: Any = Variable.get
    try:
        found = get(name, default=None)
    except TypeError:  # Airflow 2 has another word for it
        found = get(name, default_var=None)
    return None if found is None else str(found)


def token_store() -> VariableTokenStore | None:
    """Return the store, inside a task; None elsewhere, where a Variable cannot be relied on."""
    return VariableTokenStore() if os.environ.get("AIRFLOW_CTX_TASK_ID") else None


def task_ids(context: Context) -> tuple[object, ...]:
    """Return DAG, run, task and map index of a task."""
    ti: Any = context["ti"]
    return ti.dag_id, ti.run_id, ti.task_id, ti.map_index


def data_interval(context: Context) -> tuple[datetime, datetime] | None:
    """Return the run's data interval; None where it has none, as without a logical date."""
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    return None if start is None or end is None else (start, end)


def has_retries_left(context: Context) -> bool:
    """Say whether Airflow would retry this task after a failure."""
    ti: Any = context["ti"]
    number, most = getattr(ti, "try_number", 1), getattr(ti, "max_tries", 0)
    return isinstance(number, int) and isinstance(most, int) and number <= most


def default_report_path(context: Context) -> str:
    """Name a report under Airflow's base log folder, one for each run, task and map index."""
    *folders, task_id, map_index = task_ids(context)
    base = Path(conf.get("logging", "base_log_folder"), "zoom")
    folder = base.joinpath(*map(_file_name, folders))
    return str(folder / f"{_file_name(task_id)}-{map_index}.jsonl")


def _file_name(text: object) -> str:
    """Make a free text, such as the id of a run, one part of a path that leads nowhere else."""
    name = quote(str(text), safe="+:@=,")
    name = name.replace(".", "%2E") if not name.strip(".") else name
    if len(name) > _MAX_NAME_LENGTH:
        # A disk takes 255 bytes; what stands beside a report has a longer ending.
        name = f"{name[:_MAX_NAME_LENGTH]}~{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    return name
