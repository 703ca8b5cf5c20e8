"""POST /users: what Zoom takes, what it refuses and with which code."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from zoom_provider.simulator.server import Simulator

if TYPE_CHECKING:
    from tests.unit.simulator.conftest import Caller

HAN = "\u674e"


def test_the_documented_reply(call: Caller, zoom: Simulator) -> None:
    reply = call.create("Jane@Example.com", first_name="Jane", last_name="Doe")

    body = reply.json()
    assert reply.status_code == 201
    assert re.fullmatch(r"[\w-]{22}", body.pop("id"))
    assert body == {
        "email": "Jane@Example.com",
        "first_name": "Jane",
        "last_name": "Doe",
        "type": 1,
    }
    assert re.fullmatch(r"v=2\.0;clid=us02;rid=WEB_\w+", reply.headers["x-zm-trackingid"])
    assert [person["email"] for person in zoom.people()] == ["Jane@Example.com"]


@pytest.mark.parametrize(
    ("action", "switches", "status", "login_type"),
    [
        ("create", {}, "pending", 100),
        ("create", {"create_status": "active"}, "active", 100),
        ("autoCreate", {}, "active", 100),
        ("custCreate", {}, "active", 99),
        ("ssoCreate", {"sso": "on"}, "active", 101),
    ],
)
def test_what_each_action_makes(
    call: Caller,
    zoom: Simulator,
    action: str,
    switches: dict[str, Any],
    status: str,
    login_type: int,
) -> None:
    zoom.configure(**switches)

    assert call.create(action=action, type=2).status_code == 201

    [person] = zoom.people()
    assert (person["status"], person["login_type"], person["type"]) == (status, login_type, 2)


GOOD: dict[str, Any] = {"email": "jane@example.com", "type": 1}


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("type", {"type": 5}),
    ("type", {"type": 99}),
    ("type", {"type": "1"}),
    ("type", {"type": True}),
    ("type", {"type": 1.0}),
    ("email", {"email": "jane"}),
    ("email", {"email": "jane@example"}),
    ("email", {"email": "ja ne@example.com"}),
    ("email", {"email": 7}),
    ("email", {"email": f"{'j' * 117}@example.com"}),
    ("first_name", {"first_name": "x" * 65}),
    ("last_name", {"last_name": None}),
    ("last_name", {"last_name": HAN * 6}),
    ("display_name", {"display_name": "x" * 129}),
    ("display_name", {"display_name": HAN * 11}),
    ("division_ids", {"division_ids": ["a", "b"]}),
    ("feature", {"feature": "zoom_phone"}),
    ("feature.zoom_phone", {"feature": {"zoom_phone": 1}}),
    ("feature.zoom_one_type", {"feature": {"zoom_one_type": 72057594037927940}}),
    ("license_info_list", {"license_info_list": [{}, {}, {}]}),
    ("license_info_list[0]", {"license_info_list": [{"license_type": "MEETING"}]}),
]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["action", "user_info.email", "user_info.type"]),
        ({"action": "create"}, ["user_info.email", "user_info.type"]),
        ({"action": "create", "user_info": {"email": "a@b.com"}}, ["user_info.type"]),
        ({"action": "Create", "user_info": GOOD}, ["action"]),
        ({"action": ["create"], "user_info": GOOD}, ["action"]),
        *(
            ({"action": "create", "user_info": {**GOOD, **change}}, [f"user_info.{field}"])
            for field, change in WRONG
        ),
    ],
)
def test_wrong_fields_are_named(
    call: Caller, zoom: Simulator, body: dict[str, Any], fields: list[str]
) -> None:
    reply = call("POST", "/v2/users", json=body)

    assert call.verdict(reply) == (400, 300)
    assert reply.json()["message"] == "Validation Failed."
    assert [error["field"] for error in reply.json()["errors"]] == fields
    assert zoom.people() == []


@pytest.mark.parametrize(
    "info",
    [
        {"first_name": "x" * 64, "last_name": HAN * 5, "display_name": HAN * 10},
        {"email": "o'neil+tag/x#y%z@sub.example.com"},
        {"email": f"{'j' * 116}@example.com"},
        {"type": 4},
        {"feature": {"zoom_one_type": 72057594037927936, "zoom_phone": True}},
        {"plan_united_type": "131072"},
        {"division_ids": ["one"]},
        {"an_unknown_field": 1},
        {"password": "short", "first_name": "only autoCreate looks at passwords"},
    ],
)
def test_values_at_the_limit_are_taken(call: Caller, info: dict[str, Any]) -> None:
    assert call.create(**info).status_code == 201


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b'"{}"',
        b"null",
        b'{"action": "create", "user_info": ["email"]}',
        b'{"action": "create", "user_info": "{}"}',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_a_body_that_is_no_object(call: Caller, data: bytes) -> None:
    reply = call("POST", "/v2/users", data=data)

    assert call.verdict(reply) == (400, 300)
    assert reply.json()["message"] == "Request Body should be a valid JSON object."


@pytest.mark.parametrize(
    ("password", "status"),
    [
        ("Tr1cky-Pass", 201),
        ("Sh0rt-a", 400),
        ("Long-Passw0rd" * 3, 400),
        ("no-upper-case-1", 400),
        ("NO-LOWER-CASE-1", 400),
        ("No-Digit-At-All", 400),
        ("Good-but-1234", 400),
        ("Good-but-9aBcD", 400),
        (12345678, 400),
    ],
)
def test_passwords(call: Caller, password: Any, status: int) -> None:
    reply = call.create(action="autoCreate", password=password)

    assert reply.status_code == status
    if status == 400:
        assert reply.json() == {"code": 300, "message": "Invalid parameter: password"}


ELSEWHERE = {"jane@example.com": "free"}


@pytest.mark.parametrize(
    ("switches", "info", "expected"),
    [
        ({}, {"type": 3}, (400, 300)),
        ({}, {"plan_united_type": "3"}, (400, 300)),
        ({}, {"plan_united_type": 1}, (400, 300)),
        ({"foreign_accounts": ELSEWHERE}, {"email": "Jane@Example.com"}, (409, 1005)),
        ({"foreign_accounts": {"JANE@example.com": "paid"}}, {}, (400, 1009)),
        ({"blocked_domains": ["example.com"]}, {}, (400, 1107)),
        ({"limited_domains": ["corp.com", "corp.org"]}, {}, (400, 1116)),
        ({}, {"action": "ssoCreate"}, (400, 2002)),
        ({"sso": "no_preprovision"}, {"action": "ssoCreate"}, (400, 2032)),
        ({"managed_domains": ["corp.com"]}, {"action": "autoCreate"}, (400, 200)),
        ({"seats": {"basic": 0}}, {}, (400, 3412)),
        ({"seats": {"licensed": 0}}, {"type": 2}, (400, 3412)),
        ({"seats": {"basic": 0}, "seat_codes": "old"}, {}, (400, 2033)),
        ({"seats": {"licensed": 0}, "seat_codes": "old"}, {"type": 2}, (400, 2034)),
        ({"seats": {"zoom_one": 0}}, {"plan_united_type": "1"}, (400, 2038)),
        ({"seats": {"zoom_one": 0}}, {"feature": {"zoom_one_type": 16}}, (400, 2038)),
        ({"seats": {"zoom_phone": 0}}, {"feature": {"zoom_phone": True}}, (404, 1102)),
        ({"seats": {"basic": 0, "licensed": 0}}, {"type": 4}, (201, None)),
        ({"seats": {"basic": 1}}, {}, (201, None)),
        ({"limited_domains": ["example.com"]}, {}, (201, None)),
        ({"managed_domains": ["example.com"]}, {"action": "autoCreate"}, (201, None)),
    ],
)
def test_what_the_account_refuses(
    call: Caller,
    zoom: Simulator,
    switches: dict[str, Any],
    info: dict[str, Any],
    expected: tuple[int, int | None],
) -> None:
    zoom.configure(**switches)

    assert call.verdict(call.create(**info)) == expected
    assert len(zoom.people()) == (expected[0] == 201)


@pytest.mark.parametrize("subscription", ["SUBREF-1", "SUBREF-2"])
def test_licenses_name_a_subscription_of_the_account(
    call: Caller, zoom: Simulator, subscription: str
) -> None:
    zoom.configure(subscriptions=["SUBREF-1"], seats={"zoom_one": 1})
    bundle = {
        "license_type": "ZOOM_WORKPLACE_BUNDLE",
        "license_option": 8,
        "subscription_id": subscription,
    }

    reply = call.create(license_info_list=[bundle])

    assert reply.status_code == (201 if subscription == "SUBREF-1" else 400)
    assert len(zoom.people()) == (subscription == "SUBREF-1")


@pytest.mark.parametrize("status", ["active", "inactive", "pending"])
@pytest.mark.parametrize(
    ("wording", "text"),
    [
        ("documented", 'Email "JANE@example.com" has already been used.'),
        ("live", "User already in the account: JANE@example.com"),
    ],
)
def test_an_address_is_taken_in_whatever_case(
    call: Caller, zoom: Simulator, status: str, wording: str, text: str
) -> None:
    zoom.configure(exists_wording=wording)
    zoom.seed({"email": "jane@example.com", "status": status})

    reply = call.create("JANE@example.com")

    assert reply.status_code == 409
    assert reply.json() == {"code": 1005, "message": text}


def test_seats_are_counted_with_pending_people_and_freed_by_leavers(
    call: Caller, zoom: Simulator
) -> None:
    zoom.configure(seats={"basic": 2})
    zoom.seed("active@example.com")
    zoom.seed({"email": "inactive@example.com", "status": "inactive"})

    assert call.create("pending@example.com").status_code == 201
    assert call.verdict(call.create()) == (400, 3412)
    assert call("DELETE", "/v2/users/pending@example.com").status_code == 204
    assert call.create().status_code == 201
