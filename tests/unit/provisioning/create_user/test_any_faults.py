"""After any sequence of faults a user exists once, and the result says so."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.api.fakes import Clock
from tests.unit.api.newcomer import GET, NEW, POST, create, there
from zoom_provider.api.auth import TokenCache
from zoom_provider.api.client import ZoomClient
from zoom_provider.api.settings import ZoomSettings
from zoom_provider.exceptions import (
    ZoomError,
    ZoomForeignAccountError,
    ZoomUserExistsError,
)
from zoom_provider.simulator.server import Simulator

STATUSES = st.builds(
    lambda status, body, acted: {"kind": "status", "status": status, "body": body, "acted": acted},
    st.sampled_from([500, 502, 503, 504]),
    st.sampled_from(["json", "html"]),
    st.booleans(),
)
TROUBLE = (
    st.sampled_from(
        [
            {"kind": "cut_before"},
            {"kind": "cut_after"},
            {"kind": "truncated"},
            {"kind": "truncated", "acted": False},
            {"kind": "html"},
            {"kind": "html", "acted": True},
            {"kind": "not_json"},
            {"kind": "redirect"},
            {"kind": "revoke_token"},
            {"kind": "429"},
            {"kind": "429", "headers": False},
            {"kind": "429", "limit": "concurrency"},
            {"kind": "429", "limit": "daily"},
            {"kind": "429", "limit": "creates"},
            {"kind": "error", "code": 2016},
        ]
    )
    | STATUSES
)


@settings(
    max_examples=300,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    on_post=st.lists(TROUBLE, max_size=4),
    on_get=st.lists(TROUBLE, max_size=6),
    on_token=st.lists(TROUBLE, max_size=2),
    invalidate=st.booleans(),
)
def test_after_any_faults_and_one_retry_the_user_exists_once_and_the_result_agrees(
    zoom_server: Simulator,
    on_post: list[dict[str, Any]],
    on_get: list[dict[str, Any]],
    on_token: list[dict[str, Any]],
    invalidate: bool,
) -> None:
    zoom = zoom_server
    zoom.reset()
    zoom.configure(invalidate_previous_token=invalidate)
    clock = Clock()
    client = ZoomClient(
        ZoomSettings(
            client_id=zoom.settings.client_id,
            client_secret=zoom.settings.client_secret,
            account_id=zoom.settings.account_id,
            origin=zoom.url,
            token_url=f"{zoom.url}/oauth/token",
            plan="business",
        ),
        tokens=TokenCache(),
        clock=clock,
        sleep=clock.sleep,
    )
    for on, faults in ((POST, on_post), (GET, on_get), ("POST /oauth/token", on_token)):
        for fault in faults:
            zoom.fault(**fault, on=on)
    zoom.seed("another@example.com")
    first = _outcome(client)
    if isinstance(first, ZoomError):
        # The address was free before.
        assert not isinstance(first, (ZoomUserExistsError, ZoomForeignAccountError))
        assert there(zoom).count(NEW) <= 1
        # And another try, as Airflow makes it, brings it to its end.
        zoom.world.faults.clear()
    last = _outcome(client) if isinstance(first, ZoomError) else first
    client.close()
    user = last.user if isinstance(last, ZoomUserExistsError) else last
    person = zoom.person(NEW)
    assert person is not None
    assert isinstance(user, dict)
    assert user["id"] == person["id"]
    assert there(zoom) == ["another@example.com", NEW]


def test_threads_that_share_a_client_under_faults_create_each_user_once(
    zoom: Simulator, client: ZoomClient
) -> None:
    faults: list[dict[str, Any]] = [
        {"kind": "cut_before"},
        {"kind": "cut_after"},
        {"kind": "status", "acted": True},
        {"kind": "html"},
        {"kind": "truncated"},
        {"kind": "429"},
        {"kind": "429", "limit": "concurrency"},
    ]
    for number, fault in enumerate(faults * 7):
        zoom.fault(**fault, on=POST, email=f"p{number}@example.com")
    zoom.fault("revoke_token", on=POST, email="p60@example.com")
    wanted = [f"p{number}@example.com" for number in range(96)]
    with ThreadPoolExecutor(8) as pool:
        users = list(pool.map(lambda email: create(client, email), wanted))
    assert [user["email"] for user in users] == wanted
    assert sorted(there(zoom)) == sorted(wanted)
    for user in users:
        person = zoom.person(user["email"])
        assert person is not None
        assert person["id"] == user["id"]
    assert all(fault["struck"] == 1 for fault in zoom.faults())


def _outcome(client: ZoomClient) -> dict[str, Any] | ZoomError:
    try:
        return create(client)
    except ZoomError as error:
        return error
