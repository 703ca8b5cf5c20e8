"""
The promise itself: no one is created twice, no one forgotten, and nothing untrue is said.

Hypothesis chooses what happens. ``ZOOM_TEST_SOAK=1`` lets it choose for a long time, and anew each
time; without it the choice is the same each time.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.unit.operators.model.account import Account
from tests.unit.operators.model.machine import Onboarding

SOAK = os.environ.get("ZOOM_TEST_SOAK") == "1"
PROFILE = settings(
    max_examples=5000 if SOAK else 60,
    stateful_step_count=25 if SOAK else 12,
    derandomize=not SOAK,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    **({"phases": (Phase.generate,)} if os.environ.get("ZOOM_TEST_NO_SHRINK") else {}),
)


@pytest.fixture
def has_state_store() -> bool:
    """Say whether this Airflow may have a task state store and retry policies."""
    try:
        import airflow.sdk.definitions.retry_policy
    except ImportError:
        return False
    return True


def test_each_person_is_created_once_and_reported_as_they_are(
    account: Account, has_state_store: bool
) -> None:
    class Here(Onboarding):
        pass

    Here.account, Here.state_store = account, has_state_store
    run_state_machine_as_test(Here, settings=PROFILE)
