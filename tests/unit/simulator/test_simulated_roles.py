"""Roles: each person has exactly one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from zoom_provider.simulator.server import Simulator

if TYPE_CHECKING:
    from tests.unit.simulator.conftest import Caller


@pytest.fixture(autouse=True)
def _people(zoom: Simulator) -> None:
    zoom.role("Support", "support")
    zoom.seed(
        {"email": "owner@example.com", "id": "owner-id", "role_id": "0"},
        {"email": "admin@example.com", "id": "admin-id", "role_id": "1"},
        {"email": "ann@example.com", "id": "ann-id", "profile": {"dept": "Research"}},
    )


def role_of(call: Caller, user: str) -> tuple[str, str]:
    shown = call.user(user)
    return shown["role_id"], shown["role_name"]


def test_roles_are_listed_at_once_with_their_sizes(call: Caller) -> None:
    body = call("GET", "/v2/roles").json()

    assert body["total_records"] == 4
    assert {role["name"]: (role["id"], role["total_members"]) for role in body["roles"]} == {
        "Owner": ("0", 1),
        "Admin": ("1", 1),
        "Member": ("2", 1),
        "Support": ("support", 0),
    }


def test_an_assignment_replaces_the_role_and_its_end_makes_a_member(call: Caller) -> None:
    for role in ("1", "support"):
        body = {"members": [{"email": "ann@example.com"}]}
        reply = call("POST", f"/v2/roles/{role}/members", json=body)
        assert (reply.status_code, reply.json()["ids"]) == (201, "ann-id")
        assert "add_at" in reply.json()
    assert role_of(call, "ann-id") == ("support", "Support")
    members = call("GET", "/v2/roles/support/members").json()
    assert (members["total_records"], members["members"]) == (
        1,
        [
            {
                "id": "ann-id",
                "email": "ann@example.com",
                "first_name": "",
                "last_name": "",
                "type": 1,
                "department": "Research",
            }
        ],
    )

    assert call("DELETE", "/v2/roles/support/members/ann@example.com").status_code == 204
    assert role_of(call, "ann-id") == ("2", "Member")


@pytest.mark.parametrize(
    ("method", "path", "members", "expected"),
    [
        ("POST", "none/members", [{"id": "ann-id"}], (400, 1034)),
        ("POST", "0/members", [{"id": "ann-id"}], (400, 300)),
        ("POST", "2/members", [{"id": "admin-id"}], (400, 300)),
        ("POST", "1/members", [{"id": "owner-id"}], (400, 300)),
        ("POST", "1/members", [{"id": "x"}] * 31, (400, 300)),
        ("POST", "1/members", "ann-id", (400, 300)),
        ("DELETE", "0/members/owner-id", None, (400, 300)),
        ("DELETE", "2/members/ann-id", None, (400, 300)),
        ("DELETE", "1/members/ann-id", None, (404, 1001)),
        ("DELETE", "1/members/unknown", None, (404, 1001)),
        ("DELETE", "none/members/ann-id", None, (400, 1034)),
        ("GET", "none/members", None, (400, 1034)),
        ("GET", "1/members?page_size=301", None, (400, 300)),
    ],
)
def test_what_roles_refuse(
    call: Caller, method: str, path: str, members: Any, expected: tuple[int, int | None]
) -> None:
    reply = call(method, f"/v2/roles/{path}", json={"members": members})

    assert call.verdict(reply) == expected
    roles = {user: role_of(call, f"{user}-id")[0] for user in ("owner", "admin", "ann")}
    assert roles == {"owner": "0", "admin": "1", "ann": "2"}


def test_the_last_admin_of_an_account_without_owner_stays(call: Caller, zoom: Simulator) -> None:
    zoom.change("owner-id", role_id="2")

    reply = call("DELETE", "/v2/roles/1/members/admin-id")

    assert call.verdict(reply) == (400, 300)
    zoom.change("ann-id", role_id="1")
    assert call("DELETE", "/v2/roles/1/members/admin-id").status_code == 204


def test_a_role_without_effect_says_yes_and_changes_nothing(call: Caller, zoom: Simulator) -> None:
    zoom.configure(roles_without_effect=["Support"])

    reply = call("POST", "/v2/roles/support/members", json={"members": [{"id": "ann-id"}]})

    assert (reply.status_code, reply.json()["ids"]) == (201, "")
    assert role_of(call, "ann-id")[0] == "2"


def test_members_are_listed_page_by_page(call: Caller, zoom: Simulator) -> None:
    zoom.seed("ben@example.com", {"email": "pia@example.com", "status": "pending"})

    first = call("GET", "/v2/roles/2/members", params={"page_size": 2}).json()
    params = {"page_size": 2, "next_page_token": first["next_page_token"]}
    second = call("GET", "/v2/roles/2/members", params=params).json()

    emails = [member["email"] for member in first["members"] + second["members"]]
    assert emails == ["ann@example.com", "ben@example.com", "pia@example.com"]


@pytest.mark.parametrize("permission", ["Role:Edit", "Role:Read"])
def test_the_app_owners_role_must_allow_it(call: Caller, zoom: Simulator, permission: str) -> None:
    zoom.configure(missing_permissions=[permission])
    read = call("GET", "/v2/roles")
    write = call("POST", "/v2/roles/1/members", json={"members": [{"id": "ann-id"}]})

    refused = (400, 200)
    assert call.verdict(read) == (refused if permission == "Role:Read" else (200, None))
    assert call.verdict(write) == (refused if permission == "Role:Edit" else (201, None))


def test_roles_by_control(call: Caller) -> None:
    made = call.control("POST", "roles", json={"name": "Audit"})

    assert made.status_code == 201
    assert "Audit" in [role["name"] for role in call("GET", "/v2/roles").json()["roles"]]
    assert call.control("GET", "state").json()["roles"][made.json()["id"]] == "Audit"
    assert call.control("POST", "roles", json={"id": "x"}).status_code == 422
