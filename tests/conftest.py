"""A local Zoom for every test that wants one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

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
    """Give a test a Zoom account with nobody in it and every switch as it was."""
    zoom_server.reset()
    return zoom_server
