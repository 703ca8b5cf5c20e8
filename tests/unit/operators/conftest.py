"""Runs an operator as a worker does: render its fields, then execute it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.support import person
from zoom_provider.operators.users import ZoomCreateUsersOperator
from zoom_provider.provisioning.runner import Runner

Perform = Callable[..., Any]
CreateMany = Callable[..., ZoomCreateUsersOperator]
WriteRoster = Callable[..., str]

HR = "Work Email,Department,First\nAnn@Example.com,Sales,Ann\nbob@example.com,Law,Bob\n"
MAPPING: dict[str, Any] = {
    "email": "Work Email",
    "type": {"column": "Department", "map": {"Sales": 2}, "default": 1},
    "first_name": "First",
}


def people(count: int) -> list[dict[str, Any]]:
    """Make up so many people, from p1 on."""
    return [person(number) for number in range(1, count + 1)]


def lines(path: Path) -> list[dict[str, Any]]:
    """Read a report."""
    text = path.read_text("utf-8") if path.exists() else ""
    return [json.loads(line) for line in text.splitlines()]


def outcomes(path: Path) -> list[tuple[int, str]]:
    """Return row and outcome of each line of a report, by row."""
    return sorted((line["row"], line["outcome"]) for line in lines(path))


class StateStore(dict[str, Any]):
    """Airflow's task state store: JSON by key, kept from one try to the next."""

    def set(self, key: str, value: Any) -> None:
        self[key] = json.loads(json.dumps(value))

    @property
    def progress(self) -> dict[str, Any]:
        """The checkpoint of the bulk operator."""
        found: dict[str, Any] = self["zoom_progress"]
        return found

    def delete(self, key: str) -> None:
        self.pop(key, None)


class TaskInstance:
    """What the operators ask of a task instance, and what they pushed to it."""

    dag_id = "onboarding"
    run_id = "manual__2026-01-02"
    task_id = "create"
    map_index = -1
    try_number = 1
    max_tries = 0

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


@pytest.fixture(autouse=True)
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make one call at a time, so that the order of calls and lines is certain."""
    monkeypatch.setattr("zoom_provider.provisioning.job.MAX_CONCURRENT_CALLS", 1)


@pytest.fixture
def at_once(one_by_one: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make several calls at once after all."""
    monkeypatch.setattr("zoom_provider.provisioning.job.MAX_CONCURRENT_CALLS", 8)


class TimeIsUp(BaseException):
    """As Airflow raises it in a task's main thread, wherever that is."""


class Killed(BaseException):
    """What no task can catch, as a power cut cannot be."""


BreakOff = Callable[..., None]


@pytest.fixture
def break_off(monkeypatch: pytest.MonkeyPatch) -> Iterator[BreakOff]:
    """Break a run off where it would write down what became of the next user."""
    real, halt = Runner._write_result, Runner._shut_down

    def after(number: int, store: StateStore | None = None, *, killed: bool = False) -> None:
        """
        Let so many results be written.

        :param store: what a kill cuts off
        :param killed: without a last save, as by kill -9
        """
        count = 0

        def write(self: Runner, result: Any, **more: Any) -> None:
            nonlocal count
            if count >= number:
                monkeypatch.setattr(Runner, "_write_result", real)
                raise Killed if killed else TimeIsUp
            count += 1
            real(self, result, **more)

        def die(self: Runner) -> None:
            monkeypatch.setattr(Runner, "_shut_down", halt)
            # Zoom acts on what is under way; no one is left to hear of it.
            self._pool.shutdown()
            self._pool._executor.shutdown(wait=True)

        monkeypatch.setattr(Runner, "_write_result", write)
        if killed:
            monkeypatch.setattr(Runner, "_shut_down", die)

    yield after
    wait_for_threads()


def allow_execute_in_this_thread() -> None:
    """Let an operator be executed outside the main thread, which Airflow 2 keeps a note of."""
    if find_spec("airflow.sdk") is None:
        safeguard: Any = import_module("airflow.models.baseoperator").ExecutorSafeguard
        safeguard._sentinel.callers = {}


def wait_for_threads() -> None:
    """Wait until no thread makes a call any more."""
    for thread in threading.enumerate():
        if thread.name.startswith("zoom-") and thread.name != "zoom-simulator":
            thread.join(20)
            assert not thread.is_alive()


@pytest.fixture
def ti() -> TaskInstance:
    return TaskInstance()


@pytest.fixture
def perform(ti: TaskInstance) -> Callable[..., Any]:
    def run(task: Any, *, resume: dict[str, Any] | None = None, **context: Any) -> Any:
        context = {"ti": ti, "params": {}, **context}
        task.render_template_fields(context)
        if resume is None:
            return task.execute(context)
        return task.execute_complete(context, {}, **resume)

    return run


@pytest.fixture
def store() -> StateStore:
    return StateStore()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Say where the report is to be, in a folder that is still to be made."""
    return tmp_path / "made" / "report.jsonl"


@pytest.fixture
def create_many(path: Path) -> CreateMany:
    def make(users: Any = None, **options: Any) -> ZoomCreateUsersOperator:
        return ZoomCreateUsersOperator(
            task_id="create", users=users, **{"report": str(path), **options}
        )

    return make


@pytest.fixture
def roster(tmp_path: Path) -> WriteRoster:
    def write(text: str | bytes, name: str = "hr.csv") -> str:
        file = tmp_path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(file)

    return write
