"""When no token is to be had: one request, one patience, and one error for all who wait."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.api.fakes import ClientOf, Clock
from zoom_provider.api.auth import TokenCache, ZoomAuth
from zoom_provider.api.client import ZoomClient
from zoom_provider.api.settings import ZoomSettings
from zoom_provider.api.transport import StopSignal
from zoom_provider.exceptions import ZoomAuthError, ZoomError, ZoomUnavailableError
from zoom_provider.simulator.server import Simulator

ANN = "ann@example.com"
TOKEN = "POST /oauth/token"
CALLERS = 41


@pytest.fixture(autouse=True)
def _ann(zoom: Simulator) -> None:
    zoom.seed(ANN)


class Roll(StopSignal):
    """Notes which threads have asked whether to stop: who waits for a token does so first there."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[int] = set()
        self._grown = threading.Condition()

    def raise_if_set(self) -> None:
        """Note the thread."""
        with self._grown:
            self.seen.add(threading.get_ident())
            self._grown.notify_all()
        super().raise_if_set()

    def gather(self, count: int) -> None:
        """Wait until so many threads were noted."""
        with self._grown:
            assert self._grown.wait_for(lambda: len(self.seen) >= count, 30)


class Gathering(Clock):
    """The first wait lasts until all the others wait as well."""

    def __init__(self, roll: Roll) -> None:
        super().__init__()
        self._roll = roll

    def sleep(self, seconds: float) -> None:
        """Let time pass once all are there."""
        self._roll.gather(CALLERS)
        super().sleep(seconds)


def all_call(client: ZoomClient) -> list[object]:
    found: list[object] = []

    def call() -> None:
        try:
            found.append(client.get_user(ANN)["email"])
        except ZoomError as error:
            found.append(error)

    threads = [threading.Thread(target=call, daemon=True) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    return found


@pytest.mark.parametrize(
    ("fault", "requests"),
    [
        ({"kind": "cut_before"}, 5),
        ({"kind": "slow", "seconds": 60.0, "acted": False}, 5),
        ({"kind": "status", "status": 503}, 5),
    ],
    ids=["no connection", "hangs", "outage"],
)
def test_many_callers_wait_for_one_failing_token_request(
    zoom: Simulator, client_of: ClientOf, fault: dict[str, Any], requests: int
) -> None:
    roll = Roll()
    clock = Gathering(roll)
    client = client_of(zoom, clock=clock, stop=roll, timeout=0.2)
    zoom.fault(**fault, on=TOKEN, times=None)
    began = clock.time

    found = all_call(client)

    assert [type(error) for error in found] == [ZoomUnavailableError] * CALLERS
    assert len({id(error) for error in found}) == CALLERS  # each may be given its own user
    assert {str(error) for error in found} == {str(found[0])}
    assert len(zoom.requests(TOKEN)) == requests
    assert zoom.requests("* /v2/*") == []
    # One caller's back-off: 1 + 2 + 4 + 8 seconds at most.
    assert 5 < clock.time - began <= 15


def test_the_next_call_after_a_failure_asks_again(zoom: Simulator, client: ZoomClient) -> None:
    zoom.fault("status", status=503, on=TOKEN, times=5)
    with pytest.raises(ZoomUnavailableError):
        client.get_user(ANN)
    assert client.get_user(ANN)["email"] == ANN


def test_many_callers_share_a_token_that_comes_late(zoom: Simulator, client_of: ClientOf) -> None:
    roll = Roll()
    client = client_of(zoom, clock=Gathering(roll), stop=roll)
    zoom.fault("status", status=503, on=TOKEN, times=2)
    assert all_call(client) == [ANN] * CALLERS
    assert len(zoom.requests(TOKEN)) == 3


class Scripted:
    """Two callers of one cache: the first holds its request until the second one waits for it."""

    def __init__(self, error: ZoomError, clock: Clock) -> None:
        self.cache, self.clock = TokenCache(), clock
        self.asking, self.go_on = threading.Event(), threading.Event()
        self.error = error
        self.asked: list[float] = []

    def ask(self, form: Mapping[str, str], max_wait: float) -> dict[str, Any]:
        """Fail once, then give a token."""
        self.asked.append(max_wait)
        if len(self.asked) > 1:
            return {"access_token": "t"}
        self.asking.set()
        assert self.go_on.wait(30)
        raise self.error

    def second(self, first_max_wait: float, max_wait: float, skip: float = 0.0) -> object:
        """Return what the second caller comes to, when the first one's request has failed."""
        roll = Roll()
        settings = ZoomSettings(timeout=30.0, connect_timeout=5.0)
        first, second = (
            ZoomAuth(settings, self.ask, cache=self.cache, clock=self.clock, stop=stop)
            for stop in (StopSignal(), roll)
        )
        found: list[object] = []

        def call(auth: ZoomAuth, max_wait: float) -> None:
            try:
                found.append(auth.token(max_wait).value)
            except ZoomError as error:
                found.append(error)

        leader = threading.Thread(target=call, args=(first, first_max_wait), daemon=True)
        leader.start()
        assert self.asking.wait(30)
        waiter = threading.Thread(target=call, args=(second, max_wait), daemon=True)
        waiter.start()
        roll.gather(1)
        self.clock.travel(skip)
        if skip:
            waiter.join(30)
        self.go_on.set()
        leader.join(30)
        waiter.join(30)
        if not skip:
            found.remove(self.error)
        return found[0]


@pytest.mark.parametrize("remedy", ["retry", "fail"])
@pytest.mark.parametrize("max_wait", [(300.0, 300.0), (290.0, 300.0), (300.0, 0.0)])
def test_a_shared_failure_is_an_error_of_its_own_for_each_caller(
    clock: Clock, remedy: Any, max_wait: tuple[float, float]
) -> None:
    script = Scripted(ZoomUnavailableError("away", status=503, remedy=remedy), clock)
    error = script.second(*max_wait)
    assert isinstance(error, ZoomUnavailableError)
    assert error is not script.error
    assert (str(error), error.status, error.remedy) == (str(script.error), 503, remedy)
    assert len(script.asked) == 1


def test_a_hasty_callers_failure_does_not_end_a_patient_callers_wait(clock: Clock) -> None:
    # A look-up that is made once and waits for nothing, beside a create that may take minutes.
    script = Scripted(ZoomUnavailableError("away"), clock)
    assert script.second(0.0, 300.0) == "t"
    assert script.asked == [0.0, 300.0]


def test_a_hasty_callers_refusal_is_a_refusal_for_all(clock: Clock) -> None:
    script = Scripted(ZoomAuthError("wrong secret"), clock)
    assert isinstance(script.second(0.0, 300.0), ZoomAuthError)
    assert len(script.asked) == 1


def test_the_wait_for_another_callers_request_ends_with_max_wait(clock: Clock) -> None:
    script = Scripted(ZoomUnavailableError("away"), clock)
    error = script.second(300.0, 20.0, skip=20.0 + 35.0)
    assert isinstance(error, ZoomUnavailableError)
    assert "within max_wait" in str(error)


@pytest.mark.parametrize(("max_wait", "calls"), [(60.0, 2), (15.0, 1)])
def test_max_wait_bounds_the_token_request_and_the_call_together(
    zoom: Simulator,
    client_of: ClientOf,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    max_wait: float,
    calls: int,
) -> None:
    monkeypatch.setattr("random.random", lambda: 0.999)
    client = client_of(zoom, max_wait=max_wait)
    zoom.fault("status", status=503, on=TOKEN, times=4)  # takes 15 seconds of the call's time
    zoom.fault("status", status=503, on="GET *", times=1)
    if calls == 2:
        assert client.get_user(ANN)["email"] == ANN
    else:
        with pytest.raises(ZoomUnavailableError):
            client.get_user(ANN)
    assert len(zoom.requests("GET *")) == calls
    assert sum(clock.pauses) <= max_wait


def test_a_failing_token_request_leaves_the_call_no_more_than_max_wait(
    zoom: Simulator, client_of: ClientOf, clock: Clock
) -> None:
    zoom.fault("429", on=TOKEN, times=None)
    client = client_of(zoom, max_wait=40.0)
    with pytest.raises(ZoomError, match="for an access token"):
        client.get_user(ANN)
    assert sum(clock.pauses) <= 40.0


def test_a_token_request_in_the_middle_of_a_call_gets_what_is_left_of_its_time(
    zoom: Simulator, client_of: ClientOf, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.random", lambda: 0.999)
    client = client_of(zoom, max_wait=40.0)
    client.auth.token()
    zoom.fault("status", status=503, on="GET *", times=4)  # takes 15 seconds
    zoom.fault("revoke_token", on="GET *")
    zoom.fault("429", on=TOKEN, times=None)
    with pytest.raises(ZoomError, match="for an access token"):
        client.get_user(ANN)
    assert 20 < sum(clock.pauses) <= 40.0
