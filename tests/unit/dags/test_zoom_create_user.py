"""What the form and a request of zoom_create_user accept, and the person that comes of it."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, ParamValidationError

from dags import zoom_create_user as example
from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.models.user import Action, CreateRequest, UserInfo, parse_create_request
from zoom_provider.operators._templating import parse_people

JANE = {"email": "jane@example.com", "type": 1}
PLAIN = {**JANE, "first_name": "Jane", "last_name": "Doe", "display_name": "Jane Doe"}


def started_with(conf: dict[str, Any]) -> dict[str, Any]:
    """Do with a run's conf what Airflow does before there is a run."""
    params = copy.deepcopy(example.dag.params)
    params.update(conf)
    validated: dict[str, Any] = params.validate()
    return validated


def request_from(conf: dict[str, Any]) -> CreateRequest:
    """Do what the run's tasks do, up to what Zoom is sent."""
    params = started_with(conf)
    person: Any = example.dag.get_task("person")
    return parse_create_request(params["action"], parse_people(person.python_callable(params)))


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
        {"user_info": json.dumps(JANE)},
        {"user_info": " {\n  'email': 'jane@example.com',\n  'type': 1\n}\n"},
        {"email": "jane@example.com"},
        {"email": " jane@example.com "},
        {"email": "jane@example.com", "action": "custCreate", "type": 2, "user_info": None},
        PLAIN,
    ],
)
def test_what_can_be_created_is_accepted(conf: dict[str, Any]) -> None:
    assert request_from(conf).email == "jane@example.com"


@pytest.mark.parametrize(
    ("conf", "user_info"),
    [
        (PLAIN, PLAIN),
        ({**PLAIN, "type": 4}, {**PLAIN, "type": 4}),
        ({"email": "jane@example.com"}, JANE),
        # As Airflow's forms send empty fields: 3.3 null for all, a request perhaps an empty text.
        ({**JANE, "first_name": None, "last_name": "", "user_info": None}, JANE),
        ({"user_info": PLAIN}, PLAIN),
        ({"user_info": json.dumps(PLAIN), "email": None, "display_name": ""}, PLAIN),
        ({"user_info": {**PLAIN, "type": 2}, "type": 1}, {**PLAIN, "type": 2}),
    ],
)
def test_plain_fields_and_user_info_describe_the_same_person(
    conf: dict[str, Any], user_info: dict[str, Any]
) -> None:
    assert request_from(conf).body()["user_info"] == user_info


@pytest.mark.parametrize("user_info", [JANE, json.dumps(JANE)], ids=["object", "text"])
@pytest.mark.parametrize(
    ("plain", "names"),
    [
        ({"email": "jane@example.com"}, "email"),
        ({"first_name": "Jane"}, "first_name"),
        ({"type": 2}, "type"),
        (
            {"last_name": "Doe", "display_name": "Jane Doe", "type": 4},
            "last_name, display_name, type",
        ),
    ],
)
def test_person_described_twice_is_refused_by_field(
    plain: dict[str, Any], names: str, user_info: Any
) -> None:
    with pytest.raises(AirflowFailException) as refused:
        request_from({**plain, "user_info": user_info})
    text = f"Nothing was sent to Zoom: user_info is given, and so is {names}. "
    assert str(refused.value).startswith(text)
    assert "Doe" not in str(refused.value)


@pytest.mark.parametrize(
    ("conf", "field"),
    [
        ({}, "user_info.email"),
        ({"first_name": "Jane"}, "user_info.email"),
        ({"email": "jane@-.com"}, "user_info.email"),
        ({"email": "jane@example.com", "last_name": "欧阳娜娜小姐"}, "user_info.last_name"),
        ({"user_info": '{"email": "jane@example.com"}'}, "user_info.type"),
        ({"user_info": "{'email': 'jane@example.com', 'type': 1, 'job': 'x'}"}, "user_info.job"),
    ],
)
def test_what_the_schema_cannot_see_is_refused_by_field(conf: dict[str, Any], field: str) -> None:
    with pytest.raises(ZoomValidationError) as refused:
        request_from(conf)
    assert list(refused.value.errors) == [field]


@pytest.mark.parametrize(
    "conf",
    [
        {"action": "autocreate"},
        {"action": None},
        {"if_exists": "replace"},
        {"email": "jane"},
        {"email": "jane@example"},
        {"email": "jane doe@example.com"},
        {"email": "Jane Doe <jane@example.com>"},
        {"email": "j" * 128 + "@example.com"},
        {"email": ["jane@example.com"]},
        {"first_name": "J" * 65},
        {"last_name": "J" * 65},
        {"display_name": "J" * 129},
        {"type": 3},
        {"type": "Licensed"},
        {"type": None},
        {"user_info": "jane@example.com"},
        {"user_info": "[]"},
        {"user_info": {}},
        {"user_info": {"email": "jane@example.com"}},
        {"user_info": {"type": 1}},
        {"user_info": {**JANE, "email": "jane"}},
        {"user_info": {**JANE, "type": "Basic"}},
        {"user_info": {**JANE, "type": 3}},
        {"user_info": {**JANE, "type": True}},
        {"user_info": {**JANE, "first_name": "J" * 65}},
        {"user_info": {**JANE, "password": "Correct9Horse"}},
        {"user_info": json.dumps({**JANE, "password": "Correct9Horse"})},
        {"user_info": str({"password": "Correct9Horse", **JANE})},
        {"user_info": {**JANE, "department": "Sales"}},
        {"user_info": {**JANE, "division_ids": ["d1", "d2"]}},
        {"user_info": {**JANE, "feature": {"zoom_phone": "yes"}}},
    ],
)
def test_what_cannot_be_created_starts_no_run(conf: dict[str, Any]) -> None:
    with pytest.raises(ParamValidationError):
        started_with(conf)


def test_a_wrong_address_is_named_in_words() -> None:
    with pytest.raises(ParamValidationError, match="param email: 'jane' is not a 'email'"):
        started_with({"email": "jane"})


def test_no_parameter_is_typed_into_a_json_editor() -> None:
    """Airflow 3.3 drops letters there; a field of several lines takes them all."""
    first = {name: example.dag.params.get_param(name).schema["type"] for name in example.dag.params}
    kinds = {name: kind if isinstance(kind, str) else kind[0] for name, kind in first.items()}
    assert "object" not in kinds.values()
    assert example.dag.params.get_param("user_info").schema["format"] == "multiline"


def test_the_form_keeps_up_with_the_operator() -> None:
    fields = set(UserInfo.model_fields) - {"password"}
    assert set(example.USER_INFO["properties"]) == fields
    assert list(example.ACTIONS) == [action.value for action in Action]
    assert [str(kind) for kind in example.dag.params.get_param("type").schema["enum"]] == list(
        example.LICENSES
    )
    task = example.dag.get_task("create_user")
    assert {"action", "user_info", "if_exists"} <= set(task.template_fields)
