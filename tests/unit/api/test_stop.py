"""Once the stop is set, no wait goes on and nothing new is sent to Zoom."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

import pytest

from tests.unit.api.fakes import ClientOf, Clock
from tests.unit.api.newcomer import NEW, POST, create, there
from zoom_provider.api.auth import TokenCache
from zoom_provider.api.client import ZoomClient
from zoom_provider.api.rate_limit import ConcurrencyLimiter
from zoom_provider.api.settings import ZoomSettings
from zoom_provider.api.transport import StopSignal
from zoom_provider.exceptions import ZoomStoppedError
from zoom_provider.simulator.server import Simulator

LONG = 600.0
"""Seconds that no test waits for: a wait that does not end fails the test by ``joined``."""


def joined(*threads: threading.Thread) -> bool:
    for thread in threads:
        thread.join(20)
    return not any(thread.is_alive() for thread in threads)


def in_thread(work: Callable[[], object], found: list[object]) -> threading.Thread:
    def run() -> None:
        try:
            found.append(work())
        except ZoomStoppedError as error:
            found.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


# ---- the signal


def test_a_wait_ends_by_itself_where_the_signal_is_not_set() -> None:
    stop = StopSignal()
    assert stop.wait(0.001) is False
    assert stop.wait(0) is False
    assert stop.is_set() is False
    stop.raise_if_set()


def test_setting_the_signal_ends_every_wait_and_all_later_ones() -> None:
    stop, found = StopSignal(), list[object]()
    threads = [in_thread(lambda: stop.wait(LONG), found) for _ in range(20)]
    stop.set()
    assert joined(*threads)
    assert found == [True] * 20
    stop.set()
    assert [stop.wait(LONG), stop.wait(0), stop.is_set()] == [True] * 3
    with pytest.raises(ZoomStoppedError, match="nothing new is sent") as caught:
        stop.raise_if_set()
    assert caught.value.remedy == "retry"


@pytest.fixture
def alarm() -> Iterator[Callable[[StopSignal], None]]:
    """Set a stop inside a signal handler, at once and in this thread."""
    before = signal.getsignal(signal.SIGALRM)

    def arm(stop: StopSignal) -> None:
        def handler(number: int, frame: FrameType | None) -> None:
            stop.set()

        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.0001)

    yield arm
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_a_signal_handler_ends_the_wait_that_it_interrupts(
    alarm: Callable[[StopSignal], None],
) -> None:
    # Many rounds, so that the handler strikes in the middle of everything that wait() does.
    for _ in range(300):
        stop = StopSignal()
        alarm(stop)
        while not stop.wait(0.00001):
            pass
        assert stop.wait(LONG)


def test_a_signal_handler_ends_a_long_wait(alarm: Callable[[StopSignal], None]) -> None:
    stop = StopSignal()
    alarm(stop)
    assert stop.wait(LONG)


# ---- the waits of a client


class Trap(Clock):
    """Sets the stop in the middle of the wait of that number."""

    def __init__(self, stop: StopSignal, number: int = 1) -> None:
        super().__init__()
        self._stop = stop
        self._left = number

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self._left -= seconds >= 0.1
        if self._left <= 0:
            self._stop.set()


@pytest.fixture
def stop() -> StopSignal:
    return StopSignal()


@pytest.fixture
def trapped(stop: StopSignal, client_of: ClientOf, zoom: Simulator) -> ZoomClient:
    return client_of(zoom, clock=Trap(stop), stop=stop)


def requests_of(zoom: Simulator) -> list[str]:
    return [f"{entry['method']} {entry['path']}" for entry in zoom.requests()]


def test_nothing_is_sent_after_the_stop(zoom: Simulator, client: ZoomClient) -> None:
    client.stop.set()
    calls: list[Callable[[], object]] = [
        lambda: create(client),
        lambda: client.get_user(NEW),
        lambda: client.update_user(NEW, {"first_name": "N"}),
        lambda: next(client.list_users()),
        lambda: client.delete_user(NEW),
        client.count_users,
        client.check_connection,
        lambda: client.pause(0),
    ]
    for call in calls:
        with pytest.raises(ZoomStoppedError):
            call()
    assert requests_of(zoom) == []


def test_a_client_with_a_token_and_no_wait_sends_nothing_either(
    zoom: Simulator, client: ZoomClient
) -> None:
    client.auth.token()
    client.stop.set()
    with pytest.raises(ZoomStoppedError):
        create(client)
    assert requests_of(zoom) == ["POST /oauth/token"]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "429"},
        {"kind": "429", "limit": "concurrency"},
        {"kind": "cut_before", "on": "GET *"},
        {"kind": "status", "status": 503, "on": "GET *"},
    ],
    ids=["too fast", "too many at once", "no connection", "outage"],
)
def test_no_retry_after_the_stop(
    zoom: Simulator, client_of: ClientOf, stop: StopSignal, fault: dict[str, Any]
) -> None:
    zoom.fault(**{"on": "* /v2/*", **fault}, times=None)
    clock = Trap(stop)
    with pytest.raises(ZoomStoppedError):
        client_of(zoom, clock=clock, stop=stop).get_user(NEW)
    assert len(zoom.requests("* /v2/*")) == 1
    assert len(clock.pauses) == 1


def test_a_create_that_is_stopped_before_its_retry_has_created_no_user(
    zoom: Simulator, trapped: ZoomClient
) -> None:
    zoom.fault("429", on=POST, times=None)
    with pytest.raises(ZoomStoppedError):
        create(trapped)
    assert there(zoom) == []
    assert len(zoom.requests(POST)) == 1


def test_a_request_under_way_is_left_to_end(
    zoom: Simulator, client: ZoomClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = client._transport.session.send

    def send_and_stop(*args: Any, **options: Any) -> Any:
        if client.auth._cache._tokens:
            client.stop.set()
        return send(*args, **options)

    monkeypatch.setattr(client._transport.session, "send", send_and_stop)
    assert create(client)["email"] == NEW
    assert there(zoom) == [NEW]


def test_the_wait_for_the_pace_ends(zoom: Simulator, client_of: ClientOf, stop: StopSignal) -> None:
    client = client_of(zoom, clock=Trap(stop), stop=stop, plan="free")
    zoom.seed(NEW)
    client.get_user(NEW)
    assert not stop.is_set()
    with pytest.raises(ZoomStoppedError):
        client.get_user(NEW)  # a quarter of a second later, by the plan
    assert len(zoom.requests("* /v2/*")) == 1


def test_the_wait_for_a_place_among_the_calls_at_once_ends(clock: Clock) -> None:
    stop, found = StopSignal(), list[object]()
    limiter = ConcurrencyLimiter(1, clock)
    with limiter.slot():
        thread = in_thread(lambda: limiter.acquire(stop.raise_if_set), found)
        stop.set()
        assert joined(thread)
    assert [type(error) for error in found] == [ZoomStoppedError]
    with limiter.slot():
        pass


def test_a_long_wait_ends_in_real_time_too(
    zoom: Simulator, client_of: ClientOf, stop: StopSignal
) -> None:
    found: list[object] = []
    client = client_of(zoom, stop=stop)
    client._transport.sleep = None
    thread = in_thread(lambda: client.pause(LONG), found)
    stop.set()
    assert joined(thread)
    assert [type(error) for error in found] == [ZoomStoppedError]


# ---- tokens


def test_the_retries_of_a_token_request_end(zoom: Simulator, trapped: ZoomClient) -> None:
    zoom.fault("status", status=503, on="POST /oauth/token", times=None)
    with pytest.raises(ZoomStoppedError):
        trapped.get_user(NEW)
    assert requests_of(zoom) == ["POST /oauth/token"]


def test_the_wait_for_another_calls_token_ends(
    zoom: Simulator, client_of: ClientOf, stop: StopSignal
) -> None:
    asked, answer = threading.Event(), threading.Event()
    found: list[object] = []
    zoom.seed(NEW)
    cache = TokenCache()
    holder, waiter = client_of(zoom, tokens=cache), client_of(zoom, tokens=cache, stop=stop)
    ask = holder.auth._request_token

    def hold(form: Mapping[str, str], max_wait: float) -> dict[str, Any]:
        asked.set()
        assert answer.wait(20)
        return ask(form, max_wait)

    holder.auth._request_token = hold
    first = in_thread(lambda: holder.get_user(NEW)["email"], found)
    assert asked.wait(20)
    second = in_thread(lambda: waiter.get_user(NEW), found)
    stop.set()
    assert joined(second)
    answer.set()
    assert joined(first)
    assert [getattr(it, "remedy", it) for it in found] == ["retry", NEW]


def test_the_stop_of_one_client_is_not_another_ones_error(
    zoom: Simulator, client_of: ClientOf, stop: StopSignal
) -> None:
    """Two tasks in one process share their tokens; one of them is stopped while it asks."""
    asked = threading.Event()
    found: list[object] = []
    zoom.seed(NEW)
    cache = TokenCache()
    stopped, other = client_of(zoom, tokens=cache, stop=stop), client_of(zoom, tokens=cache)

    def hold(form: Mapping[str, str], max_wait: float) -> dict[str, Any]:
        asked.set()
        assert stop.wait(20)
        raise ZoomStoppedError("stopped")

    stopped.auth._request_token = hold
    first = in_thread(lambda: stopped.get_user(NEW), found)
    assert asked.wait(20)
    second = in_thread(lambda: other.get_user(NEW)["email"], found)
    stop.set()
    assert joined(first, second)
    assert sorted(str(getattr(it, "remedy", it)) for it in found) == [NEW, "retry"]


class Shelf:
    """A store of tokens that fails so many times."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.saved: dict[str, Any] = {}

    def load(self, key: str) -> Mapping[str, Any] | None:
        return self.saved.get(key)

    def save(self, key: str, tokens: Mapping[str, Any]) -> None:
        self.failures -= 1
        if self.failures >= 0:
            raise ConnectionError("the API server is away")
        self.saved[key] = dict(tokens)


def granted(zoom: Simulator, stop: StopSignal, shelf: Shelf) -> ZoomClient:
    clock = Trap(stop)
    settings = ZoomSettings(
        client_id=zoom.settings.client_id,
        client_secret=zoom.settings.client_secret,
        grant_type="refresh_token",
        refresh_token=zoom.settings.refresh_token,
        origin=zoom.url,
        token_url=f"{zoom.url}/oauth/token",
    )
    return ZoomClient(
        settings, tokens=TokenCache(), store=shelf, clock=clock, sleep=clock.sleep, stop=stop
    )


def test_a_stop_does_not_lose_the_next_refresh_token(zoom: Simulator, stop: StopSignal) -> None:
    shelf = Shelf(failures=2)
    with pytest.raises(ZoomStoppedError):
        granted(zoom, stop, shelf).get_user(NEW)
    assert len(shelf.saved) == 1
    assert requests_of(zoom) == ["POST /oauth/token"]


def test_the_look_for_another_workers_token_ends(zoom: Simulator, stop: StopSignal) -> None:
    granted(zoom, StopSignal(), Shelf()).auth.token()  # spends the refresh token elsewhere
    with pytest.raises(ZoomStoppedError):
        granted(zoom, stop, Shelf()).auth.token()


# ---- listing


def test_a_listing_ends_between_two_pages(zoom: Simulator, client: ZoomClient) -> None:
    zoom.seed(*(f"p{number}@example.com" for number in range(700)))
    pages = client.list_user_pages("active")
    assert len(next(pages)[0]) == 300
    client.stop.set()
    with pytest.raises(ZoomStoppedError):
        next(pages)
    assert len(zoom.requests("GET /v2/users")) == 1
