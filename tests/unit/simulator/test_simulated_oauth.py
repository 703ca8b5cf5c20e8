"""The token endpoint, and what a token is good for."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from zoom_provider.simulator.server import Simulator

if TYPE_CHECKING:
    from tests.unit.simulator.conftest import Caller

AUTH = ("simulated-client-id", "simulated-client-secret")
S2S = {"grant_type": "account_credentials", "account_id": "simulated-account-id"}
REFRESH = {"grant_type": "refresh_token", "refresh_token": "simulated-refresh-token"}


def ask(zoom: Simulator, data: dict[str, str] | None = S2S, **options: Any) -> requests.Response:
    options = {"auth": AUTH, "data": data, **options}
    return requests.post(f"{zoom.url}/oauth/token", timeout=10, **options)


def use(zoom: Simulator, token: str) -> tuple[int, int | None]:
    headers = {"Authorization": f"Bearer {token}"}
    reply = requests.get(f"{zoom.url}/v2/users/summary", headers=headers, timeout=10)
    return reply.status_code, reply.json().get("code")


def test_the_documented_reply(zoom: Simulator) -> None:
    zoom.configure(token_life=3599, scopes=["user:read:summary:admin", "user:read:user:admin"])

    body = ask(zoom).json()

    token = body.pop("access_token")
    assert body == {
        "token_type": "bearer",
        "expires_in": 3599,
        "scope": "user:read:summary:admin user:read:user:admin",
        "api_url": zoom.url,
    }
    assert use(zoom, token) == (200, None)
    assert zoom.state()["tokens_issued"] == 1


@pytest.mark.parametrize(
    ("options", "error", "reason"),
    [
        ({"auth": (AUTH[0], "wrong")}, "invalid_client", "Invalid client_id or client_secret"),
        ({"auth": ("wrong", AUTH[1])}, "invalid_client", "Invalid client_id or client_secret"),
        (
            {"auth": (AUTH[0], AUTH[1] + "\n")},
            "invalid_client",
            "Invalid client_id or client_secret",
        ),
        ({"auth": None}, "invalid_client", "Invalid client_id or client_secret"),
        ({"data": {**S2S, "account_id": "other"}}, "invalid_request", "Bad Request"),
        ({"data": {"grant_type": "account_credentials"}}, "invalid_request", "Bad Request"),
        ({"data": None}, "unsupported_grant_type", "unsupported grant type"),
        ({"data": None, "json": S2S}, "unsupported_grant_type", "unsupported grant type"),
        (
            {"data": {**S2S, "grant_type": "password"}},
            "unsupported_grant_type",
            "unsupported grant type",
        ),
        (
            {"data": {**REFRESH, "refresh_token": "made-up"}},
            "invalid_grant",
            "Invalid Token!",
        ),
    ],
)
def test_refusals(zoom: Simulator, options: dict[str, Any], error: str, reason: str) -> None:
    reply = ask(zoom, **options)

    assert reply.status_code == 400
    assert reply.json() == {"reason": reason, "error": error}
    assert zoom.state()["tokens_issued"] == 0


@pytest.mark.parametrize(("taken", "status"), [(True, 200), (False, 400)])
def test_parameters_in_the_query_are_taken_by_a_switch(
    zoom: Simulator, taken: bool, status: int
) -> None:
    zoom.configure(token_by_query=taken)

    assert ask(zoom, data=None, params=S2S).status_code == status
    assert ask(zoom, data=None, params={**S2S, "account_id": "other"}).status_code == 400
    assert zoom.state()["tokens_issued"] == int(taken)


def test_an_app_that_is_not_activated(zoom: Simulator) -> None:
    token = ask(zoom).json()["access_token"]
    zoom.configure(app_active=False)

    assert ask(zoom).json()["error"] == "unsupported_grant_type"
    assert use(zoom, token) == (401, 124)


def test_a_refresh_token_is_good_once(zoom: Simulator) -> None:
    first = ask(zoom, REFRESH).json()
    second = ask(zoom, {**REFRESH, "refresh_token": first["refresh_token"]}).json()

    assert use(zoom, first["access_token"]) == use(zoom, second["access_token"]) == (200, None)
    assert len({REFRESH["refresh_token"], first["refresh_token"], second["refresh_token"]}) == 3
    for spent in (REFRESH["refresh_token"], first["refresh_token"]):
        reply = ask(zoom, {**REFRESH, "refresh_token": spent})
        assert reply.json() == {"reason": "Invalid Token!", "error": "invalid_grant"}


def test_a_lost_reply_spends_the_refresh_token(zoom: Simulator) -> None:
    zoom.fault("cut_after", on="POST /oauth/token")

    with pytest.raises(requests.ConnectionError):
        ask(zoom, REFRESH)

    assert ask(zoom, REFRESH).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(("switch", "old"), [(False, (200, None)), (True, (401, 124))])
def test_a_second_token_leaves_the_first_alone_since_2023(
    zoom: Simulator, switch: bool, old: tuple[int, int | None]
) -> None:
    zoom.configure(invalidate_previous_token=switch)
    first, second = (ask(zoom).json()["access_token"] for _ in range(2))

    assert use(zoom, first) == old
    assert use(zoom, second) == (200, None)


def test_a_token_expires(zoom: Simulator) -> None:
    zoom.configure(token_life=60)
    token = ask(zoom).json()["access_token"]

    zoom.advance_clock(58)
    assert use(zoom, token) == (200, None)
    zoom.advance_clock(3)
    assert use(zoom, token) == (401, 124)


@pytest.mark.parametrize("whose", ["one", "all"])
def test_revoking(zoom: Simulator, whose: str) -> None:
    first, second = (ask(zoom).json()["access_token"] for _ in range(2))
    if whose == "all":
        zoom.revoke_tokens()
    else:
        url = f"{zoom.url}/oauth/revoke"
        reply = requests.post(url, data={"token": first}, auth=AUTH, timeout=10)
        assert reply.json() == {"status": "success"}

    assert use(zoom, first) == (401, 124)
    assert use(zoom, second) == ((200, None) if whose == "one" else (401, 124))


@pytest.mark.parametrize(
    ("header", "params", "text"),
    [
        ({}, {}, "Invalid access token."),
        ({"Authorization": "Bearer made-up"}, {}, "Invalid access token."),
        ({"Authorization": "Basic THE TOKEN"}, {}, "Invalid access token."),
        ({}, {"access_token": "THE TOKEN"}, "not supported as query parameter string"),
    ],
)
def test_calls_without_a_good_token(
    zoom: Simulator, header: dict[str, str], params: dict[str, str], text: str
) -> None:
    token = zoom.token()
    headers, query = (
        {name: value.replace("THE TOKEN", token) for name, value in given.items()}
        for given in (header, params)
    )

    reply = requests.get(f"{zoom.url}/v2/users", headers=headers, params=query, timeout=10)

    assert (reply.status_code, reply.json()["code"]) == (401, 124)
    assert text in reply.json()["message"]


@pytest.mark.parametrize(
    ("method", "path", "scope", "permission"),
    [
        ("POST", "/v2/users", "user:write:user:admin", "User:Edit"),
        ("GET", "/v2/users", "user:read:list_users:admin", "User:Read"),
        ("GET", "/v2/users/x", "user:read:user:admin", "User:Read"),
        ("GET", "/v2/users/email", "user:read:email:admin", "User:Read"),
        ("GET", "/v2/users/summary", "user:read:summary:admin", "User:Read"),
        ("PATCH", "/v2/users/x", "user:update:user:admin", "User:Edit"),
        ("DELETE", "/v2/users/x", "user:delete:user:admin", "User:Edit"),
        ("PUT", "/v2/users/x/status", "user:update:status:admin", "User:Edit"),
    ],
)
def test_scopes_and_permissions_are_named(
    call: Caller, zoom: Simulator, method: str, path: str, scope: str, permission: str
) -> None:
    refused = "Invalid access token, does not contain scopes:[{}].", 4711
    without = "Invalid access token. Does not contain permissions [{}].", 200
    others = [name for name in zoom.settings.scopes if name != scope]

    zoom.configure(scopes=others)
    call.renew()
    reply = call(method, path, json={})
    assert call.verdict(reply) == (400, refused[1])
    assert reply.json()["message"] == refused[0].format(scope)

    zoom.configure(scopes=[scope], missing_permissions=[permission])
    call.renew()
    reply = call(method, path, json={})
    assert call.verdict(reply) == (400, without[1])
    assert reply.json()["message"] == without[0].format(permission)

    zoom.configure(missing_permissions=[])
    assert call.verdict(call(method, path, json={}))[1] not in (200, 4711)


def test_classic_scopes_still_do(call: Caller, zoom: Simulator) -> None:
    zoom.configure(scopes="user:write:admin")
    call.renew()

    assert call.create().status_code == 201


def test_client_credentials_give_a_useless_token(zoom: Simulator) -> None:
    token = ask(zoom, {"grant_type": "client_credentials"}).json()["access_token"]

    assert use(zoom, token) == (400, 200)


def authorise(zoom: Simulator, **changes: str) -> requests.Response:
    query = {
        "response_type": "code",
        "client_id": AUTH[0],
        "redirect_uri": "https://tool.example.com/done?x=1",
        "state": "a state",
        **changes,
    }
    url = f"{zoom.url}/oauth/authorize"
    return requests.get(url, params=query, allow_redirects=False, timeout=10)


@pytest.mark.parametrize(
    ("redirect_uri", "wait", "times", "status"),
    [
        ("https://tool.example.com/done?x=1", 0, 1, 200),
        ("https://tool.example.com/done?x=1", 0, 2, 400),
        ("https://tool.example.com/done?x=1", 301, 1, 400),
        ("https://other.example.com/", 0, 1, 400),
    ],
)
def test_an_authorization_code_is_good_once_and_for_five_minutes(
    zoom: Simulator, redirect_uri: str, wait: float, times: int, status: int
) -> None:
    location = urlsplit(authorise(zoom).headers["Location"])
    query = parse_qs(location.query)
    assert (location.hostname, query["x"], query["state"]) == (
        "tool.example.com",
        ["1"],
        ["a state"],
    )
    zoom.advance_clock(wait)
    form = {
        "grant_type": "authorization_code",
        "code": query["code"][0],
        "redirect_uri": redirect_uri,
    }

    for _ in range(times):
        reply = ask(zoom, form)

    assert reply.status_code == status
    if status == 200:
        assert ask(zoom, {**REFRESH, "refresh_token": reply.json()["refresh_token"]}).ok
        assert not ask(zoom, REFRESH).ok


@pytest.mark.parametrize(
    "changes", [{"client_id": "other"}, {"response_type": "token"}, {"redirect_uri": ""}]
)
def test_authorize_refuses(zoom: Simulator, changes: dict[str, str]) -> None:
    assert authorise(zoom, **changes).status_code == 400


def test_the_request_log_holds_no_secret(zoom: Simulator) -> None:
    token = ask(zoom).json()["access_token"]
    url = f"{zoom.url}/v2/users"
    requests.get(url, params={"access_token": token, "status": "active"}, timeout=10)
    ask(zoom, data={}, params={**S2S, "refresh_token": "simulated-refresh-token"})

    basic = base64.b64encode(":".join(AUTH).encode()).decode()
    seen = str(zoom.requests()) + str(zoom.state()) + repr(zoom.settings)

    for secret in (token, AUTH[1], "simulated-refresh-token", basic):
        assert secret not in seen
    assert zoom.requests()[1]["query"] == {"status": "active"}
