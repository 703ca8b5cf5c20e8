"""What the form and a request of zoom_create_user accept."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import ParamValidationError

from dags import zoom_create_user as example
from zoom_provider.api.user_info import Action, UserInfo, check
from zoom_provider.exceptions import ZoomValidationError

JANE = {"email": "jane@example.com", "type": 1}


def started_with(conf: dict[str, Any]) -> dict[str, Any]:
    """Do with a run's conf what Airflow does before there is a run."""
    params = copy.deepcopy(example.dag.params)
    params.update(conf)
    validated: dict[str, Any] = params.validate()
    return validated


@pytest.mark.parametrize(
    "conf",
    [
        {"user_info": JANE},
        {"user_info": {**JANE, "type": "2"}, "action": "ssoCreate", "if_exists": "update"},
        {
            "user_info": {
                **JANE,
                "display_name": "Jane",
                "division_ids": ["d1"],
                "feature": {"zoom_phone": True},
                "plan_united_type": "1",
            }
        },
    ],
)
def test_what_can_be_created_is_accepted(conf: dict[str, Any]) -> None:
    params = started_with(conf)

    assert check(params["action"], params["user_info"]).email.endswith("@example.com")


def test_a_form_that_nobody_filled_in_is_nobody() -> None:
    params = started_with({})

    with pytest.raises(ZoomValidationError) as refused:
        check(params["action"], params["user_info"])
    assert list(refused.value.errors) == ["user_info.email"]


@pytest.mark.parametrize(
    "conf",
    [
        {"action": "autocreate"},
        {"action": None},
        {"if_exists": "replace"},
        {"user_info": "jane@example.com"},
        {"user_info": {}},
        {"user_info": {"email": "jane@example.com"}},
        {"user_info": {"type": 1}},
        {"user_info": {**JANE, "email": "jane"}},
        {"user_info": {**JANE, "type": "Basic"}},
        {"user_info": {**JANE, "type": 3}},
        {"user_info": {**JANE, "type": True}},
        {"user_info": {**JANE, "first_name": "J" * 65}},
        {"user_info": {**JANE, "password": "Correct9Horse"}},
        {"user_info": {**JANE, "department": "Sales"}},
        {"user_info": {**JANE, "division_ids": ["d1", "d2"]}},
        {"user_info": {**JANE, "feature": {"zoom_phone": "yes"}}},
    ],
)
def test_what_cannot_be_created_starts_no_run(conf: dict[str, Any]) -> None:
    with pytest.raises(ParamValidationError):
        started_with(conf)


def test_the_form_keeps_up_with_the_operator() -> None:
    fields = set(UserInfo.model_fields) - {"password"}
    assert set(example.USER_INFO["properties"]) == fields
    assert list(example.ACTIONS) == [action.value for action in Action]
    (task,) = example.dag.tasks
    assert {"action", "user_info", "if_exists"} <= set(task.template_fields)
