"""A token is asked for once, kept, renewed in time, replaced when refused, and never shown."""

from __future__ import annotations

import base64
import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.api.fakes import ClientOf, Clock, Stranger, http
from tests.unit.api.newcomer import create
from zoom_provider.api.auth import TokenCache, ZoomAuth
from zoom_provider.api.client import ZoomClient
from zoom_provider.api.settings import ZoomSettings
from zoom_provider.exceptions import (
    ZoomAuthError,
    ZoomError,
    ZoomProtocolError,
    ZoomRateLimitError,
    ZoomUnavailableError,
)
from zoom_provider.simulator.server import Simulator

ANN = "ann@example.com"


@pytest.fixture(autouse=True)
def _ann(zoom: Simulator) -> None:
    zoom.seed(ANN)


def tokens_asked(zoom: Simulator) -> int:
    return len(zoom.requests("POST /oauth/token"))


def calls_made(zoom: Simulator) -> int:
    return len(zoom.requests("* /v2/*"))


def test_a_token_serves_all_calls_of_all_clients_with_the_same_credentials(
    zoom: Simulator, client_of: ClientOf
) -> None:
    cache = TokenCache()
    for client in [client_of(zoom, tokens=cache, timeout=seconds) for seconds in (5.0, 6.0)]:
        client.get_user(ANN)
        client.get_user(ANN)
    assert (tokens_asked(zoom), calls_made(zoom)) == (1, 4)


def test_one_cache_serves_the_whole_process(
    zoom: Simulator, clock: Clock, monkeypatch: pytest.MonkeyPatch, client_of: ClientOf
) -> None:
    monkeypatch.setattr("zoom_provider.api.auth._CACHE", TokenCache())
    settings = client_of(zoom).settings
    for _ in range(2):
        client = ZoomClient(settings, clock=clock, sleep=clock.sleep)
        client.get_user(ANN)
        client.close()
    assert tokens_asked(zoom) == 1


@pytest.mark.parametrize("changed", ["client_id", "client_secret", "account_id", "token_url"])
def test_other_credentials_do_not_find_the_token(
    zoom: Simulator, client_of: ClientOf, changed: str
) -> None:
    cache = TokenCache()
    client_of(zoom, tokens=cache).get_user(ANN)
    other: dict[str, Any] = {changed: f"{zoom.url}/other"}
    with pytest.raises(ZoomError):
        client_of(zoom, tokens=cache, **other).get_user(ANN)
    assert calls_made(zoom) == 1


@pytest.mark.parametrize(
    ("life", "serves_until"), [(3600, 3540.0), (3599, 3539.0), (600, 540.0), (100, 90.0)]
)
def test_a_token_is_renewed_before_it_ends(
    zoom: Simulator, client: ZoomClient, clock: Clock, life: int, serves_until: float
) -> None:
    zoom.configure(token_life=life)
    asked_at = clock.time
    client.get_user(ANN)
    clock.time = asked_at + serves_until - 0.01
    client.get_user(ANN)
    assert tokens_asked(zoom) == 1
    clock.time = asked_at + serves_until
    client.get_user(ANN)
    assert tokens_asked(zoom) == 2
    assert not [call for call in zoom.requests("* /v2/*") if call["status"] != 200]


@pytest.mark.parametrize(
    ("expires_in", "renewed_after"),
    [
        (3600, 3540.0),
        ("1800", 1740.0),
        (None, 3540.0),
        ("soon", 3540.0),
        ([], 3540.0),
        ("nan", 3540.0),
        ("inf", 3540.0),
    ],
)
def test_age_counts_from_the_request(
    clock: Clock, expires_in: object, renewed_after: float
) -> None:
    asked = []

    def ask(form: Mapping[str, str], max_wait: float) -> dict[str, Any]:
        asked.append(clock.time)
        clock.travel(45)  # the reply takes its time
        return {"access_token": "t", "expires_in": expires_in}

    auth = ZoomAuth(ZoomSettings(), ask, cache=TokenCache(), clock=clock)
    token = auth.token()
    assert token.renew_at == asked[0] + renewed_after


def test_a_refused_token_costs_one_renewal_and_one_repeated_call(
    zoom: Simulator, client: ZoomClient, clock: Clock
) -> None:
    client.get_user(ANN)
    zoom.revoke_tokens()
    assert client.get_user(ANN)["email"] == ANN
    assert (tokens_asked(zoom), calls_made(zoom)) == (2, 3)
    zoom.advance_clock(4000)  # it ends earlier than it said
    assert client.get_user(ANN)["email"] == ANN
    assert (tokens_asked(zoom), calls_made(zoom)) == (3, 5)
    assert clock.pauses == []


def test_a_token_refused_at_a_creation_costs_no_person(zoom: Simulator, client: ZoomClient) -> None:
    client.get_user(ANN)
    zoom.revoke_tokens()
    assert create(client, "bob@example.com")["id"]
    assert [call["code"] for call in zoom.requests("POST /v2/users")] == [124, None]
    assert len(zoom.people()) == 2


def test_tokens_that_are_always_refused_end_in_an_error_that_says_so(
    zoom: Simulator, client: ZoomClient
) -> None:
    zoom.fault("revoke_token", on="* /v2/*", times=None)
    with pytest.raises(ZoomAuthError, match="also after a new one was asked for") as caught:
        client.get_user(ANN)
    assert caught.value.code == 124
    assert (tokens_asked(zoom), calls_made(zoom)) == (2, 2)


def test_an_impatient_client_asks_for_one_token(zoom: Simulator, client_of: ClientOf) -> None:
    zoom.fault("revoke_token", on="* /v2/*", times=None)
    with pytest.raises(ZoomAuthError):
        client_of(zoom, retry=False).get_user(ANN)
    assert (tokens_asked(zoom), calls_made(zoom)) == (1, 1)


def test_two_workers_that_kill_each_others_tokens_still_get_through(
    zoom: Simulator, client_of: ClientOf
) -> None:
    zoom.configure(invalidate_previous_token=True)
    workers = [client_of(zoom) for _ in range(2)]
    for _ in range(3):
        for worker in workers:
            assert worker.get_user(ANN)["email"] == ANN
    # The first of them is alone; from then on each one's token is dead when its turn comes.
    assert tokens_asked(zoom) == 6
    assert calls_made(zoom) == 6 + 4


def together(count: int, work: Callable[[], object]) -> list[object]:
    """Do the same in many threads at once, and give what came of it."""
    start = threading.Barrier(count)
    found: list[object] = []

    def run() -> None:
        start.wait()
        try:
            found.append(work())
        except ZoomError as error:
            found.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_threads_that_want_a_token_at_once_share_one_request(
    zoom: Simulator, client: ZoomClient
) -> None:
    zoom.configure(latency_ms=20)
    found = together(8, lambda: client.get_user(ANN)["email"])
    assert found == [ANN] * 8
    assert tokens_asked(zoom) == 1


def test_threads_whose_token_is_refused_at_once_share_one_renewal(
    zoom: Simulator, client: ZoomClient
) -> None:
    client.get_user(ANN)
    zoom.configure(latency_ms=20)
    zoom.revoke_tokens()
    assert together(8, lambda: client.get_user(ANN)["email"]) == [ANN] * 8
    assert tokens_asked(zoom) == 2


def test_a_token_replaced_meanwhile_is_not_forgotten(clock: Clock) -> None:
    values = iter("ab")
    cache = TokenCache()

    def auth() -> ZoomAuth:
        def ask(form: Mapping[str, str], max_wait: float) -> dict[str, Any]:
            return {"access_token": next(values)}

        return ZoomAuth(ZoomSettings(), ask, cache=cache, clock=clock)

    old = auth().token()
    auth().invalidate(old.value)
    new = auth().token()
    auth().invalidate(old.value)
    assert auth().token() is new


@pytest.mark.parametrize(
    ("settings", "switches", "text"),
    [
        ({"client_secret": "wrong"}, {}, "Client Secret is wrong"),
        ({"client_id": "wrong"}, {}, "Client Secret is wrong"),
        ({"account_id": "wrong"}, {}, "Account ID is wrong"),
        ({}, {"app_active": False}, "not activated"),
    ],
)
def test_wrong_credentials_are_told_and_not_tried_again(
    zoom: Simulator, client_of: ClientOf, settings: dict[str, Any], switches: Any, text: str
) -> None:
    zoom.configure(**switches)
    with pytest.raises(ZoomAuthError, match=text) as caught:
        client_of(zoom, **settings).get_user(ANN)
    assert caught.value.remedy == "fail"
    assert (tokens_asked(zoom), calls_made(zoom)) == (1, 0)


@pytest.mark.parametrize(
    ("fault", "asked", "raised"),
    [
        ({"kind": "status", "status": 503}, 2, None),
        ({"kind": "status", "status": 502, "body": "html"}, 2, None),
        ({"kind": "cut_before"}, 2, None),
        ({"kind": "cut_after"}, 2, None),
        ({"kind": "truncated"}, 2, None),
        ({"kind": "429"}, 2, None),
        ({"kind": "status", "status": 503, "times": None}, 5, ZoomUnavailableError),
        ({"kind": "cut_before", "times": None}, 5, ZoomUnavailableError),
        ({"kind": "429", "times": None}, 25, ZoomRateLimitError),
        ({"kind": "html"}, 1, ZoomProtocolError),
        ({"kind": "redirect"}, 1, ZoomProtocolError),
        ({"kind": "not_json"}, 1, ZoomAuthError),
    ],
)
def test_trouble_at_the_token_endpoint(
    zoom: Simulator,
    client_of: ClientOf,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    fault: dict[str, Any],
    asked: int,
    raised: type[ZoomError] | None,
) -> None:
    monkeypatch.setattr("random.random", lambda: 0.0)
    zoom.fault(**fault, on="POST /oauth/token")
    client = client_of(zoom)
    if raised is None:
        assert client.get_user(ANN)["email"] == ANN
    else:
        with pytest.raises(raised) as caught:
            client.get_user(ANN)
        assert type(caught.value) is raised
        assert "for an access token" in str(caught.value) or raised is ZoomAuthError
        assert calls_made(zoom) == 0
    assert tokens_asked(zoom) == asked
    assert sum(clock.pauses) <= 300


@pytest.mark.parametrize("token", ["", None, 7, ["t"]])
def test_a_token_endpoint_without_a_token_is_not_zooms(
    zoom: Simulator, client_of: ClientOf, token: object
) -> None:
    with Stranger(http(json.dumps({"access_token": token, "expires_in": 3600}))) as stranger:
        client = client_of(zoom, token_url=f"{stranger.url}/oauth/token")
        with pytest.raises(ZoomProtocolError, match="without an access token"):
            client.get_user(ANN)
    assert calls_made(zoom) == 0


@pytest.mark.parametrize("token", ["a\r\nX-Injected: 1", "tök\u4e00n"])
def test_a_token_that_fits_no_header_goes_nowhere(
    zoom: Simulator, client_of: ClientOf, token: str
) -> None:
    with Stranger(http(json.dumps({"access_token": token}))) as stranger:
        client = client_of(zoom, token_url=f"{stranger.url}/oauth/token")
        with pytest.raises(ZoomUnavailableError, match="could not be made") as caught:
            client.get_user(ANN)
    assert caught.value.remedy == "fail"
    assert token not in str(caught.value)
    assert calls_made(zoom) == 0


def test_the_token_is_told_the_moment_it_arrives(zoom: Simulator, client_of: ClientOf) -> None:
    reported: list[tuple[str, int]] = []
    client = client_of(zoom, on_secret=lambda secret: reported.append((secret, calls_made(zoom))))
    client.get_user(ANN)
    zoom.revoke_tokens()
    client.get_user(ANN)
    assert [calls for _, calls in reported] == [0, 2]
    assert [token for token, _ in reported] == [reported[0][0], client.auth.token().value]


def test_no_secret_is_shown(
    zoom: Simulator, client_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = [zoom.settings.client_secret]
    pair = f"{zoom.settings.client_id}:{zoom.settings.client_secret}"
    secrets.append(base64.b64encode(pair.encode()).decode())
    client = client_of(zoom, on_secret=secrets.append)
    shown: list[object] = [client, client.auth, client.settings]
    client.get_user(ANN)
    create(client, "b@example.com", "autoCreate", password="Ses42ame")
    secrets.append("Ses42ame")
    for kind in ("cut_after", "html", "redirect", "not_json", "truncated", "revoke_token", "429"):
        zoom.fault(kind, on="* /v2/*")
        try:
            shown.append(client.get_user(ANN))
        except ZoomError as error:
            shown.append(error)
    secrets.append("wr0ng-secret")
    wrong: list[dict[str, Any]] = [
        {"client_secret": "wr0ng-secret"},
        {"origin": "http://127.0.0.1:9"},
    ]
    for changes in wrong:
        with pytest.raises(ZoomError) as caught:
            client_of(zoom, on_secret=secrets.append, **changes).get_user(ANN)
        shown.append(caught.value)
    shown += [client.auth.token(), replace(client.settings, timeout=3.0)]
    assert len(secrets) > 4
    text = caplog.text + "".join(f"{thing!r} {thing}" for thing in _with_causes(shown))
    assert "/v2/users" in text
    assert [secret for secret in secrets if secret in text] == []


def _with_causes(things: list[object]) -> list[object]:
    found: list[object] = []
    for thing in things:
        link = thing
        while link is not None:
            found.append(link)
            link = link.__cause__ or link.__context__ if isinstance(link, BaseException) else None
    return found


def test_the_secret_goes_into_basic_auth_and_the_rest_into_the_form(
    zoom: Simulator, client_of: ClientOf
) -> None:
    with Stranger(http('{"access_token": "t"}')) as stranger:
        client = client_of(zoom, token_url=f"{stranger.url}/oauth/token")
        client.auth.token()
    (request,) = stranger.heard
    head, _, body = request.partition(b"\r\n\r\n")
    pair = f"{zoom.settings.client_id}:{zoom.settings.client_secret}".encode()
    assert head.startswith(b"POST /oauth/token HTTP/1.1\r\n")
    assert b"\r\nAuthorization: Basic " + base64.b64encode(pair) + b"\r\n" in head + b"\r\n"
    assert b"application/x-www-form-urlencoded" in head
    assert (
        body == f"grant_type=account_credentials&account_id={client.settings.account_id}".encode()
    )
