"""A user is created once, also where Zoom's replies are lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.unit.api.fakes import ClientOf, Clock, Stranger, http
from tests.unit.api.newcomer import GET, NEW, POST, create, there, traffic
from zoom_provider.api.client import LostReplyError, ZoomClient
from zoom_provider.exceptions import (
    ZoomForeignAccountError,
    ZoomProtocolError,
    ZoomUnavailableError,
    ZoomUserExistsError,
)
from zoom_provider.simulator.server import Simulator

ABSENT = {"kind": "error", "code": 1001, "on": GET}
OUTAGE = {"kind": "status", "on": GET}


@pytest.mark.parametrize(
    ("fault", "acted"),
    [
        ({"kind": "cut_before"}, False),
        ({"kind": "cut_after"}, True),
        ({"kind": "slow", "seconds": 0.5}, True),
        ({"kind": "slow", "seconds": 0.5, "acted": False}, False),
        ({"kind": "status", "status": 500}, False),
        ({"kind": "status", "status": 500, "acted": True}, True),
        ({"kind": "status", "status": 502, "body": "html"}, False),
        ({"kind": "status", "status": 502, "body": "html", "acted": True}, True),
        ({"kind": "status", "status": 503}, False),
        ({"kind": "status", "status": 503, "acted": True}, True),
        ({"kind": "status", "status": 504, "body": "html", "acted": True}, True),
        ({"kind": "html"}, False),
        ({"kind": "html", "acted": True}, True),
        ({"kind": "truncated"}, True),
        ({"kind": "truncated", "acted": False}, False),
    ],
)
def test_a_lost_reply_is_settled_by_look_ups_before_a_second_post(
    zoom: Simulator, client_of: ClientOf, clock: Clock, fault: dict[str, Any], acted: bool
) -> None:
    zoom.fault(**fault, on=POST)
    client = client_of(zoom, timeout=0.2) if fault["kind"] == "slow" else client_of(zoom)
    user = create(client)
    person = zoom.person(NEW)
    assert there(zoom) == [NEW]
    assert person is not None
    assert user["id"] == person["id"]
    assert user["email"] == NEW
    if acted:
        assert traffic(zoom) == (1, 1)
        assert clock.pauses == [1.0]
    else:
        # Not there after 1, 3 and 8 seconds: posted once more.
        assert traffic(zoom) == (2, 3)
        assert clock.pauses == [1.0, 2.0, 5.0]


@pytest.mark.parametrize(
    ("faults", "posts", "looks", "pauses"),
    [
        # Zoom shows the person late.
        ([{"kind": "cut_after", "on": POST}, ABSENT | {"times": 1}], 1, 2, [1, 2]),
        ([{"kind": "cut_after", "on": POST}, ABSENT | {"times": 2}], 1, 3, [1, 2, 5]),
        # Later than we look: 1005 after our own POST means ours.
        ([{"kind": "cut_after", "on": POST}, ABSENT | {"times": 3}], 2, 4, [1, 2, 5]),
        # The second reply is lost too.
        (
            [{"kind": "cut_before", "on": POST}, {"kind": "cut_after", "on": POST}],
            2,
            4,
            [1, 2, 5, 1],
        ),
        (
            [
                {"kind": "cut_after", "on": POST},
                {"kind": "cut_before", "on": POST},
                ABSENT | {"times": 3},
            ],
            2,
            4,
            [1, 2, 5, 1],
        ),
        # Look-ups fail, and Zoom comes back.
        ([{"kind": "cut_after", "on": POST}, OUTAGE], 1, 2, [1, 2]),
        ([{"kind": "cut_after", "on": POST}, OUTAGE | {"times": 3}], 1, 4, [1, 2, 5, 8]),
        ([{"kind": "cut_after", "on": POST}, OUTAGE | {"times": 5}], 1, 6, [1, 2, 5, 8, 15, 30]),
        ([{"kind": "cut_before", "on": POST}, OUTAGE | {"times": 3}], 2, 4, [1, 2, 5, 8]),
        # Only an answered look-up says that the person is not there.
        (
            [{"kind": "cut_before", "on": POST}, OUTAGE | {"skip": 2}],
            2,
            4,
            [1, 2, 5, 8],
        ),
        ([{"kind": "cut_before", "on": POST}, OUTAGE | {"times": 2}], 2, 3, [1, 2, 5]),
        ([{"kind": "cut_after", "on": POST}, {"kind": "cut_before", "on": GET}], 1, 2, [1, 2]),
        ([{"kind": "cut_after", "on": POST}, {"kind": "html", "on": GET}], 1, 2, [1, 2]),
        ([{"kind": "cut_after", "on": POST}, {"kind": "redirect", "on": GET}], 1, 2, [1, 2]),
        ([{"kind": "cut_after", "on": POST}, {"kind": "429", "on": GET}], 1, 2, [1, 2]),
        ([{"kind": "cut_after", "on": POST}, {"kind": "revoke_token", "on": GET}], 1, 2, [1]),
        # A limit or a dead token before, on a call that was not acted on.
        ([{"kind": "429", "on": POST}], 2, 0, [1]),
        ([{"kind": "429", "on": POST, "headers": False}], 2, 0, [1]),
        ([{"kind": "429", "on": POST, "limit": "concurrency"}], 2, 0, [1]),
        ([{"kind": "revoke_token", "on": POST}], 2, 0, []),
        ([{"kind": "429", "on": POST}, {"kind": "cut_after", "on": POST}], 2, 1, [1, 1]),
    ],
)
def test_several_faults_in_a_row_still_create_the_user_once(
    zoom: Simulator,
    client: ZoomClient,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    faults: list[dict[str, Any]],
    posts: int,
    looks: int,
    pauses: list[float],
) -> None:
    monkeypatch.setattr("random.random", lambda: 0.0)
    for fault in faults:
        zoom.fault(**fault)
    user = create(client)
    person = zoom.person(NEW)
    assert person is not None
    assert (user["email"], user["id"]) == (NEW, person["id"])
    assert there(zoom) == [NEW]
    assert traffic(zoom) == (posts, looks)
    assert clock.pauses == pytest.approx(pauses)


def test_without_any_connection_no_user_is_created(
    zoom: Simulator, client: ZoomClient, clock: Clock
) -> None:
    zoom.fault("cut_before", on=POST, times=None)
    with pytest.raises(ZoomUnavailableError, match="cut before the reply was complete") as caught:
        create(client)
    assert caught.value.remedy == "retry"
    assert there(zoom) == []
    assert traffic(zoom) == (2, 6)
    assert clock.pauses == [1.0, 2.0, 5.0] * 2


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ({"kind": "status"}, "failed at GET"),
        ({"kind": "cut_before"}, "was cut"),
        ({"kind": "429"}, "too many calls"),
        # The fault's name says what a proxy does to all later calls.
        ({"kind": "html"}, "HTTPS_PROXY"),
    ],
)
def test_without_an_answered_look_up_nothing_is_posted_again(
    zoom: Simulator, client: ZoomClient, clock: Clock, fault: dict[str, Any], text: str
) -> None:
    zoom.fault("cut_after", on=POST)
    zoom.fault(**fault, on=GET, times=None)
    with pytest.raises(ZoomUnavailableError, match="may or may not be there") as caught:
        create(client)
    assert text in str(caught.value)
    assert "if_exists='skip'" in str(caught.value)
    assert caught.value.remedy == "retry"
    assert traffic(zoom) == (1, 6)
    assert clock.pauses == [1.0, 2.0, 5.0, 8.0, 15.0, 30.0]


def test_a_host_that_cannot_be_reached_has_not_acted(
    zoom: Simulator, client_of: ClientOf, clock: Clock
) -> None:
    with pytest.raises(ZoomUnavailableError, match="no connection") as caught:
        create(client_of(zoom, origin="http://127.0.0.1:9"))
    assert not isinstance(caught.value, LostReplyError)
    assert len(clock.pauses) == 4


@pytest.mark.parametrize("status", ["active", "inactive"])
@pytest.mark.parametrize("skew", [timedelta(0), timedelta(hours=3), timedelta(hours=-3)])
def test_a_user_from_before_the_call_is_not_taken_for_ours(
    zoom: Simulator,
    client: ZoomClient,
    monkeypatch: pytest.MonkeyPatch,
    status: str,
    skew: timedelta,
) -> None:
    class SkewedTime(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + skew

    monkeypatch.setattr("zoom_provider.provisioning.create_user.datetime", SkewedTime)
    zoom.seed({"email": NEW, "status": status, "created": int(time.time()) - 60})
    zoom.fault("cut_before", on=POST)
    with pytest.raises(ZoomUserExistsError, match="before this call") as caught:
        create(client)
    assert caught.value.user == client.get_user(NEW)
    assert traffic(zoom) == (1, 2)


@pytest.mark.parametrize(
    "person",
    [
        # The stamps are whole seconds: who is that new may be ours.
        {"created": int(time.time()) + 3600},
        # Zoom stamps a pending user with the time of the look-up.
        {"status": "pending", "created": int(time.time()) - 86_400},
    ],
)
def test_a_user_who_may_be_ours_counts_as_ours(
    zoom: Simulator, client: ZoomClient, person: dict[str, Any]
) -> None:
    zoom.seed({"email": NEW, **person})
    zoom.fault("cut_before", on=POST)
    assert create(client)["email"] == NEW
    assert traffic(zoom) == (1, 1)


def test_a_user_whose_invitation_has_expired_is_invited_after_a_lost_reply(
    zoom: Simulator, client: ZoomClient
) -> None:
    zoom.seed({"email": NEW, "status": "pending", "created": int(time.time()) - 31 * 86_400})
    zoom.fault("cut_before", on=POST)
    assert create(client)["email"] == NEW
    assert there(zoom) == [NEW]


def test_an_expired_invitation_that_holds_its_address_is_not_taken_for_ours(
    zoom: Simulator, client: ZoomClient
) -> None:
    zoom.configure(expired_invitations="kept")
    zoom.seed({"email": NEW, "status": "pending", "created": int(time.time()) - 31 * 86_400})
    zoom.fault("cut_before", on=POST)
    with pytest.raises(ZoomUserExistsError) as caught:
        create(client)
    assert caught.value.user == {"email": NEW, "status": "pending"}


def test_the_second_post_reveals_a_foreign_account(zoom: Simulator, client: ZoomClient) -> None:
    zoom.configure(foreign_accounts={NEW: "free"})
    zoom.fault("cut_before", on=POST)
    with pytest.raises(ZoomForeignAccountError):
        create(client)
    assert traffic(zoom) == (2, 4)


@pytest.mark.parametrize("waits_for", ["the person", "the refusal"])
def test_a_creation_that_zoom_finishes_late_is_found(
    zoom: Simulator, client_of: ClientOf, clock: Clock, waits_for: str
) -> None:
    """Zoom acts after our time-out, before our look-ups end or only after them."""
    zoom.fault("late", on=POST, seconds=0.3)
    client = client_of(zoom, timeout=0.1)

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        refused = [call for call in zoom.requests(POST) if call["status"] == 429]
        if waits_for == "the person" or refused:
            until(lambda: zoom.person(NEW) is not None)

    client._transport.sleep = sleep
    assert create(client)["email"] == NEW
    assert there(zoom) == [NEW]
    codes = [call["code"] for call in zoom.requests(POST)]
    assert codes == ([None] if waits_for == "the person" else [None, 429, 1005])


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


@pytest.mark.parametrize("body", ["{}", '{"id": 7}', '{"status": "ok"}', ""])
def test_a_created_reply_without_a_user_is_settled_by_a_look_up(
    zoom: Simulator, client_of: ClientOf, body: str
) -> None:
    def answer(asked: bytes) -> bytes:
        if asked.startswith(b"POST"):
            return http(body, "201 Created")
        return http('{"id": "found", "email": "new@example.com", "status": "pending"}')

    with Stranger(answer) as stranger:
        client = client_of(zoom, origin=stranger.url)
        assert create(client)["id"] == "found"
    assert [asked.split(b" ")[0] for asked in stranger.heard] == [b"POST", b"GET"]


@pytest.mark.parametrize("body", ["{}", '{"status": "ok"}', "", "[]"])
def test_a_look_up_reply_without_a_user_is_an_error(
    zoom: Simulator, client_of: ClientOf, body: str
) -> None:
    with Stranger(http(body)) as stranger:
        client = client_of(zoom, origin=stranger.url)
        with pytest.raises(ZoomProtocolError):
            client.get_user(NEW)
