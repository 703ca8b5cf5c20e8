"""A handful of new hires is a handful."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from dags import zoom_onboarding_mapped as example


def test_a_crowd_is_stopped_before_anybody_is_created(monkeypatch: pytest.MonkeyPatch) -> None:
    new_hires: Any = example.dag.get_task("new_hires")
    assert 0 < len(new_hires.python_callable()) <= example.MAX_CREATES

    monkeypatch.setattr(example, "MAX_CREATES", 2)
    with pytest.raises(AirflowFailException, match="3 people are more than MAX_CREATES=2 allows"):
        new_hires.python_callable()
