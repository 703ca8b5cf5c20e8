"""What keeps a task from being green, and in which words."""

from __future__ import annotations

from typing import Any

import pytest

from zoom_provider.provisioning.checkpoint import Rows
from zoom_provider.provisioning.summary import Summary


def failure_reason(max_failures: float | None = None, **more: Any) -> str | None:
    given: dict[str, Any] = {
        "outcomes": {"invited": 10},
        "report": "/reports/r.jsonl",
        "rejects": "/reports/r.rejects.csv",
        "attention": [],
        "stats": {},
        "failed": 0,
        "unanswered": 0,
        "untried": 0,
        "stopped_by": None,
        "departed": [],
        "unnamed": Rows(),
        "state": {},
    }
    return Summary(**given | more).failure_reason(max_failures)


@pytest.mark.parametrize(
    ("max_failures", "failed", "red"),
    [
        (None, 0, False),
        (None, 1, True),
        (0, 0, False),
        (0, 1, True),
        (3, 3, False),
        (3, 4, True),
        (1, 1, False),
        (1.0, 10, False),
        (0.0, 1, True),
        (0.5, 5, False),
        (0.5, 6, True),
        # 10 times 0.7 is 7.000000000000001 one way round, and less than 7 the other
        (0.7, 7, False),
    ],
)
def test_max_failures_is_how_many_or_which_share_may_fail(
    max_failures: float | None, failed: int, red: bool
) -> None:
    outcomes = {"invited": 10 - failed, "failed": failed}
    found = failure_reason(max_failures, outcomes=outcomes, failed=failed)
    assert (found is not None) is red
    if found is not None:
        assert found.startswith(f"{failed} of 10 people failed")
        assert "/reports/r.jsonl" in found


def test_a_share_of_a_hundred_is_exact() -> None:
    # 100 * 0.29 is 28.999999999999996
    outcomes = {"invited": 71, "failed": 29}
    assert failure_reason(0.29, outcomes=outcomes, failed=29) is None
    assert failure_reason(0.28, outcomes=outcomes, failed=29) is not None


def test_an_empty_run_is_green() -> None:
    assert failure_reason(outcomes={}) is None
    assert failure_reason(0.5, outcomes={}) is None


@pytest.mark.parametrize("max_failures", [None, 100, 1.0])
def test_people_who_left_the_roster_keep_the_task_from_being_green(
    max_failures: float | None,
) -> None:
    found = failure_reason(max_failures, departed=[4, 5, 9])
    assert found is not None
    assert found.startswith("3 people were taken out of the roster")
    assert "mark this task as success" in found
    assert "/reports/r.jsonl" in found


@pytest.mark.parametrize("max_failures", [None, 100, 1.0])
def test_owed_rows_that_cannot_be_named_keep_the_task_from_being_green(
    max_failures: float | None,
) -> None:
    found = failure_reason(max_failures, unnamed=Rows([4, 5, 6, 9]))
    assert found is not None
    assert "rows 4-6,9" in found


def test_users_who_are_not_due_do_not_count_in_a_share() -> None:
    outcomes = {"invited": 5, "rejected": 5, "not_due": 9_990}
    assert failure_reason(0.5, outcomes=outcomes, failed=5) is None
    said = failure_reason(0.4, outcomes=outcomes, failed=5)
    assert said is not None
    assert "5 of 10 people failed" in said


@pytest.mark.parametrize("max_failures", [None, 100, 1.0])
def test_rows_that_were_not_tried_fail_the_task_whatever_is_allowed(
    max_failures: float | None,
) -> None:
    outcomes = {"invited": 1, "failed": 9}
    found = failure_reason(max_failures, outcomes=outcomes, failed=9, untried=8)
    assert found is not None
    assert found.startswith("8 of 10 people were not tried")
    assert "/reports/r.jsonl" in found
