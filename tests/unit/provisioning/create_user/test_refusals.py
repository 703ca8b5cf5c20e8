"""A refusal of a creation becomes the error of its code, and nothing is tried again."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.unit.api.fakes import ClientOf, Clock
from tests.unit.api.newcomer import GET, NEW, POST, create, there, traffic
from zoom_provider.api.client import ZoomClient
from zoom_provider.exceptions import (
    ZoomError,
    ZoomForeignAccountError,
    ZoomLicenseError,
    ZoomPermissionError,
    ZoomProtocolError,
    ZoomUnavailableError,
    ZoomUserExistsError,
    ZoomValidationError,
)
from zoom_provider.simulator.server import Simulator

OUTAGE = {"kind": "status", "on": GET}


@pytest.mark.parametrize("action", ["create", "autoCreate", "custCreate"])
def test_zooms_reply_is_the_result(zoom: Simulator, client: ZoomClient, action: str) -> None:
    user = create(client, action=action, type=2, first_name="Zoë", last_name="金")
    person = zoom.person(NEW)
    assert person is not None
    assert user == {
        "id": person["id"],
        "email": NEW,
        "type": 2,
        "first_name": "Zoë",
        "last_name": "金",
    }
    assert traffic(zoom) == (1, 0)


@pytest.mark.parametrize("wording", ["documented", "live"])
@pytest.mark.parametrize("status", ["active", "inactive", "pending"])
def test_a_conflict_within_the_account_returns_the_existing_user(
    zoom: Simulator, client: ZoomClient, wording: str, status: str
) -> None:
    zoom.configure(exists_wording=wording)
    zoom.seed({"email": NEW, "status": status, "id": "their-id"})
    with pytest.raises(ZoomUserExistsError, match="has this user already") as caught:
        create(client, "NEW@Example.com")
    user = caught.value.user
    assert user is not None
    assert (user["id"], user["status"]) == ("their-id", status)
    assert (caught.value.code, caught.value.status) == (1005, 409)
    assert caught.value.tracking_id
    assert traffic(zoom) == (1, 1)


def test_an_expired_invitation_that_holds_its_address_counts_as_an_existing_user(
    zoom: Simulator, client: ZoomClient
) -> None:
    zoom.configure(expired_invitations="kept")
    zoom.seed({"email": NEW, "status": "pending", "created": int(time.time()) - 31 * 86_400})
    with pytest.raises(ZoomUserExistsError) as caught:
        create(client)
    assert caught.value.user == {"email": NEW, "status": "pending"}
    assert caught.value.code == 1005


@pytest.mark.parametrize("wording", ["documented", "live"])
def test_a_conflict_without_a_user_here_is_a_foreign_account(
    zoom: Simulator, client: ZoomClient, wording: str
) -> None:
    zoom.configure(exists_wording=wording, foreign_accounts={NEW: "free"})
    with pytest.raises(ZoomForeignAccountError, match="Zoom account of its own, outside") as caught:
        create(client)
    assert (caught.value.code, caught.value.status) == (1005, 409)
    assert traffic(zoom) == (1, 1)
    assert there(zoom) == []


def test_a_conflict_that_no_look_up_explains_is_an_outage(
    zoom: Simulator, client: ZoomClient
) -> None:
    zoom.seed(NEW)
    zoom.fault(**OUTAGE, times=None)
    with pytest.raises(ZoomUnavailableError):
        create(client)
    zoom.world.faults.clear()
    with pytest.raises(ZoomUserExistsError):
        create(client)


def test_a_conflict_without_the_scope_to_look_up_names_that_scope(
    zoom: Simulator, client: ZoomClient
) -> None:
    zoom.configure(scopes=["user:write:user:admin"])
    zoom.seed(NEW)
    with pytest.raises(ZoomPermissionError) as caught:
        create(client)
    assert caught.value.scope is not None
    assert "user:read:user:admin" in caught.value.scope


@pytest.mark.parametrize(
    ("switches", "request_", "kind", "code", "text"),
    [
        ({"foreign_accounts": {NEW: "paid"}}, {}, ZoomForeignAccountError, 1009, "elsewhere"),
        ({"seats": {"basic": 0}, "seat_codes": "old"}, {}, ZoomLicenseError, 2033, "basic"),
        ({"seats": {"basic": 0}, "seat_codes": "new"}, {}, ZoomLicenseError, 3412, "basic"),
        (
            {"seats": {"licensed": 0}, "seat_codes": "old"},
            {"type": 2},
            ZoomLicenseError,
            2034,
            "licensed",
        ),
        ({"seats": {"licensed": 0}}, {"type": 2}, ZoomLicenseError, 3412, "licensed"),
        (
            {"seats": {"zoom_one": 0}},
            {"type": 2, "plan_united_type": "1"},
            ZoomLicenseError,
            2038,
            "Zoom Workplace",
        ),
        (
            {"seats": {"zoom_phone": 0}},
            {"feature": {"zoom_phone": True}},
            ZoomLicenseError,
            1102,
            "Zoom Phone",
        ),
        (
            {"scopes": ["user:read:user:admin"]},
            {},
            ZoomPermissionError,
            4711,
            "Add user:write:user:admin",
        ),
        ({"missing_permissions": ["User:Edit"]}, {}, ZoomPermissionError, 200, "[User:Edit]"),
        ({"limited_domains": ["a.example"]}, {}, ZoomError, 1116, "a.example"),
        ({"blocked_domains": ["example.com"]}, {}, ZoomError, 1107, "domain is blocked"),
        ({"sso": "off"}, {"action": "ssoCreate"}, ZoomError, 2002, "single sign-on"),
        (
            {"sso": "no_preprovision"},
            {"action": "ssoCreate"},
            ZoomError,
            2032,
            "Prior to Sign-In",
        ),
        (
            {"managed_domains": ["a.example"]},
            {"action": "autoCreate"},
            ZoomPermissionError,
            200,
            "No permission",
        ),
    ],
)
def test_a_refusal_is_passed_on_and_not_repeated(
    zoom: Simulator,
    client: ZoomClient,
    clock: Clock,
    switches: dict[str, Any],
    request_: dict[str, Any],
    kind: type[ZoomError],
    code: int,
    text: str,
) -> None:
    zoom.configure(**switches)
    with pytest.raises(kind) as caught:
        create(client, **request_)
    assert type(caught.value) is kind
    assert caught.value.code == code
    assert caught.value.remedy == "human"
    assert text in str(caught.value)
    assert str(zoom.requests(POST)[-1]["tracking_id"]) in str(caught.value)
    assert traffic(zoom) == (1, 0)
    assert there(zoom) == []
    assert clock.pauses == []


@pytest.mark.parametrize(
    ("fault", "kind", "text"),
    [
        # A refusal within broken JSON, with status 200: not a lost reply.
        ({"kind": "not_json"}, ZoomPermissionError, "user:write:user:admin, user:write:admin"),
        ({"kind": "redirect"}, ZoomProtocolError, "redirected"),
        ({"kind": "status", "status": 403, "body": "html"}, ZoomProtocolError, "proxy"),
        ({"kind": "status", "status": 404, "body": "html"}, ZoomProtocolError, "proxy"),
        ({"kind": "error", "code": 403}, ZoomPermissionError, "denies this account"),
        ({"kind": "error", "code": 2300}, ZoomProtocolError, "endpoint"),
        ({"kind": "error", "code": 2016}, ZoomError, "support"),
        ({"kind": "error", "code": 11321}, ZoomError, "Trust & Safety"),
        ({"kind": "error", "code": 300}, ZoomValidationError, "refused a field"),
    ],
)
def test_a_reply_that_proves_inaction_starts_no_look_up(
    zoom: Simulator,
    client: ZoomClient,
    clock: Clock,
    fault: dict[str, Any],
    kind: type[ZoomError],
    text: str,
) -> None:
    zoom.fault(**fault, on=POST)
    with pytest.raises(kind, match=text) as caught:
        create(client)
    assert type(caught.value) is kind
    assert traffic(zoom) == (1, 0)
    assert there(zoom) == []
    assert clock.pauses == []


@pytest.mark.parametrize(
    "email", ["eve@evil.example", "eve@example.com.evil.example", "eve@sub.example.com"]
)
def test_a_domain_outside_the_allowed_ones_is_refused_before_any_call(
    zoom: Simulator, client_of: ClientOf, email: str
) -> None:
    client = client_of(zoom, allowed_domains=frozenset({"example.com"}))
    with pytest.raises(ZoomValidationError, match="allowed_domains") as caught:
        create(client, email)
    assert list(caught.value.errors) == ["user_info.email"]
    assert zoom.requests() == []
    assert create(client, "ann@EXAMPLE.com")["email"] == "ann@EXAMPLE.com"


def test_invalid_user_info_is_refused_before_any_call(zoom: Simulator, client: ZoomClient) -> None:
    with pytest.raises(ZoomValidationError):
        create(client, "not an address")
    assert zoom.requests() == []
