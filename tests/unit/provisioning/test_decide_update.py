"""Which calls an update makes: what differs, each by its own call, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoom_provider.models.user_update import validate_changes
from zoom_provider.provisioning.compare import same
from zoom_provider.provisioning.decide import Change, decide_update

JANE: dict[str, Any] = {
    "id": "u1",
    "email": "jane@example.com",
    "status": "active",
    "type": 2,
    "first_name": "Jane",
    "last_name": "Doe",
    "display_name": "Jane Doe",
    "role_id": "2",
    "dept": "Sales",
    "language": "en-US",
    "timezone": "Asia/Calcutta",
    "group_ids": ["g1", "g2"],
    "phone_numbers": [
        {
            "country": "US",
            "code": "+1",
            "number": "5550100",
            "label": "Mobile",
            "verified": False,
        }
    ],
    "custom_attributes": [{"key": "cbf_a", "name": "A", "value": "1"}],
    "vanity_url": "https://example.zoom.us/my/jane",
}


def decided(fields: dict[str, Any], **existing: Any) -> Change:
    return decide_update(validate_changes(fields).given(), {**JANE, **existing})


def calls(change: Change) -> list[tuple[str, dict[str, Any]]]:
    return [(call.kind.name, dict(call.values)) for call in change.calls]


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"dept": "Sales", "type": 2}, id="equal"),
        pytest.param({"dept": "Sales ", "first_name": " Jane"}, id="blanks"),
        pytest.param({"job_title": None, "company": "", "manager": None}, id="absent-is-empty"),
        pytest.param({"timezone": "Asia/Kolkata"}, id="time-zone-by-its-other-name"),
        pytest.param({"language": "en-us"}, id="language-in-small-letters"),
        pytest.param({"language": "English"}, id="language-by-name"),
        pytest.param({"email": "JANE@example.com"}, id="address-in-capitals"),
        pytest.param({"groups": ["g2"]}, id="member-already"),
        pytest.param({"groups": {"remove": ["g9"]}}, id="no-member-already"),
        pytest.param({"role": None}, id="member-role-already"),
        pytest.param({"role": "2"}, id="role-by-id"),
        pytest.param({"plan_united_type": "none", "zoom_one_type": 0}, id="no-plan-already"),
        pytest.param({"display_name": None}, id="made-of-the-names"),
        pytest.param({"vanity_name": "Jane"}, id="shown-as-url"),
        pytest.param({"custom_attributes": [{"key": "cbf_a", "value": 1}]}, id="attribute"),
        pytest.param(
            {"phone_numbers": [{"code": 1, "number": "555-0100", "label": "mobile"}]}, id="phone"
        ),
        pytest.param(
            {"phone_numbers": [{"code": "+1", "number": "+1 555 0100"}]}, id="phone-with-its-code"
        ),
    ],
)
def test_what_zoom_shows_in_another_form_is_no_difference(fields: dict[str, Any]) -> None:
    change = decided(fields)
    assert (change.outcome, calls(change)) == ("unchanged", [])


@pytest.mark.parametrize(
    ("wanted", "found", "equal"),
    [
        ("Europe/Kyiv", "Europe/Kiev", True),
        ("Asia/Ho_Chi_Minh", "Asia/Saigon", True),
        ("America/Indiana/Indianapolis", "America/Indianapolis", True),
        ("America/Nuuk", "America/Godthab", True),
        ("America/Halifax", "Canada/Atlantic", True),
        ("Pacific/Guadalcanal", "SST", True),
        ("Etc/UTC", "UTC", True),
        ("Asia/Dhaka", "Asia/Dacca", True),
        ("europe/berlin", "Europe/Berlin", True),
        ("Europe/Berlin", "Europe/Paris", False),
        ("Asia/Manila", "", False),
        (None, "", True),
        (None, "Europe/Paris", False),
    ],
)
def test_time_zones_are_compared_by_their_other_names(
    wanted: str | None, found: str, equal: bool
) -> None:
    assert same("timezone", wanted, {"timezone": found}) is equal


@pytest.mark.parametrize(
    ("wanted", "found", "equal"),
    [
        ("ja-JP", "jp-JP", True),
        ("ja", "jp-JP", True),
        ("ko-KR", "ko-KO", True),
        ("tr-TR", "Tr-TR", True),
        ("en_US", "en-US", True),
        ("zh-CN", "zh-TW", False),
        ("pt-BR", "pt-PT", False),
        ("en-GB", "en-US", False),
    ],
)
def test_languages_are_compared_by_zooms_spelling(wanted: str, found: str, equal: bool) -> None:
    assert same("language", wanted, {"language": found}) is equal


def test_all_fields_of_patch_go_in_one_call_and_the_others_each_by_theirs() -> None:
    change = decided(
        {
            "email": "jane.roe@example.com",
            "last_name": "Roe",
            "dept": "Law",
            "type": 1,
            "job_title": "Counsel",
            "groups": {"add": ["g3", "g1"], "remove": ["g2"]},
            "role": "r7",
            "company": None,
        },
        company="Old, Inc.",
    )
    assert change.outcome == "updated"
    assert calls(change) == [
        (
            "PATCH",
            {"last_name": "Roe", "dept": "Law", "type": 1, "job_title": "Counsel", "company": ""},
        ),
        ("JOIN_GROUP", {"group": "g3"}),
        ("LEAVE_GROUP", {"group": "g2"}),
        ("EMAIL", {"email": "jane.roe@example.com"}),
        ("ASSIGN_ROLE", {"role": "r7"}),
    ]


def test_zoom_gets_one_of_type_and_plans_in_a_call() -> None:
    change = decided({"type": 1, "dept": "Law", "plan_united_type": "8", "zoom_one_type": 16})
    assert calls(change) == [
        ("PATCH", {"type": 1, "dept": "Law"}),
        ("PATCH", {"plan_united_type": "8"}),
        ("PATCH", {"zoom_one_type": 16}),
    ]


def test_an_administrators_role_is_taken_away_before_the_address_changes() -> None:
    change = decided({"email": "j@example.com", "role": None}, role_id="1")
    assert calls(change) == [
        ("UNASSIGN_ROLE", {"role": "1"}),
        ("EMAIL", {"email": "j@example.com"}),
    ]


@pytest.mark.parametrize(
    ("name", "found", "sent"),
    [
        ("dept", "Sales", ""),
        ("timezone", "Europe/Paris", ""),
        ("manager", "lead@example.com", ""),
        ("division_ids", ["d1"], []),
        ("phone_numbers", [{"number": "1"}], []),
        ("plan_united_type", "8", "none"),
        ("zoom_one_type", 16, 0),
        (
            "custom_attributes",
            [{"key": "cbf_a", "name": "A", "value": "1"}],
            [{"key": "cbf_a", "name": "A", "value": ""}],
        ),
    ],
)
def test_each_kind_of_field_is_cleared_in_its_own_way(name: str, found: Any, sent: Any) -> None:
    assert calls(decided({name: None}, **{name: found})) == [("PATCH", {name: sent})]


def test_other_attributes_are_sent_along_so_that_none_is_lost() -> None:
    found = [{"key": "a", "name": "A", "value": "1"}, {"key": "b", "name": "B", "value": "2"}]
    change = decided({"custom_attributes": [{"key": "b", "value": "3"}]}, custom_attributes=found)
    assert calls(change) == [
        (
            "PATCH",
            {
                "custom_attributes": [
                    {"key": "a", "name": "A", "value": "1"},
                    {"key": "b", "name": "B", "value": "3"},
                ]
            },
        )
    ]


def test_groups_null_leaves_every_group() -> None:
    assert calls(decided({"groups": None})) == [
        ("LEAVE_GROUP", {"group": "g1"}),
        ("LEAVE_GROUP", {"group": "g2"}),
    ]


def test_what_zoom_never_shows_is_always_sent() -> None:
    fields = {"about_me": "Hi", "linkedin_url": None, "feature": {"zoom_phone": False}}
    assert calls(decided(fields)) == [
        ("PATCH", {"about_me": "Hi", "linkedin_url": "", "feature": {"zoom_phone": False}})
    ]


def test_the_older_phone_fields_go_together() -> None:
    fields = {"phone_number": "5550199", "phone_country": "US"}
    change = decided(fields, phone_number="+1 5550100", phone_country="US")
    assert calls(change) == [("PATCH", fields)]


def test_a_time_zone_is_sent_by_the_name_of_zooms_list() -> None:
    assert calls(decided({"timezone": "Europe/Kyiv"})) == [("PATCH", {"timezone": "Europe/Kiev"})]


def test_a_phone_number_without_a_label_is_sent_without_one() -> None:
    change = decided({"phone_numbers": [{"number": "1"}]})
    assert calls(change) == [("PATCH", {"phone_numbers": [{"number": "1"}]})]


@pytest.mark.parametrize(
    "numbers",
    [
        [],
        [{"code": "+1", "number": "5550199"}],
        [{"code": "+44", "number": "5550100"}],
        [{"code": "+1", "number": "5550100", "label": "Office"}],
        [{"number": "5550100"}, {"number": "5550101"}],
        [{"number": "5550100"}, {"number": "5550100"}],
    ],
)
def test_other_phone_numbers_are_a_difference(numbers: list[dict[str, Any]]) -> None:
    assert decided({"phone_numbers": numbers}).outcome == "updated"


def test_a_pending_user_is_sent_nothing() -> None:
    change = decided({"dept": "Law"}, status="pending")
    assert (change.outcome, change.calls) == ("pending", ())
    assert "pending" in (change.reason or "")


def test_an_inactive_user_is_sent_nothing_unless_nothing_differs() -> None:
    assert decided({"dept": "Law"}, status="inactive").calls == ()
    assert decided({"dept": "Law"}, status="inactive").outcome == "needs_human"
    assert decided({"dept": "Sales"}, status="inactive").outcome == "unchanged"


_TEXTS = st.sampled_from([None, "", "Sales", "Law"])
_USERS = st.fixed_dictionaries(
    {},
    optional={
        "dept": _TEXTS,
        "job_title": _TEXTS,
        "timezone": st.sampled_from([None, "Asia/Kolkata", "Europe/Kyiv", "UTC"]),
        "language": st.sampled_from([None, "ja-JP", "English", "de-DE"]),
        "plan_united_type": st.sampled_from([None, "8", "none"]),
        "type": st.sampled_from([1, 2, 4]),
        "groups": st.sampled_from([None, ["g1"], {"remove": ["g1"]}, {"add": ["g2"]}]),
        "role": st.sampled_from([None, "r7"]),
        "custom_attributes": st.sampled_from([None, [{"key": "a", "value": "1"}]]),
        "division_ids": st.sampled_from([None, ["d1"]]),
    },
)


@given(before=_USERS, wanted=_USERS)
def test_a_second_update_of_a_user_changed_as_decided_finds_nothing_to_do(
    before: dict[str, Any], wanted: dict[str, Any]
) -> None:
    user: dict[str, Any] = {"email": "j@example.com", "status": "active", "type": 1}
    for fields in (before, wanted):
        given_fields = validate_changes(fields).given()
        change = decide_update(given_fields, user)
        for call in change.calls:
            match call.kind.name:
                case "PATCH":
                    user |= call.values
                case "JOIN_GROUP":
                    user["group_ids"] = [*user.get("group_ids", []), call.values["group"]]
                case "LEAVE_GROUP":
                    user["group_ids"].remove(call.values["group"])
                case "ASSIGN_ROLE":
                    user["role_id"] = call.values["role"]
                case "UNASSIGN_ROLE":
                    user["role_id"] = "2"
        assert decide_update(given_fields, user).outcome == "unchanged"
