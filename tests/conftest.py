"""A local Zoom for every test that wants one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from tests.support import Clock, connection
from zoom_provider.simulator.server import Simulator, running
from zoom_provider.simulator.settings import SimulatorSettings


@pytest.fixture(scope="session")
def zoom_server() -> Iterator[Simulator]:
    """Run one local Zoom for all tests: starting one costs more than resetting it."""
    # Limits count calls by the real clock: tests that mean them turn them on.
    with running(SimulatorSettings(plan="business", limits_enforced=False)) as simulator:
        yield simulator


@pytest.fixture
def zoom(zoom_server: Simulator) -> Simulator:
    """Give a test a Zoom account without users and every switch as it was."""
    zoom_server.reset()
    return zoom_server


@pytest.fixture
def clock() -> Clock:
    """Give a test a clock that only moves when a wait is asked for."""
    return Clock()


@pytest.fixture
def connected(zoom: Simulator, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """Point the connection ``zoom_default`` at the local Zoom; hooks wait on the test's clock."""
    from zoom_provider.api.auth import TokenCache
    from zoom_provider.api.client import ZoomClient

    monkeypatch.setenv("AIRFLOW_CONN_ZOOM_DEFAULT", connection(zoom))
    impatient = partial(ZoomClient, clock=clock, sleep=clock.sleep, tokens=TokenCache())
    monkeypatch.setattr("zoom_provider.hooks.zoom.ZoomClient", impatient)
    return zoom
