"""
The simulator against Zoom's own description of its API.

Needs a copy of the OpenAPI description in the file that ``ZOOM_OPENAPI`` names; it is Zoom's and
not part of this project.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import openapi_core
import pytest
import requests
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse
from openapi_core.templating.responses.exceptions import ResponseFinderError

from tests.requires import require
from zoom_provider.simulator.server import Simulator

SPECIFICATION = os.environ.get("ZOOM_OPENAPI", "")

# These lost their last digits on the way: no number above 2**53 survives JavaScript.
MANGLED = {
    72057594037927940: 1 << 56,
    144115188075855870: 1 << 57,
    576460752303423500: 1 << 59,
}
JANE = {"email": "jane@example.com", "type": 1, "first_name": "Jane", "last_name": "Doe"}
HEIR = {"email": "heir@example.com", "type": 2}
TRANSFERABLE = (
    *("meeting", "webinar", "recording", "whiteboard"),
    *("clipfiles", "notes", "visitors", "docs"),
)
SEEDED: list[dict[str, Any]] = [
    {"email": "ann@example.com", "id": "ann-id", "type": 2, "first_name": "Ann"},
    {"email": "pia@example.com", "id": "pia-id", "status": "pending"},
    {"email": "ian@example.com", "id": "ian-id", "status": "inactive"},
]


def restore_numbers(node: Any) -> Any:
    """Put back the enumerated numbers that were mangled."""
    if isinstance(node, dict):
        return {key: restore_numbers(value) for key, value in node.items()}
    if isinstance(node, list):
        return [restore_numbers(value) for value in node]
    return MANGLED.get(node, node) if isinstance(node, int) else node


class Contract:
    """Sends calls and holds both sides to the description."""

    def __init__(self, zoom: Simulator) -> None:
        description = restore_numbers(json.loads(Path(SPECIFICATION).read_text("utf-8")))
        description["servers"] = [{"url": f"{zoom.url}/v2"}]
        names = {
            name
            for path in description["paths"].values()
            for operation in path.values()
            if isinstance(operation, dict)
            for scheme in operation.get("security", ())
            for name in scheme
        }
        # The description uses schemes that it does not describe; Zoom takes bearer tokens.
        schemes = {name: {"type": "http", "scheme": "bearer"} for name in names}
        description.setdefault("components", {})["securitySchemes"] = schemes
        self._api = openapi_core.OpenAPI.from_dict(description)
        self._documented = description["paths"]
        self._zoom = zoom
        self._session = requests.Session()

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send one call; the request and its reply must be as described."""
        headers = {"Authorization": f"Bearer {self._zoom.token()}"}
        request = requests.Request(method, f"{self._zoom.url}/v2{path}", headers=headers, **options)
        prepared = self._session.prepare_request(request)
        reply = self._session.send(prepared, timeout=10)
        described = RequestsOpenAPIRequest(request)
        self._api.validate_request(described)
        self._api.validate_response(described, RequestsOpenAPIResponse(reply))
        return reply

    def documents(self, method: str, template: str, reply: requests.Response) -> bool:
        """Return whether the description of a status names the code of an error."""
        text = self._documented[template][method.lower()]["responses"][str(reply.status_code)]
        return str(reply.json()["code"]) in json.dumps(text)


@pytest.fixture
def contract(zoom: Simulator) -> Contract:
    """Give a described account with one person of each status."""
    require("Zoom's API description", SPECIFICATION, "let ZOOM_OPENAPI name a copy of it")
    zoom.seed(*SEEDED)
    return Contract(zoom)


@pytest.mark.parametrize("action", ["create", "autoCreate", "custCreate", "ssoCreate"])
def test_create(contract: Contract, zoom: Simulator, action: str) -> None:
    zoom.configure(sso="on", subscriptions=["SUBREF-1"])
    everything = {
        **JANE,
        "display_name": "Jane D.",
        "password": "Tr1cky-Pass",
        "division_ids": ["one"],
        "feature": {"zoom_phone": True, "zoom_one_type": 1 << 56},
        "plan_united_type": "1",
        "license_info_list": [
            {"license_type": "MEETING", "license_option": 2, "subscription_id": "SUBREF-1"}
        ],
    }

    reply = contract.send("POST", "/users", json={"action": action, "user_info": everything})

    assert reply.status_code == 201
    assert set(reply.json()) == {"id", "email", "first_name", "last_name", "type"}


@pytest.mark.parametrize("user", ["ann-id", "ann@example.com", "pia@example.com", "ian-id"])
def test_get(contract: Contract, user: str) -> None:
    assert contract.send("GET", f"/users/{user}").json()["email"].startswith(user[:3])


@pytest.mark.parametrize("status", ["active", "inactive", "pending"])
def test_list(contract: Contract, status: str) -> None:
    reply = contract.send("GET", "/users", params={"status": status, "page_size": 2})

    assert len(reply.json()["users"]) == 1


def test_list_further_pages(contract: Contract, zoom: Simulator) -> None:
    zoom.seed("two@example.com", "three@example.com")
    params: dict[str, Any] = {"page_size": 2}
    first = contract.send("GET", "/users", params=params).json()
    params["next_page_token"] = first["next_page_token"]

    assert len(contract.send("GET", "/users", params=params).json()["users"]) == 1


@pytest.mark.parametrize("user", ["ann-id", "pia@example.com"])
def test_update(contract: Contract, user: str) -> None:
    changes = {"last_name": "Lee", "type": 1, "dept": "Research", "job_title": "Lead"}

    assert contract.send("PATCH", f"/users/{user}", json=changes).status_code == 204
    contract.send("GET", f"/users/{user}")


@pytest.mark.parametrize("action", ["activate", "deactivate", "clock_in", "clock_out"])
def test_status(contract: Contract, zoom: Simulator, action: str) -> None:
    # Described as 200 and seen live as 204: the simulator gives 204 by default.
    zoom.configure(put_status_code=200)

    assert contract.send("PUT", "/users/ann-id/status", json={"action": action}).status_code == 200


def test_status_as_seen_live_is_not_described(contract: Contract) -> None:
    with pytest.raises(ResponseFinderError):
        contract.send("PUT", "/users/ann-id/status", json={"action": "activate"})


@pytest.mark.parametrize("user", ["ann-id", "pia@example.com", "ian-id"])
def test_delete(contract: Contract, zoom: Simulator, user: str) -> None:
    params = {"action": "disassociate", "transfer_email": "heir@example.com"}
    params.update({f"transfer_{what}": "true" for what in TRANSFERABLE})
    contract.send("POST", "/users", json={"action": "create", "user_info": HEIR})
    zoom.confirm("heir@example.com")

    assert contract.send("DELETE", f"/users/{user}", params=params).status_code == 204


@pytest.mark.parametrize(("email", "known"), [("ann@example.com", True), ("x@example.com", False)])
def test_email(contract: Contract, email: str, known: bool) -> None:
    reply = contract.send("GET", "/users/email", params={"email": email})

    assert reply.json() == {"existed_email": known}


def test_a_full_profile(contract: Contract) -> None:
    changes = {
        "company": "Corp",
        "cost_center": "C1",
        "custom_attributes": [{"key": "cbf_1", "name": "Shirt", "value": "M"}],
        "manager": "ann@example.com",
        "phone_numbers": [
            {"code": "+371", "country": "LV", "label": "Office", "number": "20000000"}
        ],
        "plan_united_type": "32",
        "pmi": 1234567890,
        "pronouns_option": 2,
        "vanity_name": "ann.lee",
    }

    assert contract.send("PATCH", "/users/ann-id", json=changes).status_code == 204
    shown = contract.send("GET", "/users/ann-id").json()
    assert {"manager", "phone_numbers", "plan_united_type", "vanity_url"} <= set(shown)
    for included in ("custom_attributes", "host_key"):
        contract.send("GET", "/users", params={"include_fields": included})


def test_email_change_and_sign_out(contract: Contract, zoom: Simulator) -> None:
    zoom.configure(managed_domains=["example.com"])

    reply = contract.send("PUT", "/users/ann-id/email", json={"email": "ann.lee@example.com"})
    assert reply.status_code == 204
    assert contract.send("DELETE", "/users/ann-id/token").status_code == 204


def test_groups(contract: Contract) -> None:
    group = contract.send("POST", "/groups", json={"name": "Sales"}).json()["id"]
    other = contract.send("POST", "/groups", json={"name": "Ops"}).json()["id"]
    contract.send("PATCH", f"/groups/{group}", json={"name": "Sales EU"})
    contract.send("GET", f"/groups/{group}")
    body = {"members": [{"id": "ann-id"}, {"email": "pia@example.com"}]}
    added = contract.send("POST", f"/groups/{group}/members", json=body)
    contract.send("GET", f"/groups/{group}/members", params={"page_size": 300})
    member = f"/groups/{group}/members/ann-id"
    contract.send("PATCH", member, json={"action": "set_primary"})
    contract.send("PATCH", member, json={"action": "move", "target_group_id": other})
    contract.send("DELETE", f"/groups/{other}/members/ann@example.com")
    contract.send("DELETE", f"/groups/{other}")

    assert (added.status_code, added.json()["ids"]) == (201, "ann-id")
    assert len(contract.send("GET", "/groups").json()["groups"]) == 1


def test_roles(contract: Contract) -> None:
    body = {"members": [{"id": "ann-id"}]}
    assigned = contract.send("POST", "/roles/1/members", json=body)
    contract.send("GET", "/roles/1/members", params={"page_size": 300})
    contract.send("DELETE", "/roles/1/members/ann-id")

    assert assigned.json()["ids"] == "ann-id"
    assert len(contract.send("GET", "/roles").json()["roles"]) == 3


@pytest.mark.parametrize(("value", "reason"), [("1", ""), ("2", "No need to update")])
def test_features(contract: Contract, value: str, reason: str) -> None:
    body = {"feature_type": "user_type", "feature_value": value, "users": [{"id": "ann-id"}]}
    reply = contract.send("POST", "/users/features", json=body).json()

    assert reply["success_user_ids"] == ([] if reason else ["ann-id"])
    assert [item["reason"] for item in reply["fail_details"]] == ([reason] if reason else [])


def test_managed_domains(contract: Contract, zoom: Simulator) -> None:
    zoom.configure(managed_domains=["example.com"], scopes=["account:read:managed_domains:master"])

    assert contract.send("GET", "/accounts/me/managed_domains").json()["total_records"] == 1


def test_summary(contract: Contract) -> None:
    assert contract.send("GET", "/users/summary").json()["total_users_count"] == 3


@pytest.mark.parametrize(
    ("switches", "method", "path", "template", "body", "status"),
    [
        (switches, "POST", "/users", "/users", {"action": action, "user_info": user}, status)
        for switches, action, user, status in [
            ({}, "create", {**JANE, "email": "ann@example.com"}, 409),
            ({"exists_wording": "live"}, "create", {**JANE, "email": "pia@example.com"}, 409),
            ({"foreign_accounts": {"jane@example.com": "free"}}, "create", JANE, 409),
            ({"foreign_accounts": {"jane@example.com": "paid"}}, "create", JANE, 400),
            ({"blocked_domains": ["example.com"]}, "create", JANE, 400),
            ({"limited_domains": ["example.org"]}, "create", JANE, 400),
            ({}, "ssoCreate", JANE, 400),
            ({"sso": "no_preprovision"}, "ssoCreate", JANE, 400),
            ({"seats": {"basic": 0}}, "create", JANE, 400),
            ({"seats": {"basic": 0}, "seat_codes": "old"}, "create", JANE, 400),
            ({"seats": {"licensed": 0}}, "create", {**JANE, "type": 2}, 400),
            (
                {"seats": {"licensed": 0}, "seat_codes": "old"},
                "create",
                {**JANE, "type": 2},
                400,
            ),
            ({"seats": {"zoom_one": 0}}, "create", {**JANE, "plan_united_type": "1"}, 400),
            (
                {"seats": {"zoom_phone": 0}},
                "create",
                {**JANE, "feature": {"zoom_phone": True}},
                404,
            ),
            ({}, "autoCreate", {**JANE, "password": "aaaaaaaaaa"}, 400),
            ({"missing_permissions": ["User:Edit"]}, "create", JANE, 400),
        ]
    ]
    + [
        ({}, "GET", "/users/unknown", "/users/{userId}", None, 404),
        ({}, "PATCH", "/users/unknown", "/users/{userId}", {"dept": "x"}, 404),
        ({}, "DELETE", "/users/unknown", "/users/{userId}", None, 404),
        (
            {"managed_domains": ["example.com"]},
            "DELETE",
            "/users/ann-id",
            "/users/{userId}",
            None,
            400,
        ),
        (
            {},
            "PUT",
            "/users/unknown/status",
            "/users/{userId}/status",
            {"action": "activate"},
            404,
        ),
        (
            {"seats": {"basic": 0}},
            "PUT",
            "/users/ian-id/status",
            "/users/{userId}/status",
            {"action": "activate"},
            400,
        ),
        ({}, "GET", "/users?next_page_token=old", "/users", None, 400),
        ({}, "PUT", "/users/unknown/email", "/users/{userId}/email", {"email": "a@b.com"}, 404),
        ({}, "DELETE", "/users/unknown/token", "/users/{userId}/token", None, 404),
        ({}, "GET", "/groups/none", "/groups/{groupId}", None, 404),
        ({}, "GET", "/groups/none/members", "/groups/{groupId}/members", None, 404),
        (
            {},
            *("POST", "/groups/none/members", "/groups/{groupId}/members"),
            {"members": [{"id": "ann-id"}]},
            404,
        ),
        (
            {},
            *("DELETE", "/groups/none/members/a", "/groups/{groupId}/members/{memberId}"),
            None,
            404,
        ),
        ({}, "POST", "/groups", "/groups", {"name": ""}, 400),
        ({"plan": "free"}, "GET", "/groups", "/groups", None, 400),
        ({}, "GET", "/roles/none/members", "/roles/{roleId}/members", None, 400),
        (
            {},
            *("POST", "/roles/2/members", "/roles/{roleId}/members"),
            {"members": [{"id": "ann-id"}]},
            400,
        ),
        (
            {"seats": {"unassigned": 0}},
            *("PATCH", "/users/ann-id", "/users/{userId}"),
            {"type": 4},
            400,
        ),
        (
            {"seats": {"basic": 0}, "seat_codes": "old"},
            *("PATCH", "/users/ann-id", "/users/{userId}"),
            {"type": 1},
            400,
        ),
        (
            {},
            *("DELETE", "/users/ann-id?transfer_email=ann@example.com", "/users/{userId}"),
            None,
            400,
        ),
    ],
)
def test_errors_are_described(
    contract: Contract,
    zoom: Simulator,
    switches: dict[str, Any],
    method: str,
    path: str,
    template: str,
    body: dict[str, Any] | None,
    status: int,
) -> None:
    zoom.configure(**switches)

    reply = contract.send(method, path, json=body)

    assert reply.status_code == status
    assert contract.documents(method, template, reply)
