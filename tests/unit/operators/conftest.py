"""Runs an operator as a worker does: render its fields, then execute it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


class TaskInstance:
    """What the operators ask of a task instance, and what they pushed to it."""

    dag_id = "onboarding"
    run_id = "manual__2026-01-02"
    task_id = "create"
    map_index = -1

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


@pytest.fixture(autouse=True)
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make one call at a time, so that the order of calls and lines is certain."""
    monkeypatch.setattr("zoom_provider.provisioning.bulk.MOST_AT_ONCE", 1)


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
        return task.resume(context, {}, **resume)

    return run
