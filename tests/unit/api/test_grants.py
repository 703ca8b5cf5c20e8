"""The grants whose token Zoom rotates, or never renews: who spends what, and who finds it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from zoom_provider.api.auth import TokenCache
from zoom_provider.api.client import ZoomClient
from zoom_provider.api.settings import ZoomSettings
from zoom_provider.exceptions import ZoomAuthError, ZoomError
from zoom_provider.simulator.server import Simulator


class Shelf:
    """A token store that several clients share, as tasks share Airflow's Variables."""

    def __init__(self) -> None:
        self.saved: dict[str, Mapping[str, Any]] = {}
        self.saves = 0
        self.broken = 0

    def load(self, key: str) -> Mapping[str, Any] | None:
        return self.saved.get(key)

    def save(self, key: str, tokens: Mapping[str, Any]) -> None:
        if self.broken:
            self.broken -= 1
            raise ConnectionError("the API server is away")
        self.saves += 1
        self.saved[key] = dict(tokens)


class Time:
    """A clock that moves only when a sleep is asked for."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


def settings_for(zoom: Simulator, **changes: Any) -> ZoomSettings:
    return ZoomSettings(
        **{
            "client_id": zoom.settings.client_id,
            "client_secret": zoom.settings.client_secret,
            "grant_type": "refresh_token",
            "refresh_token": zoom.settings.refresh_token,
            "origin": zoom.url,
            "token_url": f"{zoom.url}/oauth/token",
            "plan": "business",
        }
        | changes
    )


def worker(
    zoom: Simulator, shelf: Shelf | None, time: Time | None = None, **changes: Any
) -> ZoomClient:
    """Make a client as another process would: with a cache of its own."""
    time = time or Time()
    return ZoomClient(
        settings_for(zoom, **changes),
        tokens=TokenCache(),
        store=shelf,
        clock=time,
        sleep=time.sleep,
    )


def token_requests(zoom: Simulator) -> int:
    return len(zoom.requests("POST /oauth/token"))


def test_a_refresh_token_is_spent_once_for_all_workers(zoom: Simulator) -> None:
    shelf = Shelf()
    zoom.seed("ann@example.com")
    for _ in range(3):
        assert worker(zoom, shelf).get_user("ann@example.com")["email"] == "ann@example.com"
    assert token_requests(zoom) == 1


def test_the_next_refresh_token_is_the_one_that_zoom_gave(zoom: Simulator) -> None:
    shelf = Shelf()
    zoom.seed("ann@example.com")
    for _ in range(3):
        worker(zoom, shelf).get_user("ann@example.com")
        zoom.revoke_tokens()  # so that the next worker has to spend the next refresh token
    assert token_requests(zoom) == 3
    assert shelf.saves == 3


def test_who_loses_the_race_finds_the_winners_token(zoom: Simulator) -> None:
    zoom.seed("ann@example.com")
    clock, shelf = Time(), Shelf()
    loser = worker(zoom, shelf, clock)
    winners = Shelf()
    worker(zoom, winners).get_user("ann@example.com")  # spends the same token, elsewhere

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if clock.at >= 1004.0:
            shelf.saved.update(winners.saved)  # the winner's save arrives four seconds later

    loser._transport.sleep = sleep
    assert loser.get_user("ann@example.com")["email"] == "ann@example.com"
    assert token_requests(zoom) == 2
    assert clock.at == pytest.approx(1004.0, abs=0.5)


def test_a_dead_grant_says_how_to_authorise_again_after_ten_seconds(zoom: Simulator) -> None:
    worker(zoom, Shelf()).auth.token()
    time = Time()
    with pytest.raises(ZoomAuthError, match="Authorise the app again") as raised:
        worker(zoom, Shelf(), time).auth.token()
    assert raised.value.remedy == "human"
    assert time.at == pytest.approx(1010.0, abs=0.5)


def test_a_wrong_secret_is_not_taken_for_a_dead_grant(zoom: Simulator) -> None:
    time = Time()
    with pytest.raises(ZoomAuthError, match="Client Secret is wrong"):
        worker(zoom, Shelf(), time, client_secret="mistyped").auth.token()
    assert time.at == 1000.0
    assert worker(zoom, Shelf()).auth.token().value


def test_a_new_refresh_token_in_the_connection_starts_afresh(zoom: Simulator) -> None:
    shelf = Shelf()
    worker(zoom, shelf).auth.token()
    fresh = zoom.world.grants.new_refresh_token()
    assert worker(zoom, shelf, refresh_token=fresh).auth.token().value
    assert len(shelf.saved) == 2


def test_a_rotated_client_secret_does_not_lose_the_grant(zoom: Simulator) -> None:
    shelf = Shelf()
    zoom.seed("ann@example.com")
    worker(zoom, shelf).auth.token()
    zoom.configure(client_secret="rotated")
    for _ in range(2):
        zoom.revoke_tokens()  # so that only the refresh token that was stored last helps
        client = worker(zoom, shelf, client_secret="rotated")
        assert client.get_user("ann@example.com")["email"] == "ann@example.com"
    assert [entry["status"] for entry in zoom.requests("POST /oauth/token")] == [200] * 3


def test_an_account_id_that_is_added_later_does_not_lose_the_grant(zoom: Simulator) -> None:
    shelf = Shelf()
    zoom.seed("ann@example.com")
    worker(zoom, shelf).auth.token()
    zoom.revoke_tokens()
    client = worker(zoom, shelf, account_id=zoom.settings.account_id)
    assert client.get_user("ann@example.com")["email"] == "ann@example.com"
    assert len(shelf.saved) == 1


def test_grants_of_other_apps_and_hosts_are_kept_apart(zoom: Simulator) -> None:
    shelf = Shelf()
    worker(zoom, shelf).auth.token()
    others: list[dict[str, Any]] = [
        {"client_id": "another"},
        {"token_url": f"{zoom.url}/oauth/other"},
        {"refresh_token": "another"},
    ]
    for changes in others:
        with pytest.raises(ZoomError):
            worker(zoom, shelf, **changes).auth.token()
    assert len(shelf.saved) == 1


def test_tokens_that_an_earlier_version_stored_are_found_and_moved(zoom: Simulator) -> None:
    """It stored them under a digest of all credentials, with the secret among them."""
    first = Shelf()
    worker(zoom, first).auth.token()
    (tokens,) = first.saved.values()
    parts = (
        f"{zoom.url}/oauth/token",
        "refresh_token",
        zoom.settings.client_id,
        zoom.settings.client_secret,
        "",
        "",
        zoom.settings.refresh_token,
    )
    shelf = Shelf()
    shelf.saved[hashlib.sha256("\0".join(parts).encode()).hexdigest()] = tokens
    zoom.seed("ann@example.com")
    for secret in (zoom.settings.client_secret, "rotated"):
        zoom.configure(client_secret=secret)
        zoom.revoke_tokens()
        client = worker(zoom, shelf, client_secret=secret)
        assert client.get_user("ann@example.com")["email"] == "ann@example.com"
    assert len(shelf.saved) == 2


def test_outside_a_task_no_refresh_token_is_spent(zoom: Simulator) -> None:
    with pytest.raises(ZoomAuthError, match="inside a task only"):
        worker(zoom, None).auth.token()
    assert token_requests(zoom) == 0


@pytest.mark.parametrize(("failures", "saves"), [(2, 1), (3, 0)])
def test_saving_is_stubborn_and_the_task_goes_on_without(
    zoom: Simulator, failures: int, saves: int, caplog: pytest.LogCaptureFixture
) -> None:
    shelf = Shelf()
    shelf.broken = failures
    client = worker(zoom, shelf)
    token = client.auth.token().value
    assert token
    assert shelf.saves == saves
    assert ("could not be stored" in caplog.text) is (not saves)
    assert token not in caplog.text


def test_workers_in_a_crowd_share_one_grant(zoom: Simulator) -> None:
    zoom.seed("ann@example.com")
    shelf, found = Shelf(), []
    clients = [worker(zoom, shelf) for _ in range(8)]
    for client in clients:
        client._transport.sleep = None  # real waits
    threads = [
        threading.Thread(target=lambda c=client: found.append(c.get_user("ann@example.com")))
        for client in clients
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len(clients)
    assert shelf.saves == 1


def test_a_ready_access_token_works_until_it_does_not(zoom: Simulator) -> None:
    zoom.seed("ann@example.com")
    client = worker(zoom, None, grant_type="access_token", access_token=zoom.token())
    assert client.get_user("ann@example.com")["email"] == "ann@example.com"
    zoom.revoke_tokens()
    with pytest.raises(ZoomAuthError, match="access token"):
        client.get_user("ann@example.com")
    assert token_requests(zoom) == 0
