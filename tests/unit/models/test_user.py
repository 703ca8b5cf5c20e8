"""What is sent, which actions and types there are, and how faults are reported."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from pydantic import ValidationError

from tests.unit.models.people import (
    JANE,
    PASSWORD,
    SUBSCRIPTION,
    faults,
    jane,
    refused,
    sent,
    short,
)
from zoom_provider.models.licenses import Feature
from zoom_provider.models.rules import UserType
from zoom_provider.models.user import (
    Action,
    CreateRequest,
    UserInfo,
    parse_create_request,
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(JANE, JANE, id="least"),
        pytest.param(
            json.loads(
                '{"email": "jane@example.com", "type": 1, "first_name": "Jane", "last_name": "Doe"}'
            ),
            jane(first_name="Jane", last_name="Doe"),
            id="the-original-workflow",
        ),
        pytest.param(jane(type="2"), jane(type=2), id="type-as-text"),
        pytest.param(jane(type=" 2\n"), jane(type=2), id="type-as-text-with-blanks"),
        pytest.param(jane(type=UserType.LICENSED), jane(type=2), id="type-as-enum"),
        pytest.param(jane(email=" jane@example.com\n"), JANE, id="email-stripped"),
        pytest.param(jane(first_name="  Jane "), jane(first_name="Jane"), id="name-stripped"),
        pytest.param(
            jane(first_name="", last_name="  ", display_name="\t"), JANE, id="blank-names-not-given"
        ),
        pytest.param(
            jane(
                **dict.fromkeys(
                    [
                        *("first_name", "last_name", "display_name", "password", "division_ids"),
                        *("feature", "plan_united_type", "license_info_list"),
                    ]
                )
            ),
            JANE,
            id="null-is-not-given",
        ),
        pytest.param(
            jane(feature={"zoom_phone": None, "zoom_one_type": 16}),
            jane(feature={"zoom_one_type": 16}),
            id="null-in-feature-is-not-given",
        ),
        pytest.param(jane(plan_united_type=8), jane(plan_united_type="8"), id="plan-as-number"),
        pytest.param(
            jane(feature={"zoom_one_type": "576460752303423488"}),
            jane(feature={"zoom_one_type": 576460752303423488}),
            id="zoom-one-as-text",
        ),
        pytest.param(
            jane(license_info_list=[SUBSCRIPTION | {"license_option": "2"}]),
            jane(license_info_list=[SUBSCRIPTION]),
            id="license-option-as-text",
        ),
        pytest.param(MappingProxyType(JANE), JANE, id="any-mapping"),
        pytest.param(
            UserInfo(email="jane@example.com", type=UserType.BASIC), JANE, id="a-UserInfo"
        ),
    ],
)
def test_what_zoom_is_sent(given: Mapping[str, Any], expected: dict[str, Any]) -> None:
    assert sent(given) == expected


def test_every_field_of_the_reference_is_sent() -> None:
    everything = {
        "email": "jane@example.com",
        "type": 2,
        "first_name": "Jane",
        "last_name": "Doe",
        "display_name": "Jane Doe",
        "password": PASSWORD,
        "division_ids": ["d1"],
        "feature": {"zoom_phone": True, "zoom_one_type": 64},
        "plan_united_type": "131072",
        "license_info_list": [
            SUBSCRIPTION,
            SUBSCRIPTION | {"license_type": "ZOOM_WORKPLACE_BUNDLE", "license_option": 8},
        ],
    }
    request = parse_create_request("autoCreate", everything)
    assert json.loads(json.dumps(request.body())) == {
        "action": "autoCreate",
        "user_info": everything,
    }
    assert set(everything) == set(UserInfo.model_fields)
    assert request.user_info.given_fields() == {
        k: v for k, v in everything.items() if k != "password"
    }
    assert request.email == "jane@example.com"
    assert request.warnings == ()


def test_the_input_is_left_as_it_was() -> None:
    given = jane(first_name=" Jane ", feature={"zoom_phone": None})
    before = json.dumps(given)
    parse_create_request("create", given)
    assert json.dumps(given) == before


@pytest.mark.parametrize("action", ["create", "autoCreate", "custCreate", "ssoCreate"])
@pytest.mark.parametrize("form", [str, Action, lambda text: f" {text}\n"])
def test_actions(action: str, form: Any) -> None:
    assert parse_create_request(form(action), jane(type=2)).body()["action"] == action


@pytest.mark.parametrize(
    ("action", "text"),
    [
        ("ssocreate", "must be written ssoCreate"),
        ("SSOCREATE", "must be written ssoCreate"),
        ("Create", "must be written create"),
        ("autocreate", "must be written autoCreate"),
        ("custcreate ", "must be written custCreate"),
        ("autoCraete", "did you mean autoCreate?"),
        ("delete me", "must be create, autoCreate, custCreate or ssoCreate"),
        ("", "is required"),
        ("  ", "is required"),
        (None, "is required"),
        (True, "must be create"),
        (1, "must be create"),
        (["create"], "must be create"),
        ({"create": 1}, "must be create"),
        (b"create", "must be create"),
        ("\ud800", "must be create"),
        ("x" * 1_000_000, "must be create"),
    ],
    ids=short,
)
def test_actions_that_are_none(action: object, text: str) -> None:
    [said] = faults(JANE, action)["action"]
    assert text in said


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (None, "is required: 1 (Basic), 2 (Licensed) or 4 (Unassigned without Meetings Basic)"),
        ("", "is required"),
        (0, "not 0"),
        (5, "not 5"),
        (-1, "not -1"),
        (10**30, "not a larger number"),
        (10**6000, "not a larger number"),
        ("9" * 6000, "not another text"),
        (True, "not true or false"),
        (False, "not true or false"),
        (2.0, "not a number with a decimal point"),
        (float("nan"), "not a number with a decimal point"),
        ("2.0", "not '2.0'"),
        ("two", "not 'two'"),
        ("licensed", "(write 2)"),
        ("Basic", "(write 1)"),
        ("Passw0rd", "not another text"),
        ("²", "not '²'"),
        ("\N{FULLWIDTH DIGIT TWO}", "not '\N{FULLWIDTH DIGIT TWO}'"),
        ("\n1\x00", "not '\\n1\\x00'"),
        ([1], "not a list"),
        ({"id": 1}, "not an object"),
        (b"1", "not bytes"),
        (99, "99 (None) goes with ssoCreate only"),
        ("99", "99 (None) goes with ssoCreate only"),
    ],
    ids=short,
)
def test_types_that_are_none(given: object, text: str) -> None:
    [said] = faults(jane(type=given))["user_info.type"]
    assert text in said


@pytest.mark.parametrize(
    ("action", "user_type", "warning"),
    [
        ("create", 1, None),
        ("create", 2, None),
        ("create", 4, None),
        ("create", 3, "3 (On-prem) has left Zoom's reference"),
        ("ssoCreate", "3", "3 (On-prem) has left Zoom's reference"),
        ("ssoCreate", 99, "99 (None) is struck out in Zoom's reference"),
        ("custCreate", 2, None),
        ("custCreate", 1, "1 with custCreate: Zoom's partner guide asks for 2"),
        ("custCreate", 4, "4 with custCreate: Zoom's partner guide asks for 2"),
        ("autoCreate", 1, None),
    ],
)
def test_what_is_let_through_with_a_warning(
    action: str, user_type: object, warning: str | None
) -> None:
    request = parse_create_request(action, jane(type=user_type))
    assert request.body()["user_info"]["type"] == int(str(user_type))
    assert len(request.warnings) == (warning is not None)
    assert all(str(warning) in said for said in request.warnings)


@pytest.mark.parametrize("action", ["create", "custCreate", "ssoCreate", "SSOcreate"])
@pytest.mark.parametrize("password", [PASSWORD, ""])
def test_a_password_goes_with_autocreate_only(action: str, password: str) -> None:
    said = faults(jane(type=2, password=password), action)["user_info.password"]
    assert said[0].startswith("is used by Zoom with autoCreate only")


@pytest.mark.parametrize("fields", [{}, {"password": None}])
def test_autocreate_does_not_ask_for_a_password(fields: dict[str, None]) -> None:
    # Zoom's reference does not either: such people log in by other means or reset it.
    assert "password" not in sent(jane(**fields), "autoCreate")


def test_the_password_is_in_the_body_and_nowhere_else() -> None:
    request = parse_create_request(
        "autoCreate", jane(password=PASSWORD, first_name="Jane", last_name="Doe")
    )
    assert request.body()["user_info"]["password"] == PASSWORD
    shown = " ".join(
        [
            repr(request),
            str(request),
            repr(request.user_info),
            str(request.user_info),
            repr(request.user_info.given_fields()),
            repr(request.user_info.model_dump()),
            request.user_info.model_dump_json(),
        ]
    )
    assert PASSWORD not in shown
    # Nor are names logged, not even by accident.
    assert "Doe" not in repr(request)


def test_an_error_holds_no_password() -> None:
    secret = "hunter2-hunter2-hunter2"
    error = refused("create", jane(email="x", password=secret, pasword=secret, feature=secret))
    assert set(error.errors) == {
        "user_info.email",
        "user_info.password",
        "user_info.pasword",
        "user_info.feature",
    }
    assert secret not in f"{error}{error!r}{error.errors}{error.__dict__}"
    # pydantic's own error, which holds the input, does not hang on either.
    assert error.__cause__ is None
    assert error.__context__ is None
    assert pickle.loads(pickle.dumps(error)).errors == error.errors  # noqa: S301


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (None, "null"),
        ("", "a string"),
        ('{"email": "jane@example.com"}', "a string"),
        ([], "a list"),
        ([JANE], "a list"),
        (5, "int"),
        (float("nan"), "float"),
        (True, "bool"),
        (object(), "object"),
    ],
)
def test_a_person_is_an_object(given: object, kind: str) -> None:
    assert faults(given) == {
        "user_info": [
            f"must be an object, that is, Zoom's field names with their values, not {kind}"
        ]
    }


def test_all_errors_of_a_user_are_reported_at_once() -> None:
    error = refused(
        "ssocreate",
        {
            "email": "jane",
            "first_name": "一二三四五六",
            "password": "weak",
            "department": "Sales",
            "feature": {"zoom_phone": "yes"},
            "license_info_list": [SUBSCRIPTION | {"license_type": "x"}],
        },
    )
    assert list(error.errors) == [
        "action",
        "user_info.password",
        "user_info.email",
        "user_info.type",
        "user_info.first_name",
        "user_info.feature.zoom_phone",
        "user_info.license_info_list[0].license_type",
        "user_info.department",
    ]
    assert error.errors["user_info.password"][1:] == [
        "must have 8 to 32 characters",
        "needs a digit (0-9)",
        "needs a capital letter (A-Z)",
    ]
    text = str(error)
    assert text.startswith("Nothing was sent to Zoom: action: must be written ssoCreate")
    assert all(f"{field}: {said[0]}" in text for field, said in error.errors.items())
    assert error.remedy == "fail"


def test_an_empty_person() -> None:
    assert list(faults({})) == ["user_info.email", "user_info.type"]


def test_a_message_stays_readable_whatever_came() -> None:
    error = refused("create", {f"column {n}": n for n in range(10_000)})
    assert len(error.errors) == 51
    assert error.errors["user_info"] == ["has more faults than are worth listing"]
    assert str(error).endswith("; and 31 more fields.")
    assert len(str(error)) < 8_000


@pytest.mark.parametrize(
    "crowd",
    [
        pytest.param({f"{'x' * 100}{n}": n for n in range(10_000)}, id="cut to one name"),
        pytest.param({n: n for n in range(10_000)}, id="no names at all"),
    ],
)
def test_many_faults_of_what_looks_like_one_field_stay_readable(crowd: dict[Any, int]) -> None:
    """The reason goes into each person's line of the report, and into XCom."""
    error = refused("create", {"email": "jane@example.com", "type": 1, **crowd})
    assert sum(map(len, error.errors.values())) <= 51
    assert len(str(error)) < 10_000


def test_a_request_does_not_change() -> None:
    request = parse_create_request("create", jane(feature={"zoom_phone": True}))
    with pytest.raises(AttributeError):
        request.action = Action.ssoCreate  # type: ignore[misc]
    with pytest.raises(ValidationError):
        request.user_info.email = "john@example.com"
    assert isinstance(request.user_info.feature, Feature)
    with pytest.raises(ValidationError):
        request.user_info.feature.zoom_phone = False
    assert request == CreateRequest(Action.create, request.user_info)
