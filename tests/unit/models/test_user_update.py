"""What an update takes, what it refuses, and which way it names instead."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.requires import require
from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.models.profile import CustomAttribute, PhoneNumber
from zoom_provider.models.user_update import (
    UserUpdate,
    validate_changes,
    validate_license,
)

SUBSCRIPTION = {"license_type": "MEETING", "license_option": 2, "subscription_id": "SUBREF-a-1"}
ALL_OF_PATCH: dict[str, Any] = {
    "first_name": "Jill",
    "last_name": "Chill",
    "display_name": "Jill Chill",
    "type": 2,
    "plan_united_type": "1",
    "zoom_one_type": 576460752303423488,
    "license_info_list": [SUBSCRIPTION],
    "feature": {"zoom_phone": True},
    "dept": "Developers",
    "job_title": "Developer",
    "company": "Example, Inc.",
    "location": "San Jose",
    "cost_center": "4711",
    "manager": "tara@example.com",
    "language": "en-US",
    "timezone": "America/Chicago",
    "phone_numbers": [{"code": "+1", "country": "US", "label": "Mobile", "number": "5550100"}],
    "custom_attributes": [{"key": "cbf_a", "name": "A1", "value": "1"}],
    "division_ids": ["d1"],
    "group_id": "g1",
    "pronouns": "They/Them",
    "pronouns_option": 1,
    "pmi": 1234567890,
    "use_pmi": False,
    "vanity_name": "jill",
    "host_key": "469248",
    "about_me": "I'm a Zoom lover!",
    "linkedin_url": "https://www.linkedin.com/example",
    "cms_user_id": "k1",
}
OLD_PHONE = {"phone_country": "US", "phone_number": "5550100"}


def errors(fields: object) -> dict[str, list[str]]:
    with pytest.raises(ZoomValidationError) as caught:
        validate_changes(fields)
    return caught.value.errors


def test_every_field_of_the_reference_is_taken_as_it_is() -> None:
    assert validate_changes(ALL_OF_PATCH).given() == ALL_OF_PATCH
    assert set(ALL_OF_PATCH) | set(OLD_PHONE) == set(UserUpdate.model_fields)
    assert validate_changes(OLD_PHONE).given() == OLD_PHONE


@pytest.mark.parametrize(
    ("given", "read"),
    [
        pytest.param({}, {}, id="absent-is-left-alone"),
        pytest.param({"dept": None}, {"dept": None}, id="null-clears"),
        pytest.param({"dept": "  "}, {"dept": None}, id="blanks-clear"),
        pytest.param({"dept": " Sales "}, {"dept": "Sales"}, id="stripped"),
        pytest.param({"type": "2"}, {"type": 2}, id="type-as-text"),
        pytest.param({"plan_united_type": "none"}, {"plan_united_type": None}, id="no-plan"),
        pytest.param({"plan_united_type": 8}, {"plan_united_type": "8"}, id="plan-as-number"),
        pytest.param({"zoom_one_type": 0}, {"zoom_one_type": None}, id="no-zoom-one"),
        pytest.param({"phone_numbers": []}, {"phone_numbers": []}, id="no-numbers"),
        pytest.param(
            {"phone_numbers": [{"number": 5550100, "code": 1, "country": "us", "label": "OFFICE"}]},
            {
                "phone_numbers": [
                    {"number": "5550100", "code": "+1", "country": "US", "label": "Office"}
                ]
            },
            id="phone-in-zooms-spelling",
        ),
        pytest.param({"host_key": 469248}, {"host_key": "469248"}, id="host-key-as-number"),
        pytest.param(
            {"custom_attributes": [{"key": "cbf_a", "value": 7}]},
            {"custom_attributes": [{"key": "cbf_a", "name": None, "value": "7"}]},
            id="attribute-as-number",
        ),
        pytest.param(
            {"groups": ["Sales", "g2"]},
            {"groups": {"add": ["Sales", "g2"], "remove": []}},
            id="a-list-joins",
        ),
        pytest.param(
            {"groups": {"remove": ["Sales"]}},
            {"groups": {"add": [], "remove": ["Sales"]}},
            id="leaves",
        ),
        pytest.param({"groups": None}, {"groups": None}, id="leaves-all"),
        pytest.param({"role": 1}, {"role": "1"}, id="role-as-number"),
        pytest.param({"role": None}, {"role": None}, id="member-again"),
        pytest.param({"timezone": "Asia/Manila"}, {"timezone": "Asia/Manila"}, id="open-set"),
        pytest.param({"language": "nl-NL"}, {"language": "nl-NL"}, id="open-languages"),
    ],
)
def test_values_set_null_clears_and_absent_fields_are_left_alone(
    given: dict[str, Any], read: dict[str, Any]
) -> None:
    assert validate_changes(given).given() == read


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("employee_unique_id", "7", "SAML settings (Employee Unique ID), or write employeeNumber"),
        ("employeeId", "7", "SAML settings"),
        ("status", "inactive", "use ZoomSetUserStatusOperator"),
        ("role_name", "Admin", "answers 204 and does nothing: write role"),
        ("role_id", "1", "write role"),
        ("group_ids", ["g1"], "write groups"),
        ("id", "u1", "is given by Zoom"),
        ("password", "Sesame42!open", "link to reset it"),
        ("vanity_url", "x", "write vanity_name"),
        ("zoom_phone", True, "feature.zoom_phone"),
        ("department", "x", "did you mean dept?"),
        ("Job Title", "x", "did you mean job_title?"),
        ("supervisor", "x", "did you mean manager?"),
        ("quux", "x", "is not a field of Zoom's: it takes about_me,"),
        ("type", None, "cannot be cleared: write 1 (Basic)"),
        ("type", "Licensed", "(write 2)"),
        ("type", 99, "must be 1 (Basic)"),
        ("type", True, "must be 1 (Basic)"),
        ("email", None, "removed with ZoomDeleteUserOperator"),
        ("email", "jane", "must have exactly one @"),
        ("manager", "Tara Smith", "must have exactly one @"),
        ("job_title", "x" * 129, "must not have more than 128 characters"),
        ("company", "x" * 256, "must not have more than 255 characters"),
        ("location", "x" * 257, "must not have more than 256 characters"),
        ("first_name", "x" * 65, "must not have more than 64 characters"),
        ("display_name", "\N{CJK UNIFIED IDEOGRAPH-738B}" * 11, "more than 10 Chinese"),
        ("dept", "a\nb", "must not hold control characters"),
        ("dept", 5, "must be a string"),
        ("phone_numbers", [{"number": "1"}] * 4, "must not have more than 3 entries"),
        ("phone_numbers", "5550100", "must be a list"),
        ("custom_attributes", [{"key": "a"}] * 6, "must not have more than 5 entries"),
        ("division_ids", ["a", "b"], "must not have more than 1 entry"),
        ("pronouns_option", 4, "must be 1 (ask)"),
        ("pmi", 12345, "must have 10 digits"),
        ("pmi", None, "cannot be cleared"),
        ("host_key", "12345", "6 to 10 digits"),
        ("host_key", "", "cannot be cleared"),
        ("about_me", "see https://example.com", "no link"),
        ("about_me", "x" * 151, "must not have more than 150 characters"),
        ("linkedin_url", "https://example.com", "must contain linkedin.com"),
        ("zoom_one_type", 72057594037927940, "write 72057594037927936"),
        ("use_pmi", "maybe", "must be true or false"),
        ("feature", None, "take Zoom Phone away"),
        ("groups", "Sales", "must be a list of groups"),
        ("groups", {"add": ["a"], "remove": ["a"]}, "in add and in remove"),
    ],
)
def test_what_zoom_would_drop_or_refuse_is_refused_with_the_way_that_exists(
    name: str, value: object, text: str
) -> None:
    found = errors({name: value})
    assert list(found) == [f"fields.{name}"]
    assert text in "; ".join(found[f"fields.{name}"])


@pytest.mark.parametrize(
    ("fields", "place", "text"),
    [
        ({"phone_numbers": [{"nummer": "1"}]}, "phone_numbers[0].nummer", "did you mean number?"),
        ({"phone_numbers": [{"number": "x"}]}, "phone_numbers[0].number", "a phone number"),
        (
            {"phone_numbers": [{"number": "1", "label": "Work"}]},
            "phone_numbers[0].label",
            "Mobile, Office, Home, Fax",
        ),
        (
            {"phone_numbers": [{"number": "1", "country": "USA"}]},
            "phone_numbers[0].country",
            "two letters",
        ),
        ({"custom_attributes": [{"value": "1"}]}, "custom_attributes[0].key", "is required"),
        ({"feature": {"zoom_one_type": 16}}, "feature.zoom_one_type", "beside feature"),
        ({"groups": {"ad": ["x"]}}, "groups.ad", "did you mean add?"),
        ({"phone_number": "1"}, "phone_country", "phone_number and phone_country together"),
        ({**OLD_PHONE, "phone_numbers": []}, "phone_number", "older form"),
    ],
)
def test_errors_name_the_place(fields: dict[str, Any], place: str, text: str) -> None:
    assert text in "; ".join(errors(fields)[f"fields.{place}"])


@pytest.mark.parametrize("fields", [5, None, "dept", [("dept", "x")]])
def test_fields_that_are_no_object_are_refused(fields: object) -> None:
    assert errors(fields)["fields"][0].startswith("must be an object")


def test_all_errors_are_named_at_once_and_no_value_is() -> None:
    with pytest.raises(ZoomValidationError) as caught:
        validate_changes({"first_name": "Jane" * 40, "host_key": "secret", "dept": 5})
    assert set(caught.value.errors) == {"fields.first_name", "fields.host_key", "fields.dept"}
    assert "Jane" not in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "Jane" not in repr(validate_changes({"first_name": "Jane", "dept": "x"}))


def test_a_license_holds_licenses_only() -> None:
    assert validate_license({"type": 2, "plan_united_type": "8"}).given() == {
        "type": 2,
        "plan_united_type": "8",
    }
    with pytest.raises(ZoomValidationError) as caught:
        validate_license({"dept": "Sales", "email": "x@example.com", "typ": 2})
    assert set(caught.value.errors) == {"license.dept", "license.email"}
    with pytest.raises(ZoomValidationError, match="did you mean type"):
        validate_license({"typ": 2})


def test_the_fields_and_lengths_are_those_of_zooms_reference() -> None:
    path = os.environ.get("ZOOM_OPENAPI", "")
    require("Zoom's API description", path, "let ZOOM_OPENAPI name a copy of it")
    patch = json.loads(Path(path).read_text())["paths"]["/users/{userId}"]["patch"]
    fields = patch["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert set(fields) == set(UserUpdate.model_fields)
    assert set(fields["phone_numbers"]["items"]["properties"]) == set(PhoneNumber.model_fields)
    attribute = fields["custom_attributes"]["items"]["properties"]
    assert set(attribute) == set(CustomAttribute.model_fields)
    for name, schema in fields.items():
        most = schema.get("maxLength")
        if schema.get("type") == "string" and most and name != "host_key":
            validate_changes({name: "x" * most})
            assert f"more than {most} characters" in str(errors({name: "x" * (most + 1)}))
        if schema.get("type") == "array" and "maxItems" in schema:
            assert str(schema["maxItems"]) in str(errors({name: [{}] * (schema["maxItems"] + 1)}))
