"""Rate limits: by second, by day, by the number of invitations, and one call at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import pytest
import requests

from zoom_provider.simulator.errors import ApiError
from zoom_provider.simulator.limits import Limits
from zoom_provider.simulator.server import Simulator, running
from zoom_provider.simulator.settings import SimulatorSettings

if TYPE_CHECKING:
    from tests.unit.simulator.conftest import Caller

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC).timestamp()


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> float:
        """Return the time."""
        return self.time


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def zoom_server(clock: Clock) -> Iterator[Simulator]:
    """Take the place of the shared simulator: this one has limits and no time of its own."""
    with running(SimulatorSettings(token_life=1_000_000), clock=clock) as simulator:
        yield simulator


@pytest.fixture(autouse=True)
def at_noon(clock: Clock) -> None:
    clock.time = NOON


@pytest.mark.parametrize(
    ("plan", "light", "medium"), [("free", 4, 2), ("pro", 30, 20), ("business", 80, 60)]
)
def test_calls_a_second_by_plan_and_label(
    call: Caller, zoom: Simulator, plan: str, light: int, medium: int
) -> None:
    zoom.configure(plan=plan)
    # Labels are counted across endpoints, and apart from one another.
    lights = [
        call("GET", path).status_code
        for path in ("/v2/users/email?email=x", "/v2/users/x") * (light // 2 + 1)
    ]
    mediums = [
        call("GET", path).status_code
        for path in ("/v2/users", "/v2/users/summary") * (medium // 2 + 1)
    ]

    assert lights.index(429) == lights.count(404) + lights.count(200) == light
    assert mediums.index(429) == mediums.count(200) == medium


def test_a_second_is_any_second(call: Caller, zoom: Simulator, clock: Clock) -> None:
    zoom.configure(plan="free")
    seen = []
    # Half of the limit late in one calendar second, half of it early in the next one.
    for moment in (0.6, 0.7, 1.1, 1.2, 1.3, 1.59, 1.61, 1.62, 1.71):
        clock.time = NOON + moment
        seen.append(call("GET", "/v2/users/email?email=x").status_code)

    assert seen == [200, 200, 200, 200, 429, 429, 200, 429, 200]


@pytest.mark.parametrize("named", [True, False])
def test_the_per_second_429(call: Caller, zoom: Simulator, named: bool) -> None:
    zoom.configure(plan="free", qps_headers=named)
    for _ in range(3):
        reply = call("GET", "/v2/users")

    assert reply.json() == {
        "code": 429,
        "message": "You have reached the maximum per-second rate limit for this API."
        " Try again later.",
    }
    limits = {k: v for k, v in reply.headers.items() if "ratelimit" in k or k == "retry-after"}
    expected = {"x-ratelimit-category": "Medium", "x-ratelimit-type": "QPS"}
    assert limits == (expected if named else {})


@pytest.mark.parametrize(
    ("style", "pattern"),
    [
        ("iso", r"2026-03-11T00:00:00Z"),
        ("http-date", r"Wed, 11 Mar 2026 00:00:00 GMT"),
        ("seconds", r"43200"),
        ("absent", None),
    ],
)
def test_the_cap_of_invitations(
    call: Caller, zoom: Simulator, clock: Clock, style: str, pattern: str | None
) -> None:
    zoom.configure(create_cap=2, retry_after=style)
    first, second, third = (call.create(f"p{n}@example.com") for n in range(3))

    assert [first.headers[f"x-ratelimit-{k}"] for k in ("category", "limit", "remaining")] == [
        "Light",
        "2",
        "1",
    ]
    assert "x-ratelimit-type" not in first.headers
    assert second.headers["x-ratelimit-remaining"] == "0"
    assert call.verdict(third) == (429, 429)
    assert third.headers["x-ratelimit-type"] == "Daily-limit"
    assert third.headers["x-ratelimit-remaining"] == "0"
    retry_after = third.headers.get("retry-after")
    assert retry_after is None if pattern is None else re.fullmatch(pattern, retry_after or "")
    if style == "http-date":
        assert parsedate_to_datetime(str(retry_after)).tzinfo is not None
    # The other actions are free, and tomorrow all is forgotten.
    assert call.create("auto@example.com", action="autoCreate").status_code == 201
    clock.time = NOON + 12 * 3600
    assert call.create("p3@example.com").status_code == 201


def test_a_daily_429_without_headers(call: Caller, zoom: Simulator, clock: Clock) -> None:
    zoom.configure(create_cap=1, daily_headers=False)
    first, second = (call.create(f"p{n}@example.com") for n in range(2))

    assert (first.status_code, call.verdict(second)) == (201, (429, 429))
    for reply in (first, second):
        assert not [name for name in reply.headers if "ratelimit" in name or name == "retry-after"]
    # It is the invitations that are used up, not the calls.
    assert call("GET", "/v2/users/p0@example.com").status_code == 200


@pytest.mark.parametrize(("plan", "cap"), [("free", 50), ("pro", 1_500), ("business", 10_000)])
def test_the_cap_follows_the_plan(call: Caller, zoom: Simulator, plan: str, cap: int) -> None:
    zoom.configure(plan=plan)

    assert call.create().headers["x-ratelimit-limit"] == str(cap)


@pytest.mark.parametrize(("plan", "left"), [("free", "5999"), ("pro", None), ("business", None)])
def test_only_the_free_plan_counts_calls_by_day(
    call: Caller, zoom: Simulator, plan: str, left: str | None
) -> None:
    zoom.configure(plan=plan)

    reply = call("GET", "/v2/users/email?email=x")

    assert reply.headers.get("x-ratelimit-remaining") == left


def test_the_free_plans_day_ends() -> None:
    settings, limits = SimulatorSettings(plan="free"), Limits()
    for number in range(2_000):
        limits.admit("MEDIUM", settings, NOON + number)

    with pytest.raises(ApiError) as caught:
        limits.admit("MEDIUM", settings, NOON + 2_001)

    assert "maximum daily rate limit" in caught.value.message
    assert caught.value.headers["X-RateLimit-Limit"] == "2000"
    assert caught.value.headers["Retry-After"] == "2026-03-11T00:00:00Z"


def test_without_limits_nothing_is_refused(call: Caller, zoom: Simulator) -> None:
    zoom.configure(plan="free", limits_enforced=False, create_cap=0)

    assert {call.create(f"p{n}@example.com").status_code for n in range(10)} == {201}


def test_calls_above_the_limit_do_nothing(call: Caller, zoom: Simulator) -> None:
    zoom.configure(plan="free")
    for number in range(6):
        call.create(f"p{number}@example.com")

    assert len(zoom.people()) == 4
    assert zoom.state()["rate_limited"] == 2
    assert zoom.state()["calls"] == {"201": 4, "429": 2}


@pytest.mark.parametrize(
    ("method", "deed", "free"), [("POST", "create", 201), ("DELETE", "disassociate", 404)]
)
def test_two_at_once_for_one_person(
    call: Caller, zoom: Simulator, method: str, deed: str, free: int
) -> None:
    zoom.seed({"email": "jane@example.com", "id": "jane-id"})

    def go(email: str, user: str, timeout: float = 10) -> requests.Response:
        if method == "DELETE":
            return call(method, f"/v2/users/{user}", timeout=timeout)
        body = {"action": "create", "user_info": {"email": email, "type": 1}}
        return call(method, "/v2/users", json=body, timeout=timeout)

    # A call that is not done for long holds its person, though its client has gone.
    zoom.fault("late", on=f"{method} *", seconds=60)
    with pytest.raises(requests.ReadTimeout):
        go("jane@example.com", "jane-id", timeout=0.1)
    held, other = go("JANE@example.com", "jane@EXAMPLE.com"), go("joe@example.com", "joe-id")

    assert call.verdict(held) == (429, 429)
    assert held.json()["message"] == (
        f"Too many concurrent requests. A request to {deed} this user has already been made."
    )
    assert "retry-after" not in held.headers
    assert other.status_code == free
    assert call("GET", "/v2/users/jane-id").status_code == 200


def test_latency_holds_nobody_else_up(call: Caller, zoom: Simulator) -> None:
    zoom.configure(latency_ms=60_000)
    with pytest.raises(requests.ReadTimeout):
        call("GET", "/v2/users", timeout=0.1)
    zoom.configure(latency_ms=1)

    assert call("GET", "/v2/users").status_code == 200
