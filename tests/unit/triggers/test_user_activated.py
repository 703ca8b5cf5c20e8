"""The trigger that waits for a pending user, against the local Zoom."""

from __future__ import annotations

import asyncio
import json
import time
from importlib import import_module
from typing import Any

import pytest

from tests.support import connection
from zoom_provider.simulator.server import Simulator
from zoom_provider.triggers.users import ZoomUserActivatedTrigger

NEW = "new@example.com"


@pytest.fixture
def zoom(connected: Simulator) -> Simulator:
    connected.seed({"email": NEW, "status": "pending", "first_name": "Nora"})
    return connected


class Sleeps:
    """Stands for ``asyncio.sleep``: notes how long, and lets something happen meanwhile."""

    def __init__(self, *meanwhile: Any) -> None:
        self.seconds: list[float] = []
        self._meanwhile = list(meanwhile)

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        assert len(self.seconds) < 100, "it polls for ever"
        if self._meanwhile:
            self._meanwhile.pop(0)()


def trigger(**changes: Any) -> ZoomUserActivatedTrigger:
    usual: dict[str, Any] = {
        "user": NEW,
        "zoom_conn_id": "zoom_default",
        "deadline": time.time() + 86_400,
        "poll_interval": 300.0,
    }
    return ZoomUserActivatedTrigger(**(usual | changes))


def run(waiting: ZoomUserActivatedTrigger, monkeypatch: pytest.MonkeyPatch, sleeps: Sleeps) -> Any:
    async def first() -> Any:
        async for event in waiting.run():
            return event.payload

    monkeypatch.setattr("zoom_provider.triggers.users.sleep", sleeps)
    return asyncio.run(first())


def test_it_polls_until_the_user_is_active(
    zoom: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeps = Sleeps(lambda: None, lambda: zoom.confirm(NEW))
    assert run(trigger(), monkeypatch, sleeps) == {"reason": "changed"}
    assert sleeps.seconds == [300.0, 300.0]
    assert {call["method"] for call in zoom.requests("* /v2/*")} == {"GET"}
    assert len(zoom.requests("GET *")) == 3


@pytest.mark.parametrize("how", ["expire", "remove"])
def test_a_user_who_is_pending_no_more_ends_the_wait(
    zoom: Simulator, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    if how == "expire":
        zoom.expire(NEW)
    else:
        zoom.reset()
    assert run(trigger(), monkeypatch, Sleeps()) == {"reason": "changed"}


def test_the_deadline_ends_the_wait(zoom: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    past = trigger(deadline=time.time() - 1)
    assert run(past, monkeypatch, Sleeps()) == {"reason": "deadline"}
    sleeps = Sleeps(lambda: zoom.confirm(NEW))
    run(trigger(deadline=time.time() + 60), monkeypatch, sleeps)
    assert sleeps.seconds[0] <= 60


def test_failed_polls_are_survived_up_to_a_budget(
    zoom: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    zoom.fault("status", on="GET *", times=11)
    sleeps = Sleeps(*[lambda: None] * 11, lambda: zoom.confirm(NEW))
    assert run(trigger(), monkeypatch, sleeps) == {"reason": "changed"}
    zoom.reset()
    zoom.seed({"email": NEW, "status": "pending"})
    zoom.fault("status", on="GET *", times=1000)
    sleeps = Sleeps()
    assert run(trigger(), monkeypatch, sleeps) == {"reason": "failing"}
    assert len(sleeps.seconds) == 11


def test_a_connection_that_is_missing_is_the_workers_to_report(
    zoom: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_ZOOM_DEFAULT")
    assert run(trigger(), monkeypatch, Sleeps()) == {"reason": "failing"}


def test_with_a_refresh_token_the_worker_looks_and_the_trigger_asks_nothing(
    zoom: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = {"grant_type": "refresh_token", "refresh_token": "r-secret"}
    monkeypatch.setenv("AIRFLOW_CONN_ZOOM_DEFAULT", connection(zoom, extra=extra))
    sleeps = Sleeps()
    assert run(trigger(), monkeypatch, sleeps) == {"reason": "look"}
    assert sleeps.seconds == [300.0]
    assert zoom.requests() == []


def test_it_comes_back_from_airflows_database_as_it_was(zoom: Simulator) -> None:
    waiting = trigger()
    path, arguments = waiting.serialize()
    module, _, name = path.rpartition(".")
    again = getattr(import_module(module), name)(**json.loads(json.dumps(arguments)))
    assert again.serialize() == (path, arguments)
    assert zoom.settings.client_secret not in json.dumps(arguments)
    assert set(arguments) == {"user", "zoom_conn_id", "deadline", "poll_interval"}
