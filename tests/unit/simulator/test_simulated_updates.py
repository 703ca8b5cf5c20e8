"""PATCH of active and inactive people, and changes of their addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from zoom_provider.simulator.server import Simulator

if TYPE_CHECKING:
    from tests.unit.simulator.conftest import Caller

DAY = 86_400
JANE = {"email": "jane@corp.com", "id": "jane-id", "first_name": "Jane", "last_name": "Doe"}


@pytest.fixture(autouse=True)
def _people(zoom: Simulator) -> None:
    zoom.configure(managed_domains=["corp.com"])
    zoom.seed(JANE, {"email": "boss@corp.com", "first_name": "Bo", "last_name": "Boss"})


def test_each_field_of_patch_is_read_back_and_no_other_changes(
    call: Caller, zoom: Simulator
) -> None:
    before = call.user("jane-id")
    fields = {
        "first_name": "Janet",
        "dept": "Research",
        "job_title": "Lead",
        "company": "Corp",
        "location": "Riga",
        "cost_center": "C1",
        "manager": "boss@corp.com",
        "language": "de-DE",
        "timezone": "Europe/Riga",
        "pronouns": "she/her",
        "pronouns_option": 2,
        "pmi": 1234567890,
        "use_pmi": True,
        "cms_user_id": "77",
        "division_ids": ["one"],
    }

    assert call.change("jane-id", **fields) == (204, None)

    after = call.user("jane-id")
    derived = {"display_name": "Janet Doe"}
    assert after == {**before, **fields, **derived}


def test_fields_that_get_does_not_show(call: Caller) -> None:
    fields = {
        "about_me": "Hello",
        "linkedin_url": "https://linkedin.com/in/jane",
        "host_key": "123456",
        "vanity_name": "jane.doe",
    }

    assert call.change("jane-id", **fields) == (204, None)

    shown = call.user("jane-id")
    assert not set(fields) & set(shown)
    assert shown["vanity_url"].endswith("/jane.doe")
    [row] = [r for r in call.listed(include_fields="host_key") if r["id"] == "jane-id"]
    assert row["host_key"] == "123456"
    assert "host_key" not in call.listed()[0]


@pytest.mark.parametrize(
    "fields",
    [
        {"role_name": "Admin"},
        {"role_id": "1"},
        {"status": "inactive"},
        {"email": "other@corp.com"},
        {"employee_unique_id": "E1"},
        {"group_ids": ["g"]},
        {"group_id": "g"},
        {"no_such_field": {"at": "all"}},
        {},
    ],
)
def test_unknown_fields_answer_204_and_change_nothing(
    call: Caller, zoom: Simulator, fields: dict[str, Any]
) -> None:
    before = zoom.person("jane-id")

    assert call.change("jane-id", **fields) == (204, None)
    assert zoom.person("jane-id") == before


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"about_me": "see https://example.com"}, 300),
        ({"linkedin_url": "https://example.com/jane"}, 300),
        ({"phone_numbers": [{"number": "1"}] * 4}, 300),
        ({"phone_numbers": [{"number": "1", "label": "work"}]}, 300),
        ({"custom_attributes": [{"name": "Shirt"}]}, 300),
        ({"pronouns_option": 4}, 300),
        ({"pmi": 123}, 300),
        ({"use_pmi": "yes"}, 300),
        ({"location": "x" * 257}, 300),
        ({"vanity_name": "taken"}, 4100),
    ],
)
def test_values_that_patch_refuses(
    call: Caller, zoom: Simulator, fields: dict[str, Any], code: int
) -> None:
    zoom.seed({"email": "ann@corp.com", "profile": {"vanity_name": "taken"}})
    before = zoom.person("jane-id")

    assert call.change("jane-id", **fields) == (400, code)
    assert zoom.person("jane-id") == before


def test_a_list_row_leaves_most_of_the_profile_out(call: Caller) -> None:
    call.change("jane-id", dept="Research", job_title="Lead", manager="boss@corp.com", company="C")

    rows = {row["email"]: row for row in call.listed()}

    left_out = {"job_title", "manager", "cost_center", "location", "company", "role_name"}
    assert not left_out & set(rows["jane@corp.com"])
    assert rows["jane@corp.com"]["dept"] == "Research"
    assert not {"dept", "group_ids"} & set(rows["boss@corp.com"])


@pytest.mark.parametrize(
    ("switch", "wanted", "status", "found"),
    [
        ("dropped", "boss@corp.com", 204, "boss@corp.com"),
        ("dropped", "Bo Boss", 204, "Bo Boss"),
        ("dropped", "unknown@corp.com", 204, "old@corp.com"),
        ("refused", "unknown@corp.com", 400, "old@corp.com"),
        ("dropped", "", 204, ""),
    ],
)
def test_a_manager_is_one_of_the_account(
    call: Caller, zoom: Simulator, switch: str, wanted: str, status: int, found: str
) -> None:
    zoom.configure(unknown_manager=switch)
    zoom.change("jane-id", profile={"manager": "old@corp.com"})

    assert call.change("jane-id", manager=wanted, dept="New")[0] == status

    shown = call.user("jane-id")
    assert shown["manager"] == found
    assert shown["dept"] == ("New" if status == 204 else "")


def test_phone_numbers_are_replaced_as_a_whole(call: Caller) -> None:
    first = {"code": "+371", "country": "LV", "label": "Office", "number": "+37120000000"}
    call.change("jane-id", phone_numbers=[{"number": "111"}, {"number": "222"}])

    call.change("jane-id", phone_numbers=[first])

    assert call.user("jane-id")["phone_numbers"] == [
        {**first, "number": "20000000", "verified": False}
    ]


@pytest.mark.parametrize(
    ("write", "left"), [("merged", {"cbf_1": "M", "cbf_2": "42"}), ("replaced", {"cbf_1": "M"})]
)
def test_custom_attributes_have_keys_that_the_account_knows(
    call: Caller, zoom: Simulator, write: str, left: dict[str, str]
) -> None:
    zoom.configure(custom_attributes="cbf_1=Shirt,cbf_2=Shoe", custom_attributes_write=write)
    call.change("jane-id", custom_attributes=[{"key": "cbf_2", "value": "42"}])

    unknown = {"key": "cbf_9", "name": "Hat", "value": "L"}
    known = {"key": "cbf_1", "value": "M"}
    assert call.change("jane-id", custom_attributes=[known, unknown]) == (204, None)

    found = call.user("jane-id")["custom_attributes"]
    assert {item["key"]: item["value"] for item in found} == left
    names = {"cbf_1": "Shirt", "cbf_2": "Shoe"}
    assert all(item["name"] == names[item["key"]] for item in found)


@pytest.mark.parametrize(("clears", "found"), [(True, ""), (False, "Old")])
def test_an_empty_text_clears_by_a_switch(
    call: Caller, zoom: Simulator, clears: bool, found: str
) -> None:
    zoom.configure(empty_clears=clears)
    zoom.change("jane-id", profile={"dept": "Old"})

    assert call.change("jane-id", dept="", job_title="") == (204, None)
    assert call.user("jane-id")["dept"] == found
    assert call.user("jane-id")["job_title"] == ""


def test_an_empty_display_name_is_derived_from_the_names(call: Caller) -> None:
    call.change("jane-id", display_name="JD")
    assert call.user("jane-id")["display_name"] == "JD"

    call.change("jane-id", display_name="")
    assert call.user("jane-id")["display_name"] == "Jane Doe"


def test_zooms_own_spellings_come_back_by_a_switch(call: Caller, zoom: Simulator) -> None:
    sent = {"language": "ja-JP", "timezone": "Europe/Kyiv"}
    call.change("jane-id", **sent)
    assert {name: call.user("jane-id")[name] for name in sent} == sent

    zoom.configure(spelling="zoom")

    found = {name: call.user("jane-id")[name] for name in sent}
    assert found == {"language": "jp-JP", "timezone": "Europe/Kiev"}


def test_a_chosen_field_is_dropped_with_204(call: Caller, zoom: Simulator) -> None:
    zoom.configure(ignored_fields=["dept", "email", "status"])

    assert call.change("jane-id", dept="Research", job_title="Lead") == (204, None)
    assert call.set_email("jane-id", "j@corp.com") == (204, None)
    assert call.set_status("jane-id", "deactivate") == (204, None)

    shown = call.user("jane-id")
    assert (shown["dept"], shown["job_title"]) == ("", "Lead")
    assert (shown["email"], shown["status"]) == ("jane@corp.com", "active")


@pytest.mark.parametrize(
    ("switch", "expected"), [("dropped", (204, None)), ("refused", (400, 300))]
)
def test_an_inactive_person_is_readable_and_not_changed(
    call: Caller, zoom: Simulator, switch: str, expected: tuple[int, int | None]
) -> None:
    zoom.configure(inactive_update=switch)
    zoom.change("jane-id", status="inactive", profile={"dept": "Old"})

    assert call.change("jane-id", dept="New") == expected
    assert call.set_email("jane-id", "j@corp.com") == expected

    shown = call.user("jane-id")
    assert (shown["dept"], shown["status"], shown["email"]) == ("Old", "inactive", "jane@corp.com")


def test_a_changed_address_keeps_the_id_and_frees_the_old_one(
    call: Caller, zoom: Simulator
) -> None:
    zoom.group("Sales", "jane-id", group_id="sales")

    assert call.set_email("jane@corp.com", "Jane.Roe@corp.com") == (204, None)

    assert call.user("jane-id")["email"] == "Jane.Roe@corp.com"
    assert call.user("jane.roe@corp.com")["id"] == "jane-id"
    assert call.user("jane-id")["group_ids"] == ["sales"]
    members = call("GET", "/v2/groups/sales/members").json()["members"]
    assert [member["email"] for member in members] == ["Jane.Roe@corp.com"]
    assert call.verdict(call("GET", "/v2/users/jane@corp.com")) == (404, 1001)
    assert call.create("jane@corp.com").status_code == 201


@pytest.mark.parametrize(
    ("switches", "user", "email", "expected"),
    [
        ({}, "jane-id", "jane@example.com", (400, 1116)),
        ({"managed_domains": []}, "jane-id", "j@corp.com", (400, 1116)),
        ({}, "jane-id", "boss@corp.com", (409, 1005)),
        ({"email_taken": 300}, "jane-id", "BOSS@corp.com", (400, 300)),
        ({"foreign_accounts": {"j@corp.com": "free"}}, "jane-id", "j@corp.com", (409, 1005)),
        ({}, "jane-id", "JANE@corp.com", (204, None)),
        ({}, "jane-id", "no-address", (400, 300)),
        ({}, "admin-id", "a@corp.com", (400, 1000)),
        ({}, "unknown", "a@corp.com", (404, 1001)),
    ],
)
def test_addresses_that_a_person_may_get(
    call: Caller,
    zoom: Simulator,
    switches: dict[str, Any],
    user: str,
    email: str,
    expected: tuple[int, int | None],
) -> None:
    zoom.configure(**switches)
    zoom.seed({"email": "admin@corp.com", "id": "admin-id", "role_id": "1"})

    assert call.set_email(user, email) == expected
    found = zoom.person(user)
    changed = found is not None and found["email"] == email
    assert changed == (expected[0] == 204)


def test_a_disassociated_persons_address_is_taken(call: Caller, zoom: Simulator) -> None:
    zoom.seed("gone@corp.com")
    zoom.configure(managed_domains=[])
    call.delete("gone@corp.com")
    zoom.configure(managed_domains=["corp.com"])

    assert call.set_email("jane-id", "gone@corp.com") == (409, 1005)


@pytest.mark.parametrize(("limited", "expected"), [(True, (400, 300)), (False, (204, None))])
def test_an_address_changes_three_times_in_a_day(
    call: Caller, zoom: Simulator, limited: bool, expected: tuple[int, int | None]
) -> None:
    zoom.configure(email_changes_limited=limited)
    for number in range(3):
        assert call.set_email("jane-id", f"j{number}@corp.com") == (204, None)

    assert call.set_email("jane-id", "j3@corp.com") == expected
    zoom.advance_clock(DAY + 1)
    call.renew()
    assert call.set_email("jane-id", "j4@corp.com") == (204, None)


def test_an_old_address_stays_taken_for_a_day_by_a_switch(call: Caller, zoom: Simulator) -> None:
    zoom.configure(old_email_reserved=True)
    call.set_email("jane-id", "j@corp.com")

    assert call.create("jane@corp.com").status_code == 409
    zoom.advance_clock(DAY + 1)
    call.renew()
    assert call.create("jane@corp.com").status_code == 201
