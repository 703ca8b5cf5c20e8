"""A connection is tried with one token request and one cheap read, and the error is reported."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.api.fakes import ClientOf, Clock
from zoom_provider.exceptions import (
    ZoomAuthError,
    ZoomError,
    ZoomPermissionError,
    ZoomProtocolError,
    ZoomUnavailableError,
)
from zoom_provider.simulator.server import Simulator

ANN = "ann@example.com"


@pytest.mark.parametrize(
    ("scopes", "text"),
    [
        (None, "Connected to Zoom: 2 active users."),
        (["user:read:list_users:admin", "user:write:admin"], "Connected to Zoom: 2 active users."),
        (
            ["user:read:list_users:admin"],
            "lacks the scope user:write:user:admin and user:read:user:admin.",
        ),
        (["user:read:list_users:admin", "user:read:user:admin"], "scope user:write:user:admin."),
    ],
)
def test_a_greeting_says_what_the_app_may_do(
    zoom: Simulator, client_of: ClientOf, scopes: list[str] | None, text: str
) -> None:
    zoom.seed(ANN, "bob@example.com", {"email": "carl@example.com", "status": "pending"})
    if scopes is not None:
        zoom.configure(scopes=scopes)
    assert client_of(zoom, retry=False).check_connection().endswith(text)
    assert [call["path"] for call in zoom.requests()] == ["/oauth/token", "/v2/users"]


@pytest.mark.parametrize(
    ("settings_", "switches", "fault", "kind", "text"),
    [
        ({"client_secret": "x"}, {}, None, ZoomAuthError, "Client Secret is wrong"),
        ({"account_id": "x"}, {}, None, ZoomAuthError, "Account ID is wrong"),
        ({}, {"app_active": False}, None, ZoomAuthError, "not activated"),
        ({}, {"scopes": ["user:write:user:admin"]}, None, ZoomPermissionError, "list_users"),
        ({}, {"missing_permissions": ["User:Read"]}, None, ZoomPermissionError, "User:Read"),
        ({"origin": "http://127.0.0.1:9"}, {}, None, ZoomUnavailableError, "no connection"),
        ({}, {}, {"kind": "html", "on": "/v2/users"}, ZoomProtocolError, "proxy"),
        ({}, {}, {"kind": "html", "on": "/oauth/token"}, ZoomProtocolError, "proxy"),
        ({}, {}, {"kind": "status", "on": "/v2/users"}, ZoomUnavailableError, "failed"),
        ({}, {}, {"kind": "429", "on": "/v2/users"}, ZoomError, "too many calls"),
        ({}, {}, {"kind": "revoke_token", "on": "/v2/users"}, ZoomAuthError, "access token"),
    ],
)
def test_an_impatient_greeting_fails_at_once(
    zoom: Simulator,
    client_of: ClientOf,
    clock: Clock,
    settings_: dict[str, Any],
    switches: dict[str, Any],
    fault: dict[str, Any] | None,
    kind: type[ZoomError],
    text: str,
) -> None:
    zoom.configure(**switches)
    if fault is not None:
        zoom.fault(**fault, times=None)
    with pytest.raises(kind, match=text):
        client_of(zoom, retry=False, **settings_).check_connection()
    assert len(zoom.requests("/oauth/token")) <= 1
    assert len(zoom.requests("/v2/*")) <= 1
    assert clock.waits == []
