"""Zoom's limits: kept by pacing, waited out by the second, reported by the day."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.api.fakes import ClientOf, Clock
from tests.unit.api.newcomer import NEW, POST, create, there, traffic
from zoom_provider.api.client import ZoomClient
from zoom_provider.api.rate_limit import PER_SECOND
from zoom_provider.exceptions import ZoomDailyLimitError, ZoomRateLimitError
from zoom_provider.simulator.errors import ApiError
from zoom_provider.simulator.server import Simulator, running
from zoom_provider.simulator.settings import SimulatorSettings


def next_midnight() -> datetime:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days=1)


@pytest.mark.parametrize(
    "fault", [{}, {"headers": False}, {"limit": "concurrency"}], ids=["named", "bare", "at once"]
)
@pytest.mark.parametrize("times", [1, 3])
def test_too_many_calls_a_second_are_waited_for(
    zoom: Simulator, client: ZoomClient, clock: Clock, fault: dict[str, Any], times: int
) -> None:
    zoom.fault("429", on=POST, times=times, **fault)
    assert create(client)["email"] == NEW
    assert traffic(zoom) == (times + 1, 0)
    assert len(clock.pauses) == times
    assert all(1.0 <= pause <= 1.25 for pause in clock.pauses)
    assert client.rate_limited == times


def test_the_pace_gives_way_to_a_refusal_by_the_second(zoom: Simulator, client: ZoomClient) -> None:
    limiter = client._limits.by_label["light"]
    before = limiter.rate
    zoom.fault("429", on=POST)
    create(client)
    assert limiter.rate < before


def test_fewer_calls_are_under_way_after_a_refusal_of_calls_at_once(
    zoom: Simulator, client: ZoomClient
) -> None:
    concurrency = client._limits.concurrency
    zoom.fault("429", on=POST)
    create(client, "first@example.com")
    assert concurrency.limit == 128
    zoom.fault("429", on=POST, limit="concurrency")
    create(client)
    assert concurrency.limit < 128


class Watch(Clock):
    """Real time for what Zoom takes, none for what we wait."""

    def __call__(self) -> float:
        """Tell the time."""
        return time.monotonic()


@pytest.mark.parametrize("fault", ["429", "cut_before"])
def test_immediate_refusals_do_not_lower_the_target_concurrency(
    zoom: Simulator, client_of: ClientOf, fault: str
) -> None:
    zoom.configure(latency_ms=60)
    client = client_of(zoom, clock=Watch())
    for number in range(20):
        create(client, f"p{number}@example.com")
    before = client.target_concurrency()
    zoom.fault(fault, on=POST)
    create(client)
    # The pace has eased a little, no more than that.
    assert 3 < before - 1 <= client.target_concurrency() <= before + 1


@pytest.mark.parametrize("max_wait", [10.0, 60.0])
def test_waiting_ends_with_max_wait(
    zoom: Simulator, client_of: ClientOf, clock: Clock, max_wait: float
) -> None:
    zoom.fault("429", on=POST, times=None)
    client = client_of(zoom, max_wait=max_wait)
    with pytest.raises(ZoomRateLimitError, match="longer than max_wait") as caught:
        create(client)
    assert (caught.value.remedy, caught.value.code) == ("retry", 429)
    assert 0.4 * max_wait < sum(clock.pauses) <= max_wait
    assert there(zoom) == []


@pytest.mark.parametrize("form", ["iso", "http-date", "seconds", "absent"])
@pytest.mark.parametrize("limit", ["daily", "creates"])
def test_a_day_is_not_waited_for(
    zoom: Simulator, client: ZoomClient, clock: Clock, form: str, limit: str
) -> None:
    zoom.configure(retry_after=form)
    zoom.fault("429", on=POST, limit=limit, times=None)
    earliest = next_midnight()
    with pytest.raises(ZoomDailyLimitError, match="daily limit") as caught:
        create(client)
    reset_at = caught.value.reset_at
    # In seconds from a moment ago it may be a second beside.
    slack = timedelta(seconds=2 if form == "seconds" else 0)
    assert earliest - slack <= reset_at <= next_midnight() + slack
    assert reset_at.tzinfo is UTC
    assert reset_at.isoformat(timespec="seconds") in str(caught.value)
    assert caught.value.remedy == "fail"
    assert traffic(zoom) == (1, 0)
    assert clock.pauses == []


def test_the_cap_of_creations_leaves_other_calls_alone(zoom: Simulator, client: ZoomClient) -> None:
    zoom.configure(create_cap=2, limits_enforced=True)
    for number in range(2):
        create(client, f"p{number}@example.com")
    with pytest.raises(ZoomDailyLimitError):
        create(client)
    assert there(zoom) == ["p0@example.com", "p1@example.com"]
    assert client.get_user("p0@example.com")["email"] == "p0@example.com"
    # The cap is on invitations.
    assert create(client, action="autoCreate")["email"] == NEW


# ---- pacing, with a Zoom whose time is ours


@pytest.fixture
def timed_zoom(clock: Clock) -> Iterator[Simulator]:
    with running(SimulatorSettings(), clock=clock) as simulator:
        yield simulator


@pytest.mark.parametrize(("plan", "count"), [("free", 40), ("pro", 200), ("business", 1_000)])
def test_alone_on_the_account_no_call_is_refused(
    timed_zoom: Simulator, client_of: ClientOf, clock: Clock, plan: Any, count: int
) -> None:
    timed_zoom.configure(plan=plan, create_cap=100_000)
    client = client_of(timed_zoom, plan=plan)
    began = clock.time
    for number in range(count):
        create(client, f"p{number}@example.com")
    assert client.rate_limited == 0
    assert len(there(timed_zoom)) == count
    # And time is made use of.
    assert count / (clock.time - began) > 0.97 * PER_SECOND[plan]["light"]


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.7, 0.3), (0.2, 0.2)])
def test_shares_of_one_account_add_up(client_of: ClientOf, shares: tuple[float, float]) -> None:
    """Two workers, each with a time of its own, of which the one with the earlier slot calls."""
    clocks = [Clock() for _ in shares]
    turn = 0
    with running(SimulatorSettings(plan="pro"), clock=lambda: clocks[turn].time) as zoom:
        clients = [
            client_of(zoom, clock=clock, plan="pro", rate_share=share)
            for clock, share in zip(clocks, shares, strict=True)
        ]
        for number in range(150):
            slots = [client._limits.by_label["light"]._next for client in clients]
            turn = slots.index(min(slots))
            create(clients[turn], f"p{number}@example.com")
        assert len(there(zoom)) == 150
    assert [client.rate_limited for client in clients] == [0, 0]
    made = [client.calls for client in clients]
    assert made[0] == pytest.approx(150 * shares[0] / sum(shares), abs=2)
    assert 150 / (max(clock.time for clock in clocks) - 1_000) > 0.97 * 30 * sum(shares)


class Neighbour:
    """Another app on the account, which calls so often a second and heeds no refusal."""

    def __init__(self, zoom: Simulator, clock: Clock, rate: float) -> None:
        self._zoom, self._clock, self._gap = zoom, clock, 1 / rate
        self._next = clock.time
        self._sleep = clock.sleep

    def sleep(self, seconds: float) -> None:
        """Let time pass with their calls in it."""
        until = self._clock.time + seconds
        while self._next <= until:
            self._sleep(max(0.0, self._next - self._clock.time))
            with suppress(ApiError), self._zoom.world.lock:
                self._zoom.world.limits.admit("LIGHT", self._zoom.settings, self._next)
            self._next += self._gap
        self._sleep(max(0.0, until - self._clock.time))


def test_with_other_apps_on_the_account_every_user_is_created(
    timed_zoom: Simulator, client_of: ClientOf, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another app takes two thirds of the limit; our pace settles on what is left."""
    timed_zoom.configure(plan="pro")
    monkeypatch.setattr(clock, "sleep", Neighbour(timed_zoom, clock, 20).sleep)
    client = client_of(timed_zoom, plan="pro")
    began = clock.time
    for number in range(150):
        create(client, f"p{number}@example.com")
    assert len(there(timed_zoom)) == 150
    assert 1 <= client.rate_limited <= 20  # what was too much of the pace at the start
    # At the ten a second that are left it takes 15 seconds.
    assert clock.time - began < 25
