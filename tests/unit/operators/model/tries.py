"""
One try of the task, in a process of its own, as Airflow runs it.

The process is forked from the test's, so that it starts in milliseconds, and a kill is a kill: its
threads, its buffers and its calls are gone, and nothing of it can be caught.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import select
import signal
import sys
import threading
import time
import traceback
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from types import SimpleNamespace
from typing import Any, Final, Literal

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowTaskTimeout,
    TaskDeferred,
)

import zoom_provider
from tests.support import Clock
from tests.unit.operators.model.files import watch_files
from tests.unit.operators.model.strikes import (
    Deed,
    Effects,
    Strike,
    watch_calls,
    watch_threads,
)
from zoom_provider.assets import ZOOM_USERS
from zoom_provider.operators.users import ZoomCreateUsersOperator

try:
    from airflow.exceptions import AirflowTaskTerminated
except ImportError:
    from airflow.sdk.exceptions import AirflowTaskTerminated

# Imported once, and not in each process.
for _module in walk_packages(zoom_provider.__path__, "zoom_provider."):
    if not _module.name.startswith(("zoom_provider.simulator", "zoom_provider.policies")):
        import_module(_module.name)

DAG_ID: Final = "onboarding"
TASK_ID: Final = "create"

INTERVAL: Final = {
    "data_interval_start": datetime(2026, 3, 1, 4, tzinfo=UTC),
    "data_interval_end": datetime(2026, 3, 2, 4, tzinfo=UTC),
}
"""Of every run, from five to five in the morning in Berlin."""

PATIENCE: Final = 30.0
"""Seconds after which a try that does not end is called hung: no try here waits for the clock."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """
    What a try is to do.

    :param options: of the operator, as the DAG's file has them
    :param run_id: whose try it is
    :param number: of the try, from 1
    :param max_tries: retries that the task has
    :param resume: where it comes back from a deferral, the method's name and its arguments
    :param store: the file that stands for the state store; None where Airflow has none
    :param watched: the folder below which writes count
    :param clock: the client's
    :param tick: seconds that each reply takes on it
    :param policy: whether the task has the provider's retry policy
    """

    options: dict[str, Any]
    run_id: str
    number: int
    max_tries: int
    resume: tuple[str, dict[str, Any]] | None
    store: Path | None
    watched: Path
    clock: Clock
    tick: float
    policy: bool

    @property
    def name(self) -> str:
        """The try, and the run that it belongs to."""
        return f"{self.run_id}/{self.number}"


@dataclass(kw_only=True)
class End:
    """
    How a try ended, as far as Airflow and Zoom's client know.

    :param kind: ``refused`` never occurs here; a process that was killed is ``killed``
    :param value: what was returned
    :param error: what was raised, by its class, and its text
    :param retried: whether Airflow would try again after this error
    :param method: that a deferral resumes, with its arguments, as JSON brings them back
    :param pushed: to XCom
    :param event: the extra of the asset's event
    :param effects: how many of each kind there were
    :param stopped: whether a signal came
    :param posts_after_stop: creations that left after that
    """

    kind: Literal["returned", "raised", "deferred", "killed", "hung"]
    value: dict[str, Any] | None = None
    error: str = ""
    text: str = ""
    retried: bool = False
    method: str = ""
    kwargs: dict[str, Any] = field(default_factory=dict)
    pushed: dict[str, Any] = field(default_factory=dict)
    event: dict[str, Any] | None = None
    effects: dict[str, int] = field(default_factory=dict)
    stopped: bool = False
    posts_after_stop: int = 0

    @property
    def handled(self) -> bool:
        """Whether the operator itself brought the try to an end."""
        return self.kind in ("returned", "raised", "deferred")


class Try:
    """
    A try under way.

    :param order: what it is to do
    :param strikes: what happens to it
    """

    def __init__(self, order: Order, strikes: tuple[Strike, ...] = ()) -> None:
        results, to_parent = os.pipe()
        sys.stdout.flush()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                _Child(order, strikes, to_parent).run()
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(1)
        os.close(to_parent)
        self._results, self._buffer = results, b""
        self._end: dict[str, Any] | None = None

    def until_paused(self) -> bool:
        """Wait until all of it stands still; say whether it came to that."""
        paused = self._read() == {"paused": True}
        if paused:
            os.waitpid(self._pid, os.WUNTRACED)
        return paused

    def finish(self) -> End:
        """Let it go on to its end, and say how it ended."""
        os.kill(self._pid, signal.SIGCONT)
        message = self._end or self._read()
        hung = message == {"hung": True}
        if hung:
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._results)
        if message is None or hung:
            return End(kind="hung" if hung else "killed")
        return End(**message)

    def _read(self) -> dict[str, Any] | None:
        """Read the next message; None where the process is gone."""
        until = time.monotonic() + PATIENCE
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([self._results], [], [], max(0, until - time.monotonic()))
            if not ready:
                return {"hung": True}
            data = os.read(self._results, 1 << 16)
            if not data:
                return None
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        if message != {"paused": True}:
            self._end = message
        return message


class TaskInstanceGone(Exception):
    """As Airflow raises what its API server has refused."""

    error = SimpleNamespace(detail={"status_code": 404})


class _Store:
    """Airflow's task state store: what is set is kept, whatever becomes of the worker."""

    def __init__(self, path: Path, number: int, effects: Effects) -> None:
        self._path, self._number, self._effects = path, number, effects

    def get(self, key: str, default: Any = None) -> Any:
        return self._load().get(key, default)

    def set(self, key: str, value: Any, **_: Any) -> None:
        self._save({**self._load(), key: value})

    def delete(self, key: str) -> None:
        values = self._load()
        values.pop(key, None)
        self._save(values)

    def clear(self) -> None:
        self._save({})

    def _load(self) -> dict[str, Any]:
        state = read_store(self._path)
        # Airflow gives a task instance a new id for each try, and knows no other.
        values: dict[str, Any] = {} if state["try"] > self._number else state["values"]
        return values

    def _save(self, values: dict[str, Any]) -> None:
        self._effects.before("save")
        if read_store(self._path)["try"] > self._number:
            raise TaskInstanceGone
        write_store(self._path, self._number, values)


def read_store(path: Path) -> dict[str, Any]:
    """Read what stands for the state store."""
    found: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {"values": {}}
    return {"try": 0, **found}


def write_store(path: Path, number: int, values: dict[str, Any]) -> None:
    """Write it, whole or not at all."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps({"try": number, "values": values}))
    fresh.replace(path)


class _TaskInstance:
    """What operators ask of a task instance."""

    dag_id = DAG_ID
    task_id = TASK_ID
    map_index = -1

    def __init__(self, order: Order) -> None:
        self.run_id = order.run_id
        self.try_number = order.number
        self.max_tries = order.max_tries
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any, **_: Any) -> None:
        self.pushed[key] = json.loads(json.dumps(value))


class _Event:
    extra: Any = None


class _Events:
    """Airflow's outlet events, by asset; on Airflow 3.1 an asset is no key of a dictionary."""

    def __init__(self) -> None:
        self.zoom_users = _Event()

    def __getitem__(self, asset: Any) -> _Event:
        if asset != ZOOM_USERS:
            raise KeyError(asset)
        return self.zoom_users


class _Child:
    """The process of a try, seen from inside."""

    def __init__(self, order: Order, strikes: tuple[Strike, ...], to_parent: int) -> None:
        self._order, self._to_parent = order, to_parent
        self._effects = Effects(strikes, self._pause, self._on_stop)
        self._ti = _TaskInstance(order)
        self._events = _Events()
        policy: dict[str, Any] = {}
        if order.policy:
            from zoom_provider.policies import ZoomRetryPolicy

            policy["retry_policy"] = ZoomRetryPolicy()
        self._task = ZoomCreateUsersOperator(
            task_id=TASK_ID, outlets=[ZOOM_USERS], **order.options, **policy
        )

    def run(self) -> None:
        """Execute the task, send how it ended, and leave without a trace."""
        logging.disable(logging.CRITICAL)
        # It would go through, and so copy, all that the test's process has.
        gc.disable()
        # macOS asks its own frameworks for proxies, which no forked process may.
        os.environ["no_proxy"] = "*"
        watch_files(self._order.watched, self._effects)
        watch_calls(self._effects, self._tick, self._order.name)
        watch_threads(self._effects)
        try:
            end = {"kind": "returned", "value": self._execute()}
        except TaskDeferred as deferral:
            kwargs = json.loads(json.dumps(deferral.kwargs or {}))
            end = {"kind": "deferred", "method": deferral.method_name, "kwargs": kwargs}
        except BaseException as error:
            if isinstance(error, AirflowTaskTimeout):
                self._task.on_kill()
            end = {
                "kind": "raised",
                "error": type(error).__name__,
                "text": str(error),
                "retried": self._is_retried(error),
            }
        end |= {
            "pushed": self._ti.pushed,
            "event": self._events.zoom_users.extra,
            "effects": dict(self._effects.counts),
            "stopped": self._effects.stopped,
            "posts_after_stop": self._effects.posts_after_stop,
        }
        self._send(end)
        os._exit(0)

    def _execute(self) -> Any:
        order, task = self._order, self._task
        context: dict[str, Any] = {
            "ti": self._ti,
            "task_instance": self._ti,
            "task": task,
            "run_id": order.run_id,
            "params": {},
            **INTERVAL,
            "outlet_events": self._events,
        }
        if order.store is not None:
            context["task_state_store"] = _Store(order.store, order.number, self._effects)
        task.render_template_fields(context)  # type: ignore[arg-type]  # a part of a context
        if order.resume is None:
            return task.execute(context)  # type: ignore[arg-type]
        method, kwargs = order.resume
        # As Airflow's DateTimeTrigger does, it brings an event.
        return getattr(task, method)(context, event="2026-01-03T00:00:00Z", **kwargs)

    def _is_retried(self, error: BaseException) -> bool:
        """Say whether Airflow tries again, if there are retries left."""
        policy = getattr(self._task, "retry_policy", None)
        if isinstance(error, AirflowFailException):
            return False
        if policy is not None:
            decided = policy.evaluate(error, self._order.number, self._order.max_tries)
            return "fail" not in str(decided.action).lower()
        return True

    def _on_stop(self, deed: Deed) -> None:
        """Do what Airflow does in the main thread on a signal."""
        if deed == "time_out":
            raise AirflowTaskTimeout("the task's execution_timeout is over")
        self._task.on_kill()
        if deed == "sigterm":
            raise AirflowTaskTerminated("Task received SIGTERM signal")

    def _tick(self) -> None:
        self._order.clock.now += self._order.tick

    def _pause(self) -> None:
        self._send({"paused": True})
        # To this thread, which so stops here: another one, to which a signal for the process may
        # go, would let this one send what it stands before.
        signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)

    def _send(self, message: dict[str, Any]) -> None:
        data = json.dumps(message).encode() + b"\n"
        while data:
            data = data[os.write(self._to_parent, data) :]
