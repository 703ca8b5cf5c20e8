"""
The promise itself: no one is created twice, no one forgotten, and nothing untrue is said.

Hypothesis chooses what happens. ``ZOOM_TEST_SOAK=1`` lets it choose for a long time, and
differently each time; without it the choice is always the same.
"""

from __future__ import annotations

import os
from importlib.util import find_spec

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.unit.operators.model.account import Account
from tests.unit.operators.model.machine import Onboarding

# Both came with Airflow 3.3: the task state store and retry policies.
HAS_STATE_STORE = find_spec("airflow.sdk") is not None and (
    find_spec("airflow.sdk.definitions.retry_policy") is not None
)
SOAK = os.environ.get("ZOOM_TEST_SOAK") == "1"


def profile(examples: int) -> settings:
    return settings(
        max_examples=5000 if SOAK else examples,
        stateful_step_count=25 if SOAK else 12,
        derandomize=not SOAK,
        database=None,
        report_multiple_bugs=False,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        # To shrink a long sequence takes minutes: a soak prints it as it was found.
        phases=(Phase.generate,) if SOAK else tuple(Phase),
    )


def test_each_person_is_created_once_and_reported_as_they_are(account: Account) -> None:
    class OneByOne(Onboarding):
        pass

    OneByOne.account, OneByOne.state_store = account, HAS_STATE_STORE
    run_state_machine_as_test(OneByOne, settings=profile(60 if HAS_STATE_STORE else 15))


@pytest.mark.usefixtures("at_once")
def test_each_person_is_created_once_with_concurrent_calls(account: Account) -> None:
    class SeveralAtOnce(Onboarding):
        pass

    SeveralAtOnce.account, SeveralAtOnce.state_store = account, HAS_STATE_STORE
    SeveralAtOnce.lanes = 8
    run_state_machine_as_test(SeveralAtOnce, settings=profile(15 if HAS_STATE_STORE else 5))
