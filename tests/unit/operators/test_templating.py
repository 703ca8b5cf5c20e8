"""Rendered fields are parsed, masked in logs, and stored without passwords."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import JANE
from zoom_provider.operators import _templating
from zoom_provider.operators._templating import (
    UnparsableText,
    parse_and_mask_passwords,
    parse_people,
    redact_passwords,
)
from zoom_provider.operators.users import ZoomCreateUserOperator, ZoomCreateUsersOperator

SECRET = "Tr0ub4dor\"and'3\\ü"
WITH = {**JANE, "password": SECRET}


@pytest.fixture
def masked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect what is given to Airflow to hide in logs."""
    found: list[str] = []
    monkeypatch.setattr(_templating, "mask_secret", found.append)
    return found


@pytest.mark.parametrize(
    ("value", "people"),
    [
        (WITH, WITH),
        (json.dumps(WITH), WITH),
        (json.dumps(WITH, ensure_ascii=False), WITH),
        (repr(WITH), WITH),
        (json.dumps(json.dumps(WITH)), WITH),
        (repr(json.dumps(WITH)), WITH),
        ([WITH, json.dumps(JANE)], [WITH, JANE]),
        ((WITH, repr(JANE)), [WITH, JANE]),
        (json.dumps([WITH, json.dumps(JANE)]), [WITH, JANE]),
        (repr((WITH, json.dumps(JANE))), [WITH, JANE]),
        (json.dumps(json.dumps([json.dumps(WITH)])), [WITH]),
        (None, None),
        (5, 5),
        ([], []),
        ("[]", []),
    ],
)
def test_json_and_python_texts_are_parsed(value: Any, people: Any) -> None:
    assert parse_people(value) == people
    assert parse_people(parse_people(value)) == people


@pytest.mark.parametrize(
    "text",
    [
        f'{{"email": "a@example.com", "password": "{SECRET}"',
        f"{SECRET} is no object",
        json.dumps(SECRET),
        repr(SECRET),
        json.dumps([[[SECRET]]])[1:],
        "12345678",
        "1234.5678",
        "b'12345678'",
        "{'12345678'}",
        "true",
        "null",
        "None",
        "",
        " ",
        "__import__('os').system('true')",
        "[" * 100_000,
        "\x00",
        "\ud800",
        '{"password": "1234\\q5678", 5}',
        "{'password': '1234\\q5678', 5}",
        "9" * 100_000,
    ],
)
@pytest.mark.filterwarnings("error")
def test_an_unparsable_text_is_not_kept(text: str, masked: list[str]) -> None:
    found = parse_and_mask_passwords(text)
    assert isinstance(found, UnparsableText)
    assert found.startswith("(not shown")
    for secret in (SECRET, SECRET[:4], "1234", "5678"):
        assert secret not in found
    assert parse_and_mask_passwords(found) is found
    assert parse_and_mask_passwords([text, JANE]) == [found, JANE]


@pytest.mark.parametrize(
    "value",
    [
        WITH,
        json.dumps(WITH),
        repr(WITH),
        [JANE, WITH],
        [json.dumps(WITH)],
        json.dumps([JANE, WITH]),
        {**JANE, "Password": SECRET},
        {**JANE, "pasword": SECRET},
        {**JANE, "passwd": SECRET},
        {**JANE, "pass_word": SECRET},
    ],
)
def test_passwords_are_hidden_in_logs_as_they_are_and_as_json_writes_them(
    value: Any, masked: list[str]
) -> None:
    parse_and_mask_passwords(value)
    assert set(masked) == {SECRET, json.dumps(SECRET)[1:-1]}


def test_only_passwords_are_masked(masked: list[str]) -> None:
    """A name or an address that is masked makes a log useless."""
    parse_and_mask_passwords(
        {**JANE, "display_name": "x", "division_ids": ["y"], "password": None, 5: "z"}
    )
    parse_and_mask_passwords({**JANE, "password": ""})
    assert masked == []


@pytest.mark.parametrize("source", ["PIN", {"column": "PIN", "optional": True}])
def test_a_password_is_masked_whatever_its_source_calls_it(source: Any, masked: list[str]) -> None:
    mapping = {"email": "Mail", "type": 1, "password": source}
    users = [{"Mail": "ann@example.com", "PIN": "{{ params.first }}"}]
    task = ZoomCreateUsersOperator(task_id="create", users=users, mapping=mapping)

    task.render_template_fields({"params": {"first": SECRET}})

    assert set(masked) == {SECRET, json.dumps(SECRET)[1:-1]}


def test_at_most_a_hundred_people_are_masked(masked: list[str]) -> None:
    parse_and_mask_passwords([{**JANE, "password": f"secret-{number}"} for number in range(1000)])
    assert len(set(masked)) == 100


Perform = Callable[..., Any]


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize(
    "template",
    [
        "{{ params.p }}",
        "{{ params.p | tojson }}",
        {"email": "{{ params.p.email }}", "type": 1, "password": "{{ params.p.password }}"},
        '{"email": "jane@example.com", "type": 1, "password": {{ params.p.password | tojson }}}',
    ],
    ids=["literal", "json", "object", "json with a value"],
)
def test_airflow_stores_an_object_without_the_password(
    template: Any, native: bool, masked: list[str]
) -> None:
    with DAG("d", schedule=None, render_template_as_native_obj=native) as dag:
        one = ZoomCreateUserOperator(task_id="one", user_info=template)
        many = ZoomCreateUsersOperator(task_id="many", users=[template])
    context = {"params": {"p": {"email": "jane@example.com", "type": 1, "password": SECRET}}}
    for task in (one, many):
        task.render_template_fields(context, dag.get_template_env())  # type: ignore[arg-type]
    assert one.user_info == {"email": "jane@example.com", "type": 1, "password": "***"}
    assert many.users == [one.user_info]
    assert one.get_people("user_info")["password"] == SECRET
    assert many.get_people("users") == [one.get_people("user_info")]
    assert SECRET in masked


@pytest.mark.parametrize(
    "source", ["PIN", {"column": "PIN", "optional": True}, "pin", " P\u200bin\u00a0"]
)
def test_no_rendered_field_holds_a_password_of_any_number_in_a_column_of_any_name(
    source: Any, masked: list[str]
) -> None:
    mapping = {"email": "Mail", "type": 1, "password": source}
    users = [{"Mail": f"p{n}@example.com", "PIN": f"secret-{n}", "Dept": "x"} for n in range(1_000)]
    task = ZoomCreateUsersOperator(task_id="create", users=json.dumps(users), mapping=mapping)

    task.render_template_fields({"params": {}})

    assert {one["PIN"] for one in task.users} == {"***"}  # type: ignore[index, union-attr]
    assert "secret-" not in repr(task.users)
    assert [one["Dept"] for one in task.users] == ["x"] * 1_000  # type: ignore[index, union-attr]
    assert task.get_people("users") == users


def test_a_field_set_after_rendering_is_used() -> None:
    task = ZoomCreateUserOperator(task_id="one", user_info=WITH)
    task.render_template_fields({"params": {}})
    task.user_info = JANE
    assert task.get_people("user_info") == JANE
    unrendered = ZoomCreateUserOperator(task_id="two", user_info=WITH)
    assert unrendered.get_people("user_info") == WITH


@pytest.mark.parametrize(
    "people",
    [None, 5, "x", [], {}, [5], JANE, [JANE], {**JANE, "password": ""}, UnparsableText("x")],
)
def test_a_value_without_a_password_is_shown_unchanged(people: Any) -> None:
    assert redact_passwords(people) is people


def test_a_field_that_holds_no_people_is_left_alone() -> None:
    task = ZoomCreateUserOperator(task_id="one", user_info=JANE, action='"create"')
    task.render_template_fields({"params": {}})
    assert task.action == '"create"'


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@settings(derandomize=True, database=None, deadline=None)
@given(value=JSON)
def test_any_value_can_be_masked(value: Any) -> None:
    found = parse_and_mask_passwords(value)
    if isinstance(value, str):
        assert isinstance(found, (UnparsableText, dict, list))
    if isinstance(value, dict):
        assert found == value
        assert (
            parse_and_mask_passwords(json.dumps(value))
            == parse_and_mask_passwords(repr(value))
            == value
        )


@pytest.mark.parametrize(
    "people",
    [
        [{"password": 12345678}],
        [{"Kennwort": 12345678}],
        [{"password": ["12345678"]}],
        [{"password": {"value": "12345678"}}],
        [{"action": "create", "user_info": {"passwort": "12345678"}}],
        {"users": [{"Kennwort": "12345678"}]},
        ({"passwort": "12345678"},),
    ],
)
def test_a_password_of_any_type_and_at_any_depth_is_not_shown(people: Any) -> None:
    shown = redact_passwords(people, "Kennwort")
    assert "12345678" not in repr(shown)
    assert "***" in repr(shown)


def test_a_password_in_a_whole_request_is_masked(masked: list[str]) -> None:
    parse_and_mask_passwords([{"action": "create", "user_info": {"passwort": ["Hunter2!"]}}])
    assert masked == ["Hunter2!"] * 2


def test_values_nested_too_deep_are_redacted() -> None:
    deep: Any = {"password": "12345678"}
    for _ in range(2_000):
        deep = [deep]
    assert "12345678" not in repr(redact_passwords([{"note": deep}]))
    parse_and_mask_passwords([{"note": deep}])
