"""A task with its Airflow, its account and its disks, for the tests of what may befall it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from airflow.providers.common.compat.sdk import BaseHook

from tests.support import Clock
from tests.unit.operators.model.account import Account
from tests.unit.operators.model.harness import Harness, Setting
from zoom_provider.simulator.server import Simulator

MakeHarness = Callable[..., Harness]


@pytest.fixture
def account(connected: Simulator, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Account:
    # What Airflow imports for it is imported once, and not in each process.
    BaseHook.get_connection("zoom_default")
    account = Account(connected, clock)
    account.watch(monkeypatch)
    return account


@pytest.fixture
def make(account: Account, tmp_path: Path) -> MakeHarness:
    def harness(**setting: object) -> Harness:
        return Harness(account, tmp_path / "one", Setting(**setting))  # type: ignore[arg-type]

    return harness
