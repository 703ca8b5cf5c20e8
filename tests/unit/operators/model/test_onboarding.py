"""
The promise itself: no one is created twice, no one forgotten, and nothing untrue is said.

Hypothesis chooses what happens. ``ZOOM_TEST_SOAK=1`` lets it choose for a long time, and
differently each time; without it the choice is always the same.
"""

from __future__ import annotations

import os
from importlib.util import find_spec

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.unit.operators.model.account import Account
from tests.unit.operators.model.machine import Onboarding

SOAK = os.environ.get("ZOOM_TEST_SOAK") == "1"
PROFILE = settings(
    max_examples=5000 if SOAK else 60,
    stateful_step_count=25 if SOAK else 12,
    derandomize=not SOAK,
    database=None,
    report_multiple_bugs=False,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def has_state_store() -> bool:
    """Say whether this Airflow may have a task state store and retry policies."""
    try:
        return find_spec("airflow.sdk.definitions.retry_policy") is not None
    except ModuleNotFoundError:
        return False


def test_each_person_is_created_once_and_reported_as_they_are(
    account: Account, has_state_store: bool
) -> None:
    class Here(Onboarding):
        pass

    Here.account, Here.state_store = account, has_state_store
    run_state_machine_as_test(Here, settings=PROFILE)
