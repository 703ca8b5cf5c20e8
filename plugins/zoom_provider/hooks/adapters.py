"""Airflow's side of what ``api`` and ``provisioning`` ask for."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast
from urllib.parse import quote

from airflow.providers.common.compat.sdk import ObjectStoragePath, Stats, Variable, conf
from cryptography.fernet import Fernet, InvalidToken

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

log = logging.getLogger(__name__)

_STATE = "zoom_progress"


def open_text(path: str, mode: str = "w") -> TextIO:
    """
    Open a file of a worker's disk or of an object store for text; folders to write to are made.

    :param path: a path, or a URL that Airflow's ObjectStoragePath knows
    """
    # A byte-order mark before a quotation mark would make that a part of a column's name.
    encoding = "utf-8-sig" if mode == "r" else "utf-8"
    if "://" in path and not path.startswith("file://"):
        store: Any = ObjectStoragePath(path)
        return cast(TextIO, store.open(mode, encoding=encoding, newline=""))
    file = Path(path.removeprefix("file://"))
    if mode != "r":
        file.parent.mkdir(parents=True, exist_ok=True)
    return cast(TextIO, file.open(mode, encoding=encoding, newline=""))


def earlier_lines(path: str) -> list[str]:
    """Return the whole lines of a report that an earlier part of a task has begun."""
    store: Any = ObjectStoragePath(path) if "://" in path else Path(path)
    if not store.exists():
        return []
    text: str = store.read_text(encoding="utf-8")
    # A worker that was killed may have left half a line.
    return text.split("\n")[:-1]


class TaskCheckpoint:
    """Keeps a task's progress in Airflow's task state store, which is there from 3.3 on."""

    def __init__(self, context: Context) -> None:
        self._store: Any = context.get("task_state_store")
        if self._store is None:
            log.info("This Airflow keeps no task state: after a crash, Zoom tells who is there.")

    def load(self) -> dict[str, Any]:
        """Return what was saved last; empty if nothing was."""
        state = self._store.get(_STATE) if self._store is not None else None
        return state if isinstance(state, dict) else {}

    def save(self, state: Mapping[str, Any]) -> None:
        """Keep a JSON object of a few kilobytes."""
        if self._store is not None:
            self._store.set(_STATE, dict(state))

    def clear(self) -> None:
        """Forget it: the task is done."""
        if self._store is not None:
            self._store.delete(_STATE)


class AirflowMeter:
    """Sends counts and times to where Airflow sends its own."""

    def count(self, name: str, number: int = 1) -> None:
        """Add to a counter."""
        if number:
            Stats.incr(name, number)

    def timing(self, name: str, seconds: float) -> None:
        """Tell how long something took."""
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
            tokens = json.loads(_safe(key).decrypt(text or ""))
        except (ValueError, InvalidToken):
            return None
        return tokens if isinstance(tokens, dict) else None

    def save(self, key: str, tokens: Mapping[str, Any]) -> None:
        """Replace what is saved under ``key``; the Variable's name shows a part of that."""
        text = json.dumps(dict(tokens))
        Variable.set(_variable_name(key), _safe(key).encrypt(text.encode()).decode())


def _safe(key: str) -> Fernet:
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


def default_report(context: Context) -> str:
    """Name a report under Airflow's base log folder, one for each run, task and map index."""
    ti: Any = context["ti"]
    dag_id, run_id, task_id = (_file_name(part) for part in (ti.dag_id, ti.run_id, ti.task_id))
    folder = Path(conf.get("logging", "base_log_folder"))
    return str(folder / "zoom" / dag_id / run_id / f"{task_id}-{ti.map_index}.jsonl")


def _file_name(text: str) -> str:
    """Make a free text, such as the id of a run, one part of a path that leads nowhere else."""
    name = quote(text, safe="+:@=,")
    return name.replace(".", "%2E") if not name.strip(".") else name
